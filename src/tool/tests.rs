//! What all tools have in common, and how their adapters are called in tests: bytes in, bytes out, a wallet in memory.

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::sync::LazyLock;

use crate::wallet::tests::fixture::TestWallet;

use super::*;

mod hostile_urls;
mod made_up_forge;
mod presented;

/// What a call brought: exit code, standard output, standard error.
pub(crate) type Ran = (u8, String, String);

/// The person beside a call; by default there is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Person {
    /// Has started it by hand.
    pub(crate) stdin_is_terminal: bool,
    /// Sees standard error.
    pub(crate) stderr_is_terminal: bool,
}

/// A wire to nobody in particular.
pub(crate) fn wire<'w>(
    input: &'w mut (dyn BufRead + Send),
    output: &'w mut (dyn Write + Send),
    notes: &'w mut dyn Write,
) -> Wire<'w> {
    static NONE: LazyLock<Environment> = LazyLock::new(Environment::default);
    Wire { input, output, notes, environment: &NONE, stdin_is_terminal: false, stderr_is_terminal: false }
}

/// One call as the tool makes it.
pub(crate) fn call(serve: Serve, bench: &TestWallet, arguments: &[&str], input: &[u8]) -> Ran {
    call_beside(Person::default(), serve, bench, arguments, input)
}

/// The same with a person beside it.
pub(crate) fn call_beside(
    person: Person,
    serve: Serve,
    bench: &TestWallet,
    arguments: &[&str],
    input: &[u8],
) -> Ran {
    let (code, output, notes) = call_for_bytes(person, serve, bench, arguments, input);
    (code, String::from_utf8(output).unwrap(), notes)
}

/// The same, of which the answer need not be text.
pub(crate) fn call_for_bytes(
    person: Person,
    serve: Serve,
    bench: &TestWallet,
    arguments: &[&str],
    mut input: &[u8],
) -> (u8, Vec<u8>, String) {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let (mut output, mut notes) = (Vec::new(), Vec::new());
    let mut wire = Wire {
        stdin_is_terminal: person.stdin_is_terminal,
        stderr_is_terminal: person.stderr_is_terminal,
        ..wire(&mut input, &mut output, &mut notes)
    };
    let code = bench.with(|wallet| serve(&arguments, &mut wire, wallet));
    (code, output, String::from_utf8(notes).unwrap())
}

#[test]
fn only_git_is_told_of_its_own_settings() {
    let miss = NoCredential::NoOrganisation { host: "dev.azure.com".to_owned() };
    let remote = Remote::from_url("https://dev.azure.com").unwrap().0;
    let said = |say: fn(&mut Wire<'_>, &NoCredential, &Remote)| {
        let mut notes = Vec::new();
        let (mut input, mut output) = (std::io::empty(), std::io::sink());
        let mut wire = wire(&mut input, &mut output, &mut notes);
        say(&mut wire, &miss, &remote);
        String::from_utf8(notes).unwrap()
    };
    assert!(said(|wire, miss, remote| wire.no_credential_for_git(miss, true, remote)).contains("git config"));
    let other = said(|wire, miss, remote| wire.no_credential(miss, true, remote));
    assert!(other.contains("does not tell the organisation") && !other.contains("git"), "{other}");
}

#[test]
fn an_installation_takes_no_name_of_somebody_elses() {
    let installed: Vec<&str> = installed_links().collect();
    assert!(installed.contains(&"git-credential-keyfob") && !installed.contains(&"keyring"), "{installed:?}");
}

#[test]
fn names_and_links_are_unique() {
    let mut names = std::collections::BTreeSet::new();
    let mut links = std::collections::BTreeSet::new();
    for tool in ALL {
        assert!(names.insert(tool.name), "{}", tool.name);
        let own = tool.protocol.map_or(&[][..], |protocol| protocol.links);
        assert!(own.iter().all(|link| links.insert(link)), "{}", tool.name);
    }
}

#[test]
fn each_tools_protocol_is_in_the_list_that_serves_tools() {
    let spoken: Vec<&str> = ALL.iter().filter_map(|tool| Some(tool.protocol?.name)).collect();
    assert_eq!(PROTOCOLS.map(|protocol| protocol.name).to_vec(), spoken);
    assert!(ALL.iter().all(|tool| !tool.name.is_empty() && !tool.title.is_empty() && !tool.how.is_empty()));
    assert!(ALL.iter().all(|tool| tool.protocol.is_none_or(|protocol| protocol.name == tool.name)));
}
