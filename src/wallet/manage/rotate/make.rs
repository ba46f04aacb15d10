//! A token that the service makes: it is stored, verified as the store gives it back, and only then the old one is revoked. What
//! was left half done is made good the same way. Deliberately absent: what is next after a crash, which the list tells
//! ([`pending::next`]).

use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::forge::lifecycle::{Created, TokenId, TokenRequest};
use crate::forge::verify::{Outcome, Verdict};
use crate::records::AccountRecord;
use crate::remote::Remote;
use crate::wallet::LocalWallet;
use crate::wallet::manage::add::{Added, Issued, Planned, add};
use crate::wallet::manage::rotate::service_id::{
    destroy_aside, is_rejected, record_service_id, remove_revoked, restore_earlier,
};
use crate::wallet::manage::rotate::tag::{new_tag, tagged};
use crate::wallet::manage::rotate::{
    Failed, Service, about, account_of_pending, group_of_pending, id_in_force, not_shown, question_of,
};
use crate::wallet::manage::verify::apply_verdict;
use crate::wallet::pending::{self, Kind, List, Next, Now, Pending};
use crate::wallet::secrets::store_for_new;

/// What is to be made.
pub struct Making {
    /// The account that gets the token.
    pub planned: Planned,
    /// The token; a tag is put behind its name.
    pub order: TokenRequest,
    /// The one that is to be revoked at the end.
    pub old: Option<TokenId>,
    /// The id of the secret that `old` was found for. Another one that came meanwhile is not it.
    pub held: Option<String>,
    /// Whether it is verified.
    pub verify: bool,
}

/// What was made.
pub struct Done {
    /// Its name at the service.
    pub name: String,
    /// When it expires, in Unix seconds.
    pub expires: Option<i64>,
    /// What the wallet did.
    pub added: Added,
    /// Whether the old one was revoked.
    pub revoked: bool,
    /// Whether the one before was refused, or revoked by hand, before this one was made.
    pub was_refused: bool,
    /// What is still to be done, and why; the new token is in use all the same.
    pub unfinished: Option<Error>,
}

/// How something half done was made good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Nothing had come of it.
    Forgotten,
    /// A new token that nobody had was revoked.
    RevokedNew,
    /// The new token is in use and verified, the old one revoked.
    Completed,
    /// A new token is left as it is: somebody may have it. It is still on the list.
    Left,
}

/// That the store for new tokens answers now, and whether it was chosen for that. What it does not take later is revoked
/// again, so no more is tried: what was tried and left by a crash would look like a token without a record.
fn check_store(wallet: &LocalWallet<'_>, planned: &Planned) -> Result<bool, Error> {
    let chosen = store_for_new(wallet)?;
    let account = Account::from_name(planned.wish.account.as_deref());
    let key = Key { realm: planned.realm.clone(), account, id: Id::random()? };
    wallet.stores.open(chosen.name)?.get(&key)?;
    Ok(chosen.chosen_now)
}

/// Makes a token, stores it, verifies it, and revokes the old one. Only within [`List::alone`].
///
/// # Errors
/// Until the new token is in use, and then nothing has changed; later ones are in [`Done::unfinished`].
pub fn make(
    wallet: &LocalWallet<'_>,
    list: &List,
    making: Making,
    service: &dyn Service,
) -> Result<Done, Error> {
    let Making { mut planned, mut order, old, held, verify } = making;
    let chosen_now = check_store(wallet, &planned)?;
    let before = id_in_force(wallet, &planned)?;
    let was_refused = is_rejected(wallet, &planned)?;
    if let Some(old) = &old {
        if before != held {
            return Err(Error::Changing);
        }
        record_service_id(wallet, &planned, old, held.as_deref())?;
    }
    let tag = new_tag()?;
    order.name = tagged(&order.name, &tag);
    let pending = Pending {
        old: old.as_ref().map(|old| old.as_str().to_owned()),
        ..about(&planned, tag.clone(), Kind::Made, before, wallet.now)
    };
    list.add(pending.clone())?;
    let made = service.create(&order).and_then(|made| match made {
        Created { secret: Some(token), id: Some(id), name, scopes, expires } => {
            Ok((token, id, name, scopes, expires))
        }
        _ => Err(not_shown(&planned.url)),
    });
    let (token, new, name, scopes, expires) = match made {
        Ok(made) => made,
        Err(Failed { error, nothing_happened }) => {
            if nothing_happened {
                list.remove(&tag)?;
            }
            return Err(error);
        }
    };
    planned.wish.scopes = scopes;
    planned.wish.issued = Some(Issued { id: Some(new.as_str().to_owned()), expires });
    let added = match add(wallet, &planned, token) {
        Ok(added) => Added { chosen_now: added.chosen_now || chosen_now, ..added },
        Err(error) => {
            // Writing may fail after the record is in place (its folder could not be synced): only what was in force before and
            // still is says that nobody has the new one. If that cannot be told, or it cannot be revoked now, the list knows.
            let unused = id_in_force(wallet, &planned).is_ok_and(|now| now == pending.before);
            if unused && service.revoke(&new).is_ok() {
                list.remove(&tag)?;
            }
            return Err(error);
        }
    };
    let mut done = Done { name, expires, added, revoked: false, was_refused, unfinished: None };
    match complete(wallet, list, &pending, &new, verify, service) {
        Ok(revoked) => done.revoked = revoked,
        Err(Stop::Later(error)) => done.unfinished = Some(error),
        Err(Stop::Refused) => return Err(undo(wallet, list, &pending, &new, service)?),
    }
    Ok(done)
}

/// The service does not take the token that it made: the earlier one is in use again; where there is none, the new one is out
/// of the wallet, or at least not handed out. Returns what is to be said.
fn undo(
    wallet: &LocalWallet<'_>,
    list: &List,
    pending: &Pending,
    new: &TokenId,
    service: &dyn Service,
) -> Result<Error, Error> {
    let earlier = restore_earlier(wallet, pending, new)?;
    // It is of no use to anybody; if it cannot be revoked, it ends by itself.
    let revoked = service.revoke(new).is_ok();
    if revoked {
        destroy_aside(wallet, pending, new.as_str())?;
        remove_revoked(wallet, pending, new)?;
    }
    list.remove(&pending.tag)?;
    Ok(refused(pending, earlier, revoked))
}

/// From the new token in force to the end. Returns whether an old one was revoked.
fn complete(
    wallet: &LocalWallet<'_>,
    list: &List,
    pending: &Pending,
    new: &TokenId,
    verify: bool,
    service: &dyn Service,
) -> Result<bool, Stop> {
    if verify {
        verify_new(wallet, pending, new, service)?;
    }
    let old = pending.old.as_deref().and_then(TokenId::parse).filter(|old| old != new);
    if let Some(old) = &old {
        service
            .revoke(old)
            .map_err(|error| Stop::Later(unfinished("the old one is not revoked yet", &error, pending)))?;
        destroy_aside(wallet, pending, old.as_str()).map_err(Stop::Later)?;
    }
    list.remove(&pending.tag).map_err(Stop::Later)?;
    Ok(old.is_some())
}

/// Asks about the token as the store gives it back, so that this is verified, too.
fn verify_new(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
    new: &TokenId,
    service: &dyn Service,
) -> Result<(), Stop> {
    let later = |error: &Error| Stop::Later(unfinished("it could not be verified", error, pending));
    let question =
        question_of(wallet, pending, |account| account.service_id.as_deref() == Some(new.as_str()));
    let question = question.map_err(|error| later(&error))?;
    let Some(question) = question else { return Ok(()) };
    let Some(request) = &question.request else { return Ok(()) };
    let verdict = service.verify(&question).map_err(|error| later(&error))?;
    let host = Remote::from_url(&request.url).map(|(remote, _)| remote.authority()).unwrap_or_default();
    match verdict.outcome {
        // Tools may have been faster than the service with its own news.
        Outcome::Accepted => {
            let group = group_of_pending(wallet, pending).map_err(Stop::Later)?;
            let is_new = |realm: &str, account: &AccountRecord| {
                realm == pending.realm && account.service_id.as_deref() == Some(new.as_str())
            };
            apply_verdict(wallet, &group, &verdict, is_new).map(drop).map_err(Stop::Later)
        }
        Outcome::Unclear => {
            Err(later(&Error::Service { what: in_the_way(&verdict, &host), hint: String::new() }))
        }
        Outcome::Refused => Err(Stop::Refused),
    }
}

/// Makes good what is half done ([`Kind::Made`]). Only within [`List::alone`].
///
/// # Errors
/// Then it stays on the list.
pub fn finish(
    wallet: &LocalWallet<'_>,
    list: &List,
    pending: &Pending,
    service: &dyn Service,
) -> Result<Finished, Error> {
    let made = service.find(&pending.tag)?;
    let made = made.as_ref().map(|token| &token.id);
    let next = {
        let (realm, account) = account_of_pending(wallet, pending)?;
        let account = account.and_then(|at| Some(&realm.as_ref()?.accounts[at]));
        let is_new = |id: &Option<String>| id.as_deref() == made.map(TokenId::as_str);
        let now = Now {
            in_force: account.map(|account| account.id.as_str()),
            service_id: account.and_then(|account| account.service_id.as_deref()),
            is_aside: account.is_some_and(|a| a.set_aside.iter().any(|aside| is_new(&aside.service_id))),
        };
        pending::next(pending, made.map(TokenId::as_str), &now)
    };
    let finished = match (next, made) {
        (Next::Forget, _) | (_, None) => Finished::Forgotten,
        (Next::Leave, Some(_)) => Finished::Left,
        (Next::RevokeNew, Some(new)) => {
            service.revoke(new)?;
            Finished::RevokedNew
        }
        (Next::Finish, Some(new)) => {
            return match complete(wallet, list, pending, new, true, service) {
                Ok(_) => Ok(Finished::Completed),
                Err(Stop::Later(error)) => Err(error),
                Err(Stop::Refused) => Err(undo(wallet, list, pending, new, service)?),
            };
        }
    };
    // What is left is for the caller to say, and then to take off.
    if finished != Finished::Left {
        list.remove(&pending.tag)?;
    }
    Ok(finished)
}

/// Why the way to the end stopped.
enum Stop {
    /// It goes on later; the new token is in use.
    Later(Error),
    /// The service does not take the new token.
    Refused,
}

/// That the service does not take what it made, and what became of that.
fn refused(pending: &Pending, earlier: bool, revoked: bool) -> Error {
    let Pending { realm, url, .. } = pending;
    let organisation = realm.split_once('/').map_or("", |(_, what)| what);
    let became = match (earlier, revoked) {
        (_, true) => "it is revoked and out of the wallet",
        (true, false) => "it could not be revoked, and is set aside",
        (false, false) => "it could not be revoked, and is kept, but not handed out",
    };
    let hint = match (earlier, revoked) {
        (true, true) => format!("what was in use before is again; keyfob check {url} asks about it"),
        (true, false) => format!(
            "what was in use before is again; keyfob pat list {organisation} shows the new one, whose name ends with {}",
            pending.tag
        ),
        (false, true) => format!("make one by hand: keyfob add {url} --open"),
        (false, false) => {
            format!("keyfob check {url} asks again; keyfob pat revoke {organisation} revokes it")
        }
    };
    Error::Service {
        what: format!("the service does not take the token that it has just made for {realm}; {became}"),
        hint,
    }
}

/// Why a service did not clearly say yes or no.
fn in_the_way(verdict: &Verdict, host: &str) -> String {
    let problem = verdict.problem.as_ref().map(|problem| problem.words(host));
    problem.unwrap_or_else(|| "the service gave no clear answer".to_owned())
}

fn unfinished(what: &str, error: &Error, pending: &Pending) -> Error {
    Error::Service {
        what: format!("the new token of {} is in use, but {what}: {error}", pending.realm),
        hint: format!("keyfob rotate {} goes on from there, and so does keyfob doctor --repair", pending.url),
    }
}
