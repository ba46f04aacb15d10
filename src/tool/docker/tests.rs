//! The adapter with byte buffers and a wallet in memory: what docker says in, what docker hears out.

use super::{NO_SERVER, NO_USER, NOT_FOUND};
use crate::tool::tests::{Ran, call};
use crate::wallet::tests::fixture::TestWallet;

fn run(bench: &TestWallet, word: &str, input: impl AsRef<[u8]>) -> Ran {
    call(super::serve, bench, &[word], input.as_ref())
}

fn answer(server: &str, user: &str, token: &str) -> (u8, String, String) {
    let json = format!("{{\"ServerURL\":\"{server}\",\"Username\":\"{user}\",\"Secret\":\"{token}\"}}\n");
    (0, json, String::new())
}

fn login(server: &str, user: &str, token: &str) -> String {
    answer(server, user, token).1
}

fn sentence(text: &str) -> (u8, String, String) {
    (1, format!("{text}\n"), String::new())
}

fn silence() -> (u8, String, String) {
    (0, String::new(), String::new())
}

fn store(bench: &TestWallet, server: &str, user: &str, token: &str) {
    assert_eq!(run(bench, "store", login(server, user, token)), silence());
}

#[test]
fn a_persons_token_answers_in_every_spelling_and_the_server_is_echoed_as_it_came() {
    let bench = TestWallet::new();
    bench.add("https://registry.example:5000", Some("alice"), "T");
    for server in
        ["registry.example:5000", "https://registry.example:5000", "https://registry.example:5000/v2/"]
    {
        assert_eq!(run(&bench, "get", server), answer(server, "alice", "T"));
        assert_eq!(run(&bench, "get", format!(" {server}\r\n")), answer(server, "alice", "T"));
    }
}

#[test]
fn a_forges_token_answers_for_its_registry() {
    let bench = TestWallet::new();
    bench.add("https://github.com", None, "T");
    assert_eq!(run(&bench, "get", "ghcr.io"), answer("ghcr.io", "x-access-token", "T"));
}

#[test]
fn a_foreign_host_gets_the_fixed_sentence_and_not_a_word_more() {
    let bench = TestWallet::new();
    bench.add("https://registry.example", Some("alice"), "T");
    for server in [
        "registry.example:5000",
        "xregistry.example",
        "registry.example.evil.test",
        "evil.test/registry.example",
        "http://registry.example",
        "docker.io",
        "localhost:5000",
    ] {
        let (code, out, notes) = run(&bench, "get", server);
        assert_eq!((code, out.as_str()), (1, "credentials not found in native keychain\n"), "{server}");
        assert!(notes.is_empty() || server.starts_with("http://"), "{server}: {notes}");
    }
}

#[test]
fn a_place_that_is_ours_without_a_token_gets_the_sentence_and_a_hint() {
    let bench = TestWallet::new();
    bench.add("https://registry.example", Some("alice"), "A");
    bench.add("https://registry.example", Some("bob"), "B");
    for (server, word) in [("ghcr.io", "keyfob add"), ("registry.example", "alice")] {
        let (code, out, notes) = run(&bench, "get", server);
        assert_eq!((code, out), (1, format!("{NOT_FOUND}\n")));
        assert!(notes.starts_with("keyfob: hint: ") && notes.contains(word), "{notes}");
        assert_eq!(notes.lines().count(), 1);
    }
}

#[test]
fn an_error_stands_on_both_streams_and_is_not_the_sentence() {
    let bench = TestWallet::new();
    bench.add("https://registry.example", Some("alice"), "T");
    crate::store::Store::lock(&bench.memory).unwrap();
    let before = bench.files();
    for (word, input) in [
        ("get", "registry.example".to_owned()),
        ("list", String::new()),
        ("store", login("registry.example", "bob", "B")),
    ] {
        let (code, out, notes) = run(&bench, word, &input);
        assert_eq!(code, 1, "{word}");
        assert!(out.contains("locked") && !out.contains(NOT_FOUND), "{word}: {out}");
        assert!(notes.starts_with("keyfob: error: ") && notes.contains("locked"), "{word}: {notes}");
    }
    assert!(bench.files() == before);
}

#[test]
fn a_login_comes_back_and_is_gone_after_a_logout() {
    let bench = TestWallet::new();
    for server in ["registry.example", "localhost:5000", "https://index.docker.io/v1/", "127.0.0.1:18080"] {
        store(&bench, server, "alice", "T");
        assert_eq!(run(&bench, "get", server), answer(server, "alice", "T"));
        // docker logout says it four times in three ways.
        for again in [server, server, &format!("http://{server}"), &format!("https://{server}")] {
            if !again.contains("https://https") && !again.contains("http://https") {
                assert_eq!(run(&bench, "erase", again), silence(), "{again}");
            }
        }
        assert_eq!(run(&bench, "get", server), sentence(NOT_FOUND));
    }
    assert_eq!(bench.memory.len(), 0, "a logout destroys");
}

#[test]
fn an_identity_token_keeps_its_marker_and_characters_that_need_escapes_survive() {
    let bench = TestWallet::new();
    let input =
        r#"{"ServerURL":"registry.example","Username":"\u003ctoken\u003e","Secret":"a\"b\\c\u0026é"}"#;
    assert_eq!(run(&bench, "store", input), silence());
    assert_eq!(run(&bench, "get", "registry.example"), answer("registry.example", "<token>", r#"a\"b\\c&é"#));
}

#[test]
fn a_second_login_is_the_one_that_counts_and_the_first_can_come_back() {
    let bench = TestWallet::new();
    store(&bench, "registry.example", "alice", "A");
    store(&bench, "registry.example", "bob", "B");
    assert_eq!(run(&bench, "get", "registry.example"), answer("registry.example", "bob", "B"));
    store(&bench, "registry.example", "alice", "A");
    assert_eq!(run(&bench, "get", "registry.example"), answer("registry.example", "alice", "A"));
}

#[test]
fn a_logout_sets_a_persons_token_aside_and_says_how_it_comes_back() {
    let bench = TestWallet::new();
    bench.add("https://github.com", None, "T");
    let (code, out, notes) = run(&bench, "erase", "ghcr.io");
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("keyfob restore https://github.com"), "{notes}");
    assert_eq!(run(&bench, "get", "ghcr.io").1, format!("{NOT_FOUND}\n"));
    bench.restore("https://github.com", None).unwrap();
    assert_eq!(run(&bench, "get", "ghcr.io"), answer("ghcr.io", "x-access-token", "T"));
}

#[test]
fn a_login_beside_a_persons_token_says_that_it_is_not_the_one() {
    let bench = TestWallet::new();
    bench.add("https://github.com", None, "MINE");
    let (code, out, notes) = run(&bench, "store", login("ghcr.io", "alice", "OTHER"));
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(notes.contains("answers first") && !notes.contains("OTHER"), "{notes}");
    assert_eq!(run(&bench, "store", login("ghcr.io", "alice", "MINE")), silence());
}

#[test]
fn the_hint_beside_a_login_in_vain_names_the_account_whose_token_it_would_replace() {
    let bench = TestWallet::new();
    bench.add("https://github.com", Some("alice"), "MINE");
    let (_, _, notes) = run(&bench, "store", login("ghcr.io", "alice", "OTHER"));
    assert!(notes.ends_with("keyfob add https://ghcr.io --account alice\n"), "{notes}");
    // What it says leads to an answer, and not to two accounts of which neither is preferred.
    bench.add("https://ghcr.io", Some("alice"), "NEW");
    assert_eq!(run(&bench, "get", "ghcr.io"), answer("ghcr.io", "alice", "NEW"));
    let (_, _, notes) = run(&bench, "erase", "ghcr.io");
    assert!(notes.ends_with("keyfob restore https://github.com --account alice\n"), "{notes}");
}

#[test]
fn a_login_beside_a_token_in_the_environment_is_told_so() {
    let bench = TestWallet::new();
    bench.set_environment(&[("KEYFOB_URL", "https://registry.example"), ("KEYFOB_TOKEN", "MINE")]);
    let (_, _, notes) = run(&bench, "store", login("registry.example", "alice", "OTHER"));
    assert!(
        notes.contains("the token in KEYFOB_TOKEN answers first") && !notes.contains("keyfob add"),
        "{notes}"
    );
}

/// As the docker command does since 2024, when it is given no name.
#[test]
fn a_login_in_the_browser_keeps_its_three_tokens_apart() {
    let bench = TestWallet::new();
    let (hub, access, refresh) = (
        "https://index.docker.io/v1/",
        "https://index.docker.io/v1/access-token",
        "https://index.docker.io/v1/refresh-token",
    );
    for (server, token) in [(access, "A"), (refresh, "R..client"), (hub, "PAT")] {
        store(&bench, server, "hubby", token);
    }
    for (server, token) in [(access, "A"), (refresh, "R..client"), (hub, "PAT")] {
        assert_eq!(run(&bench, "get", server), answer(server, "hubby", token));
    }
    assert_eq!(run(&bench, "list", "").1, "{\"https://index.docker.io/v1/\":\"hubby\"}\n");
    // What docker does at logout, one after the other.
    for server in [access, refresh] {
        assert_eq!(run(&bench, "erase", server), silence());
        assert_eq!(run(&bench, "get", server), sentence(NOT_FOUND));
        assert_eq!(run(&bench, "get", hub), answer(hub, "hubby", "PAT"));
    }
    assert_eq!(run(&bench, "erase", hub), silence());
    assert!(bench.memory.is_empty());
}

#[test]
fn a_persons_token_for_docker_hub_is_none_of_dockers_own() {
    let bench = TestWallet::new();
    bench.add("https://docker.io", Some("hubby"), "T");
    assert_eq!(run(&bench, "get", "docker.io"), answer("docker.io", "hubby", "T"));
    for name in ["access-token", "refresh-token"] {
        let server = format!("https://index.docker.io/v1/{name}");
        assert_eq!(run(&bench, "get", &server), sentence(NOT_FOUND));
        assert_eq!(run(&bench, "erase", &server), silence());
    }
    assert_eq!(run(&bench, "get", "docker.io"), answer("docker.io", "hubby", "T"));
}

#[test]
fn the_list_names_what_answers_and_nothing_secret() {
    let bench = TestWallet::new();
    assert_eq!(run(&bench, "list", ""), (0, "{}\n".to_owned(), String::new()));
    bench.add("https://dev.azure.com/contoso", None, "SECRET");
    bench.add("https://github.com", None, "SECRET");
    bench.add("https://two.example", Some("a"), "SECRET");
    bench.add("https://two.example", Some("b"), "SECRET");
    store(&bench, "https://index.docker.io/v1/", "hubby", "SECRET");
    store(&bench, "localhost:5000", "alice", "SECRET");
    bench.set_environment(&[("KEYFOB_URL", "https://env.example"), ("KEYFOB_TOKEN", "SECRET")]);
    let (code, out, notes) = run(&bench, "list", "");
    assert_eq!((code, notes.as_str()), (0, ""));
    let all: std::collections::BTreeMap<String, String> = serde_json::from_str(&out).unwrap();
    let all: Vec<String> = all.iter().map(|(server, user)| format!("{server} {user}")).collect();
    let expected = [
        "env.example x-access-token",
        "ghcr.io x-access-token",
        "https://index.docker.io/v1/ hubby",
        "localhost:5000 alice",
    ];
    assert_eq!(all, expected);
    assert!(!out.contains("SECRET"));
}

#[test]
fn requests_that_lack_a_part_get_their_fixed_sentence() {
    let bench = TestWallet::new();
    for word in ["get", "erase"] {
        for input in ["", "\n", " \r\n"] {
            assert_eq!(run(&bench, word, input), sentence("no credentials server URL"), "{word}");
        }
    }
    assert_eq!(run(&bench, "store", "{}"), sentence(NO_SERVER));
    assert_eq!(run(&bench, "store", login("", "u", "T")), sentence(NO_SERVER));
    assert_eq!(run(&bench, "store", login("h.example", "", "T")), sentence("no credentials username"));
    assert_eq!(run(&bench, "store", r#"{"ServerURL":"h.example","Secret":"T"}"#), sentence(NO_USER));
    assert_eq!(bench.memory.len(), 0);
}

#[test]
fn bad_input_is_refused_without_repeating_it_and_nothing_is_written() {
    let bench = TestWallet::new();
    let long = "s3cret".repeat(1 << 18);
    for (word, input) in [
        ("get", &b"https://me:s3cret@registry.example"[..]),
        ("get", b"registry.example\nhost=s3cret"),
        ("get", b"s3cret\0"),
        ("get", b"\xffs3cret"),
        ("get", b"../s3cret"),
        ("get", long.as_bytes()),
        ("erase", b"ssh://s3cret"),
        ("store", b"s3cret"),
        ("store", b"{\"ServerURL\":\"h.example\",\"Username\":\"u\",\"Secret\":\"s3cret\""),
        ("store", b"{\"ServerURL\":\"h.example\",\"Username\":\"u\\n\",\"Secret\":\"s3cret\"}"),
        // Python would take it for the end of a line in what the keyring command prints.
        ("store", b"{\"ServerURL\":\"h.example\",\"Username\":\"u\\u2028\",\"Secret\":\"s3cret\"}"),
        ("store", b"{\"ServerURL\":\"h.example\",\"Username\":\"u\",\"Secret\":\"s3cret\\n\"}"),
        ("store", b"{\"ServerURL\":\"http://h.example\",\"Username\":\"u\",\"Secret\":\"s3cret\"}"),
        ("s3cret", b""),
    ] {
        let (code, out, notes) = run(&bench, word, input);
        assert_eq!(code, 1, "{word} {}", String::from_utf8_lossy(&input[..input.len().min(80)]));
        assert!(out.starts_with("keyfob: ") && out.lines().count() == 1, "{out}");
        assert!(notes.starts_with("keyfob: error: "), "{notes}");
        assert!(!out.contains("s3cret") && !notes.contains("s3cret"), "{out}{notes}");
    }
    assert!(bench.memory.is_empty() && bench.files().is_empty());
}

#[test]
fn a_login_by_plain_http_is_refused_with_a_command_that_allows_it() {
    let bench = TestWallet::new();
    let (_, _, notes) = run(&bench, "store", login("http://h.example:5000", "u", "T"));
    assert!(notes.ends_with("keyfob add http://h.example:5000 --allow-http\n"), "{notes}");
}

#[test]
fn the_version_is_one_line() {
    let (code, out, _) = run(&TestWallet::new(), "version", "");
    assert_eq!(code, 0);
    assert!(out.starts_with("docker-credential-keyfob (keyfob) v") && out.ends_with('\n'), "{out}");
}

#[test]
fn what_git_stored_as_a_header_is_nothing_that_docker_can_use() {
    let bench = TestWallet::new();
    let token = crate::wallet::tests::fixture::secret("T");
    let new = crate::wallet::NewCredential { authtype: Some("Bearer".to_owned()), ..token.into() };
    bench.store_given("https://registry.example", new).unwrap();
    assert_eq!(run(&bench, "get", "registry.example"), sentence(NOT_FOUND));
    assert_eq!(run(&bench, "list", "").1, "{}\n");
}
