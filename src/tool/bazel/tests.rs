//! The helper with byte buffers and a wallet in memory; every answer is held against the published schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::tool::tests::{Ran, call};
use crate::wallet::NewCredential;
use crate::wallet::tests::fixture::{START, TestWallet, secret};

fn run(bench: &TestWallet, args: &[&str], input: &[u8]) -> Ran {
    call(super::serve, bench, args, input)
}

/// The answer for a URI, which is of the schema.
fn get(bench: &TestWallet, uri: &str) -> Value {
    let request = serde_json::json!({ "uri": uri }).to_string();
    let (code, out, notes) = run(bench, &["get"], request.as_bytes());
    assert_eq!(code, 0, "{uri}: {notes}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    is_of_the_schema(&answer);
    answer
}

/// get-credentials-response: `headers` is an object of lists of strings, `expires` a time, and there is nothing else.
fn is_of_the_schema(answer: &Value) {
    let members = answer.as_object().unwrap();
    assert!(members.keys().all(|key| ["headers", "expires"].contains(&key.as_str())), "{answer}");
    for (name, values) in members["headers"].as_object().unwrap() {
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{name}");
        let values = values.as_array().unwrap();
        assert!(!values.is_empty());
        for value in values {
            assert!(value.as_str().unwrap().bytes().all(|b| (0x20..0x7f).contains(&b)), "{value}");
        }
    }
    if let Some(expires) = members.get("expires") {
        expires.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
}

fn basic(pair: &str) -> Value {
    serde_json::json!({ "headers": { "Authorization": [format!("Basic {}", BASE64.encode(pair))] } })
}

fn none() -> Value {
    serde_json::json!({ "headers": {} })
}

#[test]
fn each_forge_gets_its_header() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench.add("https://cache.example", Some("alice"), "C\"\\");
    bench.add("https://github.com", None, "H");
    for uri in [
        "https://pkgs.dev.azure.com/contoso/_apis/packaging/x",
        "https://dev.azure.com/contoso/P/_apis/git/repositories/R/items?path=/a&b=c",
        "https://contoso.pkgs.visualstudio.com/x",
        "HTTPS://DEV.AZURE.COM:443/contoso",
    ] {
        assert_eq!(get(&bench, uri), basic("contoso:T"), "{uri}");
    }
    assert_eq!(get(&bench, "https://cache.example/cas"), basic("alice:C\"\\"));
    let bearer = serde_json::json!({ "headers": { "Authorization": ["Bearer H"] } });
    assert_eq!(get(&bench, "https://api.github.com/repos/a/b/releases/assets/1"), bearer);
}

#[test]
fn an_end_that_is_certain_is_told() {
    let bench = TestWallet::new();
    let url = "https://cache.example";
    let given = NewCredential { expires: Some(START + 600), ..secret("T").into() };
    bench.store_given(url, given).unwrap();
    assert_eq!(get(&bench, url)["expires"], "2027-01-15T08:10:00Z");
    bench.wait(601);
    assert_eq!(get(&bench, url), none());
}

#[test]
fn what_is_not_ours_gets_no_headers() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench.add("https://cache.example", Some("alice"), "C");
    for uri in [
        "https://example.test/x",
        "http://cache.example/x",
        "https://cache.example:8443/x",
        "https://cache.example.evil.test/",
        "https://contoso.blob.core.windows.net/x",
        "https://contoso.vsblob.vsassets.io/x",
        // The login that stands there is not replaced.
        "https://u:p@cache.example/x",
        "https://alice:secret@dev.azure.com/contoso/x",
        "https://:secret@dev.azure.com/contoso/x",
        "grpcs://cache.example",
        "unix:/run/x",
        "",
    ] {
        assert_eq!(get(&bench, uri), none(), "{uri}");
    }
    let (code, out, notes) = run(&bench, &["get"], br#"{"uri":"https://dev.azure.com/fabrikam"}"#);
    assert_eq!((code, out.as_str()), (0, "{\"headers\":{}}\n"));
    assert!(notes.contains("keyfob add https://dev.azure.com/fabrikam"), "{notes}");
}

#[test]
fn fields_and_arguments_of_the_future_are_passed_over() {
    let bench = TestWallet::new();
    bench.add("https://cache.example", Some("alice"), "C");
    let request = br#" {"future":[{"uri":"https://x"}],"uri":"https://cache.example/x"}
"#;
    let (code, out, _) = run(&bench, &["get", "--future=1"], request);
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()), (0, basic("alice:C")));
}

#[test]
fn a_bad_request_is_an_error_and_nothing_of_it_is_repeated() {
    let bench = TestWallet::new();
    bench.add("https://cache.example", Some("alice"), "T0KEN");
    let long = vec![b'x'; (1 << 20) + 1];
    for (args, input) in [
        (&["get"][..], &long[..]),
        (&["get"], b""),
        (&["get"], b"{"),
        (&["get"], b"\xff\xfes3cret"),
        (&["get"], br#"{"uri":"https://cache.example"}{"uri":"x"}"#),
        (&["get"], br#"{"uri":["s3cret"]}"#),
        (&["get"], br#"{"url":"https://s3cret@cache.example"}"#),
        (&["get"], br#"{"uri":"https://u:s3cret@cache.example:99999/"}"#),
        (&["get"], br#"{"uri":"https://cache.example/\u0000s3cret"}"#),
        (&["get"], br#"{"uri":"https://cache.example\r\n.s3cret.test"}"#),
        (&["get"], br#"{"uri":"https://s3cret.test\\@cache.example"}"#),
        (&["s3cret"], b"{}"),
        (&[], b"{}"),
    ] {
        let (code, out, notes) = run(&bench, args, input);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(notes.starts_with("keyfob: error: ") && notes.lines().count() == 1, "{notes}");
        assert!(!notes.contains("s3cret") && !notes.contains("T0KEN"), "{notes}");
    }
}

#[test]
fn a_locked_store_stops_bazel_with_the_reason() {
    let bench = TestWallet::new();
    bench.add("https://cache.example", Some("alice"), "T");
    crate::store::Store::lock(&bench.memory).unwrap();
    let (code, out, notes) = run(&bench, &["get"], br#"{"uri":"https://cache.example"}"#);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(notes.contains("locked"), "{notes}");
}
