//! A rotation by hand: a person makes the new token on the service's page, and revokes the earlier one there where the service has no
//! other way. From before the new token takes its place until that person has heard of the earlier one, it is on the list of what is
//! half done. Nothing is revoked without a yes.

use clap::ArgMatches;

use crate::error::{Error, target};
use crate::forge::verify::Outcome;
use crate::records::AccountRecord;
use crate::text::date;
use crate::wallet::manage;
use crate::wallet::manage::add::{AddRequest, Change, Planned};
use crate::wallet::pending::{Kind, List, Pending};

use super::super::network::Client;
use super::super::resume::{ask, still_to_do};
use super::super::{Context, add, browser, network, text, time};

/// Whether it is a person's to finish.
pub(super) fn is_it(pending: &Pending) -> bool {
    pending.kind == Kind::ByHand && pending.old.is_none()
}

pub(super) fn on_its_page(
    list: &List,
    mut planned: Planned,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let force = matches.get_flag("force");
    planned.wish.expires = text(matches, "expires").map(|text| time::end(text, context.now)).transpose()?;
    let person = context.terminal.capabilities.can_ask() && !matches.get_flag("no-open");
    let open = matches.get_flag("open") || (person && browser::is_at_hand(context.environment));
    add::show_page(&planned, matches, open, context);
    let secret = add::read_token(&planned, context).map_err(|error| match error {
        Error::Token { ref why } if why.ends_with("empty") => Error::usage(
            error.to_string(),
            format!("keyfob rotate {} --by-hand asks again, or through a pipe: < FILE", planned.url),
        ),
        other => other,
    })?;
    add::look_at(&secret, &mut planned, force, context)?;
    let offline = matches.get_flag("unchecked") || network::is_offline(context.environment);
    let (secret, answer) =
        if offline { (secret, add::Asked::Not) } else { add::ask(secret, &planned, force, context)? };
    let wallet = context.wallet;
    let (added, pending) = list.alone(|| {
        let before = manage::rotate::id_in_force(wallet, &planned)?;
        let before = before.filter(|_| !matches.get_flag("keep-old"));
        let pending =
            before.map(|before| manage::rotate::pending_by_hand(wallet, &planned, &before)).transpose()?;
        if let Some(pending) = &pending {
            list.add(pending.clone())?;
        }
        let added = manage::add(wallet, &planned, secret);
        if let Some(pending) = &pending
            && manage::rotate::id_in_force(wallet, &planned).is_ok_and(|now| now == pending.before)
        {
            list.remove(&pending.tag)?;
        }
        Ok((added?, pending))
    })?;
    if added.change == Change::Same {
        return Err(Error::usage(
            format!("that is the token that {} holds already", added.realm),
            "make a new one on the service's page; --open opens it",
        ));
    }
    if let add::Asked::Told(verdict, _) = &answer {
        manage::verify::record_verdict_of_new(context.wallet, &planned, verdict)?;
    }
    context.terminal.note(&format!("the new token of {} is in the {} store", added.realm, added.store));
    add::say_what_was_told(&planned, &answer, context);
    let verified = matches!(&answer, add::Asked::Told(verdict, _) if verdict.outcome == Outcome::Accepted);
    match pending {
        Some(pending) => offer_revocation(list, &planned, &pending, verified, matches, context),
        None => Ok(()),
    }
}

/// The old one still works. Where it can be revoked by showing it, that is offered; else its page is named. Whoever has heard that is
/// not told again.
fn offer_revocation(
    list: &List,
    planned: &Planned,
    pending: &Pending,
    verified: bool,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let page = planned.token_page.as_deref().unwrap_or("the service's page");
    let by_page = format!("the earlier one is set aside and works until it is revoked: {page}");
    let wallet = context.wallet;
    let told = |context: &mut Context<'_>| {
        context.terminal.note(&by_page);
        list.take_off(&pending.tag)
    };
    let question = manage::rotate::question_of_earlier(wallet, pending)?;
    let request =
        question.as_ref().zip(planned.forge.lifecycle.revocation).and_then(|(question, revocation)| {
            Some((question, revocation, manage::verify::request_for(wallet, question, revocation.request)?))
        });
    let Some((question, revocation, request)) = request.filter(|_| verified) else { return told(context) };
    let wanted = matches.get_flag("yes")
        || (context.terminal.capabilities.can_ask()
            && context.terminal.confirm("revoke the earlier token? It cannot be taken back")?);
    if !wanted {
        return told(context);
    }
    let way = network::route(&request.url, planned.wish.allow_http, context.environment)?;
    let answer = Client::default().send(&request, &question.token, &way);
    match answer {
        Ok(answer) if (revocation.done)(&answer) => {
            manage::rotate::destroy_earlier(wallet, pending)?;
            list.take_off(&pending.tag)?;
            context.terminal.note("the earlier one is revoked");
            return Ok(());
        }
        Ok(answer) => {
            context.terminal.note(&format!("the service did not revoke the earlier one ({})", answer.status));
        }
        Err(error) => context.terminal.error(&error),
    }
    // It was to be revoked and is not, so it stays on the list.
    context.terminal.note(&still_to_do(pending));
    Ok(())
}

/// Finishes an earlier rotation by hand of this account. Returns whether that is all for now: who pipes a new token in, or has to
/// look after the earlier one elsewhere, is not held up by it.
pub(super) fn resume(
    list: &List,
    account: &AccountRecord,
    planned: &Planned,
    matches: &ArgMatches,
    context: &mut Context<'_>,
) -> Result<bool, Error> {
    let about_it = |pending: &Pending| {
        pending.realm == planned.realm.as_str() && pending.account == account.name && is_it(pending)
    };
    let mut done = false;
    for pending in list.read()?.into_iter().filter(about_it) {
        let remove = || list.take_off(&pending.tag);
        if manage::rotate::id_in_force_of(context.wallet, &pending)? == pending.before {
            // No new one came.
            remove()?;
            continue;
        }
        let earlier = manage::rotate::question_of_earlier(context.wallet, &pending)?;
        let Some(earlier) = earlier.filter(|_| !network::is_offline(context.environment)) else {
            context.terminal.note(&still_to_do(&pending));
            continue;
        };
        if ask(&earlier, &pending, context)? == Outcome::Refused {
            manage::rotate::destroy_earlier(context.wallet, &pending)?;
            remove()?;
            context.terminal.note("the earlier one is not accepted any more");
        } else {
            let new = manage::rotate::question_of(context.wallet, &pending, |_| true)?;
            let new = new.map(|new| ask(&new, &pending, context)).transpose()?;
            let verified = new == Some(Outcome::Accepted);
            offer_revocation(list, planned, &pending, verified, matches, context)?;
        }
        done = true;
    }
    if done && context.terminal.capabilities.stdin {
        context.terminal.note(&format!(
            "so the rotation that was begun before is finished; keyfob rotate {} once more makes another token",
            target(&planned.url, account.name.as_deref())
        ));
    }
    Ok(done && context.terminal.capabilities.stdin)
}

/// `--settled`: a person says that what is half done at a place is done, or need not be. The account may be gone.
pub(super) fn settle(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let (place, account) = (text(matches, "URL").unwrap_or_default(), text(matches, "account"));
    let planned = super::super::place(context, place).and_then(|(remote, user)| {
        manage::plan(context.wallet, AddRequest { allow_http: true, ..AddRequest::new(remote, user) })
    });
    let is_meant = |pending: &Pending| {
        let here = pending.realm == place
            || pending.url.trim_end_matches('/') == place.trim_end_matches('/')
            || planned.as_ref().is_ok_and(|planned| planned.realm.as_str() == pending.realm);
        here && account.is_none_or(|name| pending.account.as_deref().unwrap_or("-") == name)
    };
    let list = List::new(&context.data);
    let found: Vec<Pending> = list.read()?.into_iter().filter(is_meant).collect();
    if found.is_empty() {
        return Err(Error::NoSuchCredential {
            what: "nothing is half done there".to_owned(),
            hint: Some("keyfob doctor names what is".to_owned()),
        });
    }
    for pending in found {
        let what = match pending.kind {
            Kind::Made => format!("a token of {} whose name ends with {}", pending.realm, pending.tag),
            Kind::Renewed | Kind::ByHand => format!("the earlier token of {}", pending.realm),
        };
        let question = format!("speak no more of {what}, which was begun on {}?", date(pending.since));
        context.terminal.agree(&question, matches.get_flag("yes"))?;
        list.take_off(&pending.tag)?;
        context.terminal.note(&format!("{what} is not spoken of any more; nothing was revoked"));
    }
    Ok(())
}
