//! What is done in records and stores together, in the order that no crash and no other process can turn into a loss: a new secret is
//! stored before its record is written, a record is written before an old secret is destroyed.

use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::records::{AccountRecord, Group, RealmRecord, Records, Source};
use crate::remote::Realm;
use crate::secret::Secret;
use crate::store::Store;
use crate::store::payload::Payload;

use super::LocalWallet;
use super::stores::Chosen;

/// The secret in force of an account.
pub(super) fn payload(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: &RealmRecord,
    account: &AccountRecord,
) -> Result<Payload, Error> {
    payload_in(&*wallet.stores.open(&account.store)?, &wallet.records, group, realm, account)
}

/// The same out of a store that is open.
pub(super) fn payload_in(
    store: &dyn Store,
    records: &Records,
    group: &str,
    realm: &RealmRecord,
    account: &AccountRecord,
) -> Result<Payload, Error> {
    let secret = store.get(&realm.key(account)?)?;
    secret
        .as_ref()
        // No person adds an empty token. KWallet keeps the name of an item that it had no time to write, and answers with nothing.
        .filter(|secret| !secret.is_empty() || account.source == Source::Tool)
        .map(Payload::unpack)
        .ok_or_else(|| missing(records, group, realm, &account.store, &account.id))
}

/// Whether an account's secret in force is this token. One that the store lost is none.
pub(super) fn holds(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: &RealmRecord,
    account: &AccountRecord,
    token: &Secret,
) -> Result<bool, Error> {
    match payload(wallet, group, realm, account) {
        Ok(held) => Ok(held.token.same_as(token)),
        Err(Error::Lost { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What it means that a store does not hold a secret of which a record was read: it is lost if the record still speaks of it;
/// otherwise another process has moved or removed it since ([`Error::Changing`]).
pub(super) fn missing(records: &Records, group: &str, realm: &RealmRecord, store: &str, id: &str) -> Error {
    match records.read(group) {
        Ok(group) if group.ids().any(|held| held == id) => {
            Error::Lost { store: store.to_owned(), realm: realm.realm.clone() }
        }
        Ok(_) => Error::Changing,
        Err(error) => error,
    }
}

/// All secrets of an account: the one in force and those set aside, with their stores.
pub(super) fn secrets_of(realm: &RealmRecord, account: &AccountRecord) -> Result<Vec<(String, Key)>, Error> {
    account.secrets().map(|kept| Ok((kept.store.to_owned(), realm.key_of(account, kept.id)?))).collect()
}

/// The store for new secrets.
pub(super) fn store_for_new(wallet: &LocalWallet<'_>) -> Result<Chosen, Error> {
    wallet.stores.for_new(wallet.config()?.store.as_deref())
}

/// Stores a new secret in the store for new ones: first the secret, then what `place` writes into its group, so that a crash leaves
/// what was there or what is new.
pub(super) fn put_new<T>(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: &Realm,
    account: Account,
    secret: &Secret,
    place: impl FnOnce(&mut Group, &str, &Key) -> Result<T, Error>,
) -> Result<(T, Chosen), Error> {
    let chosen = store_for_new(wallet)?;
    let key = Key { realm: realm.clone(), account, id: Id::random()? };
    let store = wallet.stores.open(chosen.name)?;
    // Both files are written before either is waited for; the secret's is in its place first.
    let staged = store.put_staged(&key, secret)?;
    let placed =
        wallet.records.change_after(staged, group, |group| Ok((place(group, chosen.name, &key)?, true)));
    if placed.is_err() {
        discard(wallet, group, chosen.name, &key);
    }
    Ok((placed?, chosen))
}

/// Puts a copy of a secret into a store and reads it back: only what the store gives back may take the other's place.
pub(super) fn put_copy(
    wallet: &LocalWallet<'_>,
    group: &str,
    (name, store): (&str, &dyn Store),
    key: &Key,
    secret: &Secret,
) -> Result<(), Error> {
    store.put(key, secret)?;
    if store.get(key)?.is_some_and(|back| back.same_as(secret)) {
        return Ok(());
    }
    let _ = destroy(wallet, group, &[(name.to_owned(), key.clone())]);
    Err(Error::Lost { store: name.to_owned(), realm: key.realm.to_string() })
}

/// Destroys a secret whose record could not be written. But writing may fail after the record is in place (its folder could
/// not be synced), so it is read again; if it cannot be, the secret stays: doctor finds one that nothing refers to,
/// nobody finds one that is gone.
pub(super) fn discard(wallet: &LocalWallet<'_>, group: &str, store: &str, key: &Key) {
    let unrecorded = |group: Group| !group.ids().any(|id| id == key.id.as_str());
    if wallet.records.read(group).is_ok_and(unrecorded) {
        let _ = destroy(wallet, group, &[(store.to_owned(), key.clone())]);
    }
}

/// Destroys secrets that a group does not speak of any more, and returns what failed. `doctor --repair` may have found one
/// between the writing of the record and this, and treated it as one that lost its record: that is undone, so that
/// no record speaks of what is gone. (It looks into the store under the lock, so one of the two sees the other.) An empty
/// record goes last: while it is there, what a crash leaves in a store is an orphan, and not a secret that lost its record.
pub(super) fn destroy(wallet: &LocalWallet<'_>, group: &str, secrets: &[(String, Key)]) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut gone = Vec::new();
    for (store, key) in secrets {
        match wallet.stores.open(store).and_then(|store| store.delete(key)) {
            Ok(()) => gone.push(key.id.as_str()),
            Err(error) => errors.push(error),
        }
    }
    let speaks_of = |group: &Group| group.ids().any(|id| gone.contains(&id));
    if !gone.is_empty() && wallet.records.read(group).is_ok_and(|group| speaks_of(&group)) {
        let forgotten = wallet.records.change(group, |group| {
            gone.iter().for_each(|id| group.forget(id));
            Ok(((), true))
        });
        errors.extend(forgotten.err());
    }
    // If it cannot be cleared, it stays, and says nothing.
    if errors.is_empty() && !secrets.is_empty() {
        let _ = wallet.records.clear(group);
    }
    errors
}
