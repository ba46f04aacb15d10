//! `store` from a tool (R6): it proves little, because git stores after a sign-in page too. What we hold already costs one
//! look and no write; what is new goes beside what a person added, never over it.

use crate::account::{Account, Key};
use crate::error::Error;
use crate::forge::{self, Forge, generic};
use crate::records::{AccountRecord, Expiry, Group, RealmRecord, SetAside, Source};
use crate::remote::Remote;
use crate::store::payload::Payload;

use super::choose::{choose, hard_end};
use super::env_tokens::Environment;
use super::resolve::{RealmEntry, RealmMatch, Resolution, forge_of, match_realm, organisation_is_a_guess};
use super::secrets::{destroy, holds, payload_in, put_new};
use super::{KEEP_ASIDE_SECONDS, LocalWallet, PromptPolicy, Query, Stored};

pub(super) fn store(
    wallet: &LocalWallet<'_>,
    query: &Query,
    new: &Payload,
    expires: Option<i64>,
) -> Result<Stored, Error> {
    let mut environment = Environment::of(wallet);
    let (resolution, out_of_reach) = environment.resolve(query)?;
    if environment.holding(query, &resolution, &new.token)?.is_some() {
        return Ok(Stored::Unchanged);
    }
    if let Some(error) = out_of_reach {
        return Err(error);
    }
    let group_name = match &resolution {
        Resolution::Never => return Ok(Stored::NotOurs),
        Resolution::NoOrganisation(forge) => return store_unseen(wallet, forge, query, new, expires),
        Resolution::Known(known) => known.group.clone(),
        Resolution::Host { group } => group.clone(),
    };
    let group = wallet.records.read(&group_name)?;
    let picked = match_realm(&resolution, &group, &query.remote);
    if let RealmMatch::One(entry) = &picked
        && let Some(done) = store_known(wallet, entry, query, new, expires)?
    {
        return Ok(done);
    }
    if let Some(forge) =
        organisation_is_a_guess(&wallet.records, &resolution, &query.remote, query.user.as_deref())?
    {
        return store_unseen(wallet, forge, query, new, expires);
    }
    let realm = match picked {
        RealmMatch::One(entry) => entry.record.clone(),
        // Several realms and no path: the pair is for the host as a whole.
        RealmMatch::None | RealmMatch::Several(_) => new_realm(&resolution, &query.remote),
    };
    store_new(wallet, &group_name, realm, query, new, expires)
}

/// Stores where the organisation cannot be seen: only what is held already is recognised, by its token.
fn store_unseen(
    wallet: &LocalWallet<'_>,
    forge: &Forge,
    query: &Query,
    new: &Payload,
    expires: Option<i64>,
) -> Result<Stored, Error> {
    for group in wallet.records.of_forge(forge.id)? {
        for realm in &group.realms {
            for account in &realm.accounts {
                if holds(wallet, &group.group, realm, account, &new.token)? {
                    return clear(wallet, &group.group, account, query, expires);
                }
            }
        }
    }
    Ok(Stored::NoOrganisation { host: query.remote.host().to_owned() })
}

/// What the realm holds already: nothing is written, except that a refusal is cleared.
fn store_known(
    wallet: &LocalWallet<'_>,
    entry: &RealmEntry<'_>,
    query: &Query,
    new: &Payload,
    expires: Option<i64>,
) -> Result<Option<Stored>, Error> {
    let compare = |prompts| compare_held(wallet, entry, query, new, expires, prompts);
    match compare(PromptPolicy::Never) {
        // A tool sends back what it has just got from here (git does so after each success), and nobody is asked twice for one
        // answer. Where no account would have answered, it is another token.
        Err(Error::Locked { .. }) if choose(entry, query, wallet.now, &mut |_| {}).is_err() => {
            compare(query.prompts)
        }
        compared => compared,
    }
}

/// Compares with what the realm holds, asking a person to unlock a store only as `prompts` says.
fn compare_held(
    wallet: &LocalWallet<'_>,
    entry: &RealmEntry<'_>,
    query: &Query,
    new: &Payload,
    expires: Option<i64>,
    prompts: PromptPolicy,
) -> Result<Option<Stored>, Error> {
    let payload = |account: &AccountRecord| {
        let store = wallet.stores.open_prompting(&account.store, prompts)?;
        payload_in(&*store, &wallet.records, entry.group, entry.record, account)
    };
    if let Some(account) = stored_pair(entry, query) {
        let same = match payload(account) {
            Ok(payload) => payload.same_as(new),
            Err(Error::Lost { .. }) => false,
            Err(error) => return Err(error),
        };
        if same {
            return clear(wallet, entry.group, account, query, expires).map(Some);
        }
    }
    // A person's token counts whatever user name it went by, and in whatever dress. The likely one first.
    let mut persons: Vec<_> =
        entry.record.accounts.iter().filter(|account| account.source == Source::Person).collect();
    persons.sort_by_key(|account| account.name != query.user);
    for account in persons {
        match payload(account) {
            Ok(held) if held.token.same_as(&new.token) => {
                return clear(wallet, entry.group, account, query, None).map(Some);
            }
            Ok(_) | Err(Error::Lost { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Clears a refusal for the need that succeeded, and takes a changed end over; writes only if something changes.
fn clear(
    wallet: &LocalWallet<'_>,
    group: &str,
    account: &AccountRecord,
    query: &Query,
    expires: Option<i64>,
) -> Result<Stored, Error> {
    let expiry = expires.map(|at| Expiry { at, certain: true }).filter(|_| account.source == Source::Tool);
    let need = query.need.as_str();
    let stale = |account: &AccountRecord| {
        account.rejection_for(need).is_some() || (account.source == Source::Tool && account.expires != expiry)
    };
    if !stale(account) {
        return Ok(Stored::Unchanged);
    }
    wallet.records.change(group, |group| {
        let found = group.accounts_mut().find(|found| found.id == account.id);
        let found = found.ok_or(Error::Changing)?;
        if !stale(found) {
            return Ok((Stored::Unchanged, false));
        }
        found.rejections.retain(|key, _| key != need && key != "*");
        if found.source == Source::Tool {
            found.expires = expiry;
        }
        Ok((Stored::Cleared, true))
    })
}

/// Keeps what is new, beside what a person added or over a pair that tools stored.
fn store_new(
    wallet: &LocalWallet<'_>,
    group: &str,
    realm: RealmRecord,
    query: &Query,
    new: &Payload,
    expires: Option<i64>,
) -> Result<Stored, Error> {
    let (place, account) = (realm.realm()?, Account::from_name(query.user.as_deref()));
    let packed = new.pack()?;
    let (swept, chosen) = put_new(wallet, group, &place, account, &packed, |group, store, key| {
        let wish = AccountRecord {
            path: path_of_pair(&realm, &query.remote),
            expires: expires.map(|at| Expiry { at, certain: true }),
            authtype: new.authtype.is_some(),
            refresh: new.refresh.is_some(),
            ..AccountRecord::new(Source::Tool, store, key, wallet.now)
        };
        place_pair(group, realm, wish, wallet.now)
    })?;
    // What nothing refers to any more; a failure leaves an orphan that doctor finds.
    let _ = destroy(wallet, group, &swept);
    Ok(Stored::Written { chosen: chosen.chosen_now.then(|| chosen.name.to_owned()) })
}

/// The pair of a tool's that would answer this user name here: on a generic host, the one with the longest path.
fn stored_pair<'r>(entry: &RealmEntry<'r>, query: &Query) -> Option<&'r AccountRecord> {
    let answers = |account: &&AccountRecord| {
        account.source == Source::Tool
            && account.name == query.user
            && query.remote.path_is_within(&account.path, false)
    };
    entry.record.accounts.iter().filter(answers).max_by_key(|account| account.path.len())
}

/// The path that a tool's pair is kept with: only where git's own matching is all we know. Otherwise the realm is the whole
/// site, never one entry per repository (R3).
fn path_of_pair(realm: &RealmRecord, remote: &Remote) -> Vec<String> {
    if forge_of(realm).is_generic() && remote.scheme() != "cert" {
        remote.path().to_vec()
    } else {
        Vec::new()
    }
}

/// The realm that a tool's store begins.
fn new_realm(resolution: &Resolution, remote: &Remote) -> RealmRecord {
    let (realm, url, prefix) = match resolution {
        Resolution::Known(known) => {
            let url = known.home(&remote.without_path());
            let prefix = known.site.as_ref().map(|site| site.prefix.clone()).unwrap_or_default();
            (known.realm.clone(), url, prefix)
        }
        _ => {
            // A path that only one forge has tells it; else git's rules for any host.
            let forge = forge::by_path(remote).unwrap_or(&generic::FORGE);
            let whole = if remote.scheme() == "cert" { remote.clone() } else { remote.without_path() };
            (forge::server_realm(forge, &whole, whole.path()), whole.to_string(), Vec::new())
        }
    };
    RealmRecord::new(&realm, url, prefix)
}

/// Puts a tool's pair into its group: over the secret of the same pair, which is set aside, or as a new account. Returns
/// what may be destroyed: what tools stored and what has been out of force for a month, or has certainly ended.
pub(super) fn place_pair(
    group: &mut Group,
    realm: RealmRecord,
    wish: AccountRecord,
    now: i64,
) -> Result<Vec<(String, Key)>, Error> {
    group.forget(&wish.id);
    let name = realm.realm.clone();
    let empty = || Ok(RealmRecord { accounts: Vec::new(), rules: Vec::new(), ..realm });
    let record = group.realm_or_new(&name, empty)?;
    match record.accounts.iter_mut().find(|account| account.is_same(&wish)) {
        Some(found) => set_aside_and_replace(found, wish, now),
        None => {
            keep_answering(record, &wish, now);
            record.accounts.push(wish);
        }
    }
    sweep_pairs(record, now)
}

/// Before a tool's second pair comes to a path: the one that answered there goes on answering (R4).
fn keep_answering(record: &mut RealmRecord, wish: &AccountRecord, now: i64) {
    let ended = |account: &AccountRecord| hard_end(account, now).is_some_and(|at| at <= now);
    let mut pairs: Vec<&mut AccountRecord> = record
        .accounts
        .iter_mut()
        .filter(|account| account.source == Source::Tool && account.path == wish.path)
        .filter(|account| account.rejections.is_empty() && !ended(account))
        .collect();
    if let [only] = pairs.as_mut_slice() {
        only.default = true;
    }
}

/// The secret in force goes to the front of those set aside; the new one takes its place.
pub(super) fn set_aside_and_replace(found: &mut AccountRecord, wish: AccountRecord, now: i64) {
    let before = SetAside {
        store: std::mem::take(&mut found.store),
        id: std::mem::take(&mut found.id),
        since: now,
        expires: found.expires,
        scopes: std::mem::take(&mut found.scopes),
        authtype: found.authtype,
        service_id: found.service_id.take(),
        revoked: found.is_revoked(),
    };
    found.set_aside.insert(0, before);
    let AccountRecord { store, id, expires, scopes, authtype, refresh, service_id, changed, .. } = wish;
    found.store = store;
    found.id = id;
    found.expires = expires;
    found.scopes = scopes;
    found.authtype = authtype;
    found.refresh = refresh;
    found.service_id = service_id;
    found.changed = changed;
    found.hinted = None;
    found.rejections.clear();
}

/// Takes out of a record what tools stored and nobody will want back.
fn sweep_pairs(record: &mut RealmRecord, now: i64) -> Result<Vec<(String, Key)>, Error> {
    let old = |since: i64| now.saturating_sub(since) > KEEP_ASIDE_SECONDS;
    let ended = |expiry: Option<Expiry>| expiry.is_some_and(|expiry| expiry.certain && expiry.at < now);
    let mut swept = Vec::new();
    for account in record.accounts.iter().filter(|account| account.source == Source::Tool) {
        let dead = account.rejections.get("*").is_some_and(|rejection| old(rejection.since));
        for aside in account.set_aside.iter().filter(|aside| dead || old(aside.since) || ended(aside.expires))
        {
            swept.push((aside.store.clone(), record.key_of(account, &aside.id)?));
        }
        if dead {
            swept.push((account.store.clone(), record.key(account)?));
        }
    }
    let gone = |id: &str| swept.iter().any(|(_, key)| key.id.as_str() == id);
    record.accounts.retain(|account| !gone(&account.id));
    for account in &mut record.accounts {
        account.set_aside.retain(|aside| !gone(&aside.id));
    }
    Ok(swept)
}
