//! What one token opens.

use std::fmt;

use super::has_control;

/// A protection space: what one token opens. Only a forge makes one; its text never changes, because it names entries in
/// keychains.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(String);

impl Realm {
    /// For forges: `FORGE/WHAT`, for example `azure-devops/contoso`.
    #[must_use]
    pub(crate) fn made_by_forge(forge: &str, what: &str) -> Realm {
        Realm(format!("{forge}/{what}"))
    }

    /// Reads back a realm that was written down (records, keychain attributes). `None` if it has not the form of one.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Realm> {
        let (forge, what) = text.split_once('/')?;
        (!forge.is_empty() && !what.is_empty() && !has_control(text)).then(|| Realm(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The forge's name: what stands before the first slash.
    #[must_use]
    pub fn forge(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// What stands behind it: an organisation, a host, an origin with a path.
    #[must_use]
    pub fn what(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, what)| what)
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
