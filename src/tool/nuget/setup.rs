//! Making NuGet ask us: a program named `nuget-plugin-keyfob` in PATH, which an installation has made already, is all that dotnet
//! since SDK 9.0.200, Visual Studio since 17.13 and nuget.exe since 6.13 want. An older nuget.exe looks into a folder of the
//! home (under mono), or takes a provider of version 1 (on Windows, where it starts no plugin that is not signed).
//!
//! One plugin that cannot be started keeps NuGet from signing in anywhere, so what is made is a link to a program that is there,
//! and unsetup takes it away with its folders. Never anything below `plugins/netcore`: dotnet would start it with its own
//! runtime, and fail. Deliberately absent: nuget.config and NUGET_PLUGIN_PATHS, which would switch off what others installed.

use crate::error::Error;
use crate::tool::installation::Installation;
use crate::tool::links;
use crate::tool::setup::{Plan, Setup, SetupContext, SetupEntry, SetupOptions};

use super::clients::{LINK, clients, for_older};

/// NuGet's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check: super::check::check };

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here = clients(context);
    (!here.is_empty()).then(|| format!("NuGet ({})", here.join(", ")))
}

fn plan<'c>(
    context: &SetupContext<'c>,
    options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::nothing(before.cloned().unwrap_or_default());
    let own = Installation::of(context)?;
    let link = links::in_path(&own, LINK, "NuGet")?;
    if link.path.exists() && !own.has(&link.path) {
        plan.notes.push(format!(
            "{} is another program than this one, and the first that NuGet would find; it is left",
            link.path.display()
        ));
    }
    if let Some(link) = for_older(context.environment).filter(|link| !own.has(link)) {
        if link.exists() {
            plan.notes.push(format!("{} is there already and is not keyfob, so it is left", link.display()));
        } else {
            plan = links::at(&own, link).begin(plan);
        }
    }
    plan.notes.extend(super::check::obstacles(context));
    if options.only {
        // The one way there is, and a shell's profile is the person's own.
        plan.notes.push(super::check::only(context));
    }
    Ok(link.begin(plan))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::default();
    links::plan_removal(entry, context, &mut plan);
    Ok(plan)
}

fn keep_in_step<'c>(_: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    // A new place needs nothing: NuGet asks for every source.
    Ok(Plan::nothing(before.clone()))
}
