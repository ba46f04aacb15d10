//! Where a remote belongs: which forge, which group of records, and within the group which realm (R1 to R3).

use crate::config::{ConfiguredRealm, LazyConfig};
use crate::error::Error;
use crate::forge::{self, Forge, Presentation, Recognition};
use crate::records::{AccountRecord, Group, RealmRecord, Records};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;

use super::Query;

/// Where a remote belongs, before any record is read.
pub enum Resolution {
    /// A cloud service's realm, or one that the settings describe.
    Known(Box<KnownRealm>),
    /// A host that only records can know.
    Host {
        /// Its group.
        group: String,
    },
    /// A cloud service's host without anything that tells the organisation.
    NoOrganisation(&'static Forge),
    /// A place that never gets a token.
    Never,
}

impl Resolution {
    /// The group of records that may hold it; none where nothing is held.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match self {
            Resolution::Known(known) => Some(&known.group),
            Resolution::Host { group } => Some(group),
            Resolution::NoOrganisation(_) | Resolution::Never => None,
        }
    }
}

/// A realm that is known without its record.
#[derive(Clone)]
pub struct KnownRealm {
    /// Its forge.
    pub forge: &'static Forge,
    /// The realm.
    pub realm: Realm,
    /// The group that holds it.
    pub group: String,
    /// The organisation, where there is one.
    pub organisation: Option<String>,
    /// What the settings say, if it is from there.
    pub site: Option<ConfiguredRealm>,
    /// How many segments of the remote's path are about the realm.
    pub path_depth: usize,
}

impl KnownRealm {
    /// The realm's own URL: what the settings say, else its home in the first spelling, else what was asked.
    #[must_use]
    pub fn home(&self, remote: &Remote) -> String {
        let site = self.site.as_ref().map(|site| site.url.clone());
        site.or_else(|| self.forge.home_url(&self.realm)).unwrap_or_else(|| remote.to_string())
    }
}

/// Where `remote` belongs.
///
/// # Errors
/// Those of the settings, which are read only if no cloud service knows the host.
pub fn resolve(config: &LazyConfig, remote: &Remote, user: Option<&str>) -> Result<Resolution, Error> {
    Ok(match forge::recognise(remote, user) {
        Recognition::Cloud { forge, realm, organisation, path_depth } => {
            let group = realm.as_str().to_owned();
            Resolution::Known(Box::new(KnownRealm {
                forge,
                realm,
                group,
                organisation,
                site: None,
                path_depth,
            }))
        }
        Recognition::NoOrganisation { forge } => Resolution::NoOrganisation(forge),
        // The group of `azure-devops://contoso` would lie in the file of the realm `azure-devops/contoso`.
        Recognition::Unknown if forge::named(remote.scheme()).is_some() => Resolution::Never,
        // A cloud service's host that no template knows may be mapped by hand, but not for plain http.
        Recognition::Never if !remote.is_https() => Resolution::Never,
        place @ (Recognition::Unknown | Recognition::Never) => match config.get()?.site(remote) {
            None if matches!(place, Recognition::Never) => Resolution::Never,
            Some(site) => Resolution::Known(Box::new(KnownRealm {
                forge: site.forge,
                realm: site.realm.clone(),
                group: site.group.clone(),
                organisation: site.organisation.clone(),
                path_depth: site.depth,
                site: Some(site),
            })),
            None => Resolution::Host { group: host_group(remote) },
        },
    })
}

/// The group of a host that only records know: its origin; for `cert`, the file.
#[must_use]
pub fn host_group(remote: &Remote) -> String {
    if remote.scheme() == "cert" { remote.to_string() } else { remote.origin() }
}

/// The tool's user name was taken for an organisation, and it names an account that we hold in another one: then it may
/// be the account, and the organisation is not to be seen (R6).
pub(super) fn organisation_is_a_guess(
    records: &Records,
    resolution: &Resolution,
    remote: &Remote,
    user: Option<&str>,
) -> Result<Option<&'static Forge>, Error> {
    let (Resolution::Known(known), Some(user)) = (resolution, user) else {
        return Ok(None);
    };
    if known.site.is_some() || !known.forge.user_may_be_organisation || !remote.path().is_empty() {
        return Ok(None);
    }
    if !known.organisation.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(user)) {
        return Ok(None);
    }
    // A host label tells the organisation whatever the user name says.
    if !matches!(forge::recognise(remote, None), forge::Recognition::NoOrganisation { .. }) {
        return Ok(None);
    }
    let groups = records.of_forge(known.forge.id)?;
    let others =
        groups.iter().flat_map(|group| &group.realms).filter(|realm| realm.realm != known.realm.as_str());
    let mut accounts = others.flat_map(|realm| &realm.accounts);
    let named = accounts.any(|a| a.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(user)));
    Ok(named.then_some(known.forge))
}

/// Where a record belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RecordPlace {
    /// Its group.
    pub group: String,
    /// The realm's URL.
    pub url: String,
    /// The realm's prefix.
    pub prefix: Vec<String>,
}

/// Where the record of a realm belongs, from the realm's name alone. `None` for a name that tells no place.
pub(super) fn record_place(config: &LazyConfig, realm: &Realm) -> Result<Option<RecordPlace>, Error> {
    let Some(forge) = forge::named(realm.forge()) else { return Ok(None) };
    if let Some((scheme, rest)) = realm.what().split_once("://") {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let Ok(remote) = Remote::from_parts(scheme, host, Some(path)) else { return Ok(None) };
        let group = match resolve(config, &remote, None)? {
            Resolution::Known(known) if known.realm == *realm => known.group,
            _ => host_group(&remote),
        };
        return Ok(Some(RecordPlace { group, url: remote.to_string(), prefix: remote.path().to_vec() }));
    }
    let place = |url| RecordPlace { group: realm.as_str().to_owned(), url, prefix: Vec::new() };
    Ok(forge.home_url(realm).map(place))
}

/// A realm with its record, and how it is to be read.
pub struct RealmEntry<'r> {
    /// The group that it is in.
    pub group: &'r str,
    /// The record.
    pub record: &'r RealmRecord,
    /// Its forge.
    pub forge: &'static Forge,
    /// The organisation, where there is one.
    pub organisation: Option<&'r str>,
    /// What the settings say, if it is from there.
    pub site: Option<&'r ConfiguredRealm>,
    /// How many segments of the remote's path are about the realm.
    pub path_depth: usize,
    /// Whether it is one of those that only the host and its records tell.
    pub is_of_host: bool,
}

impl RealmEntry<'_> {
    /// The part of a remote's path that lies below the realm: the same in every spelling of it.
    #[must_use]
    pub fn below<'p>(&self, remote: &'p Remote) -> &'p [String] {
        remote.path().get(self.path_depth..).unwrap_or_default()
    }

    /// How a token is named and shown here.
    #[must_use]
    pub fn user_name_rule(&self) -> UserNameRule<'_> {
        UserNameRule { forge: self.forge, site: self.site, organisation: self.organisation }
    }

    /// Whether a user name picks one of the realm's accounts (R4).
    #[must_use]
    pub fn names_an_account(&self, user: &str) -> bool {
        let fold = !self.forge.is_generic();
        let is_match = |account: &AccountRecord| {
            account
                .name
                .as_deref()
                .is_some_and(|name| name == user || (fold && name.eq_ignore_ascii_case(user)))
        };
        !self.is_no_preference(user) && self.record.accounts.iter().any(is_match)
    }

    /// Whether a user name means "no preference": empty, a placeholder, or the organisation itself (R4).
    #[must_use]
    pub fn is_no_preference(&self, user: &str) -> bool {
        let organisation = self.organisation.is_some_and(|name| name.eq_ignore_ascii_case(user));
        let fixed = self.site.is_some_and(|site| site.user_name.as_deref() == Some(user));
        // On a generic host every name is a real one.
        user.is_empty()
            || (!self.forge.is_generic() && (organisation || fixed || self.forge.is_placeholder(user)))
    }
}

/// How a person's token is named and shown to the server (R5).
pub struct UserNameRule<'r> {
    /// The forge.
    pub forge: &'static Forge,
    /// What the settings say.
    pub site: Option<&'r ConfiguredRealm>,
    /// The organisation, where there is one.
    pub organisation: Option<&'r str>,
}

impl UserNameRule<'_> {
    /// The user name that goes with a token of the account `name`; never empty.
    #[must_use]
    pub fn user_name(&self, query: &Query, name: Option<&str>, token: &Secret) -> String {
        let rule = &self.forge.user_name;
        let demanded = rule.by_token.iter().find(|(beginning, _)| token.begins_with(beginning.as_bytes()));
        if let Some((_, word)) = demanded {
            return (*word).to_owned();
        }
        let asked = query.user.as_deref().filter(|user| rule.echo && !user.is_empty());
        let name = asked.or(name).or(self.site.and_then(|site| site.user_name.as_deref()));
        let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        let fallback = || forge::fill(rule.fallback, self.organisation, None);
        // An organisation that the settings mapped by hand has no name to fall back to.
        name.or_else(|| Some(fallback()).filter(|name| !name.is_empty())).unwrap_or_else(|| "pat".to_owned())
    }

    /// How the token is shown.
    #[must_use]
    pub fn presentation(&self) -> Presentation {
        self.site.and_then(|site| site.presentation).unwrap_or(self.forge.presentation)
    }
}

/// Which realm of a group a remote belongs to.
pub enum RealmMatch<'r> {
    /// This one.
    One(RealmEntry<'r>),
    /// None of them.
    None,
    /// The remote has no path, and the host has several (R3).
    Several(Vec<&'r str>),
}

/// Finds the realm of `remote` in its group.
#[must_use]
pub fn match_realm<'r>(resolution: &'r Resolution, group: &'r Group, remote: &Remote) -> RealmMatch<'r> {
    match resolution {
        Resolution::Known(known) => {
            let found = group.realm(known.realm.as_str());
            found.map_or(RealmMatch::None, |record| {
                let (forge, organisation, site) =
                    (known.forge, known.organisation.as_deref(), known.site.as_ref());
                let (group, path_depth) = (&group.group, known.path_depth);
                RealmMatch::One(RealmEntry {
                    group,
                    record,
                    forge,
                    organisation,
                    site,
                    path_depth,
                    is_of_host: false,
                })
            })
        }
        Resolution::Host { .. } => match_by_prefix(group, remote),
        Resolution::NoOrganisation(_) | Resolution::Never => RealmMatch::None,
    }
}

/// The forge of a realm, by the name that the realm carries.
#[must_use]
pub fn forge_of(record: &RealmRecord) -> &'static Forge {
    forge::of_realm(&record.realm)
}

/// A record by itself, as far as it tells how it is to be read.
pub(super) fn entry_of<'r>(group: &'r Group, record: &'r RealmRecord) -> RealmEntry<'r> {
    let forge = forge_of(record);
    let what = record.realm.split_once('/').map(|(_, what)| what);
    RealmEntry {
        group: &group.group,
        record,
        forge,
        organisation: what.filter(|_| forge.user_may_be_organisation),
        site: None,
        path_depth: record.prefix.len(),
        is_of_host: true,
    }
}

fn match_by_prefix<'r>(group: &'r Group, remote: &Remote) -> RealmMatch<'r> {
    let covers = |record: &&RealmRecord| {
        remote.path_is_within(&record.prefix, forge_of(record).case_insensitive_paths)
    };
    // Of two that reach equally far, a person's comes before a tool's.
    let reach = |record: &&RealmRecord| (record.prefix.len(), record.has_person());
    if let Some(record) = group.realms.iter().filter(covers).max_by_key(reach)
        && (!record.prefix.is_empty() || !remote.path().is_empty() || group.realms.len() == 1)
    {
        return RealmMatch::One(entry_of(group, record));
    }
    if !remote.path().is_empty() {
        return RealmMatch::None;
    }
    // No path to tell by: only if one realm can be meant. What a person added counts before what a tool stored.
    let persons: Vec<&RealmRecord> = group.realms.iter().filter(|record| record.has_person()).collect();
    let candidates = if persons.is_empty() { group.realms.iter().collect() } else { persons };
    match candidates.as_slice() {
        [] => RealmMatch::None,
        [one] => RealmMatch::One(entry_of(group, one)),
        several => RealmMatch::Several(several.iter().map(|record| record.url.as_str()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, Id, Key};
    use crate::records::Source;

    fn group(realms: &[(&str, Source)]) -> Group {
        let realm = |&(prefix, source): &(&str, Source)| {
            let url = format!("https://s/{prefix}");
            let realm = Realm::from_text(&format!("azure-devops-server/{url}")).unwrap();
            let segments = prefix.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
            let mut record = RealmRecord::new(&realm, url, segments);
            let key = Key { realm, account: Account::Unnamed, id: Id::random().unwrap() };
            record.accounts = vec![AccountRecord::new(source, "memory", &key, 0)];
            record
        };
        Group { version: 1, group: "https://s".to_owned(), realms: realms.iter().map(realm).collect() }
    }

    fn picked(group: &Group, path: &str) -> String {
        let remote = Remote::from_parts("https", "s", Some(path)).unwrap();
        match match_by_prefix(group, &remote) {
            RealmMatch::One(held) => held.record.prefix.join("/"),
            RealmMatch::None => "none".to_owned(),
            RealmMatch::Several(_) => "several".to_owned(),
        }
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins_and_letter_case_folds() {
        use Source::Person;
        let group = group(&[("tfs", Person), ("tfs/one", Person), ("other", Person)]);
        assert_eq!(picked(&group, "tfs/one/p/_git/r"), "tfs/one");
        assert_eq!(picked(&group, "TFS/ONE"), "tfs/one");
        assert_eq!(picked(&group, "tfs/onemore/p"), "tfs");
        assert_eq!(picked(&group, "tf/one"), "none");
        assert_eq!(picked(&group, ""), "several");
    }

    #[test]
    fn without_a_path_the_only_realm_answers_and_a_persons_comes_first() {
        use Source::{Person, Tool};
        assert_eq!(picked(&group(&[("tfs/one", Person)]), ""), "tfs/one");
        assert_eq!(picked(&group(&[("tfs/one", Person), ("", Tool)]), ""), "tfs/one");
        assert_eq!(picked(&group(&[("", Tool)]), ""), "");
        assert_eq!(picked(&group(&[("", Tool)]), "any/where"), "");
        assert_eq!(picked(&group(&[]), ""), "none");
    }

    #[test]
    fn the_home_of_every_example_is_found_again_from_its_realm_alone() {
        let config = LazyConfig::new("none.toml".into());
        let realms = forge::ALL.iter().flat_map(|forge| forge.examples).filter_map(|example| example.realm);
        for text in realms {
            let realm = Realm::from_text(text).unwrap();
            let home = record_place(&config, &realm).unwrap().unwrap();
            assert_eq!(home.group, text);
            let (remote, user) = Remote::from_url(&home.url).unwrap();
            let Resolution::Known(known) = resolve(&config, &remote, user.as_deref()).unwrap() else {
                panic!("{text}: {} is no known place", home.url)
            };
            assert_eq!(known.realm, realm, "{}", home.url);
        }
    }

    #[test]
    fn the_home_of_a_server_is_its_url() {
        let config = LazyConfig::new("none.toml".into());
        let home = |text: &str| {
            let home = record_place(&config, &Realm::from_text(text).unwrap()).unwrap()?;
            Some((home.group, home.url, home.prefix.join("/")))
        };
        let own = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(
            home("azure-devops-server/https://tfs.example:8443/tfs/one"),
            own("https://tfs.example:8443", "https://tfs.example:8443/tfs/one", "tfs/one")
        );
        assert_eq!(
            home("generic/smtp://mail.example"),
            own("smtp://mail.example", "smtp://mail.example", "")
        );
        assert_eq!(home("hub/x"), None);
        assert_eq!(home("azure-devops/a/b"), None);
    }
}
