//! `keyfob links`: the program names by which tools find us: to print for scripts, or to make.

use std::path::PathBuf;

use clap::{Arg, ArgMatches};

use crate::error::Error;
use crate::files;
use crate::text::{shell_word, visible};
use crate::tool;
use crate::tool::installation::Installation;
use crate::tool::links::{self, Installed};

use super::{Command, Context};

/// `keyfob links`.
pub static COMMAND: Command = Command {
    name: "links",
    about: "Print the program names by which tools find keyfob, one a line, or make them",
    details: "With --install, makes a link (on Windows a second name of the file, or a copy) to git-credential-keyfob under each of \
              these names, in keyfob's own folder or in DIR, and prints what it made. What is there and is not keyfob's is left. A \
              name that other programs go by (keyring) is not among them: keyfob setup makes that link.",
    example: "keyfob links",
    arguments: |command| {
        command.arg(
            Arg::new("install")
                .long("install")
                .value_name("DIR")
                .num_args(0..=1)
                .value_parser(clap::value_parser!(PathBuf))
                .help("Make the links, in this folder; without one, in keyfob's own"),
        )
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    if !matches.contains_id("install") {
        tool::installed_links().for_each(|link| context.terminal.answer(link));
        return Ok(());
    }
    let own = Installation::find(context.program, context.environment)
        .ok_or(Error::NoProgram { program: "keyfob" })?;
    let folder = match matches.get_one::<PathBuf>("install") {
        Some(folder) => context.folder.join(folder),
        None => own.folder(),
    };
    if !folder.is_dir() {
        files::make_tools_folder(&folder)?;
    }
    for link in tool::installed_links() {
        match links::install(&own, link, &folder)? {
            Installed::There => {}
            Installed::Made { path, target } => {
                let line = format!("{} -> {}", path.display(), target.display());
                context.terminal.answer(&visible(&line));
            }
            Installed::Foreign(path) => {
                context.terminal.note(&format!("{} is not keyfob's, so it is left", shell_word(&path)));
            }
        }
    }
    Ok(())
}
