//! `get`: the hot path.

use crate::error::{Error, NoCredential, target};
use crate::forge::Presentation;
use crate::records::{AccountRecord, Source};
use crate::remote::Remote;
use crate::store::payload::Payload;

use super::choose::{Trace, choose, hard_end, judge};
use super::env_tokens::{Environment, is_out_of_reach};
use super::resolve::{RealmEntry, RealmMatch, Resolution, match_realm, resolve};
use super::secrets::payload_in;
use super::{Credential, DAY, HINT_DAYS, LocalWallet, Lookup, Note, Query, retry_on_conflict};

/// [`super::Wallet::get`], telling each step of the decision to `trace`.
///
/// # Errors
/// As [`super::Wallet::get`].
pub fn get(wallet: &LocalWallet<'_>, query: &Query, trace: Trace<'_>) -> Result<Lookup, Error> {
    let mut environment = Environment::of(wallet);
    let (resolution, out_of_reach) = environment.resolve(query)?;
    let missed = match &resolution {
        Resolution::Known(known) => {
            trace(format_args!("{} belongs to {}", query.remote, known.realm));
            None
        }
        Resolution::Host { .. } => {
            trace(format_args!("{} is no cloud service's host", query.remote.authority()));
            None
        }
        Resolution::NoOrganisation(forge) => {
            trace(format_args!("nothing in it tells the {} of {}", forge.realm_noun, forge.name));
            let host = query.remote.host().to_owned();
            Some(Lookup::reported(NoCredential::NoOrganisation { host }))
        }
        Resolution::Never => {
            trace(format_args!("that place never gets a token"));
            Some(Lookup::silent(NoCredential::NotOurs))
        }
    };
    if let Some(missed) = missed {
        return Ok(environment.blame(query, &resolution, missed));
    }
    if let Some(found) = environment.answer(query, &resolution, trace)? {
        return Ok(found);
    }
    let found = match out_of_reach {
        Some(error) => Err(error),
        None => stored(wallet, query, &resolution, trace),
    };
    match found {
        Ok(found) => Ok(environment.blame(query, &resolution, found)),
        // A pipeline's secret that did not arrive is the cause; that there is no home is not.
        Err(error) if is_out_of_reach(&error) => {
            match environment.blame(query, &resolution, Lookup::silent(NoCredential::NotOurs)) {
                Lookup::None { reason: NoCredential::NotOurs, .. } | Lookup::Found(_) => Err(error),
                blamed => Ok(blamed),
            }
        }
        Err(error) => Err(error),
    }
}

/// What the wallet itself has.
fn stored(
    wallet: &LocalWallet<'_>,
    query: &Query,
    resolution: &Resolution,
    trace: Trace<'_>,
) -> Result<Lookup, Error> {
    let remote = &query.remote;
    let Some(group) = resolution.group() else { return Ok(Lookup::silent(NoCredential::NotOurs)) };
    let group = wallet.records.read(group)?;
    let entry = match match_realm(resolution, &group, remote) {
        RealmMatch::One(entry) => entry,
        RealmMatch::Several(urls) => {
            trace(format_args!("without a path it could be any of {}", urls.join(", ")));
            let urls = urls.into_iter().map(str::to_owned).collect();
            return Ok(Lookup::reported(NoCredential::NoPath { place: remote.to_string(), urls }));
        }
        RealmMatch::None => {
            trace(format_args!("the wallet holds nothing for it"));
            return Ok(match resolution {
                Resolution::Known(known) => Lookup::reported(NoCredential::NoAccount {
                    realm: known.realm.to_string(),
                    url: known.home(remote),
                    asked: None,
                }),
                _ => Lookup::silent(NoCredential::NotOurs),
            });
        }
    };
    if matches!(resolution, Resolution::Host { .. }) {
        trace(format_args!("it belongs to {}", entry.record.realm));
    }
    let report = !entry.forge.is_generic() || entry.record.has_person();
    match choose(&entry, query, wallet.now, trace) {
        Ok(account) if !may_travel(remote, &entry, account) => {
            trace(format_args!("plain http was never accepted for it"));
            Ok(Lookup::reported(NoCredential::PlainHttp { place: remote.to_string() }))
        }
        Ok(account) => credential(wallet, query, &entry, account).map(|found| Lookup::Found(Box::new(found))),
        Err(reason) => Ok(Lookup::None { reason, report }),
    }
}

/// The credential of exactly this account, which a person named: nothing is chosen, but its state is judged, and a
/// token still only goes where it may.
///
/// # Errors
/// As [`super::Wallet::get`].
pub fn get_account(
    wallet: &LocalWallet<'_>,
    query: &Query,
    realm: &str,
    account: &AccountRecord,
) -> Result<Lookup, Error> {
    retry_on_conflict(|| get_same(wallet, query, realm, account))
}

fn get_same(
    wallet: &LocalWallet<'_>,
    query: &Query,
    realm: &str,
    meant: &AccountRecord,
) -> Result<Lookup, Error> {
    let resolution = resolve(&wallet.config, &query.remote, query.user.as_deref())?;
    let Some(group) = resolution.group() else { return Ok(Lookup::silent(NoCredential::NotOurs)) };
    let group = wallet.records.read(group)?;
    let RealmMatch::One(entry) = match_realm(&resolution, &group, &query.remote) else {
        return Ok(Lookup::silent(NoCredential::NotOurs));
    };
    let same = |account: &&AccountRecord| entry.record.realm == realm && account.is_same(meant);
    let Some(account) = entry.record.accounts.iter().find(same) else {
        return Ok(Lookup::silent(NoCredential::NotOurs));
    };
    if !may_travel(&query.remote, &entry, account) {
        return Ok(Lookup::reported(NoCredential::PlainHttp { place: query.remote.to_string() }));
    }
    match judge(&entry, account, query, wallet.now) {
        Ok(()) => credential(wallet, query, &entry, account).map(|found| Lookup::Found(Box::new(found))),
        Err(reason) => Ok(Lookup::reported(reason)),
    }
}

fn credential(
    wallet: &LocalWallet<'_>,
    query: &Query,
    entry: &RealmEntry<'_>,
    account: &AccountRecord,
) -> Result<Credential, Error> {
    let store = wallet.stores.open_prompting(&account.store, query.prompts)?;
    let payload = payload_in(&*store, &wallet.records, entry.group, entry.record, account)?;
    let Payload { token, refresh, authtype } = payload;
    let person = account.source == Source::Person;
    let user = if person {
        Some(entry.user_name_rule().user_name(query, account.name.as_deref(), &token))
    } else {
        account.name.clone()
    };
    Ok(Credential {
        realm: entry.record.realm()?,
        account: account.account(),
        store: account.store.clone(),
        variable: None,
        by_tool: !person,
        user,
        expires: hard_end(account, wallet.now),
        presentation: if person { entry.user_name_rule().presentation() } else { Presentation::Plain },
        note: expiry_note(wallet, query, entry, account),
        token,
        refresh,
        authtype,
    })
}

/// The hint about a coming end, where it is due ([`is_due`]), and only where a person sees it. That it was given is written down; if
/// that fails the answer is still good, and the hint comes again.
fn expiry_note(
    wallet: &LocalWallet<'_>,
    query: &Query,
    entry: &RealmEntry<'_>,
    account: &AccountRecord,
) -> Option<Note> {
    let expires = account.expires.filter(|_| query.stderr_is_terminal && account.source == Source::Person)?;
    if !is_due(expires.at, account.hinted, wallet.now) {
        return None;
    }
    let today = wallet.now.div_euclid(DAY);
    let days = expires.at.saturating_sub(wallet.now).div_euclid(DAY);
    let _ = wallet.records.change(entry.group, |group| {
        group.accounts_mut().filter(|a| a.id == account.id).for_each(|a| a.hinted = Some(today));
        Ok(((), true))
    });
    let url = target(&entry.record.url, account.name.as_deref());
    Some(Note::Ending { realm: entry.record.realm.clone(), days, url })
}

/// Whether a hint about an end is due (R8): the first time somebody watches from 14 days before it on, from 7 days, and from the day
/// before, so that nobody misses one and nobody hears of it every day; once it has ended, every day. `hinted` is the day of the last
/// one. Days are counted as a calendar does, in UTC: the last one is remembered as a day.
fn is_due(at: i64, hinted: Option<i64>, now: i64) -> bool {
    let threshold = |day: i64| match at.div_euclid(DAY).saturating_sub(day) {
        ..=1 => Some(1),
        2..=7 => Some(7),
        8..=HINT_DAYS => Some(HINT_DAYS),
        _ => None,
    };
    let today = now.div_euclid(DAY);
    let passed = threshold(today);
    let heard = hinted.is_some_and(|day| day == today || (at >= now && threshold(day) == passed));
    passed.is_some() && !heard
}

/// Whether a token may go to this remote at all: never over plain http, unless it is this machine, the person accepted it,
/// or a tool stored it for exactly this origin (R1).
fn may_travel(remote: &Remote, entry: &RealmEntry<'_>, account: &AccountRecord) -> bool {
    !remote.is_http()
        || remote.is_loopback()
        || entry.record.allow_http
        || entry.site.is_some_and(|site| site.allow_http)
        || (account.source == Source::Tool && is_at(&entry.record.url, remote))
}

/// Whether a record's URL is of the very origin of `remote`.
fn is_at(url: &str, remote: &Remote) -> bool {
    Remote::from_url(url).is_ok_and(|(home, _)| home.origin() == remote.origin())
}
