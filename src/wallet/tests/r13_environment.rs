//! R13: tokens of the environment.

use super::fixture::{TestWallet, on};
use crate::forge::{Need, azure, generic};
use crate::wallet::{Stored, manage};

fn with(url: &str, token: &str) -> TestWallet {
    let test = TestWallet::new();
    test.set_environment(&[("KEYFOB_URL", url), ("KEYFOB_TOKEN", token)]);
    test
}

#[test]
fn it_is_bound_to_the_realm_of_its_url() {
    let test = with("https://contoso.visualstudio.com/DefaultCollection", "E");
    assert_eq!(test.get("https://contoso@dev.azure.com"), "contoso:E");
    assert_eq!(test.get("https://pkgs.dev.azure.com/contoso"), "contoso:E");
    for url in [
        "https://dev.azure.com/fabrikam",
        "https://dev.azure.com",
        "https://github.com",
        "https://evil.example/contoso",
        "https://dev.azure.com:8443/contoso",
        "http://dev.azure.com/contoso",
    ] {
        assert!(!test.get(url).contains(":E"), "{url}");
    }
    let test = with("https://srv.example/tfs/One/", "E");
    assert_eq!(test.get("https://srv.example/TFS/one/p/_git/r"), "pat:E");
    for url in
        ["https://srv.example/tfs/Two", "https://srv.example:8443/tfs/One", "http://srv.example/tfs/One"]
    {
        assert_eq!(test.get(url), "NotOurs", "{url}");
    }
}

#[test]
fn two_for_one_realm_are_ambiguous_and_two_equal_ones_are_one() {
    let test = TestWallet::new();
    let set = |second: &str| {
        test.set_environment(&[
            ("KEYFOB_URL", "https://dev.azure.com/contoso"),
            ("KEYFOB_TOKEN", "E"),
            ("SYSTEM_ACCESSTOKEN", second),
            ("SYSTEM_COLLECTIONURI", "https://contoso.visualstudio.com/"),
        ]);
    };
    set("other");
    assert_eq!(test.get("https://dev.azure.com/contoso"), "Ambiguous");
    set("E");
    assert_eq!(test.get("https://dev.azure.com/contoso"), "contoso:E");
}

#[test]
fn a_feed_token_is_for_packages_only() {
    let test = TestWallet::new();
    let feeds = r#"{"endpointCredentials":[{"endpoint":"https://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json","password":"E"}]}"#;
    test.set_environment(&[("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", feeds)]);
    assert_eq!(test.get("https://dev.azure.com/contoso"), "NoAccount");
    assert_eq!(test.get_for(Need::Packages, "https://dev.azure.com/contoso"), "contoso:E");
}

#[test]
fn a_store_of_an_equal_token_writes_nothing_and_an_erase_does_nothing() {
    let test = with("https://dev.azure.com/contoso", "E");
    assert_eq!(test.store("https://contoso@dev.azure.com", "E"), Stored::Unchanged);
    assert_eq!(test.erase("https://contoso@dev.azure.com", "E"), 0);
    assert!(test.files().is_empty() && test.memory.calls() == 0);
    assert_eq!(test.get("https://dev.azure.com/contoso"), "contoso:E");
    test.store("https://bob@dev.azure.com/contoso", "T");
    assert_eq!(test.memory.len(), 1, "another token is kept as ever");
}

#[test]
fn a_name_with_a_line_break_is_never_handed_out() {
    let test = TestWallet::new();
    let tokens = "[{\"url\":\"https://github.com\",\"token\":\"E\",\"username\":\"a\\nhost=evil\"}]";
    test.set_environment(&[("KEYFOB_TOKENS", tokens)]);
    assert!(!test.get("https://github.com").contains("evil"));
}

#[test]
fn a_request_without_a_path_gets_a_collections_token_if_it_is_the_only_one() {
    let test = with("https://srv.example/tfs/One", "E");
    assert_eq!(test.get("https://srv.example"), "pat:E");
    test.add_as("https://srv.example/tfs/One", "T", on(&azure::server::FORGE, None)).unwrap();
    assert_eq!(test.get("https://srv.example"), "pat:E", "the same collection");
    test.add_as("https://srv.example/tfs/Two", "T", on(&azure::server::FORGE, None)).unwrap();
    assert_eq!(test.get("https://srv.example"), "Ambiguous");
    assert_eq!(test.get("https://srv.example/tfs/One/x"), "pat:E");
    assert_eq!(test.get("https://srv.example/tfs/Two/x"), "pat:T");
}

#[test]
fn it_wins_over_stored_ones_unless_a_user_name_picks_a_stored_account() {
    let test = with("https://dev.azure.com/contoso", "E");
    test.add("https://dev.azure.com/contoso", Some("alice"), "T");
    for (user, expected) in [
        ("", "contoso:E"),
        ("contoso@", "contoso:E"),
        ("pat@", "pat:E"),
        ("bob@", "bob:E"),
        ("alice@", "alice:T"),
        ("Alice@", "Alice:T"),
    ] {
        assert_eq!(test.get(&format!("https://{user}dev.azure.com/contoso")), expected, "{user}");
    }
}

#[test]
fn check_asks_about_it_where_list_shows_it() {
    for (url, realm, asked) in [
        ("https://dev.azure.com/contoso", "azure-devops/contoso", Some("https://dev.azure.com/contoso/")),
        (
            "https://tfs.example/tfs/One/App/_git/app",
            "azure-devops-server/https://tfs.example/tfs/one",
            Some("https://tfs.example/tfs/One/"),
        ),
        ("https://gitlab.example", "gitlab/https://gitlab.example", Some("https://gitlab.example/api/")),
        ("https://git.example", "generic/https://git.example", None),
    ] {
        let test = with(url, "E");
        let listed: Vec<String> = test.entries();
        assert!(listed.iter().any(|entry| entry.contains(realm)), "{listed:?}");
        let subjects = test.with(|wallet| manage::verify::subjects(wallet, None, None)).unwrap();
        let [subject] = subjects.as_slice() else { panic!("{url}: {}", subjects.len()) };
        assert_eq!(subject.realm, realm);
        let request = subject.question.as_ref().unwrap().request.as_ref();
        let at = request.map(|request| request.url.as_str());
        assert_eq!(at.is_some(), asked.is_some(), "{at:?}");
        assert!(at.zip(asked).is_none_or(|(at, asked)| at.starts_with(asked)), "{at:?}");
    }
}

#[test]
fn on_a_generic_host_the_user_name_counts() {
    let test = TestWallet::new();
    test.set_environment(&[
        ("KEYFOB_URL", "https://git.example"),
        ("KEYFOB_USERNAME", "alice"),
        ("KEYFOB_TOKEN", "E"),
    ]);
    assert_eq!(test.get("https://git.example/x"), "alice:E");
    assert_eq!(test.get("https://alice@git.example"), "alice:E");
    assert_eq!(test.get("https://bob@git.example"), "NotOurs");
    test.add_as("https://git.example", "T", on(&generic::FORGE, Some("bob"))).unwrap();
    assert_eq!(test.get("https://bob@git.example"), "bob:T");
}

#[test]
fn the_longest_prefix_wins_among_them() {
    let test = TestWallet::new();
    let tokens = r#"[{"url":"https://srv.example/tfs","token":"E1"},{"url":"https://srv.example/tfs/One","token":"E2"}]"#;
    test.set_environment(&[("KEYFOB_TOKENS", tokens)]);
    assert_eq!(test.get("https://srv.example/tfs/One/p/_git/r"), "pat:E2");
    assert_eq!(test.get("https://srv.example/tfs/Two/p/_git/r"), "pat:E1");
    assert_eq!(test.get("https://srv.example"), "Ambiguous");
}

#[test]
fn the_user_name_follows_the_same_rule_as_that_of_a_stored_token() {
    let test = with("https://bitbucket.org", "ATCTT3x");
    assert_eq!(test.get("https://alice@bitbucket.org/team/repo"), "x-token-auth:ATCTT3x");
    let test = with("https://github.com", "E");
    assert_eq!(test.get("https://@github.com"), "x-access-token:E");
}
