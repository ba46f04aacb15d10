//! The command with byte buffers and a wallet in memory.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::forge::{azure, gitlab};
use crate::tool::tests::{Person, Ran, call_beside};
use crate::wallet::tests::fixture::{TestWallet, on};

fn run(bench: &TestWallet, args: &[&str], by_hand: bool) -> Ran {
    let head = b"HTTP/1.1 401 Unauthorized\nWww-Authenticate: Basic realm=\"lab\"\n\n";
    call_beside(
        Person { stdin_is_terminal: by_hand, stderr_is_terminal: false },
        super::serve,
        bench,
        args,
        head,
    )
}

fn block(place: &str, pair: &str) -> String {
    format!("{place}\n\nAuthorization: Basic {}\n\n", BASE64.encode(pair))
}

#[test]
fn the_first_call_prints_nothing_and_opens_nothing() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    crate::store::Store::lock(&bench.memory).unwrap();
    assert_eq!(run(&bench, &[], false), (0, String::new(), String::new()));
    let (code, out, notes) = run(&bench, &[], true);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("keyfob setup go"), "{notes}");
}

#[test]
fn the_second_call_prints_one_block_for_the_realm_in_the_spelling_of_the_url() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench.add("https://proxy.example/go", Some("alice"), "G");
    bench.add_as("https://tfs.example/tfs/My Team", "O", on(&azure::server::FORGE, None)).unwrap();
    bench.add_as("https://lab.example", "L", on(&gitlab::FORGE, None)).unwrap();
    for (url, expected) in [
        (
            "https://dev.azure.com/contoso/P/_git/R?go-get=1",
            block("https://dev.azure.com/contoso", "contoso:T"),
        ),
        (
            "https://dev.azure.com/CONTOSO/P/_git/R?go-get=1",
            block("https://dev.azure.com/CONTOSO", "contoso:T"),
        ),
        ("https://contoso.visualstudio.com/P/_git/R", block("https://contoso.visualstudio.com", "contoso:T")),
        (
            "https://contoso.visualstudio.com/DefaultCollection/P",
            block("https://contoso.visualstudio.com/DefaultCollection", "contoso:T"),
        ),
        (
            "https://proxy.example/go/example.test/m/@v/v1.0.0.info",
            block("https://proxy.example/go", "alice:G"),
        ),
        ("https://lab.example/group/m?go-get=1", block("https://lab.example", "oauth2:L")),
    ] {
        assert_eq!(run(&bench, &[url], false), (0, expected, String::new()), "{url}");
    }
    let (_, out, _) = run(&bench, &["https://tfs.example/tfs/My%20team/P/_git/R"], false);
    assert!(out.starts_with("https://tfs.example/tfs/My%20team\n\nAuthorization: Basic "), "{out}");
}

#[test]
fn what_is_not_ours_or_not_https_gets_nothing() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench.add("http://127.0.0.1:3000", Some("alice"), "LOOP");
    for url in [
        "https://proxy.example.test/x",
        "https://dev.azure.com.evil.test/contoso",
        "https://contoso.blob.core.windows.net/m.zip",
        "http://127.0.0.1:3000/x",
        "https://storage.googleapis.com/contoso",
        // The login that stands there is not replaced.
        "https://u:p@dev.azure.com/contoso/x",
        "https://:p@dev.azure.com/contoso/x",
    ] {
        assert_eq!(run(&bench, &[url], false), (0, String::new(), String::new()), "{url}");
    }
    let (code, out, notes) = run(&bench, &["https://dev.azure.com/fabrikam/P"], false);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("keyfob add https://dev.azure.com/fabrikam"), "{notes}");
}

#[test]
fn what_is_no_url_or_a_locked_store_is_an_error_without_an_answer() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let long = format!("https://h/{}", "x".repeat(9000));
    for url in [
        "",
        "x",
        "https://a\nb/",
        "https://u:s3cret@h:99999/",
        "https://h\\x",
        "https://h/\u{0}",
        "ssh://h",
        &long,
    ] {
        let (code, out, notes) = run(&bench, &[url], false);
        assert_eq!((code, out.as_str()), (1, ""), "{url}");
        assert!(notes.lines().count() == 1 && !notes.contains("s3cret"), "{notes}");
    }
    crate::store::Store::lock(&bench.memory).unwrap();
    let (code, out, notes) = run(&bench, &["https://dev.azure.com/contoso"], false);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.contains("locked"), "{notes}");
}
