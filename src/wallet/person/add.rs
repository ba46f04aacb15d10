//! `add`: a person puts a token in.

use std::rc::Rc;

use crate::credential::{Account, Key, Secret};
use crate::error::Error;
use crate::forge::{self, Forge, Place};
use crate::records::{AccountRecord, Expiry, Group, RealmRecord, Source};
use crate::remote::{Realm, Remote};
use crate::store::payload::Payload;

use super::super::spot::{Known, Spot, forge_of, host_group};
use super::super::store::set_aside_and_replace;
use super::super::{Local, settled};
use super::no_organisation;

/// What is to be added, without the token.
#[derive(Clone, Debug)]
pub struct Wish {
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
    /// The wish, its account name settled.
    pub wish: Wish,
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
    /// Whether git must send the path here.
    pub needs_path: bool,
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

impl Wish {
    /// One that says nothing but where.
    #[must_use]
    pub fn new(remote: Remote, url_user: Option<String>) -> Wish {
        Wish {
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
    fn may_travel(&self, accepted: bool) -> Result<(), Error> {
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

/// Reads a group's record.
pub type ReadRecord<'r> = &'r dyn Fn(&str) -> Result<Rc<Group>, Error>;

impl Local<'_> {
    /// Where a wish would go.
    ///
    /// # Errors
    /// [`Error::PlainHttp`], [`Error::Usage`] with what is missing.
    pub fn plan(&self, wish: Wish) -> Result<Planned, Error> {
        self.plan_by(wish, &|group| self.records.read(group).map(Rc::new))
    }

    /// The same, with records that the caller reads: once, where many wishes come one after the other.
    ///
    /// # Errors
    /// As [`Local::plan`], and those of `read`.
    pub fn plan_by(&self, wish: Wish, read: ReadRecord<'_>) -> Result<Planned, Error> {
        let remote = &wish.remote;
        // It goes into answers, one line each.
        if wish.account.iter().chain(&wish.url_user).any(|name| name.chars().any(char::is_control)) {
            return Err(Error::usage(
                "there is a control character in the account's name",
                "give it without: --account NAME",
            ));
        }
        match self.spot(remote, wish.url_user.as_deref())? {
            Spot::NoOrganisation(forge) => Err(no_organisation(forge, remote)),
            Spot::Never if remote.is_http() => {
                Err(Error::PlainHttp { place: remote.to_string(), cloud: true })
            }
            Spot::Never => Err(Error::usage(
                format!("{} never gets a token: it is no organisation's own host", remote.host()),
                "give the URL that you clone from, for example https://dev.azure.com/contoso",
            )),
            Spot::Known(known) => plan_known(wish, *known),
            Spot::Host { .. } => plan_host(wish, read),
        }
    }

    /// Puts a token in.
    ///
    /// # Errors
    /// Those of the store and of the records; then nothing has changed.
    pub fn add(&self, planned: &Planned, token: Secret) -> Result<Added, Error> {
        if let Some(error) = planned.lacks_name() {
            return Err(error);
        }
        let payload = Payload::plain(token);
        let packed = payload.pack()?;
        if let Some(change) = settled(|| self.same_already(planned, &payload))? {
            return Ok(change);
        }
        let account = Account::from_name(planned.wish.account.as_deref());
        let name = account.to_string();
        let (change, chosen) =
            self.keep(&planned.group, &planned.realm, account, &packed, |group, store, key| {
                place_new(group, planned, store, key, self.now)
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
    fn same_already(&self, planned: &Planned, payload: &Payload) -> Result<Option<Added>, Error> {
        let group = self.records.read(&planned.group)?;
        let Some(realm) = group.realm(planned.realm.as_str()) else { return Ok(None) };
        let Some(account) = realm.accounts.iter().find(|a| is_same(a, planned)) else { return Ok(None) };
        let held = match self.payload(&planned.group, realm, account) {
            Ok(held) => held,
            Err(Error::Lost { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !held.same_as(payload) {
            return Ok(None);
        }
        self.records.change(&planned.group, |group| {
            if let Some(realm) = group.realm_mut(planned.realm.as_str()) {
                realm.allow_http |= planned.wish.allow_http;
                if planned.wish.default {
                    realm.accounts.iter_mut().for_each(|account| account.default = false);
                }
                for found in realm.accounts.iter_mut().filter(|found| found.id == account.id) {
                    update(found, planned);
                    found.trouble.clear();
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
}

/// A host that only records can know: the realm that is there, the forge that was named, or the one it looks like.
fn plan_host(mut wish: Wish, read: ReadRecord<'_>) -> Result<Planned, Error> {
    wish.may_travel(false)?;
    let remote = &wish.remote.clone();
    let group = host_group(remote);
    let records = read(&group)?;
    let same_place = |record: &&RealmRecord| {
        let forge = forge_of(record);
        record.has_person()
            && remote.path_is_within(&record.prefix, forge.folds_path)
            && forge.prefix_of(remote).len() <= record.prefix.len()
    };
    let (forge, guessed) = match wish.forge {
        Some(forge) => (forge, false),
        None => match records.realms.iter().filter(same_place).max_by_key(|record| record.prefix.len()) {
            Some(record) => (forge_of(record), false),
            None => (guess(&wish), true),
        },
    };
    // A copied URL may carry a name that means nothing (`https://git@…`); on a generic host every name is a real one.
    let real = |name: &String| forge.is_generic() || !forge.is_placeholder(name);
    wish.account = wish.account.take().or_else(|| wish.url_user.clone().filter(real));
    let prefix = forge.prefix_of(remote).to_vec();
    let home = remote.with_path(prefix.clone());
    Ok(Planned {
        realm: forge::server_realm(forge, remote, &prefix),
        token_page: forge.token_page.map(|page| forge::fill(page, None, Some(&home.to_string()))),
        needs_path: !prefix.is_empty(),
        url: home.to_string(),
        guessed: guessed && !forge.is_generic(),
        forge,
        group,
        prefix,
        wish,
    })
}

/// A realm that is known without its record.
fn plan_known(mut wish: Wish, known: Known) -> Result<Planned, Error> {
    let remote = wish.remote.clone();
    if let Some(forge) = wish.forge.filter(|forge| forge.id != known.forge.id) {
        return Err(Error::usage(
            format!("{remote} belongs to {}, not to {}", known.forge.name, forge.name),
            "leave --forge out; it is for hosts that keyfob does not know",
        ));
    }
    let site = known.site.as_ref();
    wish.may_travel(site.is_some_and(|site| site.allow_http))?;
    let organisation = known.organisation.as_deref();
    let is_organisation = |name: &String| organisation.is_some_and(|o| o.eq_ignore_ascii_case(name));
    let real = |name: &String| !is_organisation(name) && !known.forge.is_placeholder(name);
    wish.account = wish.account.take().or_else(|| wish.url_user.clone().filter(real));
    let origin = site.map_or_else(|| format!("https://{}", known.realm.what()), |site| site.url.clone());
    Ok(Planned {
        token_page: known.forge.token_page.map(|page| forge::fill(page, organisation, Some(&origin))),
        needs_path: known.forge.homes.iter().any(|home| home.needs_path) && site.is_none(),
        forge: known.forge,
        url: if site.is_some() { known.home(&remote) } else { cloud_url(&remote, &known) },
        prefix: site.map(|site| site.prefix.clone()).unwrap_or_default(),
        realm: known.realm,
        group: known.group,
        guessed: false,
        wish,
    })
}

/// What an unknown host looks like. One with a path and no account name is most likely a collection: on a generic host
/// the name is needed. A path that ends in `.git` is no such server's.
fn guess(wish: &Wish) -> &'static Forge {
    let last = wish.remote.path().last();
    let nameless = wish.account.is_none() && wish.url_user.is_none();
    let collection = nameless && last.is_some_and(|segment| !segment.ends_with(".git"));
    let otherwise = if collection { &forge::azure_devops_server::FORGE } else { &forge::generic::FORGE };
    forge::looks_like(&wish.remote).unwrap_or(otherwise)
}

/// Whether an account is the one that a wish names, and a person's.
pub(super) fn is_same(account: &AccountRecord, planned: &Planned) -> bool {
    account.source == Source::Person && account.name == planned.wish.account
}

/// What a wish says of an account beside its token; what it does not say stays.
fn update(account: &mut AccountRecord, planned: &Planned) {
    let Wish { expires, scopes, label, default, issued, .. } = &planned.wish;
    if let Some(at) = expires {
        account.expires = Some(Expiry { at: *at, hard: false });
    }
    if let Some(Issued { id, expires }) = issued {
        account.service_id = id.clone().or(account.service_id.take());
        account.expires = expires.map(|at| Expiry { at, hard: true }).or(account.expires);
    }
    if !scopes.is_empty() {
        account.scopes.clone_from(scopes);
    }
    if label.is_some() {
        account.label.clone_from(label);
    }
    account.default |= default;
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

/// A cloud realm's URL: what the person gave, without what lies below the realm. Where only the user name told the
/// organisation, it is the realm's home, since a URL is kept without user name.
fn cloud_url(remote: &Remote, known: &Known) -> String {
    let given = remote.with_path(remote.path().iter().take(known.skip).cloned().collect());
    match forge::place(&given, None) {
        Place::Cloud { realm, .. } if realm == known.realm => given.to_string(),
        _ => known.home(remote),
    }
}
