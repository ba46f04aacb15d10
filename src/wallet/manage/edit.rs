//! `remove`, `restore`, `prefer` and `move`.

use crate::account::{Id, Key};
use crate::error::Error;
use crate::forge::Forge;
use crate::records::{AccountRecord, Group, RealmRecord, Rule, SetAside, Source};
use crate::remote::{Realm, Remote, is_within};
use crate::text::shell_word;
use crate::wallet::manage;

use super::super::LocalWallet;
use super::super::resolve::forge_of;
use super::Selection;
use super::add::{Planned, Wish};
use crate::wallet::secrets::destroy;
use crate::wallet::secrets::missing;
use crate::wallet::secrets::put_copy;
use crate::wallet::secrets::secrets_of;

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
        can_destroy(wallet, selection)?;
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
fn can_destroy(wallet: &LocalWallet<'_>, selection: &Selection) -> Result<(), Error> {
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

/// Takes a refused token back into use, or an earlier one if the present one was not refused.
///
/// # Errors
/// [`Error::NoSuchCredential`] when there is nothing to restore.
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
        if !found.trouble.is_empty() {
            found.trouble.clear();
            return Ok((Restored::Cleared, true));
        }
        if found.set_aside.is_empty() {
            return Err(nothing());
        }
        bring_forward(found, 0, wallet.now);
        Ok((Restored::Swapped, true))
    })
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
    with_realm(wallet, selection, |realm| {
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
pub fn prefer_none(wallet: &LocalWallet<'_>, selection: &Selection) -> Result<bool, Error> {
    let mut had = false;
    let realm_forge = forge_of(&selection.realm);
    with_realm(wallet, selection, |realm| {
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

fn with_realm(
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

/// Where a realm would be moved to. A server keeps its forge when only its name changes.
///
/// # Errors
/// Those of [`manage::plan::plan`].
pub fn plan_move(wallet: &LocalWallet<'_>, selection: &Selection, mut wish: Wish) -> Result<Planned, Error> {
    let forge = forge_of(&selection.realm);
    let (forge_here, unnamed) =
        (manage::plan::plan(wallet, wish.clone())?.forge, selection.realm.accounts.iter().any(unnamed));
    // What plan says without being told is right for a cloud service; of another host only records know.
    if wish.forge.is_none() && forge_here.homes.is_empty() && forge.homes.is_empty() {
        wish.forge = Some(forge);
    }
    let planned = manage::plan::plan(wallet, wish)?;
    if let Some(error) = planned.lacks_name().filter(|_| unnamed) {
        return Err(error);
    }
    // A rename stays with its service; on the same host, what was taken for the wrong one may be put right.
    let home = Remote::from_url(&selection.realm.url).map(|(home, _)| home.origin());
    let same_host = home.is_ok_and(|home| home == planned.wish.remote.origin());
    if planned.forge != forge && !same_host {
        return Err(Error::usage(
            format!("a token of {} is none of {}", forge.name, planned.forge.name),
            format!("make one there, and: keyfob add {}", planned.url),
        ));
    }
    Ok(planned)
}

/// Moves a realm's accounts to another realm, because the organisation or server was renamed: each secret is copied to a
/// key of the new realm, read back and compared; then the new record is written, the old one removed, and the old
/// secrets destroyed. What a move that did not end has brought there before is not brought again.
///
/// # Errors
/// [`Error::Usage`] when another account of that name is there already; those of stores and records. Until the new record
/// is written, nothing has changed.
pub fn move_realm(wallet: &LocalWallet<'_>, selection: &Selection, to: &Planned) -> Result<usize, Error> {
    if to.realm.as_str() == selection.realm.realm {
        return Err(Error::usage("both URLs name the same place", "keyfob list shows what is held"));
    }
    let mut moved = selection.realm.clone();
    moved.realm = to.realm.to_string();
    moved.url.clone_from(&to.url);
    moved.prefix.clone_from(&to.prefix);
    moved.allow_http |= to.wish.allow_http;
    let there = wallet.records.read(&to.group)?;
    let (mut rest, mut brought) = (Vec::new(), Vec::new());
    for account in &selection.realm.accounts {
        match already_there(wallet, selection, account, &to.realm, &there)? {
            Some(held) => brought.push(held.id.as_str()),
            None => rest.push(account),
        }
    }
    moved.accounts = rest.iter().copied().cloned().collect();
    let mut copies = Vec::new();
    let placed = copy_all(wallet, selection, &rest, to, &mut moved, &mut copies).and_then(|()| {
        wallet.records.change(&to.group, |group| {
            if brought.iter().any(|id| !group.ids().any(|held| held == *id)) {
                return Err(Error::Changing);
            }
            if !rest.is_empty() {
                insert(group, &moved)?;
            }
            // Within one file both happen at once.
            if to.group == selection.group {
                take_out(group, selection);
            }
            Ok(((), true))
        })
    });
    if let Err(error) = placed {
        let _ = destroy(wallet, &to.group, &copies);
        return Err(error);
    }
    if to.group != selection.group {
        wallet.records.change(&selection.group, |group| {
            take_out(group, selection);
            Ok(((), true))
        })?;
    }
    let mut old = Vec::new();
    for account in &selection.realm.accounts {
        old.extend(secrets_of(&selection.realm, account)?);
    }
    // What another process changed meanwhile stays in the old place, with its secrets.
    let left = wallet.records.read(&selection.group)?;
    old.retain(|(_, key)| !left.ids().any(|id| id == key.id.as_str()));
    // What cannot be destroyed stays an orphan, which `doctor` finds.
    let _ = destroy(wallet, &selection.group, &old);
    Ok(selection.realm.accounts.len())
}

/// The account as the realm holds it already, with the very same secrets.
fn already_there<'g>(
    wallet: &LocalWallet<'_>,
    from: &Selection,
    account: &AccountRecord,
    to: &Realm,
    group: &'g Group,
) -> Result<Option<&'g AccountRecord>, Error> {
    let Some(realm) = group.realm(to.as_str()) else { return Ok(None) };
    let Some(held) = realm.accounts.iter().find(|held| held.is_same(account)) else { return Ok(None) };
    if held.set_aside.len() != account.set_aside.len() {
        return Ok(None);
    }
    for (old, new) in account.secrets().zip(held.secrets()) {
        let old = wallet.stores.open(old.store)?.get(&from.realm.key_of(account, old.id)?)?;
        let new = wallet.stores.open(new.store)?.get(&realm.key_of(held, new.id)?)?;
        if !old.zip(new).is_some_and(|(old, new)| old.same_as(&new)) {
            return Ok(None);
        }
    }
    Ok(Some(held))
}

fn copy_all(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    accounts: &[&AccountRecord],
    to: &Planned,
    moved: &mut RealmRecord,
    copies: &mut Vec<(String, Key)>,
) -> Result<(), Error> {
    for (account, target) in accounts.iter().zip(&mut moved.accounts) {
        let mut copy = |store: &str, id: &str| {
            let key = copy(wallet, selection, account, store, id, to)?;
            let id = key.id.as_str().to_owned();
            copies.push((store.to_owned(), key));
            Ok::<_, Error>(id)
        };
        target.id = copy(&account.store, &account.id)?;
        for (aside, target) in account.set_aside.iter().zip(&mut target.set_aside) {
            target.id = copy(&aside.store, &aside.id)?;
        }
    }
    Ok(())
}

/// Copies one secret to a key of the new realm, and reads it back.
fn copy(
    wallet: &LocalWallet<'_>,
    from: &Selection,
    account: &AccountRecord,
    store: &str,
    id: &str,
    to: &Planned,
) -> Result<Key, Error> {
    let opened = wallet.stores.open(store)?;
    let secret = opened.get(&from.realm.key_of(account, id)?)?;
    let secret = secret.ok_or_else(|| missing(&wallet.records, &from.group, &from.realm, store, id))?;
    let key = Key { realm: to.realm.clone(), account: account.account(), id: Id::random()? };
    put_copy(wallet, &to.group, (store, &*opened), &key, &secret)?;
    Ok(key)
}

fn unnamed(account: &AccountRecord) -> bool {
    account.name.is_none() && account.source == Source::Person
}

/// Takes what was moved out of its old group; what another process put there meanwhile stays.
fn take_out(group: &mut Group, moved: &Selection) {
    let is_moved = |account: &AccountRecord| moved.realm.accounts.iter().any(|one| one.id == account.id);
    if let Some(realm) = group.realm_mut(&moved.realm.realm) {
        realm.accounts.retain(|account| !is_moved(account));
    }
}

/// Whether two rules are for one path: where paths fold letter case, so do rules.
fn is_same_path(forge: &Forge, one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && is_within(one, other, forge.folds_path)
}

/// Puts a moved realm into its new group.
fn insert(group: &mut Group, moved: &RealmRecord) -> Result<(), Error> {
    let Some(there) = group.realm_mut(&moved.realm) else {
        group.realms.push(moved.clone());
        return Ok(());
    };
    for account in &moved.accounts {
        if there.accounts.iter().any(|held| held.is_same(account)) {
            return Err(Error::usage(
                format!("{} already has an account {}", there.realm, account.account()),
                format!(
                    "keyfob remove {} --account {}, or keep both places",
                    there.url,
                    shell_word(account.account().to_string().as_ref())
                ),
            ));
        }
    }
    there.allow_http |= moved.allow_http;
    let has_default = there.accounts.iter().any(|account| account.default);
    there.accounts.extend(moved.accounts.iter().map(|account| {
        let default = account.default && !has_default;
        AccountRecord { default, ..account.clone() }
    }));
    let new: Vec<Rule> = moved.rules.iter().filter(|rule| !there.rules.contains(rule)).cloned().collect();
    there.rules.extend(new);
    Ok(())
}

/// Puts the token that is set aside at `at` in force, and the one in force aside.
pub(super) fn bring_forward(account: &mut AccountRecord, at: usize, now: i64) {
    let SetAside { store, id, expires, scopes, authtype, service_id, since: _ } =
        account.set_aside.remove(at);
    let present = SetAside {
        store: std::mem::replace(&mut account.store, store),
        id: std::mem::replace(&mut account.id, id),
        since: now,
        expires: std::mem::replace(&mut account.expires, expires),
        scopes: std::mem::replace(&mut account.scopes, scopes),
        authtype: std::mem::replace(&mut account.authtype, authtype),
        service_id: std::mem::replace(&mut account.service_id, service_id),
    };
    account.set_aside.insert(0, present);
    account.changed = now;
}
