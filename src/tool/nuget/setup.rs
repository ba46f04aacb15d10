//! Making NuGet ask us: a program named `nuget-plugin-keyfob` in PATH, which an installation has made already, is all that dotnet
//! since SDK 9.0.200, Visual Studio since 17.13 and nuget.exe since 6.13 want. An older nuget.exe looks into a folder of the
//! home (under mono), or takes a provider of version 1 (on Windows, where it starts no plugin that is not signed).
//!
//! One plugin that cannot be started keeps NuGet from signing in anywhere, so what is made is a link to a program that is there,
//! and unsetup takes it away with its folders. Never anything below `plugins/netcore`: dotnet would start it with its own
//! runtime, and fail. Deliberately absent: nuget.config and NUGET_PLUGIN_PATHS, which would switch off what others installed.

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::Error;
use crate::files;
use crate::folders::Folders;
use crate::text::shell_word;
use crate::tool::links;
use crate::tool::setup::{Entry, Line, Plan, Setup, SetupContext, Wish};

/// NuGet's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check: super::check::check };

/// The program that NuGet looks for.
pub(super) const LINK: &str = "nuget-plugin-keyfob";

/// What has NuGet in it.
const PROGRAMS: [&str; 4] = ["dotnet", "msbuild", "nuget", "mono"];

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here = clients(context);
    (!here.is_empty()).then(|| format!("NuGet ({})", here.join(", ")))
}

/// Programs of this machine that have NuGet in them.
pub(super) fn clients(context: &SetupContext<'_>) -> Vec<String> {
    context.here(&PROGRAMS).iter().map(|path| path.display().to_string()).collect()
}

/// Where an older nuget.exe on this machine looks for us, if there may be one.
pub(super) fn for_older(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        let nuget = environment.program("nuget")?;
        let old =
            super::check::nuget_version(&nuget, environment).is_some_and(|version| version < [6, 13, 0]);
        let folder = Folders::of(environment).local()?.join("NuGet/CredentialProviders");
        return old.then(|| folder.join("CredentialProvider.Keyfob.exe"));
    }
    environment.program("mono")?;
    Some(plugins(environment)?.join("netfx/keyfob/keyfob.exe"))
}

/// The folder of plugins in the home.
pub(super) fn plugins(environment: &Environment) -> Option<PathBuf> {
    Some(Folders::of(environment).home()?.join(".nuget/plugins"))
}

fn plan<'c>(context: &SetupContext<'c>, _wish: Wish, before: Option<&Entry>) -> Result<Plan<'c>, Error> {
    let mut draft = Draft::default();
    let environment = context.environment;
    let own = links::in_path(context);
    let program = own.clone().or_else(|| Some(links::spot(context.program, LINK, environment)?.path));
    match (environment.program(LINK), &own, &program) {
        (Some(there), _, Some(program)) if links::is_us(&there, program) => {}
        (Some(there), _, _) => draft.notes.push(format!(
            "{} is another program than this one, and the first that NuGet would find; it is left",
            there.display()
        )),
        (None, Some(own), _) => {
            let link = own.with_file_name(format!("{LINK}{}", std::env::consts::EXE_SUFFIX));
            draft.link(own, &link);
        }
        (None, None, _) => {
            return Err(Error::usage(
                format!("NuGet would not find keyfob: no folder of PATH has {LINK}"),
                links::way_into_path(context, LINK),
            ));
        }
    }
    if let (Some(link), Some(program)) = (for_older(environment), &program) {
        match link.exists() {
            true if links::is_us(&link, program) => {}
            true => {
                let words = format!("{} is there already and is not keyfob, so it is left", link.display());
                draft.notes.push(words);
            }
            false => draft.link(program, &link),
        }
    }
    draft.notes.extend(super::check::obstacles(context));
    Ok(draft.into_plan(before))
}

/// What is going to be made.
#[derive(Default)]
struct Draft {
    lines: Vec<String>,
    notes: Vec<String>,
    /// The program and its link.
    links: Vec<(PathBuf, PathBuf)>,
    written: Vec<Line>,
}

impl Draft {
    fn link(&mut self, own: &Path, link: &Path) {
        let mut missing: Vec<&Path> =
            link.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        missing.reverse();
        if let Some(folder) = missing.last() {
            self.lines.push(format!("mkdir -p {}", shell_word(folder)));
        }
        for folder in missing {
            self.written.push(Line::new(folder, links::FOLDER, ""));
        }
        // One that points nowhere any more is replaced.
        let word = if link.symlink_metadata().is_ok() { "ln -sf" } else { "ln -s" };
        self.lines.push(format!("{word} {} {}", shell_word(own), shell_word(link)));
        self.written.push(Line::new(link, links::LINK, own.display().to_string()));
        self.links.push((own.to_owned(), link.to_owned()));
    }

    fn into_plan<'c>(self, before: Option<&Entry>) -> Plan<'c> {
        let Draft { lines, notes, links, written } = self;
        let mut entry = before.cloned().unwrap_or_default();
        written.into_iter().for_each(|line| entry.remember(line));
        let apply = move || links.iter().try_for_each(|(own, link)| make(own, link));
        Plan { lines, notes, entry: Some(entry), apply: Box::new(apply), ..Plan::default() }
    }
}

fn make(own: &Path, link: &Path) -> Result<(), Error> {
    if let Some(folder) = link.parent() {
        files::make_tools_folder(folder)?;
    }
    if link.symlink_metadata().is_ok() {
        files::remove(link)?;
    }
    links::make(own, link)
}

fn undo<'c>(context: &SetupContext<'c>, entry: &Entry) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::default();
    // The last first: a folder is made before what is in it.
    let gone = links::plan_removal(entry.written.iter().rev(), context, &mut plan);
    let folders = entry.written.iter().rev().filter(|line| line.key == links::FOLDER);
    let folders: Vec<PathBuf> = folders.map(|line| PathBuf::from(&line.file)).collect();
    plan.apply = Box::new(move || {
        gone.iter().try_for_each(|link| files::remove(link))?;
        // What others have put something into, stays.
        folders.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
        Ok(())
    });
    Ok(plan)
}

fn keep_in_step<'c>(_: &SetupContext<'c>, before: &Entry) -> Result<Plan<'c>, Error> {
    // A new place needs nothing: NuGet asks for every source.
    Ok(Plan::nothing(before.clone()))
}
