//! Whose a secret is: the [`Account`] within a realm, and the [`Key`] under which a store holds its secret.
//!
//! Deliberately absent: any knowledge of services, tools or files.

use std::fmt;

use zeroize::Zeroize;

use crate::error::Error;
use crate::remote::Realm;
use crate::secret::fill_random;

/// A login, or a label a person gave, within a realm.
///
/// `Unnamed` is an account that was added without a name (the forge ignores user names), or a pair that a tool
/// stored without one. `Named("")` is a tool's own empty user name, which is something else: it is given back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// No name was given.
    Unnamed,
    /// Exactly this name.
    Named(String),
}

impl Account {
    /// The name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Account::Unnamed => None,
            Account::Named(name) => Some(name),
        }
    }

    /// From an optional name.
    #[must_use]
    pub fn from_name(name: Option<&str>) -> Account {
        name.map_or(Account::Unnamed, |name| Account::Named(name.to_owned()))
    }
}

impl fmt::Display for Account {
    /// For people: an unnamed account shows as `-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("-"))
    }
}

/// Sixteen random bytes in hexadecimal: the part of a [`Key`] that makes replacing a secret safe, because the new
/// one never has the old one's key. Never empty, lower-case hexadecimal only, so it serves as a file name too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

impl Id {
    /// A new random id.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Id, Error> {
        let mut bytes = [0u8; 16];
        fill_random(&mut bytes)?;
        let mut text = String::with_capacity(32);
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        bytes.zeroize();
        Ok(Id(text))
    }

    /// Reads an id that was written down; `None` when it is not one (it may name a file, so nothing else passes).
    #[must_use]
    pub fn parse(text: &str) -> Option<Id> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 32 && text.bytes().all(hex)).then(|| Id(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All that a store ever sees of an account: where, who, and which of its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The protection space that the secret opens.
    pub realm: Realm,
    /// The account within it.
    pub account: Account,
    /// Which secret of that account: each secret has its own.
    pub id: Id,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_only_hexadecimal_is_read_back() {
        let one = Id::random().unwrap();
        assert_ne!(one, Id::random().unwrap());
        assert_eq!(Id::parse(one.as_str()), Some(one));
        for bad in ["", "..", "../../../../etc/passwd", "ABCDEFABCDEFABCDEFABCDEFABCDEF00"] {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
    }
}
