//! Words that a person types: one file each with a `COMMAND` record that holds the word, its help, its example and what it
//! does. Tools never come through here: main dispatches them before any argument parser is built.
//!
//! To add one: write its file and put a line into [`ALL`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;

use crate::environment::Environment;
use crate::error::Error;
use crate::terminal::Terminal;
use crate::wallet::Local;
use crate::wallet::stores::Machine;

pub mod doctor;
pub mod list;
pub mod setup;
pub mod unsetup;

/// Every command, in the order of `keyfob help`.
pub static ALL: &[&Command] = &[&list::COMMAND, &setup::COMMAND, &unsetup::COMMAND, &doctor::COMMAND];

/// All that is known of a command.
pub struct Command {
    /// Its word.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// More help: what it does in full, what it never does.
    pub details: &'static str,
    /// A command line that shows it; `tests` run it. It may need the entries that the examples before it made.
    pub example: &'static str,
    /// Adds its arguments.
    pub arguments: fn(clap::Command) -> clap::Command,
    /// Does it.
    pub run: fn(&ArgMatches, &mut Context<'_>) -> Result<(), Error>,
}

/// What a command works with.
pub struct Context<'c> {
    /// The wallet.
    pub wallet: &'c Local<'c>,
    /// The stores of this machine.
    pub stores: &'c Machine<'c>,
    /// The person.
    pub terminal: Terminal<'c>,
    /// The environment, as main saw it.
    pub environment: &'c Environment,
    /// The folder of keyfob's data.
    pub data: PathBuf,
    /// The path of this program as it was started, links unresolved.
    pub program: PathBuf,
    /// Unix seconds.
    pub now: i64,
}

/// Runs a person's command line; returns the exit code.
#[must_use]
pub fn run(arguments: Vec<OsString>, context: &mut Context<'_>) -> u8 {
    let matches = match parser().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are answers; everything else is a mistake, which clap words well.
            let text = error.render();
            let fine = !error.use_stderr();
            let coloured = if fine { context.terminal.about.stdout } else { context.terminal.about.stderr };
            let text = if coloured && !context.terminal.about.plain {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            if fine {
                context.terminal.answer_bytes(text.as_bytes());
                return 0;
            }
            let _ = context.terminal.err.write_all(text.as_bytes());
            return 2;
        }
    };
    let Some((name, matches)) = matches.subcommand() else { return 2 };
    let Some(command) = ALL.iter().find(|command| command.name == name) else { return 2 };
    match (command.run)(matches, context) {
        Ok(()) => 0,
        Err(error) => {
            context.terminal.error(&error);
            error.exit_code()
        }
    }
}

/// The whole command line, from the records.
#[must_use]
pub fn parser() -> clap::Command {
    let parser = clap::Command::new("keyfob")
        .about("Keeps personal access tokens in one wallet and hands each tool the right one")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(false)
        .after_help("Example: keyfob add https://dev.azure.com/contoso");
    ALL.iter().fold(parser, |parser, command| {
        let sub = clap::Command::new(command.name)
            .about(command.about)
            .after_help(format!("Example: {}", command.example));
        let sub = if command.details.is_empty() {
            sub
        } else {
            sub.long_about(format!("{}\n\n{}", command.about, command.details))
        };
        parser.subcommand((command.arguments)(sub))
    })
}
