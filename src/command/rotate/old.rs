//! Which of a person's tokens at a service is the one in force: it will be revoked, so it is never guessed.

use clap::ArgMatches;

use crate::error::Error;
use crate::forge::lifecycle::{Token, TokenFilter, TokenId};
use crate::forge::verify::Outcome;
use crate::records::AccountRecord;
use crate::text::{date, visible};
use crate::wallet::manage;
use crate::wallet::manage::add::Planned;
use crate::wallet::manage::rotate::Service as _;

use super::super::token_service::{TokenService, one_of};
use super::super::{Context, text};

/// The service's own description of the token in force. Which one that is, is never guessed: it will be revoked.
pub(super) fn the_old_one(
    service: &TokenService<'_>,
    organisation: &str,
    account: &AccountRecord,
    planned: &Planned,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<Option<Token>, Error> {
    let listed = || {
        let mut all = service.all(TokenFilter::Active)?;
        all.extend(service.all(TokenFilter::Expired)?);
        Ok::<_, Error>(all)
    };
    let url = &planned.url;
    if let Some(word) = text(matches, "pat") {
        return its_own(one_of(&listed()?, word, organisation)?, account, url, context).map(Some);
    }
    let keep_old = matches.get_flag("keep-old");
    if let Some(id) = account.service_id.as_deref().and_then(TokenId::parse) {
        return match service.look_up(&id)? {
            None if keep_old => Ok(None),
            None => gone(id, service, account, planned, context).map(Some),
            found => Ok(found),
        };
    }
    if keep_old {
        return Ok(None);
    }
    let all = listed()?;
    let what = format!(
        "which of your {} tokens in {organisation} this is, is not known: keyfob did not make it",
        all.len()
    );
    if !context.terminal.capabilities.can_ask() {
        return Err(Error::usage(
            what,
            "say it with --pat NAME (keyfob pat list ORG shows them), or keep the old one: --keep-old --for git",
        ));
    }
    context.terminal.note(&what);
    for token in &all {
        let end = token.expires.map(date).unwrap_or_default();
        let id: String = token.id.as_str().chars().take(8).collect();
        context.terminal.note(&format!("{id}  {}  {end}", visible(&token.name)));
    }
    let word = context.terminal.question("its name or id: ")?;
    its_own(one_of(&all, &word, organisation)?, account, url, context).map(Some)
}

/// What a person says is the old one, unless the wallet knows better: it will be revoked.
fn its_own(token: &Token, account: &AccountRecord, url: &str, context: &Context<'_>) -> Result<Token, Error> {
    let id = token.id.as_str();
    let held = manage::rotate::service_ids(context.wallet, url)?.into_iter().find(|(held, _)| held == id);
    let elsewhere = held.filter(|(_, name)| *name != account.name).map(|(_, name)| {
        format!(
            "the wallet holds \"{}\" for the account {}",
            visible(&token.name),
            name.unwrap_or("-".to_owned())
        )
    });
    let another = account.service_id.as_deref().filter(|known| *known != id);
    let another = another.map(|known| format!("the wallet knows that the old one is {known}"));
    match elsewhere.or(another) {
        Some(what) => {
            Err(Error::usage(what, "leave --pat out; keyfob pat revoke ORG TOKEN revokes another one"))
        }
        None => Ok(token.clone()),
    }
}

/// The old one is unknown to the service. Only if it is not accepted any more is it gone; else somebody else is signed in, whose
/// new token would take the place of another person's.
fn gone(
    id: TokenId,
    service: &TokenService<'_>,
    account: &AccountRecord,
    planned: &Planned,
    context: &mut Context<'_>,
) -> Result<Token, Error> {
    let subjects = manage::verify::subjects(context.wallet, Some(&planned.url), account.name.as_deref())?;
    let subject = subjects.into_iter().find(|subject| subject.account == account.name);
    let question = subject.ok_or(Error::Changing)?.question?;
    if service.verify(&question)?.outcome != Outcome::Refused {
        return Err(Error::usage(
            format!(
                "{} knows no such token of yours, and still takes it: it is another person's",
                planned.realm
            ),
            "sign in as its owner; or make one of your own beside it: keyfob pat create ORG --for git --account NAME",
        ));
    }
    context.terminal.note("the old one is revoked already; the new one is for what is recorded of it");
    Ok(Token {
        id,
        name: "keyfob".to_owned(),
        scopes: account.scopes.clone(),
        created: None,
        expires: None,
        global: false,
    })
}
