//! Programs that ask: one file each, which turns the tool's own protocol into a [`Query`] and an answer
//! into the tool's own bytes. What goes in and out is passed in, so every protocol is tested with byte buffers.
//!
//! A tool that speaks a protocol has two records: [`Protocol`] is what answers it needs, and all that `git-credential-keyfob`
//! links; [`Tool`] is what people see and set up, which only `keyfob` links. To add one: write its file with a `TOOL` record and
//! put a line into [`ALL`]. Deliberately absent: policy (the wallet's), argument parsers for people (the commands'), prompts.

use std::ffi::OsString;
use std::io::{BufRead, Write};

use crate::environment::Environment;
use crate::error::{Error, NoCredential};
use crate::forge::Need;
use crate::remote::Remote;
use crate::wallet::{Credential, Note, Query, Wallet};

pub mod agent;
pub mod askpass;
mod authorization;
pub mod az;
pub mod bazel;
pub mod cargo;
pub mod client;
pub mod composer;
pub mod conan;
pub mod docker;
pub mod git;
pub mod go;
pub mod gradle;
mod input;
pub mod installation;
pub mod keyring;
pub mod links;
mod login;
pub mod maven;
pub mod npm;
pub mod nuget;
pub mod pnpm;
pub mod poetry;
pub mod profile;
pub mod python;
mod settings_file;
pub mod setup;
pub mod terraform;
pub mod twine;
pub mod yarn;

pub use input::Input;

/// Every tool.
pub static ALL: &[&Tool] = &[
    &git::TOOL,
    &docker::TOOL,
    &cargo::TOOL,
    &nuget::TOOL,
    &keyring::TOOL,
    &python::TOOL,
    &pnpm::TOOL,
    &go::TOOL,
    &bazel::TOOL,
    &terraform::TOOL,
    &askpass::TOOL,
    &npm::TOOL,
    &yarn::TOOL,
    &maven::TOOL,
    &gradle::TOOL,
    &composer::TOOL,
    &conan::TOOL,
    &twine::TOOL,
    &poetry::TOOL,
    &az::TOOL,
    &agent::TOOL,
];

/// How many tools speak a protocol.
const SPEAKING: usize = {
    let (mut at, mut count) = (0, 0);
    while at < ALL.len() {
        count += ALL[at].protocol.is_some() as usize;
        at += 1;
    }
    count
};

/// The protocols of all tools, in the order of [`ALL`]. Computed by the compiler, so that a program that only serves tools refers
/// to nothing else of their records, and the linker leaves the rest out.
pub static PROTOCOLS: [&Protocol; SPEAKING] = {
    let mut protocols = [&git::PROTOCOL; SPEAKING];
    let (mut at, mut filled) = (0, 0);
    while at < ALL.len() {
        if let Some(protocol) = ALL[at].protocol {
            protocols[filled] = protocol;
            filled += 1;
        }
        at += 1;
    }
    protocols
};

/// How a tool asks, and is answered.
pub struct Protocol {
    /// The tool's word: `keyfob git …`.
    pub name: &'static str,
    /// What the tool needs tokens for.
    pub need: Need,
    /// Program names under which we speak it. A file name is an interface: these never change.
    pub links: &'static [&'static str],
    /// Speaks it; returns the exit code.
    pub serve: Serve,
    /// How the tool's answers differ from the wallet's, if they do.
    pub quirks: Option<&'static Quirks>,
    /// How the tool's adapter presents a credential, for `explain`; `None` for git, which is told more than one way.
    pub presents: Option<Presents>,
}

/// How an adapter presents a credential.
pub type Presents = fn(&Query, &Credential) -> Presented;

/// A credential as a tool gets it.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented {
    /// User name and token, which the tool sends as Basic.
    Pair(String),
    /// A header of this scheme without a user name.
    Scheme(String),
    /// The token alone; the tool says the rest.
    Token,
}

/// A tool, for people: what it is called, and how it is made to ask us.
pub struct Tool {
    /// Its word on the command line.
    pub name: &'static str,
    /// The programs by whose names people know it, beside its own word.
    pub clients: &'static [&'static str],
    /// What people call it.
    pub title: &'static str,
    /// What it needs tokens for.
    pub need: Need,
    /// One line: how it comes to ask us.
    pub how: &'static str,
    /// How it asks, if it can.
    pub protocol: Option<&'static Protocol>,
    /// How it is made to ask us, where we can do that.
    pub setup: Option<&'static setup::Setup>,
    /// What `keyfob run` knows of it, to serve it through its proxy.
    pub client: Option<&'static client::Client>,
    /// Which variables can give it a token, for `keyfob run --profile`.
    pub profile: Option<&'static profile::Profile>,
}

impl Tool {
    /// What a record begins with that states only its own.
    const BASE: Tool = Tool {
        name: "",
        clients: &[],
        title: "",
        need: Need::Anything,
        how: "",
        protocol: None,
        setup: None,
        client: None,
        profile: None,
    };

    /// The same for a tool with this protocol.
    const fn of(protocol: &'static Protocol) -> Tool {
        Tool { name: protocol.name, need: protocol.need, protocol: Some(protocol), ..Tool::BASE }
    }
}

/// What the wallet's rules alone do not tell of a tool's answers; `explain` has to know.
pub struct Quirks {
    /// Where a token for this URL may be held if the tool asks for it, most likely first; never empty.
    pub places: fn(&Remote) -> Vec<Remote>,
    /// Why the tool does not get what the wallet would give for this URL.
    pub withheld: fn(&Credential, &Remote) -> Option<String>,
}

/// Speaks a tool's protocol: arguments, bytes, wallet.
pub type Serve = fn(&[OsString], &mut Wire<'_>, &dyn Wallet) -> u8;

/// What connects us with the tool that started us.
pub struct Wire<'w> {
    /// What the tool sends. (Sendable, both: who talks with a tool for long reads in a thread of its own.)
    pub input: &'w mut (dyn BufRead + Send),
    /// Where the answer goes: protocol only, ever.
    pub output: &'w mut (dyn Write + Send),
    /// Where hints and errors go.
    pub notes: &'w mut dyn Write,
    /// The environment of the process.
    pub environment: &'w Environment,
    /// Whether standard input is a terminal: a person started us by hand.
    pub stdin_is_terminal: bool,
    /// Whether standard error is a terminal: a person sees the notes.
    pub stderr_is_terminal: bool,
}

/// The program names that an installation makes.
pub fn installed_links() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().flat_map(|protocol| protocol.links).copied().filter(|link| is_own_name(link))
}

/// Whether a program name is ours alone and does no harm where it lies. One that other programs go by (`keyring`) might stand in
/// their way, and one that is looked for beside a tool (`CredentialProvider.Keyfob`) might be taken up unasked: only `setup`
/// makes those, and says so.
#[must_use]
pub fn is_own_name(link: &str) -> bool {
    link.contains("keyfob")
}

/// The tool of this word, or of a client of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Tool> {
    called(name, ALL.iter().copied())
}

/// Of some tools, the one of this word; else the one whose client has this name.
pub fn called(name: &str, tools: impl Iterator<Item = &'static Tool> + Clone) -> Option<&'static Tool> {
    let client = |tool: &&Tool| tool.clients.contains(&name);
    tools.clone().find(|tool| tool.name == name).or_else(|| tools.clone().find(client))
}

/// The tools that can be made to ask us, with how.
pub fn with_setup() -> impl Iterator<Item = (&'static Tool, &'static setup::Setup)> + Clone {
    ALL.iter().filter_map(|tool| Some((*tool, tool.setup?)))
}

/// Whether a tool speaks of a web address, and not of something else that it asks about (a scheme of its own, a bare name).
fn is_web(text: &str) -> bool {
    let begins_with =
        |scheme: &&str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    ["https://", "http://"].iter().any(begins_with)
}

/// Whether a URL has user name and password in it: what the tool asks with is its login already, which is not to be replaced.
fn has_login(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.password().is_some())
}

/// Writes an answer whole.
///
/// # Errors
/// [`Error::Wire`], but not when the tool is gone already: that is its right.
fn write(wire: &mut Wire<'_>, bytes: &[u8]) -> Result<(), Error> {
    match write_or_fail(wire, bytes) {
        Err(Error::Wire { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes an answer whole, for a tool whose being gone matters.
///
/// # Errors
/// [`Error::Wire`].
fn write_or_fail(wire: &mut Wire<'_>, bytes: &[u8]) -> Result<(), Error> {
    let written = wire.output.write_all(bytes).and_then(|()| wire.output.flush());
    written.map_err(|source| Error::Wire { doing: "write the answer", source })
}

impl Wire<'_> {
    /// One line with what went wrong and how to fix it. Failing to write it changes nothing.
    pub fn error(&mut self, error: &Error) {
        self.line("error", &error.in_one_line());
    }

    /// What a tool asks of the wallet: about this place, and no account in particular.
    fn query(&self, protocol: &Protocol, remote: Remote) -> Query {
        let stderr_is_terminal = self.stderr_is_terminal;
        Query { stderr_is_terminal, ..Query::new(protocol.name, remote, protocol.need) }
    }

    /// The hint that belongs to a miss, if it may be given (R14).
    fn no_credential(&mut self, reason: &NoCredential, report: bool, remote: &Remote) {
        if let Some(words) = report.then(|| reason.line_for_tool(&remote.to_string())).flatten() {
            self.line("hint", &words);
        }
    }

    /// The same for git, which can be told to send more of the URL.
    fn no_credential_for_git(&mut self, reason: &NoCredential, report: bool, remote: &Remote) {
        if let Some(words) = report.then(|| reason.line_for_git(&remote.to_string())).flatten() {
            self.line("hint", &words);
        }
    }

    /// The hint beside an answer, if there is one; only a person who watches gets it (R14), or after a refusal.
    fn note(&mut self, note: Option<&Note>) {
        if let Some(note) = note {
            self.line("hint", &note.words());
        }
    }

    /// One line in our voice.
    pub fn line(&mut self, kind: &str, text: &str) {
        let line = format!("keyfob: {kind}: {}\n", crate::text::visible(text));
        // In one write, so that lines of parallel helpers do not mix.
        let _ = self.notes.write_all(line.as_bytes());
        let _ = self.notes.flush();
    }
}

#[cfg(test)]
mod tests;
