//! `pat create` and `rotate`, the wallet's part: a new token takes the place of an old one. What is half done is on the list
//! ([`pending`](super::super::pending)) before a service is asked, so that a crash at any step leaves a token that works, and
//! what it left can be made good. A file for each way to a new token: the service makes one (`make`), the old one renews itself
//! (`renew`), a person makes one (`by_hand`); here is what they share. The asking itself is the command's ([`Service`]); the
//! wallet never uses the network (R12).

use crate::error::Error;
use crate::forge::lifecycle::{Created, Token, TokenId, TokenRequest};
use crate::forge::verify::Verdict;
use crate::records::{AccountRecord, RealmRecord, Source};
use crate::remote::Remote;

mod by_hand;
mod make;
mod renew;
mod service_id;
mod tag;

pub use by_hand::{destroy_earlier, id_in_force_of, pending_by_hand, question_of_earlier};
pub use make::{Done, Finished, Making, finish, make};
pub use renew::{NotRenewed, Unstored, renew};
pub use service_id::{record_expiry, record_global_expiry, reject, service_ids};
pub use tag::{LONGEST, has_tag, is_long, tag_of, without_tag};

use super::super::LocalWallet;
use super::super::pending::{Kind, Pending};
use super::Selection;
use super::add::{AddRequest, Planned, is_same};
use super::verify::Question;
use crate::wallet::manage::plan::plan;
use crate::wallet::manage::verify::subject;
use crate::wallet::resolve::resolve;

/// What a service does for a token's lifecycle.
pub trait Service {
    /// The token whose name has this tag ([`has_tag`]) and that still works.
    ///
    /// # Errors
    /// When it could not be asked, or did not answer.
    fn find(&self, tag: &str) -> Result<Option<Token>, Error>;

    /// Makes one.
    ///
    /// # Errors
    /// [`Failed`], which tells whether one may have been made.
    fn create(&self, order: &TokenRequest) -> Result<Created, Failed>;

    /// Whether the service takes a token.
    ///
    /// # Errors
    /// When it could not be asked.
    fn verify(&self, question: &Question) -> Result<Verdict, Error>;

    /// Revokes one, for ever. One that is gone already is no error.
    ///
    /// # Errors
    /// When it could not be asked, or would not.
    fn revoke(&self, id: &TokenId) -> Result<(), Error>;
}

/// Why no new token came back.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// Whether it is certain that nothing happened. An answer that was lost on its way proves nothing.
    pub nothing_happened: bool,
}

/// An account that is held, as if it was to be added again: where its next token goes.
///
/// # Errors
/// Those of [`plan`].
pub fn plan_again(
    wallet: &LocalWallet<'_>,
    selection: &Selection,
    account: &AccountRecord,
) -> Result<Planned, Error> {
    let (remote, _) = Remote::from_url(&selection.realm.url)?;
    let wish = AddRequest {
        account: account.name.clone(),
        allow_http: selection.realm.allow_http,
        forge: Some(super::super::resolve::forge_of(&selection.realm)),
        ..AddRequest::new(remote, None)
    };
    let planned = plan(wallet, wish)?;
    if planned.realm.as_str() != selection.realm.realm {
        return Err(Error::usage(
            format!("{} is not where its URL leads any more", selection.realm.realm),
            "keyfob move URL NEW-URL mends it",
        ));
    }
    Ok(planned)
}

/// The id of the secret in force of the account that a plan is about.
///
/// # Errors
/// Those of reading.
pub fn id_in_force(wallet: &LocalWallet<'_>, planned: &Planned) -> Result<Option<String>, Error> {
    let group = wallet.records.read(&planned.group)?;
    let realm = group.realms.iter().find(|realm| realm.realm == planned.realm.as_str());
    let account = realm.and_then(|realm| realm.accounts.iter().find(|account| is_same(account, planned)));
    Ok(account.map(|account| account.id.clone()))
}

/// The question about an account of something half done.
///
/// # Errors
/// Those of the record and of the store.
pub fn question_of(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
    is_match: impl Fn(&AccountRecord) -> bool,
) -> Result<Option<Question>, Error> {
    let (realm, at) = account_of_pending(wallet, pending)?;
    let Some((realm, at)) = realm.zip(at) else { return Ok(None) };
    let account = &realm.accounts[at];
    if !is_match(account) {
        return Ok(None);
    }
    subject(wallet, &group_of_pending(wallet, pending)?, &realm, account).question.map(Some)
}

fn group_of_pending(wallet: &LocalWallet<'_>, pending: &Pending) -> Result<String, Error> {
    let (remote, user) = Remote::from_url(&pending.url)?;
    Ok(match resolve(&wallet.config, &remote, user.as_deref())? {
        super::super::resolve::Resolution::Known(known) => known.group,
        _ => super::super::resolve::host_group(&remote),
    })
}

/// The realm that something half done is about, and which of its accounts.
fn account_of_pending(
    wallet: &LocalWallet<'_>,
    pending: &Pending,
) -> Result<(Option<RealmRecord>, Option<usize>), Error> {
    let group = wallet.records.read(&group_of_pending(wallet, pending)?)?;
    let realm = group.realms.into_iter().find(|realm| realm.realm == pending.realm);
    let is_match = |a: &AccountRecord| a.source == Source::Person && a.name == pending.account;
    let at = realm.as_ref().and_then(|realm| realm.accounts.iter().position(is_match));
    Ok((realm, at))
}

/// What is put on the list about a plan.
fn about(planned: &Planned, tag: String, kind: Kind, before: Option<String>, since: i64) -> Pending {
    let (realm, url) = (planned.realm.to_string(), planned.url.clone());
    let (account, page) = (planned.wish.account.clone(), planned.token_page.clone());
    Pending { tag, kind, realm, url, account, before, old: None, page, since }
}

/// That a service created a token, and its answer has none.
fn not_shown(url: &str) -> Failed {
    Failed {
        error: Error::Service {
            what: "the service made a token and did not show it".to_owned(),
            hint: format!("keyfob rotate {url} cleans up"),
        },
        nothing_happened: false,
    }
}
