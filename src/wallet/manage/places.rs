//! Places of the wallet, for those that make a tool ask us: where it holds something, and where git must send the path
//! so that the right account can be chosen.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::forge::{self, Presentation};
use crate::records::{RealmRecord, Records};
use crate::remote::{Realm, Remote};
use crate::wallet::LocalWallet;
use crate::wallet::manage::list::list;
use crate::wallet::resolve::forge_of;

/// A realm that the wallet holds something for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlace {
    /// The realm in text.
    pub realm: String,
    /// Its URL.
    pub remote: Remote,
    /// Whether a person added something.
    pub person: bool,
    /// Whether its tokens are carried best by an `authtype` (git 2.46): servers on premises, and Bearer tokens.
    pub wants_authtype: bool,
}

/// Every realm of the wallet that has a URL of http or https. Records that cannot be read are passed over.
///
/// # Errors
/// When the records as a whole cannot be listed.
pub fn all(records: &Records) -> Result<Vec<HeldPlace>, Error> {
    let groups: Vec<_> = records.all()?.collect();
    let realms = groups.iter().flatten().flat_map(|group| &group.realms);
    Ok(realms.filter_map(place).collect())
}

/// The places for which git must send the path: the hosts of cloud services where the path tells the organisation, even
/// before the wallet holds anything there; and each origin of the wallet that has several realms, one below a path, or
/// a rule for a path. Hosts that serve no repositories (`pkgs.dev.azure.com` …) are not among them.
///
/// # Errors
/// As [`all`].
pub fn that_need_the_path(records: &Records) -> Result<Vec<Remote>, Error> {
    let templates =
        forge::ALL.iter().flat_map(|forge| forge.url_templates).filter(|template| template.needs_path);
    let hosts = templates.filter_map(|template| template.pattern.split('/').next());
    let fixed = hosts.filter(|host| !host.contains('{'));
    let mut needed: Vec<Remote> =
        fixed.filter_map(|host| Remote::from_parts("https", host, None).ok()).collect();
    let mut held: BTreeMap<String, (Remote, usize, bool)> = BTreeMap::new();
    for group in records.all()?.flatten() {
        for realm in &group.realms {
            let Some(place) = place(realm) else { continue };
            let origin = place.remote.without_path();
            let seen = held.entry(origin.origin()).or_insert((origin, 0, false));
            // Realms of a cloud service share its host and have no prefix; where that matters, its templates say so.
            seen.1 += usize::from(group.group.contains("://"));
            seen.2 |= !realm.prefix.is_empty() || !realm.rules.is_empty();
        }
    }
    for (origin, realms, path) in held.into_values() {
        if (path || realms > 1) && !needed.contains(&origin) {
            needed.push(origin);
        }
    }
    Ok(needed)
}

/// The hosts that git would ask for what the wallet holds, each once and without a path: those of the realms' URLs, and every
/// other one by which a cloud service's organisation is reached. Hosts that serve no repositories are not among them.
///
/// # Errors
/// As [`all`].
pub fn hosts(records: &Records) -> Result<Vec<Remote>, Error> {
    let mut hosts: Vec<Remote> = Vec::new();
    for group in records.all()?.flatten() {
        for realm in group.realms.iter().filter(|realm| realm.has_person()) {
            let own = place(realm).map(|place| place.remote.without_path());
            let others = Realm::from_text(&realm.realm)
                .map(|name| forge_of(realm).hosts_of(&name))
                .unwrap_or_default();
            for host in own.into_iter().chain(others) {
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
    }
    Ok(hosts)
}

/// The places where git should use Basic by itself, without asking the server first: what a person added for a server that
/// offers NTLM and Negotiate too.
///
/// # Errors
/// As [`all`].
pub fn for_basic(records: &Records) -> Result<Vec<Remote>, Error> {
    let forced = |realm: &&RealmRecord| {
        realm.has_person() && forge_of(realm).presentation == Presentation::ForcedBasic
    };
    let groups: Vec<_> = records.all()?.collect();
    let realms = groups.iter().flatten().flat_map(|group| &group.realms).filter(forced);
    Ok(realms.filter_map(place).map(|place| place.remote).collect())
}

/// Every place that could answer a tool, with its realm in text: those of the records, and those of the environment.
pub(in crate::wallet) fn for_tools(wallet: &LocalWallet<'_>) -> Result<Vec<(String, Remote)>, Error> {
    let (entries, _) = list(wallet)?;
    let place = |entry: super::AccountSummary| {
        let (remote, _) = Remote::from_url(&entry.url).ok()?;
        Some((entry.realm, remote))
    };
    let mut places: Vec<(String, Remote)> = entries.into_iter().filter_map(place).collect();
    places.dedup();
    Ok(places)
}

fn place(realm: &RealmRecord) -> Option<HeldPlace> {
    let (remote, _) = Remote::from_url(&realm.url).ok()?;
    let presentation = forge_of(realm).presentation;
    Some(HeldPlace {
        realm: realm.realm.clone(),
        remote,
        person: realm.has_person(),
        wants_authtype: matches!(presentation, Presentation::ForcedBasic | Presentation::Bearer),
    })
}
