//! The way to a service through the proxies of a user's network.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::rig::{Gate, Options, Rig, Service, TOKEN, read_head, text};

/// A name that no resolver knows, so that only a proxy leads there.
const HOST: &str = "forge.test";

const OPEN: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// A proxy of the network. It leads to one address, whatever it is asked for, or answers as it is told.
struct NetworkProxy {
    address: SocketAddr,
    leads_to: Arc<Mutex<Option<SocketAddr>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NetworkProxy {
    fn new(answer: &'static str) -> NetworkProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = NetworkProxy { address, leads_to: Arc::default(), asked: Arc::default() };
        let (to, log) = (Arc::clone(&proxy.leads_to), Arc::clone(&proxy.asked));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, to, log) = (client.unwrap(), Arc::clone(&to), Arc::clone(&log));
                thread::spawn(move || {
                    let mut first = [0];
                    if client.peek(&mut first).is_ok() && first == [5] {
                        log.lock().unwrap().push(socks(&mut client));
                    } else {
                        let Some(head) = read_head(&mut client) else { return };
                        let leads_on = head.starts_with("CONNECT ") && answer == OPEN;
                        log.lock().unwrap().push(head);
                        client.write_all(answer.as_bytes()).unwrap();
                        if !leads_on {
                            return;
                        }
                    }
                    let to = to.lock().unwrap().unwrap();
                    pass(&client, &TcpStream::connect(to).unwrap());
                });
            }
        });
        proxy
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn take(client: &mut TcpStream, count: u8) -> Vec<u8> {
    let mut bytes = vec![0; count.into()];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// Takes a text behind its length.
fn counted(client: &mut TcpStream) -> String {
    let length = take(client, 1)[0];
    text(&take(client, length))
}

/// Speaks SOCKS 5 with a user name and a password (RFC 1928, RFC 1929); returns these and the host's name.
fn socks(client: &mut TcpStream) -> String {
    let methods = take(client, 2)[1];
    assert!(take(client, methods).contains(&2));
    client.write_all(&[5, 2]).unwrap();
    assert_eq!(take(client, 1), [1]);
    let (user, password) = (counted(client), counted(client));
    client.write_all(&[1, 0]).unwrap();
    // To connect, and by name.
    assert_eq!(take(client, 4), [5, 1, 0, 3]);
    let host = counted(client);
    let _port = take(client, 2);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    format!("{user}:{password} {host}")
}

fn pass(one: &TcpStream, other: &TcpStream) {
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| copy(one, other));
        copy(other, one);
    });
}

fn behind(scheme: &str, ends: bool, service: Service, answer: &'static str) -> (Rig, NetworkProxy) {
    let proxy = NetworkProxy::new(answer);
    let options = Options { by: format!("{scheme}://me:pa55@{}", proxy.address), ..Options::default() };
    let rig = Rig::made(service, Gate { ends, ..Gate::default() }, options);
    *proxy.leads_to.lock().unwrap() = Some(rig.service.address);
    (rig, proxy)
}

#[test]
fn the_way_leads_through_the_proxy_of_the_network() {
    for (scheme, ends) in [("http", true), ("http", false), ("socks5h", true), ("socks5h", false)] {
        let (rig, proxy) = behind(scheme, ends, Service::echo().named(HOST), OPEN);
        let mut client = if ends { rig.tls() } else { rig.tls_trusting(&rig.service.authority, HOST) };
        let seen = text(&client.ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n"));
        assert!(seen.starts_with("HTTP/1.1 200 "), "{seen}");
        assert_eq!(seen.contains(TOKEN), ends, "{seen}");
        let asked = proxy.asked();
        if scheme == "http" {
            assert!(asked[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", rig.authority())), "{asked:?}");
            assert!(asked[0].contains("Basic bWU6cGE1NQ=="), "{asked:?}");
        } else {
            assert_eq!(asked, [format!("me:pa55 {HOST}")]);
        }
        assert!(!asked.concat().contains(TOKEN), "{asked:?}");
    }
}

#[test]
fn plain_http_goes_whole_to_the_proxy_of_the_network_with_its_login_in_place_of_ours() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (rig, proxy) = behind("http", true, Service::echo().named(HOST).plain(), answer);
    let url = format!("http://{}/other", rig.authority());
    let ask =
        format!("GET {url} HTTP/1.1\r\nHost: {HOST}\r\nProxy-Authorization: Basic b3duOm93bg==\r\n\r\n");
    assert!(text(&rig.plain().ask(&ask)).ends_with("ok"));
    let asked = proxy.asked();
    assert!(asked[0].starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{asked:?}");
    assert!(asked[0].contains("Basic bWU6cGE1NQ==") && !asked[0].contains("b3duOm93bg"), "{asked:?}");
}

#[test]
fn what_the_proxy_of_the_network_refuses_is_told_as_its_refusal() {
    const BASIC: &str = "HTTP/1.1 407 No\r\nContent-Length: 0\r\nProxy-Authenticate: Basic realm=x\r\n\r\n";
    const OTHER: &str = "HTTP/1.1 407 No\r\nContent-Length: 0\r\nProxy-Authenticate: Negotiate\r\n\r\n";
    let check = |seen: String, sentence: &str| {
        assert!(seen.starts_with("HTTP/1.1 502 ") && seen.contains(sentence), "{sentence}: {seen}");
        assert!(!seen.contains("pa55") && !seen.contains(TOKEN), "{seen}");
    };
    for (answer, sentence) in [
        (BASIC, "it does not accept the user name and the password"),
        (OTHER, "it wants Negotiate, and keyfob knows Basic only"),
        ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "it refuses to connect there (403)"),
        ("SSH-2.0-x\r\n\r\n", "what answers there is no proxy"),
    ] {
        let (rig, _proxy) = behind("http", true, Service::echo().named(HOST), answer);
        check(text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")), sentence);
    }
    for (answer, sentence) in [(BASIC, "it does not accept"), (OTHER, "it wants Negotiate")] {
        let (rig, _proxy) = behind("http", true, Service::echo().named(HOST).plain(), answer);
        let ask = format!("GET http://{0}/other HTTP/1.1\r\nHost: {0}\r\n\r\n", rig.authority());
        check(text(&rig.plain().ask(&ask)), sentence);
    }
}

#[test]
fn this_machine_is_never_reached_through_a_proxy() {
    let (rig, proxy) = behind("http", true, Service::echo(), OPEN);
    assert!(text(&rig.tls().ask("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n")).contains(TOKEN));
    assert!(proxy.asked().is_empty());
}
