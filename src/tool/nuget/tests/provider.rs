//! One credential by command line.

use super::{FEED, run};
use crate::store::Store as _;
use crate::wallet::tests::fixture::TestWallet;

fn bench() -> TestWallet {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench
}

fn json(text: &str) -> serde_json::Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[test]
fn nuget_exes_own_providers_answer_with_json_and_zero() {
    let args = ["-uri", FEED, "-nonInteractive", "-verbosity", "detailed"];
    let (code, out, notes) = run(&bench(), &args, b"");
    assert_eq!((code, notes.as_str()), (0, ""));
    let expected = serde_json::json!({ "Username": "VssSessionToken", "Password": "T", "Message": "", "AuthTypes": ["basic"] });
    assert_eq!(json(&out), expected);
}

#[test]
fn the_json_of_a_provider_is_valid_whatever_the_outcome() {
    let bench = bench();
    bench.add("https://dev.azure.com/two", Some("alice"), "A");
    bench.add("https://dev.azure.com/two", Some("bob"), "B");
    for (url, code, word) in [
        ("https://packages.example.test/v3/index.json", 1, ""),
        ("not a url", 1, ""),
        ("https://pkgs.dev.azure.com/other/_packaging/f/nuget/v3/index.json", 1, "keyfob add"),
        ("https://pkgs.dev.azure.com/two/_packaging/f/nuget/v3/index.json", 2, "keyfob prefer"),
    ] {
        let (seen, out, notes) = run(&bench, &["-uri", url], b"");
        assert_eq!(seen, code, "{url}");
        let said = json(&out);
        assert_eq!((&said["Username"], &said["Password"]), (&"".into(), &"".into()), "{url}");
        assert!(
            said["Message"].as_str().unwrap().contains(word) && notes.contains(word),
            "{url}: {out}{notes}"
        );
        assert_eq!(notes.is_empty(), word.is_empty(), "{notes}");
    }
    bench.memory.lock().unwrap();
    let (code, out, notes) = run(&bench, &["-uri", FEED], b"");
    assert_eq!(code, 2);
    assert!(json(&out)["Message"].as_str().unwrap().contains("locked") && notes.contains("locked"));
    let (code, out, _) = run(&bench, &["-uri"], b"");
    assert_eq!(code, 1);
    json(&out);
}

#[test]
fn the_command_line_of_microsofts_provider_gets_user_name_and_password() {
    let expected = serde_json::json!({ "Username": "VssSessionToken", "Password": "T" });
    for args in [
        &[
            "-Uri",
            FEED,
            "-IsRetry",
            "False",
            "-NonInteractive",
            "False",
            "-CanShowDialog",
            "True",
            "-OutputFormat",
            "Json",
        ][..],
        &["-U", FEED, "-I", "-F", "Json"],
        &["-Uri", FEED, "-NonInteractive", "-IsRetry", "-F", "Json"],
        &["-URI", FEED, "-f", "json"],
    ] {
        let (code, out, _) = run(&bench(), args, b"");
        assert_eq!((code, json(&out)), (0, expected.clone()), "{args:?}");
    }
    let (_, out, _) = run(&bench(), &["-U", FEED], b"");
    assert_eq!(out, "Username: VssSessionToken\nPassword: T\n");
    let (_, out, _) = run(&bench(), &["-U", FEED, "-R", "-F", "Json"], b"");
    assert_eq!(json(&out)["Password"], "********");
}

#[test]
fn a_failure_has_no_output_and_says_why_to_people() {
    for (url, code, word) in [
        ("https://packages.example.test/v3/index.json", 1, ""),
        ("https://pkgs.dev.azure.com/other/_packaging/f/nuget/v3/index.json", 1, "keyfob add"),
    ] {
        let (seen, out, notes) = run(&bench(), &["-U", url, "-F", "Json"], b"");
        assert_eq!((seen, out.as_str()), (code, ""), "{url}");
        assert!(notes.contains(word) && notes.is_empty() == word.is_empty(), "{notes}");
    }
}

#[test]
fn a_second_try_gets_the_same_token_and_a_word() {
    let bench = bench();
    let before = bench.files();
    let (code, out, notes) = run(&bench, &["-Uri", FEED, "-IsRetry", "True", "-F", "Json"], b"");
    assert_eq!((code, &json(&out)["Password"]), (0, &"T".into()));
    assert!(notes.contains("refuses the token") && notes.contains("keyfob add"), "{notes}");
    assert!(bench.files() == before);
}
