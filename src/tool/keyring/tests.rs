//! The adapter with byte buffers and a wallet in memory: what pip, uv and PDM send, and what they accept.

use super::PROTOCOL;
use crate::forge::Need;
use crate::tool::tests::{self, Ran};
use crate::wallet::manage;
use crate::wallet::tests::fixture::{TestWallet, query};

const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";

fn run(bench: &TestWallet, arguments: &[&str]) -> Ran {
    call(bench, arguments, "")
}

fn call(bench: &TestWallet, arguments: &[&str], input: &str) -> Ran {
    tests::call(super::serve, bench, arguments, input.as_bytes())
}

fn said(code: u8, answer: &str) -> Ran {
    (code, answer.to_owned(), String::new())
}

fn contoso() -> TestWallet {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "PAT");
    bench
}

#[test]
fn each_client_gets_the_form_that_it_asks_for() {
    let bench = contoso();
    let json = "{\"username\":\"contoso\",\"password\":\"PAT\"}\n";
    let echo = "{\"username\":\"VssSessionToken\",\"password\":\"PAT\"}\n";
    for (arguments, answer) in [
        // pip from 26.2 on
        (&["--mode=creds", "--output=json", "get", FEED][..], json),
        (&["--mode=creds", "--output=json", "get", FEED, "VssSessionToken"], echo),
        // pip before, and uv with a user name
        (&["get", FEED, "VssSessionToken"], "PAT\n"),
        // uv
        (&["get", FEED, "--mode", "creds"], "contoso\nPAT\n"),
        // PDM
        (&["--mode=creds", "get", FEED, ""], "contoso\nPAT\n"),
        (&["get", FEED, ""], "PAT\n"),
        (&["get", "--output=json", FEED, ""], "{\"password\":\"PAT\"}\n"),
        (&["--mode=password", "get", FEED, "__token__"], "PAT\n"),
        // Options anywhere, and those that mean nothing here.
        (&["get", "--output", "json", FEED, "--mode", "creds", "-b", "x.y.Z"], json),
        (&["--keyring-path=/x", "get", "--", FEED, "me"], "PAT\n"),
        // As Python's keyring 25.7 prints it.
        (&["--output=json", "get", FEED, "me"], "{\"password\":\"PAT\"}\n"),
    ] {
        assert_eq!(run(&bench, arguments), said(0, answer), "{arguments:?}");
    }
}

#[test]
fn every_spelling_of_an_organisation_is_served() {
    let bench = contoso();
    for url in [
        "https://pkgs.dev.azure.com/CONTOSO/Project/_packaging/feed@LocalWallet/pypi/upload/",
        "https://contoso.pkgs.visualstudio.com/_packaging/feed/pypi/simple",
        "HTTPS://VssSessionToken@pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/?x=1#y",
    ] {
        assert_eq!(run(&bench, &["get", url, "me"]), said(0, "PAT\n"), "{url}");
    }
}

#[test]
fn what_is_not_ours_is_met_with_silence() {
    let bench = contoso();
    bench.add("https://tfs.corp.example/tfs/One", None, "ONE");
    for service in [
        "https://upload.example/legacy/",
        "upload.example",
        "python-poetry-check",
        "azdevops-cli:https://dev.azure.com/contoso",
        "a name with blanks",
        "",
        // A bare host tells neither scheme nor path: the whole URL was asked before.
        "pkgs.dev.azure.com",
        "contoso.pkgs.visualstudio.com",
        "tfs.corp.example",
        "https://x.blob.core.windows.net/contoso",
        "https://contoso.vsblob.vsassets.io/x",
    ] {
        for arguments in [&["get", service, "contoso"][..], &["--mode=creds", "get", service]] {
            assert_eq!(run(&bench, arguments), said(1, ""), "{arguments:?}");
        }
    }
}

#[test]
fn a_host_with_its_scheme_does_not_get_the_token_of_one_collection() {
    let bench = TestWallet::new();
    bench.add("http://127.0.0.1:18080/tfs/One", None, "ONE");
    bench.add("http://127.0.0.1:18081", Some("me"), "ALL");
    bench.add("https://tfs.example/tfs/One", None, "TLS");
    // uv: the feed of another collection, then its host, then its host with the scheme.
    for service in [
        "http://127.0.0.1:18080/tfs/Two/_packaging/f/pypi/simple/",
        "127.0.0.1:18080",
        "http://127.0.0.1:18080",
        "http://127.0.0.1:18080/",
    ] {
        assert_eq!(run(&bench, &["get", service, "--mode", "creds"]), said(1, ""), "{service}");
    }
    assert_eq!(run(&bench, &["get", "http://127.0.0.1:18080/tfs/one/_packaging/f", "me"]), said(0, "ONE\n"));
    assert_eq!(run(&bench, &["get", "http://127.0.0.1:18081", "me"]), said(0, "ALL\n"));
    // Nobody asks so after another collection (R3).
    assert_eq!(run(&bench, &["get", "https://tfs.example", "me"]), said(0, "TLS\n"));
}

#[test]
fn a_token_for_https_is_not_sent_over_http() {
    let bench = contoso();
    let http = FEED.replace("https:", "http:");
    let (code, out, _) = run(&bench, &["get", &http, "contoso"]);
    assert_eq!((code, out.as_str()), (1, ""));
    let (code, out, _) = run(&bench, &["get", "http://pkgs.dev.azure.com", "contoso"]);
    assert_eq!((code, out.as_str()), (1, ""));
}

#[test]
fn a_miss_of_ours_gives_one_hint_and_no_answer() {
    let bench = contoso();
    let other = FEED.replace("contoso", "fabrikam");
    bench.add("https://dev.azure.com/refused", None, "OLD");
    assert_eq!(
        bench.erase_for(Need::Packages, "https://pkgs.dev.azure.com/refused/_packaging/f", Some("OLD")),
        1
    );
    let two = |name| bench.add("https://dev.azure.com/two", Some(name), name);
    two("alice");
    two("bob");
    for (url, word) in [
        (other.as_str(), "keyfob add https://dev.azure.com/fabrikam"),
        ("https://pkgs.dev.azure.com/refused/_packaging/f", "keyfob restore"),
        ("https://pkgs.dev.azure.com/two/_packaging/f", "keyfob prefer"),
        ("https://pkgs.dev.azure.com/", "give the whole URL"),
    ] {
        let (code, out, notes) = run(&bench, &["get", url, "--mode=creds"]);
        assert_eq!((code, out.as_str()), (1, ""), "{url}");
        assert!(notes.starts_with("keyfob: hint: ") && notes.contains(word), "{url}: {notes}");
        assert_eq!(notes.lines().count(), 1, "{notes}");
        assert!(!notes.contains("git config"), "{notes}");
    }
}

#[test]
fn a_user_name_picks_the_account() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/two", Some("alice"), "A");
    bench.add("https://dev.azure.com/two", Some("bob"), "B");
    let url = "https://pkgs.dev.azure.com/two/_packaging/f/pypi/simple/";
    assert_eq!(run(&bench, &["get", url, "bob"]), said(0, "B\n"));
    assert_eq!(run(&bench, &["--mode=creds", "get", url, "alice"]), said(0, "alice\nA\n"));
    let (code, out, _) = run(&bench, &["get", url, "carol"]);
    assert_eq!((code, out.as_str()), (1, ""));
}

#[test]
fn the_token_for_packages_is_chosen_and_not_the_one_for_code() {
    let bench = TestWallet::new();
    for (account, scope) in [("code", "vso.code"), ("packages", "vso.packaging")] {
        bench
            .add_as("https://dev.azure.com/contoso", account, |options| {
                options.account = Some(account.to_owned());
                options.scopes = vec![scope.to_owned()];
            })
            .unwrap();
    }
    assert_eq!(run(&bench, &["get", FEED, "VssSessionToken"]), said(0, "packages\n"));
}

#[test]
fn a_locked_store_is_an_error_and_not_a_miss() {
    let bench = contoso();
    crate::store::Store::lock(&bench.memory).unwrap();
    let (code, out, notes) = run(&bench, &["get", FEED, "me"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.starts_with("keyfob: error: ") && notes.contains("locked"), "{notes}");
}

#[test]
fn wrong_usage_is_told_apart_and_repeats_nothing() {
    let bench = contoso();
    for arguments in [
        &[][..],
        &["get"],
        &["get", FEED],
        &["get", FEED, "me", "s3cret"],
        &["set", FEED],
        &["--mode", "s3cret", "get", FEED],
        &["--output=s3cret", "get", FEED, "me"],
        &["--s3cret", "get", FEED, "me"],
        &["get", FEED, "me", "--mode"],
        &["diagnose"],
    ] {
        let (code, out, notes) = run(&bench, arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(notes.contains("keyring [--mode password|creds]"), "{notes}");
        // pip and uv take these words for an old keyring.
        assert!(!notes.contains("unrecognized arguments") && !notes.contains("s3cret"), "{notes}");
    }
}

#[test]
fn bad_input_gives_one_line_that_does_not_repeat_it() {
    let bench = contoso();
    let long = format!("https://pkgs.dev.azure.com/contoso/{}", "s3cret/".repeat(2000));
    for (service, user) in [
        ("https://me:s3cret@pkgs.dev.azure.com/contoso", "me"),
        ("https://pkgs.dev.azure.com/contoso/s3cret\\..", "me"),
        ("https://pkgs.dev.azure.com:s3cret/contoso", "me"),
        ("https://pkgs.dev.azure.com/contoso\ns3cret", "me"),
        (FEED, "s3cret\nme"),
        (&long, "me"),
    ] {
        let (code, out, notes) = run(&bench, &["get", service, user]);
        assert_eq!((code, out.as_str()), (1, ""), "{service:?}");
        assert_eq!(notes.lines().count(), 1, "{notes}");
        assert!(!notes.contains("s3cret"), "{notes}");
    }
}

#[test]
fn what_pip_keeps_under_a_host_answers_for_that_host_only() {
    let bench = TestWallet::new();
    assert_eq!(call(&bench, &["set", "127.0.0.1:18080", "bob"], "PW\n"), said(0, ""));
    assert_eq!(run(&bench, &["get", "127.0.0.1:18080", "bob"]), said(0, "PW\n"));
    assert_eq!(run(&bench, &["--mode=creds", "get", "127.0.0.1:18080"]), said(0, "bob\nPW\n"));
    for service in ["127.0.0.1", "127.0.0.1:18081", "http://127.0.0.1:18080", "https://127.0.0.1:18080/x"] {
        assert_eq!(run(&bench, &["get", service, "bob"]), said(1, ""), "{service}");
    }
    assert_eq!(run(&bench, &["get", "127.0.0.1:18080", "alice"]), said(1, ""));
}

#[test]
fn set_keeps_under_a_url_and_never_displaces_a_persons_token() {
    let bench = contoso();
    let url = "https://pypi.corp.example/simple/";
    assert_eq!(call(&bench, &["set", url, "bob"], "pass word\r\n"), said(0, ""));
    assert_eq!(run(&bench, &["get", url, "bob"]), said(0, "pass word\n"));
    assert_eq!(call(&bench, &["set", FEED, "contoso"], "OTHER\n"), said(0, ""));
    assert_eq!(run(&bench, &["get", FEED, "VssSessionToken"]), said(0, "PAT\n"));
    // Where the host alone does not tell the organisation, nothing is kept for all of them.
    let (code, out, notes) = call(&bench, &["set", "pkgs.dev.azure.com", "bob.smith"], "T\n");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.contains("does not tell the organisation"), "{notes}");
    assert_eq!(call(&bench, &["set", "contoso.pkgs.visualstudio.com", "me"], "PAT\n"), said(0, ""));
}

#[test]
fn set_refuses_what_cannot_be_a_password() {
    let bench = contoso();
    let before = bench.files();
    let long = "x".repeat(70_000);
    for input in ["", "\n", "a\0b\n", "a\rb\n", long.as_str()] {
        let (code, out, notes) = call(&bench, &["set", "https://pypi.corp.example", "bob"], input);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(notes.starts_with("keyfob: error: that is not a token"), "{notes}");
    }
    assert_eq!(call(&bench, &["set", "two words", "bob"], "x\n").0, 1);
    assert!(bench.files() == before);
}

#[test]
fn del_destroys_what_was_set_and_sets_a_persons_token_aside() {
    let bench = contoso();
    let url = "https://pypi.corp.example/simple/";
    call(&bench, &["set", url, "bob"], "one\n");
    call(&bench, &["set", url, "bob"], "two\n");
    assert_eq!(bench.memory.len(), 3);
    assert_eq!(run(&bench, &["del", url, "alice"]), said(1, ""));
    assert_eq!(run(&bench, &["del", url, "bob"]), said(0, ""));
    assert_eq!(run(&bench, &["get", url, "bob"]), said(1, ""));
    assert_eq!(bench.memory.len(), 1, "with what had been set aside");

    let (code, out, notes) = run(&bench, &["delete", FEED, "VssSessionToken"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("keyfob restore https://dev.azure.com/contoso"), "{notes}");
    assert_eq!(bench.memory.len(), 1, "not destroyed");
    assert_eq!(run(&bench, &["get", FEED, "me"]).0, 1);
    assert_eq!(bench.get_for(Need::Code, "https://dev.azure.com/contoso"), "contoso:PAT", "git keeps it");
    assert_eq!(run(&bench, &["del", FEED, "VssSessionToken"]), said(1, ""), "there is nothing left to drop");
    bench.restore("https://dev.azure.com/contoso", None).unwrap();
    assert_eq!(run(&bench, &["get", FEED, "me"]), said(0, "PAT\n"));
}

#[test]
fn del_without_an_account_name_takes_the_one_that_would_answer() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/two", Some("alice"), "A");
    bench.add("https://dev.azure.com/two", Some("bob"), "B");
    let url = "https://pkgs.dev.azure.com/two/_packaging/f";
    assert_eq!(run(&bench, &["del", url, "VssSessionToken"]), said(1, ""), "which one is not to be guessed");
    bench.prefer("https://dev.azure.com/two", "bob");
    assert_eq!(run(&bench, &["del", url, "VssSessionToken"]).0, 0);
    assert_eq!(run(&bench, &["get", url, "alice"]), said(0, "A\n"));
    assert_eq!(run(&bench, &["get", url, "bob"]).0, 1);
}

#[test]
fn words_that_no_client_uses_do_no_harm() {
    let bench = contoso();
    assert_eq!(run(&bench, &["--list-backends"]), said(0, "keyfob\n"));
    assert!(run(&bench, &["--version"]).1.starts_with("keyfob "));
    let (code, out, notes) = run(&bench, &["-h"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("get SERVICE [USER]"), "{notes}");
}

#[test]
fn the_record_asks_for_packages() {
    assert_eq!(PROTOCOL.need, Need::Packages);
    // The token of a generic place serves any need.
    let bench = TestWallet::new();
    bench.add("https://pypi.corp.example", Some("alice"), "T");
    assert!(bench.with(|wallet| manage::list(wallet,).unwrap()).1.is_empty());
    assert_eq!(run(&bench, &["get", "https://pypi.corp.example/simple/", "alice"]), said(0, "T\n"));
    assert_eq!(query("https://pypi.corp.example").need, Need::Code);
}
