//! Requests as values: where they go, whether they are odd, and which of their headers are for the proxy alone.

use hyper::header::{
    CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    TE, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, StatusCode};
use percent_encoding::percent_decode;

use super::failure::Failure;

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// Whether it is reached by TLS.
    pub https: bool,
    /// The host in lower case, an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Origin {
    /// Of an authority (RFC 3986, section 3.2); `None` if it names a user, or no host or port that could be meant.
    pub(super) fn of(https: bool, authority: &Authority) -> Option<Origin> {
        let text = authority.as_str();
        let host = authority.host();
        // What stands behind the host is its port, or nothing; the library lets more pass.
        let rest = text.strip_prefix(host)?;
        let default = if https { 443 } else { 80 };
        let port = match rest.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            None if rest.is_empty() => default,
            _ => return None,
        };
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        let is_host = !bare.is_empty() && port != 0 && bare.bytes().all(is_plain);
        is_host.then(|| Origin { https, host: bare.to_ascii_lowercase(), port })
    }

    /// Host and port, this only where it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = self.bracketed();
        match (self.https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Host and port, always both.
    pub(super) fn with_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// The URL of a path on it.
    pub(super) fn url(&self, path: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.authority())
    }
}

/// Finds the origin of a request in absolute form (RFC 9112, section 3.2.2).
///
/// # Errors
/// The answer, if it is in another form, for https, or names a user.
pub(super) fn absolute<B>(request: &Request<B>) -> Result<Origin, Failure> {
    let uri = request.uri();
    match (uri.scheme(), uri.authority()) {
        (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP => Origin::of(false, authority)
            .ok_or_else(|| Failure::malformed("the URL of the request is not one that the proxy can use")),
        (Some(_), _) => Err(Failure::malformed(
            "the proxy serves https by CONNECT, and no other scheme than http besides",
        )),
        _ => Err(Failure::malformed("this is the proxy of a running command, and no web server")),
    }
}

/// Checks that a request which came through a tunnel is for the host that the client connected to.
///
/// # Errors
/// The answer, if it is not, or does not say.
pub(super) fn within<B>(request: &Request<B>, origin: &Origin) -> Result<(), Failure> {
    let misdirected = || {
        let sentence = format!("the request is for another host than its connection, {}", origin.authority());
        Failure::new(StatusCode::MISDIRECTED_REQUEST, sentence)
    };
    let uri = request.uri();
    if let Some(authority) = uri.authority() {
        let scheme = if origin.https { Scheme::HTTPS } else { Scheme::HTTP };
        if uri.scheme() != Some(&scheme) || Origin::of(origin.https, authority).as_ref() != Some(origin) {
            return Err(misdirected());
        }
    } else if !uri.path().starts_with('/') {
        return Err(Failure::malformed("the proxy passes on requests for a path only"));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Failure::malformed("a request has one Host header"));
    };
    let fits = Authority::try_from(host.as_bytes()).is_ok_and(|host| {
        // Some clients leave the port out, whichever it is.
        let is_port = |port| port == origin.port || host.port().is_none();
        Origin::of(origin.https, &host)
            .is_some_and(|named| named.host.trim_end_matches('.') == origin.host && is_port(named.port))
    });
    if fits { Ok(()) } else { Err(misdirected()) }
}

/// Headers by which some services take a request for one with another method or path than its first line has.
const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];

/// Whether services could read a request in more than one way: by [`OVERRIDES`]; or by dot segments, backslashes, control characters
/// or malformed escapes in its path, as they are or encoded once or twice. Such a request gets no login.
pub(super) fn is_ambiguous(path_and_query: &str, headers: &HeaderMap) -> bool {
    let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let once: Vec<u8> = percent_decode(path.as_bytes()).collect();
    let twice: Vec<u8> = percent_decode(&once).collect();
    // The last two begin what is no UTF-8, but `.` or `/` to a lenient reader.
    let is_odd = |byte: &u8| *byte == b'\\' || byte.is_ascii_control() || matches!(byte, 0xc0 | 0xc1);
    let is_dots = |segment: &[u8]| {
        // Some services take what stands behind a semicolon for a parameter, and leave spaces at the end out.
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
        !name.is_empty() && name.iter().all(|byte| *byte == b'.')
    };
    OVERRIDES.iter().any(|name| headers.contains_key(*name))
        || !path.split('%').skip(1).all(is_escape)
        || [once, twice]
            .iter()
            .any(|path| path.iter().any(is_odd) || path.split(|byte| *byte == b'/').any(is_dots))
}

/// Whether a connection may be given to another protocol. HTTP/2 (h2c, RFC 9113 section 3.1 has done away with it) would carry
/// requests that nobody judges; with a login, only what is known to be one conversation.
pub(super) fn may_upgrade(protocol: &HeaderValue, with_login: bool) -> bool {
    let protocol = protocol.as_bytes().to_ascii_lowercase();
    if with_login { protocol == b"websocket" } else { !protocol.windows(3).any(|three| three == b"h2c") }
}

/// Removes the headers that are for the next hop alone (RFC 9110, section 7.6.1), and returns the protocol that the client would
/// change to.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let upgrade = headers.remove(UPGRADE).filter(|_| named.contains(&UPGRADE));
    // That trailers may follow holds from end to end where both hops know them, as these do.
    let trailers = headers.get(TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRANSFER_ENCODING, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, EXPECT] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authentication-info", "http2-settings"] {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    upgrade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Option<Origin> {
        Origin::of(true, &Authority::try_from(text).ok()?)
    }

    #[test]
    fn an_authority_names_a_host_and_no_user() {
        let named = |text: &str| origin(text).map(|origin| origin.with_port());
        assert_eq!(named("Dev.Azure.com").as_deref(), Some("dev.azure.com:443"));
        assert_eq!(named("[::1]:8443").as_deref(), Some("[::1]:8443"));
        assert_eq!(origin("[::1]:8443").unwrap().host, "::1");
        for odd in
            ["u@dev.azure.com", "dev.azure.com:", "dev.azure.com:0", "dev.azure.com:99999", "a:b@c:1", ""]
        {
            assert_eq!(named(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_request_within_a_connection_is_for_its_host() {
        let origin = origin("dev.azure.com").unwrap();
        let status = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            within(&request.body(()).unwrap(), &origin).map_err(|failure| failure.status.as_u16())
        };
        for host in ["dev.azure.com", "DEV.azure.com", "dev.azure.com:443"] {
            assert_eq!(status("/contoso", &[host]), Ok(()), "{host}");
        }
        assert_eq!(status("https://dev.azure.com/contoso", &["dev.azure.com"]), Ok(()));
        for host in ["evil.test", "dev.azure.com:8443", "dev.azure.com.evil.test", "u@dev.azure.com", ""] {
            assert_eq!(status("/contoso", &[host]), Err(421), "{host}");
        }
        assert_eq!(status("https://evil.test/contoso", &["dev.azure.com"]), Err(421));
        assert_eq!(status("http://dev.azure.com/contoso", &["dev.azure.com"]), Err(421));
        assert_eq!(status("/contoso", &[]), Err(400));
        assert_eq!(status("/contoso", &["dev.azure.com", "dev.azure.com"]), Err(400));
        assert_eq!(status("*", &["dev.azure.com"]), Err(400));
    }

    #[test]
    fn requests_that_could_be_read_in_two_ways_are_known() {
        let none = HeaderMap::new();
        for path in [
            "/contoso/../fabrikam",
            "/contoso/%2e%2E/fabrikam",
            "/contoso/.%2e/x",
            "/contoso/%2e",
            "/contoso\\..\\x",
            "/contoso/%5c../x",
            "/contoso/..;/x",
            "/a%2f..%2fb",
            "/a/%252e%252e/b",
            "/a%00b",
            "/a/%u002e%u002e/b",
            "/a%2",
            "/a/%c0%ae%c0%ae/b",
            "/a/..%20/b",
            "/a/.../b",
        ] {
            assert!(is_ambiguous(path, &none), "{path}");
        }
        for path in [
            "/contoso/_packaging/feed/npm/registry/@scope%2fname",
            "/a..b/.c",
            "/a?x=../..%",
            "/",
            "/a%20b/%C3%BC",
            "/a%2520b",
        ] {
            assert!(!is_ambiguous(path, &none), "{path}");
        }
        for name in OVERRIDES {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("x"))]);
            assert!(is_ambiguous("/", &headers), "{name}");
        }
    }

    #[test]
    fn a_connection_becomes_no_other_http() {
        let may =
            |protocol: &'static str, with_login| may_upgrade(&HeaderValue::from_static(protocol), with_login);
        assert!(may("websocket", true) && may("WebSocket", true) && may("tcp", false));
        assert!(
            !may("tcp", true) && !may("h2c", true) && !may("H2C", false) && !may("websocket, h2c", false)
        );
    }

    #[test]
    fn headers_of_one_hop_end_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("accept", "*/*"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(strip_hop_by_hop(&mut headers), None);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "te"]);
    }
}
