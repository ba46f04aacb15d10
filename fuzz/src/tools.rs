//! What tools send. The wallet is the real one with tokens of its environment; each token's text says where it belongs.

use std::ffi::OsString;
use std::io::Cursor;

use keyfob::environment::Environment;
use keyfob::store::{NoTerminal, StoreContext};
use keyfob::tool::{PROTOCOLS, Wire};
use keyfob::wallet::LocalWallet;
use keyfob::wallet::stores::Machine;
use url::Url;

use super::scratch;

/// Tokens with the hosts that each may reach.
const TOKENS: [(&str, &[&str]); 4] = [
    (
        "TOKEN-contoso-0123456789",
        &[
            "dev.azure.com",
            "pkgs.dev.azure.com",
            "feeds.dev.azure.com",
            "vssps.dev.azure.com",
            "vsrm.dev.azure.com",
            "vsaex.dev.azure.com",
            "contoso.visualstudio.com",
            "contoso.pkgs.visualstudio.com",
            "contoso.feeds.visualstudio.com",
            "contoso.vssps.visualstudio.com",
            "contoso.vsrm.visualstudio.com",
            "contoso.vsaex.visualstudio.com",
        ],
    ),
    (
        "TOKEN-github-0123456789",
        &[
            "github.com",
            "api.github.com",
            "gist.github.com",
            "uploads.github.com",
            "raw.githubusercontent.com",
            "codeload.github.com",
            "npm.pkg.github.com",
            "nuget.pkg.github.com",
            "maven.pkg.github.com",
            "rubygems.pkg.github.com",
            "ghcr.io",
            "docker.pkg.github.com",
        ],
    ),
    ("TOKEN-server-0123456789", &["tfs.corp.example"]),
    ("TOKEN-generic-0123456789", &["git.example", "registry.example"]),
];

const HELD: &str = r#"[
 {"url": "https://dev.azure.com/contoso", "token": "TOKEN-contoso-0123456789"},
 {"url": "https://github.com", "token": "TOKEN-github-0123456789"},
 {"url": "https://tfs.corp.example:8443/tfs/One", "token": "TOKEN-server-0123456789"},
 {"url": "https://git.example", "token": "TOKEN-generic-0123456789", "username": "alice"}
]"#;

/// What a call brought.
struct Ran {
    code: u8,
    out: Vec<u8>,
    notes: String,
}

impl Ran {
    /// Whether a token is in it, in any of the forms that answers have.
    fn shows(&self, token: &str) -> bool {
        // The token in Base64, behind a name of any length: the middle of each of the three shifts.
        let coded = shifted(token);
        let text = String::from_utf8_lossy(&self.out);
        text.contains(token) || coded.iter().any(|coded| text.contains(coded))
    }
}

fn shifted(token: &str) -> [String; 3] {
    [0, 1, 2].map(|shift| {
        let bytes = [&b"xx"[..shift], token.as_bytes()].concat();
        let whole = base64(&bytes);
        whole[4..whole.len() - 4].to_owned()
    })
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let three = [part[0], *part.get(1).unwrap_or(&0), *part.get(2).unwrap_or(&0)];
        let number = three.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        for shift in [18, 12, 6, 0] {
            text.push(char::from(SIGNS[number >> shift & 63]));
        }
    }
    text
}

/// Calls a tool's protocol as the tool does.
fn call(tool: &str, arguments: &[&[u8]], input: &[u8]) -> Ran {
    let protocol = PROTOCOLS.iter().find(|protocol| protocol.name == tool).unwrap();
    let environment =
        Environment::new([("KEYFOB_TOKENS", HELD), ("CI", "1")].map(|(k, v)| (k.into(), v.into())));
    let data = scratch::folder("wallet").join("data");
    // What an earlier input stored is not this one's.
    if data.exists() {
        std::fs::remove_dir_all(&data).unwrap();
    }
    let stores = Machine { store_context: StoreContext::new(&data, &environment, &NoTerminal) };
    let config = data.join("config.toml");
    let wallet = LocalWallet::new(&data, config, &stores, &environment, 1_800_000_000);
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let mut input = Cursor::new(input.to_vec());
    let mut wire = Wire {
        input: &mut input,
        output: &mut out,
        notes: &mut notes,
        stdin_is_terminal: false,
        stderr_is_terminal: false,
        environment: &environment,
    };
    let arguments: Vec<OsString> =
        arguments.iter().map(|word| std::os::unix::ffi::OsStringExt::from_vec(word.to_vec())).collect();
    let code = (protocol.serve)(&arguments, &mut wire, &wallet);
    Ran { code, out, notes: String::from_utf8(notes).unwrap() }
}

/// What holds for every tool: notes are a few lines without a token and without what a terminal would obey, and an answer is no longer
/// than it needs to be.
fn is_well_behaved(ran: &Ran, data: &[u8]) {
    for (token, _) in TOKENS {
        assert!(!ran.notes.contains(token), "a token in a note");
    }
    assert!(ran.notes.is_empty() || ran.notes.ends_with('\n'));
    let odd = |c: char| c.is_control() && c != '\n';
    assert!(!ran.notes.contains(odd), "{:?}", ran.notes);
    assert!(ran.notes.len() <= 4096 + 16 * data.len(), "{} bytes of notes", ran.notes.len());
    assert!(ran.out.len() <= 65_536 + 16 * data.len(), "{} bytes", ran.out.len());
    // Those that the documentation names.
    assert!(ran.code <= 6, "exit code {}", ran.code);
}

/// No token but those that may go to one of these hosts.
fn only_for(ran: &Ran, hosts: &[String]) {
    for (token, home) in TOKENS {
        if ran.shows(token) {
            assert!(hosts.iter().any(|host| home.contains(&host.as_str())), "{token} for {hosts:?}");
        }
    }
}

/// A host as the simplest reader would see it.
fn plain_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let host = host.rsplit('@').next().unwrap();
    let host = host.split(':').next().unwrap();
    host.strip_suffix('.').unwrap_or(host).to_owned()
}

pub fn git(data: &[u8]) {
    let (first, request) = data.split_first().unwrap_or((&0, data));
    let word = [&b"get"[..], b"get", b"store", b"erase", b"capability", b"list"][usize::from(*first) % 6];
    let ran = call("git", &[word], request);
    is_well_behaved(&ran, data);
    assert_eq!(ran.code, 0, "git shows what a helper's exit code is");
    if word == b"get" {
        let text = String::from_utf8_lossy(request);
        let hosts: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix("host=")).map(plain_host).collect();
        let urls = text.lines().filter_map(|line| line.strip_prefix("url=")).filter_map(host_of);
        only_for(&ran, &hosts.into_iter().chain(urls).collect::<Vec<_>>());
        assert!(ran.out.is_empty() || ran.notes.is_empty(), "an answer or a word, not both");
        let keys = [
            "username",
            "password",
            "authtype",
            "credential",
            "capability[]",
            "password_expiry_utc",
            "oauth_refresh_token",
            "quit",
        ];
        for line in std::str::from_utf8(&ran.out).unwrap().lines() {
            assert!(keys.contains(&line.split_once('=').unwrap().0), "{line}");
        }
    } else {
        for (token, _) in TOKENS {
            assert!(!ran.shows(token), "{word:?} answers a token");
        }
    }
}

fn host_of(url: &str) -> Option<String> {
    Some(plain_host(Url::parse(url).ok()?.host_str()?))
}

/// The host of a registry's name, with a scheme or without one.
fn registry_host(name: &str) -> Option<String> {
    host_of(name).or_else(|| host_of(&format!("https://{name}")))
}

pub fn docker(data: &[u8]) {
    let (first, request) = data.split_first().unwrap_or((&0, data));
    let word = [&b"get"[..], b"get", b"store", b"erase", b"list"][usize::from(*first) % 5];
    let ran = call("docker", &[word], request);
    is_well_behaved(&ran, data);
    let text = String::from_utf8_lossy(request);
    if word == b"get" {
        only_for(&ran, &registry_host(text.trim()).into_iter().collect::<Vec<_>>());
        if ran.code == 0 {
            let answer: serde_json::Value = serde_json::from_slice(&ran.out).unwrap();
            assert!(answer["Username"].is_string() && answer["Secret"].is_string());
        }
    } else {
        only_for(&ran, &[]);
    }
}

pub fn cargo(data: &[u8]) {
    let ran = call("cargo", &[b"--cargo-plugin"], data);
    is_well_behaved(&ran, data);
    // Every line is JSON; a token goes to the host of an index that was asked about.
    let text = String::from_utf8_lossy(data);
    let mut hosts = Vec::new();
    for line in text.lines() {
        let Ok(request) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let url = request["registry"]["index-url"].as_str().unwrap_or_default();
        hosts.extend(host_of(url.strip_prefix("sparse+").unwrap_or(url)));
    }
    only_for(&ran, &hosts);
    for line in std::str::from_utf8(&ran.out).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

pub fn bazel(data: &[u8]) {
    let ran = call("bazel", &[b"get"], data);
    is_well_behaved(&ran, data);
    let request = serde_json::from_slice::<serde_json::Value>(data).ok();
    let host = request.as_ref().and_then(|request| host_of(request["uri"].as_str()?));
    only_for(&ran, &host.into_iter().collect::<Vec<_>>());
    if !ran.out.is_empty() {
        serde_json::from_slice::<serde_json::Value>(&ran.out).unwrap();
    }
}

pub fn nuget(data: &[u8]) {
    let ran = call("nuget", &[b"-Plugin"], data);
    is_well_behaved(&ran, data);
    let text = String::from_utf8_lossy(data);
    let text = text.trim_start_matches('\u{feff}');
    let mut hosts = Vec::new();
    for line in text.lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line.trim_start_matches('\u{feff}'))
        else {
            continue;
        };
        hosts.extend(message["Payload"]["Uri"].as_str().and_then(host_of));
    }
    only_for(&ran, &hosts);
    for line in std::str::from_utf8(&ran.out).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

/// Any tool: the first byte says which, the first line has its arguments, what is behind it comes on standard input.
pub fn any_tool(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, data));
    let protocol = PROTOCOLS[usize::from(*first) % PROTOCOLS.len()];
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (line, input) = rest.split_at(end);
    let arguments: Vec<&[u8]> =
        line.split(|byte| *byte == b' ').filter(|word| !word.is_empty() && !word.contains(&0)).collect();
    let ran = call(protocol.name, &arguments, input.strip_prefix(b"\n").unwrap_or(input));
    is_well_behaved(&ran, data);
    // Whatever it asked, it named a host that the token may reach.
    let text = String::from_utf8_lossy(data).to_ascii_lowercase();
    for (token, home) in TOKENS {
        let named = home.iter().any(|host| text.contains(host)) || text.contains('%');
        assert!(named || !ran.shows(token), "{token} unasked");
    }
}
