//! What may come back in place of a plain answer: all that HTTP allows is understood, all that it does not is told and concludes
//! nothing, and nothing lasts longer than it may.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::*;
use crate::fakes::listener::Listener;
use crate::fakes::proxy::Manner;

const ME: &str =
    r#"{"authenticatedUser":{"id":"66666666-6666-6666-6666-666666666666","providerDisplayName":"alice"}}"#;

/// Services that answer everything with this.
fn answering(answer: Response) -> Stage {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    stage.services.change(|state| state.before = Some(Arc::new(move |_| answer.clone())));
    stage
}

/// Bytes as they are.
fn raw(text: impl AsRef<[u8]>) -> Response {
    Response::verbatim(200, text.as_ref())
}

/// An answer of JSON.
fn json(body: impl Into<Vec<u8>>) -> Response {
    Response::with(200, "application/json", body)
}

#[test]
fn every_form_that_http_has_for_an_answer_is_understood() {
    let length = ME.len();
    let half = length / 2;
    let (one, two) = ME.split_at(half);
    for answer in [
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{ME}\r\n0\r\n\r\n"),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n{half:X};note=\"1\"\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\nX: y\r\n\r\n",
            length - half
        ),
        format!("HTTP/1.0 200 OK\r\n\r\n{ME}"),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{ME}"),
        format!("HTTP/1.1 200\r\ncontent-length:{length}\r\n\r\n{ME}"),
        format!("HTTP/1.1 200 OK\nContent-Length: {length}\n\n{ME}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Length: {length}\r\n\r\n{ME}"),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{ME}"
        ),
        format!("HTTP/1.1 200 OK\r\nX-Odd: \u{e9}\u{7f}\r\nContent-Length: {length}\r\n\r\n{ME}")
            .replace('\u{7f}', ""),
    ] {
        let stage = answering(raw(&answer));
        let output = stage.run(&format!("check {CONTOSO}"), "");
        assert_eq!(output.code(), 0, "{answer:?}\n{output}");
        output.says(0, &["accepted", "alice"]);
    }
}

#[test]
fn what_is_no_answer_of_http_concludes_nothing() {
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n{ME}");
    let length = ME.len();
    for answer in [
        // Two lengths, or a length and chunks, are how answers are smuggled.
        with(&format!("Content-Length: {length}\r\nContent-Length: 3")),
        with("Content-Length: -1"),
        with("Content-Length: 0x10"),
        with("Content-Length: 99999999999999999999999"),
        with("Transfer-Encoding: chunked"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx".to_owned(),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{ME}\r\n"),
        with("Content-Length: 400"),
        "HTTP/1.1 200 OK\r\nContent-Le".to_owned(),
        with("no colon"),
        with("X-Nul: a\0b"),
        with(": nameless"),
        format!("HTTP/1.1 2OO OK\r\n\r\n{ME}"),
        format!("HTTP/1.1 20 OK\r\n\r\n{ME}"),
        format!("HTTP/1.1 000 OK\r\n\r\n{ME}"),
        format!("HTTP/1.1 999 Odd\r\n\r\n{ME}"),
        format!("HTTP/3.7 200 OK\r\n\r\n{ME}"),
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n{ME}"),
        ME.to_owned(),
        String::new(),
        "\r\n\r\n\r\n".to_owned(),
        // What begins HTTP/2: an empty SETTINGS frame, and a GOAWAY.
        "\0\0\0\u{4}\0\0\0\0\0\0\0\u{8}\u{7}\0\0\0\0\0\0\0\0\0\0\0\u{1}".to_owned(),
    ] {
        let stage = answering(raw(&answer));
        let (code, result, _) = stage.verdict();
        assert_eq!((code, result.as_str()), (6, "unclear"), "{answer:?}");
        assert_eq!(stage.state(), "active");
    }
}

#[test]
fn what_cannot_be_read_concludes_nothing() {
    let user = |rest: &str| format!("{{\"authenticatedUser\":{{{rest}}}}}");
    let id = "\"id\":\"66666666-6666-6666-6666-666666666666\"";
    // Compressed, although nobody asked for it: gzip and zlib of two bytes.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0".to_vec();
    let zlib = b"\x78\x9c\xab\xae\x05\0\x01\x75\0\xf9".to_vec();
    for answer in [
        json(gzip).header("Content-Encoding", "gzip"),
        json(zlib).header("Content-Encoding", "deflate"),
        json("[".repeat(900_000)),
        json(user(&format!("{id},\"properties\":{}", "{\"a\":".repeat(100_000)))),
        json(user(&format!("{id},{id}"))),
        json(format!("{{\"authenticatedUser\":1,{}", &user(id)[1..])),
        json(user("\"id\":7")),
        json(user("\"id\":\"\u{0}\u{1}\"")),
        json([user(id).as_bytes(), b"x"].concat()),
        json([b"{\"authenticatedUser\":{\"id\":\"6\xff\xfe\"}}".as_slice()].concat()),
        json("\u{feff}{}"),
        json(""),
        json("null"),
        json("[]"),
        json("{}"),
        json("true"),
        Response::new(204),
        Response::new(206).body(ME),
    ] {
        let shown: String = format!("{answer:?}").chars().take(300).collect();
        let stage = answering(answer);
        assert_eq!(stage.verdict(), (6, "unclear".to_owned(), "odd-answer".to_owned()), "{shown}");
        assert_eq!(stage.state(), "active");
    }
}

#[test]
fn what_is_not_looked_at_may_be_as_deep_and_as_odd_as_it_likes() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    for odd in [deep("[", "]"), deep("{\"a\":", "}"), "1e99999999999".to_owned(), "\"\\ud800\"".to_owned()] {
        let shown: String = odd.chars().take(30).collect();
        let stage = answering(json(ME.replace("\"id\"", &format!("\"x\":{odd},\"id\""))));
        assert_eq!(stage.verdict().1, "accepted", "{shown}");
    }
}

#[test]
fn a_page_is_no_answer_whatever_it_calls_itself() {
    let page = "\n <!DOCTYPE html>\n<title>Welcome to the network of the hotel</title>\n";
    for answer in [
        Response::with(200, "text/html", page),
        Response::with(200, "application/json", page),
        Response::with(200, "TEXT/HTML; charset=utf-8", ME),
        Response::with(203, "application/json", ME),
    ] {
        let stage = answering(answer.clone());
        assert_eq!(stage.verdict(), (5, "refused".to_owned(), "sign-in-page".to_owned()), "{answer:?}");
        // A bad minute's, maybe: it goes on answering.
        assert_eq!(stage.state(), "active");
    }
}

#[test]
fn names_that_a_service_gives_are_kept_short_and_tame() {
    let name = format!("alice\\u001b[2J\\u202e\\r\\nkeyfob: error: {}", "x".repeat(500_000));
    let body = format!("{{\"authenticatedUser\":{{\"id\":\"6\",\"providerDisplayName\":\"{name}\"}}}}");
    let stage = answering(json(body));
    let output = stage.run(&format!("check {CONTOSO}"), "");
    let output = output.says(0, &["accepted", "alice"]);
    assert!(!output.stdout().contains(['\u{1b}', '\u{202e}', '\r']), "{output}");
    assert!(output.stdout().lines().count() == 2 && output.stdout().len() < 2000, "{output}");
    let (_, rows) = stage.check(CONTOSO);
    assert!(rows[0]["as"].as_str().unwrap().len() < 1000);
}

#[test]
fn what_a_service_tells_does_not_fill_the_records() {
    let scopes = format!("\"api\",{}\"{}\"", "\"read_user\",".repeat(50_000), "x".repeat(100_000));
    let body = format!("{{\"id\":7,\"user_id\":42,\"active\":true,\"revoked\":false,\"scopes\":[{scopes}]}}");
    let stage = Stage::with(vec![("gitlab.com", Arc::new(move |_: &Request| json(body.clone())))]);
    stage.holds("https://gitlab.com", OTHER);
    stage.run("check https://gitlab.com", "").says(0, &["accepted"]);
    let list = stage.scene.keyfob(["list", "--json"]).succeeds();
    assert!(list.stdout().contains("api") && list.stdout().len() < 20_000, "{}", list.stdout().len());
}

/// What is sent without a pause still has an end.
#[test]
fn interim_answers_and_heads_without_end_are_cut_off() {
    for (answer, why) in [
        (raw(format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(8192))).endless(), "its answer is too large"),
        (raw("x".repeat(8192)).endless(), "does not speak HTTP"),
    ] {
        let begun = Instant::now();
        let stage = answering(answer);
        stage.run(&format!("check {CONTOSO}"), "").says(6, &["cannot ask dev.azure.com: ", why]);
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
}

/// One overall deadline holds, wherever it drips: in the proxy's answer, in the handshake, in the head, in the body, in between.
#[test]
fn nothing_lasts_longer_than_20_seconds_however_it_drips() {
    let second = Duration::from_secs(1);
    let forever = |text: &str| raw(text.repeat(100)).dripping(second);
    let chunk = Duration::from_millis(300);
    let services = |answer: Response| (answering(answer), CONTOSO.to_owned(), None);
    let proxy = |manner: Manner| {
        let mut stage = Stage::new();
        stage.holds(CONTOSO, TOKEN);
        stage.proxy = Proxy::with(manner, &Authority::new(), Vec::new());
        let (url, pem) = (stage.proxy.url(), Authority::new());
        stage.scene.use_proxy(&url, pem.pem());
        (stage, CONTOSO.to_owned(), None)
    };
    let server = |scheme: &str, serve: fn(std::net::TcpStream)| {
        let listener = Listener::start(serve);
        let url = format!("{scheme}://{}/tfs/Main", listener.address());
        let stage = Stage::new();
        stage.holds(&url, TOKEN);
        (stage, url, Some(listener))
    };
    let silent = |mut stream: std::net::TcpStream| drop(stream.read_to_end(&mut Vec::new()));
    let dripping = |mut stream: std::net::TcpStream| {
        // A record of TLS that never comes to its end.
        for byte in [22, 3, 3, 63, 0].into_iter().chain(std::iter::repeat_n(0, 60)) {
            std::thread::sleep(Duration::from_secs(1));
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    };
    let slow = [
        services(forever("HTTP/1.1 200 OK\r\n")),
        services(forever("HTTP/1.1 103 Early Hints\r\n\r\n")),
        services(raw("HTTP/1.1 103 Early Hints\r\n\r\n").endless()),
        services(Response::with(200, "application/json", " ").endless().dripping(second)),
        services(
            raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", "1\r\n \r\n".repeat(99)))
                .dripping(chunk),
        ),
        proxy(Manner::Silent),
        proxy(Manner::Says(forever("HTTP/1.1 200 OK\r\n"))),
        proxy(Manner::Says(forever("HTTP/1.1 100 Continue\r\n\r\n"))),
        server("http", silent),
        server("https", silent),
        server("https", dripping),
    ];
    std::thread::scope(|scope| {
        for (number, (stage, url, _listener)) in slow.iter().enumerate() {
            scope.spawn(move || {
                let begun = Instant::now();
                let output = stage.run(&format!("check {url}"), "");
                // The rest is for a busy machine.
                assert!(begun.elapsed() < Duration::from_secs(30), "{number}: {:?}", begun.elapsed());
                let output = output.says(6, &["no answer within "]);
                let by_proxy = output.stderr().contains("the proxy http://127.0.0.1:");
                assert_eq!(by_proxy, (5..8).contains(&number), "{number}: {output}");
            });
        }
    });
}

#[test]
fn hints_lead_on_and_not_in_a_circle() {
    let stage = Stage::new();
    // Nothing is known to be asked there, however often.
    stage.holds("https://registry.example:5000 --account me", "s3cret-elsewhere");
    let output = stage.run("check https://registry.example:5000", "");
    assert!(output.code() == 6 && !output.stderr().contains("hint"), "{output}");
    // A "no" leaves each token as it is, so list has nothing to show of it.
    stage.holds(&format!("{CONTOSO} --account one"), "s3cret-unknown-1");
    stage.holds(&format!("{CONTOSO} --account two"), "s3cret-unknown-2");
    let output = stage.run(&format!("check {CONTOSO}"), "");
    let end = "keyfob: error: 2 tokens were not accepted\nkeyfob: hint: keyfob add URL puts a new one in the place of each\n";
    assert!(output.code() == 5 && output.stderr().ends_with(end), "{output}");
    assert!(
        output.stderr().contains("keyfob: hint: make a new one on the service's page, and: keyfob add"),
        "{output}"
    );
}
