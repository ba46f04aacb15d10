//! Making Terraform ask us: a link in the folder in which it looks for helpers (it does not look into PATH), and one line in its own
//! settings. It takes one helper only, so where another is named, nothing is written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::folders::Folders;
use crate::text::{shell_word, visible};
use crate::tool::installation::{Installation, is_this};
use crate::tool::links;
use crate::tool::settings_file::SettingsEdit;
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};

use super::PROTOCOL;

/// Terraform's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

const BLOCK: &str = "credentials_helper";
const LINE: &str = "credentials_helper \"keyfob\" {}";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here = context.here(&["terraform", "tofu"]);
    here.first().map(|program| format!("Terraform ({})", program.display()))
}

fn is_line(line: &SettingLine) -> bool {
    line.key == BLOCK
}

/// Where Terraform keeps its own: the home; on Windows, the roaming folder.
fn home(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    let folders = Folders::of(context.environment);
    folders.roaming().or_else(|| folders.home()).ok_or(Error::NoHome)
}

/// The settings file.
fn settings(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    let environment = context.environment;
    if let Some(named) = environment.os("TF_CLI_CONFIG_FILE").or(environment.os("TERRAFORM_CONFIG")) {
        return Ok(PathBuf::from(named));
    }
    Ok(home(context)?.join(if cfg!(windows) { "terraform.rc" } else { ".terraformrc" }))
}

/// Terraform's own folder, with the logins that it keeps itself.
fn folder(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    Ok(home(context)?.join(if cfg!(windows) { "terraform.d" } else { ".terraform.d" }))
}

fn link(context: &SetupContext<'_>) -> Result<PathBuf, Error> {
    let name = format!("{}{}", PROTOCOL.links[0], std::env::consts::EXE_SUFFIX);
    Ok(folder(context)?.join("plugins").join(name))
}

/// The helper that a line of the settings names.
fn named(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix(BLOCK)?;
    let rest = rest.trim_start().strip_prefix('"')?;
    rest.split('"').next()
}

fn plan<'c>(
    context: &SetupContext<'c>,
    _options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let own = Installation::of(context)?;
    let mut draft = SettingsEdit::new(&settings(context)?, before, is_line)?;
    let file = draft.path().display().to_string();
    let helper = draft.lines().find_map(named).map(str::to_owned);
    if let Some(other) = helper.as_deref().filter(|name| *name != "keyfob") {
        return Err(Error::usage(
            format!("terraform asks {} ({file}), and it takes one helper only", visible(other)),
            format!("take {BLOCK} out of {file}, then: keyfob setup terraform"),
        ));
    }
    if draft.lines().find(|line| !line.is_empty()).is_some_and(|line| line.starts_with('{')) {
        return Err(Error::usage(
            format!("{file} is JSON, which keyfob does not change"),
            format!("put \"{BLOCK}\": {{\"keyfob\": {{}}}} there"),
        ));
    }
    if helper.is_none() {
        draft.sync(&[(BLOCK.to_owned(), LINE.to_owned())], is_line);
    }
    let link = link(context)?;
    let of_link = |line: &SettingLine| line.key == links::LINK && Path::new(&line.file) == link;
    let remembered = before.is_some_and(|entry| entry.written.iter().any(of_link));
    let is_right = own.has(&link);
    if !is_right && link.exists() && !remembered {
        return Err(Error::usage(
            format!("{} is there already and is not keyfob", link.display()),
            format!("rm {}, then: keyfob setup terraform", shell_word(&link)),
        ));
    }
    let (lines, notes, entry) = (draft.said.clone(), in_clear(context), Some(draft.entry.clone()));
    let plan = Plan { lines, notes, entry, apply: Box::new(move || draft.write()), ..Plan::default() };
    Ok(if is_right { plan } else { links::at(&own, link).begin(plan) })
}

/// Terraform asks its own file first.
fn in_clear(context: &SetupContext<'_>) -> Vec<String> {
    let Ok(file) = folder(context).map(|folder| folder.join("credentials.tfrc.json")) else {
        return Vec::new();
    };
    let held = fs::metadata(&file).is_ok_and(|about| about.len() > 2);
    let words = format!("{} holds logins in clear, which count more than keyfob's", file.display());
    held.then_some(words).into_iter().collect()
}

fn keep_in_step<'c>(_: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    // Nothing of a place stands in Terraform's settings.
    Ok(Plan::nothing(before.clone()))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut draft = SettingsEdit::new(&settings(context)?, Some(entry), is_line)?;
    let mut plan = Plan::default();
    draft.undo(&mut plan.notes, is_line);
    plan.lines.extend(draft.said.iter().cloned());
    plan.apply = Box::new(move || draft.write());
    links::plan_removal(entry, context, &mut plan);
    Ok(plan)
}

fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    const ABOUT: &str = "terraform";
    const FIX: &str = "keyfob setup terraform";
    if found(context).is_none() && entry.is_none() {
        return Ok(Vec::new());
    }
    let (draft, link) = (SettingsEdit::new(&settings(context)?, None, is_line)?, link(context)?);
    let file = draft.path().display().to_string();
    let helper = draft.lines().find_map(named);
    let first = match helper {
        Some("keyfob") if is_this(&link, context) => {
            Finding::ok(ABOUT, format!("terraform asks keyfob ({file}, {})", link.display()))
        }
        Some("keyfob") => {
            let words = format!("terraform asks keyfob ({file}) and cannot start it: {}", link.display());
            Finding::broken(ABOUT, words, FIX)
        }
        _ if entry.is_some() => Finding::broken(
            ABOUT,
            format!("setup was done, but terraform does not ask keyfob any more ({file})"),
            FIX,
        ),
        Some(other) => {
            let words = format!("terraform asks {} and not keyfob ({file})", visible(other));
            Finding::hint(ABOUT, words, format!("take {BLOCK} out of {file}, then: {FIX}"))
        }
        None => Finding::hint(ABOUT, "terraform does not ask keyfob", FIX),
    };
    let mut findings = vec![first];
    let way = "terraform logout HOST, then terraform login HOST";
    findings.extend(in_clear(context).into_iter().map(|words| Finding::hint(ABOUT, words, way)));
    Ok(findings)
}
