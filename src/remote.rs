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

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use crate::error::Error;
use crate::percent::RESERVED;

mod typed;

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

/// Whether `prefix` covers `path`: whole segments, from the start. `fold`: ASCII letter case does not matter.
#[must_use]
pub fn is_within(path: &[String], prefix: &[String], fold: bool) -> bool {
    let same = |(a, b): (&String, &String)| if fold { a.eq_ignore_ascii_case(b) } else { a == b };
    prefix.len() <= path.len() && prefix.iter().zip(path).all(same)
}

impl fmt::Display for Remote {
    /// The URL, percent-encoded where it must be; there is nothing secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin())?;
        self.path.iter().try_for_each(|segment| write!(f, "/{}", utf8_percent_encode(segment, UNSAFE)))
    }
}

/// A protection space: what one token opens. Only a forge makes one; its text never changes, because it names entries in
/// keychains.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(String);

impl Realm {
    /// For forges: `FORGE/WHAT`, for example `azure-devops/contoso`.
    #[must_use]
    pub(crate) fn made_by_forge(forge: &str, what: &str) -> Realm {
        Realm(format!("{forge}/{what}"))
    }

    /// Reads back a realm that was written down (records, keychain attributes). `None` if it has not the form of one.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Realm> {
        let (forge, what) = text.split_once('/')?;
        (!forge.is_empty() && !what.is_empty() && !has_control(text)).then(|| Realm(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The forge's name: what stands before the first slash.
    #[must_use]
    pub fn forge(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// What stands behind it: an organisation, a host, an origin with a path.
    #[must_use]
    pub fn what(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, what)| what)
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the host of a URL stands there in other characters than those that it comes to (`dev%2Eazure.com`, full-width letters):
/// some programs would ask for that name, others for this one. Names of other scripts come to an `xn--` form everywhere.
fn is_disguised(url: &str, host: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest.trim_start_matches('/'));
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let written = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    written.contains('%') || (!written.is_ascii() && !host.contains("xn--"))
}

/// Whether there is a control character in it: ASCII's, and the line separators that some readers break at.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
}

/// Default port by scheme.
fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "https" => 443,
        "http" => 80,
        "ftp" => 21,
        _ => return None,
    })
}

/// Takes the zone (RFC 6874: `[fe80::1%25eth0]`) out of a URL's IPv6 host, which the `url` crate refuses. curl also takes a bare `%`.
fn without_zone(url: &str) -> (Cow<'_, str>, Option<String>) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let zone = url[start..end].strip_prefix('[').and_then(|inner| {
        let inner = &inner[..inner.find(']')?];
        let percent = inner.find('%')?;
        Some((start + 1 + percent, start + 1 + inner.len()))
    });
    let Some((from, to)) = zone else { return (Cow::Borrowed(url), None) };
    let zone = &url[from + 1..to];
    let zone = zone.strip_prefix("25").unwrap_or(zone);
    (Cow::Owned(format!("{}{}", &url[..from], &url[to..])), Some(zone.to_owned()))
}

/// Splits `host:port`; `None` if the port is not a number from 1 to 65535 in its plain form. An empty one is the default
/// (RFC 3986 section 3.2.3).
fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    // The colons inside an IPv6 literal's brackets are not port separators.
    let after = host.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = host[after..].find(':').map(|at| at + after) else { return Some((host, None)) };
    let (name, port) = (&host[..colon], &host[colon + 1..]);
    if port.is_empty() {
        return Some((name, None));
    }
    let plain = !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
    let number = port.parse::<u16>().ok().filter(|_| plain)?;
    Some((name, Some(number)))
}

/// A host of http(s) in the one form that we compare: lower case, no trailing dot, IDN in its ASCII form, IPv6 in its
/// shortest form. `None` for what is no host.
fn fold_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        let Some((address, zone)) = inner.split_once('%') else {
            return Some(format!("[{}]", inner.parse::<Ipv6Addr>().ok()?));
        };
        // A zone names an interface of this machine (RFC 4007); letter case matters.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let is_zone = !zone.is_empty() && zone.len() <= 63 && zone.bytes().all(plain);
        return is_zone.then_some(format!("[{}%{zone}]", address.parse::<Ipv6Addr>().ok()?));
    }
    if !host.is_ascii() {
        // curl sends the IDNA form on the wire. A name that turns into a plain ASCII one is a look-alike of it
        // (full-width letters for `dev.azure.com`): never answered.
        // An escape would be decoded on the way, and is none of git's making.
        let url::Host::Domain(ascii) = url::Host::parse(host).ok()? else { return None };
        let is_idn = ascii.split('.').any(|label| label.starts_with("xn--"));
        // The ASCII form keeps the rules of every other: an ideographic full stop at its end is a trailing dot too.
        return if is_idn && !host.contains('%') { fold_host(&ascii) } else { None };
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
    };
    (host.len() <= 253 && host.split('.').all(label)).then(|| host.to_ascii_lowercase())
}

/// A host of another protocol: compared byte by byte, so only what cannot be part of a host is refused.
fn plain_host(host: &str) -> Option<String> {
    let odd = |c: char| c.is_whitespace() || "/\\@?#".contains(c);
    (!host.is_empty() && !host.contains(odd)).then(|| host.to_owned())
}

/// The path by segments. A query or fragment stays outside (git leaves it in the path). An empty segment counts as nothing on the
/// web, where scripts join URLs with one slash too many; other protocols may mean something by it, so there it is refused. `None` also
/// for a backslash, `.` and `..`, and for what becomes one of these or a slash by being decoded once more: git has decoded the path
/// already, and who decodes it again would go elsewhere.
fn segments(path: &str, web: bool) -> Option<Vec<String>> {
    let path = if web { path.split(['?', '#']).next().unwrap_or_default() } else { path };
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments = path.split('/').filter(|segment| !(web && segment.is_empty()));
    segments.map(|segment| is_plain(segment).then(|| segment.to_owned())).collect()
}

/// Whether a segment is a name, however often it is decoded.
fn is_plain(segment: &str) -> bool {
    if segment.is_empty() || segment == "." || segment == ".." || segment.contains(['\\', '/']) {
        return false;
    }
    if !segment.contains('%') {
        return true;
    }
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    decoded == segment || is_plain(&decoded)
}

/// Decodes what a URL of the `url` crate has, where a `%` without two digits is itself; an error if the result is not UTF-8.
fn decode(text: &str) -> Result<String, Utf8Error> {
    percent_decode_str(text).decode_utf8().map(Cow::into_owned)
}

/// What is encoded in a path: whatever cannot stand in a segment, and what a shell would act on. Hints are commands that are
/// pasted, and the path in them came from outside.
const UNSAFE: &AsciiSet = &RESERVED.remove(b'+').remove(b',').remove(b'=').remove(b':').remove(b'@');

#[cfg(test)]
mod tests {
    use super::*;

    fn from(protocol: &str, host: &str, path: &str) -> Option<String> {
        Remote::from_parts(protocol, host, Some(path)).ok().map(|remote| remote.to_string())
    }

    #[test]
    fn what_does_not_matter_is_folded() {
        for host in ["dev.azure.com", "DEV.Azure.COM", "dev.azure.com.", "dev.azure.com:443"] {
            assert_eq!(from("https", host, "").as_deref(), Some("https://dev.azure.com"), "{host}");
        }
        assert_eq!(from("HTTPS", "x", "/a/b/").as_deref(), Some("https://x/a/b"));
        assert_eq!(from("http", "x:443", "").as_deref(), Some("http://x:443"));
        assert_eq!(from("https", "[0:0::1]:8443", "").as_deref(), Some("https://[::1]:8443"));
        assert_eq!(from("https", "x", "a/My Project?version=1").as_deref(), Some("https://x/a/My%20Project"));
    }

    #[test]
    fn a_path_is_shown_so_that_a_shell_reads_it_as_one_word() {
        assert_eq!(
            from("https", "x", "a/$(b)&c;d'e*").as_deref(),
            Some("https://x/a/%24%28b%29%26c%3Bd%27e%2A")
        );
    }

    #[test]
    fn hosts_and_ports_that_are_none_are_refused() {
        let hosts = [
            "",
            ".",
            "a..b",
            "dev.azure.com..",
            "a b",
            "a/b",
            "a\\b",
            "a@b",
            "a?b",
            "a#b",
            "a%2eb",
            "x:0",
            ":",
            ":443",
            "x:00443",
            "x:65536",
            "x:73616",
            "x:+443",
            "x:-1",
            "x:8080.evil",
            "x:443:443",
            "[::1",
            "::1",
            "[::1]x",
            "[::1%]",
            "[::1%a b]",
            "[::1%a%b]",
            "[::1%25eth/0]",
            "[%eth0]",
            "[::1]%eth0",
            "127.0.0.1%eth0",
            "[dev.azure.com]",
            "a\nb",
            "a\rb",
            "a\0b",
            "ｄev.azure.com",
            "dev。azure。com",
            "a\u{2028}b",
            "-",
            "*",
        ];
        for host in hosts.iter().filter(|&&host| host != "-") {
            assert_eq!(from("https", host, ""), None, "{host:?}");
        }
    }

    #[test]
    fn an_international_name_is_compared_in_its_ascii_form() {
        assert_eq!(from("https", "bücher.example", "").as_deref(), Some("https://xn--bcher-kva.example"));
        let (typed, _) = Remote::from_url("https://bücher.example").unwrap();
        assert_eq!(typed, Remote::from_parts("https", "xn--bcher-kva.example", None).unwrap());
        for host in [
            "bücher.example..",
            "bücher.example。.",
            "bücher%2eexample",
            "bü/cher.example",
            "bü cher.example",
        ] {
            assert_eq!(from("https", host, ""), None, "{host:?}");
        }
    }

    #[test]
    fn paths_that_climb_or_are_read_differently_are_refused() {
        for path in ["../a", "a/../b", "a/./b", "a//../b", "a\\b", "a\tb", ".."] {
            assert_eq!(from("https", "x", path), None, "{path:?}");
        }
        assert_eq!(from("ftp", "x", "a//b"), None);
    }

    #[test]
    fn an_empty_segment_counts_as_nothing_on_the_web() {
        for path in ["a/b", "/a//b", "a///b//", "//a/b", "a//b?x//y", "a//b#/"] {
            assert_eq!(from("https", "x", path).as_deref(), Some("https://x/a/b"), "{path:?}");
            let (typed, _) = Remote::from_url(&format!("http://x/{path}")).unwrap();
            assert_eq!(typed.to_string(), "http://x/a/b", "{path:?}");
        }
        assert_eq!(from("https", "x", "//").as_deref(), Some("https://x"));
    }

    /// Of a caller that does not decode, or before a server that decodes twice.
    #[test]
    fn a_segment_that_would_become_another_place_by_decoding_is_refused() {
        for path in [
            "a/%2e%2e/b",
            "a/%2E./b",
            "a/%2e/b",
            "a/%252e%252e/b",
            "a/b%2f..%2f..%2fc",
            "a%2Fb",
            "a%5cb",
            "a%25252fb",
        ] {
            assert_eq!(from("https", "x", path), None, "{path:?}");
            assert_eq!(from("ftp", "x", path), None, "{path:?}");
        }
        for url in [
            "https://x/a/%2e%2e/%252e%252e/b",
            "https://x/a/%252e%252e/b",
            "https://x/a%252fb",
            "https://x/a%5cb",
        ] {
            assert!(Remote::from_url(url).is_err(), "{url}");
        }
        for path in
            ["a/100%", "a/%zz", "a/50%25", "a/...", "a/.git", "a/..b", "a/%2e%2e%2e", "a/x%20y", "a/%ff"]
        {
            assert!(from("https", "x", path).is_some(), "{path:?}");
        }
        // An escaped slash in a URL is one to git, too, and GitLab's API has them.
        assert_eq!(
            Remote::from_url("https://x/projects/a%2Fb/p").unwrap().0.path(),
            ["projects", "a", "b", "p"]
        );
    }

    #[test]
    fn an_empty_port_is_the_default_and_a_zone_is_part_of_the_address() {
        for (host, expected) in [
            ("x:", "https://x"),
            ("[::1]:", "https://[::1]"),
            ("[fe80::1%eth0]:8443", "https://[fe80::1%25eth0]:8443"),
            ("[FE80:0::1%Eth0.7]", "https://[fe80::1%25Eth0.7]"),
            ("[fe80::1%25]", "https://[fe80::1%2525]"),
        ] {
            let remote = Remote::from_parts("https", host, None).unwrap();
            assert_eq!(remote.to_string(), expected, "{host}");
            assert_eq!(Remote::from_url(expected).unwrap().0, remote, "{host}");
        }
        let (typed, user) = Remote::from_url("https://me@[fe80::1%eth0]:8443/a").unwrap();
        assert_eq!((typed.host(), typed.port(), user.as_deref()), ("[fe80::1%eth0]", Some(8443), Some("me")));
        assert_eq!(Remote::from_url("https://x:/a").unwrap().0.to_string(), "https://x/a");
        for other in ["[fe80::1]:8443", "[fe80::1%eth1]:8443", "[fe80::1%ETH0]:8443"] {
            assert_ne!(Remote::from_parts("https", other, None).unwrap(), typed.without_path(), "{other}");
        }
        for bad in [
            "https://[fe80::1%25]/",
            "https://[fe80::1%]/",
            "https://[fe80::1%25a%2fb]/",
            "https://[::1%25x/y]",
        ] {
            assert!(Remote::from_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn protocols_that_are_none_are_refused() {
        for protocol in ["", "ht tp", "https:", "https://", "1http", "h\0"] {
            assert_eq!(from(protocol, "x", ""), None, "{protocol:?}");
        }
    }

    #[test]
    fn a_certificate_is_known_by_its_file() {
        let one = Remote::from_parts("cert", "", Some("/home/me/client.pem")).unwrap();
        assert_eq!(one.path(), ["/home/me/client.pem"]);
        assert!(Remote::from_parts("cert", "", None).is_err());
    }

    #[test]
    fn a_prefix_covers_whole_segments_only() {
        let remote = Remote::from_parts("https", "x", Some("tfs/DefaultCollection/p")).unwrap();
        let prefix = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert!(remote.path_is_within(&prefix("TFS/defaultcollection"), true));
        assert!(!remote.path_is_within(&prefix("TFS/defaultcollection"), false));
        assert!(!remote.path_is_within(&prefix("tfs/Default"), true));
        assert!(!remote.path_is_within(&prefix("tfs/DefaultCollection/p/q"), true));
    }

    #[test]
    fn a_host_in_other_characters_than_its_own_is_refused_in_a_url_too() {
        for url in [
            "https://dev%2Eazure.com/contoso",
            "https://me@dev%2eazure.com/contoso",
            "https://dev\u{3002}azure\u{ff0e}com/contoso",
            "https://\u{ff44}\u{ff45}\u{ff56}.azure.com/contoso",
            "https://dev.azure.com\u{200b}/contoso",
            "HTTPS:////dev%2eazure.com",
        ] {
            assert!(Remote::from_url(url).is_err(), "{url}");
        }
        for url in
            ["https://me%40x@dev.azure.com/a%2eb", "https://dev.azure.com/ü?ü#%", "https://[::1]:8443/%20"]
        {
            assert!(Remote::from_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_typed_url_gives_its_user_name_and_never_takes_a_password() {
        let (remote, user) =
            Remote::from_url(" https://contoso@dev.azure.com/contoso/My%20Project ").unwrap();
        assert_eq!(remote.to_string(), "https://dev.azure.com/contoso/My%20Project");
        assert_eq!(user.as_deref(), Some("contoso"));
        let error = Remote::from_url("https://me:s3cret@dev.azure.com/contoso").unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
        for bad in [
            "dev.azure.com/contoso",
            "git@ssh.dev.azure.com:v3/a/b/c",
            "ssh://git@h/x",
            "ftp://h",
            "https://",
            "https://a%0ahost=evil@github.com",
            "https://a%00@github.com",
            "x:y",
        ] {
            assert!(Remote::from_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |host| Remote::from_parts("http", host, None).unwrap().is_loopback();
        for host in ["localhost", "a.localhost", "127.0.0.1:8080", "127.9.9.9", "[::1]:80"] {
            assert!(loopback(host), "{host}");
        }
        for host in ["localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "evil-localhost", "[::2]"] {
            assert!(!loopback(host), "{host}");
        }
    }

    #[test]
    fn the_text_of_a_remote_can_be_pasted_into_a_shell() {
        let path = "a$(reboot)/b;reboot&x|y/'q'/\"d\"/`c`/*/!1/{a,b}/<i>/ü e";
        let text = from("https", "x", path).unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~+,=:@/%".contains(c);
        assert!(text.chars().all(plain), "{text}");
        assert_eq!(Remote::from_url(&text).unwrap().0, Remote::from_parts("https", "x", Some(path)).unwrap());
    }

    #[test]
    fn a_realm_reads_back_as_it_was_written() {
        let realm = Realm::made_by_forge("azure-devops", "contoso");
        assert_eq!(Realm::from_text(realm.as_str()), Some(realm.clone()));
        assert_eq!((realm.forge(), realm.what()), ("azure-devops", "contoso"));
        assert_eq!(Realm::from_text("contoso"), None);
    }
}
