//! What a record file says: groups, realms, accounts, and what is known of their tokens. The fields and their names are a
//! format (version 1): new ones have a default, old ones never change their meaning.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::account::{Account, Id, Key};
use crate::error::{Error, RejectionReason};
use crate::remote::Realm;

/// A file: the realms of one group.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Group {
    /// Format version.
    pub version: u32,
    /// The group's own name: a file name may be a digest of it.
    pub group: String,
    /// Its realms.
    pub realms: Vec<RealmRecord>,
}

impl Group {
    /// Its accounts, of all realms.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountRecord> {
        self.realms.iter().flat_map(|realm| &realm.accounts)
    }

    /// The same, to be changed.
    pub fn accounts_mut(&mut self) -> impl Iterator<Item = &mut AccountRecord> {
        self.realms.iter_mut().flat_map(|realm| &mut realm.accounts)
    }

    /// The realm of this name.
    #[must_use]
    pub fn realm(&self, name: &str) -> Option<&RealmRecord> {
        self.realms.iter().find(|realm| realm.realm == name)
    }

    /// The same, to be changed.
    pub fn realm_mut(&mut self, name: &str) -> Option<&mut RealmRecord> {
        self.realms.iter_mut().find(|realm| realm.realm == name)
    }

    /// The realm of this name; what `new` makes, if there is none yet.
    ///
    /// # Errors
    /// What `new` returns.
    pub fn realm_or_new(
        &mut self,
        name: &str,
        new: impl FnOnce() -> Result<RealmRecord, Error>,
    ) -> Result<&mut RealmRecord, Error> {
        let at = match self.realms.iter().position(|realm| realm.realm == name) {
            Some(at) => at,
            None => {
                self.realms.push(new()?);
                self.realms.len() - 1
            }
        };
        Ok(&mut self.realms[at])
    }

    /// The ids of all secrets that it speaks of, those that are set aside too.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.accounts().flat_map(AccountRecord::secrets).map(|secret| secret.id)
    }

    /// Takes every mention of a secret out. `doctor --repair` may have found it in the store before the process that put it
    /// there wrote its record, and made one for it; two accounts of one secret would be destroyed together.
    pub fn forget(&mut self, id: &str) {
        for realm in &mut self.realms {
            realm.accounts.retain(|account| account.id != id);
            realm.accounts.iter_mut().for_each(|account| account.set_aside.retain(|aside| aside.id != id));
        }
    }
}

/// What is known of a realm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RealmRecord {
    /// The realm in text.
    pub realm: String,
    /// The URL that the person gave, or the origin that a tool stored for; shown to people, taken by the next command.
    pub url: String,
    /// Path prefix of a server's realm, by whole segments; empty for the whole host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefix: Vec<String>,
    /// Whether the person accepted plain http here (R1).
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_http: bool,
    /// Its accounts, in the order in which they came.
    pub accounts: Vec<AccountRecord>,
    /// Which account serves which path (`keyfob prefer`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// A path below which one account is preferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Path segments below the realm, from its start.
    pub path: Vec<String>,
    /// The account's name; `None` is the unnamed one.
    pub account: Option<String>,
}

/// Who put an account into the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `keyfob add`, or an import.
    Person,
    /// A tool's `store`.
    Tool,
}

/// What is known of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountRecord {
    /// Its name; `None` for an unnamed one (see [`Account`]).
    pub name: Option<String>,
    /// Who put it there.
    pub source: Source,
    /// For a tool's pair on a generic host: the path that it was stored with, as git matches paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// The store of the secret in force.
    pub store: String,
    /// Its id.
    pub id: String,
    /// Secrets that were in force before, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
    /// Refusals that a tool reported, by need; `*` stands for every need.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", rename = "trouble")]
    pub rejections: BTreeMap<String, Rejection>,
    /// When the token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// What the token may do, as far as it was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// A person's own words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it is the realm's default.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// The day (Unix days) of the last hint about its coming end (R8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted: Option<i64>,
    /// Whether it is an `authtype`/`credential` pair, so that a request without that capability needs no secret.
    #[serde(default, skip_serializing_if = "is_false")]
    pub authtype: bool,
    /// Whether a refresh token is stored with it: the program that stored the pair renews it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refresh: bool,
    /// The name by which the service knows the token in force, where it told us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// When it was added, in Unix seconds.
    pub added: i64,
    /// When its secret last changed, in Unix seconds.
    pub changed: i64,
}

/// A secret that is kept, but not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Its store.
    pub store: String,
    /// Its id.
    pub id: String,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// Its expiry, to come back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// Its scopes, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Whether it is an `authtype`/`credential` pair, likewise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub authtype: bool,
    /// The service's name for it, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// Whether keyfob revoked it at the service: then it never comes back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub revoked: bool,
}

/// Where a secret of an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretLocation<'a> {
    /// Its store.
    pub store: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Whether it is the one in force, not one that is set aside.
    pub in_force: bool,
}

/// A refusal (R7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// How bad.
    pub state: RejectionState,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// Why. Older versions pass over it, and read the state.
    #[serde(default, skip_serializing_if = "RejectionReason::is_refused")]
    pub reason: RejectionReason,
}

/// How far a refusal has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RejectionState {
    /// Reported once: withheld for a minute, then offered once more.
    Suspect,
    /// Reported again, or stored by a tool: not handed out.
    Rejected,
}

/// When a token ends (R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// Unix seconds.
    pub at: i64,
    /// Whether the service or the tool said so; a person's date or an estimate is not hard.
    #[serde(rename = "hard")]
    pub certain: bool,
}

impl RealmRecord {
    /// A realm without accounts.
    #[must_use]
    pub fn new(realm: &Realm, url: String, prefix: Vec<String>) -> RealmRecord {
        let (accounts, rules) = (Vec::new(), Vec::new());
        RealmRecord { realm: realm.to_string(), url, prefix, allow_http: false, accounts, rules }
    }

    /// The realm.
    ///
    /// # Errors
    /// [`Error::Record`] when its text is none.
    pub fn realm(&self) -> Result<Realm, Error> {
        Realm::from_text(&self.realm).ok_or_else(|| Error::Record {
            path: PathBuf::from(&self.realm),
            why: "the name of a realm in it is not one".to_owned(),
        })
    }

    /// Whether a person added something here.
    #[must_use]
    pub fn has_person(&self) -> bool {
        self.accounts.iter().any(|account| account.source == Source::Person)
    }

    /// The key of the secret in force of one of its accounts.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub fn key(&self, account: &AccountRecord) -> Result<Key, Error> {
        self.key_of(account, &account.id)
    }

    /// The key of any secret of one of its accounts.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub fn key_of(&self, account: &AccountRecord, id: &str) -> Result<Key, Error> {
        let id = Id::parse(id).ok_or_else(|| Error::Record {
            path: PathBuf::from(&self.realm),
            why: "the id of a secret in it is not one".to_owned(),
        })?;
        Ok(Key { realm: self.realm()?, account: account.account(), id })
    }
}

impl Rejection {
    /// One after which the token is not handed out any more.
    #[must_use]
    pub fn final_at(since: i64, reason: RejectionReason) -> Rejection {
        Rejection { state: RejectionState::Rejected, since, reason }
    }
}

impl AccountRecord {
    /// An account of which nothing is known but where its secret lies.
    #[must_use]
    pub fn new(source: Source, store: &str, key: &Key, now: i64) -> AccountRecord {
        AccountRecord {
            name: key.account.name().map(str::to_owned),
            source,
            path: Vec::new(),
            store: store.to_owned(),
            id: key.id.as_str().to_owned(),
            set_aside: Vec::new(),
            rejections: BTreeMap::new(),
            expires: None,
            scopes: Vec::new(),
            label: None,
            default: false,
            hinted: None,
            authtype: false,
            refresh: false,
            service_id: None,
            added: now,
            changed: now,
        }
    }

    /// The account that it is about.
    #[must_use]
    pub fn account(&self) -> Account {
        Account::from_name(self.name.as_deref())
    }

    /// Where its secrets are: the one in force first, then those set aside.
    pub fn secrets(&self) -> impl Iterator<Item = SecretLocation<'_>> {
        let aside = self.set_aside.iter().map(|aside| SecretLocation {
            store: &aside.store,
            id: &aside.id,
            in_force: false,
        });
        std::iter::once(SecretLocation { store: &self.store, id: &self.id, in_force: true }).chain(aside)
    }

    /// Whether it is the same account, whatever became of its secret meanwhile.
    #[must_use]
    pub fn is_same(&self, other: &AccountRecord) -> bool {
        (&self.name, self.source, &self.path) == (&other.name, other.source, &other.path)
    }

    /// Whether keyfob revoked the token in force.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.rejections.values().any(|rejection| rejection.reason == RejectionReason::Revoked)
    }

    /// The refusal that counts for a need.
    #[must_use]
    pub fn rejection_for(&self, need: &str) -> Option<&Rejection> {
        self.rejections.get(need).or_else(|| self.rejections.get("*"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}
