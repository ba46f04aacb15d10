//! `list`: every account of the wallet, without the secrets.

use crate::error::{Error, RejectionReason};
use crate::records::{AccountRecord, RealmRecord, RejectionState, Source};
use crate::remote::Remote;
use crate::text::without_scheme;
use crate::wallet::LocalWallet;
use crate::wallet::choose::hard_end;
use crate::wallet::env_tokens::realm_of_server;
use crate::wallet::resolve::{Resolution, resolve};

/// An account as a person sees it: everything but the secret.
#[derive(Clone, Debug)]
pub struct AccountSummary {
    /// The realm in text.
    pub realm: String,
    /// Its name; `None` for the unnamed one.
    pub account: Option<String>,
    /// The URL that the person gave, or the origin that a tool stored for.
    pub url: String,
    /// The host and organisation as people write them: that URL without `https://`.
    pub place: String,
    /// The paths below the realm where this account is preferred.
    pub rules: Vec<String>,
    /// Path of a tool's pair on a generic host.
    pub path: Vec<String>,
    /// The store of its secret.
    pub store: String,
    /// What may be expected of it.
    pub state: State,
    /// Since when it is refused, in Unix seconds.
    pub since: Option<i64>,
    /// Why it was refused or set aside.
    pub reason: Option<RejectionReason>,
    /// The needs for which it is refused; empty means all.
    pub refused_for: Vec<String>,
    /// When the token ends, in Unix seconds, and whether that is certain.
    pub expires: Option<(i64, bool)>,
    /// Since when it is held, in Unix seconds.
    pub changed: Option<i64>,
    /// Whether the program that stored it renews it: it has a refresh token.
    pub refresh: bool,
    /// Recorded scopes.
    pub scopes: Vec<String>,
    /// The person's words.
    pub label: Option<String>,
    /// Whether it is the realm's default.
    pub default: bool,
    /// `person`, `tool` or `environment`.
    pub source: &'static str,
    /// How many of its earlier secrets are kept.
    pub set_aside: usize,
}

/// What may be expected of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is handed out.
    Active,
    /// It was refused once (R7).
    Suspect,
    /// It was refused and is not handed out.
    Rejected,
    /// It has ended.
    Expired,
}

impl State {
    /// Its word in lists and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Suspect => "suspect",
            State::Rejected => "rejected",
            State::Expired => "expired",
        }
    }
}

/// Every account of the wallet and the environment, sorted by realm, name, path and source; beside it what could not be read, so
/// that one damaged file does not hide the rest.
///
/// # Errors
/// When the records as a whole cannot be listed.
pub fn list(wallet: &LocalWallet<'_>) -> Result<(Vec<AccountSummary>, Vec<Error>), Error> {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let groups = wallet.records.all()?;
    entries.reserve(groups.size_hint().1.unwrap_or(0));
    for group in groups {
        match group {
            Ok(group) => {
                for realm in &group.realms {
                    let place = shown_place(wallet, realm);
                    entries.extend(realm.accounts.iter().map(|account| {
                        let place = place.clone();
                        AccountSummary { place, ..summary(realm, account, wallet.now) }
                    }));
                }
            }
            Err(error) => errors.push(error),
        }
    }
    for token in crate::store::environment::read(wallet.environment).tokens {
        let realm = match resolve(&wallet.config, &token.remote, token.user.as_deref())? {
            Resolution::Known(known) => known.realm,
            _ => realm_of_server(&token),
        };
        let url = token.remote.to_string();
        entries.push(AccountSummary {
            realm: realm.to_string(),
            account: token.user,
            place: without_scheme(&url).to_owned(),
            rules: Vec::new(),
            url,
            path: Vec::new(),
            store: "environment".to_owned(),
            state: State::Active,
            since: None,
            reason: None,
            refused_for: Vec::new(),
            expires: None,
            changed: None,
            refresh: false,
            scopes: Vec::new(),
            label: Some(token.from.to_owned()),
            default: false,
            source: "environment",
            set_aside: 0,
        });
    }
    // Without the room that a stable sort takes; entries that are alike in all this differ in nothing that orders them.
    fn order(entry: &AccountSummary) -> (&str, Option<&str>, &[String], &str) {
        (&entry.realm, entry.account.as_deref(), &entry.path, entry.source)
    }
    entries.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
    Ok((entries, errors))
}

/// The host and organisation of a realm as people write them. A record could name a URL that is not the realm's (in an export, say);
/// then the realm itself is shown.
pub(super) fn shown_place(wallet: &LocalWallet<'_>, realm: &RealmRecord) -> String {
    let is_its_own = Remote::from_url(&realm.url).is_ok_and(|(remote, user)| {
        match resolve(&wallet.config, &remote, user.as_deref()) {
            Ok(Resolution::Known(known)) => known.realm.as_str() == realm.realm,
            Ok(Resolution::Host { .. }) => realm.realm.contains(&remote.authority()),
            _ => false,
        }
    });
    without_scheme(if is_its_own { &realm.url } else { &realm.realm }).to_owned()
}

pub(super) fn summary(realm: &RealmRecord, account: &AccountRecord, now: i64) -> AccountSummary {
    let worst =
        account.rejections.values().max_by_key(|rejection| rejection.state == RejectionState::Rejected);
    let ended = hard_end(account, now).is_some_and(|at| at <= now);
    let state = match worst {
        _ if ended => State::Expired,
        None => State::Active,
        Some(rejection) if rejection.state == RejectionState::Rejected => State::Rejected,
        Some(_) => State::Suspect,
    };
    AccountSummary {
        realm: realm.realm.clone(),
        account: account.name.clone(),
        url: realm.url.clone(),
        place: without_scheme(&realm.url).to_owned(),
        rules: rules_of(realm, account),
        path: account.path.clone(),
        store: account.store.clone(),
        state,
        since: worst.map(|rejection| rejection.since),
        reason: worst.map(|rejection| rejection.reason),
        refused_for: account.rejections.keys().filter(|need| *need != "*").cloned().collect(),
        expires: account.expires.map(|expiry| (expiry.at, expiry.certain)),
        changed: Some(account.changed),
        refresh: account.refresh,
        scopes: account.scopes.clone(),
        label: account.label.clone(),
        default: account.default,
        source: match account.source {
            Source::Person => "person",
            Source::Tool => "tool",
        },
        set_aside: account.set_aside.len(),
    }
}

/// The paths whose rules name an account. Only a person's account can be preferred.
fn rules_of(realm: &RealmRecord, account: &AccountRecord) -> Vec<String> {
    let rules =
        realm.rules.iter().filter(|rule| account.source == Source::Person && rule.account == account.name);
    let mut paths: Vec<String> = rules.map(|rule| rule.path.join("/")).collect();
    paths.sort_unstable();
    paths
}
