//! What is known of accounts, on disk: everything but the secrets.
//!
//! One small JSON file per *group*, so that the cost of a `get` does not grow with the wallet: a group is a cloud realm
//! (`azure-devops/contoso`), or all realms of one origin (`https://tfs.example:8443`), because the longest stored prefix
//! of a path must be found with one open. The record is the truth for an account's existence, the store for its secret.
//! Writing: lock, read again, replace the file whole (see [`crate::files`]). Unknown fields of later versions of the
//! same format are kept out of harm's way by the version number: a newer one is refused, never rewritten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::credential::{Account, Id, Key};
use crate::error::Error;
use crate::files;
use crate::remote::Realm;

/// The version of the format that this program writes.
const VERSION: u32 = 1;

/// Longest file name that we make; the rest of a long name is replaced by a digest.
const LONGEST_NAME: usize = 160;

/// Lock files: writers of different groups seldom wait for each other, and there is no lock file per group.
const LOCKS: u8 = 64;

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
    /// The ids of all secrets that it speaks of, those that are set aside too.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.realms.iter().flat_map(|realm| &realm.accounts).flat_map(|account| {
            let aside = account.set_aside.iter().map(|aside| aside.id.as_str());
            std::iter::once(account.id.as_str()).chain(aside)
        })
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trouble: BTreeMap<String, Trouble>,
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
    /// The day (Unix days) of the last hint about its coming end: one a day (R8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted: Option<i64>,
    /// Whether it is an `authtype`/`credential` pair, so that a request without that capability needs no secret.
    #[serde(default, skip_serializing_if = "is_false")]
    pub authtype: bool,
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
}

/// A refusal (R7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// How bad.
    pub state: TroubleState,
    /// Since when, in Unix seconds.
    pub since: i64,
}

/// How far a refusal has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TroubleState {
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
    pub hard: bool,
}

impl RealmRecord {
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

impl AccountRecord {
    /// The account that it is about.
    #[must_use]
    pub fn account(&self) -> Account {
        Account::from_name(self.name.as_deref())
    }

    /// Whether it is the same account, whatever became of its secret meanwhile.
    #[must_use]
    pub fn is_same(&self, other: &AccountRecord) -> bool {
        (&self.name, self.source, &self.path) == (&other.name, other.source, &other.path)
    }

    /// The refusal that counts for a need.
    #[must_use]
    pub fn trouble_for(&self, need: &str) -> Option<&Trouble> {
        self.trouble.get(need).or_else(|| self.trouble.get("*"))
    }
}

/// The records of a wallet.
pub struct Records {
    /// The data folder.
    pub data: PathBuf,
    folder: PathBuf,
}

impl Records {
    /// Records below the data folder.
    #[must_use]
    pub fn new(data: &Path) -> Records {
        Records { data: data.to_owned(), folder: data.join("records") }
    }

    /// Where a group's file is.
    #[must_use]
    pub fn path(&self, group: &str) -> PathBuf {
        self.folder.join(file_name(group))
    }

    /// Reads a group; an empty one if there is none.
    ///
    /// # Errors
    /// [`Error::Unsafe`], [`Error::Record`], [`Error::Io`].
    pub fn read(&self, group: &str) -> Result<Group, Error> {
        let path = self.path(group);
        // A folder that others can write to is as bad as a file that they can.
        files::check_folder(&self.data)?;
        files::check_folder(&self.folder)?;
        let empty = || Group { version: VERSION, group: group.to_owned(), realms: Vec::new() };
        match read_file(&path)? {
            // Two groups with one digest cannot be; a file that was renamed by hand can.
            Some(found) if found.group != group => Err(Error::Record {
                path,
                why: "it is the record of another place; give it its old name back".to_owned(),
            }),
            Some(found) => Ok(found),
            None => Ok(empty()),
        }
    }

    /// Changes a group under its lock: reads it again, lets `change` work on it, and writes it if `change` says so (by
    /// returning `true` beside its result). A group without realms is removed.
    ///
    /// # Errors
    /// As [`Records::read`], what `change` returns, and [`Error::Busy`].
    pub fn change<T>(
        &self,
        group: &str,
        change: impl FnOnce(&mut Group) -> Result<(T, bool), Error>,
    ) -> Result<T, Error> {
        self.locked(group, || {
            let mut found = self.read(group)?;
            let (result, write) = change(&mut found)?;
            if write {
                found.realms.retain(|realm| !realm.accounts.is_empty());
                let path = self.path(group);
                if found.realms.is_empty() {
                    files::remove(&path)?;
                } else {
                    let mut text = serde_json::to_vec_pretty(&found)
                        .map_err(|error| Error::Record { path: path.clone(), why: error.to_string() })?;
                    text.push(b'\n');
                    files::write_private(&path, &text)?;
                }
            }
            Ok(result)
        })
    }

    /// Holds the lock of a group while `work` runs.
    ///
    /// # Errors
    /// [`Error::Busy`], those of making the folder, and what `work` returns.
    pub fn locked<T>(&self, group: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        files::make_folder(&self.data)?;
        files::make_folder(&self.folder)?;
        let digest = Sha256::digest(group.as_bytes());
        files::locked(&self.folder.join(format!(".lock-{:02}", digest[0] % LOCKS)), work)
    }

    /// Reads every group, in no particular order; what cannot be read comes as its error.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder itself cannot be listed.
    pub fn all(&self) -> Result<Vec<Result<Group, Error>>, Error> {
        Ok(self.files()?.iter().filter_map(|path| read_file(path).transpose()).collect())
    }

    /// Reads every group of one forge's cloud realms: their files begin alike.
    ///
    /// # Errors
    /// As [`Records::all`]; what cannot be read is an error here, because a decision hangs on it.
    pub fn of_forge(&self, forge: &str) -> Result<Vec<Group>, Error> {
        let beginning = format!("{forge}+");
        let ours = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&beginning))
        };
        self.files()?.iter().filter(ours).filter_map(|path| read_file(path).transpose()).collect()
    }

    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        if !files::check_folder(&self.folder)? {
            return Ok(Vec::new());
        }
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(Error::io("list", &self.folder))? {
            let path = entry.map_err(Error::io("list", &self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// Removes what crashes left behind.
    pub fn sweep(&self) {
        files::sweep(&self.folder);
    }
}

fn read_file(path: &Path) -> Result<Option<Group>, Error> {
    let Some(bytes) = files::read_private(path)? else { return Ok(None) };
    let not_a_record = match serde_json::from_slice::<Group>(&bytes) {
        Ok(group) if group.version <= VERSION => return Ok(Some(group)),
        Ok(_) => String::new(),
        // serde's text names positions and field names only, never values of ours that matter.
        Err(error) => format!("line {}, column {}: not a record", error.line(), error.column()),
    };
    // A later format may have any shape, but says which it is.
    Err(match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > u64::from(VERSION) => {
            Error::Newer { path: path.to_owned(), found: version, known: u64::from(VERSION) }
        }
        _ => Error::Record { path: path.to_owned(), why: not_a_record },
    })
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The name of a group's file: readable, unique, the same on file systems that fold letter case, never a path.
fn file_name(group: &str) -> String {
    let mut name = String::with_capacity(group.len() + 8);
    for byte in group.replace("://", "/").bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            b'/' => name.push('+'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.len() > LONGEST_NAME {
        let digest = Sha256::digest(group.as_bytes());
        name.truncate(LONGEST_NAME - 34);
        name.push_str("+.");
        name.extend(digest.iter().take(16).map(|byte| format!("{byte:02x}")));
    }
    name + ".json"
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountRecord {
        AccountRecord {
            name: Some(name.to_owned()),
            source: Source::Person,
            path: Vec::new(),
            store: "memory".to_owned(),
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            set_aside: Vec::new(),
            trouble: BTreeMap::new(),
            expires: None,
            scopes: Vec::new(),
            label: None,
            default: false,
            hinted: None,
            authtype: false,
            added: 1,
            changed: 1,
        }
    }

    fn realm(realm: &str) -> RealmRecord {
        let (realm, url) = (realm.to_owned(), "https://x".to_owned());
        RealmRecord {
            realm,
            url,
            prefix: Vec::new(),
            allow_http: false,
            accounts: vec![account("me")],
            rules: Vec::new(),
        }
    }

    #[test]
    fn a_group_that_was_written_is_read_and_an_empty_one_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(&folder.path().join("data"));
        records
            .change("azure-devops/contoso", |group| {
                Ok(((), {
                    group.realms.push(realm("azure-devops/contoso"));
                    true
                }))
            })
            .unwrap();
        assert_eq!(
            records.read("azure-devops/contoso").unwrap().realms[0].accounts[0].name.as_deref(),
            Some("me")
        );
        assert_eq!(records.all().unwrap().len(), 1);
        assert_eq!(records.of_forge("azure-devops").unwrap().len(), 1);
        assert_eq!(records.of_forge("azure").unwrap().len(), 0);
        records
            .change("azure-devops/contoso", |group| {
                Ok(((), {
                    group.realms.clear();
                    true
                }))
            })
            .unwrap();
        assert!(!records.path("azure-devops/contoso").exists());
    }

    #[test]
    fn a_broken_or_newer_record_is_an_error_and_is_not_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(&folder.path().join("data"));
        files::make_folder(&folder.path().join("data/records")).unwrap();
        let path = records.path("github/github.com");
        for text in [
            "",
            "{",
            "[]",
            r#"{"version":2,"group":"github/github.com","realms":[]}"#,
            r#"{"version":3,"everything":"new"}"#,
            r#"{"version":1,"group":"x","realms":[]}"#,
        ] {
            files::write_private(&path, text.as_bytes()).unwrap();
            let error = records.read("github/github.com").unwrap_err();
            let is_newer = matches!(error, Error::Newer { known: 1, .. });
            assert!(is_newer || matches!(error, Error::Record { .. }), "{text}: {error}");
            assert_eq!(is_newer, text.contains("\"version\":2") || text.contains("\"version\":3"), "{text}");
            let change = records.change("github/github.com", |_| Ok(((), true)));
            assert!(change.is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn file_names_stay_inside_the_folder_and_differ() {
        let long = format!("generic/https://{}", "a".repeat(400));
        let names = [
            "azure-devops/contoso",
            "https://tfs.example:8443",
            "http://tfs.example:8443",
            "https://[::1]:80",
            "cert:///etc/x",
            "cert:///etc/X",
            "../../etc/passwd",
            "..",
            ".hidden",
            "smtp://Mail",
            "smtp://mail",
            long.as_str(),
            "a%b",
            "a/b",
            "a+b",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let file = file_name(name);
            assert!(!file.contains(['/', '\\', ':']) && !file.starts_with('.') && file.len() < 200, "{file}");
            assert!(seen.insert(file.to_lowercase()), "{name}");
        }
    }
}
