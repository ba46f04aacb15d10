//! What a hostile client, project or service may try.

use std::io::Write as _;

use super::rig::{Gate, Rig, Service, TOKEN, head_of, status, text};
use crate::proxy::authority::Authority;

#[test]
fn a_request_for_another_host_than_its_connection_is_refused() {
    let rig = Rig::new(Service::echo());
    for (request, expected) in [
        ("GET /secret HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
        ("GET https://evil.test/secret HTTP/1.1\r\nHost: HOST\r\n\r\n", 421),
        ("GET http://HOST/secret HTTP/1.1\r\nHost: HOST\r\n\r\n", 421),
        ("GET /secret HTTP/1.1\r\nHost: HOST\r\nHost: evil.test\r\n\r\n", 400),
        ("GET /secret HTTP/1.1\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        ("CONNECT evil.test:443 HTTP/1.1\r\nHost: HOST\r\n\r\n", 421),
        ("TRACE /secret HTTP/1.1\r\nHost: HOST\r\n\r\n", 405),
    ] {
        assert_eq!(status(&rig.tls().ask(request)), expected, "{request}");
    }
    assert_eq!(rig.service.requests(), 0);
}

#[test]
fn a_client_that_asks_for_another_name_in_tls_gets_no_certificate() {
    let rig = Rig::new(Service::echo());
    let mut client = rig.tls_trusting(rig.proxy.authority_pem(), "evil.localhost");
    assert!(client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    assert_eq!(rig.service.connections(), 0);
}

#[test]
fn the_authority_of_a_run_vouches_for_its_hosts_alone() {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use std::sync::Arc;

    let connect = |hosts: &[&str], name: &'static str| {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let authority = Authority::new(&hosts).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        let mut client =
            rustls::ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
        let mut server = rustls::ServerConnection::new(authority.tls(name).unwrap()).unwrap();
        let mut bytes = Vec::new();
        while client.is_handshaking() {
            bytes.clear();
            client.write_tls(&mut bytes).unwrap();
            server.read_tls(&mut &bytes[..]).unwrap();
            server.process_new_packets().map_err(|error| error.to_string())?;
            bytes.clear();
            server.write_tls(&mut bytes).unwrap();
            client.read_tls(&mut &bytes[..]).unwrap();
            client.process_new_packets().map_err(|error| error.to_string())?;
        }
        Ok::<(), String>(())
    };
    assert_eq!(connect(&["dev.azure.com", "10.0.0.7"], "dev.azure.com"), Ok(()));
    assert_eq!(connect(&["dev.azure.com", "10.0.0.7"], "10.0.0.7"), Ok(()));
    assert_eq!(connect(&["::1"], "::1"), Ok(()));
    for (hosts, name) in [
        (&["dev.azure.com"][..], "evil.test"),
        (&["dev.azure.com"], "azure.com"),
        (&["dev.azure.com"], "127.0.0.1"),
        (&["dev.azure.com", "10.0.0.7"], "10.0.0.8"),
        (&["10.0.0.7"], "evil.test"),
    ] {
        let refused = connect(hosts, name).unwrap_err();
        assert!(refused.contains("NameConstraintViolation"), "{hosts:?} {name}: {refused}");
    }
}

#[test]
fn what_is_no_request_to_a_proxy_is_refused() {
    let rig = Rig::new(Service::echo().plain());
    let own = rig.proxy.address();
    for (request, expected) in [
        ("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n".to_owned(), 400),
        ("GET https://HOST/secret HTTP/1.1\r\nHost: HOST\r\n\r\n".to_owned(), 400),
        ("GET ftp://HOST/secret HTTP/1.1\r\nHost: HOST\r\n\r\n".to_owned(), 400),
        ("GET http://u:p@HOST/secret HTTP/1.1\r\nHost: HOST\r\n\r\n".to_owned(), 400),
        (format!("GET http://{own}/ HTTP/1.1\r\nHost: {own}\r\n\r\n"), 400),
        ("CONNECT forge.localhost HTTP/1.1\r\nHost: HOST\r\n\r\n".to_owned(), 400),
        ("CONNECT u@HOST HTTP/1.1\r\nHost: HOST\r\n\r\n".to_owned(), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 0),
        ("GET /secret\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(status(&rig.plain().ask(&request)), expected, "{request}");
    }
    assert_eq!(rig.service.requests(), 0);
}

#[test]
fn no_second_request_is_smuggled_behind_the_first() {
    let rig = Rig::new(Service::echo());
    let hidden = "GET /other HTTP/1.1\r\nHost: HOST\r\n\r\n";
    for framing in [
        format!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd{hidden}"),
        format!("Content-Length: +4\r\n\r\nabcd{hidden}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n{hidden}"),
    ] {
        let rig = Rig::new(Service::new(|head, stream| {
            // What it has to read of the body was framed anew by the proxy, and only once.
            let lower = head.to_ascii_lowercase();
            let framings =
                lower.matches("content-length:").count() + lower.matches("transfer-encoding:").count();
            assert!(framings <= 1, "{head}");
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            false
        }));
        let mut client = rig.tls();
        let request =
            format!("POST /secret HTTP/1.1\r\nHost: HOST\r\n{framing}").replace("HOST", &rig.authority());
        client.write(request.as_bytes());
        let seen = text(&client.rest());
        // A second request is one for the gatekeeper, too: whatever reached the service was judged by itself.
        assert!(rig.gate.asked().len() >= rig.service.requests(), "{framing}: {seen}");
    }
    drop(rig);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let rig = Rig::new(Service::echo());
    let giant = format!("GET /secret HTTP/1.1\r\nHost: HOST\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET /secret HTTP/1.1\r\nHost: HOST\r\n{}\r\n", "X: 1\r\n".repeat(1000));
    for request in [giant, many] {
        let mut client = rig.tls();
        let request = request.replace("HOST", &rig.authority());
        // It may be closed before all is written.
        let _ = client.stream.write_all(request.as_bytes());
        let _ = client.stream.flush();
        let answer = client.rest();
        assert!(matches!(status(&answer), 431 | 0), "{}", text(&answer));
    }
    assert_eq!(rig.service.requests(), 0);
}

#[test]
fn a_service_whose_certificate_is_not_trusted_gets_nothing() {
    let rig = Rig::new(Service::echo());
    // Another authority of the same kind.
    let other = Rig::new(Service::echo());
    std::fs::write(rig.authorities(), &other.service.authority).unwrap();
    let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 502 ") && seen.contains("certificate"), "{seen}");
    assert_eq!(rig.service.requests(), 0);
}

#[test]
fn a_service_that_requires_a_client_certificate_is_said_to() {
    let rig = Rig::new(Service::echo().requiring_certificates());
    let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 502 ") && seen.contains("requires a client certificate"), "{seen}");
}

#[test]
fn an_answer_without_end_or_sense_breaks_only_its_own_connection() {
    let rig = Rig::new(Service::new(|head, stream| {
        let endless: &[u8] = if head.contains("/secret/1xx") {
            b"HTTP/1.1 102 Processing\r\n\r\n"
        } else {
            b"X-Endless: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
        };
        let _ = stream.write_all(b"HTTP/1.1 102 Processing\r\n");
        for _ in 0..20_000 {
            if stream.write_all(endless).is_err() {
                break;
            }
        }
        false
    }));
    for path in ["/secret/headers", "/secret/1xx"] {
        let seen = text(&rig.tls().ask(&format!("GET {path} HTTP/1.1\r\nHost: HOST\r\n\r\n")));
        assert!(seen.starts_with("HTTP/1.1 502 ") && !seen.contains(TOKEN), "{path}: {seen}");
    }
}

#[test]
fn an_unasked_change_of_protocol_is_not_followed() {
    let rig = Rig::new(Service::new(|_, stream| {
        let _ = stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
        let mut byte = [0];
        let _ = stream.read(&mut byte);
        false
    }));
    let seen = text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
    assert!(seen.starts_with("HTTP/1.1 502 "), "{seen}");
}

#[test]
fn a_host_that_is_not_served_is_not_even_looked_into() {
    let rig = Rig::with(Service::echo(), Gate { ends: false, ..Gate::default() });
    let mut client = rig.plain();
    client.write(format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", rig.authority()).as_bytes());
    let head = text(&client.answer());
    assert_eq!(status(head_of(head.as_bytes())), 200);
    // No TLS, which the service does not understand; the proxy does not mind.
    client.write(b"GET /secret HTTP/1.1\r\n\r\n");
    assert!(!text(&client.rest()).contains(TOKEN));
    assert!(rig.gate.asked().is_empty());
}
