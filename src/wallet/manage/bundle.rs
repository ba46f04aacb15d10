//! The wallet as a whole, to be taken to another machine: every record with its secrets, out and in again. Coming in, it
//! meets what is there by the same rules as a single token that is taken over ([`super::adopt`]): what the wallet
//! holds stays and goes on answering.
//!
//! Deliberately absent: the form on disk, and its encryption (see `crate::export`); the environment's tokens; the choice
//! of store, which is each machine's own.

use std::collections::BTreeMap;

use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::forge;
use crate::records::{AccountRecord, Group, RealmRecord, SetAside, Source};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::store::Store;
use crate::store::payload::Payload;
use crate::wallet::resolve::{RecordPlace, Resolution, forge_of, record_place, resolve};
use crate::wallet::secrets::{discard, missing, secrets_of, store_for_new};
use crate::wallet::{LocalWallet, retry_on_conflict};

/// Records with their secrets.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The records.
    pub realms: Vec<RealmRecord>,
    /// The secrets that they speak of, by id, as a store keeps them.
    pub secrets: BTreeMap<String, Secret>,
}

/// MergeAction became of one account of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeResult {
    /// The realm in text.
    pub realm: String,
    /// The account, for people.
    pub account: String,
    /// MergeAction was, or would be, done with its token.
    pub what: MergeAction,
}

/// MergeAction is done with the token of an account that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeAction {
    /// The account is new here.
    New,
    /// The account has this very token.
    Held,
    /// The account has another token; this one is set aside behind it.
    Aside,
    /// The account is here, and its store has lost its token; this one takes the place.
    Back,
}

/// What a bundle says of a realm beside its accounts, and what is not so here yet. It decides which token goes where, so it is shown
/// and asked about by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewSetting {
    /// A path rule.
    Rule {
        /// The realm's URL with the path that the rule is for.
        url: String,
        /// The account that answers there.
        account: String,
    },
    /// Tokens of this realm may travel over plain http.
    AllowHttp {
        /// The realm's URL.
        url: String,
    },
}

/// A secret that is about to come in, under its new key.
struct Incoming {
    key: Key,
    secret: Secret,
}

/// Everything that the records speak of, with what they say of it.
///
/// # Errors
/// The first record or secret that cannot be read: an export that leaves something out is worse than none.
pub fn collect(wallet: &LocalWallet<'_>) -> Result<Bundle, Error> {
    retry_on_conflict(|| {
        let mut bundle = Bundle::default();
        for group in wallet.records.all()? {
            let group = group?;
            for realm in &group.realms {
                for account in &realm.accounts {
                    for (store, key) in secrets_of(realm, account)? {
                        let secret = wallet.stores.open(&store)?.get(&key)?;
                        let missing =
                            || missing(&wallet.records, &group.group, realm, &store, key.id.as_str());
                        bundle.secrets.insert(key.id.as_str().to_owned(), secret.ok_or_else(missing)?);
                    }
                }
                bundle.realms.push(realm.clone());
            }
        }
        bundle.realms.sort_by(|a, b| a.realm.cmp(&b.realm));
        Ok(bundle)
    })
}

/// What a merge would change of the settings of realms, beside their accounts.
///
/// # Errors
/// As [`preview`].
pub fn new_settings(wallet: &LocalWallet<'_>, bundle: &Bundle) -> Result<Vec<NewSetting>, Error> {
    check(bundle)?;
    let mut settings = Vec::new();
    for realm in &bundle.realms {
        let place = place_of(wallet, realm)?;
        let group = wallet.records.read(&place.group)?;
        let here = group.realm(&realm.realm);
        let url = here.map_or(&place.url, |here| &here.url).trim_end_matches('/');
        for rule in &realm.rules {
            let known = here.is_some_and(|here| here.rules.iter().any(|here| here.path == rule.path));
            let named = |accounts: &[AccountRecord]| accounts.iter().any(|one| one.name == rule.account);
            if !known && (named(&realm.accounts) || here.is_some_and(|here| named(&here.accounts))) {
                let account = Account::from_name(rule.account.as_deref()).to_string();
                settings.push(NewSetting::Rule { url: format!("{url}/{}", rule.path.join("/")), account });
            }
        }
        if realm.allow_http && !here.is_some_and(|here| here.allow_http) {
            settings.push(NewSetting::AllowHttp { url: url.to_owned() });
        }
    }
    Ok(settings)
}

/// MergeAction taking a bundle in would do. Changes nothing.
///
/// # Errors
/// A bundle that cannot be right, and those of reading; then none of it may be taken in.
pub fn preview(wallet: &LocalWallet<'_>, bundle: &Bundle) -> Result<Vec<MergeResult>, Error> {
    check(bundle)?;
    let mut arrivals = Vec::new();
    for realm in &bundle.realms {
        let group = wallet.records.read(&place_of(wallet, realm)?.group)?;
        for account in &realm.accounts {
            let what = compare(wallet, &group, realm, account, bundle)?;
            arrivals.push(MergeResult {
                realm: realm.realm.clone(),
                account: account.account().to_string(),
                what,
            });
        }
    }
    Ok(arrivals)
}

/// Takes a bundle in, realm by realm: the secrets first, then their record in one piece. May be repeated after any failure.
/// Returns the store, if it was chosen for this; that is to be said aloud.
///
/// # Errors
/// As [`preview`], and those of writing; what is in by then stays and is recognised the next time.
pub fn merge(wallet: &LocalWallet<'_>, bundle: &Bundle) -> Result<Option<String>, Error> {
    preview(wallet, bundle)?;
    let chosen = store_for_new(wallet)?;
    let store = wallet.stores.open(chosen.name)?;
    for realm in &bundle.realms {
        retry_on_conflict(|| merge_realm(wallet, realm, bundle, &*store, chosen.name))?;
    }
    Ok(chosen.chosen_now.then(|| chosen.name.to_owned()))
}

fn merge_realm(
    wallet: &LocalWallet<'_>,
    realm: &RealmRecord,
    bundle: &Bundle,
    store: &dyn Store,
    store_name: &str,
) -> Result<(), Error> {
    let place = place_of(wallet, realm)?;
    // A realm of a cloud service is where the service is, whatever the export says: hints name this URL.
    let realm = &RealmRecord { url: place.url, prefix: place.prefix, ..realm.clone() };
    let group_name = place.group;
    let before = wallet.records.read(&group_name)?;
    let mut incoming = Vec::new();
    let mut accounts = Vec::new();
    for account in &realm.accounts {
        let what = compare(wallet, &before, realm, account, bundle)?;
        let mut copy = account.clone();
        let mut renew = |id: &mut String, kept_in: &mut String| -> Result<(), Error> {
            let secret = bundle.secrets.get(id.as_str()).ok_or(BROKEN)?.duplicate();
            let key = Key { realm: realm_of(realm)?, account: account.account(), id: Id::random()? };
            key.id.as_str().clone_into(id);
            store_name.clone_into(kept_in);
            incoming.push(Incoming { key, secret });
            Ok(())
        };
        match what {
            MergeAction::New => {
                renew(&mut copy.id, &mut copy.store)?;
                copy.set_aside.iter_mut().try_for_each(|aside| renew(&mut aside.id, &mut aside.store))?;
            }
            MergeAction::Aside | MergeAction::Back => renew(&mut copy.id, &mut copy.store)?,
            MergeAction::Held => {}
        }
        accounts.push((copy, what));
    }
    let placed = incoming.iter().try_for_each(|new| store.put(&new.key, &new.secret)).and_then(|()| {
        let back = |new: &Incoming| {
            Ok::<bool, Error>(store.get(&new.key)?.is_some_and(|back| back.same_as(&new.secret)))
        };
        let lost = || Error::Lost { store: store_name.to_owned(), realm: realm.realm.clone() };
        incoming.iter().try_for_each(|new| if back(new)? { Ok(()) } else { Err(lost()) })?;
        wallet.records.change(&group_name, |group| {
            join(group, realm, accounts, wallet.now).map(|changed| ((), changed))
        })
    });
    if placed.is_err() {
        incoming.iter().for_each(|new| discard(wallet, &group_name, store_name, &new.key));
    }
    placed
}

/// How an account meets what is here.
fn compare(
    wallet: &LocalWallet<'_>,
    group: &Group,
    realm: &RealmRecord,
    account: &AccountRecord,
    bundle: &Bundle,
) -> Result<MergeAction, Error> {
    let here = group.realm(&realm.realm);
    let found = here.and_then(|here| Some((here, here.accounts.iter().find(|a| a.is_same(account))?)));
    let Some((here, found)) = found else { return Ok(MergeAction::New) };
    let token = bundle.secrets.get(&account.id).ok_or(BROKEN)?;
    for kept in found.secrets() {
        let held = wallet.stores.open(kept.store)?.get(&here.key_of(found, kept.id)?)?;
        if held.is_none() && kept.in_force {
            return match missing(&wallet.records, &group.group, here, kept.store, kept.id) {
                Error::Lost { .. } => Ok(MergeAction::Back),
                error => Err(error),
            };
        }
        if held.is_some_and(|held| Payload::unpack(&held).same_as(&Payload::unpack(token))) {
            return Ok(MergeAction::Held);
        }
    }
    Ok(MergeAction::Aside)
}

/// Whether this machine's settings lead from a realm's URL to it.
fn is_mapped(wallet: &LocalWallet<'_>, realm: &RealmRecord) -> Result<bool, Error> {
    let Ok((remote, user)) = Remote::from_url(&realm.url) else { return Ok(false) };
    let resolution = resolve(&wallet.config, &remote, user.as_deref())?;
    Ok(matches!(resolution, Resolution::Known(known) if known.realm.as_str() == realm.realm))
}

/// Where a realm belongs on this machine. A server's record must be where its name says: tokens that are added to it later are
/// shown to its URL, and answered below its prefix.
fn place_of(wallet: &LocalWallet<'_>, realm: &RealmRecord) -> Result<RecordPlace, Error> {
    let home = record_place(&wallet.config, &realm_of(realm)?)?.ok_or(BROKEN)?;
    let is_server = realm.realm.contains("://");
    let same = realm.url.eq_ignore_ascii_case(&home.url)
        && realm.prefix.join("/").eq_ignore_ascii_case(&home.prefix.join("/"));
    if same || is_mapped(wallet, realm)? {
        return Ok(RecordPlace { url: realm.url.clone(), prefix: realm.prefix.clone(), group: home.group });
    }
    if is_server { Err(BROKEN) } else { Ok(home) }
}

/// Puts the accounts of a realm beside what is there.
fn join(
    group: &mut Group,
    realm: &RealmRecord,
    accounts: Vec<(AccountRecord, MergeAction)>,
    now: i64,
) -> Result<bool, Error> {
    // `doctor --repair` may have found a secret of these in its store before this record. Those that are not new have the ids
    // of the wallet that they come from, which may be this one.
    for (account, what) in &accounts {
        let aside =
            account.set_aside.iter().filter(|_| *what == MergeAction::New).map(|aside| aside.id.as_str());
        let own = Some(account.id.as_str()).filter(|_| *what != MergeAction::Held);
        own.into_iter().chain(aside).for_each(|id| group.forget(id));
    }
    let here = group.realm_or_new(&realm.realm, || {
        Ok(RealmRecord { accounts: Vec::new(), rules: Vec::new(), ..realm.clone() })
    })?;
    let mut changed = false;
    let has_default = here.accounts.iter().any(|account| account.default);
    let persons = here.accounts.iter().filter(|account| account.source == Source::Person).count();
    let adds_person =
        accounts.iter().any(|(account, what)| *what == MergeAction::New && account.source == Source::Person);
    // The only one that answers goes on answering.
    if persons == 1 && adds_person && !has_default {
        let only = here.accounts.iter_mut().filter(|account| account.source == Source::Person);
        only.for_each(|account| account.default = true);
    }
    for (mut account, what) in accounts {
        let found = here.accounts.iter_mut().find(|here| here.is_same(&account));
        match (what, found) {
            (MergeAction::Held, Some(_)) => continue,
            (MergeAction::New, None) => {
                account.default &= persons == 0 && !has_default;
                here.accounts.push(account);
            }
            (MergeAction::Aside, Some(found)) => {
                let revoked = account.is_revoked();
                let AccountRecord { store, id, expires, scopes, authtype, service_id, .. } = account;
                let aside =
                    SetAside { store, id, since: now, expires, scopes, authtype, service_id, revoked };
                found.set_aside.insert(0, aside);
            }
            (MergeAction::Back, Some(found)) => {
                let AccountRecord { store, id, expires, scopes, authtype, service_id, rejections, .. } =
                    account;
                (found.store, found.id, found.changed) = (store, id, now);
                (found.expires, found.scopes, found.authtype) = (expires, scopes, authtype);
                (found.service_id, found.rejections) = (service_id, rejections);
            }
            // It came or went since it was looked at.
            _ => return Err(Error::Changing),
        }
        changed = true;
    }
    for rule in &realm.rules {
        let known = here.rules.iter().any(|here| here.path == rule.path);
        if !known && here.accounts.iter().any(|account| account.name == rule.account) {
            here.rules.push(rule.clone());
            changed = true;
        }
    }
    // Leave to send a token over plain http comes along, as the person gave it.
    changed |= realm.allow_http && !here.allow_http;
    here.allow_http |= realm.allow_http;
    Ok(changed)
}

/// A bundle that nobody's keyfob made.
const BROKEN: Error = Error::Request { why: "the export does not fit together" };

fn realm_of(realm: &RealmRecord) -> Result<Realm, Error> {
    Realm::from_text(&realm.realm).ok_or(BROKEN)
}

/// Whether a bundle is one that a wallet could have made: each account has its secret, each name can be written into an
/// answer, each realm is where it says. (Whoever knows a public key can make a file for it.)
fn check(bundle: &Bundle) -> Result<(), Error> {
    let control = |text: &str| text.chars().any(char::is_control);
    for realm in &bundle.realms {
        let known = realm.realm.split('/').next().is_some_and(|id| forge::named(id).is_some());
        let url = Remote::from_url(&realm.url).is_ok() || forge_of(realm).is_generic();
        if !known || !url || control(&realm.url) || realm_of(realm).is_err() {
            return Err(BROKEN);
        }
        let ruled = realm.rules.iter().flat_map(|rule| rule.path.iter().chain(&rule.account));
        if ruled.into_iter().any(|word| control(word)) {
            return Err(BROKEN);
        }
        for account in &realm.accounts {
            let held = account.secrets().all(|kept| bundle.secrets.contains_key(kept.id));
            let words = account.name.iter().chain(&account.label).chain(&account.path).chain(&account.scopes);
            if !held || words.into_iter().any(|word| control(word)) {
                return Err(BROKEN);
            }
        }
    }
    Ok(())
}
