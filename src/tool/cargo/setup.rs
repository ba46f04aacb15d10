//! Making cargo ask us: our name as the last, and so the first that is asked, of `global-credential-providers` in `[registry]`.
//! The others stay, and are asked for what we have nothing for.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::terminal::visible;
use crate::tool::links;
use crate::tool::setup::{Entry, Finding, Line, Plan, Setup, SetupContext, Wish};

use super::TOOL;
use super::config::{Config, KEY};

/// cargo's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

/// The variable that takes the setting's place.
const VARIABLE: &str = "CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let cargo = context.environment.program("cargo")?;
    Some(format!("cargo ({})", cargo.display()))
}

fn plan<'c>(context: &SetupContext<'c>, wish: Wish, before: Option<&Entry>) -> Result<Plan<'c>, Error> {
    let mut notes = Vec::new();
    let provider = provider(context, wish, &mut notes)?;
    let config = Config::read(context.environment)?;
    let held = config.providers().unwrap_or_default();
    let last = held.last().copied();
    if let Some(variable) = context.environment.text(VARIABLE) {
        notes.push(format!("{VARIABLE} is set ({}) and counts in place of the file", visible(&variable)));
    }
    if last == Some(provider.as_str()) {
        return Ok(nothing(notes, before.cloned().unwrap_or_default()));
    }
    // An older place of ours goes first, so that there is one.
    let old: Vec<String> = held.iter().filter(|held| is_ours(held)).map(|&held| held.to_owned()).collect();
    let mut entry = before.cloned().unwrap_or_default();
    let mut present =
        Config { path: config.path.clone(), text: config.text.clone(), table: config.table.clone() };
    for old in &old {
        let line = entry.written.iter().position(|line| line.value == *old);
        let piece = line.and_then(|at| entry.written.remove(at).instead_of);
        let without = present.without(&piece.unwrap_or_default(), old);
        let text = without.ok_or_else(|| by_hand(&config, &provider))?;
        present.table = text.parse().map_err(|_| by_hand(&config, &provider))?;
        present.text = Some(text);
    }
    let (text, piece) = present.with(&provider)?;
    let file = config.path.to_string_lossy().into_owned();
    let made = config.text.is_none();
    // What was put in is remembered to the byte; see `undo`.
    entry.written.push(Line { file, key: KEY.to_owned(), value: provider.clone(), instead_of: Some(piece) });
    if made {
        let file = config.path.to_string_lossy().into_owned();
        entry.written.push(Line { file, key: String::new(), value: String::new(), instead_of: None });
    }
    let lines =
        vec![format!("{}: [registry] {KEY}: last, \"{}\"", config.path.display(), visible(&provider))];
    let apply = Box::new(move || config.replace(Some(&text)));
    Ok(Plan { lines, notes, others: Vec::new(), entry: Some(entry), apply })
}

fn keep_in_step<'c>(_context: &SetupContext<'c>, before: &Entry) -> Result<Plan<'c>, Error> {
    // Nothing of a place stands in cargo's configuration.
    Ok(nothing(Vec::new(), before.clone()))
}

fn undo<'c>(_context: &SetupContext<'c>, entry: &Entry) -> Result<Plan<'c>, Error> {
    let Some(line) = entry.written.iter().find(|line| line.key == KEY) else {
        return Ok(Plan { entry: None, ..nothing(Vec::new(), Entry::default()) });
    };
    let config = Config::read_file(Path::new(&line.file))?;
    let Some(text) = config.without(line.instead_of.as_deref().unwrap_or_default(), &line.value) else {
        let held = config.providers().unwrap_or_default().contains(&line.value.as_str());
        let state = if held { "cannot be taken out of" } else { "was taken out since setup wrote it into" };
        let notes = vec![format!("{} {state} {}, so that is left", visible(&line.value), line.file)];
        return Ok(Plan { entry: None, ..nothing(notes, Entry::default()) });
    };
    let made = entry.written.iter().any(|line| line.key.is_empty());
    let lines = vec![format!("{}: [registry] {KEY}: without \"{}\"", line.file, visible(&line.value))];
    let apply = Box::new(move || {
        config.replace(Some(text.as_str()).filter(|text| !(made && text.trim().is_empty())))
    });
    Ok(Plan { lines, notes: Vec::new(), others: Vec::new(), entry: None, apply })
}

fn nothing<'c>(notes: Vec<String>, entry: Entry) -> Plan<'c> {
    Plan { lines: Vec::new(), notes, others: Vec::new(), entry: Some(entry), apply: Box::new(|| Ok(())) }
}

fn by_hand(config: &Config, provider: &str) -> Error {
    Error::usage(
        format!("{} cannot be changed without disturbing what is in it", config.path.display()),
        format!("put \"{provider}\" last into {KEY} of [registry] there"),
    )
}

/// How cargo starts us. It splits a provider at blanks, so a path with one will not do.
fn provider(context: &SetupContext<'_>, wish: Wish, notes: &mut Vec<String>) -> Result<String, Error> {
    let link = TOOL.links[0];
    let spot = links::spot(context.program, link, context.environment);
    let plain =
        |path: &Path| path.to_str().filter(|text| !text.contains(char::is_whitespace)).map(str::to_owned);
    if let Some(spot) = spot.as_ref().filter(|spot| spot.is_link && !spot.versioned && !wish.by_name)
        && let Some(path) = plain(&spot.path)
    {
        return Ok(path);
    }
    if context.environment.programs(link).is_empty() {
        let own = spot.map_or_else(|| "keyfob".to_owned(), |spot| crate::files::shell_word(&spot.path));
        return Err(Error::usage(
            format!("cargo would not find keyfob: no folder of PATH has {link}"),
            format!("ln -s {own} ~/.local/bin/{link}, with that folder in PATH"),
        ));
    }
    if !wish.by_name {
        notes.push(format!("cargo finds {link} by its name, in PATH"));
    }
    Ok(link.to_owned())
}

/// Whether a provider starts keyfob, by its look.
fn is_ours(provider: &str) -> bool {
    let program = provider.split_whitespace().next().unwrap_or_default();
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name) == TOOL.links[0]
}

fn check(context: &SetupContext<'_>, entry: Option<&Entry>) -> Vec<Finding> {
    const ABOUT: &str = "cargo";
    const FIX: &str = "keyfob setup cargo";
    if found(context).is_none() && entry.is_none() {
        return Vec::new();
    }
    let config = match Config::read(context.environment) {
        Ok(config) => config,
        Err(error) => return vec![Finding::error(ABOUT, &error)],
    };
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
            findings.push(match program_of(context, held[at]) {
                None => {
                    Finding::broken(ABOUT, format!("cargo asks keyfob and cannot start it: {shown}"), FIX)
                }
                Some(program) => {
                    let own = links::spot(context.program, TOOL.links[0], context.environment);
                    if own.is_none_or(|own| links::is_us(&program, &own.path)) {
                        Finding::ok(ABOUT, format!("cargo asks keyfob: {shown}"))
                    } else {
                        Finding::hint(ABOUT, format!("cargo asks another keyfob than this one: {shown}"), FIX)
                    }
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
    findings
}

/// The program that a provider starts, if it is there.
fn program_of(context: &SetupContext<'_>, provider: &str) -> Option<PathBuf> {
    let program = provider.split_whitespace().next()?;
    if Path::new(program).is_absolute() {
        return Some(PathBuf::from(program)).filter(|path| crate::environment::is_program(path));
    }
    context.environment.program(program.strip_suffix(".exe").unwrap_or(program))
}
