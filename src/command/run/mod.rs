//! `keyfob run`: a command whose requests come through keyfob, which adds the token to those that may have one. The command itself
//! gets no token: a proxy's address, certificates and placeholders only. For programs that send no requests through a proxy there are
//! variables (`--env`, `--profile` with `--for`), for the places that the user names.
//!
//! We stay the command's parent: its exit code is ours, signals reach it, it stops and goes on with us. Nothing is started unless
//! all that was asked for can be had. Deliberately absent: connections and TLS, which are the proxy's; policy, which is the wallet's.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};

use crate::error::Error;
use crate::forge::Need;
use crate::process;
use crate::process::child;
use crate::text::visible;
use crate::tool::client::{self, Client};
use crate::tool::profile::formats;
use crate::tool::profile::render::Setting;
use crate::tool::{self, Tool};

use super::{Command, Context, account, flag, option, text};

mod authorities;
mod by_variable;
mod desk;
mod environment;
mod folder;
mod gate;
mod log;
mod places;
#[cfg(test)]
mod tests;
mod upstream;

use by_variable::profiles;
use desk::Proxied;
use places::{Places, Wanted};

/// What we end with when nothing was started, as env(1) and nohup(1) do; below it the codes are the command's own.
pub const OWN_FAILURE: i32 = 125;

/// The variable that tells a `run` within a `run` where the proxy is.
const PROXY: &str = "KEYFOB_RUN";

/// `keyfob run`.
pub static COMMAND: Command = Command {
    name: "run",
    about: "Start a command whose requests get tokens on their way, for tools that cannot ask",
    details: "keyfob stays between the command and the services: it adds the token to requests for the places that the tool's settings \
              name, or --for, and never hands it to the command. The command can read there. It can also write if it publishes itself \
              (npm publish, mvn deploy), or with --write. Everything else goes on as it came. KEYFOB_OFFLINE=1 changes nothing: it is \
              the command that uses the network. keyfob help run has the tools.\n\n\
              The exit code is the command's; 125: nothing was started, 126: it cannot be run, 127: it is not there.",
    example: "keyfob run --dry-run --for https://dev.azure.com/contoso -- npm ci",
    arguments: |command| {
        let repeated = |name, value, help| option(name, value).action(ArgAction::Append).help(help);
        command
            .arg(repeated(
                "for",
                "[NEED=]URL",
                "A place that the command may reach; NEED is packages (the default), git or any. With --profile by variable: \
                 [NAME=]URL",
            ))
            .arg(flag("write", "Let the command change things there, and not only read").short('w'))
            .arg(option("log", "FILE").value_parser(value_parser!(std::path::PathBuf)).value_hint(ValueHint::FilePath).help("Append a line of JSON for each request that was looked into"))
            .arg(
                repeated(
                    "profile",
                    "NAME",
                    "The tool that the command is; with --for, the tool whose variables hold the token",
                )
                .value_parser(super::arguments::tool_words(known())),
            )
            .arg(repeated(
                "env",
                "NAME=[FORM:]URL",
                "A variable that holds the token; FORM is token, user, base64 (of the token), pair (user:token), basic (base64 of \
                 that) or header",
            ))
            .arg(account())
            .arg(flag("dry-run", "Print the places and variables; start nothing").short('n'))
            .arg(
                Arg::new("COMMAND")
                    .num_args(1..)
                    .trailing_var_arg(true)
                    .required_unless_present("dry-run")
                    .value_parser(value_parser!(OsString))
                    .value_hint(ValueHint::CommandWithArguments)
                    .help("The command and its arguments"),
            )
    },
    run: |matches, context| {
        if let Err(error) = run(matches, context) {
            context.terminal.error(&error);
            context.code = Some(match error {
                Error::NotStarted { .. } => error.exit_code().into(),
                _ => OWN_FAILURE,
            });
        }
        Ok(())
    },
};

/// The tools that `run` knows.
fn known() -> impl Iterator<Item = &'static Tool> + Clone {
    tool::ALL.iter().copied().filter(|tool| tool.client.is_some() || tool.profile.is_some())
}

/// What was asked for, beside the places.
struct Asked<'m> {
    program: Option<&'m OsString>,
    arguments: Vec<&'m OsString>,
    /// The tools that `--profile` names.
    tools: Vec<&'static Tool>,
    account: Option<&'m str>,
}

impl Asked<'_> {
    /// The client that the command is, with its tool: the one that is named, else that of the program's name.
    fn client(&self) -> Option<(&'static str, Need, &'static Client)> {
        let named = self.tools.first().map(|tool| tool.name);
        let program = self.program.map(|program| program_name(program)).unwrap_or_default();
        client::all().find(|(tool, _, client)| match named {
            Some(named) => *tool == named,
            None => client.programs.contains(&program.as_str()),
        })
    }
}

/// A program's name without its folder, and without what Windows puts behind it.
fn program_name(program: &OsStr) -> String {
    let file = Path::new(program).file_name().and_then(OsStr::to_str).unwrap_or_default();
    let stem = [".exe", ".cmd", ".bat"].iter().find_map(|suffix| file.strip_suffix(suffix));
    stem.unwrap_or(file).to_owned()
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let list = |name: &str| matches.get_many::<String>(name).into_iter().flatten().map(String::as_str);
    let mut command = matches.get_many::<OsString>("COMMAND").into_iter().flatten();
    let named = list("profile").filter_map(|name| tool::called(name, known()));
    let asked = Asked {
        program: command.next(),
        arguments: command.collect(),
        tools: named.collect(),
        account: text(matches, "account"),
    };
    let places: Vec<&str> = list("for").collect();
    let by_variable = !places.is_empty() && asked.tools.iter().any(|tool| tool.profile.is_some());
    let variables: Vec<&str> = list("env").collect();
    let mut settings = Vec::new();
    if by_variable {
        let names: Vec<&str> = profiles()
            .map(|(tool, _)| tool.name)
            .filter(|name| asked.tools.iter().any(|tool| tool.name == *name))
            .collect();
        settings = by_variable::of_profiles(&names, &places, asked.account, context)?;
    }
    for variable in &variables {
        settings.push(by_variable::of_ones_own(variable, asked.account, context)?);
    }
    // Who says each variable wants nothing else.
    let wants_proxy = !by_variable && (variables.is_empty() || !places.is_empty());
    let dry = matches.get_flag("dry-run");
    let write = matches.get_flag("write");
    if wants_proxy && let Some(outer) = desk::outer(context.environment) {
        if write || !places.is_empty() {
            return Err(Error::usage(
                "this command runs within another keyfob run, which decides what it may do",
                "give --write and --for to the outer one",
            ));
        }
        if dry {
            context.terminal.answer(&visible(&format!("through the proxy of the outer keyfob run, {outer}")));
            return Ok(());
        }
    } else if wants_proxy {
        let proxied = prepared(&asked, &places, write, context)?;
        if dry {
            proxied.describe(context);
        } else if !proxied.is_needed() {
            say_that_nothing_is_served(&asked, context);
        } else if let Some(program) = asked.program {
            let log = matches.get_one::<std::path::PathBuf>("log").map(std::path::PathBuf::as_path);
            let command = command_of(program, &asked, settings, context)?;
            context.code = Some(proxied.run(command, log, context)?);
            return Ok(());
        }
    }
    if dry {
        for setting in &settings {
            context.terminal.answer(&visible(&format!("{}: {}", setting.name, setting.words)));
        }
        return Ok(());
    }
    let Some(program) = asked.program else { return Ok(()) };
    let mut command = command_of(program, &asked, settings, context)?;
    context.code = Some(process::become_command(&mut command).map_err(not_started(program))?);
    Ok(())
}

/// What the command may have.
fn prepared<'m>(
    asked: &Asked<'m>,
    places: &[&str],
    write: bool,
    context: &mut Context<'_>,
) -> Result<Proxied<'m>, Error> {
    let known = asked.client();
    let need = known.map_or(Need::Packages, |(_, need, _)| need);
    let arguments: Vec<&str> = asked.arguments.iter().filter_map(|word| word.to_str()).collect();
    let wanted = places.iter().map(|text| Wanted::read(text, need)).collect::<Result<Vec<_>, _>>()?;
    let mut all = Places::default();
    all.add_wanted(&wanted, asked.account, context)?;
    let mut found = client::settings::Found::default();
    if let Some((tool, need, client)) = known {
        found = places::found(client, &arguments, context);
        all.add_found(tool, need, &found, context)?;
    } else if wanted.is_empty() {
        let name = asked.program.map(|program| program_name(program)).unwrap_or_default();
        return Err(Error::usage(
            format!(
                "the settings of {} are not known, so the place has to be said",
                if name.is_empty() { "nothing" } else { &name }
            ),
            "keyfob run --for URL -- COMMAND, or say which tool it is with --profile (keyfob help run)",
        ));
    }
    let publishes = known.is_some_and(|(_, _, client)| client.publishes.on(&arguments));
    Ok(Proxied {
        tool: known.map_or("keyfob", |(tool, _, _)| tool),
        name: asked.program.map(|program| program_name(program)).unwrap_or_default(),
        client: known.map(|(_, _, client)| client),
        places: all,
        found,
        arguments,
        write: write || publishes,
        account: asked.account.map(str::to_owned),
    })
}

/// That the command starts as if keyfob were not there, and why.
fn say_that_nothing_is_served(asked: &Asked<'_>, context: &mut Context<'_>) {
    let name = asked.client().map_or("the command", |(tool, _, _)| tool);
    context.terminal.note(&format!(
        "no login is added: the settings of {name} name no place that the wallet has a token for"
    ));
}

/// The command, with these variables.
fn command_of(
    program: &OsString,
    asked: &Asked<'_>,
    settings: Vec<Setting>,
    context: &Context<'_>,
) -> Result<std::process::Command, Error> {
    // Tokens of our own environment are for us; what the command shall see was asked for by name.
    let mut command = child(in_path(program, context), context.environment);
    command.args(&asked.arguments);
    for setting in settings {
        command.env(&setting.name, formats::os_string(&setting.value)?);
    }
    Ok(command)
}

fn not_started(program: &OsStr) -> impl Fn(std::io::Error) -> Error + '_ {
    |source| Error::NotStarted { program: program.to_string_lossy().into_owned(), source }
}

/// Windows looks for `npm.exe` alone, and npm, mvn and their like are scripts there.
#[cfg(windows)]
fn in_path(program: &OsStr, context: &Context<'_>) -> OsString {
    let is_name = Path::new(program).components().count() == 1 && Path::new(program).extension().is_none();
    let folders = context.environment.os("PATH").filter(|_| is_name).unwrap_or_default();
    for folder in std::env::split_paths(&folders).filter(|folder| folder.is_absolute()) {
        for extension in ["exe", "cmd", "bat", "com"] {
            let file = folder.join(program).with_extension(extension);
            if file.is_file() {
                return file.into();
            }
        }
    }
    program.to_owned()
}

#[cfg(not(windows))]
fn in_path<'p>(program: &'p OsStr, _context: &Context<'_>) -> &'p OsStr {
    program
}
