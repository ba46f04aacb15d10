//! `keyfob token`: each form to the byte.

use super::{CONTOSO, ends, holding, json, keys, run};
use crate::support::scene::Scene;

#[test]
fn each_form_is_exact() {
    let scene = holding(&[("https://dev.azure.com/contoso --account alice", "s3cret-1")]);
    // Base64 of alice:s3cret-1.
    for (form, bytes) in [
        ("token", "s3cret-1\n"),
        ("basic", "YWxpY2U6czNjcmV0LTE=\n"),
        ("header", "Authorization: Basic YWxpY2U6czNjcmV0LTE=\n"),
        ("netrc", "machine dev.azure.com\nlogin alice\npassword s3cret-1\n"),
        ("curl", "header = \"Authorization: Basic YWxpY2U6czNjcmV0LTE=\"\n"),
    ] {
        let output = run(&scene, &format!("token {CONTOSO} --as {form}")).succeeds();
        assert_eq!((output.stdout(), output.stderr()), (bytes, ""), "{form}");
    }
    let shown = json(&run(&scene, &format!("token {CONTOSO} --as json")).succeeds());
    assert_eq!(keys(&shown), ["account", "expires", "realm", "scheme", "token", "url", "username"]);
    let facts =
        ["realm", "account", "url", "username", "token", "scheme"].map(|key| shown[key].as_str().unwrap());
    assert_eq!(facts, ["azure-devops/contoso", "alice", CONTOSO, "alice", "s3cret-1", "basic"]);
}

#[test]
fn a_token_that_must_be_a_bearer_is_one() {
    let scene = holding(&[("https://bitbucket.corp.example --account bob", "s3\\cret\"1")]);
    let form = |form: &str| run(&scene, &format!("token https://bitbucket.corp.example/scm/a/b --as {form}"));
    assert_eq!(form("header").succeeds().stdout(), "Authorization: Bearer s3\\cret\"1\n");
    assert_eq!(form("curl").succeeds().stdout(), "header = \"Authorization: Bearer s3\\\\cret\\\"1\"\n");
    assert_eq!(json(&form("json").succeeds())["scheme"], "bearer");
    // Programs disagree on quotes and backslashes in a .netrc.
    assert_eq!(form("netrc").code(), 2);
}

#[test]
fn the_form_has_to_be_said_and_the_hint_is_the_same_command_with_one() {
    let scene = holding(&[(&format!("{CONTOSO} --account alice"), "s3cret-1")]);
    for (words, again) in [
        (CONTOSO, CONTOSO),
        ("azure-devops/contoso", CONTOSO),
        ("https://dev.azure.com/contoso --account alice", "https://dev.azure.com/contoso --account alice"),
    ] {
        let output = run(&scene, &format!("token {words}"));
        assert_eq!((output.code(), output.stdout()), (2, ""), "{output}");
        let said = format!(
            "keyfob: error: --as FORM is missing: a token is printed only in a form that was asked for\n\
             keyfob: hint: keyfob token {again} --as token; the forms are token, basic, header, json, netrc, curl\n"
        );
        assert_eq!(output.stderr(), said, "{words}");
    }
    // A token that stands in the URL is not repeated.
    ends(&scene, "token https://alice:s3cret-1@dev.azure.com/contoso", 2, &["keyfob: error: "]);
    ends(&scene, &format!("token {CONTOSO} --as text"), 2, &["netrc"]);
}

#[test]
fn a_named_account_is_that_account_and_no_other() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    // The unnamed account answers any name that git asks for; a person who names an account means it.
    ends(&scene, &format!("token {CONTOSO} --account bob --as token"), 1, &["no account bob"]);
    ends(&scene, &format!("token {CONTOSO} --account - --as token"), 0, &["s3cret-1"]);
}

#[test]
fn what_is_not_handed_out_has_its_reason_and_its_code() {
    let scene = Scene::new();
    let request = "protocol=https\nhost=git.example.com\nusername=carol\npassword=s3cret-1\n\n";
    scene.keyfob_with(["git", "store"], request).succeeds();
    ends(&scene, "token https://git.example.com --as token", 0, &["s3cret-1"]);
    scene.keyfob_with(["git", "erase"], request).succeeds();
    for account in ["", " --account carol"] {
        let output = ends(
            &scene,
            &format!("token https://git.example.com --as token{account}"),
            5,
            &["refused", "keyfob restore"],
        );
        assert_eq!(output.stdout(), "");
    }
    ends(&scene, "list --exit-code", 5, &["1 token needs care"]);
    ends(&scene, "token https://unknown.example --as token", 1, &["holds nothing"]);
}

#[test]
fn a_token_goes_nowhere_in_clear_text_that_was_not_accepted() {
    let scene = holding(&[("http://git.example.com --account a --allow-http", "s3cret-1")]);
    ends(&scene, "token http://git.example.com --as token", 0, &["s3cret-1"]);
    ends(&scene, "token https://git.example.com --as token", 1, &[]);
}

#[test]
#[cfg(unix)]
fn reporting_and_rest_clients_reach_every_host_of_the_organisation_with_it() {
    use crate::fakes::feed::Feed;
    use crate::fakes::proxy::Proxy;
    use crate::fakes::tls::Authority;

    let mut scene = holding(&[(CONTOSO, "s3cret-1")]);
    let odata = "/website/_odata/v4.0-preview/WorkItems";
    let hosts = [
        ("analytics.dev.azure.com", "/contoso", odata),
        ("contoso.analytics.visualstudio.com", "", odata),
        ("dev.azure.com", "/contoso", "/_apis/projects"),
        ("vsrm.dev.azure.com", "/contoso", "/website/_apis/release/releases"),
    ];
    let rows = hosts.map(|(host, prefix, path)| {
        let feed = Feed::new(prefix, "s3cret-1");
        feed.hold(path, "application/json", "{\"value\":[]}");
        (host, feed.handler())
    });
    let authority = Authority::new();
    let proxy = Proxy::start(&authority, rows.into());
    scene.use_proxy(&proxy.url(), authority.pem());
    for (host, prefix, path) in hosts {
        let url = format!("https://{host}{prefix}{path}?$select=Title");
        for (form, option) in [("curl", "-K-"), ("header", "-H@-"), ("netrc", "--netrc-file=/dev/stdin")] {
            let given = run(&scene, &format!("token {url} --as {form}")).succeeds();
            let option: Vec<&str> = option.split('=').collect();
            let curl = scene
                .command("curl")
                .args(["-sSf", &url])
                .args(option)
                .stdin(given.stdout())
                .run()
                .succeeds();
            assert_eq!(curl.stdout(), "{\"value\":[]}", "{host} {form}");
        }
    }
    assert_eq!(proxy.log().hosts_that_saw("s3cret-1").len(), hosts.len());
}
