//! Making docker ask us: `credsStore` for every registry, if nobody else holds docker's logins; and `credHelpers` for each
//! registry of the wallet, which podman, skopeo and buildah follow too. Who stands there already, stays.
//!
//! docker finds a helper by name only, in PATH, and fails if it is not there: then nothing is written.

use std::path::Path;

use crate::error::Error;
use crate::formats::json_edit;
use crate::text::visible;
use crate::tool::installation::{Installation, is_this};
use crate::tool::links;
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};
use crate::wallet::Wallet;

use super::config::Config;
use super::{PROTOCOL, server};

/// docker's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

/// What docker calls us: the end of the program's name.
const NAME: &str = "keyfob";

const STORE: &str = "credsStore";
const HELPERS: &str = "credHelpers";

/// Programs that follow docker's configuration.
const PROGRAMS: &[&str] = &["docker", "podman", "skopeo", "buildah", "oras"];

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here: Vec<String> = context.here(PROGRAMS).iter().map(|path| path.display().to_string()).collect();
    (!here.is_empty()).then(|| format!("docker or its like ({})", here.join(", ")))
}

fn plan<'c>(
    context: &SetupContext<'c>,
    _options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let link = links::in_path(&Installation::of(context)?, PROTOCOL.links[0], "docker")?;
    let config = Config::read(context.environment)?;
    let mut draft = ConfigEdit::new(config, before);
    let mut notes = Vec::new();
    let clear = draft.config.in_clear();
    match draft.config.store() {
        Some(NAME) => {}
        Some(other) => notes.push(format!(
            "docker keeps its logins in {}; it stays, and keyfob is asked for the registries of its wallet",
            visible(other)
        )),
        None if !clear.is_empty() => notes.push(format!(
            "{} holds logins in clear ({}), which docker would not see any more if keyfob were asked for all; so keyfob \
             is asked for the registries of its wallet. After docker logout and login for each, repeat keyfob setup docker",
            draft.config.path.display(),
            visible(&clear.join(", "))
        )),
        None => draft.set(&[STORE])?,
    }
    draft.add_registries(context, &mut notes)?;
    Ok(link.begin(draft.into_plan(notes)))
}

fn keep_in_step<'c>(context: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut draft = ConfigEdit::new(Config::read(context.environment)?, Some(before));
    // Who else is asked was said at setup.
    draft.add_registries(context, &mut Vec::new())?;
    Ok(draft.into_plan(Vec::new()))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut written = entry.written.iter().filter(|line| line.key != links::LINK);
    let config = match written.next() {
        // The file that was written, whatever DOCKER_CONFIG says today.
        Some(line) => Config::read_file(Path::new(&line.file))?,
        None => Config::read(context.environment)?,
    };
    let mut draft = ConfigEdit::new(config, None);
    let mut notes = Vec::new();
    for line in entry.written.iter().rev().filter(|line| line.key != links::LINK) {
        draft.take_back(line, &mut notes)?;
    }
    let mut plan = draft.into_plan(notes);
    plan.entry = None;
    links::plan_removal(entry, context, &mut plan);
    Ok(plan)
}

/// The file as it is going to be.
struct ConfigEdit {
    config: Config,
    text: String,
    lines: Vec<String>,
    entry: SetupEntry,
}

impl ConfigEdit {
    fn new(config: Config, before: Option<&SetupEntry>) -> ConfigEdit {
        let text = config.text.clone().filter(|text| !text.trim().is_empty());
        let text = text.unwrap_or_else(|| "{}\n".to_owned());
        ConfigEdit { config, text, lines: Vec::new(), entry: before.cloned().unwrap_or_default() }
    }

    /// Sets a member to our name.
    fn set(&mut self, path: &[&str]) -> Result<(), Error> {
        self.text = json_edit::set(&self.text, path, NAME).ok_or_else(|| self.strange())?;
        if self.config.text.is_none() && self.entry.written.iter().all(|line| line.key == links::LINK) {
            self.remember("", "{}");
        }
        let has_object =
            self.config.has_helpers() || self.entry.written.iter().any(|line| line.key == HELPERS);
        if path[0] == HELPERS && !has_object {
            self.remember(HELPERS, "{}");
        }
        self.remember(&path.join("."), NAME);
        self.lines.push(format!(
            "{}: \"{}\": \"{NAME}\"",
            self.config.path.display(),
            visible(&path.join("\".\""))
        ));
        Ok(())
    }

    fn remember(&mut self, key: &str, value: &str) {
        self.entry.remember(SettingLine::new(&self.config.path, key, value));
    }

    fn add_registries(&mut self, context: &SetupContext<'_>, notes: &mut Vec<String>) -> Result<(), Error> {
        for registry in registries(context)? {
            match self.config.helper(&registry) {
                Some(NAME) => {}
                Some(other) => notes.push(format!(
                    "for {registry}, {} is asked and not keyfob; to change that, take it out of {HELPERS} in {}",
                    visible(other),
                    self.config.path.display()
                )),
                None => self.set(&[HELPERS, &registry])?,
            }
        }
        Ok(())
    }

    /// Takes out one line that setup wrote, if it is still as it was written.
    fn take_back(&mut self, line: &SettingLine, notes: &mut Vec<String>) -> Result<(), Error> {
        let path: Vec<&str> = match line.key.split_once('.') {
            // The name of a registry has dots of its own.
            Some((HELPERS, registry)) => vec![HELPERS, registry],
            _ => vec![line.key.as_str()],
        };
        let value: serde_json::Value = serde_json::from_str(&self.text).unwrap_or_default();
        let held = path.iter().try_fold(&value, |value, key| value.get(key));
        let is_empty = |value: &serde_json::Value| value.as_object().is_some_and(serde_json::Map::is_empty);
        let ours = match line.key.as_str() {
            // The file itself: it goes below, if nothing is left in it.
            "" if is_empty(&value) && self.config.text.is_some() => {
                self.text.clear();
                self.lines.push(format!("rm {}", crate::text::shell_word(&self.config.path)));
                return Ok(());
            }
            "" => return Ok(()),
            HELPERS if !held.is_some_and(is_empty) => return Ok(()),
            HELPERS => true,
            _ => held.and_then(serde_json::Value::as_str) == Some(&line.value),
        };
        if !ours {
            notes.push(format!(
                "{} was changed or removed in {} since setup wrote it, so it is left",
                visible(&line.key),
                line.file
            ));
            return Ok(());
        }
        self.text = json_edit::remove(&self.text, &path).ok_or_else(|| self.strange())?;
        if line.key != HELPERS {
            self.lines.push(format!(
                "{}: without \"{}\"",
                self.config.path.display(),
                visible(&path.join("\".\""))
            ));
        }
        Ok(())
    }

    fn strange(&self) -> Error {
        let fix = format!("make {HELPERS} an object there ({{}}), or take it out");
        let why = "credHelpers is not an object of names";
        Error::Foreign { path: self.config.path.clone(), why, fix }
    }

    fn into_plan<'c>(self, notes: Vec<String>) -> Plan<'c> {
        let ConfigEdit { config, text, lines, entry } = self;
        let change = !lines.is_empty();
        let apply = Box::new(move || {
            if change { config.replace(Some(text.as_str()).filter(|text| !text.is_empty())) } else { Ok(()) }
        });
        Plan { lines, notes, entry: Some(entry), apply, ..Plan::default() }
    }
}

/// The registries of the wallet, as docker names them.
fn registries(context: &SetupContext<'_>) -> Result<Vec<String>, Error> {
    let places = Wallet::places(context.wallet)?;
    let mut names: Vec<String> =
        places.iter().filter_map(|(realm, place)| server::registry_of(realm, place)).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    const ABOUT: &str = "docker";
    const FIX: &str = "keyfob setup docker";
    if found(context).is_none() && entry.is_none() {
        return Ok(Vec::new());
    }
    let config = Config::read(context.environment)?;
    let file = config.path.display().to_string();
    let registries = registries(context).unwrap_or_default();
    let (ours, others): (Vec<_>, Vec<_>) =
        registries.iter().partition(|name| config.helper(name).or(config.store()) == Some(NAME));
    let asks = config.store() == Some(NAME) || !ours.is_empty();
    let mut findings = Vec::new();
    let link = PROTOCOL.links[0];
    match context.environment.program(link) {
        None if asks => findings.push(Finding::broken(
            ABOUT,
            format!("docker asks keyfob ({file}) and cannot find it: no folder of PATH has {link}"),
            FIX,
        )),
        Some(program) if asks => {
            let shown = format!("({}, {file})", program.display());
            findings.push(if is_this(&program, context) {
                let what =
                    if config.store() == Some(NAME) { "for every registry" } else { "for some registries" };
                Finding::ok(ABOUT, format!("docker asks keyfob {what} {shown}"))
            } else {
                Finding::hint(ABOUT, format!("docker asks another keyfob than this one {shown}"), FIX)
            });
        }
        _ if entry.is_some() => findings.push(Finding::broken(
            ABOUT,
            format!("setup was done, but docker does not ask keyfob any more ({file})"),
            FIX,
        )),
        _ => findings.push(Finding::hint(ABOUT, "docker does not ask keyfob", FIX)),
    }
    for name in others.iter().filter(|_| asks) {
        let other = config.helper(name).or(config.store()).unwrap_or("nobody");
        findings.push(Finding::hint(
            ABOUT,
            format!("for {name} the wallet has a token, but docker asks {} ({file})", visible(other)),
            FIX,
        ));
    }
    for name in config.in_clear() {
        let name = visible(name);
        findings.push(Finding::hint(
            ABOUT,
            format!("{file} holds a login for {name} in clear"),
            format!("docker logout {name}, then keyfob setup docker and docker login {name}"),
        ));
    }
    Ok(findings)
}
