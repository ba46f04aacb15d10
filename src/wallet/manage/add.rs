//! `add`: a person puts a token in.

use crate::account::{Account, Key};
use crate::error::{Error, NoCredential};
use crate::forge::{self, Forge, Need};
use crate::records::{AccountRecord, Expiry, Group, RealmRecord, Source};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::store::payload::Payload;
use crate::wallet::choose::{account_in_words, choose};
use crate::wallet::env_tokens::Environment;
use crate::wallet::resolve::entry_of;
use crate::wallet::secrets::{self, put_new};
use crate::wallet::store::set_aside_and_replace;
use crate::wallet::{LocalWallet, Query, retry_on_conflict};

/// What is to be added, without the token.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// Where.
    pub remote: Remote,
    /// The user name in the URL: the account's name too, unless it means the organisation or nothing.
    pub url_user: Option<String>,
    /// The account's name, if the person said it.
    pub account: Option<String>,
    /// The forge, if the person said which.
    pub forge: Option<&'static Forge>,
    /// When the token ends, as the person says (soft).
    pub expires: Option<i64>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The person's words.
    pub label: Option<String>,
    /// Whether it shall be the default.
    pub default: bool,
    /// Whether plain http is accepted.
    pub allow_http: bool,
    /// What the service said when it made the token.
    pub issued: Option<Issued>,
}

/// What a service says of a token that it has just made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issued {
    /// The name by which it knows the token.
    pub id: Option<String>,
    /// When the token ends (hard).
    pub expires: Option<i64>,
}

/// Where a wish would go: known before the token is asked for, so that mistakes are found first.
#[derive(Clone)]
pub struct Planned {
    /// The wish, its account name decided.
    pub wish: AddRequest,
    /// The forge.
    pub forge: &'static Forge,
    /// The realm.
    pub realm: Realm,
    /// The group of records.
    pub group: String,
    /// The realm's URL.
    pub url: String,
    /// The realm's path prefix.
    pub prefix: Vec<String>,
    /// Whether the forge was taken from the look of the URL; to be said.
    pub guessed: bool,
    /// The page where a token is made.
    pub token_page: Option<String>,
}

/// The variable of the environment whose token goes on answering for the place of a token that was added, if there is one (R13).
///
/// # Errors
/// Those of the settings and of the records.
pub fn variable_that_wins(wallet: &LocalWallet<'_>, remote: &Remote) -> Result<Option<&'static str>, Error> {
    for need in [Need::Code, Need::Packages] {
        let query = Query::new("keyfob", remote.clone(), need);
        if let Some(variable) = Environment::of(wallet).variable(&query)? {
            return Ok(Some(variable));
        }
    }
    Ok(None)
}

/// What `add` did.
#[derive(Debug, PartialEq, Eq)]
pub struct Added {
    /// The realm in text.
    pub realm: String,
    /// The account, for people.
    pub account: String,
    /// The store that holds it now.
    pub store: String,
    /// Whether that store was chosen just now.
    pub chosen_now: bool,
    /// What happened to what was there.
    pub change: Change,
}

/// What happened to what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new account.
    New,
    /// The account had another token, which is set aside.
    Replaced,
    /// The account had this very token; what is known of it was updated.
    Same,
}

impl AddRequest {
    /// One that says nothing but where.
    #[must_use]
    pub fn new(remote: Remote, url_user: Option<String>) -> AddRequest {
        AddRequest {
            remote,
            url_user,
            account: None,
            forge: None,
            expires: None,
            scopes: Vec::new(),
            label: None,
            default: false,
            allow_http: false,
            issued: None,
        }
    }

    /// Whether its token may go there: not over plain http, unless the person accepts it, now or in the settings (R1).
    pub(super) fn may_travel(&self, accepted: bool) -> Result<(), Error> {
        let remote = &self.remote;
        if self.allow_http || accepted || remote.is_loopback() || !remote.is_http() {
            return Ok(());
        }
        Err(Error::PlainHttp { place: remote.to_string(), cloud: false })
    }
}

impl Added {
    /// Whose the token is, in a sentence: the account where it has a name, else the realm.
    #[must_use]
    pub fn whose(&self) -> String {
        match self.account.as_str() {
            "-" => self.realm.clone(),
            name => format!("account {name} of {}", self.realm),
        }
    }
}

impl Planned {
    /// That a name is still needed: on a host that nobody described the user name counts.
    #[must_use]
    pub fn lacks_name(&self) -> Option<Error> {
        let lacks = self.forge.is_generic() && self.wish.account.is_none();
        lacks.then(|| {
            Error::usage(
                format!(
                    "{} is a host that keyfob does not know, and there the user name counts",
                    self.wish.remote.authority()
                ),
                format!(
                    "keyfob add {} --account NAME; or --forge NAME if it is one of: {}",
                    self.url,
                    forge::self_hosted_names()
                ),
            )
        })
    }
}

/// Puts a token in.
///
/// # Errors
/// Those of the store and of the records; then nothing has changed.
pub fn add(wallet: &LocalWallet<'_>, planned: &Planned, token: Secret) -> Result<Added, Error> {
    if let Some(error) = planned.lacks_name() {
        return Err(error);
    }
    let payload = Payload::plain(token);
    let packed = payload.pack()?;
    if let Some(change) = retry_on_conflict(|| add_same(wallet, planned, &payload))? {
        return Ok(change);
    }
    let account = Account::from_name(planned.wish.account.as_deref());
    let name = account.to_string();
    let (change, chosen) =
        put_new(wallet, &planned.group, &planned.realm, account, &packed, |group, store, key| {
            place_new(group, planned, store, key, wallet.now)
        })?;
    Ok(Added {
        realm: planned.realm.to_string(),
        account: name,
        store: chosen.name.to_owned(),
        chosen_now: chosen.chosen_now,
        change,
    })
}

/// The very token of the account again: nothing is stored, what is known of it is updated, a refusal is cleared.
fn add_same(wallet: &LocalWallet<'_>, planned: &Planned, payload: &Payload) -> Result<Option<Added>, Error> {
    let group = wallet.records.read(&planned.group)?;
    let Some(realm) = group.realm(planned.realm.as_str()) else { return Ok(None) };
    let Some(account) = realm.accounts.iter().find(|a| is_same(a, planned)) else { return Ok(None) };
    let held = match secrets::payload(wallet, &planned.group, realm, account) {
        Ok(held) => held,
        Err(Error::Lost { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !held.same_as(payload) {
        return Ok(None);
    }
    wallet.records.change(&planned.group, |group| {
        if let Some(realm) = group.realm_mut(planned.realm.as_str()) {
            realm.allow_http |= planned.wish.allow_http;
            if planned.wish.default {
                realm.accounts.iter_mut().for_each(|account| account.default = false);
            }
            for found in realm.accounts.iter_mut().filter(|found| found.id == account.id) {
                update(found, planned);
                found.rejections.clear();
            }
        }
        Ok(((), true))
    })?;
    Ok(Some(Added {
        realm: planned.realm.to_string(),
        account: account.account().to_string(),
        store: account.store.clone(),
        chosen_now: false,
        change: Change::Same,
    }))
}

/// Whether an account is the one that a wish names, and a person's.
pub(super) fn is_same(account: &AccountRecord, planned: &Planned) -> bool {
    account.source == Source::Person && account.name == planned.wish.account
}

/// What a wish says of an account beside its token; what it does not say stays.
fn update(account: &mut AccountRecord, planned: &Planned) {
    let AddRequest { expires, scopes, label, default, issued, .. } = &planned.wish;
    if let Some(at) = expires {
        account.expires = Some(Expiry { at: *at, certain: false });
    }
    if let Some(Issued { id, expires }) = issued {
        account.service_id = id.clone().or(account.service_id.take());
        account.expires = expires.map(|at| Expiry { at, certain: true }).or(account.expires);
    }
    if !scopes.is_empty() {
        account.scopes.clone_from(scopes);
    }
    if label.is_some() {
        account.label.clone_from(label);
    }
    account.default |= default;
}

/// After a second account came into a place without a default: the account that answered until now becomes it, so that tools
/// which name no account go on getting its token; the new one, if the first is not handed out any more. Returns the name of the
/// account that is the default now, for people; `None` if nothing had to change.
///
/// # Errors
/// Those of reading and writing the record.
pub fn keep_answering(
    wallet: &LocalWallet<'_>,
    planned: &Planned,
    added: &Added,
) -> Result<Option<String>, Error> {
    if added.change != Change::New || planned.wish.default {
        return Ok(None);
    }
    let query = |need| Query::new("keyfob", planned.wish.remote.without_path(), need);
    wallet.records.change(&planned.group, |group| {
        let Some(realm) = group.realm(planned.realm.as_str()) else { return Ok((None, false)) };
        let others = realm.accounts.iter().filter(|account| !is_same(account, planned)).cloned().collect();
        let before = RealmRecord { accounts: others, ..realm.clone() };
        let kept = [Need::Code, Need::Packages, Need::Anything].iter().find_map(|&need| {
            let answers = |realm| choose(&entry_of(group, realm), &query(need), wallet.now, &mut |_| {});
            match (answers(&before), answers(realm)) {
                (Ok(first), Err(NoCredential::Ambiguous { stored: false, .. })) => Some(first.account()),
                // It is offered again in a minute.
                (
                    Err(NoCredential::Rejected { account, again_in: Some(_), .. }),
                    Err(NoCredential::Ambiguous { stored: false, .. }),
                ) => Some(Account::from_name(account.as_deref())),
                (
                    Err(NoCredential::Rejected { .. } | NoCredential::Expired { .. }),
                    Err(NoCredential::Ambiguous { stored: false, .. }),
                ) => Some(Account::from_name(planned.wish.account.as_deref())),
                _ => None,
            }
        });
        let realm = group.realm_mut(planned.realm.as_str());
        let mut persons =
            realm.into_iter().flat_map(|realm| &mut realm.accounts).filter(|a| a.source == Source::Person);
        let Some(found) = kept.and_then(|kept| persons.find(|account| account.account() == kept)) else {
            return Ok((None, false));
        };
        found.default = true;
        Ok((Some(account_in_words(found.name.as_deref())), true))
    })
}

/// Writes a secret that was just put into a store into its group.
pub(super) fn place_new(
    group: &mut Group,
    planned: &Planned,
    store: &str,
    key: &Key,
    now: i64,
) -> Result<Change, Error> {
    let mut record = AccountRecord::new(Source::Person, store, key, now);
    update(&mut record, planned);
    group.forget(&record.id);
    let realm = group.realm_or_new(planned.realm.as_str(), || {
        Ok(RealmRecord::new(&planned.realm, planned.url.clone(), planned.prefix.clone()))
    })?;
    realm.allow_http |= planned.wish.allow_http;
    // The person's URL counts more than the origin that a tool began the realm with.
    if !realm.has_person() {
        realm.url.clone_from(&planned.url);
    }
    if planned.wish.default {
        realm.accounts.iter_mut().for_each(|account| account.default = false);
    }
    Ok(match realm.accounts.iter_mut().find(|account| is_same(account, planned)) {
        Some(found) => {
            let (label, default) = (record.label.clone(), record.default);
            set_aside_and_replace(found, record, now);
            found.label = label.or(found.label.take());
            found.default |= default;
            Change::Replaced
        }
        None => {
            realm.accounts.push(record);
            Change::New
        }
    })
}
