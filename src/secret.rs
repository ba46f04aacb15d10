//! The bytes that nobody may see, and the randomness that keys are made of.
//!
//! A [`Secret`] has one way out, [`Secret::expose`]; it can be neither printed, nor serialised, nor cloned, and
//! it is wiped when it is dropped. Deliberately absent: any knowledge of services, tools or files.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::error::{Error, Unusable};

/// The bytes of a token, or of anything else that must not be seen.
///
/// Wiped on drop. `Debug` redacts; there is no `Display`, `Serialize` or `Clone`.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    /// Copies `bytes`; for slices that live in a buffer which is wiped by its owner.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Secret {
        // Reserve exactly once: a growing vector would leave unwiped copies behind.
        let mut own = Vec::with_capacity(bytes.len());
        own.extend_from_slice(bytes);
        Secret::new(own)
    }

    /// The one exit. Called only by tool/*, store/*, http and the commands run, token and export (a test
    /// reads the sources for it): everything else compares with [`Secret::same_as`].
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// What a person typed, pasted or piped, as a token: one line break at its end and blanks around it belong to the
    /// pasting and are dropped; whatever else cannot be part of a token is refused with the reason, because a wrong token
    /// would only be noticed when a server says no.
    ///
    /// # Errors
    /// [`Error::Token`], which never repeats a part of it.
    pub fn into_token(self) -> Result<Secret, Error> {
        let refused = |why: &str| Err(Error::Token { why: why.to_owned() });
        let line = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            return refused("it is not UTF-8 text; some shells pipe UTF-16");
        };
        let text = text.trim_matches([' ', '\t']);
        let quoted = |quote: char| text.starts_with(quote) && text.ends_with(quote);
        // Zero width space, no-break marks and the byte order mark come along when a page or an editor is copied from.
        let unseen = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fffd}');
        if text.is_empty() {
            refused("it is empty")
        } else if text.contains(['\n', '\r']) {
            refused("it has more than one line")
        } else if text.chars().any(char::is_control) {
            refused("there is a control character in it")
        } else if text.chars().any(char::is_whitespace) {
            refused("there is a blank in it; give the token alone")
        } else if text.chars().any(unseen) {
            refused("there is a character in it that cannot be seen, which copying has added")
        } else if ['"', '\'', '`'].into_iter().any(quoted) {
            refused("there are quotes around it")
        } else if let Some(why) = Unusable::of(text.as_bytes()) {
            refused(&why.to_string())
        } else {
            Ok(Secret::copy_of(text.as_bytes()))
        }
    }

    /// What stands before the first line break, as it is: a passphrase that was piped in.
    #[must_use]
    pub fn first_line(self) -> Secret {
        let line = self.0.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Secret::copy_of(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Without white space around it: the line's end of a file, blanks of a pipeline's settings.
    #[must_use]
    pub fn trimmed(self) -> Secret {
        let bytes = self.0.trim_ascii();
        if bytes.len() == self.0.len() { self } else { Secret::copy_of(bytes) }
    }

    /// A second one with the same bytes. Not `Clone`, so that it is asked for by its own name.
    #[must_use]
    pub fn duplicate(&self) -> Secret {
        Secret::copy_of(&self.0)
    }

    /// Whether both hold the same bytes, in time that depends on the length only.
    #[must_use]
    pub fn same_as(&self, other: &Secret) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Whether it begins with these bytes: the kind of a token is told by its beginning, which is no secret.
    #[must_use]
    pub fn begins_with(&self, beginning: &[u8]) -> bool {
        self.0.starts_with(beginning)
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it (git may store an empty password).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Fills `bytes` with randomness from the operating system.
///
/// # Errors
/// [`Error::Randomness`] when there is none.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| Error::Randomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Secret::copy_of(b"hunter2")), "Secret(redacted)");
    }

    #[test]
    fn secrets_compare_by_all_their_bytes() {
        assert!(Secret::copy_of(b"abc").same_as(&Secret::copy_of(b"abc")));
        assert!(!Secret::copy_of(b"abc").same_as(&Secret::copy_of(b"abd")));
        assert!(!Secret::copy_of(b"abc").same_as(&Secret::copy_of(b"ab")));
    }

    #[test]
    fn what_pasting_adds_around_a_token_is_dropped() {
        for typed in ["t0ken", "t0ken\n", "t0ken\r\n", " t0ken\t\n", "t0ken  "] {
            let token = Secret::copy_of(typed.as_bytes()).into_token().unwrap();
            assert_eq!(token.expose(), b"t0ken", "{typed:?}");
        }
        assert_eq!(
            Secret::copy_of("pässwörd".as_bytes()).into_token().unwrap().expose(),
            "pässwörd".as_bytes()
        );
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_without_repeating_it() {
        let bad: [&[u8]; 13] = [
            b"",
            b"\n",
            b" \t ",
            b"s3cret\n\n",
            b"s3cret\ns3cret",
            b"Bearer s3cret",
            b"s3\0cret",
            b"\x1b[200~s3cret",
            b"'s3cret'",
            b"\"s3cret\"\n",
            b"s3\xffcret",
            "\u{feff}s3cret".as_bytes(),
            "s3cret\u{a0}".as_bytes(),
        ];
        for typed in bad {
            let error = Secret::copy_of(typed).into_token().unwrap_err();
            assert!(matches!(error, Error::Token { .. }), "{typed:?}");
            assert!(!error.to_string().contains("cret"), "{typed:?}");
        }
    }
}
