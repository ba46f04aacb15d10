//! The helper with byte buffers and a wallet in memory.

use crate::forge::{azure, bitbucket_data_center, gitlab};
use crate::tool::tests::{Ran, call};
use crate::wallet::tests::fixture::{TestWallet, on};

fn run(bench: &TestWallet, args: &[&str], input: &[u8]) -> Ran {
    call(super::serve, bench, args, input)
}

fn get(bench: &TestWallet, host: &str) -> String {
    let (code, out, _) = run(bench, &["get", host], b"");
    assert_eq!(code, 0, "{host}");
    out
}

fn found(token: &str) -> String {
    format!("{{\"token\":\"{token}\"}}\n")
}

const NONE: &str = "{}\n";

#[test]
fn a_token_that_is_a_bearer_token_is_given() {
    let bench = TestWallet::new();
    bench.add("https://registry.example:8443", Some("alice"), "T");
    bench.add("https://gitlab.com", None, "L");
    bench.add_as("https://lab.example", "S", on(&gitlab::FORGE, None)).unwrap();
    bench.add_as("https://bit.example", "B", on(&bitbucket_data_center::FORGE, None)).unwrap();
    for (host, token) in
        [("registry.example:8443", "T"), ("gitlab.com", "L"), ("lab.example", "S"), ("bit.example", "B")]
    {
        assert_eq!(get(&bench, host), found(token), "{host}");
    }
    // With the arguments that the settings give.
    assert_eq!(run(&bench, &["--store", "main", "get", "gitlab.com"], b"").1, found("L"));
}

#[test]
fn a_token_of_azure_devops_or_github_is_never_given() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench.add("https://github.com", None, "H");
    bench.add_as("https://tfs.example", "O", on(&azure::server::FORGE, None)).unwrap();
    for host in [
        "dev.azure.com",
        "contoso.visualstudio.com",
        "contoso.pkgs.visualstudio.com",
        "tfs.example",
        "github.com",
    ] {
        let (code, out, notes) = run(&bench, &["get", host], b"");
        assert_eq!((code, out.as_str()), (0, NONE), "{host}");
        assert!(notes.starts_with("keyfob: hint: "), "{host}: {notes}");
    }
    for host in ["xgitlab.com", "contoso.blob.core.windows.net", "registry.example.test", "github.com:8443"] {
        assert_eq!(run(&bench, &["get", host], b""), (0, NONE.to_owned(), String::new()), "{host}");
    }
}

#[test]
fn a_login_comes_back_and_forget_destroys_it() {
    let bench = TestWallet::new();
    let store =
        |token: &str| run(&bench, &["store", "app.example"], format!("{{\"token\":\"{token}\"}}").as_bytes());
    let quiet = (0, String::new(), String::new());
    assert_eq!(store("ONE"), quiet);
    assert_eq!(store("TWO"), quiet);
    assert_eq!(store("TWO"), quiet);
    assert_eq!(get(&bench, "app.example"), found("TWO"));
    // git, which could not say Bearer here, does not get it as a password.
    assert!(!bench.get("https://app.example/x").contains("TWO"));
    assert_eq!(run(&bench, &["forget", "app.example"], b""), quiet);
    assert_eq!(get(&bench, "app.example"), NONE);
    assert_eq!(bench.memory.len(), 0);
    assert_eq!(run(&bench, &["forget", "app.example"], b""), quiet);
}

#[test]
fn what_git_stored_for_the_host_gives_way_to_a_login() {
    let bench = TestWallet::new();
    bench.store("https://alice@app.example", "GIT");
    assert_eq!(run(&bench, &["store", "app.example"], br#"{"token":"TF"}"#).0, 0);
    assert_eq!(get(&bench, "app.example"), found("TF"));
    assert_eq!(bench.get("https://alice@app.example"), "alice:GIT");
}

#[test]
fn a_login_beside_a_persons_token_says_that_it_is_not_the_one_and_forget_keeps_it() {
    let bench = TestWallet::new();
    bench.add("https://gitlab.com", None, "MINE");
    let before = bench.files();
    assert_eq!(
        run(&bench, &["store", "gitlab.com"], br#"{"token":"MINE"}"#),
        (0, String::new(), String::new())
    );
    assert!(bench.files() == before, "the same token is nothing new");
    let (code, _, notes) = run(&bench, &["store", "gitlab.com"], br#"{"token":"OTHER"}"#);
    assert!(code == 0 && notes.contains("answers first") && !notes.contains("OTHER"), "{notes}");
    assert_eq!(get(&bench, "gitlab.com"), found("MINE"));
    let (code, out, notes) = run(&bench, &["forget", "gitlab.com"], b"");
    assert!(
        (code, out.as_str()) == (0, "") && notes.contains("keyfob restore https://gitlab.com"),
        "{notes}"
    );
    assert_eq!(get(&bench, "gitlab.com"), NONE);
    assert_eq!(bench.get("https://gitlab.com/x"), "oauth2:MINE");
}

#[test]
fn a_bad_request_is_an_error_and_nothing_of_it_is_repeated_or_written() {
    let bench = TestWallet::new();
    let long = vec![b'x'; (1 << 20) + 1];
    for (args, input) in [
        (&["store", "h.example"][..], &long[..]),
        (&["store", "h.example"], b"s3cret"),
        (&["store", "h.example"], b""),
        (&["store", "h.example"], br#"{"token":"s3cret","expires":1}"#),
        (&["store", "h.example"], br#"{"token":1}"#),
        (&["store", "h.example"], br#"{"token":""}"#),
        (&["store", "h.example"], br#"{"token":"s3cret\nx"}"#),
        (&["store", "h.example"], br#"{"token":"s3cret\u0000"}"#),
        (&["store", "dev.azure.com"], br#"{"token":"s3cret"}"#),
        (&["store", "app.visualstudio.com"], br#"{"token":"s3cret"}"#),
        (&["get", "s3cret/x"], b""),
        (&["get", "u:s3cret@h"], b""),
        (&["get", "h:s3cret"], b""),
        (&["get", "h\n.s3cret"], b""),
        (&["get", "h\\s3cret"], b""),
        (&["get", ""], b""),
        (&["s3cret", "h.example"], b""),
        (&["get"], b""),
        (&[], b""),
    ] {
        let (code, out, notes) = run(&bench, args, input);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?} {notes}");
        assert!(notes.starts_with("keyfob: error: ") && notes.lines().count() == 1, "{notes}");
        assert!(!notes.contains("s3cret"), "{notes}");
    }
    assert!(bench.memory.is_empty() && bench.files().is_empty());
}

#[test]
fn a_locked_store_is_an_error_and_not_an_empty_answer() {
    let bench = TestWallet::new();
    bench.add("https://gitlab.com", None, "T");
    crate::store::Store::lock(&bench.memory).unwrap();
    let (code, out, notes) = run(&bench, &["get", "gitlab.com"], b"");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.contains("locked"), "{notes}");
}
