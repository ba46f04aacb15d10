//! What is known of accounts, on disk: everything but the secrets.
//!
//! One small JSON file per *group*, so that the cost of a `get` does not grow with the wallet: a group is a cloud realm
//! (`azure-devops/contoso`), or all realms of one origin (`https://tfs.example:8443`), because the longest stored prefix
//! of a path must be found with one open. The record is the truth for an account's existence, the store for its secret.
//! Writing: lock, read again, replace the file whole (see [`crate::files`]). Unknown fields of later versions of the
//! same format are kept out of harm's way by the version number: a newer one is refused, never rewritten. This file does the
//! reading and writing, `file` knows their names, `model` says what is in them.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::files;
use crate::folders::NoFolders;

mod file;
mod model;

pub use model::{
    AccountRecord, Expiry, Group, RealmRecord, Rejection, RejectionState, Rule, SecretLocation, SetAside,
    Source,
};

use file::{file_name, read_file};

/// The version of the format that this program writes.
const VERSION: u32 = 1;

/// Lock files: writers of different groups seldom wait for each other, and there is no lock file per group.
const LOCKS: u8 = 64;

/// The records of a wallet.
pub struct Records {
    /// The data folder.
    pub data: PathBuf,
    folder: PathBuf,
    /// Why there is no such folder.
    nowhere: Option<NoFolders>,
}

impl Records {
    /// Records below the data folder.
    #[must_use]
    pub fn new(data: &Path) -> Records {
        Records { data: data.to_owned(), folder: data.join("records"), nowhere: None }
    }

    /// None, where there is no folder for them: every call says why.
    #[must_use]
    pub fn nowhere(why: NoFolders) -> Records {
        Records { data: PathBuf::new(), folder: PathBuf::new(), nowhere: Some(why) }
    }

    fn is_somewhere(&self) -> Result<(), Error> {
        self.nowhere.map_or(Ok(()), |why| Err(why.into()))
    }

    /// Where a group's file is.
    #[must_use]
    pub fn path(&self, group: &str) -> PathBuf {
        self.folder.join(file_name(group))
    }

    /// Reads a group; an empty one if there is none.
    ///
    /// # Errors
    /// That there is no folder for them, [`Error::Unsafe`], [`Error::Record`], [`Error::Io`].
    pub fn read(&self, group: &str) -> Result<Group, Error> {
        self.is_somewhere()?;
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
    /// returning `true` beside its result). Realms without accounts go; a group without realms stays as an empty record until
    /// [`Records::clear`], so that what its stores still hold is told from what lost its record.
    ///
    /// # Errors
    /// As [`Records::read`], what `change` returns, and [`Error::Busy`].
    pub fn change<T>(
        &self,
        group: &str,
        change: impl FnOnce(&mut Group) -> Result<(T, bool), Error>,
    ) -> Result<T, Error> {
        self.change_after(None, group, change)
    }

    /// As [`Records::change`], but commits a file before the record that speaks of it is in its place. If nothing is written, the
    /// file is given up.
    ///
    /// # Errors
    /// As [`Records::change`], and those of the file.
    pub fn change_after<T>(
        &self,
        first: Option<files::StagedFile>,
        group: &str,
        change: impl FnOnce(&mut Group) -> Result<(T, bool), Error>,
    ) -> Result<T, Error> {
        self.locked(group, || {
            let mut found = self.read(group)?;
            let (result, write) = change(&mut found)?;
            if write {
                self.write(first, group, found)?;
            }
            Ok(result)
        })
    }

    /// On its own, so that it is in the program once and not for each kind of change.
    #[inline(never)]
    fn write(&self, first: Option<files::StagedFile>, name: &str, mut group: Group) -> Result<(), Error> {
        group.realms.retain(|realm| !realm.accounts.is_empty());
        let path = self.path(name);
        // Without blanks: reading over them is a thirtieth of what a get costs.
        let mut text = serde_json::to_vec(&group)
            .map_err(|error| Error::Record { path: path.clone(), why: error.to_string() })?;
        text.push(b'\n');
        files::write_private_after(first, &path, &text)
    }

    /// Removes the record of a group that has no accounts any more; one that has stays.
    ///
    /// # Errors
    /// As [`Records::read`], and [`Error::Busy`].
    pub fn clear(&self, group: &str) -> Result<(), Error> {
        let path = self.path(group);
        // Most have, which needs no lock to be seen.
        if !path.exists() || !self.read(group)?.realms.is_empty() {
            return Ok(());
        }
        self.locked(group, || match self.read(group)?.realms.is_empty() {
            true => files::remove(&path),
            false => Ok(()),
        })
    }

    /// Holds the lock of a group while `work` runs.
    ///
    /// # Errors
    /// [`Error::Busy`], those of making the folder, and what `work` returns.
    pub fn locked<T>(&self, group: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        files::locked(&self.lock_of(group)?, work)
    }

    #[inline(never)]
    fn lock_of(&self, group: &str) -> Result<PathBuf, Error> {
        self.is_somewhere()?;
        files::make_folder(&self.data)?;
        files::make_folder(&self.folder)?;
        let digest = Sha256::digest(group.as_bytes());
        Ok(self.folder.join(format!(".lock-{:02}", digest[0] % LOCKS)))
    }

    /// Reads every group, one after the other and in no particular order; what cannot be read comes as its error.
    ///
    /// # Errors
    /// [`Error::Unsafe`], and [`Error::Io`] when the folder itself cannot be listed.
    pub fn all(&self) -> Result<impl Iterator<Item = Result<Group, Error>> + use<>, Error> {
        Ok(self.files()?.into_iter().filter_map(|path| read_file(&path).transpose()))
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
        self.is_somewhere()?;
        files::check_folder(&self.data)?;
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
        if self.nowhere.is_none() {
            files::sweep(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, Id, Key};
    use crate::error::RejectionReason;
    use crate::remote::Realm;

    fn realm(text: &str) -> RealmRecord {
        let realm = Realm::from_text(text).unwrap();
        let (account, id) = (Account::from_name(Some("me")), Id::random().unwrap());
        let mut record = RealmRecord::new(&realm, "https://x".to_owned(), Vec::new());
        record.accounts = vec![AccountRecord::new(Source::Person, "memory", &Key { realm, account, id }, 1)];
        record
    }

    #[test]
    fn a_group_that_was_written_is_read_and_an_empty_one_stays_until_it_is_cleared() {
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
        assert_eq!(records.all().unwrap().count(), 1);
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
        assert!(records.read("azure-devops/contoso").unwrap().realms.is_empty());
        assert!(records.path("azure-devops/contoso").exists());
        records.clear("azure-devops/contoso").unwrap();
        assert!(!records.path("azure-devops/contoso").exists());
    }

    #[test]
    fn the_names_on_disk_are_those_of_every_version() {
        let mut record = realm("github/github.com");
        let account = &mut record.accounts[0];
        let rejection = Rejection::final_at(7, RejectionReason::Refused);
        account.rejections.insert("code".to_owned(), rejection);
        account.expires = Some(Expiry { at: 9, certain: true });
        account.set_aside.push(SetAside {
            store: "memory".to_owned(),
            id: "old".to_owned(),
            since: 5,
            expires: Some(Expiry { at: 6, certain: false }),
            scopes: Vec::new(),
            authtype: false,
            service_id: None,
            revoked: false,
        });
        let id = account.id.clone();
        let written = serde_json::to_string(&record).unwrap();
        let expected = format!(
            concat!(
                r#"{{"realm":"github/github.com","url":"https://x","accounts":[{{"name":"me","source":"person","#,
                r#""store":"memory","id":"{}","set_aside":[{{"store":"memory","id":"old","since":5,"#,
                r#""expires":{{"at":6,"hard":false}}}}],"trouble":{{"code":{{"state":"rejected","since":7}}}},"#,
                r#""expires":{{"at":9,"hard":true}},"added":1,"changed":1}}]}}"#
            ),
            id
        );
        assert_eq!(written, expected);
        account_reasons_are_read_leniently();
        let suspect: Rejection = serde_json::from_str(r#"{"state":"suspect","since":1}"#).unwrap();
        assert_eq!(suspect.state, RejectionState::Suspect);
    }

    /// Reasons have names of their own, and one of a later version counts as a refusal.
    fn account_reasons_are_read_leniently() {
        for (name, reason) in [
            ("logged-out", RejectionReason::LoggedOut),
            ("revoked", RejectionReason::Revoked),
            ("replaced", RejectionReason::Replaced),
            ("of-a-later-version", RejectionReason::Refused),
        ] {
            let text = format!(r#"{{"state":"rejected","since":7,"reason":"{name}"}}"#);
            let read: Rejection = serde_json::from_str(&text).unwrap();
            assert_eq!(read, Rejection::final_at(7, reason));
            if reason != RejectionReason::Refused {
                assert_eq!(serde_json::to_string(&read).unwrap(), text);
            }
        }
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
}
