//! What `doctor` compares: the secrets that records speak of with those that stores hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{Account, Key};
use crate::error::Error;
use crate::records::{Group, SecretLocation};
use crate::wallet::LocalWallet;
use crate::wallet::resolve::record_place;
use crate::wallet::secrets::missing;

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Secrets that a record speaks of and the store does not give.
    pub lost: Vec<Lost>,
    /// Secrets of a realm whose record is in order and does not speak of them.
    pub orphans: Vec<Orphan>,
    /// Secrets of a realm whose record is missing or damaged, from which it can be made again.
    pub unrecorded: Vec<Orphan>,
    /// Stores that could not be looked into.
    pub closed: Vec<(&'static str, Error)>,
}

/// A secret that is not where its record says.
#[derive(Debug)]
pub struct Lost {
    /// The realm in text.
    pub realm: String,
    /// The realm's URL.
    pub url: String,
    /// The account.
    pub account: Account,
    /// The store.
    pub store: String,
    /// Whether it is the one in force, not one that was set aside.
    pub in_force: bool,
    /// Why, when the store did not just say that it has none.
    pub error: Option<Error>,
}

/// A secret that no record speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The store that holds it.
    pub store: &'static str,
    /// Its key.
    pub key: Key,
    /// The group that its record belongs to.
    pub group: String,
}

/// Looks into these stores and compares. Keys are listed before records are read, so that what another process adds or
/// replaces meanwhile looks neither lost nor orphaned.
///
/// # Errors
/// When the records as a whole cannot be listed.
pub fn audit(wallet: &LocalWallet<'_>, stores: &[&'static str]) -> Result<Audit, Error> {
    let mut audit = Audit::default();
    let mut listed: BTreeMap<&'static str, Option<Vec<Key>>> = BTreeMap::new();
    for &name in stores {
        match wallet.stores.open(name).and_then(|store| store.keys()) {
            Ok(keys) => {
                listed.insert(name, keys);
            }
            Err(error) => audit.closed.push((name, error)),
        }
    }
    let groups: Vec<Group> = wallet.records.all()?.flatten().collect();
    for (name, keys) in &listed {
        let there: Option<BTreeSet<&str>> =
            keys.as_ref().map(|keys| keys.iter().map(|key| key.id.as_str()).collect());
        for group in &groups {
            audit.lost.extend(lost_of(wallet, group, name, there.as_ref())?);
        }
    }
    let spoken_of: BTreeSet<&str> = groups.iter().flat_map(Group::ids).collect();
    for (store, keys) in listed {
        let orphans = keys.into_iter().flatten().filter(|key| !spoken_of.contains(key.id.as_str()));
        for key in orphans {
            let Some(home) = record_place(&wallet.config, &key.realm)? else { continue };
            // What another process was about to record, or to destroy, is neither.
            let recorded = |group: Group| group.ids().any(|id| id == key.id.as_str());
            if wallet.records.read(&home.group).is_ok_and(recorded)
                || matches!(wallet.stores.open(store)?.get(&key), Ok(None))
            {
                continue;
            }
            let known = groups.iter().any(|group| group.group == home.group);
            let list = if known { &mut audit.orphans } else { &mut audit.unrecorded };
            list.push(Orphan { store, key, group: home.group });
        }
    }
    Ok(audit)
}

fn lost_of(
    wallet: &LocalWallet<'_>,
    group: &Group,
    name: &str,
    there: Option<&BTreeSet<&str>>,
) -> Result<Vec<Lost>, Error> {
    let mut lost = Vec::new();
    for realm in &group.realms {
        for account in &realm.accounts {
            for SecretLocation { store, id, in_force } in account.secrets() {
                if store != name || there.is_some_and(|there| there.contains(id)) {
                    continue;
                }
                // A store that lists nothing, or leaves damaged ones out of its list, is asked for the secret itself.
                let error = match wallet.stores.open(name)?.get(&realm.key_of(account, id)?) {
                    Ok(Some(_)) => continue,
                    Ok(None) => match missing(&wallet.records, &group.group, realm, store, id) {
                        // Another process has moved or removed it since.
                        Error::Changing => continue,
                        _ => None,
                    },
                    Err(error) => Some(error),
                };
                lost.push(Lost {
                    realm: realm.realm.clone(),
                    url: realm.url.clone(),
                    account: account.account(),
                    store: store.to_owned(),
                    in_force,
                    error,
                });
            }
        }
    }
    Ok(lost)
}
