//! `remove`, `restore`, `prefer` and `move`.

use crate::error::{Error, target};
use crate::forge::Forge;
use crate::records::{AccountRecord, RealmRecord, Rule, SetAside, Source};
use crate::remote::is_within;
use crate::text::shell_word;
use crate::wallet::LocalWallet;
use crate::wallet::choose::hard_end;
use crate::wallet::manage::Selection;
use crate::wallet::resolve::forge_of;
use crate::wallet::secrets::{destroy, secrets_of};

/// What `restore` did.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored {
    /// A refusal was lifted.
    Cleared,
    /// An earlier token is in force again; the one that was in force is set aside.
    Swapped,
}

/// Destroys accounts with all their secrets: first their lines in the record, then the secrets, so that nothing refers
/// to what is gone. Returns the errors of stores that could not delete: the record is gone all the same, and
/// `doctor` finds the orphans. `force`: also while a store is locked or does not answer.
///
/// # Errors
/// Those of a store that does not answer, and of writing the record; then nothing has changed.
pub fn remove(wallet: &LocalWallet<'_>, selection: &Selection, force: bool) -> Result<Vec<Error>, Error> {
    if !force {
        check_stores(wallet, selection)?;
    }
    // By its name: its secret may have been replaced or moved since it was selected.
    let gone = |account: &AccountRecord| selection.accounts.iter().any(|meant| meant.is_same(account));
    let secrets = wallet.records.change(&selection.group, |group| {
        let mut secrets = Vec::new();
        if let Some(realm) = group.realm_mut(&selection.realm.realm) {
            for account in realm.accounts.iter().filter(|account| gone(account)) {
                secrets.extend(secrets_of(realm, account)?);
            }
            realm.accounts.retain(|account| !gone(account));
            let names: Vec<_> = realm.accounts.iter().map(|account| account.name.clone()).collect();
            realm.rules.retain(|rule| names.contains(&rule.account));
        }
        Ok((secrets, true))
    })?;
    Ok(destroy(wallet, &selection.group, &secrets))
}

/// Whether the stores that hold what is to be destroyed answer now: a locked one changes nothing (R9), and what it kept
/// would come back with `doctor --repair`. One that answers that it lost or cannot open the secret is no obstacle.
fn check_stores(wallet: &LocalWallet<'_>, selection: &Selection) -> Result<(), Error> {
    for account in &selection.accounts {
        for (store, key) in secrets_of(&selection.realm, account)? {
            let looked = wallet.stores.open(&store)?.get(&key);
            if let Err(error @ (Error::Locked { .. } | Error::Silent { .. } | Error::Unavailable { .. })) =
                looked
            {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Takes a refused token back into use, or an earlier one if the present one was not refused. A token that keyfob revoked, or
/// that has certainly expired, never comes back: then an earlier one does, if there is one.
///
/// # Errors
/// [`Error::NoSuchCredential`] when there is nothing to restore; [`Error::NotUsable`] when what there is never works again.
pub fn restore(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    account: &AccountRecord,
) -> Result<Restored, Error> {
    wallet.records.change(&selection.group, |group| {
        let accounts = group.realm_mut(&selection.realm.realm).map(|realm| &mut realm.accounts);
        let found = accounts.into_iter().flatten().find(|found| found.is_same(account));
        let nothing = || Error::NoSuchCredential {
            what: format!("{} has no token that is set aside", selection.realm.realm),
            hint: Some("keyfob list shows each token's state".to_owned()),
        };
        let found = found.ok_or_else(nothing)?;
        let dead = never_again(found, wallet.now);
        if !found.rejections.is_empty() && dead.is_none() {
            found.rejections.clear();
            return Ok((Restored::Cleared, true));
        }
        let has_expired =
            |aside: &SetAside| aside.expires.is_some_and(|it| it.certain && it.at <= wallet.now);
        if let Some(at) = found.set_aside.iter().position(|aside| !aside.revoked && !has_expired(aside)) {
            bring_forward(found, at, wallet.now);
            return Ok((Restored::Swapped, true));
        }
        let dead = dead.or_else(|| {
            let aside = found.set_aside.first()?;
            Some(if aside.revoked { "was revoked with keyfob" } else { "has expired" })
        });
        Err(match dead {
            Some(why) => Error::NotUsable {
                what: format!("the token of {} {why}, so it never works again", selection.realm.realm),
                hint: format!(
                    "create a new one and: keyfob add {}",
                    target(&selection.realm.url, found.name.as_deref())
                ),
            },
            None => nothing(),
        })
    })
}

/// Why the token in force can never be used again.
fn never_again(account: &AccountRecord, now: i64) -> Option<&'static str> {
    if account.is_revoked() {
        return Some("was revoked with keyfob");
    }
    hard_end(account, now).filter(|&at| at <= now).map(|_| "has expired")
}

/// Prefers an account: for the whole realm, or below the path that the selection has.
///
/// # Errors
/// [`Error::Usage`] for a pair that a tool stored; those of writing.
pub fn prefer(wallet: &LocalWallet<'_>, selection: &Selection, account: &AccountRecord) -> Result<(), Error> {
    if account.source == Source::Tool {
        return Err(Error::usage(
            format!(
                "account {} was stored by a tool; only an account of yours can be preferred",
                account.account()
            ),
            format!(
                "keyfob add {} --account {}",
                selection.realm.url,
                shell_word(account.account().to_string().as_ref())
            ),
        ));
    }
    let realm_forge = forge_of(&selection.realm);
    change_realm(wallet, selection, |realm| {
        if selection.below.is_empty() {
            for found in &mut realm.accounts {
                found.default = found.is_same(account);
            }
        } else {
            realm.rules.retain(|rule| !is_same_path(realm_forge, &rule.path, &selection.below));
            realm.rules.push(Rule { path: selection.below.clone(), account: account.name.clone() });
        }
    })
}

/// Forgets a preference: the default of the realm, or the rule of the path. Returns whether there was one.
///
/// # Errors
/// Those of writing.
pub fn clear_preference(wallet: &LocalWallet<'_>, selection: &Selection) -> Result<bool, Error> {
    let mut had = false;
    let realm_forge = forge_of(&selection.realm);
    change_realm(wallet, selection, |realm| {
        if selection.below.is_empty() {
            had = realm.accounts.iter().any(|account| account.default);
            realm.accounts.iter_mut().for_each(|account| account.default = false);
        } else {
            let before = realm.rules.len();
            realm.rules.retain(|rule| !is_same_path(realm_forge, &rule.path, &selection.below));
            had = realm.rules.len() < before;
        }
    })?;
    Ok(had)
}

fn change_realm(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    change: impl FnOnce(&mut RealmRecord),
) -> Result<(), Error> {
    wallet.records.change(&selection.group, |group| {
        let found = group.realm_mut(&selection.realm.realm);
        let write = found.is_some();
        if let Some(realm) = found {
            change(realm);
        }
        Ok(((), write))
    })
}

/// Whether two rules are for one path: where paths fold letter case, so do rules.
fn is_same_path(forge: &Forge, one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && is_within(one, other, forge.case_insensitive_paths)
}

/// Puts the token that is set aside at `at` in force, and the one in force aside.
pub(super) fn bring_forward(account: &mut AccountRecord, at: usize, now: i64) {
    let revoked = account.is_revoked();
    let SetAside { store, id, expires, scopes, authtype, service_id, since: _, revoked: _ } =
        account.set_aside.remove(at);
    let present = SetAside {
        store: std::mem::replace(&mut account.store, store),
        id: std::mem::replace(&mut account.id, id),
        since: now,
        expires: std::mem::replace(&mut account.expires, expires),
        scopes: std::mem::replace(&mut account.scopes, scopes),
        authtype: std::mem::replace(&mut account.authtype, authtype),
        service_id: std::mem::replace(&mut account.service_id, service_id),
        revoked,
    };
    // What was refused was the other one.
    account.rejections.clear();
    account.set_aside.insert(0, present);
    account.refresh = false;
    account.changed = now;
}
