//! Making good what is half done ([`crate::wallet::pending`]): for `rotate`, `pat create` and `doctor --repair`. What only a person
//! can do is named until it is done, or until that person says so (`rotate --settled`); nothing is taken off the list unasked, and
//! nothing is revoked that anybody could hold.

use crate::error::{Error, target};
use crate::forge::verify::{Outcome, Problem, Verdict};
use crate::remote::Realm;
use crate::wallet::manage::rotate::Finished;
use crate::wallet::manage::verify::Question;
use crate::wallet::pending::{Kind, List, Pending};
use crate::wallet::{DAY, manage};

use super::Context;
use super::network::Client;
use super::token_service::{TokenService, may_use_network, verify};

/// No token lives longer: a year, and a month for clocks.
const LONGEST_LIFE: i64 = 396 * DAY;

/// What was made good.
pub(super) struct MadeGood {
    /// In words.
    pub words: String,
    /// Whether that was all that a rotation does.
    pub rotated: bool,
}

/// Makes good what is half done and meant, and says what was done. What could not be, stays, and its error comes back.
pub(super) fn finish_pending(
    list: &List,
    is_meant: &dyn Fn(&Pending) -> bool,
    context: &mut Context<'_>,
) -> Result<Vec<MadeGood>, Error> {
    let mut said = Vec::new();
    for pending in list.read()?.into_iter().filter(is_meant) {
        let words = match pending.kind {
            Kind::Made => finish_made(list, &pending, context)?,
            Kind::Renewed => finish_renewed(list, &pending, context)?,
            Kind::ByHand => finish_by_hand(list, &pending, context)?,
        };
        said.push(words);
    }
    Ok(said)
}

fn finish_made(list: &List, pending: &Pending, context: &mut Context<'_>) -> Result<MadeGood, Error> {
    let organisation = organisation_of(pending);
    let service = service_of(pending, context)?;
    let finished = manage::rotate::finish(context.wallet, list, pending, &service)?;
    let realm = &pending.realm;
    let rotated = finished == Finished::Completed;
    let words = match finished {
        Finished::Forgotten => format!("nothing had come of the new token of {realm} that was begun"),
        Finished::RevokedNew => {
            let goes_on = manage::rotate::id_in_force_of(context.wallet, pending)?
                .map_or("", |_| "; the one in use goes on");
            format!("revoked a new token of {realm} that nobody had{goes_on}")
        }
        Finished::Completed => match &pending.old {
            Some(_) => format!("the new token of {realm} is verified, and the earlier one is revoked"),
            None => format!("the new token of {realm} is verified"),
        },
        Finished::Left => format!(
            "{organisation} has a token whose name ends with {}; keyfob does not know it to be in use here, and leaves it as it is: keyfob \
             pat list {organisation} shows it{}",
            pending.tag,
            left_behind(list, pending, &service, context)?
        ),
    };
    Ok(MadeGood { words, rotated })
}

/// The account was removed before its rotation came to its end: the token before the new one still works, and nothing else knows of
/// it any more. It stays on the list, for a person to revoke; what is to be said of it.
fn left_behind(
    list: &List,
    pending: &Pending,
    service: &TokenService<'_>,
    context: &Context<'_>,
) -> Result<String, Error> {
    let is_left = match &pending.old {
        Some(old) if manage::rotate::id_in_force_of(context.wallet, pending)?.is_none() => {
            service.works(old)?
        }
        _ => false,
    };
    if !is_left {
        list.remove(&pending.tag)?;
        return Ok(String::new());
    }
    list.replace(Pending { kind: Kind::ByHand, ..pending.clone() })?;
    Ok(format!("; {}", still_to_do(pending)))
}

/// Whether a person has done what only a person can do: the service tells.
fn finish_by_hand(list: &List, pending: &Pending, context: &mut Context<'_>) -> Result<MadeGood, Error> {
    let realm = &pending.realm;
    let is_over = |words: String, rotated: bool| {
        list.remove(&pending.tag)?;
        Ok(MadeGood { words, rotated })
    };
    if let Some(old) = &pending.old {
        let service = service_of(pending, context)?;
        if !service.works(old)? {
            return is_over(format!("the earlier token of {realm} does not work any more"), false);
        }
    } else if manage::rotate::id_in_force_of(context.wallet, pending)?
        .is_some_and(|id| Some(id) == pending.before)
    {
        return is_over(format!("no new token of {realm} came; the one before is in use"), false);
    } else if let Some(question) = manage::rotate::question_of_earlier(context.wallet, pending)? {
        may_use_network(context)?;
        if ask(&question, pending, context)? == Outcome::Refused {
            manage::rotate::destroy_earlier(context.wallet, pending)?;
            return is_over(format!("the earlier token of {realm} is not accepted any more"), true);
        }
    }
    Ok(MadeGood { words: still_to_do(pending), rotated: false })
}

/// Whether the service takes a token; of a blocked account it refuses every one, so that says nothing.
pub(super) fn ask(question: &Question, pending: &Pending, context: &Context<'_>) -> Result<Outcome, Error> {
    let allow_http = manage::select(context.wallet, &pending.realm, None)
        .is_ok_and(|selection| selection.realm.allow_http);
    let verdict = verify(question, allow_http, &Client::default(), context.environment)?;
    Ok(outcome_of(&verdict))
}

fn outcome_of(verdict: &Verdict) -> Outcome {
    match verdict.problem {
        Some(Problem::Blocked) => Outcome::Unclear,
        _ => verdict.outcome,
    }
}

/// What a person still has to do, and how to say that it is done.
pub(super) fn still_to_do(pending: &Pending) -> String {
    let Pending { realm, old, page, .. } = pending;
    let url = target(&pending.url, pending.account.as_deref());
    let place = page.as_deref().unwrap_or("the service's page");
    let how = match old {
        Some(old) => {
            let id: String = old.chars().take(8).collect();
            format!("keyfob pat revoke {} {id}, or {place}", organisation_of(pending))
        }
        None => place.to_owned(),
    };
    format!(
        "the earlier token of {realm} works until it is revoked: {how}; when it is: keyfob rotate {url} --settled"
    )
}

/// What doctor says of it: in words, and how to go on.
pub(super) fn in_words(pending: &Pending, context: &Context<'_>) -> (String, String) {
    let (realm, url) = (&pending.realm, target(&pending.url, pending.account.as_deref()));
    let since = crate::text::date(pending.since);
    let settled = format!("keyfob rotate {url} --settled");
    // The account may be gone, and then there is nothing to rotate.
    let is_held = manage::rotate::id_in_force_of(context.wallet, pending).is_ok_and(|id| id.is_some());
    if pending.kind != Kind::ByHand {
        let repair = "keyfob doctor --repair, which asks the service for once";
        let mut fix = if is_held { format!("keyfob rotate {url}; or {repair}") } else { repair.to_owned() };
        // An organisation that is gone cannot be asked any more. Clocks are wrong at times, so a person decides.
        if context.now.saturating_sub(pending.since) > LONGEST_LIFE {
            fix = format!("{fix}; or, if nothing can come of that any more: {settled}");
        }
        return (format!("a new token of {realm} was begun on {since} and is not finished"), fix);
    }
    let words =
        format!("a token of {realm} was to be replaced on {since}, and the earlier one may still work");
    let place = pending.page.as_deref().unwrap_or("the service's page");
    let way = match &pending.old {
        Some(old) => {
            format!(
                "keyfob pat revoke {} {}",
                organisation_of(pending),
                old.chars().take(8).collect::<String>()
            )
        }
        None if is_held => format!("keyfob rotate {url}, or revoke it on {place}"),
        None => format!("revoke it on {place}"),
    };
    (words, format!("{way}; when it is done: {settled}"))
}

fn organisation_of(pending: &Pending) -> &str {
    pending.realm.split_once('/').map_or("", |(_, what)| what)
}

/// The interface of the service that something half done is about.
fn service_of<'e>(pending: &Pending, context: &mut Context<'e>) -> Result<TokenService<'e>, Error> {
    let realm = Realm::from_text(&pending.realm).ok_or(Error::Changing)?;
    TokenService::begin(&realm, context)
}

/// Whether a token was renewed before its answer was lost: the old one tells.
fn finish_renewed(list: &List, pending: &Pending, context: &mut Context<'_>) -> Result<MadeGood, Error> {
    may_use_network(context)?;
    let realm = &pending.realm;
    let question = manage::rotate::question_of(context.wallet, pending, |account| {
        Some(&account.id) == pending.before.as_ref()
    })?;
    let Some(question) = question else {
        if manage::rotate::id_in_force_of(context.wallet, pending)?.is_none() {
            list.replace(Pending { kind: Kind::ByHand, ..pending.clone() })?;
            return Ok(MadeGood { words: still_to_do(pending), rotated: false });
        }
        list.remove(&pending.tag)?;
        return Ok(MadeGood { words: format!("the renewed token of {realm} is in use"), rotated: true });
    };
    let outcome = ask(&question, pending, context)?;
    match outcome {
        Outcome::Accepted => {
            list.remove(&pending.tag)?;
            let words = format!("the token of {realm} was not renewed before: it is accepted as it is");
            Ok(MadeGood { words, rotated: false })
        }
        Outcome::Refused => {
            list.remove(&pending.tag)?;
            Err(Error::NotUsable {
                what: format!("the token of {realm} was renewed, and the answer with the new one was lost"),
                hint: format!(
                    "make one by hand: keyfob add {} --open; the lost one can be revoked on the same page",
                    pending.url
                ),
            })
        }
        Outcome::Unclear => Err(Error::Service {
            what: format!("whether the token of {realm} was renewed cannot be found out now"),
            hint: format!("keyfob check {0} says why; later: keyfob rotate {0}", pending.url),
        }),
    }
}
