//! Tokens of which the service's name is known, and those that were revoked: what the record says of them.

use crate::error::{Error, RejectionReason};
use crate::forge::lifecycle::TokenId;
use crate::records::{AccountRecord, Expiry, Rejection, RejectionState, SetAside, Source};
use crate::wallet::LocalWallet;
use crate::wallet::manage::add::{Planned, is_same};
use crate::wallet::manage::edit::bring_forward;
use crate::wallet::manage::rotate::{account_of_pending, group_of_pending};
use crate::wallet::manage::select::select;
use crate::wallet::manage::verify::global_end;
use crate::wallet::pending::Pending;
use crate::wallet::secrets::destroy;

/// Notes the service's name for the token in force, where none is known and it still is the one that is held by this id.
pub(super) fn record_service_id(
    wallet: &LocalWallet<'_>,
    planned: &Planned,
    id: &TokenId,
    held: Option<&str>,
) -> Result<(), Error> {
    wallet.records.change(&planned.group, |group| {
        let realm = group.realms.iter_mut().find(|realm| realm.realm == planned.realm.as_str());
        let accounts = realm.map(|realm| &mut realm.accounts).into_iter().flatten();
        let mut found = accounts.filter(|account| {
            is_same(account, planned) && account.service_id.is_none() && Some(account.id.as_str()) == held
        });
        let found = found.next();
        let write = found.is_some();
        if let Some(account) = found {
            account.service_id = Some(id.as_str().to_owned());
        }
        Ok(((), write))
    })
}

/// The service's names for the tokens in force of a place, with their accounts.
///
/// # Errors
/// Those of reading.
pub fn service_ids(wallet: &LocalWallet<'_>, place: &str) -> Result<Vec<(String, Option<String>)>, Error> {
    let accounts = match select(wallet, place, None) {
        Ok(selection) => selection.accounts,
        Err(Error::NoSuchCredential { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(accounts.into_iter().filter_map(|account| Some((account.service_id?, account.name))).collect())
}

/// Keeps the end of a token, as the service says it. Returns whether it is one of the wallet's.
///
/// # Errors
/// Those of reading and writing.
pub fn record_expiry(
    wallet: &LocalWallet<'_>,
    place: &str,
    service_id: &str,
    at: i64,
) -> Result<bool, Error> {
    change_where(wallet, place, &is_known_as(service_id), &|account| {
        account.expires = Some(Expiry { at, certain: true });
        account.hinted = None;
    })
}

/// Whether the token in force is not handed out any more.
pub(super) fn is_rejected(wallet: &LocalWallet<'_>, planned: &Planned) -> Result<bool, Error> {
    let group = wallet.records.read(&planned.group)?;
    let realm = group.realms.iter().find(|realm| realm.realm == planned.realm.as_str());
    let account = realm.and_then(|realm| realm.accounts.iter().find(|account| is_same(account, planned)));
    let all = account.and_then(|account| account.rejections.get("*"));
    Ok(all.is_some_and(|rejection| rejection.state == RejectionState::Rejected))
}

/// Keeps that a token is for all organisations, by what it is known here: then it ends when those do, at `end`.
///
/// # Errors
/// Those of reading and writing.
pub fn record_global_expiry(
    wallet: &LocalWallet<'_>,
    place: &str,
    end: i64,
    is_match: &dyn Fn(&AccountRecord) -> bool,
) -> Result<bool, Error> {
    change_where(wallet, place, is_match, &|account| account.expires = Some(global_end(account.expires, end)))
}

/// Hands a token out no more, also if it is set aside: it was revoked. Returns whether it is one of the wallet's.
///
/// # Errors
/// Those of reading and writing.
pub fn reject(wallet: &LocalWallet<'_>, place: &str, service_id: &str) -> Result<bool, Error> {
    let rejection = Rejection::final_at(wallet.now, RejectionReason::Revoked);
    let is_aside = |aside: &SetAside| aside.service_id.as_deref() == Some(service_id);
    let is_in_force = is_known_as(service_id);
    let holds = |account: &AccountRecord| is_in_force(account) || account.set_aside.iter().any(is_aside);
    change_where(wallet, place, &holds, &|account| {
        if is_in_force(account) {
            account.rejections.insert("*".to_owned(), rejection);
        }
        for aside in account.set_aside.iter_mut().filter(|aside| is_aside(aside)) {
            aside.revoked = true;
        }
    })
}

fn change_where(
    wallet: &LocalWallet<'_>,
    place: &str,
    is_match: &dyn Fn(&AccountRecord) -> bool,
    change: &dyn Fn(&mut AccountRecord),
) -> Result<bool, Error> {
    let selection = match select(wallet, place, None) {
        Ok(selection) => selection,
        Err(Error::NoSuchCredential { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    wallet.records.change(&selection.group, |group| {
        let mut found = false;
        for account in group.accounts_mut().filter(|account| is_match(account)) {
            change(account);
            found = true;
        }
        Ok((found, found))
    })
}

pub(super) fn destroy_aside(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
    service_id: &str,
) -> Result<(), Error> {
    destroy_aside_where(wallet, pending, |aside| aside.service_id.as_deref() == Some(service_id))
}

/// Puts what was in force before in force again, if the new token still is. Whatever tools said of the new one meanwhile was
/// not about this one. Where there is nothing to put back, the new one is handed out no more. Returns whether there was.
pub(super) fn restore_earlier(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
    new: &TokenId,
) -> Result<bool, Error> {
    wallet.records.change(&group_of_pending(wallet, pending)?, |group| {
        let realms = group.realms.iter_mut().filter(|realm| realm.realm == pending.realm);
        let mut accounts = realms.flat_map(|realm| &mut realm.accounts);
        let account = accounts.find(|account| {
            account.source == Source::Person
                && account.name == pending.account
                && account.service_id.as_deref() == Some(new.as_str())
        });
        let Some(account) = account else { return Ok((false, false)) };
        let is_before = |aside: &SetAside| Some(&aside.id) == pending.before.as_ref();
        let before = account.set_aside.iter().position(is_before);
        account.rejections.clear();
        match before {
            Some(at) => bring_forward(account, at, wallet.now),
            None => {
                let refused = Rejection::final_at(wallet.now, RejectionReason::Refused);
                account.rejections.insert("*".to_owned(), refused);
            }
        }
        Ok((before.is_some(), true))
    })
}

/// Takes an account out whose only token is revoked: it was made for that, and nobody ever had it. The secret goes first, or a
/// crash would leave one without a record, which `doctor --repair` would put in force.
pub(super) fn remove_revoked(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
    new: &TokenId,
) -> Result<(), Error> {
    let (realm, at) = account_of_pending(wallet, pending)?;
    let Some((realm, at)) = realm.zip(at) else { return Ok(()) };
    let account = &realm.accounts[at];
    if account.service_id.as_deref() == Some(new.as_str()) && account.set_aside.is_empty() {
        let dead = (account.store.clone(), realm.key(account)?);
        // With the secret gone, the account goes, too. What cannot be destroyed now stays, and is not handed out.
        let _ = destroy(wallet, &group_of_pending(wallet, pending)?, &[dead]);
    }
    Ok(())
}

/// Destroys what is set aside and was revoked: nobody will want it back.
pub(super) fn destroy_aside_where(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
    is_dead: impl Fn(&SetAside) -> bool,
) -> Result<(), Error> {
    let name = group_of_pending(wallet, pending)?;
    let dead = wallet.records.change(&name, |group| {
        let mut dead = Vec::new();
        for realm in group.realms.iter_mut().filter(|realm| realm.realm == pending.realm) {
            for account in realm.accounts.iter().filter(|account| account.name == pending.account) {
                for aside in account.set_aside.iter().filter(|aside| is_dead(aside)) {
                    dead.push((aside.store.clone(), realm.key_of(account, &aside.id)?));
                }
            }
            for account in realm.accounts.iter_mut().filter(|account| account.name == pending.account) {
                account.set_aside.retain(|aside| !is_dead(aside));
            }
        }
        let write = !dead.is_empty();
        Ok((dead, write))
    })?;
    // What cannot be destroyed now is an orphan, which doctor finds.
    let _ = destroy(wallet, &name, &dead);
    Ok(())
}

fn is_known_as(service_id: &str) -> impl Fn(&AccountRecord) -> bool {
    move |account| account.service_id.as_deref() == Some(service_id)
}
