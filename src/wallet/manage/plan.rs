//! Where a wish of a person goes: the realm, its URL and the forge, before anything is stored.

use std::rc::Rc;

use crate::error::Error;
use crate::forge::{self, Forge, Recognition};
use crate::records::{Group, RealmRecord};
use crate::remote::Remote;
use crate::wallet::LocalWallet;
use crate::wallet::manage::add::{AddRequest, Planned};
use crate::wallet::manage::select::no_organisation;
use crate::wallet::resolve::{KnownRealm, Resolution, forge_of, host_group, resolve};

/// Reads a group's record.
pub type ReadRecord<'r> = &'r dyn Fn(&str) -> Result<Rc<Group>, Error>;

/// Where a wish would go.
///
/// # Errors
/// [`Error::PlainHttp`], [`Error::Usage`] with what is missing.
pub fn plan(wallet: &LocalWallet<'_>, wish: AddRequest) -> Result<Planned, Error> {
    plan_by(wallet, wish, &|group| wallet.records.read(group).map(Rc::new))
}

/// The same, with records that the caller reads: once, where many wishes come one after the other.
///
/// # Errors
/// As [`plan`], and those of `read`.
pub fn plan_by(wallet: &LocalWallet<'_>, wish: AddRequest, read: ReadRecord<'_>) -> Result<Planned, Error> {
    let remote = &wish.remote;
    // It goes into answers, one line each.
    if wish.account.iter().chain(&wish.url_user).any(|name| name.chars().any(char::is_control)) {
        return Err(Error::usage(
            "there is a control character in the account's name",
            "give it without: --account NAME",
        ));
    }
    match resolve(&wallet.config, remote, wish.url_user.as_deref())? {
        Resolution::NoOrganisation(forge) => Err(no_organisation(forge, remote)),
        Resolution::Never if remote.is_http() => {
            Err(Error::PlainHttp { place: remote.to_string(), cloud: true })
        }
        Resolution::Never => Err(Error::usage(
            format!("{} never gets a token: it is no organisation's own host", remote.host()),
            "give the URL that you clone from, for example https://dev.azure.com/contoso",
        )),
        Resolution::Known(known) => plan_known(wish, *known),
        Resolution::Host { .. } => plan_host(wish, read),
    }
}

/// A host that only records can know: the realm that is there, the forge that was named, or the one it looks like.
fn plan_host(mut wish: AddRequest, read: ReadRecord<'_>) -> Result<Planned, Error> {
    wish.may_travel(false)?;
    let remote = &wish.remote.clone();
    let group = host_group(remote);
    let records = read(&group)?;
    let same_place = |record: &&RealmRecord| {
        let forge = forge_of(record);
        record.has_person()
            && remote.path_is_within(&record.prefix, forge.case_insensitive_paths)
            && forge::prefix_of(forge, remote).len() <= record.prefix.len()
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
    let prefix = forge::prefix_of(forge, remote).to_vec();
    let home = remote.with_path(prefix.clone());
    Ok(Planned {
        realm: forge::server_realm(forge, remote, &prefix),
        token_page: forge.token_page.map(|page| forge::fill(page, None, Some(&home.to_string()))),
        url: home.to_string(),
        guessed: guessed && !forge.is_generic(),
        forge,
        group,
        prefix,
        wish,
    })
}

/// A realm that is known without its record.
fn plan_known(mut wish: AddRequest, known: KnownRealm) -> Result<Planned, Error> {
    let remote = wish.remote.clone();
    if let Some(forge) = wish.forge.filter(|forge| *forge != known.forge) {
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
fn guess(wish: &AddRequest) -> &'static Forge {
    let last = wish.remote.path().last();
    let nameless = wish.account.is_none() && wish.url_user.is_none();
    let collection = nameless && last.is_some_and(|segment| !segment.ends_with(".git"));
    let by_collection = || forge::of_collections().filter(|_| collection);
    forge::looks_like(&wish.remote).or_else(by_collection).unwrap_or(&forge::generic::FORGE)
}

/// A cloud realm's URL: what the person gave, without what lies below the realm. Where only the user name told the
/// organisation, it is the realm's home, since a URL is kept without user name.
fn cloud_url(remote: &Remote, known: &KnownRealm) -> String {
    let given = remote.with_path(remote.path().iter().take(known.path_depth).cloned().collect());
    match forge::recognise(&given, None) {
        Recognition::Cloud { realm, .. } if realm == known.realm => given.to_string(),
        _ => known.home(remote),
    }
}
