//! A token that a person replaces: what is put on the list of it, and the earlier one, which works until that person revokes it.

use crate::error::Error;
use crate::records::SetAside;
use crate::wallet::LocalWallet;
use crate::wallet::manage::add::Planned;
use crate::wallet::manage::rotate::service_id::destroy_aside_where;
use crate::wallet::manage::rotate::{about, account_of_pending, group_of_pending, tag};
use crate::wallet::manage::verify::{Question, subject};
use crate::wallet::pending::{Kind, Pending};

/// What is put on the list before a person's own token takes the place of the one with the id `before`.
///
/// # Errors
/// That the machine gives no random numbers.
pub fn pending_by_hand(wallet: &LocalWallet<'_>, planned: &Planned, before: &str) -> Result<Pending, Error> {
    Ok(about(planned, tag::new_tag()?, Kind::ByHand, Some(before.to_owned()), wallet.now))
}

/// The id of the secret in force of the account that something half done is about.
///
/// # Errors
/// Those of reading.
pub fn id_in_force_of(wallet: &LocalWallet<'_>, pending: &Pending) -> Result<Option<String>, Error> {
    let (realm, at) = account_of_pending(wallet, pending)?;
    Ok(realm.zip(at).map(|(realm, at)| realm.accounts[at].id.clone()))
}

/// The question about the token that was in force before, which is set aside now; `None` if it is not held any more.
///
/// # Errors
/// Those of the record and of the store.
pub fn question_of_earlier(wallet: &LocalWallet<'_>, pending: &Pending) -> Result<Option<Question>, Error> {
    let (realm, at) = account_of_pending(wallet, pending)?;
    let Some((realm, at)) = realm.zip(at) else { return Ok(None) };
    let mut account = realm.accounts[at].clone();
    let is_before = |aside: &&SetAside| Some(&aside.id) == pending.before.as_ref();
    let Some(aside) = account.set_aside.iter().find(is_before).cloned() else { return Ok(None) };
    // As it was when it was in force.
    (account.id, account.store, account.authtype) = (aside.id, aside.store, aside.authtype);
    match subject(wallet, &group_of_pending(wallet, pending)?, &realm, &account).question {
        Err(Error::Lost { .. }) => Ok(None),
        question => question.map(Some),
    }
}

/// Destroys the token that was in force before, which was revoked.
///
/// # Errors
/// Those of reading and writing the record.
pub fn destroy_earlier(wallet: &LocalWallet<'_>, pending: &Pending) -> Result<(), Error> {
    destroy_aside_where(wallet, pending, |aside| Some(&aside.id) == pending.before.as_ref())
}
