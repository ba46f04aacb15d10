//! Making cargo ask us: our name as the last, and so the first that is asked, of `global-credential-providers` in `[registry]`.
//! The others stay, and are asked for what we have nothing for.

use std::path::Path;

use crate::error::Error;
use crate::text::visible;
use crate::tool::installation::{Installation, is_this, started_by};
use crate::tool::links::{self, Link};
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};

use super::PROTOCOL;
use super::config::{Config, KEY};

/// cargo's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

/// The variable that takes the setting's place.
const VARIABLE: &str = "CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let cargo = context.environment.program("cargo")?;
    Some(format!("cargo ({})", cargo.display()))
}

fn plan<'c>(
    context: &SetupContext<'c>,
    options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let mut notes = Vec::new();
    let (link, provider) = provider(context, options, &mut notes)?;
    let config = Config::read(context.environment)?;
    let held = config.providers().unwrap_or_default();
    let last = held.last().copied();
    if let Some(variable) = context.environment.text(VARIABLE) {
        notes.push(format!("{VARIABLE} is set ({}) and counts in place of the file", visible(&variable)));
    }
    let mut entry = before.cloned().unwrap_or_default();
    let is_there = |last| last == provider || (!options.by_name && is_persons_own(last, context, before));
    if last.is_some_and(is_there) {
        return Ok(link.begin(Plan { notes, ..Plan::nothing(entry) }));
    }
    // An older place of ours goes first, so that there is one.
    let old: Vec<String> = held.iter().filter(|held| is_ours(held)).map(|&held| held.to_owned()).collect();
    let mut present = config.clone();
    for old in &old {
        let line = entry.written.iter().position(|line| line.key == KEY && line.value == *old);
        let piece = line.and_then(|at| entry.written.remove(at).instead_of);
        let without = present.without(&piece.unwrap_or_default(), old);
        let text = without.ok_or_else(|| config.by_hand(&provider))?;
        present.table = text.parse().map_err(|_| config.by_hand(&provider))?;
        present.text = Some(text);
    }
    let (text, piece) = present.with(&provider)?;
    // What was put in is remembered to the byte; see `undo`.
    let line = SettingLine::new(&config.path, KEY, provider.as_str());
    entry.remember(SettingLine { instead_of: Some(piece), ..line });
    if config.text.is_none() {
        entry.remember(SettingLine::new(&config.path, "", ""));
    }
    let lines =
        vec![format!("{}: [registry] {KEY}: last, \"{}\"", config.path.display(), visible(&provider))];
    let apply = Box::new(move || config.replace(Some(&text)));
    Ok(link.begin(Plan { lines, notes, entry: Some(entry), apply, ..Plan::default() }))
}

fn keep_in_step<'c>(_context: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    // Nothing of a place stands in cargo's configuration.
    Ok(Plan::nothing(before.clone()))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::default();
    if let Some(line) = entry.written.iter().find(|line| line.key == KEY) {
        let config = Config::read_file(Path::new(&line.file))?;
        if let Some(text) = config.without(line.instead_of.as_deref().unwrap_or_default(), &line.value) {
            plan.lines.push(format!("{}: [registry] {KEY}: without \"{}\"", line.file, visible(&line.value)));
            let made = entry.written.iter().any(|line| line.key.is_empty());
            plan.then(move || {
                config.replace(Some(text.as_str()).filter(|text| !(made && text.trim().is_empty())))
            });
        } else {
            let held = config.providers().unwrap_or_default().contains(&line.value.as_str());
            let state =
                if held { "cannot be taken out of" } else { "was taken out since setup wrote it into" };
            plan.notes.push(format!("{} {state} {}, so that is left", visible(&line.value), line.file));
        }
    }
    links::plan_removal(entry, context, &mut plan);
    Ok(plan)
}

/// How cargo starts us: the link, and what the setting calls it. cargo splits a provider at blanks, so a path with one will not do.
fn provider(
    context: &SetupContext<'_>,
    options: SetupOptions,
    notes: &mut Vec<String>,
) -> Result<(Link, String), Error> {
    let (name, own) = (PROTOCOL.links[0], Installation::of(context)?);
    if !options.by_name {
        let link = links::anywhere(&own, name)?;
        let plain = link.path.to_str().filter(|text| !text.contains(char::is_whitespace)).map(str::to_owned);
        if let Some(path) = plain.filter(|_| !link.versioned) {
            return Ok((link, path));
        }
    }
    let link = links::in_path(&own, name, "cargo")?;
    if !options.by_name {
        notes.push(format!("cargo finds {name} by its name, in PATH"));
    }
    Ok((link, name.to_owned()))
}

/// Whether a provider is this keyfob by a line that no setup wrote: then all is done, and what unsetup could not put back is left.
fn is_persons_own(provider: &str, context: &SetupContext<'_>, before: Option<&SetupEntry>) -> bool {
    let is_written = |before: &SetupEntry| before.written.iter().any(|line| line.value == provider);
    is_ours(provider)
        && !before.is_some_and(is_written)
        && started_by(program_of(provider), context.environment)
            .is_some_and(|program| is_this(&program, context))
}

/// Whether a provider starts keyfob, by its look.
fn is_ours(provider: &str) -> bool {
    let name = program_of(provider).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name) == PROTOCOL.links[0]
}

fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    const ABOUT: &str = "cargo";
    const FIX: &str = "keyfob setup cargo";
    if found(context).is_none() && entry.is_none() {
        return Ok(Vec::new());
    }
    let config = Config::read(context.environment)?;
    let file = config.path.display().to_string();
    let variable = context.environment.text(VARIABLE);
    let held: Vec<&str> = match &variable {
        Some(text) => text.split_whitespace().collect(),
        None => config.providers().unwrap_or_default(),
    };
    let from = if variable.is_some() { VARIABLE } else { file.as_str() };
    let mut findings = Vec::new();
    match held.iter().rposition(|provider| is_ours(provider)) {
        None if entry.is_some() => findings.push(Finding::broken(
            ABOUT,
            format!("setup was done, but cargo does not ask keyfob any more ({from})"),
            FIX,
        )),
        None => findings.push(Finding::hint(ABOUT, "cargo does not ask keyfob", FIX)),
        Some(at) => {
            let shown = format!("{} ({from})", visible(held[at]));
            findings.push(match started_by(program_of(held[at]), context.environment) {
                None => {
                    Finding::broken(ABOUT, format!("cargo asks keyfob and cannot start it: {shown}"), FIX)
                }
                Some(program) if is_this(&program, context) => {
                    Finding::ok(ABOUT, format!("cargo asks keyfob: {shown}"))
                }
                Some(_) => {
                    Finding::hint(ABOUT, format!("cargo asks another keyfob than this one: {shown}"), FIX)
                }
            });
            for other in &held[at + 1..] {
                let words = format!("cargo asks {} before keyfob ({from})", visible(other));
                findings.push(Finding::hint(ABOUT, words, format!("move keyfob's line to the end of {KEY}")));
            }
        }
    }
    for (registry, program) in config.own_providers() {
        if !is_ours(&program) {
            let words =
                format!("for the registry {}, cargo asks {} alone", visible(registry), visible(&program));
            let fix = format!("take credential-provider out of [registries.{}] in {file}", visible(registry));
            findings.push(Finding::hint(ABOUT, words, fix));
        }
    }
    Ok(findings)
}

/// The program that a provider starts, its first word.
fn program_of(provider: &str) -> &Path {
    Path::new(provider.split_whitespace().next().unwrap_or_default())
}
