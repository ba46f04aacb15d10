//! A small HTTP/1.1 server: requests, answers, handlers, virtual hosts. Bodies are held in memory, in both directions;
//! how they are read is in [`super::wire`].

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::listener::Listener;
use super::log::Log;
use super::tls::Authority;
use super::wire::{Site, converse};

/// Answers requests.
pub type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// A request, with its whole body.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whether it came by TLS.
    pub secure: bool,
    /// The server that was reached: its address, or the end of the tunnel.
    pub server: String,
    /// The method.
    pub method: String,
    /// The Host header in lower case.
    pub host: String,
    /// The target as it came, with its query.
    pub target: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, out of its chunks but still in its Content-Encoding.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The path, still percent-encoded.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query, or nothing.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The host without its port.
    pub fn host_name(&self) -> &str {
        self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name)
    }

    /// `http://host:port`, as the caller knows this server.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    reason: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Whether the body is all there is.
    pub verbatim: bool,
    /// Whether the body is sent again and again until the client has had enough.
    pub endless: bool,
    /// How long to pause before each byte.
    pub pause: Option<Duration>,
}

impl Response {
    /// An answer without a body.
    pub fn new(status: u16) -> Response {
        Response {
            status,
            reason: None,
            headers: Vec::new(),
            body: Vec::new(),
            verbatim: false,
            endless: false,
            pause: None,
        }
    }

    /// An answer with a body of the named type.
    pub fn with(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response::new(status).header("Content-Type", content_type).body(body)
    }

    /// Bytes that are sent as they are, head included, after which the connection ends: for hostile answers.
    pub fn verbatim(status: u16, bytes: impl Into<Vec<u8>>) -> Response {
        Response { verbatim: true, ..Response::new(status).body(bytes) }
    }

    /// The body without end, for hostile answers.
    #[must_use]
    pub fn endless(mut self) -> Response {
        self.endless = true;
        self
    }

    /// Byte by byte, with this pause before each, for hostile answers.
    #[must_use]
    pub fn dripping(mut self, pause: Duration) -> Response {
        self.pause = Some(pause);
        self
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With this reason phrase in place of the usual one.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Response {
        self.reason = Some(reason.to_owned());
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self
    }

    /// Where it leads, if it is a redirect.
    pub fn location(&self) -> Option<&str> {
        (300..400).contains(&self.status).then(|| header(&self.headers, "location")).flatten()
    }

    /// Writes it; `head_only` for an answer to HEAD.
    pub fn write(&self, to: &mut impl Write, head_only: bool, close: bool) -> io::Result<()> {
        if self.verbatim {
            loop {
                self.send(to, &self.body)?;
                if !self.endless {
                    return to.flush();
                }
            }
        }
        let reason = self.reason.as_deref().unwrap_or_else(|| usual_reason(self.status));
        let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        if self.endless {
            bytes.extend_from_slice(b"Connection: close\r\n\r\n");
            to.write_all(&bytes)?;
            loop {
                self.send(to, &self.body)?;
            }
        }
        if self.status >= 200 && self.status != 204 && self.status != 304 {
            write!(bytes, "Content-Length: {}\r\n", self.body.len())?;
        }
        write!(bytes, "Connection: {}\r\n\r\n", if close { "close" } else { "keep-alive" })?;
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        self.send(to, &bytes)?;
        to.flush()
    }

    fn send(&self, to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        let Some(pause) = self.pause else { return to.write_all(bytes) };
        for byte in bytes {
            std::thread::sleep(pause);
            to.write_all(std::slice::from_ref(byte))?;
            to.flush()?;
        }
        Ok(())
    }
}

fn usual_reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Answer",
    }
}

/// A server on a free port of 127.0.0.1, until it is dropped.
pub struct Server {
    listener: Listener,
    scheme: &'static str,
    log: Log,
}

impl Server {
    /// Plain HTTP.
    pub fn start(handler: Handler) -> Server {
        let log = Log::default();
        let listener = Listener::start({
            let log = log.clone();
            move |stream| {
                let server = stream.local_addr().unwrap().to_string();
                converse(stream, &Site { secure: false, server, log: log.clone() }, &handler);
            }
        });
        Server { listener, scheme: "http", log }
    }

    /// HTTPS, with certificates of `authority` for whatever name the client asks for.
    pub fn start_tls(authority: &Authority, handler: Handler) -> Server {
        let (log, authority) = (Log::default(), authority.clone());
        let listener = Listener::start({
            let log = log.clone();
            move |stream| {
                let server = stream.local_addr().unwrap().to_string();
                let site = Site { secure: true, server, log: log.clone() };
                authority.accept(stream, |stream| converse(stream, &site, &handler));
            }
        });
        Server { listener, scheme: "https", log }
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.listener.address())
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.listener.address().port()
    }

    /// What was asked of it.
    pub fn log(&self) -> &Log {
        &self.log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.log.judge();
    }
}

/// Virtual hosts: the first row whose name matches the Host header without its port; `*.example.test` is any host
/// below that one. A host without a row gets 421.
pub fn by_host(rows: Vec<(&'static str, Handler)>) -> Handler {
    Arc::new(move |request: &Request| {
        let row = rows.iter().find(|(pattern, _)| host_matches(pattern, request.host_name()));
        row.map_or_else(|| Response::new(421).reason("Misdirected Request"), |(_, handler)| handler(request))
    })
}

/// Whether `host` is `pattern`, or is below it when that begins with `*.`.
pub fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(below) => host.len() > below.len() && host.ends_with(below),
        None => host == pattern,
    }
}

/// `%20` and the like undone; what is not well-formed stays as it is.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Everything but letters, digits and `-._~` as `%XX`.
pub fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A header's first value.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
