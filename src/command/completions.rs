//! `keyfob completions`: what a shell needs to know to complete our words. Deliberately absent: shells beside the three that the tests run.

use clap::{Arg, ArgMatches, ValueHint};
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use crate::error::Error;

use super::{Command, Context, parser, text};

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
        command.arg(Arg::new("SHELL").required(true).value_parser(["bash", "fish", "zsh"]).help("The shell"))
    },
    run,
};

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let (mut parser, mut script) = (hinted(parser()), Vec::new());
    match text(matches, "SHELL") {
        Some("fish") => generate(Fish, &mut parser, "keyfob", &mut script),
        Some("zsh") => generate(Zsh, &mut parser, "keyfob", &mut script),
        _ => generate(Bash, &mut parser, "keyfob", &mut script),
    }
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
