//! `edit`: what a person says of an account beside its token, and its name. And who answers, by the records alone.

use crate::account::{Account, Id, Key};
use crate::error::{Error, NoCredential};
use crate::forge::Need;
use crate::records::{AccountRecord, Expiry, RealmRecord, Source};
use crate::remote::Remote;
use crate::text::shell_word;
use crate::wallet::choose::choose;
use crate::wallet::manage::Selection;
use crate::wallet::resolve::{RealmMatch, Resolution, forge_of, host_group, match_realm, resolve};
use crate::wallet::secrets::{destroy, missing, put_copy, secrets_of};
use crate::wallet::{LocalWallet, Query};

/// What is to be changed; `None` stays as it is, `Some(None)` is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The person's own words.
    pub label: Option<Option<String>>,
    /// When the token expires, in Unix seconds, as far as the person knows.
    pub expires: Option<Option<i64>>,
    /// What it may do; empty is not known.
    pub scopes: Option<Vec<String>>,
    /// The account's name; `Some(None)` makes it the unnamed one.
    pub rename: Option<Option<String>>,
}

/// Changes what is known of an account. Its token stays, and so do its default and its rules, which follow a new name. A store holds a
/// secret under the account's name: with a new one, each is copied and read back first, then the record is written in one
/// piece, and only then are the old copies destroyed. So a crash leaves the account under its old name or under its new one.
///
/// # Errors
/// [`Error::Usage`] for a name that cannot be; [`Error::Changing`] if another process changed the account meanwhile; those of stores
/// and records. Then nothing has changed.
pub fn edit(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    account: &AccountRecord,
    edit: &Edit,
) -> Result<(), Error> {
    let renamed = edit.rename.as_ref().filter(|name| **name != account.name);
    let mut copies = Vec::new();
    if let Some(name) = renamed {
        check_name(&selection.realm, account, name.as_deref())?;
        if let Err(error) = copy_secrets(wallet, selection, account, name.as_deref(), &mut copies) {
            let _ = destroy(wallet, &selection.group, &copies);
            return Err(error);
        }
    }
    let changed = wallet.records.change(&selection.group, |group| {
        let realm = group.realm_mut(&selection.realm.realm).ok_or(Error::Changing)?;
        if let Some(name) = renamed {
            check_name(realm, account, name.as_deref())?;
        }
        let is_match = |found: &&mut AccountRecord| {
            found.is_same(account) && found.secrets().map(|s| s.id).eq(account.secrets().map(|s| s.id))
        };
        let found = realm.accounts.iter_mut().find(is_match).ok_or(Error::Changing)?;
        describe(found, edit);
        if let Some(name) = renamed {
            let mut ids = copies.iter().map(|(_, key)| key.id.as_str().to_owned());
            found.id = ids.next().ok_or(Error::Changing)?;
            found.set_aside.iter_mut().zip(ids).for_each(|(aside, id)| aside.id = id);
            found.name.clone_from(name);
            let rules = realm.rules.iter_mut().filter(|rule| rule.account == account.name);
            rules.for_each(|rule| rule.account.clone_from(name));
        }
        Ok(((), true))
    });
    if let Err(error) = changed {
        discard_copies(wallet, &selection.group, &copies);
        return Err(error);
    }
    if renamed.is_some() {
        // What cannot be destroyed stays an orphan, which `doctor` finds.
        let _ = destroy(wallet, &selection.group, &secrets_of(&selection.realm, account)?);
    }
    Ok(())
}

/// The record may have been written even so (its folder could not be synced): what it speaks of stays.
fn discard_copies(wallet: &LocalWallet<'_>, group: &str, copies: &[(String, Key)]) {
    if let Ok(group_now) = wallet.records.read(group) {
        let unrecorded = |(_, key): &&(String, Key)| !group_now.ids().any(|id| id == key.id.as_str());
        let gone: Vec<_> = copies.iter().filter(unrecorded).cloned().collect();
        let _ = destroy(wallet, group, &gone);
    }
}

fn describe(account: &mut AccountRecord, edit: &Edit) {
    if let Some(label) = &edit.label {
        account.label.clone_from(label);
    }
    if let Some(expires) = edit.expires {
        account.expires = expires.map(|at| Expiry { at, certain: false });
        account.hinted = None;
    }
    if let Some(scopes) = &edit.scopes {
        account.scopes.clone_from(scopes);
    }
}

/// Whether an account may have this name in its realm.
fn check_name(realm: &RealmRecord, account: &AccountRecord, name: Option<&str>) -> Result<(), Error> {
    let (url, forge) = (&realm.url, forge_of(realm));
    if account.source == Source::Tool {
        return Err(Error::usage(
            format!("account {} was stored by a tool, which asks for it by this name", account.account()),
            format!("keyfob add {url} --account NAME makes an account of your own"),
        ));
    }
    let Some(name) = name else {
        if forge.is_generic() {
            return Err(Error::usage(
                format!("{url} is a host that keyfob does not know, and there the user name counts"),
                format!("keyfob edit {url} --rename NAME"),
            ));
        }
        return free(realm, account, None);
    };
    if name.chars().any(char::is_control) {
        return Err(Error::usage(
            "there is a control character in the account's name",
            "give it without: --rename NAME",
        ));
    }
    if !forge.is_generic() && forge.is_placeholder(name) {
        return Err(Error::usage(
            format!("{name} selects no account at {}: many programs send it for any account", forge.name),
            format!("give it another name: keyfob edit {url} --rename NAME"),
        ));
    }
    free(realm, account, Some(name))
}

/// Whether nobody else has the name.
fn free(realm: &RealmRecord, account: &AccountRecord, name: Option<&str>) -> Result<(), Error> {
    let taken = |other: &&AccountRecord| {
        !other.is_same(account) && other.source == Source::Person && other.name.as_deref() == name
    };
    match realm.accounts.iter().find(taken) {
        None => Ok(()),
        Some(other) => Err(Error::usage(
            format!("{} already has an account {}", realm.realm, other.account()),
            format!(
                "keyfob remove {} --account {}, or choose another name",
                realm.url,
                shell_word(other.account().to_string().as_ref())
            ),
        )),
    }
}

/// Copies each secret of an account to a key with its new name, and reads it back; in the order of [`AccountRecord::secrets`].
fn copy_secrets(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    account: &AccountRecord,
    name: Option<&str>,
    copies: &mut Vec<(String, Key)>,
) -> Result<(), Error> {
    let realm = selection.realm.realm()?;
    for kept in account.secrets() {
        let store = wallet.stores.open(kept.store)?;
        let secret = store.get(&selection.realm.key_of(account, kept.id)?)?;
        let secret = secret.ok_or_else(|| {
            missing(&wallet.records, &selection.group, &selection.realm, kept.store, kept.id)
        })?;
        let key = Key { realm: realm.clone(), account: Account::from_name(name), id: Id::random()? };
        put_copy(wallet, &selection.group, (kept.store, &*store), &key, &secret)?;
        copies.push((kept.store.to_owned(), key));
    }
    Ok(())
}

/// The account that answers git for a URL without a user name, or why none does. No store is opened for it.
///
/// # Errors
/// Those of reading the settings and the record.
pub fn who_answers(
    wallet: &LocalWallet<'_>,
    remote: &Remote,
) -> Result<Result<Account, NoCredential>, Error> {
    let resolution = resolve(&wallet.config, remote, None)?;
    let name = match &resolution {
        Resolution::Known(known) => known.group.clone(),
        Resolution::Host { .. } => host_group(remote),
        Resolution::NoOrganisation(_) | Resolution::Never => return Ok(Err(NoCredential::NotOurs)),
    };
    let group = wallet.records.read(&name)?;
    let RealmMatch::One(entry) = match_realm(&resolution, &group, remote) else {
        return Ok(Err(NoCredential::NotOurs));
    };
    let query = Query::new("git", remote.clone(), Need::Code);
    Ok(choose(&entry, &query, wallet.now, &mut |_| ()).map(AccountRecord::account))
}
