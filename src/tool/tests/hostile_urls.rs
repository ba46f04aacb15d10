//! Hundreds of URLs from a generator with a fixed seed, through every tool that is told one. The oracle knows nothing of keyfob: a
//! token may go out only if a plain reading of the URL (RFC 3986, host and port as they stand there) names the token's own place.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tool::PROTOCOLS;
use crate::tool::tests::{Ran, call};
use crate::wallet::tests::fixture::{TestWallet, on};

/// Each place with its token, and how many requests at least must get it.
const PLACES: &[(&str, &str)] = &[
    ("https://github.com", "tok-hub"),
    ("https://dev.azure.com/contoso", "tok-org"),
    ("https://git.example", "tok-git"),
    ("https://git.example:8443", "tok-port"),
    ("https://10.0.0.1", "tok-four"),
    ("https://[2001:db8::1]:8443", "tok-six"),
    ("https://xn--bcher-kva.example", "tok-book"),
];

/// What is put into URLs.
const PIECES: &[&str] = &[
    "@",
    "%00",
    "%0a",
    "%2f",
    "%40",
    "%2e",
    "\\",
    "//",
    "/",
    "?",
    "#",
    ":",
    ":443",
    ":0443",
    ":8443",
    ".",
    "..",
    "%",
    "\t",
    "\r",
    "\n",
    ";",
    ",",
    " ",
    "[",
    "]",
    "evil.test",
    "@evil.test",
    ".evil.test",
    "evil.test/",
    "#@",
    "?@",
    "0",
    "0x",
    "1",
    "xn--",
    "http://",
    "user:pw@",
    "*",
    "-",
    "'",
    "\u{3002}",
    "\u{ff0e}",
    "\u{ad}",
    "\u{200b}",
    "\u{200d}",
    "\u{2028}",
    "\u{ff0f}",
    "ß",
    "\u{130}",
    "\u{212a}",
    "012.0.0.1",
    "10.1",
    "167772161",
];

fn wallet() -> TestWallet {
    let test = TestWallet::new();
    for (url, token) in PLACES {
        let account = Some("me").filter(|_| url.contains("example") || url.contains("0"));
        if url.contains("github") || url.contains("azure") {
            test.add(url, account, token);
        } else {
            test.add_as(url, token, on(&crate::forge::generic::FORGE, account)).unwrap();
        }
    }
    test
}

/// How each tool asks about a URL; those that are told a host alone get what stands for it.
fn asked(test: &TestWallet, url: &str) -> Vec<(&'static str, Ran)> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let prompt = format!("Password for '{url}': ");
    let mut answers = Vec::new();
    for protocol in PROTOCOLS {
        let (arguments, input) = match protocol.name {
            "git" => (vec!["get"], format!("url={url}\n\n")),
            "askpass" => (vec![prompt.as_str()], String::new()),
            "bazel" => (vec!["get"], format!("{{\"uri\":{}}}", json(url))),
            "cargo" => (
                vec!["--cargo-plugin"],
                format!(
                    "{{\"v\":1,\"registry\":{{\"index-url\":{}}},\"kind\":\"get\",\"operation\":\"read\"}}\n",
                    json(&format!("sparse+{url}"))
                ),
            ),
            "docker" => (vec!["get"], url.to_owned()),
            "go" | "pnpm" => (vec![url], String::new()),
            "keyring" => (vec!["get", url, "__token__"], String::new()),
            "nuget" => (vec!["-uri", url], String::new()),
            "terraform" => (vec!["get", authority], String::new()),
            _ => continue,
        };
        answers.push((protocol.name, call(protocol.serve, test, &arguments, input.as_bytes())));
    }
    answers
}

/// The tokens that stand in an answer, in the clear or in Base64.
fn tokens(text: &str) -> Vec<&'static str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
    let decoded = words.filter_map(|word| STANDARD.decode(word).ok());
    let all: String = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    PLACES
        .iter()
        .map(|(_, token)| *token)
        .filter(|token| text.contains(token) || all.contains(token))
        .collect()
}

/// Scheme, host and port of a URL as they stand in it.
fn plainly(url: &str) -> Option<(String, String, String)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let colon = host.rfind(':').filter(|at| !host[*at..].contains(']'));
    let (host, port) = colon.map_or((host, ""), |at| (&host[..at], &host[at + 1..]));
    // RFC 3490 section 3.1: these are full stops everywhere.
    let host = host.replace(['\u{3002}', '\u{ff0e}', '\u{ff61}'], ".");
    let host = host.strip_suffix('.').unwrap_or(&host).to_lowercase();
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let six = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok());
    let host = six.map_or(host, |six| format!("[{six}]"));
    let port = if port.is_empty() { 443 } else { port.parse::<u16>().ok()? };
    Some((scheme.to_ascii_lowercase(), host, port.to_string()))
}

fn may_go(token: &str, url: &str) -> bool {
    let Some((scheme, host, port)) = plainly(url) else { return false };
    let (host, port) = (host.as_str(), port.as_str());
    scheme == "https"
        && match token {
            "tok-hub" => port == "443" && (host == "github.com" || host.ends_with(".github.com")),
            "tok-org" => {
                let path = url.split_once("azure.com").map_or("", |(_, path)| path);
                let first = path.split('/').find(|part| !part.is_empty() && !part.starts_with([':', '.']));
                port == "443"
                    && (host == "dev.azure.com" || host.ends_with(".dev.azure.com"))
                    && first.is_some_and(|first| first.to_ascii_lowercase().starts_with("contoso"))
            }
            "tok-git" => (host, port) == ("git.example", "443"),
            "tok-port" => (host, port) == ("git.example", "8443"),
            "tok-four" => (host, port) == ("10.0.0.1", "443"),
            "tok-six" => (host, port) == ("[2001:db8::1]", "8443"),
            "tok-book" => port == "443" && ["xn--bcher-kva.example", "bücher.example"].contains(&host),
            _ => false,
        }
}

/// A generator of whole numbers (xorshift64).
struct Generator(u64);

impl Generator {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    /// A URL with one to three pieces put into it, most of them where its host is.
    fn url(&mut self) -> String {
        let (place, _) = PLACES[self.below(PLACES.len())];
        let mut url: Vec<char> = format!("{place}/a/b").chars().collect();
        for _ in 0..=self.below(3) {
            let piece = PIECES[self.below(PIECES.len())];
            let end = if self.below(3) == 0 { url.len() + 1 } else { (place.len() + 2).min(url.len()) };
            let at = self.below(end);
            let cut = self.below(4).min(url.len() - at) * usize::from(self.below(3) == 0);
            url.splice(at..at + cut, piece.chars());
        }
        url.into_iter().collect()
    }
}

#[test]
fn no_spelling_of_a_url_takes_a_token_to_another_place() {
    let test = wallet();
    let mut generator = Generator(0x9e37_79b9_7f4a_7c15);
    let own = PLACES.iter().map(|(place, _)| format!("{place}/a/b"));
    let urls: Vec<String> = own.chain((0..1500).map(|_| generator.url())).collect();
    let mut given = BTreeMap::new();
    for url in &urls {
        for (tool, (_, out, notes)) in asked(&test, url) {
            // git decodes a host before it uses it, and so do we for git.
            if tool == "git" && url.contains('%') {
                continue;
            }
            for token in tokens(&format!("{out}\n{notes}")) {
                assert!(may_go(token, url), "{tool} gives {token} for {url:?}");
                *given.entry(token).or_insert(0) += 1;
            }
        }
    }
    assert!(given.len() == PLACES.len() && given.values().all(|times| *times > 30), "{given:?}");
}
