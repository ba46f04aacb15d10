//! Tokens of the environment (R13): they come before stored ones, unless a user name picks a stored account. They need no home, and
//! where one answers, the wallet is read only to see whether the user name, or a request without a path, means something else.

use crate::account::Account;
use crate::config::LazyConfig;
use crate::error::{Error, NoCredential, Unusable};
use crate::forge::{Forge, Need, Recognition, prefix_of, recognise, server_realm};
use crate::records::{Group, RealmRecord};
use crate::remote::{Realm, Remote, is_within};
use crate::secret::Secret;
use crate::store::environment::{self, EnvironmentToken, Given, UnusableToken};

use super::choose::Trace;
use super::resolve::{KnownRealm, RealmMatch, Resolution, UserNameRule, match_realm, resolve};
use super::{Credential, LocalWallet, Lookup, Query};

/// What the environment has, with the settings by which its URLs are read.
pub(super) struct Environment<'w> {
    given: Given,
    wallet: &'w LocalWallet<'w>,
    /// In place of settings that are out of reach.
    none: Option<LazyConfig>,
}

impl<'w> Environment<'w> {
    pub(super) fn of(wallet: &'w LocalWallet<'w>) -> Environment<'w> {
        Environment { given: environment::read(wallet.environment), wallet, none: None }
    }

    /// Where a query belongs. If the settings are out of reach (no home, a folder of somebody else), the environment is asked
    /// without them; the error comes back beside it, for when the environment has nothing.
    ///
    /// # Errors
    /// Those of the settings.
    pub(super) fn resolve(&mut self, query: &Query) -> Result<(Resolution, Option<Error>), Error> {
        let user = query.user.as_deref();
        match resolve(&self.wallet.config, &query.remote, user) {
            Ok(resolution) => Ok((resolution, None)),
            Err(error) if is_out_of_reach(&error) && !self.is_empty() => {
                let none = LazyConfig::none();
                let resolution = resolve(&none, &query.remote, user)?;
                self.none = Some(none);
                Ok((resolution, Some(error)))
            }
            Err(error) => Err(error),
        }
    }

    fn is_empty(&self) -> bool {
        self.given.tokens.is_empty() && self.given.unusable.is_empty()
    }

    /// Where the URL of a token belongs; without settings that are out of reach.
    fn place_of(&self, remote: &Remote, user: Option<&str>) -> Result<Resolution, Error> {
        let config = self.none.as_ref().unwrap_or(&self.wallet.config);
        match resolve(config, remote, user) {
            Err(error) if is_out_of_reach(&error) => resolve(&LazyConfig::none(), remote, user),
            done => done,
        }
    }

    /// The answer of a token of the environment, if there is one for it.
    ///
    /// # Errors
    /// Those of the settings, and of records that have to be read and are not out of reach.
    pub(super) fn answer(
        &self,
        query: &Query,
        resolution: &Resolution,
        trace: Trace<'_>,
    ) -> Result<Option<Lookup>, Error> {
        let mut fitting = most_exact(self.fitting(query, resolution)?, query, resolution);
        let Some(first) = fitting.pop() else { return Ok(None) };
        let group = self.group(query, resolution)?;
        let matched = match &group {
            Some(group) => match_realm(resolution, group, &query.remote),
            None => RealmMatch::None,
        };
        if let (RealmMatch::One(entry), Some(user)) = (&matched, query.user.as_deref())
            && entry.names_an_account(user)
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
            _ => (forge_of_server(first), realm_of_server(first), None, None),
        };
        let remote = &query.remote;
        let allowed = |remote: &Remote| {
            site.is_some_and(|site| site.allow_http)
                || environment::allows_http(self.wallet.environment, remote)
        };
        if remote.is_http() && !remote.is_loopback() && !allowed(remote) {
            return Ok(Some(Lookup::reported(NoCredential::PlainHttp { place: remote.to_string() })));
        }
        if let Some(reason) = others(first, &fitting, &matched, query, &realm) {
            return Ok(Some(Lookup::reported(reason)));
        }
        let named = first.user.as_deref().filter(|user| Some(*user) != organisation);
        let rule = UserNameRule { forge, site, organisation };
        Ok(Some(Lookup::Found(Box::new(Credential {
            account: Account::from_name(first.user.as_deref()),
            store: environment::STORE.name.to_owned(),
            variable: Some(first.from),
            by_tool: false,
            user: Some(rule.user_name(query, named, &first.token)),
            presentation: rule.presentation(),
            realm,
            token: first.token.duplicate(),
            refresh: None,
            expires: None,
            authtype: None,
            note: None,
        }))))
    }

    /// The variable whose token answers a query, whatever the wallet holds.
    ///
    /// # Errors
    /// As [`Environment::answer`].
    pub(super) fn variable(&mut self, query: &Query) -> Result<Option<&'static str>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let (resolution, _) = self.resolve(query)?;
        Ok(match self.answer(query, &resolution, &mut |_| {})? {
            Some(Lookup::Found(answer)) => answer.variable,
            Some(Lookup::None { .. }) | None => None,
        })
    }

    /// The records of the place, where they could mean something else than the token: a user name may pick an account, and a
    /// request without a path may mean another realm of the host. Records that are out of reach pick nothing.
    fn group(&self, query: &Query, resolution: &Resolution) -> Result<Option<Group>, Error> {
        let picks = query.user.as_deref().is_some_and(|user| !user.is_empty());
        let pathless = matches!(resolution, Resolution::Host { .. }) && query.remote.path().is_empty();
        let Some(group) = resolution.group().filter(|_| picks || pathless) else { return Ok(None) };
        match self.wallet.records.read(group) {
            Ok(group) => Ok(Some(group)),
            Err(error) if is_out_of_reach(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tokens that are for the place of `query`, as exact as they may be.
    ///
    /// # Errors
    /// Those of the settings.
    fn fitting(&self, query: &Query, resolution: &Resolution) -> Result<Vec<&EnvironmentToken>, Error> {
        let mut fitting = Vec::new();
        for token in &self.given.tokens {
            let need = token.need.is_none_or(|need| need == query.need);
            if need && self.is_for(token, query, resolution)? {
                fitting.push(token);
            }
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
        Ok(match (resolution, self.place_of(&token.remote, token.user.as_deref())?) {
            (Resolution::Known(ours), Resolution::Known(theirs)) => ours.realm == theirs.realm,
            (Resolution::Known(ours), Resolution::NoOrganisation(forge)) => {
                is_whole_host(&token.remote) && ours.forge == forge && query.need == Need::Packages
            }
            (Resolution::Host { group: ours }, Resolution::Host { group: theirs }) => {
                let forge = forge_of_server(token);
                let prefix = prefix_of(forge, &token.remote);
                // On a generic host another user name is another account (R4).
                let asked = query.user.as_deref().filter(|user| forge.is_generic() && !user.is_empty());
                let named = asked.is_none() || token.user.is_none() || asked == token.user.as_deref();
                let path = query.remote.path().is_empty()
                    || query.remote.path_is_within(prefix, forge.case_insensitive_paths);
                *ours == theirs && named && path
            }
            _ => false,
        })
    }

    /// Whether the environment holds this very token for the place of a query, and in which variable.
    ///
    /// # Errors
    /// Those of the settings.
    pub(super) fn holding(
        &self,
        query: &Query,
        resolution: &Resolution,
        token: &Secret,
    ) -> Result<Option<&'static str>, Error> {
        let fitting = self.fitting(query, resolution)?;
        Ok(fitting.into_iter().find(|held| held.token.same_as(token)).map(|held| held.from))
    }

    /// A miss, with the variable that would have answered if its value were a token: what a pipeline's log has to name, because
    /// nobody can look elsewhere there.
    pub(super) fn blame(&self, query: &Query, resolution: &Resolution, missed: Lookup) -> Lookup {
        let Lookup::None { reason, report } = missed else { return missed };
        let place = match (&reason, resolution) {
            (NoCredential::NotOurs, Resolution::Known(known)) => known.realm.to_string(),
            (NoCredential::NoAccount { realm, .. } | NoCredential::Uncovered { realm, .. }, _) => {
                realm.clone()
            }
            (NoCredential::NotOurs | NoCredential::NoOrganisation { .. }, _) => query.remote.authority(),
            _ => return Lookup::None { reason, report },
        };
        let unusable =
            self.given.unusable.iter().filter(|one| one.need.is_none_or(|need| need == query.need));
        let placed = unusable.clone().find(|one| self.would_be_for(one, query, resolution));
        let whole =
            || self.given.tokens.iter().find(|token| self.lacks_organisation(token, query, resolution));
        let found = placed
            .map(|one| (one.from, one.why))
            .or_else(|| whole().map(|token| (token.from, Unusable::NoOrganisation)))
            .or_else(|| {
                unusable.clone().find(|one| report && one.remote.is_none()).map(|one| (one.from, one.why))
            });
        match found {
            Some((variable, why)) => {
                let host = query.remote.authority();
                Lookup::reported(NoCredential::Unusable { place, variable, why, host })
            }
            None => Lookup::None { reason, report },
        }
    }

    fn would_be_for(&self, one: &UnusableToken, query: &Query, resolution: &Resolution) -> bool {
        let Some(remote) = &one.remote else { return false };
        if matches!(one.why, Unusable::PlainHttp | Unusable::PlainHttpToCloud)
            && remote.host() == query.remote.host()
        {
            return true;
        }
        match (resolution, self.place_of(remote, one.user.as_deref())) {
            (Resolution::Known(ours), Ok(Resolution::Known(theirs))) => ours.realm == theirs.realm,
            (Resolution::Known(ours), Ok(Resolution::NoOrganisation(forge))) => ours.forge == forge,
            (Resolution::Host { group: ours }, Ok(Resolution::Host { group: theirs })) => *ours == theirs,
            (Resolution::NoOrganisation(ours), Ok(Resolution::NoOrganisation(theirs))) => *ours == theirs,
            _ => false,
        }
    }

    /// Whether a token is for the service that is asked about, and its URL names no organisation.
    fn lacks_organisation(&self, token: &EnvironmentToken, query: &Query, resolution: &Resolution) -> bool {
        let Resolution::Known(known) = resolution else { return false };
        let theirs = self.place_of(&token.remote, token.user.as_deref());
        token.need.is_none_or(|need| need == query.need)
            && matches!(theirs, Ok(Resolution::NoOrganisation(forge)) if forge == known.forge)
    }
}

/// Whether nothing can be read there, because there is no home or its folders are somebody else's.
pub(super) fn is_out_of_reach(error: &Error) -> bool {
    matches!(error, Error::NoHome | Error::RelativeHome { .. } | Error::Io { .. })
}

/// Whether a URL means everything of its host.
fn is_whole_host(remote: &Remote) -> bool {
    remote.path().is_empty()
}

/// How exactly a token's URL names what is asked for; the greater, the more exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// The realm, but another path in it.
    Realm,
    /// The whole host.
    Host,
    /// The path, by so many segments of the realm's; then whether the variable is made for just this need; then whether it is one
    /// endpoint.
    Path(usize, bool, bool),
}

/// The most exact of tokens that fit (R13). Without a path, a host tells nothing apart.
fn most_exact<'t>(
    mut fitting: Vec<&'t EnvironmentToken>,
    query: &Query,
    resolution: &Resolution,
) -> Vec<&'t EnvironmentToken> {
    if matches!(resolution, Resolution::Host { .. }) && query.remote.path().is_empty() {
        return fitting;
    }
    let best = fitting.iter().map(|token| reach(token, query, resolution)).max();
    fitting.retain(|token| Some(reach(token, query, resolution)) == best);
    fitting
}

fn reach(token: &EnvironmentToken, query: &Query, resolution: &Resolution) -> Reach {
    let (asked, held, folds) = match resolution {
        Resolution::Known(known) => {
            let Recognition::Cloud { path_depth, .. } = recognise(&token.remote, token.user.as_deref())
            else {
                return if known.site.is_some() { Reach::Realm } else { Reach::Host };
            };
            (
                below(&query.remote, known.path_depth),
                below(&token.remote, path_depth),
                known.forge.case_insensitive_paths,
            )
        }
        _ => (query.remote.path(), token.remote.path(), forge_of_server(token).case_insensitive_paths),
    };
    // What names a feed by its index is for all that lies beside the index.
    let held = match held.split_last() {
        Some((last, feed)) if last.eq_ignore_ascii_case("index.json") => feed,
        _ => held,
    };
    match is_within(asked, held, folds) {
        true => Reach::Path(held.len(), token.need == Some(query.need), token.is_endpoint),
        false => Reach::Realm,
    }
}

fn below(remote: &Remote, skip: usize) -> &[String] {
    remote.path().get(skip..).unwrap_or_default()
}

/// What else could be meant beside a token of the environment: another token, or, where the request has no path to tell
/// by, another realm of the host that a person added (R3).
fn others(
    first: &EnvironmentToken,
    fitting: &[&EnvironmentToken],
    matched: &RealmMatch<'_>,
    query: &Query,
    realm: &Realm,
) -> Option<NoCredential> {
    if fitting.iter().any(|other| !other.token.same_as(&first.token)) {
        let mut names: Vec<String> =
            fitting.iter().chain([&first]).map(|token| token.from.to_owned()).collect();
        // One variable may hold several.
        names.sort_unstable();
        names.dedup();
        return Some(NoCredential::Variables { realm: realm.to_string(), names });
    }
    let forge = forge_of_server(first);
    let prefix = prefix_of(forge, &first.remote);
    let is_other = |record: &RealmRecord| {
        record.has_person()
            && !(record.prefix.len() == prefix.len()
                && is_within(&record.prefix, prefix, forge.case_insensitive_paths))
    };
    let urls: Vec<&str> = match matched {
        _ if !query.remote.path().is_empty() => return None,
        RealmMatch::Several(urls) => urls.clone(),
        // The realm of a cloud service is told by more than its path.
        RealmMatch::One(entry) if entry.is_of_host && is_other(entry.record) => {
            vec![entry.record.url.as_str()]
        }
        RealmMatch::One(_) | RealmMatch::None => return None,
    };
    let urls = urls.into_iter().chain([first.from]).map(str::to_owned).collect();
    Some(NoCredential::NoPath { place: query.remote.to_string(), urls })
}

/// The realm of an environment token on a host that nobody described.
pub(super) fn realm_of_server(token: &EnvironmentToken) -> Realm {
    let forge = forge_of_server(token);
    server_realm(forge, &token.remote, prefix_of(forge, &token.remote))
}

/// The forge of such a token.
pub(super) fn forge_of_server(token: &EnvironmentToken) -> &'static Forge {
    crate::forge::looks_like(&token.remote).unwrap_or(&crate::forge::generic::FORGE)
}
