//! One request of git's, read strictly (R10): bytes, lines ending in LF (one CR before it dropped), `key=value`, an end by an
//! empty line or by the end of input. What other readers stumbled over voids the request: NUL, CR inside a value, a line
//! without `=`, a key repeated with another value (CVE-2020-5260, CVE-2024-50338, CVE-2024-52006). No fixed buffers; more
//! than a mebibyte in all is refused. Reasons never repeat a value.

use std::io::BufRead;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::percent::decode_text;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::tool::input;

/// The longest value that is a name, a host or a date. Secrets and headers may be longer.
const LONGEST: usize = 8192;

/// What git says. Attributes that mean nothing to us are not kept.
#[derive(Debug, Default)]
pub(super) struct Request {
    protocol: Option<String>,
    host: Option<String>,
    path: Option<String>,
    /// The user name, which may be empty.
    pub(super) user: Option<String>,
    /// The password.
    pub(super) password: Option<Secret>,
    /// The scheme of `credential`.
    pub(super) authtype: Option<String>,
    /// A ready-made credential of that scheme.
    pub(super) credential: Option<Secret>,
    /// git's refresh token.
    pub(super) refresh: Option<Secret>,
    /// When the password ends, in Unix seconds; zero and what is no number mean never.
    pub(super) expires: Option<i64>,
    /// Not to be stored.
    pub(super) ephemeral: bool,
    capabilities: Vec<String>,
    wwwauth: Vec<String>,
    /// The other keys that come once, as they came: only to see a conflict.
    url: Option<String>,
    end: Option<String>,
    passing: Option<String>,
}

impl Request {
    /// Reads one request.
    pub(super) fn read(input: &mut dyn BufRead) -> Result<Request, Error> {
        let bytes = read_block(input)?;
        let mut request = Request::default();
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            // A CR belongs to the end of a line only before an LF, not at the end of what was cut off.
            let line = match line.strip_suffix(b"\n") {
                Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
                None => line,
            };
            if line.is_empty() {
                continue;
            }
            if line.contains(&b'\r') || line.contains(&b'\0') {
                return Err(bad("there is a CR or NUL in it"));
            }
            let Some(equals) = line.iter().position(|&b| b == b'=') else {
                return Err(bad("a line has no ="));
            };
            request.take(&line[..equals], &line[equals + 1..])?;
        }
        Ok(request)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match key {
            b"protocol" => once(&mut self.protocol, text(value)?),
            b"host" => once(&mut self.host, text(value)?),
            b"path" => once(&mut self.path, path(value)),
            b"username" => once(&mut self.user, text(value)?),
            b"password" => once_secret(&mut self.password, value),
            b"authtype" => once(&mut self.authtype, text(value)?),
            b"credential" => once_secret(&mut self.credential, value),
            b"oauth_refresh_token" => once_secret(&mut self.refresh, value),
            b"password_expiry_utc" => {
                once(&mut self.end, text(value)?)?;
                self.expires =
                    self.end.as_deref().and_then(|end| end.parse::<i64>().ok()).filter(|&at| at > 0);
                Ok(())
            }
            b"ephemeral" => {
                once(&mut self.passing, text(value)?)?;
                // Whatever is not a plain no is a yes: then nothing is stored that should not be.
                let no = |text: &str| {
                    ["", "0", "false", "no", "off"].iter().any(|no| text.eq_ignore_ascii_case(no))
                };
                self.ephemeral = !self.passing.as_deref().is_none_or(no);
                Ok(())
            }
            b"url" => {
                let url = text(value)?;
                self.take_url(&url)?;
                once(&mut self.url, url)
            }
            b"capability[]" => push(&mut self.capabilities, value),
            b"wwwauth[]" => push(&mut self.wwwauth, value),
            b"" => Err(bad("a line has no key")),
            // state[] is for helpers that announced it; the rest is of later versions.
            _ => Ok(()),
        }
    }

    /// A whole URL in place of what was read before (`git credential` accepts it; git itself never sends it to a helper).
    fn take_url(&mut self, url: &str) -> Result<(), Error> {
        let (protocol, rest) = url.split_once("://").ok_or(bad("the url is not one"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let secret = |text: &str| {
            let decoded = decode_text(text).filter(|text| !text.chars().any(char::is_control));
            decoded.ok_or(bad("the url is not plain"))
        };
        let decoded = |text: &str| secret(text).map(|text| text.to_string());
        let (user, password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            Some((user, "")) => (Some(decoded(user)?), None),
            Some((user, password)) => {
                (Some(decoded(user)?), Some(Secret::copy_of(secret(password)?.as_bytes())))
            }
            None => (None, None),
        };
        let path = decoded(path.trim_start_matches('/'))?;
        *self = Request {
            protocol: Some(protocol.to_owned()),
            host: Some(decoded(host)?),
            path: Some(path).filter(|path| !path.is_empty()),
            user,
            password,
            capabilities: std::mem::take(&mut self.capabilities),
            wwwauth: std::mem::take(&mut self.wwwauth),
            url: self.url.take(),
            ..Request::default()
        };
        Ok(())
    }

    /// Where it is about.
    pub(super) fn remote(&self) -> Result<Remote, Error> {
        // A missing attribute is never a wildcard (CVE-2020-11008).
        let protocol = self.protocol.as_deref().ok_or(bad("the protocol is missing"))?;
        let host = match (self.host.as_deref(), protocol) {
            (Some(host), _) => host,
            (None, "cert") => "",
            (None, _) => return Err(bad("the host is missing")),
        };
        Remote::from_parts(protocol, host, self.path.as_deref())
    }

    /// Whether git can do this.
    pub(super) fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|offered| offered == capability)
    }

    /// Whether git will use Basic by itself, without a server's challenge: with `http.proactiveAuth=basic` it says so by a bare
    /// `Basic`, which no server sends (RFC 7617 demands a realm). Then user name and password do, and they are better: up
    /// to 2.52 git forgets an `authtype` credential in the probe before a push over `http.postBuffer`, and reports it as
    /// refused.
    pub(super) fn is_basic_beforehand(&self) -> bool {
        self.wwwauth.iter().all(|header| header == "Basic") && !self.wwwauth.is_empty()
    }

    /// Whether the server offers NTLM or Negotiate, which curl prefers to Basic. Both as lines of their own and joined with
    /// commas, as some proxies do.
    pub(super) fn server_offers_windows_logon(&self) -> bool {
        let schemes = self.wwwauth.iter().flat_map(|header| header.split(','));
        let first_word =
            |part: &str| part.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        schemes.map(first_word).any(|scheme| scheme == "ntlm" || scheme == "negotiate")
    }
}

/// Reads up to the first empty line or the end: a caller may keep the pipe open. The buffer is wiped when it goes.
fn read_block(input: &mut dyn BufRead) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Requests are a few hundred bytes; growing copies what was read, and wiping writes over the room that was never used.
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    loop {
        let start = bytes.len();
        input::line(input, &mut bytes)?;
        let line = &bytes[start..];
        if !line.ends_with(b"\n") || matches!(line, b"\n" | b"\r\n") {
            return Ok(bytes);
        }
    }
}

fn bad(why: &'static str) -> Error {
    Error::Request { why }
}

fn text(value: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(value).map_err(|_| bad("a value is not UTF-8"))?;
    // CR, LF and NUL are out already; other control characters have no place in a name either.
    if text.chars().any(char::is_control) {
        return Err(bad("there is a control character in it"));
    }
    if text.len() > LONGEST {
        return Err(bad("a value is too long"));
    }
    Ok(text.to_owned())
}

/// A path may have been percent-decoded into bytes that are no text; such bytes are encoded again.
fn path(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// A key that may come once; again only with the same value.
fn once(slot: &mut Option<String>, value: String) -> Result<(), Error> {
    match slot {
        Some(held) if *held != value => Err(bad("a key is repeated with another value")),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn once_secret(slot: &mut Option<Secret>, value: &[u8]) -> Result<(), Error> {
    let value = Secret::copy_of(value);
    match slot {
        Some(held) if !held.same_as(&value) => Err(bad("a key is repeated with another value")),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// A list; an empty value begins it anew (git-credential(1)).
fn push(list: &mut Vec<String>, value: &[u8]) -> Result<(), Error> {
    if value.is_empty() {
        list.clear();
    } else {
        // A header may hold any byte; what is not text cannot be a word that we look for.
        list.push(String::from_utf8_lossy(value).into_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
