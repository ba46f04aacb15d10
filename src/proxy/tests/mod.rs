//! Tests of the proxy, over real connections: a client that writes bytes, and a service that answers with bytes. What clients make
//! of it is in tests/it/run.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

mod attacks;
mod bodies;
mod clients;
mod generated;
mod limits;
mod network;
mod rig;
mod service;
mod wire;

use rig::{Gate, Rig, Service, TOKEN, head_of, text};

#[test]
fn a_granted_request_gets_the_login_in_place_of_the_clients_own() {
    let rig = Rig::new(Service::echo());
    let mut client = rig.tls();
    let answer = client
        .ask("GET /secret/a?b=c HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic cGxhY2Vob2xkZXI=\r\n\r\n");
    let seen = text(&answer);
    assert!(seen.starts_with("HTTP/1.1 200 "), "{seen}");
    assert!(seen.contains("GET /secret/a?b=c HTTP/1.1"), "{seen}");
    assert_eq!(seen.to_ascii_lowercase().matches("authorization:").count(), 1, "{seen}");
    assert!(seen.contains(&format!("Bearer {TOKEN}")), "{seen}");
    let asked = rig.gate.asked();
    assert_eq!(asked, [format!("GET https://{}/secret/a?b=c Basic cGxhY2Vob2xkZXI=", rig.authority())]);
    assert_eq!(rig.gate.statuses(), [200]);
}

#[test]
fn a_request_that_is_not_granted_goes_on_as_it_came() {
    let rig = Rig::new(Service::echo());
    let seen = text(
        &rig.tls()
            .ask("GET /other HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic bXk6b3du\r\nX-Odd: 1\r\n\r\n"),
    );
    assert!(seen.contains("Basic bXk6b3du") && seen.contains("X-Odd: 1") && !seen.contains(TOKEN), "{seen}");
    assert!(rig.gate.statuses().is_empty());
}

#[test]
fn a_refused_request_is_answered_with_the_sentence_and_never_reaches_the_service() {
    let rig = Rig::new(Service::echo());
    let seen = text(&rig.tls().ask("PUT /refused HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 403 keyfob run: only reads\r\n"), "{seen}");
    assert!(seen.ends_with("keyfob run: only reads\n"), "{seen}");
    assert_eq!(rig.service.requests(), 0);
}

#[test]
fn a_path_that_could_be_read_in_two_ways_gets_no_login_and_asks_nobody() {
    let rig = Rig::new(Service::echo());
    for path in ["/secret/../other", "/secret/%2e%2e/other", "/secret\\x", "/secret/%252e%252e/x"] {
        let seen = text(&rig.tls().ask(&format!("GET {path} HTTP/1.1\r\nHost: HOST\r\n\r\n")));
        assert!(!seen.contains(TOKEN), "{path}: {seen}");
    }
    assert!(rig.gate.asked().is_empty());
}

#[test]
fn tls_to_a_host_that_is_not_served_is_a_tunnel_to_its_own_certificate() {
    let rig = Rig::with(Service::echo(), Gate { ends: false, ..Gate::default() });
    // The service's own authority is trusted here, and the run's is not.
    let mut client = rig.tls_trusting(&rig.service.authority, rig.service.host);
    let seen = text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 200 ") && !seen.contains(TOKEN), "{seen}");
    assert!(rig.gate.asked().is_empty());
}

#[test]
fn plain_http_is_judged_by_its_whole_url_and_passed_on() {
    let rig = Rig::new(Service::echo().plain());
    let authority = rig.authority();
    let mut client = rig.plain();
    let ask = format!(
        "GET http://{authority}/secret/x HTTP/1.1\r\nHost: evil.test\r\nProxy-Connection: keep-alive\r\n\r\n"
    );
    let seen = text(&client.ask(&ask));
    assert!(seen.contains(&format!("Bearer {TOKEN}")), "{seen}");
    // The URL decides, and the service sees its host (RFC 9112, section 3.2.2).
    assert!(seen.contains(&format!("Host: {authority}")) && !seen.contains("evil"), "{seen}");
    assert!(!seen.contains("Proxy-Connection"), "{seen}");
    assert_eq!(rig.gate.asked(), [format!("GET http://{authority}/secret/x ")]);
}

#[test]
fn requests_of_one_connection_share_a_connection_to_the_service() {
    let rig = Rig::new(Service::echo());
    let mut client = rig.tls();
    for number in 0..5 {
        let seen = text(&client.ask(&format!("GET /secret/{number} HTTP/1.1\r\nHost: HOST\r\n\r\n")));
        assert!(seen.contains(&format!("GET /secret/{number}")), "{seen}");
    }
    assert_eq!((rig.service.requests(), rig.service.connections()), (5, 1));
}

#[test]
fn a_connection_that_the_service_closed_meanwhile_is_replaced() {
    let rig = Rig::new(Service::new(|request, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let _ = request;
        false
    }));
    let mut client = rig.tls();
    for _ in 0..3 {
        assert!(text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).ends_with("ok"));
        // Until the end of the connection has come.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(rig.service.connections(), 3);
}

#[test]
fn what_passed_is_told_without_the_query_and_with_its_sizes() {
    let rig = Rig::new(Service::echo());
    let mut client = rig.tls();
    let answer =
        client.ask("POST /secret/x?token=1 HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\n12345");
    let length = answer.len() - head_of(&answer).len();
    let passed = rig.gate.wait_for_passed();
    assert_eq!((passed.method.as_str(), passed.status, passed.with_login), ("POST", Some(200), true));
    assert_eq!(passed.url, format!("https://{}/secret/x", rig.authority()));
    assert_eq!((passed.sent, passed.received), (5, length as u64));
}

#[test]
fn a_refusal_by_the_service_is_told_before_the_client_sees_it() {
    let rig = Rig::new(Service::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").is_ok()
    }));
    assert!(text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).starts_with("HTTP/1.1 401 "));
    assert_eq!(rig.gate.statuses(), [401]);
}

#[test]
fn a_redirect_is_passed_back_and_not_followed() {
    let rig = Rig::new(Service::new(|_, stream| {
        let answer = b"HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).is_ok()
    }));
    let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 302 ") && seen.contains("https://evil.test/"), "{seen}");
    assert_eq!(rig.service.requests(), 1);
}

#[test]
fn two_hundred_connections_at_once_are_all_served() {
    let rig = Rig::new(Service::echo());
    let number = 200.min(rig::room());
    let mut clients: Vec<_> = (0..number).map(|_| rig.tls()).collect();
    for client in &mut clients {
        client.write(b"GET /secret HTTP/1.1\r\nHost: ");
    }
    for client in &mut clients {
        let rest = format!("{}\r\n\r\n", rig.authority());
        client.write(rest.as_bytes());
    }
    for client in &mut clients {
        assert!(text(&client.answer()).contains(TOKEN));
    }
    assert_eq!(rig.gate.asked().len(), number);
}

#[test]
fn the_gatekeeper_is_asked_one_question_at_a_time() {
    let gate = Gate { ends: true, takes: Duration::from_millis(20), ..Gate::default() };
    let rig = Rig::with(Service::echo().plain(), gate);
    let ask = format!("GET http://{0}/secret HTTP/1.1\r\nHost: {0}\r\n\r\n", rig.authority());
    let mut clients: Vec<_> = (0..20).map(|_| rig.plain()).collect();
    clients.iter_mut().for_each(|client| client.write(ask.as_bytes()));
    // Those that go do not make room for another question before theirs is answered.
    clients.truncate(10);
    assert!(clients.iter_mut().all(|client| text(&client.answer()).contains(TOKEN)));
    assert_eq!(rig.gate.most_at_once.load(Ordering::SeqCst), 1);
}

#[test]
fn a_request_that_its_client_gave_up_is_told_of_too() {
    let rig = Rig::new(Service::new(|_, stream| {
        // Until the proxy gives up.
        let _ = stream.read(&mut [0]);
        false
    }));
    let mut client = rig.tls();
    client.write(format!("GET /secret HTTP/1.1\r\nHost: {}\r\n\r\n", rig.authority()).as_bytes());
    while rig.service.requests() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(client);
    assert_eq!(rig.gate.wait_for_passed().status, None);
}

#[test]
fn plain_http_in_a_tunnel_is_judged_as_what_it_is() {
    let rig = Rig::new(Service::echo().plain());
    let seen = text(&rig.tunnel().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 200 "), "{seen}");
    assert_eq!(rig.gate.asked(), [format!("GET http://{}/secret ", rig.authority())]);
    let seen = text(&rig.tunnel().ask("GET /secret HTTP/1.1\r\nHost: evil.test\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 421 "), "{seen}");
}

#[test]
fn a_proxy_that_is_dropped_ends_its_connections_and_listens_no_more() {
    let rig = Rig::new(Service::echo());
    let (mut client, address) = (rig.plain(), rig.proxy.address());
    let started = Instant::now();
    drop(rig);
    assert_eq!(client.rest(), b"");
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn nothing_of_a_login_is_in_its_debug_output() {
    let login = super::Login {
        name: "Authorization",
        value: TOKEN.as_bytes().to_vec().into(),
        answered: Box::new(|_| {}),
    };
    assert_eq!(format!("{login:?}"), "Login { name: \"Authorization\", .. }");
}
