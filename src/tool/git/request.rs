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
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Request, Error> {
        Request::read(&mut &text[..])
    }

    fn is_void(text: &[u8]) -> bool {
        read(text).and_then(|request| request.remote()).is_err()
    }

    #[test]
    fn lf_and_crlf_read_alike() {
        for text in [
            &b"protocol=https\nhost=h\nusername=u\n\n"[..],
            b"protocol=https\r\nhost=h\r\nusername=u\r\n\r\n",
            b"protocol=https\nhost=h\nusername=u",
        ] {
            let request = read(text).unwrap();
            assert_eq!(request.remote().unwrap().to_string(), "https://h");
            assert_eq!(request.user.as_deref(), Some("u"));
        }
    }

    #[test]
    fn reading_stops_at_the_empty_line_even_if_the_pipe_stays_open() {
        let mut input = &b"protocol=https\nhost=h\n\nhost=evil\n"[..];
        assert_eq!(Request::read(&mut input).unwrap().remote().unwrap().host(), "h");
        assert_eq!(input, b"host=evil\n");
    }

    #[test]
    fn what_other_readers_stumbled_over_voids_the_request() {
        for text in [
            &b"protocol=https\nhost=github.com\nhost=evil\n"[..],
            b"protocol=https\nprotocol=http\nhost=h\n",
            b"protocol=https\nhost=github.com\rhost=evil\n",
            b"protocol=https\nhost=github.com\r\r\n",
            b"protocol=https\nhost=github.com\0.evil\n",
            b"protocol=https\nhost=h\nusername=a\nusername=b\n",
            b"protocol=https\nhost=h\npassword=a\npassword=b\n",
            b"protocol=https\nhost=h\nno equals sign\n",
            b"protocol=https\nhost=h\n=x\n",
            b"protocol=https\nhost=h\nusername=\x1b[2J\n",
            b"protocol=https\nhost=\xff\n",
            b"protocol=https\n",
            b"host=h\n",
            b"protocol=\nhost=h\n",
            b"protocol=https\nhost=\n",
            b"",
            b"\n",
            b"Protocol=https\nHost=h\n",
            b"protocol=cert\nhost=\n",
            b"url=https:///x\n",
            b"url=github.com\n",
            b"url=https://github.com%0ahost=evil/\n",
            b"protocol=https\nhost=h\r",
            b"url=https://h\nhost=evil\n",
            b"url=https://h\nurl=https://evil\n",
            b"protocol=https\nhost=h\npassword_expiry_utc=1\npassword_expiry_utc=2\n",
            b"protocol=https\nhost=h\nephemeral=1\nephemeral=0\n",
        ] {
            assert!(is_void(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn unknown_keys_and_equal_repeats_are_no_harm() {
        let request = read(b"protocol=https\nhost=h\nhost=h\nntlm=suppressed\nntlm=allow\nstate[]=x\nquit=1\nfuture\xff=\xff\n").unwrap();
        assert_eq!(request.remote().unwrap().to_string(), "https://h");
    }

    #[test]
    fn an_empty_value_begins_a_list_anew() {
        let request = read(b"capability[]=authtype\ncapability[]=\ncapability[]=state\n").unwrap();
        assert!(!request.offers("authtype") && request.offers("state"));
    }

    #[test]
    fn a_url_replaces_what_was_read_before() {
        let request =
            read(b"username=old\nprotocol=http\nhost=old\nurl=https://me%40x:p%20w@h:8443/a%20b\n").unwrap();
        assert_eq!(request.remote().unwrap().to_string(), "https://h:8443/a%20b");
        assert_eq!(request.user.as_deref(), Some("me@x"));
        assert_eq!(request.password.unwrap().expose(), b"p w");
    }

    #[test]
    fn long_lines_are_read_whole_and_too_much_is_refused() {
        let mut text = b"protocol=https\nhost=badguy\nwwwauth[]=basic realm=".to_vec();
        text.extend(vec![b'a'; 200_000]);
        text.extend(b"host=victim\n");
        assert_eq!(read(&text).unwrap().remote().unwrap().host(), "badguy");
        text.extend(vec![b'a'; input::LIMIT]);
        assert!(is_void(&text));
    }

    #[test]
    fn windows_logon_is_seen_in_lines_of_its_own_and_joined_ones() {
        for (header, expected) in [
            ("NTLM", true),
            ("Negotiate", true),
            ("negotiate TlRM", true),
            ("Bearer authorization_uri=https://x, Basic realm=\"y\", NTLM", true),
            ("Basic realm=\"NTLM\"", false),
            ("Bearer", false),
        ] {
            let request = read(format!("wwwauth[]={header}\n").as_bytes()).unwrap();
            assert_eq!(request.server_offers_windows_logon(), expected, "{header}");
        }
    }

    #[test]
    fn an_end_that_is_zero_or_no_number_means_never() {
        for (value, expected) in
            [("0", None), ("soon", None), ("-5", None), ("1900000000", Some(1_900_000_000))]
        {
            let request = read(format!("password_expiry_utc={value}\n").as_bytes()).unwrap();
            assert_eq!(request.expires, expected, "{value}");
        }
    }

    #[test]
    fn only_a_plain_no_is_not_ephemeral() {
        for (value, expected) in [
            ("1", true),
            ("true", true),
            ("TRUE", true),
            ("2", true),
            ("", false),
            ("0", false),
            ("No", false),
        ] {
            assert_eq!(
                read(format!("ephemeral={value}\n").as_bytes()).unwrap().ephemeral,
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn a_name_that_is_over_long_voids_the_request_and_a_token_does_not() {
        let long = "a".repeat(LONGEST + 1);
        assert!(is_void(format!("protocol=https\nhost=h\nusername={long}\n").as_bytes()));
        assert!(!is_void(format!("protocol=https\nhost=h\npassword={long}\n").as_bytes()));
    }

    #[test]
    fn a_path_that_is_no_text_is_kept_apart_from_others() {
        let request = read(b"protocol=https\nhost=h\npath=a/\xe9\n").unwrap();
        assert_eq!(request.remote().unwrap().path(), ["a", "%E9"]);
    }
}
