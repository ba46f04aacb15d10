//! `get`: the hot path.

use crate::error::{Error, NoCredential, target};
use crate::forge::{Forge, Presentation, server_realm};
use crate::records::{AccountRecord, RealmRecord, Source};
use crate::remote::{Realm, Remote, is_within};
use crate::store::environment::{self, EnvironmentToken};
use crate::store::payload::Payload;

use super::choose::{Trace, choose, hard_end, judge};
use super::resolve::{KnownRealm, RealmEntry, RealmMatch, Resolution, UserNameRule, match_realm};
use super::{Account, Credential, DAY, HINT_DAYS, LocalWallet, Lookup, Note, Query, settled};

impl LocalWallet<'_> {
    /// [`super::Wallet::get`], telling each step of the decision to `trace`.
    ///
    /// # Errors
    /// As [`super::Wallet::get`].
    pub fn get_traced(&self, query: &Query, trace: Trace<'_>) -> Result<Lookup, Error> {
        let remote = &query.remote;
        let resolution = self.resolve(remote, query.user.as_deref())?;
        let group = match &resolution {
            Resolution::Known(known) => {
                trace(format_args!("{remote} belongs to {}", known.realm));
                &known.group
            }
            Resolution::Host { group } => {
                trace(format_args!("{} is no cloud service's host", remote.authority()));
                group
            }
            Resolution::NoOrganisation(forge) => {
                trace(format_args!("nothing in it tells the {} of {}", forge.realm_word, forge.name));
                return Ok(reported(NoCredential::NoOrganisation { host: remote.host().to_owned() }));
            }
            Resolution::Never => {
                trace(format_args!("that place never gets a token"));
                return Ok(silent(NoCredential::NotOurs));
            }
        };
        let group = self.records.read(group)?;
        let picked = match_realm(&resolution, &group, remote);
        if let Some(found) = self.answer_of_environment(query, &resolution, &picked, trace)? {
            return Ok(found);
        }
        let held = match picked {
            RealmMatch::One(held) => held,
            RealmMatch::Several(urls) => {
                trace(format_args!("without a path it could be any of {}", urls.join(", ")));
                let urls = urls.into_iter().map(str::to_owned).collect();
                return Ok(reported(NoCredential::NoPath { place: remote.to_string(), urls }));
            }
            RealmMatch::None => {
                trace(format_args!("the wallet holds nothing for it"));
                return Ok(match &resolution {
                    Resolution::Known(known) => reported(NoCredential::NoAccount {
                        realm: known.realm.to_string(),
                        url: known.home(remote),
                        asked: None,
                    }),
                    _ => silent(NoCredential::NotOurs),
                });
            }
        };
        if matches!(resolution, Resolution::Host { .. }) {
            trace(format_args!("it belongs to {}", held.record.realm));
        }
        let report = !held.forge.is_generic() || held.record.has_person();
        match choose(&held, query, self.now, trace) {
            Ok(account) if !may_travel(remote, &held, account) => {
                trace(format_args!("plain http was never accepted for it"));
                Ok(reported(NoCredential::PlainHttp { place: remote.to_string() }))
            }
            Ok(account) => self.answer(query, &held, account).map(|answer| Lookup::Found(Box::new(answer))),
            Err(reason) => Ok(Lookup::None { reason, report }),
        }
    }

    /// The credential of exactly this account, which a person named: nothing is chosen, but its state is judged, and a
    /// token still only goes where it may.
    ///
    /// # Errors
    /// As [`super::Wallet::get`].
    pub fn get_account(&self, query: &Query, realm: &str, account: &AccountRecord) -> Result<Lookup, Error> {
        settled(|| self.get_same(query, realm, account))
    }

    fn get_same(&self, query: &Query, realm: &str, meant: &AccountRecord) -> Result<Lookup, Error> {
        let resolution = self.resolve(&query.remote, query.user.as_deref())?;
        let Some(group) = resolution.group() else { return Ok(silent(NoCredential::NotOurs)) };
        let group = self.records.read(group)?;
        let RealmMatch::One(held) = match_realm(&resolution, &group, &query.remote) else {
            return Ok(silent(NoCredential::NotOurs));
        };
        let same = |account: &&AccountRecord| held.record.realm == realm && account.is_same(meant);
        let Some(account) = held.record.accounts.iter().find(same) else {
            return Ok(silent(NoCredential::NotOurs));
        };
        if !may_travel(&query.remote, &held, account) {
            return Ok(reported(NoCredential::PlainHttp { place: query.remote.to_string() }));
        }
        match judge(&held, account, query, self.now) {
            Ok(()) => self.answer(query, &held, account).map(|answer| Lookup::Found(Box::new(answer))),
            Err(reason) => Ok(reported(reason)),
        }
    }

    fn answer(
        &self,
        query: &Query,
        held: &RealmEntry<'_>,
        account: &AccountRecord,
    ) -> Result<Credential, Error> {
        let store = self.stores.open_prompting(&account.store, query.prompts)?;
        let payload = self.payload_in(&*store, held.group, held.record, account)?;
        let Payload { token, refresh, authtype } = payload;
        let person = account.source == Source::Person;
        let user = if person {
            Some(held.naming().user_name(query, account.name.as_deref(), &token))
        } else {
            account.name.clone()
        };
        Ok(Credential {
            realm: held.record.realm()?,
            account: account.account(),
            store: account.store.clone(),
            by_tool: !person,
            user,
            expires: hard_end(account, self.now),
            presentation: if person { held.naming().presentation() } else { Presentation::Plain },
            note: self.ending(query, held, account),
            token,
            refresh,
            authtype,
        })
    }

    /// The hint about a coming end, where it is due ([`is_due`]), and only where a person sees it. That it was given is written down; if
    /// that fails the answer is still good, and the hint comes again.
    fn ending(&self, query: &Query, held: &RealmEntry<'_>, account: &AccountRecord) -> Option<Note> {
        let expires =
            account.expires.filter(|_| query.stderr_is_terminal && account.source == Source::Person)?;
        if !is_due(expires.at, account.hinted, self.now) {
            return None;
        }
        let today = self.now.div_euclid(DAY);
        let days = expires.at.saturating_sub(self.now).div_euclid(DAY);
        let _ = self.records.change(held.group, |group| {
            group.accounts_mut().filter(|a| a.id == account.id).for_each(|a| a.hinted = Some(today));
            Ok(((), true))
        });
        let url = target(&held.record.url, account.name.as_deref());
        Some(Note::Ending { realm: held.record.realm.clone(), days, url })
    }

    /// A token of the environment (R13): it wins, unless a user name picks a stored account.
    fn answer_of_environment(
        &self,
        query: &Query,
        resolution: &Resolution,
        picked: &RealmMatch<'_>,
        trace: Trace<'_>,
    ) -> Result<Option<Lookup>, Error> {
        let mut fitting = self.environment_tokens(query, resolution)?;
        let Some(first) = fitting.pop() else { return Ok(None) };
        if let (RealmMatch::One(held), Some(user)) = (picked, query.user.as_deref())
            && held.names_an_account(user)
        {
            trace(format_args!("{} has a token for it, but the user name picks account {user}", first.from));
            return Ok(None);
        }
        trace(format_args!("{} has a token for it", first.from));
        let (forge, realm, site, organisation) = match resolution {
            Resolution::Known(known) => {
                let KnownRealm { forge, realm, site, organisation, .. } = &**known;
                (*forge, realm.clone(), site.as_ref(), organisation.as_deref())
            }
            _ => (forge_of_server(&first), realm_of_server(&first), None, None),
        };
        let remote = &query.remote;
        if remote.is_http() && !remote.is_loopback() && !site.is_some_and(|site| site.allow_http) {
            return Ok(Some(reported(NoCredential::PlainHttp { place: remote.to_string() })));
        }
        if let Some(reason) = others(&first, &fitting, picked, query, &realm) {
            return Ok(Some(reported(reason)));
        }
        let named = first.user.as_deref().filter(|user| Some(*user) != organisation);
        let place = UserNameRule { forge, site, organisation };
        Ok(Some(Lookup::Found(Box::new(Credential {
            account: Account::from_name(first.user.as_deref()),
            store: environment::STORE.name.to_owned(),
            by_tool: false,
            user: Some(place.user_name(query, named, &first.token)),
            presentation: place.presentation(),
            realm,
            token: first.token,
            refresh: None,
            expires: None,
            authtype: None,
            note: None,
        }))))
    }

    /// The tokens of the environment that are for the place of `query`; of a host's, those with the longest prefix.
    pub(super) fn environment_tokens(
        &self,
        query: &Query,
        resolution: &Resolution,
    ) -> Result<Vec<EnvironmentToken>, Error> {
        let (tokens, _) = environment::tokens(self.environment);
        let mut fitting = Vec::new();
        for token in tokens {
            let need = token.need.is_none_or(|need| need == query.need);
            if need && self.is_for(&token, query, resolution)? {
                fitting.push(token);
            }
        }
        if matches!(resolution, Resolution::Host { .. }) && !query.remote.path().is_empty() {
            let length = |token: &EnvironmentToken| forge_of_server(token).prefix_of(&token.remote).len();
            let longest = fitting.iter().map(length).max();
            fitting.retain(|token| Some(length(token)) == longest);
        }
        Ok(fitting)
    }

    fn is_for(
        &self,
        token: &EnvironmentToken,
        query: &Query,
        resolution: &Resolution,
    ) -> Result<bool, Error> {
        let control = |user: &str| user.chars().any(char::is_control);
        if token.user.as_deref().is_some_and(control) {
            return Ok(false);
        }
        Ok(match (resolution, self.resolve(&token.remote, token.user.as_deref())?) {
            (Resolution::Known(ours), Resolution::Known(theirs)) => ours.realm == theirs.realm,
            (Resolution::Host { group: ours }, Resolution::Host { group: theirs }) => {
                let forge = forge_of_server(token);
                let prefix = forge.prefix_of(&token.remote);
                // On a generic host another user name is another account (R4).
                let asked = query.user.as_deref().filter(|user| forge.is_generic() && !user.is_empty());
                let named = asked.is_none() || token.user.is_none() || asked == token.user.as_deref();
                let path =
                    query.remote.path().is_empty() || query.remote.path_is_within(prefix, forge.folds_path);
                *ours == theirs && named && path
            }
            _ => false,
        })
    }
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

/// What else could be meant beside a token of the environment: another token, or, where the request has no path to tell
/// by, another realm of the host that a person added (R3).
fn others(
    first: &EnvironmentToken,
    fitting: &[EnvironmentToken],
    picked: &RealmMatch<'_>,
    query: &Query,
    realm: &Realm,
) -> Option<NoCredential> {
    if fitting.iter().any(|other| !other.token.same_as(&first.token)) {
        let mut names: Vec<String> =
            fitting.iter().chain([first]).map(|token| token.from.to_owned()).collect();
        // One variable may hold several.
        names.sort_unstable();
        names.dedup();
        return Some(NoCredential::Variables { realm: realm.to_string(), names });
    }
    let forge = forge_of_server(first);
    let prefix = forge.prefix_of(&first.remote);
    let is_other = |record: &RealmRecord| {
        record.has_person()
            && !(record.prefix.len() == prefix.len() && is_within(&record.prefix, prefix, forge.folds_path))
    };
    let urls: Vec<&str> = match picked {
        _ if !query.remote.path().is_empty() => return None,
        RealmMatch::Several(urls) => urls.clone(),
        // The realm of a cloud service is told by more than its path.
        RealmMatch::One(held) if held.is_of_host && is_other(held.record) => vec![held.record.url.as_str()],
        RealmMatch::One(_) | RealmMatch::None => return None,
    };
    let urls = urls.into_iter().chain([first.from]).map(str::to_owned).collect();
    Some(NoCredential::NoPath { place: query.remote.to_string(), urls })
}

/// The realm of an environment token on a host that nobody described.
pub(super) fn realm_of_server(token: &EnvironmentToken) -> Realm {
    let forge = forge_of_server(token);
    server_realm(forge, &token.remote, forge.prefix_of(&token.remote))
}

/// The forge of such a token.
pub(super) fn forge_of_server(token: &EnvironmentToken) -> &'static Forge {
    crate::forge::looks_like(&token.remote).unwrap_or(&crate::forge::generic::FORGE)
}

/// Whether a token may go to this remote at all: never over plain http, unless it is this machine, the person accepted it,
/// or a tool stored it for exactly this origin (R1).
fn may_travel(remote: &Remote, held: &RealmEntry<'_>, account: &AccountRecord) -> bool {
    !remote.is_http()
        || remote.is_loopback()
        || held.record.allow_http
        || held.site.is_some_and(|site| site.allow_http)
        || (account.source == Source::Tool && is_at(&held.record.url, remote))
}

/// Whether a record's URL is of the very origin of `remote`.
fn is_at(url: &str, remote: &Remote) -> bool {
    Remote::from_url(url).is_ok_and(|(home, _)| home.origin() == remote.origin())
}

fn reported(reason: NoCredential) -> Lookup {
    Lookup::None { reason, report: true }
}

fn silent(reason: NoCredential) -> Lookup {
    Lookup::None { reason, report: false }
}
