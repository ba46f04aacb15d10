//! What a person asked a tool for (R7, last sentence): `docker logout`, `cargo logout` and their like. Unlike an erase, which
//! reports a refusal, it means what it says: what tools stored is destroyed. What a person added is set aside for the tools of
//! this need and can be restored, because it was shown only once and other tools use it too.

use crate::error::{Error, RejectionReason, target};
use crate::records::{AccountRecord, Group, Rejection, RejectionState, Source};

use super::choose::{choose, is_match};
use super::resolve::{RealmMatch, match_realm, resolve};
use super::secrets::{destroy, payload, secrets_of};
use super::{LocalWallet, LoggedOut, Query};

/// Records first, secrets after: a crash in between leaves secrets that nothing refers to, which `doctor` finds.
pub(super) fn logout(wallet: &LocalWallet<'_>, query: &Query) -> Result<LoggedOut, Error> {
    let Some((group, meant)) = matching_ids(wallet, query, |_| true)? else {
        return Ok(LoggedOut::default());
    };
    let (done, secrets) = wallet.records.change(&group, |group| {
        let mut done = LoggedOut::default();
        let mut secrets = Vec::new();
        for realm in &mut group.realms {
            let gone = |a: &AccountRecord| a.source == Source::Tool && meant.contains(&a.id);
            for account in realm.accounts.iter().filter(|account| gone(account)) {
                secrets.extend(secrets_of(realm, account)?);
                done.destroyed += 1;
            }
            realm.accounts.retain(|account| !gone(account));
            for account in realm.accounts.iter_mut().filter(|account| meant.contains(&account.id)) {
                if reject(account, query, wallet.now, RejectionReason::LoggedOut) {
                    done.set_aside = Some(target(&realm.url, account.name.as_deref()));
                }
            }
        }
        let changed = done != LoggedOut::default();
        Ok(((done, secrets), changed))
    })?;
    // What a store could not destroy is told; nothing hands it out any more.
    destroy(wallet, &group, &secrets).into_iter().next().map_or(Ok(done), Err)
}

/// A tool that knows one login for a place, and no user names to choose by, has a new one: the other pairs that tools
/// stored there stop answering its need. Nothing is destroyed, and for other needs nothing changes.
pub(super) fn displace(wallet: &LocalWallet<'_>, query: &Query) -> Result<(), Error> {
    let others = Query { user: None, ..query.clone() };
    let need = query.need.as_str();
    let is_other = |account: &AccountRecord| {
        account.source == Source::Tool && account.name != query.user && account.rejection_for(need).is_none()
    };
    let Some((group, meant)) = matching_ids(wallet, &others, is_other)? else { return Ok(()) };
    wallet.records.change(&group, |group| {
        let meant = group.accounts_mut().filter(|account| meant.contains(&account.id));
        let changed = meant
            .map(|account| reject(account, query, wallet.now, RejectionReason::Replaced))
            .filter(|&changed| changed);
        Ok(((), changed.count() > 0))
    })
}

/// The group, and the ids of the accounts that a request could mean and that pass.
fn matching_ids(
    wallet: &LocalWallet<'_>,
    query: &Query,
    pass: impl Fn(&AccountRecord) -> bool,
) -> Result<Option<(String, Vec<String>)>, Error> {
    let resolution = resolve(&wallet.config, &query.remote, query.user.as_deref())?;
    let Some(name) = resolution.group() else { return Ok(None) };
    let group: Group = wallet.records.read(name)?;
    let RealmMatch::One(entry) = match_realm(&resolution, &group, &query.remote) else { return Ok(None) };
    let accounts = entry.record.accounts.iter();
    let meant = accounts.filter(|account| is_match(&entry, account, query) && pass(account));
    let (mut meant, mut persons): (Vec<_>, Vec<_>) =
        meant.partition(|account| account.source == Source::Tool);
    // Of several that a person added, only the one that would answer: which one is not to be guessed.
    if persons.len() > 1 {
        let chosen = choose(&entry, query, wallet.now, &mut |_| {}).ok();
        persons.retain(|account| chosen.is_some_and(|chosen| chosen.id == account.id));
    }
    meant.append(&mut persons);
    let mut ids = Vec::new();
    for account in meant {
        // A locked or silent store is found out before anything is changed (R9).
        if let Err(error) = payload(wallet, entry.group, entry.record, account)
            && !matches!(error, Error::Lost { .. } | Error::Changing)
        {
            return Err(error);
        }
        ids.push(account.id.clone());
    }
    Ok(Some((name.to_owned(), ids)).filter(|(_, ids)| !ids.is_empty()))
}

/// Sets an account aside for the need of a request; whether that changed it.
fn reject(account: &mut AccountRecord, query: &Query, now: i64, reason: RejectionReason) -> bool {
    let need = query.need.as_str();
    if account.rejections.get(need).is_some_and(|rejection| rejection.state == RejectionState::Rejected) {
        return false;
    }
    account.rejections.insert(need.to_owned(), Rejection::final_at(now, reason));
    true
}
