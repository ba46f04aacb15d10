//! Taking over a token that another program kept. It is a person's wish, but not about this one token, so what the wallet
//! holds stays as it is and goes on answering: the same token is only recognised; another one for the same account is kept
//! behind it, set aside (`restore` brings it forward); a second account does not make the first one ambiguous. Thousands may come
//! into one realm, so what is known of it is read and written for many at a time; what becomes of each is the same.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::records::{AccountRecord, Expiry, Group, RealmRecord, SecretLocation, SetAside, Source};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::store::payload::Payload;
use crate::wallet::manage::add::{Change, Planned, add, is_same, place_new};
use crate::wallet::manage::list::{State, summary};
use crate::wallet::manage::plan::ReadRecord;
use crate::wallet::resolve::{organisation_is_a_guess, resolve};
use crate::wallet::secrets::{discard, missing, put_copy, put_new, store_for_new};
use crate::wallet::stores::Chosen;
use crate::wallet::{LocalWallet, retry_on_conflict};

/// How the wallet stands to a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It has neither the token nor the account, or has lost the account's.
    New {
        /// Whether other accounts of a person's are there.
        beside: bool,
    },
    /// It holds this very token.
    Held {
        /// Whose it is, for people.
        account: String,
        /// Whether it is the one in force; otherwise it is set aside.
        in_force: bool,
    },
    /// The account has another token.
    Other,
}

/// What was done with a token.
#[derive(Debug, PartialEq, Eq)]
pub struct Adopted {
    /// How the wallet stood to it.
    pub standing: Comparison,
    /// The store that was chosen just now, for the first time on this machine; to be said aloud.
    pub chosen: Option<String>,
    /// The account that is the default from now on, so that it goes on answering.
    pub default_now: Option<String>,
}

/// What stores gave while one import runs, by the id of each secret. A secret never changes under its id, so one that was
/// another token stays another one: it need not be read again for each token that comes in, which for thousands in one realm
/// would be millions of times. What was the *same* is read again: "held" means that it is there now.
#[derive(Debug, Default)]
pub struct SecretCache(RefCell<HashMap<String, Secret>>);

impl SecretCache {
    /// Whether the secret of this id was read before and is another token.
    fn is_another(&self, id: &str, token: &Secret) -> bool {
        self.0.borrow().get(id).is_some_and(|seen| !seen.same_as(token))
    }

    fn note(&self, id: &str, token: Secret) {
        self.0.borrow_mut().insert(id.to_owned(), token);
    }
}

/// Whether the user name of a URL would be taken for an organisation and is that of an account that we hold (R6): then the
/// organisation is not to be seen.
///
/// # Errors
/// Those of reading.
pub fn user_is_known_account(
    wallet: &LocalWallet<'_>,
    remote: &Remote,
    user: Option<&str>,
) -> Result<bool, Error> {
    let resolution = resolve(&wallet.config, remote, user)?;
    Ok(organisation_is_a_guess(&wallet.records, &resolution, remote, user)?.is_some())
}

/// How the wallet stands to a token. Reads what it compares with from the stores, so that "held" means that it is there.
///
/// # Errors
/// Those of reading: locked is never "not held" (R9).
pub fn compare(
    wallet: &LocalWallet<'_>,
    planned: &Planned,
    token: &Secret,
    seen: &SecretCache,
) -> Result<Comparison, Error> {
    retry_on_conflict(|| compare_now(wallet, planned, token, seen))
}

/// The same, with records that the caller reads: once, where many tokens come one after the other and nothing is written.
///
/// # Errors
/// As [`compare`], and those of `read`.
pub fn compare_by(
    wallet: &LocalWallet<'_>,
    planned: &Planned,
    token: &Secret,
    seen: &SecretCache,
    read: ReadRecord<'_>,
) -> Result<Comparison, Error> {
    match compare_in(wallet, &*read(&planned.group)?, planned, token, seen) {
        // Another process has written it since.
        Err(Error::Changing) => compare(wallet, planned, token, seen),
        standing => standing,
    }
}

fn compare_now(
    wallet: &LocalWallet<'_>,
    planned: &Planned,
    token: &Secret,
    seen: &SecretCache,
) -> Result<Comparison, Error> {
    compare_in(wallet, &wallet.records.read(&planned.group)?, planned, token, seen)
}

/// The same, as far as a record that was just read says.
fn compare_in(
    wallet: &LocalWallet<'_>,
    group: &Group,
    planned: &Planned,
    token: &Secret,
    seen: &SecretCache,
) -> Result<Comparison, Error> {
    let Some(realm) = group.realm(planned.realm.as_str()) else {
        return Ok(Comparison::New { beside: false });
    };
    // The account itself first: of two that hold the same token, it is the one to be named.
    let mut accounts: Vec<&AccountRecord> = realm.accounts.iter().collect();
    accounts.sort_by_key(|account| !is_same(account, planned));
    let mut lost = false;
    for account in &accounts {
        for kept in account.secrets() {
            // The one that this account has in force is looked for each time: its store may have lost it.
            let own = kept.in_force && is_same(account, planned);
            if !own && seen.is_another(kept.id, token) {
                continue;
            }
            match holds_under(wallet, &planned.group, realm, account, kept, token, seen)? {
                Some(true) => {
                    let account = account.account().to_string();
                    return Ok(Comparison::Held { account, in_force: kept.in_force });
                }
                None => lost |= own,
                Some(false) => {}
            }
        }
    }
    Ok(match accounts.iter().any(|account| is_same(account, planned)) {
        // Its store has lost what it had: this one takes the place, and stands behind nothing.
        true if lost => Comparison::New { beside: false },
        true => Comparison::Other,
        false => Comparison::New { beside: realm.has_person() },
    })
}

/// Whether a store has this token under this id, or another one; `None` for one that it lost.
fn holds_under(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: &RealmRecord,
    account: &AccountRecord,
    SecretLocation { store, id, .. }: SecretLocation<'_>,
    token: &Secret,
    seen: &SecretCache,
) -> Result<Option<bool>, Error> {
    match wallet.stores.open(store)?.get(&realm.key_of(account, id)?)? {
        Some(secret) => {
            let held = Payload::unpack(&secret).token;
            let same = held.same_as(token);
            seen.note(id, held);
            Ok(Some(same))
        }
        None => match missing(&wallet.records, group, realm, store, id) {
            Error::Lost { .. } => Ok(None),
            error => Err(error),
        },
    }
}

/// Takes a token over, as far as it is new, and reads it back.
///
/// # Errors
/// Those of the store and of the records, [`Error::Lost`] when the store does not give back what it took; then
/// nothing that was there before has changed.
pub fn adopt(
    wallet: &LocalWallet<'_>,
    mut planned: Planned,
    token: &Secret,
    seen: &SecretCache,
) -> Result<Adopted, Error> {
    let standing = compare(wallet, &planned, token, seen)?;
    let mut done = Adopted { standing, chosen: None, default_now: None };
    let change = match &done.standing {
        Comparison::Held { .. } => return Ok(done),
        Comparison::Other => {
            add_aside(wallet, &planned, token)?;
            None
        }
        Comparison::New { beside } => {
            if *beside {
                done.default_now = keep_answering(wallet, &mut planned)?;
            }
            let added = add(wallet, &planned, token.duplicate())?;
            done.chosen = added.chosen_now.then_some(added.store);
            Some(added.change)
        }
    };
    match compare(wallet, &planned, token, seen)? {
        // Another process may have put the same there meanwhile, or something else: whatever it is, this one is there.
        Comparison::Held { .. } if change != Some(Change::Replaced) => Ok(done),
        Comparison::Held { .. } => Ok(Adopted { standing: Comparison::Other, ..done }),
        _ => Err(Error::Lost {
            store: done.chosen.unwrap_or_else(|| "chosen".to_owned()),
            realm: planned.realm.to_string(),
        }),
    }
}

/// Takes over tokens of one realm: the same as [`adopt`] one after the other, but accounts that are plainly new come
/// in many at a time, so that the realm's record is not written for each. What a crash leaves without a record is still in its
/// source.
///
/// Says to `done` what was done with each, in no particular order.
///
/// # Errors
/// As [`adopt`]; what is in by then stays.
pub fn adopt_all(
    wallet: &LocalWallet<'_>,
    all: Vec<(Planned, &Secret)>,
    seen: &SecretCache,
    done: &mut dyn FnMut(Adopted),
) -> Result<(), Error> {
    if all.len() == 1 {
        return all.into_iter().try_for_each(|(planned, token)| {
            done(adopt(wallet, planned, token, seen)?);
            Ok(())
        });
    }
    let mut together = Vec::new();
    // As it was read since something was last written here.
    let mut known: Option<Group> = None;
    for (planned, token) in all {
        let group = match known.take() {
            Some(group) => group,
            None => wallet.records.read(&planned.group)?,
        };
        match compare_in(wallet, &group, &planned, token, seen) {
            Ok(standing @ Comparison::Held { .. }) => {
                done(Adopted { standing, chosen: None, default_now: None });
                known = Some(group);
            }
            Ok(Comparison::New { .. }) if is_plain(&group, &planned, token, &together) => {
                together.push((planned, token));
                if together.len() < AT_A_TIME {
                    known = Some(group);
                } else {
                    adopt_together(wallet, &mut together, seen, done)?;
                }
            }
            Ok(_) | Err(Error::Changing) => {
                adopt_together(wallet, &mut together, seen, done)?;
                done(adopt(wallet, planned, token, seen)?);
            }
            Err(error) => return Err(error),
        }
    }
    adopt_together(wallet, &mut together, seen, done)
}

/// Takes over accounts that are plainly new; one by one, if another process made it otherwise meanwhile.
fn adopt_together(
    wallet: &LocalWallet<'_>,
    together: &mut Vec<(Planned, &Secret)>,
    seen: &SecretCache,
    done: &mut dyn FnMut(Adopted),
) -> Result<(), Error> {
    let together = std::mem::take(together);
    let Some((first, _)) = together.first() else { return Ok(()) };
    let mut chosen = match add_together(wallet, &first.group, &together, seen) {
        Ok(chosen) => chosen.chosen_now.then(|| chosen.name.to_owned()),
        Err(Error::Changing) => {
            for (planned, token) in together {
                done(adopt(wallet, planned, token, seen)?);
            }
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for _ in together {
        let standing = Comparison::New { beside: true };
        done(Adopted { standing, chosen: chosen.take(), default_now: None });
    }
    Ok(())
}

/// Puts accounts into a group that does not have them: first the secrets, each read back, then the record in one piece, so
/// that a crash leaves what was there or what is new. [`Error::Changing`] if the realm is not as it was any more.
fn add_together(
    wallet: &LocalWallet<'_>,
    group: &str,
    all: &[(Planned, &Secret)],
    seen: &SecretCache,
) -> Result<Chosen, Error> {
    let chosen = store_for_new(wallet)?;
    let store = wallet.stores.open(chosen.name)?;
    let mut new = Vec::new();
    let put = all.iter().try_for_each(|(planned, token)| {
        let account = Account::from_name(planned.wish.account.as_deref());
        let key = Key { realm: planned.realm.clone(), account, id: Id::random()? };
        let secret = Payload::plain(token.duplicate()).pack()?;
        let put = put_copy(wallet, group, (chosen.name, &*store), &key, &secret);
        seen.note(key.id.as_str(), token.duplicate());
        new.push((planned, key));
        put
    });
    let placed = put.and_then(|()| {
        wallet.records.change(group, |group| {
            for (planned, key) in &new {
                let beside = has_others(group, planned);
                if !beside || place_new(group, planned, chosen.name, key, wallet.now)? != Change::New {
                    return Err(Error::Changing);
                }
            }
            Ok(((), true))
        })
    });
    if placed.is_err() {
        new.iter().for_each(|(_, key)| discard(wallet, group, chosen.name, key));
    }
    placed.map(|()| chosen)
}

/// Before a second account comes into a realm without a default: the only one becomes it, or the new one, if the only one
/// answers no more.
fn keep_answering(wallet: &LocalWallet<'_>, planned: &mut Planned) -> Result<Option<String>, Error> {
    let group = wallet.records.read(&planned.group)?;
    let realm = group.realm(planned.realm.as_str());
    let Some((realm, first)) = realm.and_then(|realm| Some((realm, only(realm)?.clone()))) else {
        return Ok(None);
    };
    if matches!(summary(realm, &first, wallet.now).state, State::Rejected | State::Expired) {
        planned.wish.default = true;
        return Ok(planned.wish.account.clone());
    }
    wallet.records.change(&planned.group, |group| {
        let accounts = group.accounts_mut().filter(|account| account.id == first.id);
        accounts.for_each(|account| account.default = true);
        Ok(((), true))
    })?;
    Ok(Some(first.account().to_string()))
}

/// Keeps a token behind the one in force.
fn add_aside(wallet: &LocalWallet<'_>, planned: &Planned, token: &Secret) -> Result<(), Error> {
    let account = Account::from_name(planned.wish.account.as_deref());
    let secret = Payload::plain(token.duplicate()).pack()?;
    put_new(wallet, &planned.group, &planned.realm, account, &secret, |group, store, key| {
        group.forget(key.id.as_str());
        let accounts = group.realm_mut(planned.realm.as_str()).map(|realm| &mut realm.accounts);
        let found = accounts.into_iter().flatten().find(|account| is_same(account, planned));
        let found = found.ok_or(Error::Changing)?;
        let aside = SetAside {
            store: store.to_owned(),
            id: key.id.as_str().to_owned(),
            since: wallet.now,
            expires: planned.wish.expires.map(|at| Expiry { at, certain: false }),
            scopes: Vec::new(),
            authtype: false,
            service_id: None,
            revoked: false,
        };
        found.set_aside.insert(0, aside);
        Ok(())
    })
    .map(|_| ())
}

/// How many accounts come in with one writing of their record: so many secrets are without a record for a moment.
const AT_A_TIME: usize = 64;

/// Whether an account is new in a realm where nothing else changes with it: it stands beside others that go on answering as
/// they did, and neither its name nor its token is among those that come in together with it.
fn is_plain(group: &Group, planned: &Planned, token: &Secret, together: &[(Planned, &Secret)]) -> bool {
    let Some(realm) = group.realm(planned.realm.as_str()) else { return false };
    let alike = |(other, others): &(Planned, &Secret)| {
        other.wish.account == planned.wish.account || others.same_as(token)
    };
    has_others(group, planned)
        && !realm.accounts.iter().any(|account| is_same(account, planned))
        && !together.iter().any(alike)
        && !planned.wish.default
        && planned.lacks_name().is_none()
}

/// Whether what answers in a realm goes on answering beside one more account.
fn has_others(group: &Group, planned: &Planned) -> bool {
    group.realm(planned.realm.as_str()).is_some_and(|realm| realm.has_person() && only(realm).is_none())
}

/// The account that answers because it is the only one of a person's, and would no more beside a second one.
fn only(realm: &RealmRecord) -> Option<&AccountRecord> {
    let mut persons = realm.accounts.iter().filter(|account| account.source == Source::Person);
    let (first, second) = (persons.next()?, persons.next());
    (second.is_none() && !first.default).then_some(first)
}
