//! Tokens of the environment (R13): they come before stored ones, unless a user name picks a stored account.

use crate::account::Account;
use crate::config::LazyConfig;
use crate::error::{Error, NoCredential};
use crate::forge::{Forge, prefix_of, server_realm};
use crate::records::RealmRecord;
use crate::remote::{Realm, is_within};
use crate::store::environment::{self, EnvironmentToken};

use super::choose::Trace;
use super::resolve::{KnownRealm, RealmMatch, Resolution, UserNameRule, resolve};
use super::{Credential, LocalWallet, Lookup, Query};

/// A token of the environment (R13): it wins, unless a user name picks a stored account.
pub(super) fn answer(
    wallet: &LocalWallet<'_>,
    query: &Query,
    resolution: &Resolution,
    matched: &RealmMatch<'_>,
    trace: Trace<'_>,
) -> Result<Option<Lookup>, Error> {
    let mut fitting = tokens_for(wallet, query, resolution)?;
    let Some(first) = fitting.pop() else { return Ok(None) };
    if let (RealmMatch::One(entry), Some(user)) = (matched, query.user.as_deref())
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
        _ => (forge_of_server(&first), realm_of_server(&first), None, None),
    };
    let remote = &query.remote;
    if remote.is_http() && !remote.is_loopback() && !site.is_some_and(|site| site.allow_http) {
        return Ok(Some(Lookup::reported(NoCredential::PlainHttp { place: remote.to_string() })));
    }
    if let Some(reason) = others(&first, &fitting, matched, query, &realm) {
        return Ok(Some(Lookup::reported(reason)));
    }
    let named = first.user.as_deref().filter(|user| Some(*user) != organisation);
    let rule = UserNameRule { forge, site, organisation };
    Ok(Some(Lookup::Found(Box::new(Credential {
        account: Account::from_name(first.user.as_deref()),
        store: environment::STORE.name.to_owned(),
        by_tool: false,
        user: Some(rule.user_name(query, named, &first.token)),
        presentation: rule.presentation(),
        realm,
        token: first.token,
        refresh: None,
        expires: None,
        authtype: None,
        note: None,
    }))))
}

/// The tokens of the environment that are for the place of `query`; of a host's, those with the longest prefix.
pub(super) fn tokens_for(
    wallet: &LocalWallet<'_>,
    query: &Query,
    resolution: &Resolution,
) -> Result<Vec<EnvironmentToken>, Error> {
    let (tokens, _) = environment::tokens(wallet.environment);
    let mut fitting = Vec::new();
    for token in tokens {
        let need = token.need.is_none_or(|need| need == query.need);
        if need && is_for(&wallet.config, &token, query, resolution)? {
            fitting.push(token);
        }
    }
    if matches!(resolution, Resolution::Host { .. }) && !query.remote.path().is_empty() {
        let length = |token: &EnvironmentToken| prefix_of(forge_of_server(token), &token.remote).len();
        let longest = fitting.iter().map(length).max();
        fitting.retain(|token| Some(length(token)) == longest);
    }
    Ok(fitting)
}

fn is_for(
    config: &LazyConfig,
    token: &EnvironmentToken,
    query: &Query,
    resolution: &Resolution,
) -> Result<bool, Error> {
    let control = |user: &str| user.chars().any(char::is_control);
    if token.user.as_deref().is_some_and(control) {
        return Ok(false);
    }
    Ok(match (resolution, resolve(config, &token.remote, token.user.as_deref())?) {
        (Resolution::Known(ours), Resolution::Known(theirs)) => ours.realm == theirs.realm,
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

/// What else could be meant beside a token of the environment: another token, or, where the request has no path to tell
/// by, another realm of the host that a person added (R3).
fn others(
    first: &EnvironmentToken,
    fitting: &[EnvironmentToken],
    matched: &RealmMatch<'_>,
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
