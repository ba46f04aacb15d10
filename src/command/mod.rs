//! Words that a person types: one file each with a `COMMAND` record that holds the word, its help, its example and what it
//! does. Tools never come through here: main dispatches them before any argument parser is built.
//!
//! To add one: write its file and put a line into [`ALL`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Serialize;

use crate::account::Account;
use crate::environment::Environment;
use crate::error::Error;
use crate::folders::NoFolders;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::terminal::Terminal;
use crate::wallet::stores::Machine;
use crate::wallet::{LocalWallet, manage};

pub mod add;
mod arguments;
mod browser;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod edit;
pub mod explain;
pub mod export;
pub mod import;
pub mod links;
pub mod list;
pub mod lock;
pub mod move_account;
mod network;
pub mod pat;
pub mod prefer;
pub mod remove;
pub mod restore;
mod resume;
pub mod rotate;
pub mod run;
pub mod setup;
mod sign_in;
pub mod storage;
mod synonyms;
mod table;
mod time;
pub mod token;
mod token_service;
pub mod unlock;
pub mod unsetup;

use arguments::{account, filled, flag, json, option, text, url, yes};

/// Every command, in the order of `keyfob help`; each one's example works after those before it.
pub static ALL: &[&Command] = &[
    &add::COMMAND,
    &list::COMMAND,
    &explain::COMMAND,
    &check::COMMAND,
    &pat::COMMAND,
    &rotate::COMMAND,
    &token::COMMAND,
    &run::COMMAND,
    &edit::COMMAND,
    &prefer::COMMAND,
    &restore::COMMAND,
    &move_account::COMMAND,
    &import::COMMAND,
    &export::COMMAND,
    &remove::COMMAND,
    &setup::COMMAND,
    &unsetup::COMMAND,
    &doctor::COMMAND,
    &storage::COMMAND,
    &unlock::COMMAND,
    &lock::COMMAND,
    &links::COMMAND,
    &completions::COMMAND,
];

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
    pub wallet: &'c LocalWallet<'c>,
    /// The stores of this machine.
    pub stores: &'c Machine<'c>,
    /// The person.
    pub terminal: Terminal<'c>,
    /// The environment, as main saw it.
    pub environment: &'c Environment,
    /// The folder of keyfob's data.
    pub data: PathBuf,
    /// Why there is no such folder.
    pub homeless: Option<NoFolders>,
    /// The path of this program as it was started, links unresolved.
    pub program: &'c Path,
    /// The folder in which it was started.
    pub folder: PathBuf,
    /// Unix seconds.
    pub now: i64,
    /// The exit code of what `run` started, or its own.
    pub code: Option<i32>,
}

/// Runs a person's command line; returns the exit code.
#[must_use]
pub fn run(arguments: Vec<OsString>, context: &mut Context<'_>) -> i32 {
    let is_run = arguments.get(1).is_some_and(|word| word == run::COMMAND.name);
    let matches = match parser().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => match refuse(&error, &arguments, context) {
            // Its codes below that are the started command's.
            1.. if is_run => return run::OWN_FAILURE,
            code => return code.into(),
        },
    };
    let Some((name, matches)) = matches.subcommand() else { return 2 };
    let Some(command) = ALL.iter().find(|command| command.name == name) else { return 2 };
    let outcome = match context.homeless {
        Some(why) if !NEED_NO_HOME.contains(&name) => Err(why.into()),
        _ => (command.run)(matches, context),
    };
    match outcome {
        Ok(()) => context.code.unwrap_or(0),
        Err(error) => {
            context.terminal.error(&error);
            error.exit_code().into()
        }
    }
}

/// The commands that need no home, because the environment may hold all that they ask for.
const NEED_NO_HOME: [&str; 4] =
    [token::COMMAND.name, run::COMMAND.name, explain::COMMAND.name, completions::COMMAND.name];

/// In characters; GitLab's first ones had so many, and nobody's have fewer.
const SHORTEST_TOKEN: usize = 20;

/// Help and version are answers; everything else is a mistake, which is told in our voice; clap would repeat a token that somebody
/// put on the command line.
fn refuse(error: &clap::Error, arguments: &[OsString], context: &mut Context<'_>) -> u8 {
    if error.kind() == ErrorKind::MissingRequiredArgument {
        let error = incomplete(error, arguments);
        context.terminal.error(&error);
        return error.exit_code();
    }
    let not_here = |arg: &str| !arg.starts_with('-') || ["--token", "--pat", "--password"].contains(&arg);
    let surplus = || error.get(ContextKind::InvalidArg).is_some_and(|arg| not_here(&arg.to_string()));
    // No command, option or choice of ours is as long as the shortest token.
    let long = |kind| error.get(kind).is_some_and(|word| word.to_string().len() >= SHORTEST_TOKEN);
    if match error.kind() {
        ErrorKind::UnknownArgument => surplus() || long(ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => long(ContextKind::InvalidSubcommand),
        _ => long(ContextKind::InvalidValue),
    } {
        let error = Error::usage(
            "there is something on the command line that does not belong there",
            "a token never stands there: keyfob add URL asks for it, or reads it from a pipe; keyfob help shows the rest",
        );
        context.terminal.error(&error);
        return error.exit_code();
    }
    let text = error.render();
    if error.kind() == ErrorKind::DisplayVersion {
        context.terminal.answer(&crate::version::line("keyfob"));
        return 0;
    }
    // Who types the program's name alone wants to see what there is. A command without what it needs is a mistake.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && arguments.len() > 1 {
        let _ = write!(context.terminal.err, "{text}");
        return 2;
    }
    if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let error = mistake(error, arguments);
        context.terminal.error(&error);
        return error.exit_code();
    }
    let about = context.terminal.about;
    let text = if about.stdout && !about.plain { text.ansi().to_string() } else { text.to_string() };
    context.terminal.answer_bytes(text.as_bytes());
    0
}

/// What is wrong with the command line in clap's words, and what it takes: what was meant, where that can be guessed.
fn mistake(error: &clap::Error, arguments: &[OsString]) -> Error {
    let text = error.to_string();
    let what: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let (_, name) = named(arguments);
    let meant = |kind| error.get(kind).map(ToString::to_string);
    // Also of `keyfob help login`.
    if error.kind() == ErrorKind::InvalidSubcommand
        && ["keyfob", "keyfob help"].contains(&name.as_str())
        && let Some(word) = meant(ContextKind::InvalidSubcommand)
        && let Some(command) = synonyms::meant_by(&word)
    {
        return Error::usage(format!("keyfob has no command {word}"), command);
    }
    let hint = match meant(ContextKind::SuggestedArg).or_else(|| meant(ContextKind::SuggestedValue)) {
        Some(word) => format!("did you mean {word}? it takes: {name} --help"),
        None => match error.get(ContextKind::SuggestedSubcommand) {
            Some(ContextValue::Strings(words)) => {
                let commands: Vec<String> = words.iter().map(|word| format!("{name} {word}")).collect();
                format!("did you mean {}", commands.join(" or "))
            }
            _ => format!("{name} --help"),
        },
    };
    Error::usage(what.join(" ").trim_start_matches("error: "), hint)
}

/// What a command needs and was not given, with the example that ends its help.
fn incomplete(error: &clap::Error, arguments: &[OsString]) -> Error {
    let missing = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => missing.join(" and ").replace(['<', '>'], ""),
        _ => "more".to_owned(),
    };
    let (command, name) = named(arguments);
    let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let example = example.trim_start_matches("Example: ");
    Error::usage(format!("{name} needs {missing}"), format!("for example: {example}"))
}

/// The command that a command line names, and its words.
fn named(arguments: &[OsString]) -> (clap::Command, String) {
    let (mut command, mut name) = (parser(), "keyfob".to_owned());
    for word in arguments.iter().skip(1) {
        let Some(below) = command.find_subcommand(word).cloned() else { break };
        name = format!("{name} {}", below.get_name());
        command = below;
    }
    (command, name)
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

/// The remote that a person means, with the URL's user name: a URL, or a realm as `list --json` has it.
///
/// # Errors
/// [`Error::Url`]; that no such realm is held.
fn place(context: &Context<'_>, text: &str) -> Result<(Remote, Option<String>), Error> {
    let is_realm = text.split_once('/').is_some_and(|(forge, _)| crate::forge::named(forge).is_some());
    if !is_realm {
        return Remote::from_typed(text);
    }
    let selection = manage::select(context.wallet, text, None)?;
    Remote::from_url(&selection.realm.url)
}

/// An answer in JSON.
///
/// # Errors
/// [`Error::Wire`].
fn write_json(value: &impl Serialize, context: &mut Context<'_>) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Wire { doing: "write JSON", source: error.into() })?;
    context.terminal.answer(&text);
    Ok(())
}

/// A new passphrase, asked for twice, because nobody sees what is typed.
///
/// # Errors
/// [`Error::NobodyToAsk`], [`Error::Usage`] when it is empty or not the same twice.
fn new_passphrase(context: &mut Context<'_>, what: &str) -> Result<Secret, Error> {
    if !context.terminal.about.can_ask() {
        return Err(Error::NobodyToAsk { what: "a new passphrase", run: "it" });
    }
    let one = context.terminal.secret(&format!("{what}: "))?;
    if one.is_empty() {
        return Err(Error::usage("the passphrase is empty", "several words make a good one"));
    }
    let two = context.terminal.secret("the same again: ")?;
    if one.same_as(&two) { Ok(one) } else { Err(Error::usage("the two passphrases differ", "try again")) }
}

/// A passphrase from standard input, without the line's end.
///
/// # Errors
/// [`Error::Usage`] when it is empty, [`Error::Wire`].
fn piped_passphrase(context: &mut Context<'_>) -> Result<Secret, Error> {
    let piped = context.terminal.piped(LONGEST_PASSPHRASE)?.first_line();
    match piped.is_empty() {
        true => Err(Error::usage("the passphrase is empty", "pipe it in: --passphrase-stdin < FILE")),
        false => Ok(piped),
    }
}

/// The longest passphrase that is read from a pipe.
const LONGEST_PASSPHRASE: usize = 4096;

/// An account in a sentence.
fn whose(account: &Account, realm: &str) -> String {
    match account.name() {
        Some(name) => format!("account {name} of {realm}"),
        None => format!("the unnamed account of {realm}"),
    }
}

/// What came of several things that are each tried, whatever became of the others: the error that was not said yet. The last
/// is left for the end of the command; one before it is said when the next comes.
#[derive(Default)]
struct LastError(Option<Error>);

impl LastError {
    fn take(&mut self, error: Error, terminal: &mut Terminal<'_>) {
        if let Some(earlier) = self.0.replace(error) {
            terminal.error(&earlier);
        }
    }

    fn end(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

/// `1 token`, `2 tokens`.
fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
