//! What `explain` says that a tool gets is what the tool's adapter gives, for every tool and every forge.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::forge;
use crate::remote::Remote;
use crate::tool::tests::call;
use crate::tool::{PROTOCOLS, Presented, Protocol};
use crate::wallet::tests::fixture::TestWallet;
use crate::wallet::{Lookup, Query, Wallet as _};

const TOKEN: &str = "T0KEN-in-sight";

/// How a tool asks for a URL: arguments and input.
fn question(protocol: &Protocol, url: &str) -> (Vec<String>, String) {
    let remote = Remote::from_url(url).unwrap().0;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match protocol.name {
        "askpass" => (words(&[&format!("Username for '{url}': ")]), String::new()),
        "docker" => (words(&["get"]), format!("{}\n", remote.authority())),
        "cargo" => (
            words(&["--cargo-plugin"]),
            format!(
                "{{\"v\":1,\"registry\":{{\"index-url\":\"sparse+{url}/\"}},\"kind\":\"get\",\"operation\":\"read\"}}\n"
            ),
        ),
        "nuget" => (words(&["-Uri", url, "-OutputFormat", "Json"]), String::new()),
        "keyring" => (words(&["--mode", "creds", "get", url]), String::new()),
        "go" | "pnpm" => (words(&[url]), String::new()),
        "bazel" => (words(&["get"]), format!("{{\"uri\":\"{url}\"}}")),
        "terraform" => (words(&["get", &remote.authority()]), String::new()),
        other => panic!("how does {other} ask?"),
    }
}

/// What stands in an adapter's answer; `None` if it gives nothing.
fn given(protocol: &Protocol, out: &str) -> Option<Presented> {
    let json = || serde_json::from_str::<serde_json::Value>(out.lines().last()?).ok();
    let text = |name: &str| Some(json()?.get(name)?.as_str()?.to_owned());
    let header = |text: &str| {
        let (scheme, rest) = text.split_once(' ')?;
        let pair = (scheme == "Basic").then(|| STANDARD.decode(rest.trim()).ok()).flatten();
        match pair.and_then(|pair| String::from_utf8(pair).ok()) {
            Some(pair) => Some(Presented::Pair(pair.strip_suffix(&format!(":{TOKEN}"))?.to_owned())),
            None => rest.contains(TOKEN).then(|| Presented::Scheme(scheme.to_owned())),
        }
    };
    match protocol.name {
        "askpass" => (!out.is_empty()).then(|| Presented::Pair(out.trim_end().to_owned())),
        "docker" | "nuget" => text("Username").map(Presented::Pair),
        "keyring" => out.contains(TOKEN).then(|| Presented::Pair(out.lines().next().unwrap().to_owned())),
        "terraform" => text("token").map(|_| Presented::Scheme("Bearer".to_owned())),
        "cargo" => {
            let token = json()?.get("Ok")?.get("token")?.as_str()?.to_owned();
            if token == TOKEN { Some(Presented::Token) } else { header(&token) }
        }
        "bazel" => header(json()?.get("headers")?.get("Authorization")?.get(0)?.as_str()?),
        "go" => header(out.lines().find_map(|line| line.strip_prefix("Authorization: "))?),
        "pnpm" => header(out.trim_end()),
        other => panic!("how does {other} answer?"),
    }
}

#[test]
fn what_explain_says_is_what_the_adapter_gives_for_every_tool_and_forge() {
    let mut seen = BTreeSet::new();
    for forge in forge::ALL.iter().copied() {
        for example in forge.examples.iter().filter(|example| example.url.starts_with("https://")) {
            // Not every tool passes a user name in a URL on.
            let url = Remote::from_url(example.url).unwrap().0.to_string();
            for name in [None, Some("alice")] {
                let bench = TestWallet::new();
                let added = bench.add_as(example.url, TOKEN, |wish| {
                    wish.forge = Some(forge);
                    wish.account = name.map(str::to_owned);
                });
                if added.is_err() {
                    continue;
                }
                for protocol in PROTOCOLS.iter().filter(|protocol| protocol.presents.is_some()) {
                    let (arguments, input) = question(protocol, &url);
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    let (_, out, _) = call(protocol.serve, &bench, &arguments, input.as_bytes());
                    let Some(given) = given(protocol, &out) else { continue };
                    let (remote, user) = Remote::from_url(&url).unwrap();
                    let place =
                        protocol.quirks.map_or(vec![remote.clone()], |quirks| (quirks.places)(&remote));
                    let found = place.into_iter().find_map(|remote| {
                        let query =
                            Query { user: user.clone(), ..Query::new(protocol.name, remote, protocol.need) };
                        let found = bench.with(|wallet| wallet.get(&query)).unwrap();
                        if let Lookup::Found(answer) = found { Some((query, answer)) } else { None }
                    });
                    let (query, answer) = found.unwrap();
                    let said = protocol.presents.unwrap()(&query, &answer);
                    assert_eq!(said, given, "{} of {} for {}", protocol.name, forge.id, example.url);
                    seen.insert((protocol.name, forge.id));
                }
            }
        }
    }
    let tools: BTreeSet<&str> = seen.iter().map(|(tool, _)| *tool).collect();
    let all: BTreeSet<&str> = PROTOCOLS
        .iter()
        .filter(|protocol| protocol.presents.is_some())
        .map(|protocol| protocol.name)
        .collect();
    assert_eq!(tools, all, "each tool gave something");
    let forges: BTreeSet<&str> = seen.iter().map(|(_, forge)| *forge).collect();
    assert!(forges.len() >= 8 && seen.len() > 50, "{seen:?}");
}
