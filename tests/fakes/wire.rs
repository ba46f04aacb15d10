//! One connection's requests, read from the wire: what git, pip, cargo, NuGet and curl send is understood, and nothing
//! beyond.
//!
//! Deliberately absent: HTTP/2, and compression (git's gzip bodies pass through to git http-backend).

use std::io::{self, BufRead, BufReader, Read, Write};

use super::http::{Handler, Request, Response, header};
use super::log::{Entry, Log};

/// The longest request line and headers together; more is answered with 431.
const LONGEST_HEAD: u64 = 64 * 1024;
/// The longest body; more is answered with 413.
const LONGEST_BODY: u64 = 256 * 1024 * 1024;

/// How much of a body is kept in the log.
const LONGEST_KEPT: usize = 16 * 1024;

/// What a connection's requests have in common.
pub struct Site {
    /// Whether it is TLS.
    pub secure: bool,
    /// For [`Request::server`].
    pub server: String,
    /// Where the requests are noted.
    pub log: Log,
}

/// Serves the requests of one connection. A client that breaks the connection or the protocol ends it.
pub fn converse(stream: impl Read + Write, site: &Site, handler: &Handler) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = match read_head(&mut stream, site) {
            Ok(Some(request)) => request,
            Ok(None) | Err(Bad::Gone) => return,
            Err(Bad::Status(status)) => {
                let _ = Response::new(status).write(stream.get_mut(), false, true);
                return;
            }
        };
        let (response, unread) = match read_body(&mut stream, &request.headers) {
            Ok(body) => {
                request.body = body;
                (handler(&request), false)
            }
            Err(Bad::Gone) => return,
            Err(Bad::Status(status)) => (Response::new(status), true),
        };
        let close = unread || response.verbatim || wants_close(&request.headers);
        // Before the answer leaves, so that a client that has it finds the request in the log.
        request.body.truncate(LONGEST_KEPT);
        let (status, location) = (response.status, response.location().map(str::to_owned));
        let is_head = request.method == "HEAD";
        site.log.push(Entry { request, status, location });
        if response.write(stream.get_mut(), is_head, close).is_err() || close {
            return;
        }
    }
}

/// Why a request cannot be read.
enum Bad {
    /// The connection broke.
    Gone,
    /// It is refused with this status.
    Status(u16),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Bad {
        Bad::Gone
    }
}

fn read_head<S: Read + Write>(stream: &mut BufReader<S>, site: &Site) -> Result<Option<Request>, Bad> {
    let mut left = LONGEST_HEAD;
    let mut first = read_line(stream, &mut left)?;
    if first.as_deref() == Some("") {
        first = read_line(stream, &mut left)?; // An empty line between requests is allowed (RFC 9112 section 2.2).
    }
    let Some(first) = first else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Bad::Status(400));
    };
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream, &mut left)?.ok_or(Bad::Gone)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(Bad::Status(400))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if first.ends_with("HTTP/1.0") {
        headers.push(("Connection".to_owned(), "close".to_owned()));
    }
    let host = header(&headers, "host").ok_or(Bad::Status(400))?.to_ascii_lowercase();
    Ok(Some(Request {
        secure: site.secure,
        server: site.server.clone(),
        method: method.to_owned(),
        host,
        target: target.to_owned(),
        headers,
        body: Vec::new(),
    }))
}

/// A line without its end, or nothing at the stream's end.
fn read_line(stream: &mut impl BufRead, left: &mut u64) -> Result<Option<String>, Bad> {
    let mut line = Vec::new();
    let read = stream.take(*left).read_until(b'\n', &mut line)? as u64;
    *left -= read;
    if line.pop_if(|last| *last == b'\n').is_none() {
        return if *left == 0 {
            Err(Bad::Status(431))
        } else if read == 0 {
            Ok(None)
        } else {
            Err(Bad::Gone)
        };
    }
    line.pop_if(|last| *last == b'\r');
    String::from_utf8(line).map(Some).map_err(|_| Bad::Status(400))
}

fn read_body<S: Read + Write>(
    stream: &mut BufReader<S>,
    headers: &[(String, String)],
) -> Result<Vec<u8>, Bad> {
    let chunked = match header(headers, "transfer-encoding") {
        Some(encoding) if encoding.eq_ignore_ascii_case("chunked") => true,
        Some(_) => return Err(Bad::Status(400)),
        None => false,
    };
    let length = match header(headers, "content-length") {
        // Both together is how requests are smuggled (RFC 9112 section 6.1).
        Some(_) if chunked => return Err(Bad::Status(400)),
        Some(length) => length.parse().map_err(|_| Bad::Status(400))?,
        None => 0,
    };
    if length > LONGEST_BODY {
        return Err(Bad::Status(413));
    }
    if header(headers, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.get_mut().flush()?;
    }
    let mut body = Vec::new();
    if chunked {
        while read_chunk(stream, &mut body)? {}
    } else if stream.take(length).read_to_end(&mut body)? as u64 != length {
        return Err(Bad::Gone);
    }
    Ok(body)
}

/// Whether it was not the last.
fn read_chunk(stream: &mut impl BufRead, body: &mut Vec<u8>) -> Result<bool, Bad> {
    let mut left = LONGEST_HEAD;
    let line = read_line(stream, &mut left)?.ok_or(Bad::Gone)?;
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = u64::from_str_radix(size, 16).map_err(|_| Bad::Status(400))?;
    if size.saturating_add(body.len() as u64) > LONGEST_BODY {
        return Err(Bad::Status(413));
    }
    if size == 0 {
        // What remains are trailers, up to an empty line.
        while !read_line(stream, &mut left)?.ok_or(Bad::Gone)?.is_empty() {}
        return Ok(false);
    }
    if stream.by_ref().take(size).read_to_end(body)? as u64 != size {
        return Err(Bad::Gone);
    }
    match read_line(stream, &mut left)?.as_deref() {
        Some("") => Ok(true),
        _ => Err(Bad::Status(400)),
    }
}

fn wants_close(headers: &[(String, String)]) -> bool {
    let mut connection = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    connection.any(|(_, value)| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")))
}
