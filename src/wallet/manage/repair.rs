//! `doctor --repair`: records are made again from what stores hold, and secrets that nothing speaks of are swept.
//!
//! Nothing here can lose a token that somebody adds at the same time. A writer stores the secret first and its record
//! after, so a secret without a record may be one whose writer is not done: a record that is made for it meanwhile is only
//! completed by the writer; and a secret is destroyed only if it was seen without a record more than an hour ago and
//! still has none under the lock of its group. A damaged record is kept beside under another name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::records::{AccountRecord, Group, RealmRecord, SetAside, Source};
use crate::store::payload::Payload;
use crate::wallet::LocalWallet;
use crate::wallet::manage::audit::Orphan;
use crate::wallet::resolve::record_place;
use crate::{files, versioned_json};

/// Seconds for which a secret has to be seen without a record before it is swept.
pub const ORPHAN_SECONDS: i64 = 3600;

/// The version of the memory that this program writes.
const VERSION: u32 = 1;

/// A record that was made again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The group.
    pub group: String,
    /// Secrets that have a record again.
    pub secrets: usize,
    /// Where the damaged file is now, if there was one.
    pub damaged: Option<PathBuf>,
}

/// What became of orphans.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Destroyed now.
    pub destroyed: usize,
    /// Seen for the first time, or less than an hour ago.
    pub noted: usize,
}

/// Which orphans were seen when.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SeenOrphans {
    version: u32,
    orphans: Vec<SeenOrphan>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SeenOrphan {
    store: String,
    id: String,
    since: i64,
}

/// Makes the records of these secrets again, group by group.
///
/// # Errors
/// Those of records and stores, for the first group that fails; those before it are done.
pub fn rebuild(wallet: &LocalWallet<'_>, unrecorded: &[Orphan]) -> Result<Vec<Rebuilt>, Error> {
    let mut groups: Vec<&str> = unrecorded.iter().map(|orphan| orphan.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut done = Vec::new();
    for name in groups {
        let damaged = wallet.records.locked(name, || put_damaged_aside(wallet, name))?;
        let secrets = wallet.records.change(name, |group| {
            let mut added = 0;
            for orphan in unrecorded.iter().filter(|orphan| orphan.group == name) {
                if group.ids().any(|id| id == orphan.key.id.as_str()) {
                    continue;
                }
                // Under the lock: whoever is just destroying it looks at the record afterwards.
                if let Some(account) = account_of(wallet, orphan)? {
                    add_account(wallet, group, orphan, account)?;
                    added += 1;
                }
            }
            Ok((added, added > 0))
        })?;
        // Another process was about to write the record itself, or has taken the secret out again.
        if secrets > 0 || damaged.is_some() {
            done.push(Rebuilt { group: name.to_owned(), secrets, damaged });
        }
    }
    Ok(done)
}

/// Renames a record file that is not one. One that a newer keyfob wrote, or that may not be read, is left and is an error.
fn put_damaged_aside(wallet: &LocalWallet<'_>, group: &str) -> Result<Option<PathBuf>, Error> {
    let path = wallet.records.path(group);
    match wallet.records.read(group) {
        Ok(_) => Ok(None),
        Err(Error::Record { .. }) => {
            let mut name = path.clone().into_os_string();
            name.push(format!(".damaged-{}", wallet.now));
            let aside = PathBuf::from(name);
            std::fs::rename(&path, &aside).map_err(Error::io("rename", &path))?;
            Ok(Some(aside))
        }
        Err(error) => Err(error),
    }
}

/// The record of a secret, as far as its key tells. `None` if the store does not hold it any more.
fn account_of(wallet: &LocalWallet<'_>, orphan: &Orphan) -> Result<Option<AccountRecord>, Error> {
    let Some(secret) = wallet.stores.open(orphan.store)?.get(&orphan.key)? else { return Ok(None) };
    let mut account = AccountRecord::new(Source::Person, orphan.store, &orphan.key, wallet.now);
    account.authtype = Payload::unpack(&secret).authtype.is_some();
    Ok(Some(account))
}

/// Puts an account into its group. A second secret of the same account is kept set aside: which of them was in force is
/// not known.
fn add_account(
    wallet: &LocalWallet<'_>,
    group: &mut Group,
    orphan: &Orphan,
    account: AccountRecord,
) -> Result<(), Error> {
    let realm = &orphan.key.realm;
    let record = group.realm_or_new(realm.as_str(), || {
        let home = record_place(&wallet.config, realm)?;
        let home = home.ok_or(Error::Url { why: "the realm of a token tells no place" })?;
        let allow_http = home.url.starts_with("http://");
        Ok(RealmRecord { allow_http, ..RealmRecord::new(realm, home.url, home.prefix) })
    })?;
    match record.accounts.iter_mut().find(|held| held.name == account.name) {
        Some(held) => held.set_aside.push(SetAside {
            store: account.store,
            id: account.id,
            since: wallet.now,
            expires: None,
            scopes: Vec::new(),
            authtype: account.authtype,
            service_id: None,
            revoked: false,
        }),
        None => record.accounts.push(account),
    }
    Ok(())
}

/// Destroys orphans that were seen before, and remembers the others in `data`.
///
/// # Errors
/// Those of records, stores and the memory.
pub fn sweep_orphans(wallet: &LocalWallet<'_>, data: &Path, orphans: &[Orphan]) -> Result<Swept, Error> {
    let path = data.join("doctor.json");
    let seen: SeenOrphans =
        files::read_private(&path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let (mut swept, mut keep) = (Swept::default(), SeenOrphans { version: VERSION, orphans: Vec::new() });
    for orphan in orphans {
        let id = orphan.key.id.as_str();
        let before = seen.orphans.iter().find(|seen| seen.store == orphan.store && seen.id == id);
        // A clock that was set back does not make anything older.
        let since = before.map_or(wallet.now, |seen| seen.since.min(wallet.now));
        if wallet.now.saturating_sub(since) >= ORPHAN_SECONDS {
            let alone = wallet.records.locked(&orphan.group, || {
                let group = wallet.records.read(&orphan.group)?;
                if group.ids().any(|held| held == id) {
                    return Ok(false);
                }
                wallet.stores.open(orphan.store)?.delete(&orphan.key).map(|()| true)
            })?;
            swept.destroyed += usize::from(alone);
        } else {
            swept.noted += 1;
            keep.orphans.push(SeenOrphan { store: orphan.store.to_owned(), id: id.to_owned(), since });
        }
    }
    if keep.orphans.is_empty() {
        files::remove(&path)?;
    } else {
        versioned_json::write(&path, &keep)?;
    }
    Ok(swept)
}
