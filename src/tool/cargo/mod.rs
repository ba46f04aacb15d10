//! cargo's credential provider protocol, version 1: started with `--cargo-plugin`, a greeting, then one line of JSON for each
//! request and one for each answer, until the end of input.
//!
//! What cargo takes as a token is the whole of the Authorization header, so the form depends on the registry: see `form`.
//! An index says in a file which hosts get the token, and whoever may write that file decides it. So a forge's token answers only
//! where the forge itself is the registry (see `registry`): not for an index that is a git repository, and not for one in files of
//! a repository, which forges serve below their own name. Deliberately absent: prompts (`cargo login` passes a
//! piped token on), and `operation`: a personal access token is the same for all of them.

use std::ffi::OsString;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, NoCredential};
use crate::forge::{self, Forge, Need, Presentation, Scheme};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::wallet::{Credential, LoggedOut, Lookup, NewCredential, Query, Stored, Wallet};

use super::client::{Client, Holds, Placeholder, Publishes, Settings, Variable};
use super::{Presented, Protocol, Quirks, Tool, Wire, authorization, input, login, write_or_fail};
use crate::secret_bytes::{Bytes, joined, json};

mod config;
mod setup;

/// cargo.
pub static PROTOCOL: Protocol = Protocol {
    name: "cargo",
    need: Need::Packages,
    links: &["cargo-credential-keyfob"],
    serve,
    quirks: Some(&Quirks { places: |url| vec![url.clone()], withheld }),
    presents: Some(|_, answer| presented(answer)),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    title: "Cargo",
    how: "registry.global-credential-providers in cargo's config.toml",
    setup: Some(&setup::SETUP),
    client: Some(&Client {
        programs: &["cargo"],
        settings: &[
            Settings::Project(".cargo/config.toml"),
            Settings::Project(".cargo/config"),
            Settings::Project("Cargo.toml"),
            Settings::Project("Cargo.lock"),
            Settings::Named("CARGO_HOME", "config.toml"),
            Settings::Home(".cargo/config.toml"),
            Settings::Variable("CARGO_REGISTRIES_*"),
        ],
        publishes: Publishes::Words(&[&["publish"], &["yank"], &["owner"]]),
        variables: &[
            Variable { name: "CARGO_HTTP_PROXY", holds: Holds::Proxy },
            Variable { name: "CARGO_HTTP_CAINFO", holds: Holds::Authorities },
        ],
        logins: &[],
        placeholder: Placeholder::Named("CARGO_REGISTRIES_{NAME}_TOKEN", registries),
    }),
    ..Tool::of(&PROTOCOL)
};

/// The registries that a file of cargo's settings names, with their URLs.
fn registries(text: &str) -> Vec<(String, String)> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let all = table.get("registries").and_then(toml::Value::as_table).into_iter().flatten();
    let index = |about: &toml::Value| about.get("index").and_then(toml::Value::as_str).map(str::to_owned);
    all.filter_map(|(name, about)| Some((name.clone(), index(about)?))).collect()
}

/// The public registry's index, as it was before sparse ones. Its tokens are crates.io's and not GitHub's.
const OLD_CRATES_IO: &str = "https://github.com/rust-lang/crates.io-index";

/// The public registry's index.
const CRATES_IO: &str = "https://index.crates.io/";

#[derive(Deserialize)]
struct Request {
    v: u32,
    registry: Registry,
    kind: String,
    #[serde(default)]
    token: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Registry {
    #[serde(rename = "index-url")]
    index: String,
}

/// Where a request goes.
struct Index {
    remote: Remote,
    user: Option<String>,
    /// Whether the index is a git repository.
    is_git: bool,
}

/// What a request came to, when it is no credential.
enum NoToken {
    /// Another provider may know it; in silence.
    NotOurs,
    /// We know the place, and have nothing for it.
    NotFound,
    /// A request of a later version.
    NotSupported,
    /// It went wrong, and cargo shall say so and stop.
    Failed(Error),
}

impl From<Error> for NoToken {
    fn from(error: Error) -> NoToken {
        NoToken::Failed(error)
    }
}

/// Serves one run.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    if wire.stdin_is_terminal || !args.iter().any(|arg| arg == "--cargo-plugin") {
        wire.line(
            "hint",
            "this is cargo's credential provider; cargo starts it with --cargo-plugin and sends JSON",
        );
        wire.line("hint", "to let cargo use it: keyfob setup cargo; to see what it would answer: keyfob explain URL --tool cargo");
        return 2;
    }
    let mut done = write_or_fail(wire, b"{\"v\":[1]}\n");
    while done.is_ok() {
        let line = match read_line(wire) {
            Ok(Some(line)) => line,
            Ok(None) => return 0,
            Err(error) => {
                let _ = write_or_fail(wire, &refusal(NoToken::Failed(error)));
                return 0;
            }
        };
        let answer = answer(&line, wire, wallet).unwrap_or_else(refusal);
        done = write_or_fail(wire, &answer);
    }
    // cargo is gone; so are we.
    1
}

/// The answer to one line.
fn answer(line: &[u8], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Bytes, NoToken> {
    // What serde says may repeat a part of the request.
    let request: Request = serde_json::from_slice(line)
        .map_err(|_| Error::Request { why: "it is not a line that cargo sends" })?;
    if request.v != 1 {
        return Err(NoToken::NotSupported);
    }
    let place = place(&request.registry.index)?;
    let query = Query {
        user: place.user,
        // A header of any scheme can be said here.
        takes_authtype: true,
        ..wire.query(&PROTOCOL, place.remote)
    };
    match request.kind.as_str() {
        "get" => get(&query, place.is_git, wire, wallet),
        "login" => login(&query, request.token, place.is_git, wire, wallet),
        "logout" => logout(&query, wire, wallet),
        _ => Err(NoToken::NotSupported),
    }
}

fn get(query: &Query, is_git: bool, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Bytes, NoToken> {
    // Asked first, so that no store is opened, or is missed because it is locked, for a token that would not be given.
    let serves = |forge: &Forge| forge.packages.crates.serves(query.remote.path(), is_git);
    if cloud(query).is_some_and(|forge| !serves(forge)) {
        return Err(NoToken::NotOurs);
    }
    match wallet.get(query)? {
        Lookup::Found(answer) if !serves(forge_of(&answer)) || is_a_pair(&answer) => Err(NoToken::NotOurs),
        Lookup::Found(answer) => {
            let token = form(&answer);
            let token = std::str::from_utf8(&token).map_err(|_| NoToken::NotFound)?;
            let end = ",\"cache\":\"session\",\"operation_independent\":true}}\n";
            let out = json(&[("{\"Ok\":{\"kind\":\"get\",\"token\":", token)], end);
            wire.note(answer.note.as_ref());
            Ok(out)
        }
        Lookup::None { reason: NoCredential::NotOurs, .. } => Err(NoToken::NotOurs),
        // A token that it would not get anyway is not asked for.
        Lookup::None { .. } if is_git || !serves(forge_by_url(query)) => Err(NoToken::NotOurs),
        Lookup::None { reason, report } => {
            wire.no_credential(&reason, report, &query.remote);
            Err(NoToken::NotFound)
        }
    }
}

fn login(
    query: &Query,
    token: Option<Zeroizing<String>>,
    is_git: bool,
    wire: &mut Wire<'_>,
    wallet: &dyn Wallet,
) -> Result<Bytes, NoToken> {
    let forge = match wallet.get(query)? {
        Lookup::Found(answer) => forge_of(&answer),
        Lookup::None { .. } => forge_by_url(query),
    };
    if !forge.packages.crates.serves(query.remote.path(), is_git) {
        return Err(NoToken::NotOurs);
    }
    // It would be kept as a pair of git's, and that never answers here.
    if forge.is_generic() && query.user.is_some() {
        let hint = format!("leave the name out of the registry's index: sparse+{}", query.remote);
        return Err(Error::usage("a token for crates has no user name", hint).into());
    }
    let token = token.filter(|token| !token.trim().is_empty()).ok_or_else(|| {
        let url = &query.remote;
        Error::usage(
            "no token came with the login",
            format!("pipe it into cargo login, or: keyfob add {url}"),
        )
    })?;
    let new = credential(&token, forge.packages.scheme)?;
    let kept = Secret::copy_of(new.token.expose());
    match wallet.store(query, new)? {
        Stored::NotOurs | Stored::NoOrganisation { .. } => return Err(NoToken::NotOurs),
        Stored::Written { chosen } => login::say_choice(chosen.as_deref(), wire),
        Stored::Unchanged | Stored::Cleared => {}
    }
    login::say_if_in_vain(query, &kept, wire, wallet)?;
    Ok(Zeroizing::new(b"{\"Ok\":{\"kind\":\"login\"}}\n".to_vec()))
}

fn logout(query: &Query, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<Bytes, NoToken> {
    if login::forget(query, wire, wallet)? == LoggedOut::default() {
        // Another provider may hold it.
        return Err(NoToken::NotFound);
    }
    Ok(Zeroizing::new(b"{\"Ok\":{\"kind\":\"logout\"}}\n".to_vec()))
}

/// Whether it is what git stores: a user name with its password. On a host that no forge describes it may be one for repositories, and
/// an index in the files of one (forge/packages.rs) would get it. What `cargo login` stores has no name.
fn is_a_pair(answer: &Credential) -> bool {
    forge_of(answer).is_generic()
        && answer.by_tool
        && answer.account.name().is_some_and(|name| !name.is_empty())
}

/// Why cargo does not get what the wallet would give for a sparse index there.
fn withheld(answer: &Credential, index: &Remote) -> Option<String> {
    if is_a_pair(answer) {
        return Some("a user name with its password, as git stores it, is no token for crates".to_owned());
    }
    let forge = forge_of(answer);
    (!forge.packages.crates.serves(index.path(), false)).then(|| {
        format!(
            "cargo gets a token of {} for its own registries of crates alone (keyfob help cargo)",
            forge.id
        )
    })
}

/// What stands in the Authorization header: what the forge's registries accept; what was given to `cargo login` with its scheme
/// returns with it; everyone else gets the token alone, as crates.io wants it.
fn form(answer: &Credential) -> Bytes {
    let token = answer.token.expose();
    match presented(answer) {
        Presented::Scheme(scheme) => joined(&[scheme.as_bytes(), b" ", token]),
        Presented::Pair(user) => authorization::basic(&user, token),
        Presented::Token => joined(&[token]),
    }
}

fn presented(answer: &Credential) -> Presented {
    match (&answer.authtype, authorization::scheme(answer)) {
        (Some(authtype), _) => Presented::Scheme(authtype.clone()),
        (None, Scheme::Basic) => Presented::Pair("PAT".to_owned()),
        (None, Scheme::Unknown) if answer.presentation != Presentation::Bearer => Presented::Token,
        (None, Scheme::Unknown | Scheme::Bearer) => Presented::Scheme("Bearer".to_owned()),
    }
}

/// What `cargo login` was given. Azure's own instructions pipe `Basic …` into it: there the token is taken out, so that it is
/// the same token as everywhere else. Elsewhere a scheme is part of what the registry wants.
fn credential(given: &str, registry: Scheme) -> Result<NewCredential, Error> {
    let given = given.trim();
    let Some((scheme, rest)) = given.split_once(' ') else {
        return Ok(Secret::copy_of(given.as_bytes()).into_token()?.into());
    };
    let rest = Secret::copy_of(rest.as_bytes()).into_token()?;
    if registry == Scheme::Basic && scheme.eq_ignore_ascii_case("basic") {
        let pair = BASE64.decode(rest.expose()).map(Zeroizing::new);
        let pair = pair.map_err(|_| Error::Token { why: "what follows Basic is not Base64".to_owned() })?;
        let start = pair.iter().position(|&byte| byte == b':').map_or(0, |colon| colon + 1);
        return Ok(Secret::copy_of(&pair[start..]).into_token()?.into());
    }
    if registry == Scheme::Bearer && scheme.eq_ignore_ascii_case("bearer") {
        return Ok(rest.into());
    }
    if !["basic", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(Error::Token { why: "there is a blank in it; give the token alone".to_owned() });
    }
    Ok(NewCredential { authtype: Some(scheme.to_owned()), ..rest.into() })
}

fn forge_of(answer: &Credential) -> &'static Forge {
    forge::of_realm(answer.realm.as_str())
}

/// The forge of a place, as far as the URL tells it.
fn forge_by_url(query: &Query) -> &'static Forge {
    cloud(query).or_else(|| forge::by_path(&query.remote)).unwrap_or(&forge::generic::FORGE)
}

/// The forge whose cloud service a place belongs to; whatever the wallet holds, it is no other.
fn cloud(query: &Query) -> Option<&'static Forge> {
    match forge::recognise(&query.remote, query.user.as_deref()) {
        forge::Recognition::Cloud { forge, .. } | forge::Recognition::NoOrganisation { forge } => Some(forge),
        _ => None,
    }
}

/// Where an index is. What is no web address is not ours.
fn place(index: &str) -> Result<Index, NoToken> {
    let (is_git, url) = match index.strip_prefix("sparse+") {
        Some(url) => (false, url),
        None => (true, index.strip_prefix("registry+").unwrap_or(index)),
    };
    let old = url.trim_end_matches('/').trim_end_matches(".git").eq_ignore_ascii_case(OLD_CRATES_IO);
    let (is_git, url) = if old { (false, CRATES_IO) } else { (is_git, url) };
    let (remote, user) = Remote::from_url(url).map_err(|_| NoToken::NotOurs)?;
    Ok(Index { remote, user, is_git })
}

/// The line of a refusal.
fn refusal(no: NoToken) -> Bytes {
    let kind = match no {
        NoToken::NotOurs => "url-not-supported",
        NoToken::NotFound => "not-found",
        NoToken::NotSupported => "operation-not-supported",
        NoToken::Failed(error) => {
            let message = format!("keyfob: {}", crate::text::visible(&error.in_one_line()));
            let line = serde_json::json!({ "Err": { "kind": "other", "message": message } });
            return Zeroizing::new(format!("{line}\n").into_bytes());
        }
    };
    Zeroizing::new(format!("{{\"Err\":{{\"kind\":\"{kind}\"}}}}\n").into_bytes())
}

/// One line; `None` at the end of input.
fn read_line(wire: &mut Wire<'_>) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut line = Zeroizing::new(Vec::with_capacity(4096));
    input::line(wire.input, &mut line)?;
    Ok(Some(line).filter(|line| !line.is_empty()))
}

#[cfg(test)]
mod tests;
