//! The conversation as a whole: bytes in, bytes out, a wallet behind.

use super::{FEED, question, request, run};
use crate::store::Store as _;
use crate::tool::tests::{Person, call_beside};
use crate::wallet::tests::fixture::{START, TestWallet};

/// The lines that answer these, without our greeting.
fn talk(bench: &TestWallet, input: &str) -> Vec<serde_json::Value> {
    let (code, out, notes) = run(bench, &["-Plugin"], input.as_bytes());
    assert_eq!((code, notes.as_str()), (0, ""));
    let mut lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.remove(0)["Method"], "Handshake");
    lines
}

/// What a question about a source gets: the response code, or the user name and the token; and what is said to people.
fn answer(bench: &TestWallet, url: &str) -> (String, Vec<String>) {
    let log = request("l", "SetLogLevel", "{\"LogLevel\":\"Debug\"}");
    answer_to(bench, &(log + &question("q", url, false)))
}

fn answer_to(bench: &TestWallet, input: &str) -> (String, Vec<String>) {
    let mut lines = talk(bench, input);
    let last = lines.pop().unwrap();
    let word = |key: &str| last["Payload"][key].as_str().unwrap_or_default().to_owned();
    let found = match word("ResponseCode").as_str() {
        "Success" => format!("{}:{}", word("Username"), word("Password")),
        code => code.to_owned(),
    };
    let logs = lines.iter().filter(|line| line["Method"] == "Log");
    (found, logs.map(|line| line["Payload"]["Message"].as_str().unwrap().to_owned()).collect())
}

fn silently(found: &str) -> (String, Vec<String>) {
    (found.to_owned(), Vec::new())
}

#[test]
fn one_token_answers_for_every_spelling_of_a_feed() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    for url in [
        FEED,
        "https://pkgs.dev.azure.com/contoso/Project/_packaging/feed/nuget/v3/index.json",
        "https://pkgs.dev.azure.com/Contoso/_packaging/feed/nuget/v2",
        "https://contoso.pkgs.visualstudio.com/_packaging/feed/nuget/v3/index.json",
        "https://contoso.pkgs.visualstudio.com/DefaultCollection/_packaging/feed/nuget/v3/index.json",
    ] {
        assert_eq!(answer(&bench, url), silently("VssSessionToken:T"), "{url}");
    }
    let named = FEED.replace("pkgs", "me@pkgs");
    assert_eq!(answer(&bench, &named), silently("me:T"));
}

#[test]
fn a_server_on_premises_answers_below_its_collection() {
    let bench = TestWallet::new();
    bench.add("https://tfs.corp.example:8443/tfs/One", None, "T");
    let feed = |collection: &str| {
        format!("https://tfs.corp.example:8443/tfs/{collection}/_packaging/feed/nuget/v3/index.json")
    };
    assert_eq!(answer(&bench, &feed("One")), silently("VssSessionToken:T"));
    assert_eq!(answer(&bench, &feed("ONE")), silently("VssSessionToken:T"));
    assert_eq!(answer(&bench, &feed("Two")), silently("Error"));
}

#[test]
fn other_services_get_the_user_name_that_they_want() {
    let bench = TestWallet::new();
    bench.add("https://github.com", None, "T");
    bench.add("https://nexus.example/repository", Some("alice"), "U");
    assert_eq!(answer(&bench, "https://nuget.pkg.github.com/acme/index.json"), silently("x-access-token:T"));
    assert_eq!(answer(&bench, "https://nexus.example/repository/nuget/index.json"), silently("alice:U"));
}

#[test]
fn foreign_sources_get_an_error_in_silence() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    for url in [
        "https://packages.example.test/v3/index.json",
        "https://pkgs.dev.azure.com.evil.test/contoso/_packaging/feed/nuget/v3/index.json",
        "https://evilpkgs.dev.azure.com.evil.test/contoso",
        "https://x.blob.core.windows.net/contoso/f.nupkg",
        "https://contoso.vsblob.vsassets.io/f.nupkg",
        "https://contoso.vsblob.visualstudio.com/f.nupkg",
        "\\\\\\\\server\\\\share",
        "/home/me/packages",
        "ftp://h/x",
        "",
        "https://me:secret@pkgs.dev.azure.com/contoso/x",
    ] {
        assert_eq!(answer(&bench, url), silently("Error"), "{url}");
    }
}

#[test]
fn a_source_of_ours_without_a_token_that_can_be_given_is_said_and_not_found() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/two", Some("alice"), "A");
    bench.add("https://dev.azure.com/two", Some("bob"), "B");
    for (url, word) in [
        (FEED, "keyfob add https://dev.azure.com/contoso"),
        ("https://pkgs.dev.azure.com/two/_packaging/f/nuget/v3/index.json", "keyfob prefer"),
        ("https://pkgs.dev.azure.com", "does not tell the organisation"),
    ] {
        let (found, logs) = answer(&bench, url);
        assert_eq!((found.as_str(), logs.len()), ("NotFound", 1), "{url}");
        assert!(logs[0].starts_with("keyfob: ") && logs[0].contains(word), "{logs:?}");
    }
}

#[test]
fn a_locked_store_is_an_error_that_is_said() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    bench.memory.lock().unwrap();
    let before = bench.files();
    let (found, logs) = answer(&bench, FEED);
    assert_eq!(found, "Error");
    assert!(logs.len() == 1 && logs[0].contains("locked"), "{logs:?}");
    assert!(bench.files() == before);
}

#[test]
fn a_retry_gets_the_same_token_and_the_wallet_stays_as_it_is() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let before = bench.files();
    let mut input = request("l", "SetLogLevel", "{\"LogLevel\":\"Debug\"}") + &question("0", FEED, false);
    for at in 1..=4 {
        input += &question(&at.to_string(), FEED, true);
    }
    let (found, logs) = answer_to(&bench, &input);
    assert_eq!(found, "VssSessionToken:T");
    assert!(logs.len() == 1 && logs[0].contains("keyfob add "), "one word at the second retry: {logs:?}");
    assert!(bench.files() == before);
    assert_eq!(bench.entries(), ["azure-devops/contoso - person active 0"]);
}

#[test]
fn a_token_that_comes_later_is_found_by_the_same_process() {
    let bench = TestWallet::new();
    let wallet_reads_anew = |input: &str| answer_to(&bench, input).0;
    assert_eq!(wallet_reads_anew(&question("1", FEED, false)), "NotFound");
    bench.add("https://dev.azure.com/contoso", None, "T");
    assert_eq!(wallet_reads_anew(&question("2", FEED, true)), "VssSessionToken:T");
}

#[test]
fn a_hostile_conversation_is_survived_and_holds_only_lines_of_the_protocol() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let mut input = b"\xef\xbb\xbfhello\r\n\r\n\xff\xfe\x00{\n".to_vec();
    input.extend(vec![b'['; 200_000]);
    input.push(b'\n');
    input.extend(b"{\"a\":".repeat(100_000));
    input.push(b'\n');
    input.extend(b"{\"RequestId\":\"x\",\"Type\":\"Request\",\"Method\":\"GetOperationClaims\",\"Payload\":{\"ServiceIndex\":[");
    input.extend(b"{\"@id\":\"https://h\"},".repeat(50_000));
    input.extend(b"1],\"PackageSourceRepository\":\"https://h\"}}\r\n");
    input.extend(question("q", FEED, false).replace('\n', "\r\n").into_bytes());
    let (code, out, notes) = run(&bench, &["-Plugin"], &input);
    assert_eq!((code, notes.as_str()), (0, ""));
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["Payload"], serde_json::json!({ "Claims": [] }));
    assert_eq!(lines[2]["Payload"]["Password"], "T");
    assert_eq!(lines.len(), 3);
}

#[test]
fn started_by_hand_it_explains_itself_and_says_nothing_on_standard_output() {
    let bench = TestWallet::new();
    for (args, by_hand) in [(&["-Plugin"][..], true), (&[], false), (&["get"], false)] {
        let person = Person { stdin_is_terminal: by_hand, stderr_is_terminal: true };
        let (code, out, notes) = call_beside(person, super::super::serve, &bench, args, b"");
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(notes.contains("keyfob setup nuget"));
    }
}

#[test]
fn the_end_of_a_token_is_told_once_a_day_where_a_person_watches() {
    let bench = TestWallet::new();
    bench
        .add_as("https://dev.azure.com/contoso", "T", |options| {
            options.expires = Some(START + 3 * 86_400);
        })
        .unwrap();
    let input = request("l", "SetLogLevel", "{}") + &question("q", FEED, false) + &question("r", FEED, false);
    let person = Person { stdin_is_terminal: false, stderr_is_terminal: true };
    let (_, text, notes) = call_beside(person, super::super::serve, &bench, &["-Plugin"], input.as_bytes());
    assert_eq!(text.matches("\"LogLevel\":\"Minimal\"").count(), 1, "{text}");
    assert!(notes.is_empty(), "standard error is the console's");
}

#[test]
fn the_variables_of_existing_pipelines_are_honoured() {
    let bench = TestWallet::new();
    bench.set_environment(&[
        (
            "VSS_NUGET_URI_PREFIXES",
            "https://pkgs.dev.azure.com/contoso/;https://contoso.pkgs.visualstudio.com/",
        ),
        ("VSS_NUGET_ACCESSTOKEN", "J"),
    ]);
    assert_eq!(answer(&bench, FEED), silently("VssSessionToken:J"));
    bench.set_environment(&[(
        "ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS",
        r#"{"endpointCredentials":[{"endpoint":"https://tfs.example/tfs/One/_packaging/f/nuget/v3/index.json","username":"any","password":"E"}]}"#,
    )]);
    let feed = "https://tfs.example/tfs/One/_packaging/f/nuget/v3/index.json";
    assert_eq!(answer(&bench, feed).0, "VssSessionToken:E");
    assert_eq!(answer(&bench, FEED).0, "NotFound");
}
