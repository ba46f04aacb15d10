//! `keyfob run` by variable: a token in the environment of the command, for the places that the user names. Which variables a tool
//! reads is in its record ([`Profile`]); which token belongs to which place is the wallet's decision, for each place by itself.
//! Nothing is started unless every place has its token.

use crate::error::{Error, NoCredential};
use crate::forge::Need;
use crate::tool::profile::render::{AnsweredEndpoint, Setting, checked, described, settings};
use crate::tool::profile::{Endpoint, Form, Profile};
use crate::tool::{self, Tool};
use crate::wallet::get::get_account;
use crate::wallet::{Credential, Lookup, Query, Wallet as _, manage};

use super::super::{Context, place};

/// The tools that have variables.
pub(super) fn profiles() -> impl Iterator<Item = (&'static Tool, &'static Profile)> + Clone {
    tool::ALL.iter().filter_map(|tool| Some((*tool, tool.profile?)))
}

/// What the profiles of these names set for these places.
pub(super) fn of_profiles(
    named: &[&str],
    places: &[&str],
    account: Option<&str>,
    context: &mut Context<'_>,
) -> Result<Vec<Setting>, Error> {
    let endpoints = places.iter().map(|text| named_place(text)).collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::new();
    for (tool, profile) in profiles().filter(|(tool, _)| named.contains(&tool.name)) {
        let mut wanted = Vec::new();
        for endpoint in endpoints.clone() {
            let answer = look(&endpoint, tool.need, account, context)?;
            wanted.push(AnsweredEndpoint { endpoint, answer });
        }
        all.extend(settings(tool.name, profile, &wanted, context.environment)?);
    }
    Ok(all)
}

/// `[NAME=]URL`.
fn named_place(text: &str) -> Result<Endpoint, Error> {
    match text.split_once('=').filter(|(name, _)| !name.contains([':', '/']) && !name.is_empty()) {
        Some((name, url)) => Endpoint::new(Some(name), url),
        None => Endpoint::new(None, text),
    }
}

/// `NAME=[FORM:]URL`.
pub(super) fn of_ones_own(
    text: &str,
    account: Option<&str>,
    context: &mut Context<'_>,
) -> Result<Setting, Error> {
    let usage = || Error::usage("--env wants a name and a URL", "keyfob run --env NAME=URL -- COMMAND");
    let (name, rest) = text.split_once('=').ok_or_else(usage)?;
    let (form, url) = rest
        .split_once(':')
        .and_then(|(word, url)| Some((Form::named(word)?, url)))
        .unwrap_or((Form::Token, rest));
    let (remote, user) = place(context, url)?;
    let endpoint = Endpoint { name: None, url: remote.to_string(), remote, user };
    let answer = look(&endpoint, Need::Anything, account, context)?;
    let value = form.value(&answer, &endpoint.url)?;
    checked(Setting { name: name.to_owned(), value, words: described(form, &answer) })
}

/// The token of a place.
///
/// # Errors
/// That there is none.
pub(super) fn look(
    endpoint: &Endpoint,
    need: Need,
    account: Option<&str>,
    context: &mut Context<'_>,
) -> Result<Box<Credential>, Error> {
    let query = Query {
        user: endpoint.user.clone().filter(|_| account.is_none()),
        stderr_is_terminal: context.terminal.capabilities.stderr,
        ..Query::new("keyfob", endpoint.remote.clone(), need)
    };
    let mut found = context.wallet.get(&query)?;
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
            Ok(answer)
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
