//! Tokens that renew themselves: the service gives another one for the old one, which does not work from that moment on. So the
//! new one is kept before anything else, and an answer that was lost is never asked for again blindly.

use std::path::PathBuf;

use crate::account::{Account, Id, Key};
use crate::error::Error;
use crate::files;
use crate::forge::lifecycle::Created;
use crate::secret::{Secret, fill_random};
use crate::store::Store;
use crate::wallet::LocalWallet;
use crate::wallet::manage::add::{Added, Issued, Planned, add};
use crate::wallet::manage::rotate::service_id::destroy_aside_where;
use crate::wallet::manage::rotate::tag::new_tag;
use crate::wallet::manage::rotate::{Failed, about, id_in_force, not_shown, question_of};
use crate::wallet::manage::verify::Question;
use crate::wallet::pending::{Kind, List};
use crate::wallet::secrets::{put_copy, store_for_new};

/// A renewed token that could not be kept: its old one does not work any more.
pub struct Unstored {
    /// The token.
    pub token: Secret,
    /// Why.
    pub error: Error,
}

/// How a renewal failed.
pub enum NotRenewed {
    /// As ever.
    Error(Error),
    /// There is a new token, and no place for it.
    Unstored(Box<Unstored>),
}

impl From<Error> for NotRenewed {
    fn from(error: Error) -> NotRenewed {
        NotRenewed::Error(error)
    }
}

/// Room for the new token and its record, taken up before a service makes one that is shown only once, and given back when it is
/// there: a disk that others fill in that moment must not cost it.
struct Room<'s> {
    store: Box<dyn Store + 's>,
    key: Key,
    beside: PathBuf,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        // What stays, doctor finds.
        let _ = self.store.delete(&self.key);
        let _ = files::remove(&self.beside);
    }
}

/// No token is longer, and no record grows by more.
const LONGEST_TOKEN: usize = 512;
const LARGEST_GROWTH: usize = 4096;

/// That the store for new tokens takes one now and gives it back, and that its record can be written.
fn reserve_space<'w>(wallet: &'w LocalWallet<'_>, planned: &Planned) -> Result<Room<'w>, Error> {
    let chosen = store_for_new(wallet)?;
    let store = wallet.stores.open(chosen.name)?;
    let account = Account::from_name(planned.wish.account.as_deref());
    let key = Key { realm: planned.realm.clone(), account, id: Id::random()? };
    let record = wallet.records.path(&planned.group);
    let length = std::fs::metadata(&record).map_or(0, |about| about.len());
    let mut noise = vec![0; usize::try_from(length).unwrap_or_default() + LARGEST_GROWTH];
    // Some file systems keep what is all alike without taking up room for it.
    fill_random(&mut noise)?;
    let beside = files::reserve_space(&record, &noise)?;
    noise.truncate(LONGEST_TOKEN);
    // No store minds what is in it, but one line is what a token is.
    noise.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
    let room = Room { store, key, beside };
    put_copy(wallet, &planned.group, (chosen.name, &*room.store), &room.key, &Secret::new(noise))?;
    Ok(room)
}

/// Renews a token that renews itself, and keeps the new one before anything else. Returns when that one expires, in Unix seconds, if the
/// service says so. Only within [`List::alone`].
///
/// # Errors
/// [`NotRenewed`]; whether something happened, the list knows.
pub fn renew(
    wallet: &LocalWallet<'_>,
    list: &List,
    mut planned: Planned,
    ask: impl FnOnce(&Question) -> Result<Created, Failed>,
) -> Result<(Added, Option<i64>), NotRenewed> {
    let room = reserve_space(wallet, &planned)?;
    let before = id_in_force(wallet, &planned)?;
    let pending = about(&planned, new_tag()?, Kind::Renewed, before.clone(), wallet.now);
    let question = question_of(wallet, &pending, |account| Some(&account.id) == before.as_ref())?;
    let question = question.ok_or(Error::Changing)?;
    list.add(pending.clone())?;
    let created = ask(&question);
    drop(room);
    let (token, scopes, expires) = match created.and_then(|created| match created {
        Created { secret: Some(token), scopes, expires, .. } => Ok((token, scopes, expires)),
        Created { secret: None, .. } => Err(not_shown(&planned.url)),
    }) {
        Ok(shown) => shown,
        Err(Failed { error, nothing_happened }) => {
            if nothing_happened {
                list.remove(&pending.tag)?;
            }
            return Err(error.into());
        }
    };
    planned.wish.scopes = scopes;
    planned.wish.issued = Some(Issued { id: None, expires });
    // `add` takes it over; the copy is for the case that it finds no place.
    let copy = token.duplicate();
    match add(wallet, &planned, token) {
        Ok(added) => {
            list.remove(&pending.tag)?;
            // It does not work any more; what cannot be destroyed, doctor finds.
            if let Some(before) = before {
                let _ = destroy_aside_where(wallet, &pending, |aside| aside.id == before);
            }
            Ok((added, expires))
        }
        // Writing may fail after the record is in place; then the new one is in use.
        Err(error) if id_in_force(wallet, &planned).is_ok_and(|now| now != pending.before) => {
            Err(error.into())
        }
        Err(error) => Err(NotRenewed::Unstored(Box::new(Unstored { token: copy, error }))),
    }
}
