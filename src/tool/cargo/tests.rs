//! The adapter with byte buffers and a wallet in memory: what cargo says in, what cargo hears out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::forge::{Need, azure, gitea, gitlab};
use crate::tool::tests::{Ran, call};
use crate::wallet::tests::fixture::{TestWallet, on};

const AZURE: &str = "sparse+https://pkgs.dev.azure.com/contoso/My%20Project/_packaging/feed/Cargo/index/";
const HELLO: &str = "{\"v\":[1]}\n";

fn run(bench: &TestWallet, input: &[u8]) -> Ran {
    call(super::serve, bench, &["--cargo-plugin"], input)
}

fn request(url: &str, rest: &str) -> String {
    format!(
        "{{\"v\":1,\"registry\":{{\"index-url\":\"{url}\",\"name\":\"lab\",\"headers\":[\"A: b\"]}},{rest},\"args\":[]}}\n"
    )
}

/// The answer to one request, without the greeting, and what is said beside it.
fn ask(bench: &TestWallet, url: &str, rest: &str) -> (String, String) {
    let (code, out, notes) = run(bench, request(url, rest).as_bytes());
    assert_eq!(code, 0);
    (out.strip_prefix(HELLO).unwrap().trim_end().to_owned(), notes)
}

fn get(bench: &TestWallet, url: &str) -> String {
    ask(bench, url, "\"kind\":\"get\",\"operation\":\"read\"").0
}

fn login(bench: &TestWallet, url: &str, token: &str) -> String {
    ask(bench, url, &format!("\"kind\":\"login\",\"token\":\"{token}\",\"login-url\":\"https://x\"")).0
}

fn found(token: &str) -> String {
    format!(r#"{{"Ok":{{"kind":"get","token":"{token}","cache":"session","operation_independent":true}}}}"#)
}

fn error(kind: &str) -> String {
    format!(r#"{{"Err":{{"kind":"{kind}"}}}}"#)
}

const LOGGED_IN: &str = r#"{"Ok":{"kind":"login"}}"#;
const LOGOUT: &str = "\"kind\":\"logout\"";

#[test]
fn azure_gets_basic_for_every_operation_and_every_spelling() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let expected = found(&format!("Basic {}", BASE64.encode("PAT:T")));
    assert_eq!(get(&bench, AZURE), expected);
    assert_eq!(
        get(&bench, "sparse+https://contoso.pkgs.visualstudio.com/_packaging/f/Cargo/index/"),
        expected
    );
    for operation in ["read", "publish", "yank", "unyank", "owners", "of-the-future"] {
        let rest =
            format!("\"kind\":\"get\",\"operation\":\"{operation}\",\"name\":\"app\",\"vers\":\"0.1.0\"");
        assert_eq!(ask(&bench, AZURE, &rest).0, expected);
    }
}

#[test]
fn other_registries_get_the_token_alone_and_gitea_as_bearer() {
    let bench = TestWallet::new();
    bench.add("https://cargo.example", Some("alice"), "T");
    bench.add_as("https://git.example", "G", on(&gitea::FORGE, None)).unwrap();
    assert_eq!(get(&bench, "sparse+https://cargo.example/index/"), found("T"));
    assert_eq!(get(&bench, "sparse+https://git.example/api/packages/acme/cargo/"), found("Bearer G"));
}

#[test]
fn a_foreign_host_is_left_to_the_next_provider_in_silence() {
    let bench = TestWallet::new();
    bench.add("https://cargo.example", Some("alice"), "T");
    for url in [
        "sparse+https://index.crates.io/",
        "sparse+https://cargo.example:8443/index/",
        "sparse+https://xcargo.example/index/",
        "sparse+https://cargo.example.evil.test/",
        "sparse+file:///srv/index",
        "registry+ssh://git@cargo.example/index",
        "nonsense",
        "",
    ] {
        let said = ask(&bench, url, "\"kind\":\"get\",\"operation\":\"read\"");
        assert_eq!(said, (error("url-not-supported"), String::new()), "{url}");
    }
}

#[test]
fn a_forges_token_never_answers_for_an_index_that_is_a_repository() {
    let bench = TestWallet::new();
    bench.add("https://github.com", None, "GITHUB");
    bench.add("https://dev.azure.com/contoso", None, "AZURE");
    for url in [
        "https://github.com/rust-lang/crates.io-index",
        "registry+https://github.com/rust-lang/crates.io-index",
        "https://github.com/acme/index",
        "registry+https://dev.azure.com/contoso/p/_git/index",
        "registry+https://dev.azure.com/fabrikam/p/_git/index",
    ] {
        assert_eq!(get(&bench, url), error("url-not-supported"), "{url}");
    }
    assert_eq!(login(&bench, "https://github.com/acme/index", "x"), error("url-not-supported"));
    // crates.io's old name is crates.io.
    assert_eq!(login(&bench, "https://github.com/rust-lang/crates.io-index", "CRATES"), LOGGED_IN);
    assert_eq!(get(&bench, "sparse+https://index.crates.io/"), found("CRATES"));
    assert_eq!(get(&bench, "https://github.com/rust-lang/crates.io-index"), found("CRATES"));
}

#[test]
fn a_forges_token_never_answers_for_an_index_in_the_files_of_a_repository() {
    let bench = TestWallet::new();
    bench.add("https://gitlab.com", None, "GITLAB");
    bench.add("https://github.com", None, "GITHUB");
    bench.add("https://dev.azure.com/contoso", None, "AZURE");
    bench.add_as("https://git.example/gitea", "GITEA", on(&gitea::FORGE, None)).unwrap();
    bench.add_as("https://lab.example", "LAB", on(&gitlab::FORGE, None)).unwrap();
    bench.add_as("https://tfs.example/virtual/one", "TFS", on(&azure::server::FORGE, None)).unwrap();
    for url in [
        "sparse+https://gitlab.com/evil/index/-/raw/main/",
        "sparse+https://gitlab.com/api/v4/projects/evil%2Findex/repository/files/",
        "sparse+https://gitlab.com/api/v4/projects/1/packages/generic/packages/cargo/",
        "sparse+https://gitlab.com/api/v4/projects/evil%2F1/packages/generic/packages/cargo/",
        "sparse+https://gitlab.com/evil/index/-/raw/main/api/v4/projects/1/packages/cargo/",
        "sparse+https://lab.example/evil/index/-/raw/main/",
        "sparse+https://git.example/gitea/evil/index/raw/branch/main/",
        "sparse+https://git.example/gitea/evil/index/raw/branch/main/api/packages/x/cargo/",
        "sparse+https://github.com/evil/index/raw/main/",
        "sparse+https://api.github.com/repos/evil/index/",
        "sparse+https://dev.azure.com/contoso/p/_apis/git/repositories/r/items/_packaging/f/Cargo/index/",
        "sparse+https://dev.azure.com/contoso/p/_git/r/",
        "sparse+https://pkgs.dev.azure.com/contoso/_packaging/f/maven/v1/evil/Cargo/index/",
        "sparse+https://pkgs.dev.azure.com/contoso/_packaging/Cargo/",
        "sparse+https://contoso.visualstudio.com/",
        // Of a place without a token, too, nothing is said that would not help.
        "sparse+https://bitbucket.org/evil/index/raw/main/",
        "sparse+https://dev.azure.com/fabrikam/p/_git/r/",
    ] {
        let said = ask(&bench, url, "\"kind\":\"get\",\"operation\":\"read\"");
        assert_eq!(said, (error("url-not-supported"), String::new()), "{url}");
        assert_eq!(login(&bench, url, "x"), error("url-not-supported"), "{url}");
    }
    let is_found = |url: &str| get(&bench, url).starts_with("{\"Ok\"");
    for url in [
        "sparse+https://gitlab.com/api/v4/projects/1/packages/cargo/",
        "sparse+https://lab.example/api/v4/projects/1/packages/cargo/",
        "sparse+https://git.example/gitea/api/packages/acme/cargo/",
        AZURE,
        "sparse+https://contoso@pkgs.dev.azure.com/contoso/_packaging/f@Release/cargo/index/",
        "sparse+https://contoso.pkgs.visualstudio.com/DefaultCollection/p/_packaging/f/Cargo/index/",
        "sparse+https://tfs.example/virtual/One/_packaging/f/Cargo/index/",
        "sparse+https://TFS.example/virtual/one/p/_packaging/f/Cargo/index/",
    ] {
        assert!(is_found(url), "{url}");
    }
}

#[test]
fn what_git_stored_for_a_host_that_nobody_described_is_no_registrys() {
    let bench = TestWallet::new();
    bench.store("https://alice@git.example", "GIT");
    for user in ["", "alice@"] {
        let url = format!("sparse+https://{user}git.example/evil/index/raw/main/");
        assert_eq!(get(&bench, &url), error("url-not-supported"), "{url}");
    }
    assert_eq!(bench.get("https://git.example"), "alice:GIT");
    assert!(login(&bench, "sparse+https://alice@git.example/index/", "CARGO").contains("leave the name out"));
    // What a login stored is, also beside it.
    let url = "sparse+https://git.example/index/";
    assert_eq!(login(&bench, url, "CARGO"), LOGGED_IN);
    assert_eq!(get(&bench, url), found("CARGO"));
}

#[test]
fn a_place_that_is_ours_without_a_token_is_not_found_with_a_hint() {
    let bench = TestWallet::new();
    let (answer, notes) = ask(&bench, AZURE, "\"kind\":\"get\",\"operation\":\"read\"");
    assert_eq!(answer, error("not-found"));
    assert!(notes.starts_with("keyfob: hint: ") && notes.contains("keyfob add"), "{notes}");
}

#[test]
fn a_locked_store_stops_cargo_and_says_why() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    crate::store::Store::lock(&bench.memory).unwrap();
    let before = bench.files();
    for rest in ["\"kind\":\"get\",\"operation\":\"read\"", "\"kind\":\"login\",\"token\":\"X\""] {
        let (answer, _) = ask(&bench, AZURE, rest);
        assert!(answer.starts_with(r#"{"Err":{"kind":"other","message":"keyfob: "#), "{answer}");
        assert!(answer.contains("locked") && answer.contains("keyfob unlock"), "{answer}");
    }
    assert!(bench.files() == before);
    // Where the token would not be given, it is not looked for either.
    assert_eq!(get(&bench, "https://dev.azure.com/contoso/p/_git/index"), error("url-not-supported"));
}

#[test]
fn a_login_comes_back_and_a_logout_destroys_it() {
    let bench = TestWallet::new();
    let url = "sparse+https://cargo.example/index/";
    assert_eq!(login(&bench, url, "ONE"), LOGGED_IN);
    assert_eq!(login(&bench, url, " TWO\\n"), LOGGED_IN);
    assert_eq!(get(&bench, url), found("TWO"));
    assert_eq!(ask(&bench, url, LOGOUT), (r#"{"Ok":{"kind":"logout"}}"#.to_owned(), String::new()));
    assert_eq!(get(&bench, url), error("url-not-supported"));
    assert_eq!(bench.memory.len(), 0);
    assert_eq!(ask(&bench, url, LOGOUT).0, error("not-found"), "another provider may hold it");
}

#[test]
fn azures_own_instructions_pipe_a_header_and_the_token_in_it_is_what_is_kept() {
    let bench = TestWallet::new();
    let header = format!("Basic {}", BASE64.encode("PAT:T"));
    assert_eq!(login(&bench, AZURE, &header), LOGGED_IN);
    assert_eq!(get(&bench, AZURE), found(&header));
    assert!(bench.get_for(Need::Packages, "https://dev.azure.com/contoso").ends_with(":T"));
    // The same as a person's token is nothing new.
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let before = bench.files();
    assert_eq!(login(&bench, AZURE, &header), LOGGED_IN);
    assert_eq!(login(&bench, AZURE, "T"), LOGGED_IN);
    assert!(bench.files() == before);
}

#[test]
fn a_scheme_that_a_login_names_elsewhere_returns_with_the_token() {
    let bench = TestWallet::new();
    let url = "sparse+https://cargo.example/index/";
    for header in ["Bearer T", "Basic YTpi"] {
        assert_eq!(login(&bench, url, header), LOGGED_IN);
        assert_eq!(get(&bench, url), found(header));
    }
}

#[test]
fn a_login_beside_a_persons_token_says_that_it_is_not_the_one() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "MINE");
    let (answer, notes) = ask(&bench, AZURE, "\"kind\":\"login\",\"token\":\"OTHER\"");
    assert_eq!(answer, LOGGED_IN);
    assert!(notes.contains("answers first") && !notes.contains("OTHER"), "{notes}");
    assert_eq!(get(&bench, AZURE), found(&format!("Basic {}", BASE64.encode("PAT:MINE"))));
}

#[test]
fn a_logout_sets_a_persons_token_aside_for_packages_only() {
    let bench = TestWallet::new();
    bench.add("https://dev.azure.com/contoso", None, "T");
    let (answer, notes) = ask(&bench, AZURE, LOGOUT);
    assert_eq!(answer, r#"{"Ok":{"kind":"logout"}}"#);
    assert!(notes.contains("keyfob restore https://dev.azure.com/contoso"), "{notes}");
    assert_eq!(get(&bench, AZURE), error("not-found"));
    assert_eq!(bench.get("https://dev.azure.com/contoso"), "contoso:T");
}

#[test]
fn several_requests_are_answered_one_by_one_and_a_bad_one_does_not_end_it() {
    let bench = TestWallet::new();
    bench.add("https://cargo.example", Some("alice"), "T");
    let good = request("sparse+https://cargo.example/", "\"kind\":\"get\",\"operation\":\"read\"");
    let later = good.replace("\"v\":1", "\"v\":2");
    let (code, out, _) = run(&bench, format!("{good}s3cret\n{later}{good}").as_bytes());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines.len()), (0, 5));
    assert_eq!((lines[1], lines[4]), (found("T").as_str(), found("T").as_str()));
    assert!(lines[2].contains("\"other\"") && !lines[2].contains("s3cret"), "{}", lines[2]);
    assert_eq!(lines[3], error("operation-not-supported"));
    let unknown = ask(&bench, "sparse+https://cargo.example/", "\"kind\":\"unknown\"").0;
    assert_eq!(unknown, error("operation-not-supported"));
}

#[test]
fn bad_input_is_refused_in_the_protocol_and_nothing_of_it_is_repeated_or_written() {
    let bench = TestWallet::new();
    let long = vec![b'x'; crate::tool::input::LIMIT + 1];
    let with = |token: &str| {
        let rest = format!("\"kind\":\"login\",\"token\":\"{token}\"");
        request("sparse+https://cargo.example/", &rest).into_bytes()
    };
    for input in [
        long,
        b"\xff\xfes3cret\n".to_vec(),
        b"{\"v\":1,\"kind\":\"s3cret\"}\n".to_vec(),
        with("s3cret\\u0000"),
        with("s3cret\\nmore"),
        with("token s3cret"),
        with("  "),
        request("sparse+https://cargo.example/", "\"kind\":\"login\"").into_bytes(),
    ] {
        let (code, out, notes) = run(&bench, &input);
        let answer = out.strip_prefix(HELLO).unwrap();
        assert_eq!(code, 0);
        assert!(answer.starts_with(r#"{"Err":{"kind":"other","#) && answer.lines().count() == 1, "{answer}");
        assert!(!out.contains("s3cret") && !notes.contains("s3cret"), "{out}{notes}");
    }
    assert!(bench.memory.is_empty() && bench.files().is_empty());
    assert_eq!(run(&bench, b"").1, HELLO);
}
