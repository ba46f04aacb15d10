//! Which realm and accounts a person means by a URL, or by a realm's own text, and a name.

use crate::error::Error;
use crate::forge::{self, Forge};
use crate::records::{AccountRecord, Group, RealmRecord, Source};
use crate::remote::Remote;
use crate::wallet::LocalWallet;
use crate::wallet::choose::account_in_words;
use crate::wallet::resolve::{RealmMatch, Resolution, forge_of, host_group, match_realm, resolve};

/// The realm and accounts that a person means by a URL (or by a realm's own text) and a name.
///
/// # Errors
/// [`Error::NoSuchCredential`], [`Error::Ambiguous`] when a host has several realms, and those of reading.
pub fn select(wallet: &LocalWallet<'_>, place: &str, account: Option<&str>) -> Result<Selection, Error> {
    let (group, at, path, user) = find_realm(wallet, place)?;
    let record = &group.realms[at];
    let forge = forge_of(record);
    let wanted = account.map(str::to_owned).or_else(|| {
        // A user name in the URL counts as the account, unless it is the organisation or a placeholder.
        let real = |user: &String| {
            !(forge.is_placeholder(user)
                || record.realm.to_ascii_lowercase().ends_with(&format!("/{}", user.to_ascii_lowercase())))
        };
        user.filter(real)
    });
    let fits = |found: &&AccountRecord| match &wanted {
        Some(name) => found.account().to_string() == *name,
        None => true,
    };
    let accounts: Vec<AccountRecord> = record.accounts.iter().filter(fits).cloned().collect();
    if accounts.is_empty() {
        let names = names_of(&record.accounts);
        return Err(Error::NoSuchCredential {
            what: format!("{} has no account {}", record.realm, wanted.unwrap_or_default()),
            hint: Some(format!("it has: {names}")),
        });
    }
    Ok(Selection { group: group.group.clone(), realm: record.clone(), accounts, below: path })
}

/// The group, the realm within it, what the path says below the realm, and the user name of the URL.
fn find_realm(
    wallet: &LocalWallet<'_>,
    place: &str,
) -> Result<(Group, usize, Vec<String>, Option<String>), Error> {
    let nothing = |hint: &str| Error::NoSuchCredential {
        what: format!("the wallet holds nothing for {}", crate::text::visible(place)),
        hint: Some(hint.to_owned()),
    };
    // A realm's own text, as list shows it; a server's has a URL in it.
    let is_realm = place.split_once('/').is_some_and(|(forge, _)| forge::named(forge).is_some());
    if is_realm || !place.contains("://") {
        for group in wallet.records.all()?.flatten() {
            if let Some(at) = group.realms.iter().position(|record| record.realm == place) {
                return Ok((group, at, Vec::new(), None));
            }
        }
        if is_realm {
            return Err(nothing("keyfob list shows what it holds"));
        }
    }
    let (remote, user) = Remote::from_typed(place)?;
    let resolution = resolve(&wallet.config, &remote, user.as_deref())?;
    let group_name = match &resolution {
        Resolution::Known(known) => known.group.clone(),
        Resolution::Host { .. } => host_group(&remote),
        Resolution::NoOrganisation(forge) => return Err(no_organisation(forge, &remote)),
        Resolution::Never => return Err(nothing("keyfob list shows what it holds")),
    };
    let group = wallet.records.read(&group_name)?;
    let (realm, below) = match match_realm(&resolution, &group, &remote) {
        RealmMatch::One(held) => (held.record.realm.clone(), held.below(&remote).to_vec()),
        RealmMatch::None => {
            return Err(nothing("keyfob list shows what it holds; keyfob add URL puts a token in"));
        }
        // A tool that gives no path may just not send it (R3); a person who gives a realm's whole URL means that one.
        RealmMatch::Several(urls) => {
            match group.realms.iter().find(|record| record.url == remote.to_string()) {
                Some(record) => (record.realm.clone(), Vec::new()),
                None => {
                    return Err(Error::Ambiguous {
                        what: format!("{remote} could be any of {}", crate::text::listed(&urls)),
                        hint: "give the whole URL of one of them".to_owned(),
                    });
                }
            }
        }
    };
    let at = group.realms.iter().position(|record| record.realm == realm).unwrap_or(0);
    Ok((group, at, below, user))
}

/// What a person pointed at.
pub struct Selection {
    /// The group of the realm.
    pub group: String,
    /// The realm, with all its accounts.
    pub realm: RealmRecord,
    /// The accounts that are meant: all of the realm, or those of the name.
    pub accounts: Vec<AccountRecord>,
    /// The rest of the path below the realm.
    pub below: Vec<String>,
}

impl Selection {
    /// The one account that is meant.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] with the names and how to say which.
    pub fn only(&self) -> Result<&AccountRecord, Error> {
        match self.accounts.as_slice() {
            [one] => Ok(one),
            several => Err(Error::Ambiguous {
                what: format!("{} has several accounts: {}", self.realm.realm, names_of(several)),
                hint: "say which with --account NAME".to_owned(),
            }),
        }
    }

    /// The realm's default, if it is among the accounts that are meant.
    #[must_use]
    pub fn default(&self) -> Option<&AccountRecord> {
        self.accounts.iter().find(|account| account.default)
    }

    /// The one account that has something to restore: those that have nothing cannot be meant.
    ///
    /// # Errors
    /// As [`Selection::only`].
    pub fn restorable(mut self) -> Result<Selection, Error> {
        let has = |account: &AccountRecord| !account.rejections.is_empty() || !account.set_aside.is_empty();
        if self.accounts.iter().any(has) {
            self.accounts.retain(has);
        }
        self.only().map(drop)?;
        Ok(self)
    }

    /// Without what tools stored, if a person's account is meant too: only those can be preferred.
    #[must_use]
    pub fn persons(mut self) -> Selection {
        if self.accounts.iter().any(|account| account.source == Source::Person) {
            self.accounts.retain(|account| account.source == Source::Person);
        }
        self
    }
}

/// Names for a sentence.
fn names_of(accounts: &[AccountRecord]) -> String {
    let mut names: Vec<String> =
        accounts.iter().map(|account| account_in_words(account.name.as_deref())).collect();
    names.sort_unstable();
    crate::text::listed(&names)
}

/// What to say when a URL of a cloud service does not tell the organisation.
pub(super) fn no_organisation(forge: &Forge, remote: &Remote) -> Error {
    Error::usage(
        format!("{remote} does not tell the {} of {}", forge.realm_noun, forge.name),
        format!("put it into the path: https://{}/{}", remote.host(), forge.realm_noun.to_uppercase()),
    )
}
