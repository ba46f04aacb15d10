//! What a request may have, without a proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::forge::Need;
use crate::remote::Realm;
use crate::tool::client::PLACEHOLDER;
use crate::wallet::Note;
use crate::wallet::tests::fixture::TestWallet;

use super::gate::{Answer, Grant, Grants};
use super::places::{Wanted, hosts};

const NPM: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/npm/registry";

fn wallet() -> TestWallet {
    let wallet = TestWallet::new();
    wallet.add("https://dev.azure.com/contoso", None, "contosos-token");
    wallet.add("https://dev.azure.com/fabrikam", None, "fabrikams-token");
    wallet.add("https://gitlab.com", None, "glpat-0123456789abcdefghij");
    wallet.add("https://github.com", None, "ghp_token");
    wallet.add("https://feed.example.test/ours", Some("bob"), "bobs-token");
    wallet
}

fn grants(all: &[(&str, Need, &[&str])], write: bool) -> Grants {
    let grant = |(realm, need, origins): &(&str, Need, &[&str])| {
        let realm = Realm::from_text(realm).unwrap();
        let mut all = hosts(&realm, *need);
        all.extend(origins.iter().map(|origin| (*origin).to_owned()));
        Grant { realm, need: *need, origins: all }
    };
    Grants { all: all.iter().map(grant).collect(), write, account: None, tool: "npm" }
}

/// What becomes of a request, in one line: the header, `-`, or `refused`.
fn asked(wallet: &TestWallet, grants: &Grants, method: &str, url: &str, shown: Option<&str>) -> String {
    let answer = wallet.with(|wallet| grants.decide(wallet, method, url, shown.map(str::as_bytes))).unwrap();
    match answer {
        Answer::PassOn => "-".to_owned(),
        Answer::Refuse(sentence) => {
            assert!(sentence.contains("keyfob run --write -- COMMAND"), "{sentence}");
            "refused".to_owned()
        }
        Answer::Login(login) => {
            let value = String::from_utf8(login.value.to_vec()).unwrap();
            let pair = value.strip_prefix("Basic ").map(|pair| BASE64.decode(pair).unwrap());
            let value =
                pair.map_or(value.clone(), |pair| format!("Basic {}", String::from_utf8(pair).unwrap()));
            format!("{}: {value}", login.name)
        }
    }
}

#[test]
fn a_login_goes_to_the_granted_realms_packages_alone() {
    let wallet = wallet();
    let grants = grants(
        &[
            ("azure-devops/contoso", Need::Packages, &[]),
            ("gitlab/gitlab.com", Need::Packages, &[]),
            ("github/github.com", Need::Packages, &[]),
            ("generic/https://feed.example.test/ours", Need::Packages, &["https://feed.example.test"]),
        ],
        false,
    );
    let contoso = "Authorization: Basic contoso:contosos-token";
    let gitlab = "glpat-0123456789abcdefghij";
    for (url, answer) in [
        (NPM, contoso),
        ("https://contoso.pkgs.visualstudio.com/_packaging/feed/npm/registry/x", contoso),
        ("https://pkgs.dev.azure.com/Contoso/p/_packaging/feed/pypi/simple/", contoso),
        ("https://pkgs.dev.azure.com:443/contoso/_packaging/feed/x", contoso),
        // A slash too many is no other place.
        ("https://pkgs.dev.azure.com/contoso//_packaging/feed/npm/registry/x", contoso),
        ("https://pkgs.dev.azure.com//fabrikam/_packaging/feed/npm/registry/x", "-"),
        // Another organisation of the wallet, which was not granted.
        ("https://pkgs.dev.azure.com/fabrikam/_packaging/feed/npm/registry", "-"),
        ("https://fabrikam.pkgs.visualstudio.com/_packaging/feed/npm/registry", "-"),
        // Other things than packages.
        ("https://dev.azure.com/contoso/_apis/projects", "-"),
        ("https://contoso.visualstudio.com/_apis/projects", "-"),
        ("https://dev.azure.com/contoso/p/_git/r/info/refs?service=git-upload-pack", "-"),
        // Other ports, schemes, storage, look-alikes, odd paths.
        ("https://pkgs.dev.azure.com:8443/contoso/_packaging/feed/npm/registry", "-"),
        ("http://pkgs.dev.azure.com/contoso/_packaging/feed/npm/registry", "-"),
        ("https://x1.blob.core.windows.net/contoso/x", "-"),
        ("https://pkgs.dev.azure.com.evil.test/contoso/_packaging/feed/npm/registry", "-"),
        ("https://pkgs.dev.azure.com/fabrikam/..%2fcontoso/_packaging/feed", "-"),
        ("https://pkgs.dev.azure.com/fabrikam/../contoso/_packaging/feed", "-"),
        ("https://pkgs.dev.azure.com/fabrikam/%2E./contoso/_packaging/feed", "-"),
        ("https://pkgs.dev.azure.com/contoso/./_packaging/feed", "-"),
        ("https://pkgs.dev.azure.com/fabrikam%5c..%5ccontoso/_packaging/feed", "-"),
        ("https://pkgs.dev.azure.com/contoso/_packaging/feed/a..b/x", contoso),
        ("https://pkgs.dev.azure.com/contoso%2f..%2ffabrikam/_packaging/feed", "-"),
        ("https://pkgs.dev.azure.com\\contoso", "-"),
        // How each forge wants it.
        ("https://gitlab.com/api/v4/packages/npm/@a%2fb", &format!("Authorization: Bearer {gitlab}")),
        (
            "https://gitlab.com/api/v4/projects/1/packages/npm/@a%2fb",
            &format!("Authorization: Bearer {gitlab}"),
        ),
        (
            "https://gitlab.com/api/v4/projects/g%2Fp/packages/pypi/simple",
            &format!("PRIVATE-TOKEN: {gitlab}"),
        ),
        (
            "https://gitlab.com/api/v4/group/1/-/packages/composer/packages.json",
            &format!("PRIVATE-TOKEN: {gitlab}"),
        ),
        (
            "https://gitlab.com/jwt/auth?service=container_registry",
            &format!("Authorization: Basic oauth2:{gitlab}"),
        ),
        (
            "https://registry.gitlab.com/v2/g/p/manifests/latest",
            &format!("Authorization: Basic oauth2:{gitlab}"),
        ),
        ("https://gitlab.com/api/v4/user", "-"),
        ("https://gitlab.com/api/v4/projects/1/repository/files/packages/raw", "-"),
        ("https://gitlab.com/g/packages/npm", "-"),
        ("https://npm.pkg.github.com/@a%2fb", "Authorization: Bearer ghp_token"),
        ("https://maven.pkg.github.com/a/b/c.pom", "Authorization: Basic x-access-token:ghp_token"),
        ("https://ghcr.io/v2/a/b/manifests/latest", "Authorization: Basic x-access-token:ghp_token"),
        ("https://api.github.com/user", "-"),
        ("https://github.com/a/b/info/refs?service=git-upload-pack", "-"),
        ("https://feed.example.test/ours/x.tgz", "Authorization: Basic bob:bobs-token"),
        ("https://feed.example.test/theirs/x.tgz", "-"),
        ("https://feed.example.test/oursx", "-"),
    ] {
        assert_eq!(asked(&wallet, &grants, "GET", url, None), answer, "{url}");
    }
}

#[test]
fn nothing_is_changed_unless_that_was_granted() {
    let wallet = wallet();
    let with = |write| grants(&[("azure-devops/contoso", Need::Packages, &[])], write);
    for (method, url, reads) in [
        ("GET", NPM, true),
        ("HEAD", NPM, true),
        ("PUT", NPM, false),
        ("POST", NPM, false),
        ("DELETE", NPM, false),
        ("PATCH", NPM, false),
        ("get", NPM, false),
        ("PROPFIND", NPM, false),
        ("POST", &format!("{NPM}/-/npm/v1/security/advisories/bulk"), true),
        ("POST", &format!("{NPM}/-/npm/v1/security/audits/quick"), true),
        ("PUT", &format!("{NPM}/-/npm/v1/security/audits/quick"), false),
        ("POST", &format!("{NPM}/x/git-upload-pack"), false),
    ] {
        let got = |write| asked(&wallet, &with(write), method, url, None);
        assert_eq!(got(false) != "refused", reads, "{method} {url}");
        assert!(got(true).contains("contosos-token"), "{method} {url}");
        // What gets no login is the service's to refuse.
        assert_eq!(asked(&wallet, &with(false), method, "https://pkgs.dev.azure.com/fabrikam/x", None), "-");
    }
}

#[test]
fn repositories_are_served_if_that_was_granted_and_pushes_if_writing_was() {
    let wallet = wallet();
    let git = |write| grants(&[("azure-devops/contoso", Need::Code, &[])], write);
    let repository = "https://dev.azure.com/contoso/p/_git/r";
    for (method, path, reads) in [
        ("GET", "/info/refs?service=git-upload-pack", true),
        ("POST", "/git-upload-pack", true),
        ("GET", "/info/refs?service=git-receive-pack", false),
        ("GET", "/info/refs?x=1&service=git%2dreceive-pack", false),
        ("POST", "/git-receive-pack", false),
        ("POST", "/info/lfs/objects/batch", true),
        ("GET", "/info/lfs/objects/0123", true),
        ("PUT", "/info/lfs/objects/0123", false),
        ("POST", "/info/lfs/locks", false),
    ] {
        let url = format!("{repository}{path}");
        assert_eq!(asked(&wallet, &git(false), method, &url, None) != "refused", reads, "{method} {path}");
        assert!(asked(&wallet, &git(true), method, &url, None).contains("contosos-token"), "{method} {path}");
    }
    for other in ["https://dev.azure.com/contoso/_apis/projects", NPM, repository] {
        assert_eq!(asked(&wallet, &git(true), "GET", other, None), "-", "{other}");
    }
    let any = grants(&[("azure-devops/contoso", Need::Anything, &[])], false);
    let rest = "https://dev.azure.com/contoso/_apis/projects";
    assert!(asked(&wallet, &any, "GET", rest, None).contains("contosos-token"));
    assert_eq!(asked(&wallet, &any, "POST", rest, None), "refused");
    assert_eq!(asked(&wallet, &any, "GET", "https://dev.azure.com/fabrikam/_apis/projects", None), "-");
}

#[test]
fn a_clients_own_login_stays_and_a_placeholder_does_not() {
    let wallet = wallet();
    let grants = grants(&[("azure-devops/contoso", Need::Packages, &[])], true);
    let basic = |pair: &str| format!("Basic {}", BASE64.encode(pair));
    for own in [basic("me:mine"), "Bearer mine".to_owned(), "mine".to_owned()] {
        assert_eq!(asked(&wallet, &grants, "PUT", NPM, Some(&own)), "-", "{own}");
    }
    for void in [
        basic(&format!("any:{PLACEHOLDER}")),
        format!("Bearer {PLACEHOLDER}"),
        "Bearer ${NPM_TOKEN}".to_owned(),
    ] {
        assert!(asked(&wallet, &grants, "PUT", NPM, Some(&void)).contains("contosos-token"), "{void}");
    }
}

#[test]
fn a_refusal_counts_for_the_account_that_was_used_and_is_news_once() {
    let wallet = wallet();
    let grants = grants(&[("azure-devops/contoso", Need::Packages, &[])], false);
    let refused = |wallet: &TestWallet| {
        let answer = wallet.with(|wallet| grants.decide(wallet, "GET", NPM, None)).unwrap();
        let Answer::Login(login) = answer else { return None };
        wallet.with(|wallet| login.given.was_refused(wallet)).unwrap()
    };
    let note = refused(&wallet).expect("it is news");
    assert!(matches!(&note, Note::Refused { set_aside: false, .. }), "{note:?}");
    // For a minute it is withheld; then it has a second chance, and is set aside.
    assert_eq!(asked(&wallet, &grants, "GET", NPM, None), "-");
    wallet.wait(61);
    assert!(matches!(refused(&wallet), Some(Note::Refused { set_aside: true, .. })));
    wallet.wait(1000);
    assert_eq!(asked(&wallet, &grants, "GET", NPM, None), "-");
    // For git it is as good as before.
    let git = super::gate::Grants {
        tool: "git",
        ..self::grants(&[("azure-devops/contoso", Need::Code, &[])], false)
    };
    let fetch = "https://dev.azure.com/contoso/p/_git/r/info/refs?service=git-upload-pack";
    assert!(asked(&wallet, &git, "GET", fetch, None).contains("contosos-token"));
}

#[test]
fn a_place_says_what_it_is_for() {
    let read = |text: &str| Wanted::read(text, Need::Packages);
    for text in [
        "https://h.test/a=b",
        "https://h.test",
        "any=https://h.test",
        "git=https://h.test",
        "packages=https://h.test",
    ] {
        assert!(read(text).is_ok(), "{text}");
    }
    assert_ne!(read("git=https://h.test").unwrap(), read("https://h.test").unwrap());
    assert_eq!(read("packages=https://h.test").unwrap(), read("https://h.test").unwrap());
    for text in ["feed=https://h.test", "=https://h.test"] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn the_hosts_of_a_realm_are_those_of_its_packages_unless_more_is_granted() {
    let hosts = |realm: &str, need| hosts(&Realm::from_text(realm).unwrap(), need);
    assert_eq!(
        hosts("azure-devops/contoso", Need::Packages),
        ["https://contoso.pkgs.visualstudio.com", "https://pkgs.dev.azure.com"]
    );
    let code = hosts("azure-devops/contoso", Need::Code);
    assert!(code.contains(&"https://dev.azure.com".to_owned()), "{code:?}");
    assert!(!code.contains(&"https://pkgs.dev.azure.com".to_owned()), "{code:?}");
    assert!(hosts("azure-devops/contoso", Need::Anything).len() > 2);
    assert!(hosts("gitlab/gitlab.com", Need::Packages).contains(&"https://gitlab.com".to_owned()));
    assert!(hosts("bitbucket/bitbucket.org", Need::Packages).is_empty());
    assert!(hosts("generic/https://h.test", Need::Packages).is_empty());
}
