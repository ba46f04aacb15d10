//! Hosts and ports: each host in the one form that keyfob compares, and none for what programs read differently.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether the host of a URL stands there in other characters than those that it comes to (`dev%2Eazure.com`, full-width letters):
/// some programs would ask for that name, others for this one. Names of other scripts come to an `xn--` form everywhere.
pub(super) fn is_disguised(url: &str, host: &str) -> bool {
    // Browsers find a host behind one slash, none, or many.
    let Some(rest) = url.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")) else { return true };
    if rest.starts_with('/') {
        return true;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let written = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // `012.0.0.1` is 10.0.0.1 to some programs, 12.0.0.1 to others, and a name to the rest.
    let is_other_number = || {
        let number = written.rsplit_once(':').map_or(written, |(number, _)| number);
        host.parse::<Ipv4Addr>().is_ok() && number.strip_suffix('.').unwrap_or(number) != host
    };
    written.contains('%') || is_look_alike(written, host) || is_other_number()
}

/// Whether a label with characters beyond ASCII is an ASCII name in disguise (full-width letters for `dev.azure.com`), or may come to
/// another name elsewhere; `ascii` is what the host comes to here.
fn is_look_alike(written: &str, ascii: &str) -> bool {
    // The full stops of other scripts divide labels, too.
    let labels = written.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).zip(ascii.split('.'));
    let is_disguise = |(written, ascii): (&str, &str)| {
        let is_punycode =
            |label: &str| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
        !written.is_ascii() && (is_punycode(written) || !is_punycode(ascii))
    };
    let only_ascii = !ascii.split('.').any(|label| label.starts_with("xn--"));
    !written.is_ascii() && (only_ascii || written.contains(UNEVEN) || { labels }.any(is_disguise))
}

/// What IDNA 2003 and 2008 read differently (UTS 46 section 2.2): `faß.example` is `fass.example` to Windows and Java. And what is
/// dropped without being seen.
const UNEVEN: [char; 9] =
    ['ß', 'ẞ', 'ς', '\u{200c}', '\u{200d}', '\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}'];

/// Default port by scheme.
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "https" => 443,
        "http" => 80,
        "ftp" => 21,
        _ => return None,
    })
}

/// Takes the zone (RFC 6874: `[fe80::1%25eth0]`) out of a URL's IPv6 host, which the `url` crate refuses. curl also takes a bare `%`.
pub(super) fn without_zone(url: &str) -> (Cow<'_, str>, Option<String>) {
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
pub(super) fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
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
pub(super) fn fold_host(host: &str) -> Option<String> {
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
        // curl sends the IDNA form on the wire. An escape would be decoded on the way, and is none of git's making.
        let url::Host::Domain(ascii) = url::Host::parse(host).ok()? else { return None };
        // The ASCII form keeps the rules of every other: an ideographic full stop at its end is a trailing dot too.
        return if is_look_alike(host, &ascii) || host.contains('%') { None } else { fold_host(&ascii) };
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
    };
    (host.len() <= 253 && host.split('.').all(label)).then(|| host.to_ascii_lowercase())
}

/// A host of another protocol: compared byte by byte, so only what cannot be part of a host is refused.
pub(super) fn plain_host(host: &str) -> Option<String> {
    let odd = |c: char| c.is_whitespace() || "/\\@?#".contains(c);
    (!host.is_empty() && !host.contains(odd)).then(|| host.to_owned())
}
