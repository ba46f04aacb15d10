//! A proxy whose tunnels all end here, so that a real client can use the real host names (`https_proxy=http://127.0.0.1:PORT` and
//! the authority's certificate as the one that it trusts) and yet nothing leaves this machine.
//!
//! TLS is spoken on the client's own connection: there is no second hop, and what is not on the list is refused. It can also have
//! the manners of the proxies that people meet: [`Manner`].

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::http::{Handler, Response, host_matches};
use super::leaks;
use super::listener::Listener;
use super::log::Log;
use super::socks;
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
    /// The whole head, as it came.
    pub head: String,
}

/// How a proxy treats its clients.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Lets everyone through.
    Open,
    /// Lets through who shows this `user:password`; tells the others what it takes, each offer in a line.
    Asks {
        /// `user:password`.
        pair: &'static str,
        /// `Basic realm="proxy"`, `Negotiate` …
        offers: &'static [&'static str],
    },
    /// Answers each CONNECT with this, whatever it is.
    Says(Response),
    /// Accepts connections, and that is all.
    Silent,
    /// Speaks TLS itself, with a certificate of the same authority.
    Tls,
    /// Speaks SOCKS 5, for clients with this `user:password`, if there is one.
    Socks(Option<&'static str>),
}

/// The proxy, until it is dropped.
pub struct Proxy {
    listener: Listener,
    scheme: &'static str,
    tunnels: Arc<Mutex<Vec<Tunnel>>>,
    log: Log,
}

/// What a connection to the proxy needs.
pub(super) struct Inside {
    authority: Authority,
    rows: Vec<(&'static str, Handler)>,
    manner: Manner,
    tunnels: Arc<Mutex<Vec<Tunnel>>>,
    log: Log,
}

impl Proxy {
    /// Lets through port 443 of the hosts of `rows` (`*.visualstudio.com` is any host below), each to its handler.
    pub fn start(authority: &Authority, rows: Vec<(&'static str, Handler)>) -> Proxy {
        Proxy::with(Manner::Open, authority, rows)
    }

    /// The same, with other manners.
    pub fn with(manner: Manner, authority: &Authority, rows: Vec<(&'static str, Handler)>) -> Proxy {
        let (tunnels, log) = (Arc::new(Mutex::new(Vec::new())), Log::default());
        let scheme = match manner {
            Manner::Tls => "https",
            Manner::Socks(_) => "socks5h",
            _ => "http",
        };
        let (authority, manner) = (authority.clone(), manner);
        let inside = Inside { authority, rows, manner, tunnels: Arc::clone(&tunnels), log: log.clone() };
        let listener = Listener::start(move |stream| inside.serve(stream));
        Proxy { listener, scheme, tunnels, log }
    }

    /// For `https_proxy`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.listener.address())
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.listener.address().to_string()
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

impl Drop for Proxy {
    fn drop(&mut self) {
        self.log.judge();
        leaks::judge_tunnels(&self.tunnels());
    }
}

impl Inside {
    fn serve(&self, mut stream: TcpStream) {
        match self.manner {
            Manner::Silent => drop(stream.read_to_end(&mut Vec::new())),
            Manner::Tls => self.authority.accept(stream, |stream| self.tunnel(stream)),
            Manner::Socks(pair) => {
                if let Some(target) = socks::greet(&mut stream, pair) {
                    let row = self.asked(&target, String::new());
                    if socks::answer(&mut stream, row.is_some()) {
                        self.through(stream, target, row);
                    }
                }
            }
            _ => self.tunnel(stream),
        }
    }

    fn tunnel(&self, mut stream: impl Read + Write) {
        let Some(head) = read_head(&mut stream) else { return };
        let line = head.lines().next().unwrap_or_default();
        let target = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
        let target = target.unwrap_or(line).to_owned();
        let row = self.asked(&target, head.clone());
        let close = "Content-Length: 0\r\nConnection: close\r\n\r\n";
        match &self.manner {
            Manner::Says(response) => return drop(response.write(&mut stream, false, true)),
            Manner::Asks { pair, offers } if !shows(&head, pair) => {
                let lines: String =
                    offers.iter().map(|offer| format!("Proxy-Authenticate: {offer}\r\n")).collect();
                let answer = format!("HTTP/1.1 407 Proxy Authentication Required\r\n{lines}{close}");
                return drop(stream.write_all(answer.as_bytes()));
            }
            _ => {}
        }
        let answer = match row {
            Some(_) => "HTTP/1.1 200 Connection established\r\n\r\n".to_owned(),
            None => format!("HTTP/1.1 403 Not on the list\r\n{close}"),
        };
        if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_ok() {
            self.through(stream, target, row);
        }
    }

    /// Notes who was asked for, and says whether they are on the list.
    fn asked(&self, target: &str, head: String) -> Option<&Handler> {
        let host = target.strip_suffix(":443").map(str::to_ascii_lowercase);
        let row = host.and_then(|host| self.rows.iter().find(|(pattern, _)| host_matches(pattern, &host)));
        let tunnel = Tunnel { target: target.to_owned(), allowed: row.is_some(), head };
        self.tunnels.lock().unwrap().push(tunnel);
        row.map(|(_, handler)| handler)
    }

    fn through(&self, stream: impl Read + Write, target: String, row: Option<&Handler>) {
        let Some(handler) = row else { return };
        let site = Site { secure: true, server: target, log: self.log.clone() };
        self.authority.accept(stream, |stream| converse(stream, &site, handler));
    }
}

/// Whether a head shows the proxy this pair.
fn shows(head: &str, pair: &str) -> bool {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut shown = lines.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
    shown.any(|(_, value)| {
        super::log::basic(value.trim()).is_some_and(|(user, password)| format!("{user}:{password}") == pair)
    })
}

/// The request's head, and not a byte more: what follows it belongs to TLS.
fn read_head(stream: &mut impl Read) -> Option<String> {
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
