//! Terraform's credentials helper protocol, which OpenTofu speaks too: `get`, `store` or `forget` and a host as the last two arguments,
//! JSON on the standard streams. A token is always sent as Bearer, so it is given only where that is how tokens are shown: what
//! `terraform login` stored, GitLab, Gitea, and hosts that nobody described. A token of Azure DevOps, which is a password
//! for Basic, is never given. <https://developer.hashicorp.com/terraform/internals/credentials-helpers>
//!
//! Modules that lie in repositories are git's business.

use std::ffi::OsString;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::forge::{self, Need, Presentation};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::wallet::{Credential, Lookup, NewCredential, Query, Wallet};

use super::{Presented, Protocol, Quirks, Tool, Wire, authorization, input, login, write};
use crate::secret_bytes::json;

mod setup;
#[cfg(test)]
mod tests;

/// Terraform and OpenTofu.
pub static PROTOCOL: Protocol = Protocol {
    name: "terraform",
    need: Need::Packages,
    links: &["terraform-credentials-keyfob"],
    serve,
    quirks: Some(&Quirks { places: |url| vec![url.clone()], withheld }),
    presents: Some(|_, _| Presented::Scheme("Bearer".to_owned())),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["tofu", "opentofu"],
    title: "Terraform",
    how: "credentials_helper in Terraform's own settings",
    setup: Some(&setup::SETUP),
    ..Tool::of(&PROTOCOL)
};

/// What is stored. A member that we do not know must not be lost, so it is refused, as the protocol wants it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    token: Zeroizing<String>,
}

/// Serves one call.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    match answer(args, wire, wallet) {
        Ok(()) => 0,
        Err(error) => {
            wire.error(&error);
            1
        }
    }
}

fn answer(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let usage = || {
        Error::usage(
            "terraform's credentials helper knows get HOST, store HOST and forget HOST",
            "keyfob setup terraform; to see what it would answer: keyfob explain https://HOST --tool terraform",
        )
    };
    // What stands before them are the arguments of the settings.
    let [.., word, host] = args else { return Err(usage()) };
    let host = host.to_str().ok_or(Error::Request { why: "it is not UTF-8" })?;
    // A host with a path would be another place.
    if host.contains(['/', '@', '?', '#']) {
        return Err(Error::Request { why: "the host is not one" });
    }
    let query =
        Query { takes_authtype: true, ..wire.query(&PROTOCOL, Remote::from_parts("https", host, None)?) };
    match word.to_str() {
        Some("get") => get(&query, wire, wallet),
        Some("store") => store(query, wire, wallet),
        Some("forget") => login::forget(&query, wire, wallet).map(drop),
        _ => Err(usage()),
    }
}

fn get(query: &Query, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    match wallet.get(query)? {
        Lookup::Found(answer) => match token(&answer) {
            Some(token) => {
                write(wire, &json(&[("{\"token\":", token)], "}\n"))?;
                wire.note(answer.note.as_ref());
            }
            None => {
                write(wire, b"{}\n")?;
                wire.line("hint", &no_bearer(&answer));
            }
        },
        Lookup::None { reason, report } => {
            write(wire, b"{}\n")?;
            wire.no_credential(&reason, report, &query.remote);
        }
    }
    Ok(())
}

fn no_bearer(answer: &Credential) -> String {
    format!("the token of {} is no Bearer token, which terraform would make of it", answer.realm)
}

/// Why terraform does not get what the wallet would give.
fn withheld(answer: &Credential, _: &Remote) -> Option<String> {
    token(answer).is_none().then(|| no_bearer(answer))
}

/// The token of an answer, if it may go as Bearer.
fn token(answer: &Credential) -> Option<&str> {
    let bearer = match &answer.authtype {
        Some(scheme) => scheme.eq_ignore_ascii_case("bearer"),
        None => {
            let forge = forge::of_realm(answer.realm.as_str());
            answer.presentation == Presentation::Bearer || forge.packages.terraform
        }
    };
    let token = std::str::from_utf8(answer.token.expose()).ok()?;
    (bearer && authorization::fits(token.as_bytes())).then_some(token)
}

/// Keeps what `terraform login` got, as the Bearer token that it is, so that git does not take it for a password.
fn store(query: Query, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let text = input::all(wire.input)?;
    let credentials: Credentials = serde_json::from_slice(&text)
        // What serde says may repeat a part of it.
        .map_err(|_| Error::Request { why: "it is not JSON with a token and nothing else" })?;
    let secret = Secret::copy_of(credentials.token.as_bytes());
    if let Lookup::Found(answer) = wallet.get(&query)?
        && answer.token.same_as(&secret)
        && token(&answer).is_some()
    {
        return Ok(());
    }
    let copy = Secret::copy_of(secret.expose()).into_token()?;
    let new = NewCredential { authtype: Some("Bearer".to_owned()), ..copy.into() };
    login::keep(query, new, &secret, "terraform", wire, wallet)
}
