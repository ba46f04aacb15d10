//! Making Bazel ask us: a line in the person's .bazelrc for each host of the wallet, kept in step with it. `common` is the word for
//! what holds for every command that knows the option. Bazel gives a helper no arguments, so it is our link that is named.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::folders::Folders;
use crate::forge;
use crate::text::visible;
use crate::tool::installation::{Installation, is_this, started_by};
use crate::tool::links::{self, Link};
use crate::tool::settings_file::SettingsEdit;
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};
use crate::wallet::manage;

use super::PROTOCOL;

/// Bazel's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

const OPTION: &str = "--credential_helper=";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here = context.here(&["bazel", "bazelisk"]);
    here.first().map(|bazel| format!("Bazel ({})", bazel.display()))
}

fn is_line(line: &SettingLine) -> bool {
    line.key.starts_with(OPTION)
}

fn bazelrc(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    Ok(Folders::of(context.environment).home().ok_or(Error::NoHome)?.join(".bazelrc"))
}

/// The hosts of the wallet, as scopes: a name, or `*.` and a name.
fn hosts(context: &SetupContext<'_>) -> Result<Vec<String>, Error> {
    // Written before the wallet holds anything there, so that setup is in effect when it does.
    let shared = forge::ALL.iter().flat_map(|forge| forge.packages.shared_downloads);
    let mut hosts: Vec<String> = shared.map(|&host| host.to_owned()).collect();
    for place in manage::places::all(context.wallet.records())? {
        // What git stored for some host is not meant for its downloads.
        if place.person || !forge::of_realm(&place.realm).is_generic() {
            hosts.extend(scopes(&place.realm, place.remote.host()));
        }
    }
    hosts.sort();
    hosts.dedup();
    Ok(hosts)
}

fn scopes(realm: &str, host: &str) -> Vec<String> {
    let downloads = &forge::of_realm(realm).packages.downloads;
    let own = || if downloads.own { vec![host.to_owned()] } else { Vec::new() };
    let names = downloads.of(realm).unwrap_or_else(own);
    // Bazel takes names and no addresses in brackets.
    names.into_iter().filter(|name| !name.starts_with('[')).collect()
}

/// How Bazel shall find us: the link, and what the line calls it.
fn program(context: &SetupContext<'_>, by_name: bool) -> Result<(Link, String), Error> {
    let (name, own) = (PROTOCOL.links[0], Installation::of(context)?);
    let by_path =
        if by_name { None } else { Some(links::anywhere(&own, name)?).filter(|link| !link.versioned) };
    let Some(link) = by_path else { return Ok((links::in_path(&own, name, "bazel")?, name.to_owned())) };
    let text =
        link.path.to_str().map(|text| if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() });
    let text = text.filter(|text| !text.contains(['"', '\'', '\\', '#', '\n', '%'])).ok_or_else(|| {
        Error::usage(
            format!("{} cannot be said in .bazelrc", link.path.display()),
            "put keyfob's links into a folder of PATH, then: keyfob setup bazel --by-name",
        )
    })?;
    Ok((link, text))
}

/// A line, quoted as .bazelrc wants it where there is a blank.
fn line(host: &str, program: &str) -> String {
    let option = format!("{OPTION}{host}={program}");
    if option.contains(char::is_whitespace) {
        format!("common \"{option}\"")
    } else {
        format!("common {option}")
    }
}

/// The program that a line names for this scope.
fn named<'l>(line: &'l str, host: &str) -> Option<&'l str> {
    if line.starts_with('#') {
        return None;
    }
    let (_, value) = line.split_once("credential_helper=")?;
    value.trim_end_matches('"').strip_prefix(host)?.strip_prefix('=')
}

fn is_ours(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name) == PROTOCOL.links[0]
}

fn plan<'c>(
    context: &SetupContext<'c>,
    options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let (link, program) = program(context, options.by_name)?;
    let mut draft = SettingsEdit::new(&bazelrc(context)?, before, is_line)?;
    let mut notes = Vec::new();
    let mut wanted = Vec::new();
    for host in hosts(context)? {
        let other = draft.lines().filter_map(|line| named(line, &host)).find(|program| !is_ours(program));
        if let Some(other) = other {
            let file = draft.path().display();
            notes.push(format!("{file} names {} for {host}, which is left", visible(other)));
        } else {
            wanted.push((format!("{OPTION}{host}"), line(&host, &program)));
        }
    }
    draft.sync(&wanted, is_line);
    if !draft.said.is_empty() && before.is_none() {
        notes.push("Bazel before version 7 does not know this option, and would stop at it".to_owned());
    }
    let (lines, entry) = (draft.said.clone(), Some(draft.entry.clone()));
    Ok(link.begin(Plan { lines, notes, entry, apply: Box::new(move || draft.write()), ..Plan::default() }))
}

fn keep_in_step<'c>(context: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    let by_name = before.written.iter().any(|line| line.value.ends_with(&format!("={}", PROTOCOL.links[0])));
    Ok(Plan {
        notes: Vec::new(),
        ..plan(context, SetupOptions { by_name, ..SetupOptions::default() }, Some(before))?
    })
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut draft = SettingsEdit::new(&bazelrc(context)?, Some(entry), is_line)?;
    let mut notes = Vec::new();
    draft.undo(&mut notes, is_line);
    let lines = draft.said.clone();
    let mut plan = Plan { lines, notes, apply: Box::new(move || draft.write()), ..Plan::default() };
    links::plan_removal(entry, context, &mut plan);
    Ok(plan)
}

fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    const ABOUT: &str = "bazel";
    const FIX: &str = "keyfob setup bazel";
    if found(context).is_none() && entry.is_none() {
        return Ok(Vec::new());
    }
    if entry.is_none() {
        return Ok(vec![Finding::hint(ABOUT, "bazel does not ask keyfob", FIX)]);
    }
    let draft = SettingsEdit::new(&bazelrc(context)?, entry, is_line)?;
    let file = draft.path().display().to_string();
    let mut findings = Vec::new();
    let mut asked = Vec::new();
    let mut start = None;
    for host in hosts(context)? {
        // Of two lines for one scope, the later counts.
        match draft.lines().filter_map(|line| named(line, &host)).last() {
            Some(program) if is_ours(program) => {
                start = Some(program.to_owned());
                asked.push(host);
            }
            Some(other) => {
                let words = format!("for {host} bazel asks {} ({file})", visible(other));
                findings.push(Finding::hint(
                    ABOUT,
                    words,
                    format!("take that line out of {file}, then: {FIX}"),
                ));
            }
            None => {
                let words = format!("bazel does not ask keyfob for {host} ({file})");
                findings.push(Finding::broken(ABOUT, words, FIX));
            }
        }
    }
    if let Some(program) = start {
        let shown = format!("{} ({file})", asked.join(", "));
        findings.insert(
            0,
            match started_by(Path::new(&program), context.environment) {
                None => Finding::broken(
                    ABOUT,
                    format!("bazel asks keyfob and cannot start it: {}", visible(&program)),
                    FIX,
                ),
                Some(there) if is_this(&there, context) => {
                    Finding::ok(ABOUT, format!("bazel asks keyfob for {shown}"))
                }
                Some(_) => {
                    Finding::hint(ABOUT, format!("bazel asks another keyfob than this one for {shown}"), FIX)
                }
            },
        );
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_has_its_hosts_as_scopes() {
        for (realm, host, expected) in [
            (
                "azure-devops/contoso",
                "dev.azure.com",
                &["contoso.visualstudio.com", "contoso.pkgs.visualstudio.com"][..],
            ),
            ("github/github.com", "github.com", &["github.com", "api.github.com", "*.pkg.github.com"]),
            ("github/acme.ghe.com", "acme.ghe.com", &["acme.ghe.com", "*.acme.ghe.com"]),
            ("gitlab/https://lab.example", "lab.example", &["lab.example"]),
            ("generic/https://[::1]", "[::1]", &[]),
        ] {
            assert_eq!(scopes(realm, host), expected, "{realm}");
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for program in [
            "/usr/bin/bazel-credential-keyfob",
            "/my tools/bazel-credential-keyfob",
            "bazel-credential-keyfob",
        ] {
            let line = line("*.example.test", program);
            assert_eq!(named(&line, "*.example.test"), Some(program), "{line}");
            assert_eq!(named(&line, "example.test"), None, "{line}");
            assert!(is_ours(program));
        }
        assert_eq!(named("# common --credential_helper=h=/x", "h"), None);
        assert_eq!(named("build --experimental_credential_helper=h=/x", "h"), Some("/x"));
        assert!(!is_ours("/x/other"));
    }
}
