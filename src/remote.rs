//! Where a tool wants to go: a [`Remote`] is a URL without its secrets, and a [`Realm`] is the protection space
//! (RFC 9110 section 11.5) that one token opens.
//!
//! A `Remote` is checked when it is made: what exists is well-formed, compares by value, and cannot leak, because a
//! password never gets in. Hosts are compared whole, never by substring or suffix (R1). Deliberately absent:
//! any knowledge of services; which realm a remote belongs to is for [`crate::forge`] to say.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::Utf8Error;

use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::error::Error;

mod host;
mod path;
mod realm;
mod typed;

pub use path::is_within;
pub use realm::Realm;

use host::{default_port, fold_host, is_disguised, plain_host, split_port, without_zone};
use path::{UNSAFE, segments};

/// The longest host or path that we look at; longer ones are refused (R10).
const LONGEST: usize = 8192;

/// A place: scheme, host, port and path segments. Two remotes that differ only in what does not matter (letter case of
/// scheme and host, the default port, one trailing dot) are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Remote {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: Vec<String>,
}

impl Remote {
    /// From what git sends: `protocol`, `host` (with `:port` as typed) and the percent-decoded `path`.
    ///
    /// For http and https the host is folded and checked; other protocols (smtp, imap, ftp, cert …) are compared byte by
    /// byte, and `cert` may have an empty host, its path being a file (git-credential(1)).
    ///
    /// # Errors
    /// [`Error::Request`] for everything that R10 names. The reason never repeats the value.
    pub fn from_parts(protocol: &str, host: &str, path: Option<&str>) -> Result<Remote, Error> {
        let bad = |why| Error::Request { why };
        let scheme = protocol.to_ascii_lowercase();
        if scheme.is_empty() {
            return Err(bad("the protocol is missing"));
        }
        let starts_well = scheme.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts_well || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            return Err(bad("the protocol is not one"));
        }
        if host.len() > LONGEST || path.is_some_and(|path| path.len() > LONGEST) {
            return Err(bad("the host or path is too long"));
        }
        if has_control(host) || path.is_some_and(has_control) {
            return Err(bad("there is a control character in the host or path"));
        }
        if scheme == "cert" {
            // The "path" is a file name and stays as it is, one segment, so that `/a` and `a` differ.
            let path = path.filter(|path| !path.is_empty()).ok_or(bad("the certificate has no path"))?;
            return Ok(Remote { scheme, host: host.to_owned(), port: None, path: vec![path.to_owned()] });
        }
        if host.is_empty() {
            return Err(bad("the host is missing"));
        }
        let (name, port) = split_port(host).ok_or(bad("the port is not one"))?;
        let web = scheme == "https" || scheme == "http";
        let host = if web { fold_host(name) } else { plain_host(name) }.ok_or(bad("the host is not one"))?;
        let port = port.filter(|&port| Some(port) != default_port(&scheme));
        let path = segments(path.unwrap_or_default(), web).ok_or(bad("the path is not plain"))?;
        Ok(Remote { scheme, host, port, path })
    }

    /// From a URL as a person types it; the second value is the user name in it, if any. A password in it is an error,
    /// because it would already stand in the shell's history.
    ///
    /// # Errors
    /// [`Error::Url`].
    pub fn from_url(text: &str) -> Result<(Remote, Option<String>), Error> {
        let bad = |why| Error::Url { why };
        let text = text.trim();
        if has_control(text) || text.contains('\\') {
            return Err(bad("it has a control character or a backslash in it"));
        }
        if !text.contains("://") {
            // An ssh address, or a URL without its scheme: say which.
            return Err(bad(if text.contains('@') && text.contains(':') {
                "an ssh address needs no token; give the https one"
            } else {
                "it must begin with https://"
            }));
        }
        let (text, zone) = without_zone(text);
        let parsed = url::Url::parse(&text).map_err(|_| bad("it cannot be read as one"))?;
        match parsed.scheme() {
            "https" | "http" => {}
            "ssh" => return Err(bad("ssh uses keys, not tokens; give the https one")),
            _ => return Err(bad("only https and http are known")),
        }
        if parsed.password().is_some() {
            return Err(bad("it has a password or token in it; leave that out, keyfob asks for it hidden"));
        }
        let host = parsed.host_str().filter(|host| !host.is_empty()).ok_or(bad("it has no host"))?;
        if is_disguised(&text, host) {
            return Err(bad("its host is written in a way that not every program reads alike"));
        }
        let user = Some(parsed.username()).filter(|user| !user.is_empty()).map(decode);
        let user = user.transpose().map_err(|_| bad("the user name is not text"))?;
        if user.as_deref().is_some_and(has_control) {
            return Err(bad("there is a control character in the user name"));
        }
        let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = decode(parsed.path()).map_err(|_| bad("the path is not text"))?;
        let host = match zone {
            Some(zone) => format!("{}%{zone}]", host.trim_end_matches(']')),
            None => host.to_owned(),
        };
        let made = Remote::from_parts(parsed.scheme(), &format!("{host}{port}"), Some(&path));
        let remote = made.map_err(|error| match error {
            Error::Request { why } => bad(why),
            other => other,
        })?;
        Ok((remote, user))
    }

    /// `https`, `http`, `smtp` …, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host in lower case, without port and trailing dot; IPv6 in brackets, with its zone if it has one (`[fe80::1%eth0]`).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, unless it is the scheme's default.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path by its segments, percent-decoded, without empty ones at the ends.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// The same place without its path.
    #[must_use]
    pub fn without_path(&self) -> Remote {
        self.with_path(Vec::new())
    }

    /// The same host with another path.
    #[must_use]
    pub fn with_path(&self, path: Vec<String>) -> Remote {
        Remote { path, ..self.clone() }
    }

    /// `scheme://host[:port]`, the origin (RFC 6454), without a path.
    #[must_use]
    pub fn origin(&self) -> String {
        // In a URL, a zone's percent sign is escaped (RFC 6874).
        let host = if self.host.contains('%') { self.host.replace('%', "%25") } else { self.host.clone() };
        match self.port {
            Some(port) => format!("{}://{host}:{port}", self.scheme),
            None => format!("{}://{host}", self.scheme),
        }
    }

    /// `host[:port]`, as a person would say it.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether the bytes go encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether it is plain http.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.scheme == "http"
    }

    /// Whether the host is this machine by its address or by the name that RFC 6761 reserves for it. `localhost.evil.test`
    /// and `127.0.0.1.evil.test` are not.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        if self.host == "localhost" || self.host.ends_with(".localhost") {
            return true;
        }
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
            || bare.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether `prefix` (path segments) covers our path: whole segments, from the start. `fold`: ASCII letter case does
    /// not matter.
    #[must_use]
    pub fn path_is_within(&self, prefix: &[String], fold: bool) -> bool {
        is_within(&self.path, prefix, fold)
    }
}

impl fmt::Display for Remote {
    /// The URL, percent-encoded where it must be; there is nothing secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin())?;
        self.path.iter().try_for_each(|segment| write!(f, "/{}", utf8_percent_encode(segment, UNSAFE)))
    }
}

/// Whether there is a control character in it: ASCII's, and the line separators that some readers break at.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
}

/// Decodes what a URL of the `url` crate has, where a `%` without two digits is itself; an error if the result is not UTF-8.
fn decode(text: &str) -> Result<String, Utf8Error> {
    percent_decode_str(text).decode_utf8().map(Cow::into_owned)
}

#[cfg(test)]
mod tests;
