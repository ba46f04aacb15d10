//! `storage move`: all secrets into another store.

use std::collections::BTreeMap;

use crate::account::{Id, Key};
use crate::error::Error;
use crate::records::{AccountRecord, RealmRecord, SecretLocation};
use crate::store::environment;
use crate::wallet::LocalWallet;
use crate::wallet::secrets::{destroy, missing, put_copy};

/// What a move did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Secrets that are in the new store now.
    pub moved: usize,
    /// Secrets that were there before.
    pub there: usize,
    /// Secrets whose old copy could not be destroyed; their new one is in force.
    pub left: usize,
}

/// How many secrets each store holds, by the records and the environment; set-aside ones count.
///
/// # Errors
/// When a record cannot be read: a number that leaves it out would mislead.
pub fn count_secrets(wallet: &LocalWallet<'_>) -> Result<BTreeMap<String, usize>, Error> {
    let mut counts = BTreeMap::new();
    let mut add = |store: &str, more: usize| *counts.entry(store.to_owned()).or_default() += more;
    for group in wallet.records.all()? {
        group?.accounts().flat_map(AccountRecord::secrets).for_each(|secret| add(secret.store, 1));
    }
    add(environment::STORE.name, environment::read(wallet.environment).tokens.len());
    Ok(counts)
}

/// What is wrong with variables that are set for us and cannot be used, without their values.
#[must_use]
pub fn environment_notes(wallet: &LocalWallet<'_>) -> Vec<String> {
    environment::read(wallet.environment).unusable.iter().map(environment::UnusableToken::words).collect()
}

/// Moves every secret into the store `name`: copied, read back, compared, the record switched, and only then the old one
/// destroyed. May be repeated after any failure.
///
/// # Errors
/// The first secret that could not be moved; what was moved before stays moved and in force.
pub fn move_all(wallet: &LocalWallet<'_>, name: &'static str) -> Result<Moved, Error> {
    let mut done = Moved::default();
    for group in wallet.records.all()? {
        let group = group?;
        for realm in &group.realms {
            for account in &realm.accounts {
                for secret in account.secrets() {
                    if secret.store == name {
                        done.there += 1;
                    } else {
                        move_one(wallet, &group.group, realm, account, secret, name, &mut done)?;
                    }
                }
            }
        }
    }
    Ok(done)
}

fn move_one(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: &RealmRecord,
    account: &AccountRecord,
    SecretLocation { store, id, .. }: SecretLocation<'_>,
    name: &'static str,
    done: &mut Moved,
) -> Result<(), Error> {
    let (from, to) = (wallet.stores.open(store)?, wallet.stores.open(name)?);
    let old = realm.key_of(account, id)?;
    let Some(secret) = from.get(&old)? else {
        return match missing(&wallet.records, group, realm, store, id) {
            // Somebody else moved or removed it meanwhile.
            Error::Changing => Ok(()),
            error => Err(error),
        };
    };
    let new = Key { id: Id::random()?, ..old.clone() };
    put_copy(wallet, group, (name, &*to), &new, &secret)?;
    let switched = wallet.records.change(group, |group| {
        let mut switched = false;
        for account in group.accounts_mut() {
            let in_force = (&mut account.store, &mut account.id);
            let aside = account.set_aside.iter_mut().map(|aside| (&mut aside.store, &mut aside.id));
            for (store, held) in
                std::iter::once(in_force).chain(aside).filter(|(_, held)| held.as_str() == id)
            {
                name.clone_into(store);
                new.id.as_str().clone_into(held);
                switched = true;
            }
        }
        Ok((switched, switched))
    })?;
    if !switched {
        // Somebody else replaced or removed it meanwhile; the copy is of no use.
        return destroy(wallet, group, &[(name.to_owned(), new)]).into_iter().next().map_or(Ok(()), Err);
    }
    done.moved += 1;
    done.left += usize::from(!destroy(wallet, group, &[(store.to_owned(), old)]).is_empty());
    Ok(())
}
