//! A CONNECT proxy whose tunnels all end here, so that a real client can use the real host names
//! (`https_proxy=http://127.0.0.1:PORT` and the authority's certificate as the one that it trusts) and yet nothing
//! leaves this machine.
//!
//! TLS is spoken on the client's own connection: there is no second hop, and what is not on the list is refused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::http::{Handler, host_matches};
use super::listener::Listener;
use super::log::Log;
use super::tls::Authority;
use super::wire::{Site, converse};

/// The longest CONNECT request.
const LONGEST_HEAD: usize = 64 * 1024;

/// What a client asked of the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// `dev.azure.com:443`, as it came; the request line of whatever was no CONNECT.
    pub target: String,
    /// Whether it was let through.
    pub allowed: bool,
}

/// The proxy, until it is dropped.
pub struct Proxy {
    listener: Listener,
    tunnels: Arc<Mutex<Vec<Tunnel>>>,
    log: Log,
}

impl Proxy {
    /// Lets through port 443 of the hosts of `rows` (`*.visualstudio.com` is any host below), each to its handler.
    pub fn start(authority: &Authority, rows: Vec<(&'static str, Handler)>) -> Proxy {
        let (tunnels, log) = (Arc::new(Mutex::new(Vec::new())), Log::default());
        let listener = Listener::start({
            let (authority, tunnels, log) = (authority.clone(), Arc::clone(&tunnels), log.clone());
            move |stream| tunnel(stream, &authority, &rows, &tunnels, &log)
        });
        Proxy { listener, tunnels, log }
    }

    /// For `https_proxy`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// The tunnels that were asked for, in order.
    pub fn tunnels(&self) -> Vec<Tunnel> {
        self.tunnels.lock().unwrap().clone()
    }

    /// What was asked inside of the tunnels.
    pub fn log(&self) -> &Log {
        &self.log
    }
}

fn tunnel(
    mut stream: TcpStream,
    authority: &Authority,
    rows: &[(&'static str, Handler)],
    tunnels: &Mutex<Vec<Tunnel>>,
    log: &Log,
) {
    let Some(head) = read_head(&mut stream) else { return };
    let line = head.lines().next().unwrap_or_default();
    let target = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let host = target.and_then(|target| target.strip_suffix(":443")).map(str::to_ascii_lowercase);
    let row = host.and_then(|host| rows.iter().find(|(pattern, _)| host_matches(pattern, &host)));
    let server = target.unwrap_or(line).to_owned();
    tunnels.lock().unwrap().push(Tunnel { target: server.clone(), allowed: row.is_some() });
    let Some((_, handler)) = row else {
        let _ = stream
            .write_all(b"HTTP/1.1 403 Not on the list\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    if stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").is_ok() {
        let site = Site { secure: true, server, log: log.clone() };
        authority.accept(stream, |stream| converse(stream, &site, handler));
    }
}

/// The request's head, and not a byte more: what follows it belongs to TLS.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return None;
        }
        stream.read_exact(&mut byte).ok()?;
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).ok()
}
