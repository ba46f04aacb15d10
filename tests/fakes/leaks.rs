//! The rule that all tests share, judged whenever a fake server or proxy is dropped, so that no test has to think of it:
//!
//! - a secret that was shown to one service is never seen by another, in no header, address or body; a bearer, which may be a
//!   person's sign-in, by no other host even;
//! - nobody's hosts (storage, sign-in pages, strangers by their name) see none at all;
//! - what was shown over TLS is never shown in clear text;
//! - where a redirect leads away, no secret follows;
//! - a proxy sees none: neither in a CONNECT nor as a request of its own.
//!
//! What was seen counts for a whole stage, whose servers are dropped in the test's thread; a new scene begins anew. A test that shows a
//! token where it does not belong, to see what the fake makes of it, says so ([`super::log::Log::forgive`]).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::log::{Entry, basic};
use super::proxy::Tunnel;

/// Shorter ones are words of a test (`pass`), and may be anywhere.
const SHORTEST: usize = 8;

thread_local! {
    /// The services, and whether by TLS, that each secret of this test was shown to.
    static SHOWN: RefCell<HashMap<String, (String, bool)>> = RefCell::default();
}

/// Forgets what was seen: another stage may show the same token to other servers.
pub fn begin() {
    SHOWN.with_borrow_mut(HashMap::clear);
}

/// Judges what a server or the ends of a proxy's tunnels were sent.
pub fn judge(entries: &[Entry]) {
    let problems = SHOWN.with_borrow_mut(|shown| problems(entries, shown));
    complain(&problems);
}

/// Judges what a proxy itself was sent.
pub fn judge_tunnels(tunnels: &[Tunnel]) {
    let problems = SHOWN.with_borrow(|shown| {
        let told = |tunnel: &Tunnel| {
            let lines = tunnel.head.lines().filter_map(|line| line.split_once(':'));
            let shows = lines.into_iter().any(|(name, value)| {
                ["authorization", "private-token"].iter().any(|own| name.eq_ignore_ascii_case(own))
                    || shown.keys().any(|secret| carries(value, secret))
            });
            let address = shown.keys().any(|secret| tunnel.target.contains(secret));
            (shows || address).then(|| format!("the proxy saw a token, asked for {}", tunnel.target))
        };
        tunnels.iter().filter_map(told).collect::<Vec<_>>()
    });
    complain(&problems);
}

fn complain(problems: &[String]) {
    // A second panic would end the whole run.
    assert!(problems.is_empty() || std::thread::panicking(), "a token leaked:\n{}", problems.join("\n"));
}

fn problems(entries: &[Entry], shown: &mut HashMap<String, (String, bool)>) -> Vec<String> {
    let mut problems = Vec::new();
    for entry in entries {
        for (secret, bearer) in secrets(entry) {
            let at = if bearer { host(&entry.server) } else { service(&entry.server) };
            let (home, secure) = shown.entry(secret).or_insert_with(|| (at, entry.secure));
            if !is_at(home, entry) {
                problems.push(format!("what {home} was shown, {} was shown, too", url(entry)));
            } else if *secure && !entry.secure {
                problems.push(format!("what {home} was shown over TLS, it was shown in clear text, too"));
            }
        }
    }
    let mut led_away = HashSet::new();
    for entry in entries {
        let seen: Vec<&String> = shown.keys().filter(|secret| sees(entry, secret)).collect();
        for secret in &seen {
            if !is_at(&shown[*secret].0, entry) {
                problems.push(format!("{} was sent what belongs to {}", url(entry), shown[*secret].0));
            }
        }
        if !seen.is_empty() && is_nobodys(&entry.server) {
            problems.push(format!("{} is nobody's home, and was shown a token", url(entry)));
        }
        if !seen.is_empty() && led_away.contains(&url(entry)) {
            problems.push(format!("a token followed a redirect to {}", url(entry)));
        }
        if let Some(to) = entry.location.as_deref().filter(|to| !to.starts_with(&origin(entry))) {
            led_away.insert(to.to_owned());
        }
    }
    problems.dedup();
    problems
}

/// Whether this service or host is the one that was asked.
fn is_at(home: &str, entry: &Entry) -> bool {
    home == service(&entry.server) || home == host(&entry.server)
}

/// The secrets that a request shows as such, and which of them as a bearer.
fn secrets(entry: &Entry) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for (name, value) in &entry.headers {
        if name.eq_ignore_ascii_case("private-token") {
            found.push((value.clone(), false));
        } else if name.eq_ignore_ascii_case("authorization") {
            let (scheme, token) = value.split_once(' ').unwrap_or_default();
            match basic(value) {
                // A token may be the user; a name is none.
                Some((user, password)) if password.is_empty() => {
                    found.extend(Some((user, false)).filter(|(user, _)| user.len() >= 2 * SHORTEST));
                }
                Some((_, password)) => found.push((password, false)),
                None if scheme.eq_ignore_ascii_case("bearer") => found.push((token.to_owned(), true)),
                None if scheme.eq_ignore_ascii_case("token") => found.push((token.to_owned(), false)),
                None => {}
            }
        }
    }
    found.retain(|(secret, _)| secret.len() >= SHORTEST);
    found
}

fn sees(entry: &Entry, secret: &str) -> bool {
    let body = |secret: &str| {
        let bytes = secret.as_bytes();
        entry.body.len() >= bytes.len() && entry.body.windows(bytes.len()).any(|part| part == bytes)
    };
    entry.carries(secret) || body(secret)
}

fn carries(value: &str, secret: &str) -> bool {
    let pair = basic(value.trim());
    value.contains(secret) || pair.is_some_and(|(user, password)| user == *secret || password == *secret)
}

/// The service behind a host: those of one house know the same tokens.
fn service(server: &str) -> String {
    let host = host(server);
    let houses = [
        ("Azure DevOps", &["dev.azure.com", "visualstudio.com"][..]),
        ("GitHub", &["github.com", "ghcr.io", "githubusercontent.com"]),
        ("GitLab", &["gitlab.com"]),
        ("Bitbucket", &["bitbucket.org"]),
    ];
    let within = |domain: &&str| host == **domain || host.ends_with(&format!(".{domain}"));
    let house = houses.iter().find(|(_, domains)| domains.iter().any(within));
    house.map_or(host.clone(), |(name, _)| (*name).to_owned())
}

/// The host, with a port that is not the usual one.
fn host(server: &str) -> String {
    server.strip_suffix(":443").unwrap_or(server).to_ascii_lowercase()
}

/// Hosts that no token is for.
fn is_nobodys(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host).to_ascii_lowercase();
    let ends = [".blob.core.windows.net", ".vsassets.io", "login.microsoftonline.com"];
    let strange = host.split('.').any(|label| ["evil", "stranger"].contains(&label));
    strange || ends.iter().any(|end| host.ends_with(end))
}

fn origin(entry: &Entry) -> String {
    format!("{}://{}", if entry.secure { "https" } else { "http" }, entry.host)
}

fn url(entry: &Entry) -> String {
    format!("{}{}", origin(entry), entry.target)
}

#[cfg(test)]
mod tests {
    use super::super::http::Request;
    use super::*;

    const TOKEN: &str = "a-token-of-this-test";

    fn asked(server: &str, headers: &[(&str, &str)]) -> Entry {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request {
            secure: true,
            server: server.to_owned(),
            method: "GET".to_owned(),
            host: server.trim_end_matches(":443").to_owned(),
            target: "/x".to_owned(),
            headers,
            body: Vec::new(),
        };
        Entry { request, status: 200, location: None }
    }

    fn but(mut entry: Entry, change: impl Fn(&mut Request)) -> Entry {
        change(&mut entry.request);
        entry
    }

    fn with_token(server: &str) -> Entry {
        asked(server, &[("Authorization", &format!("token {TOKEN}"))])
    }

    fn found(entries: &[Entry]) -> usize {
        problems(entries, &mut HashMap::new()).len()
    }

    #[test]
    fn a_token_at_home_is_no_leak() {
        let (home, below) = (with_token("dev.azure.com:443"), with_token("vssps.dev.azure.com:443"));
        assert_eq!(found(&[home.clone(), below, asked("evil.test:443", &[]), home]), 0);
    }

    #[test]
    fn each_kind_of_leak_is_found() {
        let home = || with_token("dev.azure.com:443");
        assert!(found(&[home(), with_token("github.com:443")]) > 0);
        let bearer = |server: &str| asked(server, &[("Authorization", &format!("Bearer {TOKEN}"))]);
        assert!(found(&[bearer("vssps.dev.azure.com:443"), bearer("dev.azure.com:443")]) > 0);
        assert_eq!(found(&[bearer("vssps.dev.azure.com:443"), bearer("vssps.dev.azure.com:443")]), 0);
        assert!(found(&[with_token("x.blob.core.windows.net:443")]) > 0);
        assert!(found(&[with_token("evil.test:443")]) > 0);
        assert!(found(&[home(), but(home(), |request| request.secure = false)]) > 0);
        let base64 = "YTphLXRva2VuLW9mLXRoaXMtdGVzdA==";
        assert!(found(&[home(), asked("other:443", &[("X-Odd", &format!("Basic {base64}"))])]) > 0);
        assert!(
            found(&[home(), but(asked("other:443", &[]), |request| request.target = format!("/?t={TOKEN}"))])
                > 0
        );
        assert!(found(&[home(), but(asked("other:443", &[]), |request| request.body = TOKEN.into())]) > 0);
        let away = Some("https://a.visualstudio.com/x".to_owned());
        let led = Entry { location: away, ..home() };
        assert!(found(&[led.clone(), with_token("a.visualstudio.com:443")]) > 0);
        assert_eq!(found(&[led, asked("a.visualstudio.com:443", &[])]), 0);
    }
}
