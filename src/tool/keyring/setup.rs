//! Making pip, uv and PDM find us: a link named `keyring` beside keyfob, in a folder of `PATH`. Where another program of that
//! name is there already, it is named, and only stepped before on the person's word and where the order of `PATH` allows it.
//!
//! uv is told by a line in its own settings ([`uv`]); pip asks a keyring by itself. Deliberately absent: a folder of links put into
//! `PATH` by a shell's start file.

use std::path::Path;

use crate::environment::Environment;
use crate::error::Error;
use crate::tool::installation::Installation;
use crate::tool::links;
use crate::tool::setup::{Plan, Setup, SetupContext, SetupEntry, SetupOptions};

use super::clients::{KEYRING, clients, first_keyring};
use super::uv;

/// The keyring command's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check: super::check::check };

/// What the person has to do in the clients.
pub(super) const ADVICE: &str = "pip asks it with PIP_KEYRING_PROVIDER=subprocess (for good: pip config set \
                                 global.keyring-provider subprocess), uv with the line in uv.toml or \
                                 UV_KEYRING_PROVIDER=subprocess; uv, and pip before 26.2, also need a user name in the URL: \
                                 https://VssSessionToken@…";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here = clients(context.environment);
    (!here.is_empty()).then(|| here.join(", "))
}

fn plan<'c>(
    context: &SetupContext<'c>,
    options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let mut plan = link(context, options, before);
    // uv stops where it is told to ask a keyring that is not there.
    if !plan.lines.is_empty() || first_keyring(context).is_some() {
        uv::add(&mut plan, context, before)?;
    }
    Ok(plan)
}

/// The part that is for all: the link.
fn link<'c>(context: &SetupContext<'c>, options: SetupOptions, before: Option<&SetupEntry>) -> Plan<'c> {
    let nothing = |notes: Vec<String>| Plan { notes, entry: before.cloned(), ..Plan::default() };
    let foreign = match first_keyring(context) {
        Some((_, true)) => {
            let entry = Some(before.cloned().unwrap_or_default());
            return Plan { entry, ..nothing(vec![ADVICE.to_owned()]) };
        }
        Some((path, false)) => Some(path),
        None => None,
    };
    let installed = Installation::of(context).ok();
    let Some((installed, own)) = installed.and_then(|all| all.in_path().map(|own| (all, own))) else {
        let note = "no folder of PATH has keyfob, so a link beside it would not be found; put keyfob into one, then: keyfob \
                    setup keyring";
        return nothing(vec![note.to_owned()]);
    };
    let link = own.with_file_name(format!("{KEYRING}{}", std::env::consts::EXE_SUFFIX));
    let folder = own.parent().unwrap_or(&own).to_owned();
    if let Some(other) = foreign {
        let said = format!(
            "{} is another program named keyring, and it is the one that pip and uv start",
            other.display()
        );
        if !comes_before(&folder, &other, context.environment) {
            let way = format!(
                "keyfob cannot stand before it: {} does not come before {} in PATH; change that, or remove the other one, then: \
                 keyfob setup keyring --only",
                folder.display(),
                other.parent().unwrap_or(&other).display()
            );
            return nothing(vec![said, way]);
        }
        if !options.only {
            return Plan { others: vec![other.display().to_string()], ..nothing(vec![said]) };
        }
    }
    if link.symlink_metadata().is_ok() {
        let note = format!("{} is there already and is not keyfob, so it is left", link.display());
        return nothing(vec![note]);
    }
    // What is remembered of uv stays so.
    let mut entry = before.cloned().unwrap_or_default();
    entry.written.retain(|line| line.key != links::LINK);
    let plan = Plan { notes: vec![ADVICE.to_owned()], entry: Some(entry), ..Plan::default() };
    links::at(&installed, link).begin(plan)
}

/// Whether programs in `folder` are found before `other`.
fn comes_before(folder: &Path, other: &Path, environment: &Environment) -> bool {
    let path = environment.os("PATH").unwrap_or_default();
    let first =
        std::env::split_paths(&path).find(|entry| entry == folder || Some(entry.as_path()) == other.parent());
    first.as_deref() == Some(folder) && Some(folder) != other.parent()
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::default();
    links::plan_removal(entry, context, &mut plan);
    uv::take_out(&mut plan, entry)?;
    Ok(plan)
}

fn keep_in_step<'c>(_: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    // A new place needs nothing: the clients send the whole URL.
    Ok(Plan::nothing(before.clone()))
}
