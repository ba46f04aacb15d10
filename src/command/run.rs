//! `keyfob run`: starts a command with tokens in its environment, for tools that have no way to ask. Which variables a tool
//! reads is in its record ([`Profile`]); which token belongs to which place is the wallet's decision, for each place by itself.
//!
//! Nothing is started unless every place has its token. On Unix we become the command, so only it and what it starts see the
//! variables. Deliberately absent: hiding the token in the command's output, and anything on disk.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};

use crate::error::{Error, NoCredential};
use crate::forge::Need;
use crate::process;
use crate::process::child;
use crate::text::visible;
use crate::tool::profile::render::{AnsweredEndpoint, Setting, checked, described, settings};
use crate::tool::profile::{Endpoint, Form, Profile, Search, formats};
use crate::tool::{self, Tool};
use crate::wallet::get::get_account;
use crate::wallet::{Credential, Lookup, Query, Wallet as _, manage};

use super::{Command, Context, account, flag, option, place, text};

/// What we end with when nothing was started, as env(1) and nohup(1) do; below it the codes are the command's own.
pub const OWN_FAILURE: i32 = 125;

/// `keyfob run`.
pub static COMMAND: Command = Command {
    name: "run",
    about: "Start a command with tokens in its environment, for tools that cannot ask",
    details: "A profile says which variables a tool reads, and finds the places in the tool's own settings; --for names \
              them instead. Without --profile, the command's name tells it. Only that command sees the variables, and what it \
              starts: do not use it for programs or projects that you do not trust. keyfob help run has the profiles.\n\n\
              The exit code is the command's; 125: nothing was started, 126: it cannot be run, 127: it is not there.",
    example: "keyfob run --dry-run --for https://dev.azure.com/contoso -- az devops project list",
    arguments: |command| {
        let repeated = |name, value, help| option(name, value).action(ArgAction::Append).help(help);
        command
            .arg(repeated("for", "[NAME=]URL", "A place that a token is for, with the name that the tool has for it"))
            .arg(repeated("profile", "NAME", "The tool whose variables are set").value_parser(super::arguments::tool_words(profiles().map(|(tool, _)| tool))))
            .arg(repeated(
                "env",
                "NAME=[FORM:]URL",
                "A variable of your own; FORM is token, user, base64 (of the token), pair (user:token), basic (base64 of that) \
                 or header",
            ))
            .arg(account())
            .arg(flag("dry-run", "Print the names of the variables and what they would hold; start nothing").short('n'))
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

/// The tools that have one.
fn profiles() -> impl Iterator<Item = (&'static Tool, &'static Profile)> + Clone {
    tool::ALL.iter().filter_map(|tool| Some((*tool, tool.profile?)))
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let list = |name: &str| matches.get_many::<String>(name).into_iter().flatten().map(String::as_str);
    let account = text(matches, "account");
    let mut command = matches.get_many::<OsString>("COMMAND").into_iter().flatten();
    let program = command.next();
    let named: Vec<&str> = list("profile").collect();
    let variables: Vec<&str> = list("env").collect();
    let chosen = chosen(&named, program, !variables.is_empty())?;
    let endpoints = list("for").map(named_place).collect::<Result<Vec<_>, _>>()?;
    if chosen.is_empty() && !endpoints.is_empty() {
        return Err(Error::usage(
            "no profile says what --for is for",
            "keyfob run --profile NAME --for URL -- COMMAND",
        ));
    }

    let mut all = Vec::new();
    let (mut notes, mut left_out) = (Vec::new(), Vec::new());
    let (mut found_any, mut foreign) = (false, Vec::new());
    for (tool, profile) in &chosen {
        let explicit = !endpoints.is_empty();
        let endpoints =
            if explicit { endpoints.clone() } else { discovered(tool, profile, context, &mut notes)? };
        let mut wanted = Vec::new();
        for endpoint in endpoints {
            let answer = look(&endpoint, tool.need, account, explicit, context)?;
            match &answer {
                Some(_) => found_any = true,
                None => foreign.push(endpoint.url.clone()),
            }
            wanted.push(AnsweredEndpoint { endpoint, answer });
        }
        all.extend(settings(tool.name, profile, &wanted, context.environment, &mut left_out)?);
    }
    for variable in variables {
        all.push(of_ones_own(variable, account, context)?);
        found_any = true;
    }

    let dry = matches.get_flag("dry-run");
    if dry {
        notes.append(&mut left_out);
    }
    if dry || context.terminal.capabilities.stderr {
        notes.iter().for_each(|note| context.terminal.note(note));
    }
    if !found_any {
        say_that_nothing_is_set(&chosen, &foreign, context);
    }
    if dry {
        for setting in &all {
            context.terminal.answer(&visible(&format!("{}: {}", setting.name, setting.words)));
        }
        return Ok(());
    }
    let Some(program) = program else { return Ok(()) };
    context.code = Some(start(program, command.map(OsString::as_os_str), all, context)?);
    Ok(())
}

/// The profiles that are meant: those that are named, else those of the program's name; none where there are variables of
/// one's own.
fn chosen(
    named: &[&str],
    program: Option<&OsString>,
    own: bool,
) -> Result<Vec<(&'static Tool, &'static Profile)>, Error> {
    if !named.is_empty() || own {
        let of = |name: &&str| tool::called(name, profiles().map(|(tool, _)| tool)).map(|tool| tool.name);
        let named: Vec<&str> = named.iter().filter_map(of).collect();
        return Ok(profiles().filter(|(tool, _)| named.contains(&tool.name)).collect());
    }
    let file = program.and_then(|program| Path::new(program).file_name()?.to_str()).unwrap_or_default();
    let stem = |suffix| file.strip_suffix(suffix);
    let name = stem(".exe").or_else(|| stem(".cmd")).or_else(|| stem(".bat")).unwrap_or(file);
    let fits: Vec<_> = profiles().filter(|(_, profile)| profile.programs.contains(&name)).collect();
    if fits.is_empty() {
        let names: Vec<&str> = profiles().map(|(tool, _)| tool.name).collect();
        return Err(Error::usage(
            format!("no profile is for {}", if name.is_empty() { "nothing" } else { name }),
            format!(
                "say which with --profile ({}), or the variable: keyfob run --env NAME=URL -- COMMAND",
                names.join(", ")
            ),
        ));
    }
    Ok(fits)
}

/// `[NAME=]URL`.
fn named_place(text: &str) -> Result<Endpoint, Error> {
    match text.split_once('=').filter(|(name, _)| !name.contains([':', '/']) && !name.is_empty()) {
        Some((name, url)) => Endpoint::new(Some(name), url),
        None => Endpoint::new(None, text),
    }
}

/// What the tool's own settings name.
fn discovered(
    tool: &Tool,
    profile: &Profile,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<Endpoint>, Error> {
    let Some((_, discover)) = profile.discover else {
        let name = if profile.goes_by_name() { "NAME=" } else { "" };
        return Err(Error::usage(
            format!("the settings of {} cannot be read, so the place has to be said", tool.title),
            format!("keyfob run --profile {} --for {name}URL -- COMMAND", tool.name),
        ));
    };
    let mut search = Search::new(&context.folder, context.environment);
    let endpoints = discover(&mut search);
    if let Some(why) = search.refused {
        return Err(Error::usage(
            why,
            "look what it is for; keyfob help run says what settings may do with them",
        ));
    }
    // Where a name says whose token it is, a file that we cannot read might give the name to another place.
    if profile.goes_by_name()
        && let Some(why) = search.notes.pop()
    {
        let hint = format!(
            "mend it, or say the place: keyfob run --profile {} --for NAME=URL -- COMMAND",
            tool.name
        );
        return Err(Error::usage(why, hint));
    }
    notes.append(&mut search.notes);
    Ok(endpoints)
}

/// The token of a place; `None` for a place that was only found, and is not ours or has a token already.
fn look(
    endpoint: &Endpoint,
    need: Need,
    account: Option<&str>,
    explicit: bool,
    context: &mut Context<'_>,
) -> Result<Option<Box<Credential>>, Error> {
    if endpoint.served && !explicit {
        return Ok(None);
    }
    let query = Query {
        user: endpoint.user.clone().filter(|_| account.is_none()),
        stderr_is_terminal: context.terminal.capabilities.stderr,
        ..Query::new("keyfob", endpoint.remote.clone(), need)
    };
    let mut found = context.wallet.get(&query)?;
    if !explicit && matches!(found, Lookup::None { reason: NoCredential::NotOurs, .. }) {
        return Ok(None);
    }
    if let Some(name) = account {
        // A name on the command line is exact: no other account answers in its place.
        let selection = manage::select(context.wallet, &endpoint.url, Some(name))?.persons();
        found = get_account(context.wallet, &query, &selection.realm.realm, selection.only()?)?;
    }
    match found {
        Lookup::Found(answer) => {
            if let Some(note) = &answer.note {
                context.terminal.hint(&note.words());
            }
            Ok(Some(answer))
        }
        Lookup::None { reason: NoCredential::NoOrganisation { host }, .. } => Err(Error::NoSuchCredential {
            what: format!("{} does not tell the organisation", endpoint.url),
            hint: Some(format!(
                "give the whole URL: keyfob run --for https://{host}/ORGANISATION -- COMMAND"
            )),
        }),
        Lookup::None { reason, .. } => Err(reason.into_error(&endpoint.url)),
    }
}

/// `NAME=[FORM:]URL`.
fn of_ones_own(text: &str, account: Option<&str>, context: &mut Context<'_>) -> Result<Setting, Error> {
    let usage = || Error::usage("--env wants a name and a URL", "keyfob run --env NAME=URL -- COMMAND");
    let (name, rest) = text.split_once('=').ok_or_else(usage)?;
    let (form, url) = rest
        .split_once(':')
        .and_then(|(word, url)| Some((Form::named(word)?, url)))
        .unwrap_or((Form::Token, rest));
    let (remote, user) = place(context, url)?;
    let endpoint =
        Endpoint { name: None, url: remote.to_string(), remote, user, served: false, handed: false };
    let Some(answer) = look(&endpoint, Need::Anything, account, true, context)? else { return Err(usage()) };
    let value = form.value(&answer, &endpoint.url)?;
    checked(Setting { name: name.to_owned(), value, words: described(form, &answer) })
}

/// That the command starts as if we were not there, and why.
fn say_that_nothing_is_set(chosen: &[(&Tool, &Profile)], foreign: &[String], context: &mut Context<'_>) {
    let tools: Vec<&str> = chosen.iter().map(|(tool, _)| tool.name).collect();
    let note = if foreign.is_empty() {
        format!("no token is set: the settings of {} name no place", tools.join(" and "))
    } else {
        format!(
            "no token is set: these are not keyfob's, or have one already: {}",
            crate::text::listed(foreign)
        )
    };
    context.terminal.note(&note);
}

/// Becomes the command; where that is not possible, its exit code.
fn start<'a>(
    program: &OsStr,
    arguments: impl Iterator<Item = &'a OsStr>,
    settings: Vec<Setting>,
    context: &Context<'_>,
) -> Result<i32, Error> {
    // Tokens of our own environment are for us; what the command shall see was asked for by name.
    let mut command = child(in_path(program, context), context.environment);
    command.args(arguments);
    for setting in settings {
        command.env(&setting.name, formats::os_string(&setting.value)?);
    }
    process::become_command(&mut command)
        .map_err(|source| Error::NotStarted { program: program.to_string_lossy().into_owned(), source })
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
