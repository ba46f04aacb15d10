//! Which proxy a host is reached by, as git has it, which is nearly as curl has it. Pure: the environment and git's setting are
//! passed in. Deliberately absent: files that compute the proxy (PAC), and what Windows and macOS have set for browsers; git
//! looks at neither.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use ureq::ProxyProtocol;

use crate::environment::Environment;
use crate::remote::Remote;

/// Where a proxy listens, if its address names no port: curl's word for it.
const PORT: u16 = 1080;

/// A proxy's address as it was given. It may hold a password, so only [`Proxy::shown`] is for people.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy(String);

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.shown())
    }
}

impl Proxy {
    /// From what a person set, with or without a scheme; `None` for nothing.
    fn new(text: &str) -> Option<Proxy> {
        let text = text.trim();
        let whole = || if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        (!text.is_empty()).then(|| Proxy(whole()))
    }

    /// Scheme, user name and password, host and port, path.
    fn split(&self) -> (&str, Option<&str>, &str) {
        // What stands before is shown: a user name and a password in front of it are no scheme.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let scheme = self.0.split_once("://").filter(|(scheme, _)| scheme.bytes().all(plain));
        let (scheme, rest) = scheme.unwrap_or(("http", &self.0));
        // A password may hold anything; the last `@` ends it, as for curl.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        (scheme, user, rest.split(['/', '?', '#']).next().unwrap_or_default())
    }

    /// For people: without user name and password.
    #[must_use]
    pub fn shown(&self) -> String {
        let (scheme, _, host) = self.split();
        format!("{scheme}://{host}")
    }

    /// Whether names are looked up on this side of it.
    pub(crate) fn needs_addresses(&self) -> bool {
        ["socks", "socks4", "socks5"].iter().any(|scheme| self.split().0.eq_ignore_ascii_case(scheme))
    }

    /// In the library's form; `None` if it is no address that can be used.
    pub(crate) fn parsed(&self) -> Option<ureq::Proxy> {
        let (scheme, user, place) = self.split();
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyProtocol::Http,
            "https" => ProxyProtocol::Https,
            "socks" | "socks4" => ProxyProtocol::Socks4,
            "socks4a" => ProxyProtocol::Socks4A,
            "socks5" => ProxyProtocol::Socks5,
            "socks5h" => ProxyProtocol::Socks5h,
            _ => return None,
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (place, if kind == ProxyProtocol::Https { 443 } else { PORT }),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.is_empty() || (host != bare) != bare.parse::<std::net::Ipv6Addr>().is_ok() {
            return None;
        }
        let mut made = ureq::Proxy::builder(kind).host(host).port(port);
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            // Not strict, as curl is not: a `%` without two digits is itself.
            let decoded = |text| percent_decode_str(text).decode_utf8().ok();
            made = made.username(&decoded(name)?).password(&decoded(password)?);
        }
        made.build().ok()
    }
}

/// The proxy for a remote: what git's `http.proxy` says for it, else the environment; none where `NO_PROXY` names the host.
#[must_use]
pub fn of(remote: &Remote, git: Option<&str>, environment: &Environment) -> Option<Proxy> {
    // Lower case counts more, also when it is empty: that means none at all, as an empty http.proxy does (git-config(1)).
    let given = |name: &str| environment.given(name).and_then(|value| value.into_string().ok());
    let either = |name: &str| given(name).or_else(|| given(&name.to_ascii_uppercase()));
    if either("no_proxy").is_some_and(|list| is_exempt(remote, &list)) {
        return None;
    }
    let named = match git {
        Some(git) => Some(git.to_owned()),
        None if remote.is_https() => either("https_proxy").or_else(|| either("all_proxy")),
        // HTTP_PROXY in capitals is what a CGI program gets from whoever calls it, so curl does not look at it, and nor do we.
        None => given("http_proxy").or_else(|| either("all_proxy")),
    };
    Proxy::new(&named?)
}

/// Whether a `NO_PROXY` list names the host: all (`*` alone), a host, a domain with everything below it, an address or a range of
/// addresses. Beyond curl, also a host with a port, and `*.domain`, which can mean only one thing.
pub fn is_exempt(remote: &Remote, list: &str) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let port = remote.port().unwrap_or(if remote.is_https() { 443 } else { 80 });
    let host = remote.host().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>().ok();
    let entries = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| {
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
                (name, digits.parse::<u16>().ok())
            }
            _ => (entry, None),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        wanted.is_none_or(|wanted| wanted == port)
            && match address {
                // A part of an address is no domain.
                Some(address) => is_within(address, name),
                None => is_below(host, name),
            }
    })
}

/// Whether this is the address, or a range with it (`10.0.0.0/8`).
fn is_within(address: IpAddr, range: &str) -> bool {
    let (network, bits) = match range.split_once('/') {
        Some((network, bits)) => (network, bits.parse::<u32>().ok()),
        None => (range, Some(128)),
    };
    let same = |one: u128, other: u128, bits: u32| {
        let unlike = (one ^ other).checked_shr(128 - bits.min(128)).unwrap_or(0);
        unlike == 0
    };
    match (address, network.parse(), bits) {
        (IpAddr::V4(one), Ok(IpAddr::V4(other)), Some(bits)) => {
            (bits <= 32 || !range.contains('/'))
                && same(one.to_bits().into(), other.to_bits().into(), 96 + bits.min(32))
        }
        (IpAddr::V6(one), Ok(IpAddr::V6(other)), Some(bits)) => {
            bits <= 128 && same(one.to_bits(), other.to_bits(), bits)
        }
        _ => false,
    }
}

/// Whether this is the host, or a domain that it is in.
fn is_below(host: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
    let at = host.len().checked_sub(domain.len());
    !domain.is_empty()
        && at.is_some_and(|at| {
            host.is_char_boundary(at)
                && host[at..].eq_ignore_ascii_case(domain)
                && (at == 0 || host[..at].ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, git: Option<&str>, pairs: &[(&str, &str)]) -> Option<String> {
        let environment = Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())));
        of(&Remote::from_url(url).unwrap().0, git, &environment).map(|proxy| proxy.0)
    }

    #[test]
    fn no_password_is_shown_however_odd_the_address_is() {
        for text in [
            "u:secret@proxy.example:3=http://x",
            "u:secret@proxy/://x",
            "http://u:secret@proxy:1",
            "u:secret@p",
        ] {
            let proxy = Proxy::new(text).unwrap();
            assert!(!proxy.shown().contains("secret"), "{text}: {}", proxy.shown());
        }
    }

    #[test]
    fn the_proxy_is_the_one_that_git_would_take() {
        let url = "https://dev.azure.com/contoso";
        assert_eq!(proxy(url, None, &[]), None);
        assert_eq!(proxy(url, None, &[("https_proxy", "p:3128")]).as_deref(), Some("http://p:3128"));
        assert_eq!(proxy(url, None, &[("HTTPS_PROXY", "http://p:1")]).as_deref(), Some("http://p:1"));
        assert_eq!(proxy(url, None, &[("http_proxy", "http://p:1")]), None);
        assert_eq!(proxy(url, None, &[("ALL_PROXY", "http://p:1")]).as_deref(), Some("http://p:1"));
        assert_eq!(proxy(url, Some("g:1"), &[("HTTPS_PROXY", "http://p:1")]).as_deref(), Some("http://g:1"));
        assert_eq!(proxy(url, Some(""), &[("HTTPS_PROXY", "http://p:1")]), None);
        assert_eq!(proxy(url, None, &[("https_proxy", ""), ("HTTPS_PROXY", "http://p:1")]), None);
        assert_eq!(proxy("http://tfs/tfs", None, &[("HTTP_PROXY", "http://p:1")]), None);
        assert_eq!(proxy("http://tfs/tfs", None, &[("http_proxy", ""), ("all_proxy", "p:1")]), None);
        assert_eq!(
            proxy("http://tfs/tfs", None, &[("http_proxy", "http://p:1")]).as_deref(),
            Some("http://p:1")
        );
    }

    #[test]
    fn no_proxy_names_hosts_and_domains_by_whole_labels() {
        let exempt = |url: &str, list: &str| proxy(url, Some("p:1"), &[("NO_PROXY", list)]).is_none();
        for list in [
            "dev.azure.com",
            ".azure.com",
            "azure.com",
            "*.azure.com",
            "x, AZURE.com",
            "x\tazure.com.",
            " * ",
            "dev.azure.com:443",
        ] {
            assert!(exempt("https://dev.azure.com/contoso", list), "{list}");
        }
        for list in
            ["zure.com", "dev.azure.com.evil.test", "dev.azure.com:8443", "", ".", "com.azure", "x,*", "/0"]
        {
            assert!(!exempt("https://dev.azure.com/contoso", list), "{list}");
        }
    }

    #[test]
    fn no_proxy_names_addresses_and_ranges_of_them() {
        let exempt = |url: &str, list: &str| proxy(url, Some("p:1"), &[("NO_PROXY", list)]).is_none();
        for list in ["10.1.2.3", "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "x,10.1.2.0/24", "10.1.2.3:8443"] {
            assert!(exempt("https://10.1.2.3:8443/x", list), "{list}");
        }
        for list in ["1.2.3", ".3", "10.1.2.4", "10.2.0.0/16", "10.0.0.0/33", "10.0.0.0/x", "10.1.2.3:443"] {
            assert!(!exempt("https://10.1.2.3:8443/x", list), "{list}");
        }
        for list in ["2001:db8::1", "2001:DB8:0::1", "2001:db8::/32", "[2001:db8::1]:8443", "::/0"] {
            assert!(exempt("https://[2001:db8::1]:8443/x", list), "{list}");
        }
        for list in ["2001:db8::2", "2001:db9::/32", "[2001:db8::1]:443", "2001:db8::/129", "0.0.0.0/0"] {
            assert!(!exempt("https://[2001:db8::1]:8443/x", list), "{list}");
        }
    }

    #[test]
    fn a_proxys_address_is_taken_apart_as_curl_does_it() {
        let parts = |text: &str| {
            let proxy = Proxy::new(text).unwrap().parsed()?;
            let of = |text: Option<&str>| text.unwrap_or("-").to_owned();
            Some(format!(
                "{} {} {} {}",
                proxy.host(),
                proxy.port(),
                of(proxy.username()),
                of(proxy.password())
            ))
        };
        assert_eq!(parts("p:3128").as_deref(), Some("p 3128 - -"));
        assert_eq!(parts("http://p/").as_deref(), Some("p 1080 - -"));
        assert_eq!(parts("HTTPS://p").as_deref(), Some("p 443 - -"));
        assert_eq!(parts("socks5h://p").as_deref(), Some("p 1080 - -"));
        assert_eq!(parts("http://me:a%40b%2B+c=&d@e/:f@p:1").as_deref(), Some("p 1 me a@b++c=&d@e/:f"));
        assert_eq!(parts("http://me@[::1]:1").as_deref(), Some("[::1] 1 me "));
        for odd in
            ["socks9://p", "http://", "http://:3128", "http://p:x", "http://[p]:1", "http://::1", "p:99999"]
        {
            assert_eq!(parts(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_proxys_user_name_and_password_are_not_shown() {
        let shown = |text: &str| Proxy::new(text).unwrap().shown();
        assert_eq!(shown("http://me:s3cret@p:3128/x"), "http://p:3128");
        assert_eq!(shown("me:s3/c@r@et@p:3128"), "http://p:3128");
        assert_eq!(format!("{:?}", Proxy::new("me:s3cret@p:3128")), "Some(Proxy(http://p:3128))");
    }
}
