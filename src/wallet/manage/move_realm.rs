//! `move`: a realm's accounts, or one of them, go to another realm, because the organisation or server was renamed.

use crate::account::{Id, Key};
use crate::error::Error;
use crate::records::{AccountRecord, Group, RealmRecord, Rule, Source};
use crate::remote::{Realm, Remote};
use crate::text::shell_word;
use crate::wallet::LocalWallet;
use crate::wallet::manage::add::{AddRequest, Planned};
use crate::wallet::manage::plan::plan;
use crate::wallet::manage::select::Selection;
use crate::wallet::resolve::forge_of;
use crate::wallet::secrets::{destroy, missing, put_copy, secrets_of};

/// Where a realm would be moved to. A server keeps its forge when only its name changes.
///
/// # Errors
/// Those of [`plan`].
pub fn plan_move(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    mut wish: AddRequest,
) -> Result<Planned, Error> {
    let forge = forge_of(&selection.realm);
    let (forge_here, unnamed) = (plan(wallet, wish.clone())?.forge, selection.accounts.iter().any(unnamed));
    // What plan says without being told is right for a cloud service; of another host only records know.
    if wish.forge.is_none() && forge_here.url_templates.is_empty() && forge.url_templates.is_empty() {
        wish.forge = Some(forge);
    }
    let planned = plan(wallet, wish)?;
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

/// Returns the accounts that the realm of a move holds already, without those that a move which did not end has brought there.
///
/// # Errors
/// Those of reading.
pub fn accounts_there(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    to: &Planned,
) -> Result<Vec<AccountRecord>, Error> {
    let there = wallet.records.read(&to.group)?;
    let all = there.realm(to.realm.as_str()).map(|realm| realm.accounts.clone()).unwrap_or_default();
    let is_moved = |held: &AccountRecord| selection.accounts.iter().any(|account| account.is_same(held));
    Ok(all.into_iter().filter(|held| !is_moved(held)).collect())
}

/// Moves the selected accounts to another realm, because the organisation or server was renamed: each secret is copied to a key of
/// the new realm, read back and compared; then the new record is written, the old one removed, and the old secrets destroyed.
/// What a move that did not end has brought there before is not brought again. The account that answered in the new realm goes on
/// answering there.
///
/// # Errors
/// [`Error::Usage`] when another account of that name is there already; those of stores and records. Until the new record
/// is written, nothing has changed.
pub fn move_accounts(wallet: &LocalWallet<'_>, selection: &Selection, to: &Planned) -> Result<usize, Error> {
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
    for account in &selection.accounts {
        match moved_before(wallet, selection, account, &to.realm, &there)? {
            Some(held) => brought.push(held.id.as_str()),
            None => rest.push(account),
        }
    }
    moved.accounts = rest.iter().copied().cloned().collect();
    moved.rules.retain(|rule| selection.accounts.iter().any(|account| account.name == rule.account));
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
    for account in &selection.accounts {
        old.extend(secrets_of(&selection.realm, account)?);
    }
    // What another process changed meanwhile stays in the old place, with its secrets.
    let left = wallet.records.read(&selection.group)?;
    old.retain(|(_, key)| !left.ids().any(|id| id == key.id.as_str()));
    // What cannot be destroyed stays an orphan, which `doctor` finds.
    let _ = destroy(wallet, &selection.group, &old);
    Ok(selection.accounts.len())
}

/// The account as the realm holds it already, with the very same secrets.
fn moved_before<'g>(
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
    let is_moved = |account: &AccountRecord| moved.accounts.iter().any(|one| one.id == account.id);
    if let Some(realm) = group.realm_mut(&moved.realm.realm) {
        realm.accounts.retain(|account| !is_moved(account));
        let left: Vec<Option<String>> = realm.accounts.iter().map(|account| account.name.clone()).collect();
        realm.rules.retain(|rule| left.contains(&rule.account));
    }
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
    // The only one that answers goes on answering (R4).
    let is_persons = |account: &&mut AccountRecord| account.source == Source::Person;
    let mut persons: Vec<&mut AccountRecord> = there.accounts.iter_mut().filter(is_persons).collect();
    if let [only] = persons.as_mut_slice() {
        only.default = true;
    }
    let has_default = there.accounts.iter().any(|account| account.default);
    there.accounts.extend(moved.accounts.iter().map(|account| {
        let default = account.default && !has_default;
        AccountRecord { default, ..account.clone() }
    }));
    let new: Vec<Rule> = moved.rules.iter().filter(|rule| !there.rules.contains(rule)).cloned().collect();
    there.rules.extend(new);
    Ok(())
}
