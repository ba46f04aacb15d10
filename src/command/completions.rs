//! `keyfob completions`: what a shell needs to know to complete our words.

use clap::builder::EnumValueParser;
use clap::{Arg, ArgMatches, ValueHint};
use clap_complete::{Shell, generate};

use crate::error::Error;

use super::{Command, Context, parser};

/// `keyfob completions`.
pub static COMMAND: Command = Command {
    name: "completions",
    about: "Print what a shell needs to complete keyfob's words",
    details: "For bash: keyfob completions bash > ~/.local/share/bash-completion/completions/keyfob\n\
              For fish: keyfob completions fish > ~/.config/fish/completions/keyfob.fish\n\
              For zsh: keyfob completions zsh > FOLDER/_keyfob, where FOLDER is one of $fpath.\n\
              It knows words and options, and nothing of what the wallet holds.",
    example: "keyfob completions bash",
    arguments: |command| {
        command.arg(
            Arg::new("SHELL").required(true).value_parser(EnumValueParser::<Shell>::new()).help("The shell"),
        )
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let shell = *matches.get_one::<Shell>("SHELL").ok_or(Error::usage("no shell", COMMAND.example))?;
    let mut script = Vec::new();
    generate(shell, &mut hinted(parser()), "keyfob", &mut script);
    context.terminal.answer_bytes(&script);
    Ok(())
}

/// A shell offers files for what it is told nothing of; most arguments here are none.
fn hinted(command: clap::Command) -> clap::Command {
    let words = |arg: Arg| match arg.get_value_hint() {
        ValueHint::Unknown if arg.get_action().takes_values() => arg.value_hint(ValueHint::Other),
        _ => arg,
    };
    command.mut_args(words).mut_subcommands(hinted)
}
