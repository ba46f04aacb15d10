//! What a person does with the wallet: add, list, remove, restore, prefer, move, and change the store. Commands ask and
//! print; the policy is here. Every change follows one order: a new secret is stored before its record is written, a record
//! is written before an old secret is destroyed.

use crate::error::Error;
use crate::forge::{self, Forge};
use crate::records::{AccountRecord, Group, RealmRecord, Source, TroubleState};
use crate::remote::Remote;

use super::LocalWallet;
use super::choose::{account_in_words, hard_end};
use super::env_tokens::realm_of_server;
use super::resolve::{RealmMatch, Resolution, forge_of, host_group, match_realm};
use crate::wallet::resolve::resolve;

pub mod add;
pub mod adopt;
pub mod audit;
pub mod bundle;
pub mod edit;
pub mod places;
pub mod plan;
pub mod repair;
pub mod rotate;
pub mod storage;
pub mod verify;

/// An account as a person sees it: everything but the secret.
#[derive(Clone, Debug)]
pub struct AccountSummary {
    /// The realm in text.
    pub realm: String,
    /// Its name; `None` for the unnamed one.
    pub account: Option<String>,
    /// The URL that the person gave, or the origin that a tool stored for.
    pub url: String,
    /// Path of a tool's pair on a generic host.
    pub path: Vec<String>,
    /// The store of its secret.
    pub store: String,
    /// What may be expected of it.
    pub state: State,
    /// Since when it is refused, in Unix seconds.
    pub since: Option<i64>,
    /// The needs for which it is refused; empty means all.
    pub refused_for: Vec<String>,
    /// When the token ends, in Unix seconds, and whether that is certain.
    pub expires: Option<(i64, bool)>,
    /// Since when it is held, in Unix seconds.
    pub changed: Option<i64>,
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
                let realms = group.realms.iter();
                entries.extend(
                    realms.flat_map(|realm| realm.accounts.iter().map(|a| entry(realm, a, wallet.now))),
                );
            }
            Err(error) => errors.push(error),
        }
    }
    for token in crate::store::environment::tokens(wallet.environment).0 {
        let realm = match resolve(&wallet.config, &token.remote, token.user.as_deref())? {
            Resolution::Known(known) => known.realm,
            _ => realm_of_server(&token),
        };
        entries.push(AccountSummary {
            realm: realm.to_string(),
            account: token.user,
            url: token.remote.to_string(),
            path: Vec::new(),
            store: "environment".to_owned(),
            state: State::Active,
            since: None,
            refused_for: Vec::new(),
            expires: None,
            changed: None,
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

/// The realm and accounts that a person means by a URL (or by a realm's own text) and a name.
///
/// # Errors
/// [`Error::NoSuchCredential`], [`Error::Ambiguous`] when a host has several realms, and those of reading.
pub fn select(wallet: &LocalWallet<'_>, place: &str, account: Option<&str>) -> Result<Selection, Error> {
    let (group, at, path, user) = find_realm(wallet, place)?;
    let record = &group.realms[at];
    let forge = forge_of(record);
    let wanted = account.map(str::to_owned).or_else(|| {
        // A user name in the URL counts as the account, unless it is the organisation or a placeholder.
        let real = |user: &String| {
            !(forge.is_placeholder(user)
                || record.realm.to_ascii_lowercase().ends_with(&format!("/{}", user.to_ascii_lowercase())))
        };
        user.filter(real)
    });
    let fits = |found: &&AccountRecord| match &wanted {
        Some(name) => found.account().to_string() == *name,
        None => true,
    };
    let accounts: Vec<AccountRecord> = record.accounts.iter().filter(fits).cloned().collect();
    if accounts.is_empty() {
        let names = names_of(&record.accounts);
        return Err(Error::NoSuchCredential {
            what: format!("{} has no account {}", record.realm, wanted.unwrap_or_default()),
            hint: Some(format!("it has: {names}")),
        });
    }
    Ok(Selection { group: group.group.clone(), realm: record.clone(), accounts, below: path })
}

/// The group, the realm within it, what the path says below the realm, and the user name of the URL.
fn find_realm(
    wallet: &LocalWallet<'_>,
    place: &str,
) -> Result<(Group, usize, Vec<String>, Option<String>), Error> {
    let nothing = |hint: &str| Error::NoSuchCredential {
        what: format!("the wallet holds nothing for {}", crate::text::visible(place)),
        hint: Some(hint.to_owned()),
    };
    // A realm's own text, as list shows it; a server's has a URL in it.
    let is_realm = place.split_once('/').is_some_and(|(forge, _)| forge::named(forge).is_some());
    if is_realm || !place.contains("://") {
        for group in wallet.records.all()?.flatten() {
            if let Some(at) = group.realms.iter().position(|record| record.realm == place) {
                return Ok((group, at, Vec::new(), None));
            }
        }
        if is_realm {
            return Err(nothing("keyfob list shows what it holds"));
        }
    }
    let (remote, user) = Remote::from_url(place)?;
    let resolution = resolve(&wallet.config, &remote, user.as_deref())?;
    let group_name = match &resolution {
        Resolution::Known(known) => known.group.clone(),
        Resolution::Host { .. } => host_group(&remote),
        Resolution::NoOrganisation(forge) => return Err(no_organisation(forge, &remote)),
        Resolution::Never => return Err(nothing("keyfob list shows what it holds")),
    };
    let group = wallet.records.read(&group_name)?;
    let (realm, below) = match match_realm(&resolution, &group, &remote) {
        RealmMatch::One(held) => (held.record.realm.clone(), held.below(&remote).to_vec()),
        RealmMatch::None => {
            return Err(nothing("keyfob list shows what it holds; keyfob add URL puts a token in"));
        }
        // A tool that gives no path may just not send it (R3); a person who gives a realm's whole URL means that one.
        RealmMatch::Several(urls) => {
            match group.realms.iter().find(|record| record.url == remote.to_string()) {
                Some(record) => (record.realm.clone(), Vec::new()),
                None => {
                    return Err(Error::Ambiguous {
                        what: format!("{remote} could be any of {}", urls.join(", ")),
                        hint: "give the whole URL of one of them".to_owned(),
                    });
                }
            }
        }
    };
    let at = group.realms.iter().position(|record| record.realm == realm).unwrap_or(0);
    Ok((group, at, below, user))
}

/// What a person pointed at.
pub struct Selection {
    /// The group of the realm.
    pub group: String,
    /// The realm, with all its accounts.
    pub realm: RealmRecord,
    /// The accounts that are meant: all of the realm, or those of the name.
    pub accounts: Vec<AccountRecord>,
    /// The rest of the path below the realm.
    pub below: Vec<String>,
}

impl Selection {
    /// The one account that is meant.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] with the names and how to say which.
    pub fn only(&self) -> Result<&AccountRecord, Error> {
        match self.accounts.as_slice() {
            [one] => Ok(one),
            several => Err(Error::Ambiguous {
                what: format!("{} has several accounts: {}", self.realm.realm, names_of(several)),
                hint: "say which with --account NAME".to_owned(),
            }),
        }
    }

    /// The one account that has something to restore: those that have nothing cannot be meant.
    ///
    /// # Errors
    /// As [`Selection::only`].
    pub fn restorable(mut self) -> Result<Selection, Error> {
        let has = |account: &AccountRecord| !account.trouble.is_empty() || !account.set_aside.is_empty();
        if self.accounts.iter().any(has) {
            self.accounts.retain(has);
        }
        self.only().map(drop)?;
        Ok(self)
    }

    /// Without what tools stored, if a person's account is meant too: only those can be preferred.
    #[must_use]
    pub fn persons(mut self) -> Selection {
        if self.accounts.iter().any(|account| account.source == Source::Person) {
            self.accounts.retain(|account| account.source == Source::Person);
        }
        self
    }
}

/// Names for a sentence.
fn names_of(accounts: &[AccountRecord]) -> String {
    accounts.iter().map(|account| account_in_words(account.name.as_deref())).collect::<Vec<_>>().join(", ")
}

/// What to say when a URL of a cloud service does not tell the organisation.
fn no_organisation(forge: &Forge, remote: &Remote) -> Error {
    Error::usage(
        format!("{remote} does not tell the {} of {}", forge.realm_word, forge.name),
        format!("put it into the path: https://{}/{}", remote.host(), forge.realm_word.to_uppercase()),
    )
}

fn entry(realm: &RealmRecord, account: &AccountRecord, now: i64) -> AccountSummary {
    let worst = account.trouble.values().max_by_key(|trouble| trouble.state == TroubleState::Rejected);
    let ended = hard_end(account, now).is_some_and(|at| at <= now);
    let state = match worst {
        _ if ended => State::Expired,
        None => State::Active,
        Some(trouble) if trouble.state == TroubleState::Rejected => State::Rejected,
        Some(_) => State::Suspect,
    };
    AccountSummary {
        realm: realm.realm.clone(),
        account: account.name.clone(),
        url: realm.url.clone(),
        path: account.path.clone(),
        store: account.store.clone(),
        state,
        since: worst.map(|trouble| trouble.since),
        refused_for: account.trouble.keys().filter(|need| *need != "*").cloned().collect(),
        expires: account.expires.map(|expiry| (expiry.at, expiry.hard)),
        changed: Some(account.changed),
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
