//! R1: match.

use super::fixture::{TestWallet, on};
use crate::error::Error;
use crate::forge::{azure, generic};
use crate::wallet::Stored;

#[test]
fn scheme_host_and_port_match_exactly() {
    let test = TestWallet::new();
    test.add_as("https://git.example:8443", "T", on(&generic::FORGE, Some("alice"))).unwrap();
    assert_eq!(test.get("https://git.example:8443"), "alice:T");
    for url in [
        "https://git.example",
        "https://git.example:443",
        "https://git.example:8444",
        "https://git.example:18443",
        "http://git.example:8443",
        "ftp://git.example:8443",
        "https://git.example.evil:8443",
        "https://evil.git.example:8443",
        "https://evilgit.example:8443",
        "https://git.exampl:8443",
        "https://git-example:8443",
        "https://gitxexample:8443",
        "https://example:8443",
    ] {
        assert_eq!(test.get(url), "NotOurs", "{url}");
    }
}

#[test]
fn a_path_matches_by_whole_segments() {
    let test = TestWallet::new();
    test.add("https://srv.example/tfs/One/_git/x", None, "T");
    for (path, expected) in [
        ("tfs/One/p/_git/r", "pat:T"),
        ("tfs/One", "pat:T"),
        ("tfs/OneMore/_git/r", "NotOurs"),
        ("tfs/On", "NotOurs"),
        ("xtfs/One", "NotOurs"),
        ("x/tfs/One", "NotOurs"),
        ("tfs", "NotOurs"),
        ("One", "NotOurs"),
    ] {
        assert_eq!(test.get(&format!("https://srv.example/{path}")), expected, "{path}");
    }
}

#[test]
fn an_https_token_never_goes_to_http() {
    let test = TestWallet::new();
    test.add("https://dev.azure.com/contoso", None, "T1");
    test.add("https://srv.example/tfs/One", None, "T2");
    test.add("https://localhost", Some("alice"), "T3");
    test.store("https://bob@git.example", "T4");
    for url in [
        "http://dev.azure.com/contoso",
        "http://contoso.visualstudio.com",
        "http://dev.azure.com:443/contoso",
        "http://dev.azure.com:80/contoso",
        "http://srv.example/tfs/One",
        "http://srv.example:443/tfs/One",
        "http://localhost",
        "http://localhost:443",
        "http://bob@git.example",
        "http://bob@git.example:443",
    ] {
        assert_eq!(test.get(url), "NotOurs", "{url}");
    }
}

#[test]
fn plain_http_is_served_to_loopback_to_what_a_person_accepted_and_to_the_origin_that_a_tool_stored_for() {
    let test = TestWallet::new();
    for (url, user) in [
        ("http://localhost:8080/tfs/One", "pat"),
        ("http://127.0.0.1:8081/tfs/One", "pat"),
        ("http://[::1]:8082/tfs/One", "pat"),
    ] {
        test.add_as(url, "T", on(&azure::server::FORGE, None)).unwrap();
        assert_eq!(test.get(url), format!("{user}:T"), "{url}");
    }
    let refused = test.add_as("http://srv.example:8080/tfs/One", "T", on(&azure::server::FORGE, None));
    assert!(matches!(refused, Err(Error::PlainHttp { cloud: false, .. })));
    assert_eq!(test.get("http://srv.example:8080/tfs/One"), "NotOurs");
    test.add_as("http://srv.example:8080/tfs/One", "T", |wish| {
        wish.forge = Some(&azure::server::FORGE);
        wish.allow_http = true;
    })
    .unwrap();
    assert_eq!(test.get("http://srv.example:8080/tfs/One"), "pat:T");
    test.store("http://bob@git.example", "T");
    assert_eq!(test.get("http://bob@git.example"), "bob:T");
    assert_eq!(test.get("http://bob@git.example:81"), "NotOurs");
}

#[test]
fn plain_http_is_never_served_for_a_cloud_forge() {
    let test = TestWallet::new();
    for url in ["http://dev.azure.com/contoso", "http://contoso.visualstudio.com", "http://github.com"] {
        let added = test.add_as(url, "T", |wish| wish.allow_http = true);
        assert!(matches!(added, Err(Error::PlainHttp { cloud: true, .. })), "{url}");
        assert_eq!(test.store(url, "T"), Stored::NotOurs, "{url}");
        assert_eq!(test.get(url), "NotOurs", "{url}");
    }
    assert!(test.memory.is_empty() && test.entries().is_empty());
}

#[test]
fn other_protocols_are_generic_and_compared_byte_by_byte() {
    let test = TestWallet::new();
    test.store("smtp://bob@Mail.example:587", "T");
    assert_eq!(test.get("smtp://bob@Mail.example:587"), "bob:T");
    for url in [
        "smtp://bob@mail.example:587",
        "smtp://bob@Mail.example.:587",
        "smtp://bob@Mail.example",
        "smtps://bob@Mail.example:587",
        "imap://bob@Mail.example:587",
    ] {
        assert_eq!(test.get(url), "NotOurs", "{url}");
    }
}

#[test]
fn a_certificates_path_is_its_key() {
    let test = TestWallet::new();
    test.store("cert:///home/me/a.pem", "T");
    assert_eq!(test.get("cert:///home/me/a.pem"), "(none):T");
    for url in
        ["cert:///home/me/A.pem", "cert:///home/me", "cert:///home/me/a.pem/x", "cert://h/home/me/a.pem"]
    {
        assert_eq!(test.get(url), "NotOurs", "{url}");
    }
}

#[test]
fn an_https_token_that_a_tool_stored_does_not_go_to_an_http_host_of_the_same_realm() {
    let test = TestWallet::new();
    test.configure(
        r#"
        [[host]]
        url = "https://srv.example"
        also = ["http://srv.example", "http://feeds.example"]
        forge = "gitlab"
        "#,
    );
    test.store("https://bob@srv.example", "T");
    assert_eq!(test.get("https://bob@srv.example"), "bob:T");
    for url in ["http://bob@srv.example", "http://bob@feeds.example"] {
        assert_eq!(test.get(url), "PlainHttp", "{url}");
    }
    test.set_environment(&[("KEYFOB_URL", "https://srv.example"), ("KEYFOB_TOKEN", "E")]);
    assert_eq!(test.get("https://srv.example"), "oauth2:E");
    assert_eq!(test.get("http://feeds.example"), "PlainHttp");
}

#[test]
fn a_protocol_that_is_called_like_a_forge_cannot_take_that_forges_place() {
    let test = TestWallet::new();
    assert_eq!(test.store("azure-devops://bob@contoso", "evil"), Stored::NotOurs);
    assert_eq!(test.get("azure-devops://contoso"), "NotOurs");
    test.add("https://dev.azure.com/contoso", None, "T");
    assert_eq!(test.get("https://dev.azure.com/contoso"), "contoso:T");
    assert_eq!(test.get("azure-devops://contoso"), "NotOurs");
}

#[test]
fn letter_case_default_port_and_one_trailing_dot_are_folded_and_never_make_a_second_entry() {
    for (first, spellings) in [
        (
            "https://alice@git.example",
            ["https://alice@GIT.Example", "https://alice@git.example.", "HTTPS://alice@git.example:443"],
        ),
        (
            "https://alice@bücher.example",
            [
                "https://alice@xn--bcher-kva.example",
                "https://alice@BÜCHER.example.",
                "https://alice@bücher.example。",
            ],
        ),
        (
            "https://alice@[::1]",
            ["https://alice@[0:0::1]", "https://alice@[::0001]:443", "https://alice@[0:0:0:0:0:0:0:1]"],
        ),
    ] {
        let test = TestWallet::new();
        assert_eq!(test.store(first, "T"), Stored::Written { chosen: None });
        for url in spellings {
            assert_eq!(test.get(url), "alice:T", "{url}");
            assert_eq!(test.store(url, "T"), Stored::Unchanged, "{url}");
        }
        assert_eq!(test.entries().len(), 1, "{first}");
    }
}
