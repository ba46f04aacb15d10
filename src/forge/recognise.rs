//! Matching a remote against the records' templates: the only way that a realm of a cloud service comes about. Hosts are compared
//! label by label and whole (R1, R2). Pure: no file, no network.

use crate::remote::{Realm, Remote};

use super::template::{fill, name_in};
use super::{ALL, Forge, UrlTemplate};

/// What the forges know of a remote, without looking at any record.
#[derive(Clone)]
pub enum Recognition {
    /// A cloud service's realm.
    Cloud {
        /// The service.
        forge: &'static Forge,
        /// The realm.
        realm: Realm,
        /// The organisation, where the service has such a thing.
        organisation: Option<String>,
        /// How many segments of the path name the realm; what is behind them is the same in every spelling.
        path_depth: usize,
    },
    /// A cloud service's host, but nothing tells the organisation (R2).
    NoOrganisation {
        /// The service.
        forge: &'static Forge,
    },
    /// A cloud service's domain, but no place that ever gets a token: a reserved name, plain http.
    Never,
    /// Some other host: records and configuration tell.
    Unknown,
}

/// Which realm a remote belongs to, by what the forges know. Pure: no file, no network.
#[must_use]
pub fn recognise(remote: &Remote, user: Option<&str>) -> Recognition {
    for &forge in ALL {
        let mut open_ended = false;
        for template in forge.url_templates {
            match template.matches(forge, remote, user) {
                TemplateMatch::Realm(organisation) if remote.is_https() => {
                    let what = fill(template.realm, organisation.as_deref(), None);
                    let realm = Realm::made_by_forge(forge.id, &what);
                    return Recognition::Cloud {
                        forge,
                        realm,
                        organisation,
                        path_depth: template.path_depth(forge, remote),
                    };
                }
                TemplateMatch::Realm(_) => return Recognition::Never,
                TemplateMatch::NoOrganisation => open_ended = true,
                TemplateMatch::None => {}
            }
        }
        if open_ended {
            return if remote.is_https() {
                Recognition::NoOrganisation { forge }
            } else {
                Recognition::Never
            };
        }
        // A port other than the default is another server: the cloud rules say nothing about it.
        if remote.port().is_none() && forge.domains.iter().any(|domain| is_below(remote.host(), domain)) {
            return Recognition::Never;
        }
    }
    Recognition::Unknown
}

impl Forge {
    /// The URL by which people know a cloud realm: its home in the first spelling. `None` for a name that is none of ours.
    #[must_use]
    pub fn home_url(&self, realm: &Realm) -> Option<String> {
        self.spellings(realm).next().map(|(url, _)| url)
    }

    /// Every host by which a cloud realm's repositories are reached, in https and without a path; none for a name that is none
    /// of ours.
    #[must_use]
    pub fn hosts_of(&self, realm: &Realm) -> Vec<Remote> {
        self.spellings(realm).map(|(_, remote)| remote.without_path()).collect()
    }

    /// Where a cloud realm is, in each spelling that has no `{service}`: a template filled with what the realm's name has in the
    /// braces, where that place gives this very realm.
    fn spellings(&self, realm: &Realm) -> impl Iterator<Item = (String, Remote)> {
        let templates = self.url_templates.iter().filter(|template| !template.pattern.contains("{service}"));
        templates.filter_map(|template| {
            let name = name_in(template.realm, realm.what())?;
            let url = format!("https://{}", fill(template.pattern, Some(name), None));
            let (remote, _) = Remote::from_url(&url).ok()?;
            let same =
                matches!(recognise(&remote, None), Recognition::Cloud { realm: made, .. } if made == *realm);
            same.then_some((url, remote))
        })
    }
}

/// How a template fits.
enum TemplateMatch {
    None,
    NoOrganisation,
    Realm(Option<String>),
}

impl UrlTemplate {
    /// How many segments of a matching remote's path are about the realm.
    fn path_depth(&self, forge: &Forge, remote: &Remote) -> usize {
        let named = self.pattern.contains("/{") && !remote.path().is_empty();
        let ignored =
            |segment: &String| forge.ignored_segments.iter().any(|word| segment.eq_ignore_ascii_case(word));
        usize::from(named || remote.path().first().is_some_and(ignored))
    }

    fn matches(&self, forge: &Forge, remote: &Remote, user: Option<&str>) -> TemplateMatch {
        if remote.port().is_some() || !(remote.is_https() || remote.is_http()) {
            return TemplateMatch::None;
        }
        if !ends_alike(self.pattern, remote.host()) {
            return TemplateMatch::None;
        }
        let (host, path) = self.pattern.split_once('/').unwrap_or((self.pattern, ""));
        let mut organisation = None;
        let mut labels = remote.host().split('.');
        for word in host.split('.') {
            let Some(label) = labels.next() else { return TemplateMatch::None };
            let fits = match word {
                "{organisation}" => {
                    organisation = Some(label.to_owned());
                    is_organisation(label) && !is_reserved(forge, label)
                }
                "{service}" => forge.service_labels.contains(&label),
                literal => literal == label,
            };
            if !fits {
                return TemplateMatch::None;
            }
        }
        if labels.next().is_some() {
            return TemplateMatch::None;
        }
        if path == "{organisation}" {
            let from_path = remote.path().first().map(String::as_str);
            // A path that is there but names no organisation (`_apis`) is not mended by the user name.
            let named = match from_path {
                Some(segment) => Some(segment),
                // What means "no preference" to every tool names no organisation.
                None if forge.user_may_be_organisation => user.filter(|user| !forge.is_placeholder(user)),
                None => None,
            };
            match named.filter(|name| is_organisation(name)) {
                Some(name) => organisation = Some(name.to_ascii_lowercase()),
                None => return TemplateMatch::NoOrganisation,
            }
        }
        TemplateMatch::Realm(organisation)
    }
}

/// Whether a host ends as the host of a template does. Nearly every home is told from nearly every host by a letter or two, and
/// neither has to be taken apart.
fn ends_alike(template: &str, host: &str) -> bool {
    let template = template.as_bytes();
    let end = template.iter().position(|&byte| byte == b'/').unwrap_or(template.len());
    let fixed = template[..end].iter().rev().take_while(|&&byte| byte != b'}');
    fixed.zip(host.as_bytes().iter().rev()).all(|(one, other)| one == other)
}

/// Alphabet, digits and inner hyphens, at most 50: what an organisation may be called. Segments that begin with `_` and
/// scale-unit names with dots are none.
fn is_organisation(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !name.is_empty()
        && name.len() <= 50
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_reserved(forge: &Forge, label: &str) -> bool {
    let covers = |word: &&str| match word.strip_suffix('*') {
        Some(beginning) => label.starts_with(beginning),
        None => label == *word,
    };
    forge.reserved.iter().any(covers)
}

/// Whether `host` is `domain` or ends in `.domain`: never a suffix without the dot.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
