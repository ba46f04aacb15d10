//! `keyfob completions`: what a shell needs to complete keyfob's command line. The scripts are short: each asks the program what fits
//! ([`line`]), because only the program knows the accounts, hosts and stores (`values`). So a script does not age with the program.

use clap::{Arg, ArgMatches};

use crate::error::Error;

use super::{Command, Context, manual, parser, text};

mod line;
mod values;

/// `keyfob completions`.
pub static COMMAND: Command = Command {
    name: "completions",
    about: "Print the script by which a shell completes keyfob's command line",
    details: "For bash: keyfob completions bash > ~/.local/share/bash-completion/completions/keyfob\n\
              For fish: keyfob completions fish > ~/.config/fish/completions/keyfob.fish\n\
              For zsh: keyfob completions zsh > FOLDER/_keyfob, where FOLDER is one of $fpath\n\
              For PowerShell: keyfob completions powershell >> $PROFILE\n\n\
              Completes commands, options, hosts, accounts, stores and import sources. It reads the wallet's records, never a token, \
              and never asks.",
    example: "keyfob completions bash",
    arguments: |command| {
        command
            .arg(
                Arg::new("SHELL")
                    .required(true)
                    .value_parser(["bash", "fish", "zsh", "powershell"])
                    .help("The shell"),
            )
            .arg(
                Arg::new("WORDS")
                    .last(true)
                    .num_args(0..)
                    .allow_hyphen_values(true)
                    .hide(true)
                    .help("For the scripts: the words behind `keyfob`, up to the cursor"),
            )
    },
    run,
};

/// The line by which a script is told to offer files, too.
const FILES: &str = ":files";

/// A shell may show every one; more than that nobody reads.
const MOST: usize = 500;

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let shell = text(matches, "SHELL").unwrap_or_default();
    let Some(words) = matches.get_many::<String>("WORDS") else {
        context.terminal.answer_bytes(match shell {
            "fish" => include_bytes!("keyfob.fish"),
            "zsh" => include_bytes!("keyfob.zsh"),
            "powershell" => include_bytes!("keyfob.ps1"),
            _ => include_bytes!("keyfob.bash"),
        });
        return Ok(());
    };
    let mut words: Vec<&str> = words.map(String::as_str).collect();
    if shell == "powershell" {
        // Its script puts a dot behind the word that is completed.
        let last = words.pop().unwrap_or_default();
        words.push(last.strip_suffix('.').unwrap_or(last));
    }
    let (mut fitting, files) = line::fitting(parser(), &words, &|asked| values::of(asked, context));
    if let ["help", name] = words[..] {
        let pages = manual::names().filter(|page| page.starts_with(name));
        fitting.extend(pages.map(line::Fits::plain));
        fitting.sort();
        fitting.dedup_by(|a, b| a.value == b.value);
    }
    for fits in fitting.iter().take(MOST) {
        context.terminal.answer(&match fits.help.as_str() {
            "" => fits.value.clone(),
            help => format!("{}\t{help}", fits.value),
        });
    }
    if files {
        context.terminal.answer(FILES);
    }
    Ok(())
}
