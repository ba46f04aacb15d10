//! A forge is one file and one line: a record that exists in tests only, walked through every tool. No tool knows its name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::error::Error;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::tool::tests::{call, wire};
use crate::tool::{ALL, PROTOCOLS};
use crate::wallet::tests::fixture::TestWallet;
use crate::wallet::{Erased, LoggedOut, Lookup, NewCredential, Query, Stored, Wallet};

const TOKEN: &str = "anvil-and-hammer";

fn bench() -> TestWallet {
    let bench = TestWallet::new();
    bench.add("https://made-up.test/smiths", None, TOKEN);
    bench
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Each tool that asks: how it asks about the realm, and what the answer must hold.
fn questions() -> Vec<(&'static str, Vec<&'static str>, String, String)> {
    let bearer = format!("Bearer {TOKEN}");
    vec![
        (
            "git",
            vec!["get"],
            "protocol=https\nhost=made-up.test\npath=smiths/anvil.git\n\n".to_owned(),
            format!("username=guild\npassword={TOKEN}\n"),
        ),
        (
            "askpass",
            vec!["Password for 'https://made-up.test/smiths/anvil.git': "],
            String::new(),
            format!("{TOKEN}\n"),
        ),
        (
            "bazel",
            vec!["get"],
            "{\"uri\":\"https://smiths.files.made-up.test/x\"}".to_owned(),
            format!("{{\"headers\":{{\"Authorization\":[\"{bearer}\"]}}"),
        ),
        (
            "cargo",
            vec!["--cargo-plugin"],
            "{\"v\":1,\"registry\":{\"index-url\":\"sparse+https://made-up.test/smiths/crates/\"},\"kind\":\"get\",\"operation\":\"read\"}\n"
                .to_owned(),
            format!("\"token\":\"{bearer}\""),
        ),
        (
            "docker",
            vec!["get"],
            "smiths.images.made-up.test\n".to_owned(),
            format!("\"Username\":\"guild\",\"Secret\":\"{TOKEN}\""),
        ),
        (
            "go",
            vec!["https://smiths.modules.made-up.test/anvil"],
            String::new(),
            format!("\n\nAuthorization: Basic {}\n\n", base64(&format!("guild:{TOKEN}"))),
        ),
        (
            "keyring",
            vec!["get", "https://made-up.test/smiths/simple", "__token__"],
            String::new(),
            format!("{TOKEN}\n"),
        ),
        (
            "nuget",
            vec!["-uri", "https://smiths.feeds.made-up.test/index.json"],
            String::new(),
            format!("\"Username\":\"any\",\"Password\":\"{TOKEN}\""),
        ),
        ("pnpm", vec!["+https+smiths.npm.made-up.test"], String::new(), bearer.clone()),
        (
            "terraform",
            vec!["get", "smiths.modules.made-up.test"],
            String::new(),
            format!("{{\"token\":\"{TOKEN}\"}}"),
        ),
    ]
}

#[test]
fn every_tool_serves_a_forge_that_only_its_record_describes() {
    let bench = bench();
    let mut served = Vec::new();
    for (name, arguments, input, expected) in questions() {
        let tool = ALL.iter().find(|tool| tool.name == name).unwrap();
        let (code, out, notes) = call(tool.protocol.unwrap().serve, &bench, &arguments, input.as_bytes());
        assert!(code == 0 && out.contains(&expected), "{name}: {code} {out} {notes}");
        served.push(name);
    }
    let mut all: Vec<&str> =
        ALL.iter().filter(|tool| tool.protocol.is_some()).map(|tool| tool.name).collect();
    all.sort_unstable();
    served.sort_unstable();
    assert_eq!(served, all, "a tool that asks is missing here");
}

/// A wallet that notes who asks, and passes the question on.
struct Recording<'w> {
    inner: &'w dyn Wallet,
    tools: RefCell<BTreeSet<&'static str>>,
}

impl<'w> Recording<'w> {
    fn note(&self, query: &Query) -> &'w dyn Wallet {
        self.tools.borrow_mut().insert(query.tool);
        self.inner
    }
}

impl Wallet for Recording<'_> {
    fn get(&self, query: &Query) -> Result<Lookup, Error> {
        self.note(query).get(query)
    }

    fn store(&self, query: &Query, new: NewCredential) -> Result<Stored, Error> {
        self.note(query).store(query, new)
    }

    fn erase(&self, query: &Query, rejected: Option<&Secret>) -> Result<Erased, Error> {
        self.note(query).erase(query, rejected)
    }

    fn logout(&self, query: &Query) -> Result<LoggedOut, Error> {
        self.note(query).logout(query)
    }

    fn displace(&self, query: &Query) -> Result<(), Error> {
        self.note(query).displace(query)
    }

    fn places(&self) -> Result<Vec<(String, Remote)>, Error> {
        self.inner.places()
    }
}

#[test]
fn each_tools_name_reaches_the_wallet_with_its_question() {
    let (bench, questions) = (bench(), questions());
    for protocol in PROTOCOLS {
        let (_, arguments, input, _) = questions.iter().find(|(name, ..)| *name == protocol.name).unwrap();
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let (mut input, mut output, mut notes) = (input.as_bytes(), Vec::new(), Vec::new());
        let asked = bench.with(|wallet| {
            let recording = Recording { inner: wallet, tools: RefCell::default() };
            (protocol.serve)(&arguments, &mut wire(&mut input, &mut output, &mut notes), &recording);
            recording.tools.into_inner()
        });
        assert_eq!(asked, BTreeSet::from([protocol.name]));
    }
}

#[test]
fn registries_are_where_the_record_says_and_nowhere_else() {
    let bench = bench();
    let serve = |name: &str| ALL.iter().find(|tool| tool.name == name).unwrap().protocol.unwrap().serve;
    let (_, list, _) = call(serve("docker"), &bench, &["list"], b"");
    assert_eq!(list, "{\"smiths.images.made-up.test\":\"guild\"}\n");
    let cargo = |url: &str| {
        let line = format!(
            "{{\"v\":1,\"registry\":{{\"index-url\":\"sparse+{url}\"}},\"kind\":\"get\",\"operation\":\"read\"}}\n"
        );
        call(serve("cargo"), &bench, &["--cargo-plugin"], line.as_bytes())
    };
    for url in ["https://made-up.test/smiths/anvil/raw/", "https://smiths.evil.made-up.test/crates/"] {
        let (_, out, _) = cargo(url);
        assert!(out.contains("Err") && !out.contains(TOKEN), "{url}: {out}");
    }
}
