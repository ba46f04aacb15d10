//! What is half done: a token that is being made or renewed at a service, from before the service is asked until the old one is
//! revoked. A private file beside the wallet, `pending.json`, so that a crash at any step can be made good: the next `rotate`,
//! or `doctor --repair`, looks at what came of it and goes on from there ([`next`]).
//!
//! There are no steps in the file. What was reached is read off the record and the service, which are the truth; a step that
//! is written down can be wrong. Deliberately absent: any secret, and the network.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::versioned_json;

/// The version of the file that this program writes.
const VERSION: u32 = 1;

/// What is half done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// A word that nothing else has; with [`Kind::Made`], the name of the new token ends with it.
    #[serde(rename = "mark")]
    pub tag: String,
    /// How.
    pub kind: Kind,
    /// The realm in text.
    pub realm: String,
    /// The realm's URL, for the hint.
    pub url: String,
    /// The account's name.
    pub account: Option<String>,
    /// The id of the secret that was in force before; `None` if there was none.
    pub before: Option<String>,
    /// The service's name for the token that is to be revoked at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The page where tokens are made and revoked, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Since when, in Unix seconds.
    pub since: i64,
}

/// How a new token comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The service makes another one; the old one goes on working until it is revoked.
    Made,
    /// The service gives another one for the old one, which does not work from that moment on.
    Renewed,
    /// A person made another one; the earlier one goes on working until that person revokes it. Nothing of it is ever revoked unasked.
    ByHand,
}

/// The whole file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    version: u32,
    pending: Vec<Pending>,
}

/// The list of what is half done.
pub struct List {
    data: PathBuf,
}

impl List {
    /// The list in this data folder.
    #[must_use]
    pub fn new(data: &Path) -> List {
        List { data: data.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.data.join("pending.json")
    }

    /// Holds everybody else off while `work` runs: what looks half done to another process may just be under way.
    ///
    /// # Errors
    /// [`Error::Busy`], and what `work` returns.
    pub fn alone<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        files::make_folder(&self.data)?;
        files::locked(&self.data.join(".lock-pending"), work)
    }

    /// What is on it.
    ///
    /// # Errors
    /// [`Error::Unsafe`], [`Error::Newer`], and those of reading.
    pub fn read(&self) -> Result<Vec<Pending>, Error> {
        // No store knows what was in it, so nothing can make it again.
        let mend =
            |path: &str| format!("keyfob pat list ORG shows what was made; then: mv {path} {path}.damaged");
        let file = versioned_json::read::<File>(&self.path(), VERSION, "list of what is half done", mend)?;
        Ok(file.unwrap_or_default().pending)
    }

    /// Puts something on it, durably. Only within [`List::alone`].
    ///
    /// # Errors
    /// As [`List::read`], and those of writing.
    pub fn add(&self, pending: Pending) -> Result<(), Error> {
        let mut all = self.read()?;
        all.push(pending);
        self.write(all)
    }

    /// Takes something off it. Only within [`List::alone`].
    ///
    /// # Errors
    /// As [`List::add`].
    pub fn remove(&self, tag: &str) -> Result<(), Error> {
        let mut all = self.read()?;
        all.retain(|pending| pending.tag != tag);
        self.write(all)
    }

    /// Takes something off it, alone.
    ///
    /// # Errors
    /// As [`List::alone`] and [`List::remove`].
    pub fn take_off(&self, tag: &str) -> Result<(), Error> {
        self.alone(|| self.remove(tag))
    }

    /// Puts this in the place of what has its tag. Only within [`List::alone`].
    ///
    /// # Errors
    /// As [`List::add`].
    pub fn replace(&self, pending: Pending) -> Result<(), Error> {
        let mut all = self.read()?;
        all.retain(|other| other.tag != pending.tag);
        all.push(pending);
        self.write(all)
    }

    fn write(&self, pending: Vec<Pending>) -> Result<(), Error> {
        let path = self.path();
        if pending.is_empty() {
            return files::remove(&path);
        }
        versioned_json::write(&path, &File { version: VERSION, pending })
    }
}

/// What the record says of an account now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now<'r> {
    /// The id of the secret in force; `None` if there is no such account.
    pub in_force: Option<&'r str>,
    /// The service's name for it.
    pub service_id: Option<&'r str>,
    /// Whether the new token is kept, but set aside.
    pub is_aside: bool,
}

/// How a half-made token is made good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It never came about, or is gone: there is nothing to do.
    Forget,
    /// Nobody has it: its secret was lost with the process. It is revoked; what was in force before goes on.
    RevokeNew,
    /// It is in force: it is verified, then the old one is revoked.
    Finish,
    /// It is not in force, and somebody decided so, or it cannot be told: nothing is revoked, and a person is told.
    Leave,
}

/// How to go on with a [`Kind::Made`]: `made` is the service's name for the token with the tag, if it knows one. Nothing is ever
/// revoked that anybody could hold.
#[must_use]
pub fn next(pending: &Pending, made: Option<&str>, now: &Now<'_>) -> Next {
    let Some(made) = made else { return Next::Forget };
    if now.service_id == Some(made) {
        return Next::Finish;
    }
    if now.is_aside {
        return Next::Leave;
    }
    // The very secret of before: the new one never reached the record. Another one may be the new one, of which a record that
    // was made again from the store does not know.
    if now.in_force == pending.before.as_deref() { Next::RevokeNew } else { Next::Leave }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(before: Option<&str>) -> Pending {
        Pending {
            tag: "#0a1b2c".to_owned(),
            kind: Kind::Made,
            realm: "azure-devops/contoso".to_owned(),
            url: "https://dev.azure.com/contoso".to_owned(),
            account: None,
            before: before.map(str::to_owned),
            old: None,
            page: None,
            since: 1,
        }
    }

    #[test]
    fn what_is_next_follows_from_the_record_and_the_service_alone() {
        let now = |in_force, service_id, is_aside| Now { in_force, service_id, is_aside };
        let (old, new) = (Some("key-old"), Some("key-new"));
        for (before, made, now, expected) in [
            // Killed before the service was asked, or it made none.
            (old, None, now(old, Some("a"), false), Next::Forget),
            (None, None, now(None, None, false), Next::Forget),
            // Killed before the new one was stored, or recorded.
            (old, Some("b"), now(old, Some("a"), false), Next::RevokeNew),
            (old, Some("b"), now(old, None, false), Next::RevokeNew),
            (None, Some("b"), now(None, None, false), Next::RevokeNew),
            // Killed before it was verified, or before the old one was revoked.
            (old, Some("b"), now(new, Some("b"), false), Next::Finish),
            (None, Some("b"), now(new, Some("b"), false), Next::Finish),
            // Moved to another store meanwhile.
            (old, Some("b"), now(Some("moved"), Some("b"), false), Next::Finish),
            // A person took the old one back.
            (old, Some("b"), now(old, Some("a"), true), Next::Leave),
            // The record was made again from the store, and does not know what is in force; or another one was added.
            (old, Some("b"), now(new, None, false), Next::Leave),
            (None, Some("b"), now(new, None, false), Next::Leave),
            (old, Some("b"), now(Some("third"), Some("c"), false), Next::Leave),
            // The account is gone.
            (old, Some("b"), now(None, None, false), Next::Leave),
            // Somebody revoked the new one.
            (old, None, now(new, Some("b"), false), Next::Forget),
        ] {
            assert_eq!(next(&pending(before), made, &now), expected, "{before:?} {made:?} {now:?}");
        }
    }

    #[test]
    fn the_list_is_private_and_gone_when_nothing_is_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let list = List::new(&data);
        assert_eq!(list.read().unwrap(), []);
        list.alone(|| list.add(pending(Some("x")))).unwrap();
        assert_eq!(list.read().unwrap(), [pending(Some("x"))]);
        assert!(files::check_private(&data.join("pending.json")).is_ok());
        let text = std::fs::read_to_string(data.join("pending.json")).unwrap();
        assert!(text.contains("\"mark\": \"#0a1b2c\""), "{text}");
        list.alone(|| list.remove("another")).unwrap();
        assert_eq!(list.read().unwrap().len(), 1);
        list.alone(|| list.remove("#0a1b2c")).unwrap();
        assert!(!data.join("pending.json").exists());
    }

    #[test]
    fn a_damaged_or_later_list_is_an_error_and_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        files::make_folder(&data).unwrap();
        let list = List::new(&data);
        for text in ["", "{", "[]", "{\"version\":2,\"pending\":[]}", "{\"version\":9,\"other\":1}"] {
            files::write_private(&data.join("pending.json"), text.as_bytes()).unwrap();
            assert!(list.read().is_err() && list.add(pending(None)).is_err(), "{text}");
            let later = text.contains("\"version\"");
            assert_eq!(matches!(list.read(), Err(Error::Newer { .. })), later, "{text}");
            let hint = list.read().unwrap_err().hint().unwrap();
            assert!(later || hint.contains("pending.json.damaged") && !hint.contains("--repair"), "{hint}");
            assert_eq!(std::fs::read_to_string(data.join("pending.json")).unwrap(), text);
        }
    }
}
