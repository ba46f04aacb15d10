//! What the servers answer beside success, and how they read requests.

use super::*;

/// What git does after the forge answered a good token with `after`.
fn calls_after(after: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (String, Output) {
    let stage = Stage::new();
    let forge = services(&stage);
    let after: Handler = Arc::new(after);
    forge.change(|state| state.after = Some(after));
    let server = forge.start();
    let output = stage.clone(&format!("{}/contoso/Project/_git/Repo", server.url())).fails();
    (stage.calls(), output)
}

#[test]
fn a_sign_in_page_makes_git_store_and_then_fail() {
    for page in [azure::sign_in_page, azure::sign_in_redirect] {
        let (calls, output) = calls_after(page);
        assert_eq!(calls, "get store", "{output}");
        assert!(output.stderr().contains("fatal:"), "{output}");
    }
}

#[test]
fn a_redirect_before_any_401_asks_no_helper() {
    let stage = Stage::new();
    let forge = services(&stage);
    forge.change(|state| state.before = Some(Arc::new(azure::sign_in_redirect)));
    let server = forge.start();
    stage.clone(&format!("{}/contoso/Project/_git/Repo", server.url())).fails();
    assert_eq!(stage.calls(), "");
}

#[test]
fn trouble_other_than_401_makes_git_neither_store_nor_erase() {
    for (answer, said) in [
        ((|_| azure::push_refused()) as fn(&Request) -> Response, "TF401027"),
        (|_| azure::no_repository("Repo"), "TF401019"),
        (|request| azure::rate_limited(request, 3), "429"),
        (azure::broken, "500"),
    ] {
        let (calls, output) = calls_after(answer);
        assert_eq!(calls, "get", "{output}");
        assert!(output.stderr().contains(said), "{output}");
    }
}

#[test]
fn a_token_without_the_right_to_push_is_told_so() {
    let stage = Stage::new();
    let forge = services(&stage);
    let server = forge.start();
    stage.clone(&format!("{}/contoso/Project/_git/Repo", server.url())).succeeds();
    forge.change(|state| state.token(TOKEN).push = false);
    stage.git(&["-C", "work", "commit", "--quiet", "--allow-empty", "-m", "Nothing"]).succeeds();
    stage.calls();
    let output = stage.git(&["-C", "work", "push"]).fails();
    assert!(output.stderr().contains("TF401027"), "{output}");
    assert_eq!(stage.calls(), "get");
}

#[test]
fn a_repository_that_is_not_there_is_not_found() {
    let stage = Stage::new();
    let server = services(&stage).start();
    let output = stage.clone(&format!("{}/contoso/Project/_git/Other", server.url())).fails();
    assert!(output.stderr().contains("not found"), "{output}");
    assert_eq!(stage.calls(), "get");
    let escape = format!("{}/contoso/Project/_git/..%2f..%2fProject%2fRepo", server.url());
    stage.clone(&escape).fails();
}

#[test]
fn the_plain_profiles_take_what_they_say_and_nothing_else() {
    let basic = |user: &str, password: &str| format!("username={user}\npassword={password}\n");
    let bearer = format!("capability[]=authtype\nauthtype=Bearer\ncredential={TOKEN}\n");
    let any = Profile::AnyUser { realm: "GitHub" };
    let mut rows = vec![
        (Profile::Basic, basic("alice", TOKEN), true),
        (Profile::Basic, basic("bob", TOKEN), false),
        (any.clone(), basic("bob", TOKEN), true),
        (any, basic("bob", "unknown"), false),
        (Profile::Bearer, basic("alice", TOKEN), false),
    ];
    match new_git() {
        Some(_) => rows.push((Profile::Bearer, bearer, true)),
        None => skip("git >= 2.46"),
    }
    for (profile, answer, taken) in rows {
        let stage = Stage::new();
        stage.repositories.create("alice/repo");
        let forge = Forge::new(profile.clone(), &stage.repositories);
        forge.add(Token::new("", "alice", TOKEN));
        let server = forge.start();
        stage.answer(&answer);
        let output = stage.clone(&format!("{}/alice/repo.git", server.url()));
        assert_eq!(output.code() == 0, taken, "{profile:?} {answer} {output}");
    }
}

#[test]
fn blob_storage_refuses_a_token() {
    let server = Server::start(Arc::new(azure::blob_storage));
    let ask = |extra: &str| {
        let head = format!("GET /x?sig=1 HTTP/1.1\r\nHost: x\r\n{extra}Connection: close\r\n\r\n");
        raw(&server, &head)
    };
    assert!(ask("").starts_with("HTTP/1.1 200 "));
    assert!(
        ask(&format!("Authorization: Basic {}\r\n", base64(&format!("a:{TOKEN}"))))
            .starts_with("HTTP/1.1 403 ")
    );
    assert_eq!(server.log().hosts_that_saw(TOKEN), ["x"]);
}

#[test]
fn the_server_understands_chunks_and_continue_and_refuses_what_is_too_long_or_unclear() {
    let server =
        Server::start(Arc::new(|request: &Request| Response::with(200, "text/plain", request.body.clone())));
    let post =
        |rest: &str| raw(&server, &format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}"));

    let chunks =
        "Transfer-Encoding: chunked\r\n\r\n5;note=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n";
    assert!(post(chunks).ends_with("\r\n\r\nhello world"));
    let expecting = post("Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    assert!(expecting.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{expecting}");
    assert!(post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(post("Content-Length: many\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(post("Content-Length: 99999999999\r\n\r\n").starts_with("HTTP/1.1 413 "));
    assert!(post(&format!("X: {}\r\n\r\n", "x".repeat(70_000))).starts_with("HTTP/1.1 431 "));
    // Two requests on one connection.
    let two = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(&server, two).matches("HTTP/1.1 200 OK").count(), 2);
}

#[test]
fn a_server_ends_when_it_is_dropped_even_with_a_connection_open() {
    let server = Server::start(Arc::new(|_: &Request| Response::new(204)));
    let address = server.host();
    let mut open = TcpStream::connect(&address).unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
    drop(server);
    // End or reset, but no waiting for a server that is gone.
    assert!(!matches!(open.read(&mut [0; 1]), Ok(1..)));
    assert!(TcpStream::connect(&address).is_err());
}

/// Sends bytes and reads all that comes back.
pub(super) fn raw(server: &Server, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.host()).unwrap();
    // What is refused before it is read in full may break the pipe.
    let _ = stream.write_all(bytes.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

pub(super) fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
