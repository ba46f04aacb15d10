//! Who may use the proxy, and what a client may try with the form of its requests.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::rig::{Gate, Options, Rig, Service, TOKEN, read_head, status, text};

#[test]
fn a_client_that_does_not_trust_the_run_is_told_of() {
    let rig = Rig::new(Service::echo());
    let other = Rig::new(Service::echo());
    let mut client = rig.tls_trusting(other.proxy.authority_pem(), rig.service.host);
    assert!(client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    let _ = client.stream.flush();
    drop(client);
    // The next client is served, and what came before is known by then.
    assert!(text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).contains(TOKEN));
    assert_eq!(*rig.gate.distrusted.lock().unwrap(), ["forge.localhost"]);
}

#[test]
fn a_dot_at_the_end_of_a_host_makes_no_other_host() {
    let rig = Rig::new(Service::echo());
    let authority = rig.authority();
    let dotted = authority.replace(':', ".:");
    let mut client = rig.tls_to(&dotted);
    let ask = format!("GET /secret HTTP/1.1\r\nHost: {dotted}\r\n\r\n");
    assert!(text(&client.ask(&ask)).contains(&format!("Host: {authority}")));
    assert_eq!(rig.gate.asked(), [format!("GET https://{authority}/secret ")]);
}

/// As Python's http.client does it.
#[test]
fn a_tunnel_may_be_asked_for_in_http_1_0_and_without_a_host_header() {
    for ends in [true, false] {
        let rig = Rig::with(Service::echo().plain(), Gate { ends, ..Gate::default() });
        let mut client = rig.plain();
        client.write(format!("CONNECT {} HTTP/1.0\r\n\r\n", rig.authority()).as_bytes());
        let head = read_head(&mut *client.stream).unwrap();
        assert!(head.starts_with("HTTP/1.") && head.contains(" 200 "), "{head}");
        let seen = text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
        assert_eq!((status(seen.as_bytes()), seen.contains(TOKEN)), (200, ends), "{seen}");
    }
}

/// Bytes behind the request for a tunnel are those of the tunnel.
#[test]
fn a_client_need_not_wait_for_its_tunnel() {
    for ends in [true, false] {
        let rig = Rig::with(Service::echo().plain(), Gate { ends, ..Gate::default() });
        let mut client = rig.plain();
        let ask = "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\nGET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n";
        client.write(ask.replace("HOST", &rig.authority()).as_bytes());
        assert_eq!(status(read_head(&mut *client.stream).unwrap().as_bytes()), 200);
        let seen = text(&client.answer());
        assert_eq!((status(seen.as_bytes()), seen.contains(TOKEN)), (200, ends), "{seen}");
    }
}

#[test]
fn http_2_is_not_spoken() {
    let rig = Rig::new(Service::echo());
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for mut client in [rig.tls(), rig.tunnel(), rig.plain()] {
        client.write(preface);
        assert_eq!(status(&client.rest()), 0);
    }
    // A client that speaks nothing else agrees on nothing.
    let mut client = rig.tls_by(rig.proxy.authority_pem(), rig.service.host, &[b"h2"]);
    assert!(client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    assert_eq!(rig.service.requests(), 0);
    let mut client = rig.tls_by(rig.proxy.authority_pem(), rig.service.host, &[b"h2", b"http/1.1"]);
    assert!(text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).contains(TOKEN));
}

#[test]
fn a_request_that_names_another_method_or_path_in_a_header_gets_no_login() {
    let rig = Rig::new(Service::echo());
    for header in ["X-HTTP-Method-Override: DELETE", "X-Original-URL: /other", "x-rewrite-url: /other"] {
        let ask = format!("GET /secret HTTP/1.1\r\nHost: HOST\r\n{header}\r\n\r\n");
        let seen = text(&rig.tls().ask(&ask));
        assert!(seen.contains(header) && !seen.contains(TOKEN), "{seen}");
    }
    assert!(rig.gate.asked().is_empty());
}

#[test]
fn a_connection_with_a_login_becomes_nothing_that_carries_more_requests() {
    let rig = Rig::new(Service::echo());
    for (path, protocol) in [("/secret", "h2c"), ("/other", "h2c"), ("/secret", "tcp")] {
        let ask = format!(
            "GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        );
        let seen = text(&rig.tls().ask(&ask)).to_ascii_lowercase();
        assert!(seen.starts_with("http/1.1 200 "), "{seen}");
        assert!(!seen.contains("upgrade") && !seen.contains("http2-settings"), "{seen}");
    }
}

#[test]
fn requests_of_one_connection_for_two_services_are_kept_apart() {
    let rig = Rig::new(Service::echo().plain());
    let other = Rig::new(Service::echo().plain());
    let mut client = rig.plain();
    for (authority, path) in
        [(rig.authority(), "secret"), (other.authority(), "other"), (rig.authority(), "other")]
    {
        let ask = format!("GET http://{authority}/{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let seen = text(&client.ask(&ask));
        assert!(seen.contains(&format!("Host: {authority}")), "{seen}");
        assert_eq!(seen.contains(TOKEN), path == "secret", "{seen}");
    }
    assert_eq!((rig.service.requests(), other.service.requests()), (2, 1));
}

#[test]
fn an_answer_framed_in_two_ways_is_framed_in_one() {
    let rig = Rig::new(Service::new(|_, stream| {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        stream.write_all(answer.as_bytes()).is_ok()
    }));
    let mut client = rig.tls();
    client.write(format!("GET /secret HTTP/1.1\r\nHost: {}\r\n\r\n", rig.authority()).as_bytes());
    let head = read_head(&mut *client.stream).unwrap().to_ascii_lowercase();
    assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
    assert_eq!(read_head(&mut *client.stream).unwrap(), "5\r\nhello\r\n0\r\n\r\n");
}

#[test]
fn without_the_secret_of_its_url_the_proxy_does_nothing() {
    let gate = Gate { ends: true, ..Gate::default() };
    let rig = Rig::made(Service::echo().plain(), gate, Options { by_login: true, ..Options::default() });
    let url = rig.proxy.url();
    let (pair, _) = url.strip_prefix("http://").unwrap().split_once('@').unwrap();
    let authority = rig.authority();
    let ask = |login: &str| {
        let line = match login {
            "" => String::new(),
            login => format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode(login)),
        };
        [format!("CONNECT {authority}"), format!("GET http://{authority}/secret")].map(|request| {
            text(&rig.plain().ask(&format!("{request} HTTP/1.1\r\nHost: {authority}\r\n{line}\r\n")))
        })
    };
    for wrong in ["", "keyfob:", "keyfob:x", &format!("{pair}x"), &pair[..pair.len() - 1]] {
        for seen in ask(wrong) {
            assert!(seen.starts_with("HTTP/1.1 407 ") && seen.contains("Basic"), "{wrong}: {seen}");
        }
    }
    assert_eq!(rig.service.requests(), 0);
    let [tunnel, seen] = ask(pair);
    assert!(tunnel.starts_with("HTTP/1.1 200 "), "{tunnel}");
    assert!(seen.contains(TOKEN) && !seen.to_ascii_lowercase().contains("proxy-authorization"), "{seen}");
}

/// Only root can become somebody else.
#[cfg(target_os = "linux")]
#[test]
fn another_user_of_the_machine_gets_nothing() {
    use std::process::Command;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let rig = Rig::new(Service::echo().plain());
    let (port, authority) = (rig.proxy.address().port(), rig.authority());
    let request =
        format!("GET http://{authority}/secret HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n");
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; printf '{request}' >&3; cat <&3");
    let seen_by = |user: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups", "bash", "-c", &script]);
        text(&command.env_clear().env("PATH", "/usr/bin:/bin").output().unwrap().stdout)
    };
    assert!(seen_by("0").contains(TOKEN));
    assert_eq!(seen_by("65534"), "");
    assert_eq!(rig.gate.asked().len(), 1);
}
