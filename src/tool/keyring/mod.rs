//! The `keyring` command, as pip, uv and PDM call it: `keyring get SERVICE USER` prints a token, `set` keeps one, `del`
//! drops one. Only the file name counts, so a link of that name is enough.
//!
//! A service is the URL of an index, or on a second try its bare host. The bare host tells neither the scheme nor the path,
//! and the whole URL has been asked before it: answering it would send a token that is meant for https over http, or one
//! collection's token to another. So it gets only what was stored under that very host. For plain http uv asks a third time, with
//! the scheme before the host: that gets no token that is for a path of the host.
//!
//! Deliberately absent: prompts (`keyfob add` asks, hidden), and the command's other words, which no tool uses.

use std::ffi::OsString;

use zeroize::Zeroizing;

use crate::error::{Error, NoCredential};
use crate::forge::{self, Need, Recognition};
use crate::remote::{Realm, Remote, has_control};
use crate::secret::Secret;
use crate::wallet::{Credential, Lookup, NewCredential, Query, Stored, Wallet};

use super::client::{Client, Holds, Placeholder, Publishes, Settings, Variable};
use super::{Presented, Protocol, Tool, Wire, is_web, write};
use crate::secret_bytes::{Bytes, joined, json};

mod arguments;
mod check;
mod clients;
mod setup;
#[cfg(test)]
mod tests;
mod uv;

use arguments::{Mode, Output, Request};

/// The keyring command.
pub static PROTOCOL: Protocol = Protocol {
    name: "keyring",
    need: Need::Packages,
    links: &["keyring"],
    serve,
    quirks: None,
    presents: Some(|_, answer| Presented::Pair(answer.user.clone().unwrap_or_default())),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["pip", "uv", "pdm"],
    title: "pip, uv and PDM (the keyring command)",
    how: "a program named keyring in PATH",
    setup: Some(&setup::SETUP),
    client: Some(&CLIENT),
    ..Tool::of(&PROTOCOL)
};

/// The same programs behind the proxy of `keyfob run`: they ask nobody, because no request comes back refused.
static CLIENT: Client = Client {
    programs: &["pip", "pip3", "uv", "uvx", "pipx", "pdm", "pipenv", "hatch", "python", "python3"],
    settings: &[
        Settings::Project("requirements.txt"),
        Settings::Project("pyproject.toml"),
        Settings::Project("uv.toml"),
        Settings::Project("uv.lock"),
        Settings::Project("pdm.lock"),
        Settings::Project("Pipfile"),
        Settings::Project("Pipfile.lock"),
        Settings::Config("pip/pip.conf"),
        Settings::Config("uv/uv.toml"),
        Settings::Config("pdm/config.toml"),
        Settings::Home(".pip/pip.conf"),
        Settings::Home(".pypirc"),
        Settings::System("/etc/pip.conf"),
        Settings::System("/etc/uv/uv.toml"),
        Settings::Named("PIP_CONFIG_FILE", ""),
        Settings::Named("VIRTUAL_ENV", "pip.conf"),
        Settings::Variable("PIP_*"),
        Settings::Variable("UV_*"),
        Settings::Variable("PDM_*"),
        Settings::Variable("TWINE_REPOSITORY_URL"),
    ],
    // `python -m twine upload`, too.
    publishes: Publishes::Words(&[&["publish"], &["twine", "upload"]]),
    variables: &[
        Variable { name: "PIP_CERT", holds: Holds::Authorities },
        Variable { name: "PIP_PROXY", holds: Holds::Proxy },
    ],
    logins: &["UV_INDEX_*", "UV_PUBLISH_USERNAME", "UV_PUBLISH_PASSWORD", "UV_PUBLISH_TOKEN"],
    placeholder: Placeholder::Pair("UV_PUBLISH_USERNAME", "UV_PUBLISH_PASSWORD"),
};

/// The scheme of what is kept under a name that is no URL: never equal to a web address.
const BARE: &str = "keyring";

/// The longest password that `set` takes.
const LONGEST: u64 = 64 * 1024;

const USAGE: &str = "keyring [--mode password|creds] [--output plain|json] get SERVICE [USER]; keyring set SERVICE USER; keyring \
                     del SERVICE USER";

/// Serves one call. 0: done; 1: nothing there, or an error; 2: wrong usage.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    let request = match Request::read(args) {
        Ok(request) => request,
        // pip and uv look for certain words of Python's in it, and must not find them.
        Err(why) => {
            wire.line("error", why);
            wire.line("hint", USAGE);
            return 2;
        }
    };
    let done = match request {
        Request::Get { service, user, mode, output } => get(service, user, (mode, output), wire, wallet),
        Request::Set { service, user } => set(service, user, wire, wallet),
        Request::Delete { service, user } => delete(service, user, wire, wallet),
        Request::Help => {
            wire.line("hint", USAGE);
            Ok(true)
        }
        Request::Version => {
            let line = format!("keyfob {}\n", env!("CARGO_PKG_VERSION"));
            write(wire, line.as_bytes()).map(|()| true)
        }
        Request::Backends => write(wire, b"keyfob\n").map(|()| true),
    };
    match done {
        Ok(done) => u8::from(!done),
        Err(error) => {
            wire.error(&error);
            1
        }
    }
}

/// Whether there was an answer.
fn get(
    service: &str,
    user: Option<&str>,
    form: (Mode, Output),
    wire: &mut Wire<'_>,
    wallet: &dyn Wallet,
) -> Result<bool, Error> {
    // Programs of all kinds ask a keyring under names of their own.
    let Some(query) = query(service, user, wire)? else { return Ok(false) };
    match wallet.get(&query)? {
        Lookup::Found(answer)
            if !query.remote.is_https()
                && query.remote.path().is_empty()
                && is_part_of_host(&answer.realm, &query.remote) =>
        {
            Ok(false)
        }
        Lookup::Found(answer) => {
            write(wire, &answer_bytes(&answer, form)?)?;
            wire.note(answer.note.as_ref());
            Ok(true)
        }
        Lookup::None { reason: NoCredential::NoOrganisation { host }, .. } => {
            no_organisation(&host, wire);
            Ok(false)
        }
        Lookup::None { reason, report } => {
            wire.no_credential(&reason, report, &query.remote);
            Ok(false)
        }
    }
}

/// Whether a realm is a part of the host: one collection of a server.
fn is_part_of_host(realm: &Realm, remote: &Remote) -> bool {
    realm.what().strip_prefix(&remote.origin()).is_some_and(|rest| rest.starts_with('/'))
}

/// Keeps what a tool's user typed: pip does so when its prompt led to success.
fn set(service: &str, user: &str, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<bool, Error> {
    if wire.stdin_is_terminal {
        return Err(Error::usage(
            "set reads the password from a pipe",
            "to be asked for a token, hidden: keyfob add URL",
        ));
    }
    let Some(query) = query_to_keep(service, user, wire)? else {
        return Err(Error::Request { why: "the service is neither a URL nor a host" });
    };
    let password = read_line(wire)?;
    match wallet.store(&query, NewCredential::from(password))? {
        Stored::Written { chosen } => {
            if let Some(store) = chosen.filter(|_| wire.stderr_is_terminal) {
                wire.line("note", &format!("tokens are kept in the {store} store from now on"));
            }
            Ok(true)
        }
        Stored::Unchanged | Stored::Cleared => Ok(true),
        Stored::NoOrganisation { host } => {
            no_organisation(&host, wire);
            Ok(false)
        }
        Stored::NotOurs => {
            wire.line("error", "nothing was kept: that place never gets a token");
            Ok(false)
        }
    }
}

/// Drops what the person wants dropped (R7, last sentence). Whether there was anything.
fn delete(service: &str, user: &str, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<bool, Error> {
    let Some(query) = query_to_keep(service, user, wire)? else { return Ok(false) };
    let forgotten = wallet.logout(&query)?;
    if let Some(url) = &forgotten.set_aside {
        let words = format!("set aside, not destroyed; to have it again: keyfob restore {url}");
        wire.line("hint", &words);
    }
    Ok(forgotten.destroyed > 0 || forgotten.set_aside.is_some())
}

fn no_organisation(host: &str, wire: &mut Wire<'_>) {
    let words = format!(
        "{host} alone does not tell the organisation; give the whole URL of the feed, or the organisation as user name"
    );
    wire.line("hint", &words);
}

/// The question; `None` for a name that no wallet can hold anything under.
fn query(service: &str, user: Option<&str>, wire: &Wire<'_>) -> Result<Option<Query>, Error> {
    let Some((remote, in_url)) = place(service)? else { return Ok(None) };
    let user = user.map(str::to_owned).or(in_url);
    if user.as_deref().is_some_and(has_control) {
        return Err(Error::Request { why: "there is a control character in the user name" });
    }
    Ok(Some(Query { user, ..wire.query(&PROTOCOL, remote) }))
}

/// The question of `set` and `del`. pip keeps passwords under the bare host; where that belongs to a service, the service's
/// rules say which account it is, and whether it can be told at all.
fn query_to_keep(service: &str, user: &str, wire: &Wire<'_>) -> Result<Option<Query>, Error> {
    let user = Some(user).filter(|user| !user.is_empty());
    let Some(mut query) = query(service, user, wire)? else { return Ok(None) };
    if query.remote.scheme() == BARE
        && let Ok(web) = Remote::from_parts("https", service, None)
        && !matches!(forge::recognise(&web, user), Recognition::Unknown)
    {
        query.remote = web;
    }
    Ok(Some(query))
}

/// What a service names: a web address with the user name in it, or a name of its own.
fn place(service: &str) -> Result<Option<(Remote, Option<String>)>, Error> {
    if is_web(service) {
        return match Remote::from_url(service) {
            // A tool's mistake, not a person's: without the advice for a command line.
            Err(Error::Url { why }) => Err(Error::Request { why }),
            other => other.map(Some),
        };
    }
    Ok(Remote::from_parts(BARE, service, None).ok().map(|remote| (remote, None)))
}

/// The first line of standard input.
fn read_line(wire: &mut Wire<'_>) -> Result<Secret, Error> {
    use std::io::{BufRead as _, Read as _};
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or(0) + 1));
    let mut limited = (&mut *wire.input).take(LONGEST + 1);
    let read = limited.read_until(b'\n', &mut line);
    read.map_err(|source| Error::Wire { doing: "read the password", source })?;
    let password = line.strip_suffix(b"\n").unwrap_or(&line);
    let password = password.strip_suffix(b"\r").unwrap_or(password);
    let refused = |why: &str| Err(Error::Token { why: why.to_owned() });
    match std::str::from_utf8(password) {
        _ if line.len() as u64 > LONGEST => refused("more than 64 KiB came in"),
        Ok("") => refused("it is empty"),
        Ok(text) if text.chars().any(char::is_control) => refused("there is a control character in it"),
        Ok(text) => Ok(Secret::copy_of(text.as_bytes())),
        Err(_) => refused("it is not UTF-8 text"),
    }
}

/// The bytes of an answer: a line for each thing that is asked for, or one object.
fn answer_bytes(answer: &Credential, form: (Mode, Output)) -> Result<Bytes, Error> {
    let user = answer.user.as_deref().unwrap_or_default();
    let token = answer.token.expose();
    let text =
        || std::str::from_utf8(token).map_err(|_| Error::Token { why: "it is not UTF-8 text".to_owned() });
    Ok(match form {
        (Mode::Password, Output::Plain) => joined(&[token, b"\n"]),
        (Mode::Credential, Output::Plain) => joined(&[user.as_bytes(), b"\n", token, b"\n"]),
        (Mode::Password, Output::Json) => json(&[("{\"password\":", text()?)], "}\n"),
        (Mode::Credential, Output::Json) => {
            json(&[("{\"username\":", user), (",\"password\":", text()?)], "}\n")
        }
    })
}
