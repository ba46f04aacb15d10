//! Docker's credential helper protocol, which podman, skopeo, buildah and oras speak too: one word as the argument (`get`,
//! `store`, `erase`, `list`, `version`), the rest on standard input, JSON out. Answers and errors stand on standard output, and
//! a few of them are fixed sentences that the callers compare, letter by letter; what goes wrong is said on standard error as
//! well, because the docker command shows only that.
//!
//! A helper is asked for a registry, never for a repository: one credential for each host. Deliberately absent: bearer
//! tokens of registries, which the callers fetch themselves with what we answer.

use std::ffi::OsString;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, NoCredential};
use crate::forge::Need;
use crate::remote::{Remote, has_control};
use crate::secret::Secret;
use crate::wallet::{Credential, Lookup, Query, Wallet};

use super::{Presented, Protocol, Quirks, Tool, Wire, input, login, write_or_fail};
use crate::secret_bytes::{Bytes, json};

mod config;
mod server;
mod setup;

/// Docker, and what shares its helpers.
pub static PROTOCOL: Protocol = Protocol {
    name: "docker",
    need: Need::Packages,
    links: &["docker-credential-keyfob"],
    serve,
    quirks: Some(&Quirks { places, withheld: |_, _| None }),
    presents: Some(|_, answer| Presented::Pair(user_name(answer).to_owned())),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["podman", "skopeo", "buildah", "helm", "oras"],
    title: "Docker",
    how: "credsStore and credHelpers in docker's config.json",
    setup: Some(&setup::SETUP),
    ..Tool::of(&PROTOCOL)
};

/// What callers take for "there is none": then they go on without a credential.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A request without a server.
const NO_SERVER: &str = "no credentials server URL";

/// A login without a user name.
const NO_USER: &str = "no credentials username";

/// What a call came to.
enum Reply {
    /// It worked; what there is to say is said.
    Well,
    /// One of the fixed sentences.
    Sentence(&'static str),
}

/// A login as it is stored.
#[derive(Deserialize)]
struct Login {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: Zeroizing<String>,
}

/// Serves one call.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    let word = args.first().and_then(|word| word.to_str());
    if wire.stdin_is_terminal && matches!(word, None | Some("get" | "store" | "erase")) {
        explain(wire);
    }
    let done = match word {
        Some("get") => get(wire, wallet),
        Some("store") => store(wire, wallet),
        Some("erase") => erase(wire, wallet),
        Some("list") => list(wire, wallet),
        Some("version") => write(
            wire,
            concat!("docker-credential-keyfob (keyfob) v", env!("CARGO_PKG_VERSION"), "\n").as_bytes(),
        ),
        _ => Err(Error::usage(
            "docker's credential helper knows get, store, erase, list and version",
            "keyfob setup docker",
        )),
    };
    match done {
        Ok(Reply::Well) => 0,
        Ok(Reply::Sentence(text)) => {
            let _ = write(wire, format!("{text}\n").as_bytes());
            1
        }
        Err(error) => {
            let _ = write(wire, format!("keyfob: {}\n", crate::text::visible(&error.to_string())).as_bytes());
            wire.error(&error);
            1
        }
    }
}

/// For a person who tries it in a terminal: what it is waiting for.
fn explain(wire: &mut Wire<'_>) {
    wire.line(
        "hint",
        "this is docker's credential helper; it reads the name of a registry, then the end of input",
    );
    wire.line("hint", "to let docker use it: keyfob setup docker; to see what it would answer: keyfob explain URL --tool docker");
}

fn get(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Reply, Error> {
    let Some(name) = read_server(wire)? else { return Ok(Reply::Sentence(NO_SERVER)) };
    let (remote, found) = find(wallet, &server::places(&name)?, wire.stderr_is_terminal)?;
    match found {
        Lookup::Found(answer) => match answer_bytes(&name, &answer) {
            Some(bytes) => {
                write(wire, &bytes)?;
                wire.note(answer.note.as_ref());
                Ok(Reply::Well)
            }
            // A ready-made header of git's, or bytes that are no text: docker has no words for them.
            None => Ok(Reply::Sentence(NOT_FOUND)),
        },
        Lookup::None { reason, report } => {
            wire.no_credential(&reason, report, &remote);
            Ok(Reply::Sentence(NOT_FOUND))
        }
    }
}

fn store(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Reply, Error> {
    let text = input::all(wire.input)?;
    let login: Login = serde_json::from_slice(&text)
        // What serde says may repeat a part of the login.
        .map_err(|_| Error::Request { why: "it is not the JSON of a login" })?;
    if login.server.trim().is_empty() {
        return Ok(Reply::Sentence(NO_SERVER));
    }
    if login.user.is_empty() {
        return Ok(Reply::Sentence(NO_USER));
    }
    if has_control(&login.user) {
        return Err(Error::Request { why: "there is a control character in the user name" });
    }
    let places = server::places(login.server.trim())?;
    let remote = held_or_first(wallet, &places)?;
    if remote.is_http() && !remote.is_loopback() {
        return Err(Error::usage(
            format!("a login would travel in clear text to {remote}"),
            format!("use https, or accept it: keyfob add {remote} --allow-http"),
        ));
    }
    let mut query = query(remote, wire.stderr_is_terminal);
    query.user = Some(login.user);
    let secret = Secret::copy_of(login.secret.as_bytes());
    let given = Secret::copy_of(secret.expose()).into();
    login::keep(query, given, &secret, "docker", wire, wallet)?;
    Ok(Reply::Well)
}

fn erase(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Reply, Error> {
    let Some(name) = read_server(wire)? else { return Ok(Reply::Sentence(NO_SERVER)) };
    for remote in server::places(&name)? {
        login::forget(&query(remote, wire.stderr_is_terminal), wire, wallet)?;
    }
    Ok(Reply::Well)
}

/// Every registry that a `get` has an answer for, with the user name. Docker's build sends all of them to its daemon, so hosts
/// of services that have no registry are not among them.
fn list(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Reply, Error> {
    let mut users = std::collections::BTreeMap::new();
    for (realm, place) in wallet.places()? {
        let Some(registry) = server::registry_of(&realm, &place) else { continue };
        let places = server::places(&registry)?;
        // A hint for each place would be noise.
        match find(wallet, &places, false) {
            Ok((_, Lookup::Found(answer))) if answer.authtype.is_none() => {
                users.insert(registry, answer.user.unwrap_or_default());
            }
            Ok(_) => {}
            // One that is lost or damaged takes none of the others with it.
            Err(error @ (Error::Lost { .. } | Error::Damaged { .. })) => {
                wire.line("note", &format!("{registry} is not listed: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    let mut bytes = serde_json::to_vec(&users)
        .map_err(|_| Error::Request { why: "the answer cannot be written as JSON" })?;
    bytes.push(b'\n');
    write(wire, &bytes)
}

/// The first of these places that the wallet knows, with what it says of it; else the first place.
fn find(wallet: &dyn Wallet, places: &[Remote], stderr_is_terminal: bool) -> Result<(Remote, Lookup), Error> {
    let mut first = None;
    for place in places {
        let found = wallet.get(&query(place.clone(), stderr_is_terminal))?;
        if !matches!(found, Lookup::None { reason: NoCredential::NotOurs, .. }) {
            return Ok((place.clone(), found));
        }
        first.get_or_insert((place.clone(), found));
    }
    first.ok_or(Error::Request { why: "the host is missing" })
}

/// Where the token for a registry may be held, most likely first: Docker Hub goes by several names.
fn places(registry: &Remote) -> Vec<Remote> {
    server::places(&registry.to_string()).unwrap_or_else(|_| vec![registry.clone()])
}

/// Where a login belongs: to the place that has one already, else to the first. One place needs no look.
fn held_or_first(wallet: &dyn Wallet, places: &[Remote]) -> Result<Remote, Error> {
    match places {
        [one] => Ok(one.clone()),
        several => find(wallet, several, false).map(|(remote, _)| remote),
    }
}

fn query(remote: Remote, stderr_is_terminal: bool) -> Query {
    Query { stderr_is_terminal, ..Query::new(PROTOCOL.name, remote, PROTOCOL.need) }
}

/// The answer; `None` if it cannot be said in docker's words. Its user name is never empty, which docker would refuse.
fn answer_bytes(name: &str, answer: &Credential) -> Option<Bytes> {
    let token = std::str::from_utf8(answer.token.expose()).ok()?;
    if answer.authtype.is_some() {
        return None;
    }
    let (user, token) = ((",\"Username\":", user_name(answer)), (",\"Secret\":", token));
    Some(json(&[("{\"ServerURL\":", name), user, token], "}\n"))
}

fn user_name(answer: &Credential) -> &str {
    answer.user.as_deref().filter(|user| !user.is_empty()).unwrap_or("pat")
}

/// The name of a server, without what surrounds it; `None` if there is none.
fn read_server(wire: &mut Wire<'_>) -> Result<Option<String>, Error> {
    let bytes = input::all(wire.input)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::Request { why: "it is not UTF-8" })?;
    Ok(Some(text.trim().to_owned()).filter(|name| !name.is_empty()))
}

fn write(wire: &mut Wire<'_>, bytes: &[u8]) -> Result<Reply, Error> {
    write_or_fail(wire, bytes).map(|()| Reply::Well)
}

#[cfg(test)]
mod tests;
