//! What `doctor` compares: the secrets that records speak of with those that stores hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{Account, Key};
use crate::error::Error;
use crate::forge;
use crate::records::{Group, Kept};
use crate::remote::{Realm, Remote};

use super::super::LocalWallet;
use super::super::resolve::{Resolution, host_group};
use crate::wallet::resolve::resolve;
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
            let Some(home) = home_of(wallet, &key.realm)? else { continue };
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
            for Kept { store, id, in_force } in account.secrets() {
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

/// Where the record of a realm belongs, from the realm's name alone. `None` for a name that tells no place.
pub(super) fn home_of(wallet: &LocalWallet<'_>, realm: &Realm) -> Result<Option<Home>, Error> {
    let Some(forge) = forge::named(realm.forge()) else { return Ok(None) };
    if let Some((scheme, rest)) = realm.what().split_once("://") {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let Ok(remote) = Remote::from_parts(scheme, host, Some(path)) else { return Ok(None) };
        let group = match resolve(&wallet.config, &remote, None)? {
            Resolution::Known(known) if known.realm == *realm => known.group,
            _ => host_group(&remote),
        };
        return Ok(Some(Home { group, url: remote.to_string(), prefix: remote.path().to_vec() }));
    }
    let home = |url| Home { group: realm.as_str().to_owned(), url, prefix: Vec::new() };
    Ok(forge.home_url(realm).map(home))
}

/// Where a record belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// Its group.
    pub group: String,
    /// The realm's URL.
    pub url: String,
    /// The realm's prefix.
    pub prefix: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::store::Store;
    use crate::wallet::stores::{Chosen, Stores};

    struct NoStores;

    impl Stores for NoStores {
        fn open(&self, name: &str) -> Result<Box<dyn Store + '_>, Error> {
            Err(Error::NoSuchStore { name: name.to_owned() })
        }
        fn for_new(&self, _configured: Option<&str>) -> Result<Chosen, Error> {
            Err(Error::NoSuchStore { name: String::new() })
        }
    }

    #[test]
    fn the_home_of_every_example_is_found_again_from_its_realm_alone() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::default();
        let wallet =
            LocalWallet::new(folder.path(), folder.path().join("config.toml"), &NoStores, &environment, 0);
        let realms = forge::ALL.iter().flat_map(|forge| forge.examples).filter_map(|example| example.realm);
        for text in realms {
            let realm = Realm::from_text(text).unwrap();
            let home = home_of(&wallet, &realm).unwrap().unwrap();
            assert_eq!(home.group, text);
            let (remote, user) = Remote::from_url(&home.url).unwrap();
            let Resolution::Known(known) = resolve(wallet.settings(), &remote, user.as_deref()).unwrap()
            else {
                panic!("{text}: {} is no known place", home.url)
            };
            assert_eq!(known.realm, realm, "{}", home.url);
        }
    }

    #[test]
    fn the_home_of_a_server_is_its_url() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::default();
        let wallet =
            LocalWallet::new(folder.path(), folder.path().join("config.toml"), &NoStores, &environment, 0);
        let home = |text: &str| {
            let home = home_of(&wallet, &Realm::from_text(text).unwrap()).unwrap()?;
            Some((home.group, home.url, home.prefix.join("/")))
        };
        let own = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(
            home("azure-devops-server/https://tfs.example:8443/tfs/one"),
            own("https://tfs.example:8443", "https://tfs.example:8443/tfs/one", "tfs/one")
        );
        assert_eq!(
            home("generic/smtp://mail.example"),
            own("smtp://mail.example", "smtp://mail.example", "")
        );
        assert_eq!(home("hub/x"), None);
        assert_eq!(home("azure-devops/a/b"), None);
    }
}
