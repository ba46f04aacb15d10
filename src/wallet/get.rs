//! `get`: the hot path.

use crate::error::{Error, Miss};
use crate::records::{AccountRecord, Source};
use crate::remote::Remote;
use crate::store::environment::{self, EnvironmentToken};
use crate::store::payload::Payload;

use super::choose::{Trace, choose, hard_end, judge};
use super::spot::{Held, Known, Pick, Spot, pick};
use super::{Account, Answer, DAY, Found, Local, Note, Query};

/// Days before the end at which a hint begins, once a day (R8).
const HINT_DAYS: i64 = 14;

impl Local<'_> {
    /// [`super::Wallet::get`], telling each step of the decision to `trace`.
    ///
    /// # Errors
    /// As [`super::Wallet::get`].
    pub fn get_traced(&self, query: &Query, trace: Trace<'_>) -> Result<Found, Error> {
        let remote = &query.remote;
        let spot = self.spot(remote, query.user.as_deref())?;
        let group = match &spot {
            Spot::Known(known) => {
                trace(format_args!("{remote} belongs to {}", known.realm));
                &known.group
            }
            Spot::Host { group } => {
                trace(format_args!("{} is no cloud service's host", remote.authority()));
                group
            }
            Spot::NoOrganisation(forge) => {
                trace(format_args!("nothing in it tells the {} of {}", forge.realm_word, forge.name));
                return Ok(loud(Miss::NoOrganisation { host: remote.host().to_owned() }));
            }
            Spot::Never => {
                trace(format_args!("that place never gets a token"));
                return Ok(quiet(Miss::NotOurs));
            }
        };
        let group = self.records.read(group)?;
        let picked = pick(&spot, &group, remote);
        if let Some(found) = self.answer_of_environment(query, &spot, &picked, trace)? {
            return Ok(found);
        }
        let held = match picked {
            Pick::Realm(held) => held,
            Pick::Several(urls) => {
                trace(format_args!("without a path it could be any of {}", urls.join(", ")));
                let names = urls.into_iter().map(str::to_owned).collect();
                return Ok(loud(Miss::Ambiguous { realm: remote.to_string(), names }));
            }
            Pick::None => {
                trace(format_args!("the wallet holds nothing for it"));
                return Ok(match &spot {
                    Spot::Known(known) => loud(Miss::NoAccount { realm: known.realm.to_string() }),
                    _ => quiet(Miss::NotOurs),
                });
            }
        };
        if matches!(spot, Spot::Host { .. }) {
            trace(format_args!("it belongs to {}", held.record.realm));
        }
        let is_loud = !held.forge.is_generic() || held.record.has_person();
        match choose(&held, query, self.now, trace) {
            Ok(account) if !may_travel(remote, &held, account) => {
                trace(format_args!("plain http was never accepted for it"));
                Ok(loud(Miss::PlainHttp { place: remote.to_string() }))
            }
            Ok(account) => self.answer(query, &held, account).map(|answer| Found::Answer(Box::new(answer))),
            Err(miss) => Ok(Found::Miss { miss, loud: is_loud }),
        }
    }

    /// The credential of exactly this account, which a person named: nothing is chosen, but its state is judged, and a
    /// token still only goes where it may.
    ///
    /// # Errors
    /// As [`super::Wallet::get`].
    pub fn get_account(&self, query: &Query, id: &str) -> Result<Found, Error> {
        let spot = self.spot(&query.remote, query.user.as_deref())?;
        let group = match &spot {
            Spot::Known(known) => &known.group,
            Spot::Host { group } => group,
            Spot::NoOrganisation(_) | Spot::Never => return Ok(quiet(Miss::NotOurs)),
        };
        let group = self.records.read(group)?;
        let Pick::Realm(held) = pick(&spot, &group, &query.remote) else { return Ok(quiet(Miss::NotOurs)) };
        let Some(account) = held.record.accounts.iter().find(|account| account.id == id) else {
            return Ok(quiet(Miss::NotOurs));
        };
        if !may_travel(&query.remote, &held, account) {
            return Ok(loud(Miss::PlainHttp { place: query.remote.to_string() }));
        }
        match judge(&held, account, query, self.now) {
            Ok(()) => self.answer(query, &held, account).map(|answer| Found::Answer(Box::new(answer))),
            Err(miss) => Ok(loud(miss)),
        }
    }

    fn answer(&self, query: &Query, held: &Held<'_>, account: &AccountRecord) -> Result<Answer, Error> {
        let Payload { token, refresh, authtype } = self.payload(held.record, account)?;
        let person = account.source == Source::Person;
        let user = if person { Some(user_name(held, query, account, &token)) } else { account.name.clone() };
        Ok(Answer {
            realm: held.record.realm()?,
            account: account.account(),
            store: account.store.clone(),
            user,
            expires: hard_end(account, self.now),
            presentation: if person { held.presentation() } else { crate::forge::Presentation::Plain },
            note: self.ending(query, held, account),
            token,
            refresh,
            authtype,
        })
    }

    /// The hint about a coming end, once a day, and only where a person sees it. That it was given is written down; if that
    /// fails the answer is still good, and the hint comes again.
    fn ending(&self, query: &Query, held: &Held<'_>, account: &AccountRecord) -> Option<Note> {
        let expires = account.expires.filter(|_| query.person_watches && account.source == Source::Person)?;
        let left = expires.at - self.now;
        let (days, today) = (left.div_euclid(DAY), self.now.div_euclid(DAY));
        if days >= HINT_DAYS || account.hinted == Some(today) {
            return None;
        }
        let _ = self.records.change(held.group, |group| {
            let accounts = group.realms.iter_mut().flat_map(|realm| &mut realm.accounts);
            accounts.filter(|a| a.id == account.id).for_each(|a| a.hinted = Some(today));
            Ok(((), true))
        });
        Some(Note::Ending { realm: held.record.realm.clone(), days, url: held.record.url.clone() })
    }

    /// A token of the environment (R13): it wins, unless a user name picks a stored account.
    fn answer_of_environment(
        &self,
        query: &Query,
        spot: &Spot,
        picked: &Pick<'_>,
        trace: Trace<'_>,
    ) -> Result<Option<Found>, Error> {
        let mut fitting = self.environment_tokens(query, spot)?;
        let Some(first) = fitting.pop() else { return Ok(None) };
        if let (Pick::Realm(held), Some(user)) = (picked, query.user.as_deref()) {
            let named = |account: &AccountRecord| account.name.as_deref() == Some(user);
            if !held.is_no_preference(user) && held.record.accounts.iter().any(named) {
                trace(format_args!(
                    "{} has a token for it, but the user name picks account {user}",
                    first.from
                ));
                return Ok(None);
            }
        }
        trace(format_args!("{} has a token for it", first.from));
        let realm = match spot {
            Spot::Known(known) => known.realm.clone(),
            _ => crate::forge::server_realm(first_forge(&first), &first.remote, first.remote.path()),
        };
        if fitting.iter().any(|other| !other.token.same_as(&first.token)) {
            let names =
                fitting.iter().map(|other| other.from).chain([first.from]).map(str::to_owned).collect();
            return Ok(Some(loud(Miss::Ambiguous { realm: realm.to_string(), names })));
        }
        let (forge, site, organisation) = match spot {
            Spot::Known(known) => {
                let Known { forge, site, organisation, .. } = &**known;
                (*forge, site.as_ref(), organisation.as_deref())
            }
            _ => (first_forge(&first), None, None),
        };
        let named = first.user.clone().filter(|user| Some(user.as_str()) != organisation);
        let fallback = site.and_then(|site| site.user_name.clone());
        let fallback =
            fallback.unwrap_or_else(|| crate::forge::fill(forge.user_name.fallback, organisation, None));
        let asked = query.user.clone().filter(|user| !user.is_empty());
        let user = if forge.user_name.echo { asked.or(named) } else { named.or(asked) };
        Ok(Some(Found::Answer(Box::new(Answer {
            realm,
            account: Account::from_name(first.user.as_deref()),
            store: environment::STORE.name.to_owned(),
            user: Some(user.unwrap_or(fallback)),
            token: first.token,
            refresh: None,
            expires: None,
            presentation: site.and_then(|site| site.presentation).unwrap_or(forge.presentation),
            authtype: None,
            note: None,
        }))))
    }

    /// The tokens of the environment that are for the place of `query`.
    pub(super) fn environment_tokens(
        &self,
        query: &Query,
        spot: &Spot,
    ) -> Result<Vec<EnvironmentToken>, Error> {
        let (tokens, _) = environment::tokens(self.environment);
        let mut fitting = Vec::new();
        for token in tokens {
            let need = token.need.is_none_or(|need| need == query.need);
            if need && self.is_for(&token, query, spot)? {
                fitting.push(token);
            }
        }
        Ok(fitting)
    }

    fn is_for(&self, token: &EnvironmentToken, query: &Query, spot: &Spot) -> Result<bool, Error> {
        Ok(match (spot, self.spot(&token.remote, token.user.as_deref())?) {
            (Spot::Known(ours), Spot::Known(theirs)) => ours.realm == theirs.realm,
            (Spot::Host { group: ours }, Spot::Host { group: theirs }) => {
                let forge = first_forge(token);
                *ours == theirs
                    && query.remote.path_is_within(forge.prefix_of(&token.remote), forge.folds_path)
            }
            _ => false,
        })
    }
}

/// The forge of an environment token on a host that nobody described.
fn first_forge(token: &EnvironmentToken) -> &'static crate::forge::Forge {
    crate::forge::looks_like(&token.remote).unwrap_or(&crate::forge::generic::FORGE)
}

/// The user name of an answer (R5); never empty.
fn user_name(
    held: &Held<'_>,
    query: &Query,
    account: &AccountRecord,
    token: &crate::credential::Secret,
) -> String {
    let rule = &held.forge.user_name;
    let demanded = rule.by_token.iter().find(|(beginning, _)| token.begins_with(beginning.as_bytes()));
    if let Some((_, word)) = demanded {
        return (*word).to_owned();
    }
    let asked = query.user.as_deref().filter(|user| rule.echo && !user.is_empty());
    let name = asked.or(account.name.as_deref()).filter(|name| !name.is_empty());
    name.map_or_else(|| held.fallback_user(), str::to_owned)
}

/// Whether a token may go to this remote at all: never over plain http, unless it is this machine, the person accepted it,
/// or a tool stored it for exactly this origin (R1).
fn may_travel(remote: &Remote, held: &Held<'_>, account: &AccountRecord) -> bool {
    !remote.is_http()
        || remote.is_loopback()
        || held.record.allow_http
        || held.site.is_some_and(|site| site.allow_http)
        || account.source == Source::Tool
}

fn loud(miss: Miss) -> Found {
    Found::Miss { miss, loud: true }
}

fn quiet(miss: Miss) -> Found {
    Found::Miss { miss, loud: false }
}
