//! What tokens look like, as each forge's record lists it: a [`TokenFormat`] is its parts, its checksum and its lifespan, and
//! whether some bytes are such a token is decided here. Pure. Reading a token against the records is [`token`](super::token)'s.

use crate::text::date;

/// One kind of token.
pub struct TokenFormat {
    /// In a sentence: "a personal access token of GitHub".
    pub name: &'static str,
    /// What stands where, from the first character to the last.
    pub parts: &'static [Part],
    /// Whether the checksum within a token of these parts holds; `None` where there is none, or none that is known for sure.
    pub checksum: Option<fn(&[u8]) -> bool>,
    /// Whether nothing else looks like it, so that it can be recognised wherever it stands.
    pub distinctive: bool,
    /// Characters somewhere within that no other token has: with them but without the rest, it is a damaged one. (Where the
    /// first part is a text, that does.)
    pub marker: Option<&'static str>,
    /// Reads how long it lives, where that is in it; one in which it cannot be read is damaged.
    pub lifespan: Option<ReadLifespan>,
    /// Why it is of no use any more.
    pub ended: Option<&'static str>,
}

impl TokenFormat {
    /// For records: one that is only its parts.
    pub const fn of(name: &'static str, parts: &'static [Part]) -> TokenFormat {
        TokenFormat {
            name,
            parts,
            checksum: None,
            distinctive: true,
            marker: None,
            lifespan: None,
            ended: None,
        }
    }
}

/// Reads out of a token how long it lives; `None` where what stands there cannot be that.
pub type ReadLifespan = fn(&[u8]) -> Option<Lifespan>;

/// A stretch of a token.
#[derive(Clone, Copy)]
pub enum Part {
    /// Exactly this.
    Text(&'static str),
    /// From so many to so many of these characters.
    Chars(Alphabet, usize, usize),
}

/// Which characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// Letters and digits.
    Base62,
    /// The same, `-` and `_`, and `=` at the end of some.
    Base64Url,
    /// The same and a dot.
    Dotted,
    /// Base64 with `+` and `/`.
    Base64,
    /// Lower-case letters and 2 to 7.
    Base32,
    /// Lower-case hexadecimal.
    Hex,
    /// Lower-case letters, digits and a dot.
    LowerDotted,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Alphabet::Base62 => byte.is_ascii_alphanumeric(),
            Alphabet::Base64Url => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
            Alphabet::Dotted => byte.is_ascii_alphanumeric() || b"-_=.".contains(&byte),
            Alphabet::Base64 => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
            Alphabet::Base32 => byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte),
            Alphabet::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Alphabet::LowerDotted => byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.',
        }
    }
}

/// Between when a token lives at most, by what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifespan {
    /// The earliest that it was created, in Unix seconds.
    pub created_from: i64,
    /// The latest that it expires if nobody extended it, in Unix seconds.
    pub expires_by: i64,
}

impl Lifespan {
    /// What is odd about it: it is over, or yet to begin. No verdict, because a token may have been extended since, and a clock may
    /// be wrong.
    #[must_use]
    pub fn odd(&self, now: i64) -> Option<String> {
        if self.expires_by <= now {
            Some(format!(
                "by its look it was to end on {} at the latest: if nobody extended it, it does not work any more",
                date(self.expires_by)
            ))
        } else if self.created_from > now.saturating_add(DAY) {
            Some(format!(
                "by its look it was made after {}, which is yet to come: a character in it is wrong, or the clock",
                date(self.created_from)
            ))
        } else {
            None
        }
    }
}

const DAY: i64 = 86_400;

impl TokenFormat {
    /// Whether this is one of it, whole.
    pub(super) fn fits(&self, token: &[u8]) -> bool {
        let holds = || self.checksum.is_none_or(|holds| holds(token));
        self.length(token) == Some(token.len()) && holds() && self.has_lifespan(token)
    }

    /// Whether what stands in the place of its lifespan is one.
    fn has_lifespan(&self, token: &[u8]) -> bool {
        self.lifespan.is_none_or(|read| read(token).is_some())
    }

    /// How many characters the parts take from the start, each as many as it can.
    pub(super) fn length(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        for part in self.parts {
            at += match *part {
                Part::Text(word) => text[at..].starts_with(word.as_bytes()).then_some(word.len())?,
                Part::Chars(alphabet, least, most) => {
                    let run = text[at..].iter().take(most).take_while(|&&byte| alphabet.has(byte)).count();
                    (run >= least).then_some(run)?
                }
            };
        }
        Some(at)
    }

    /// Whether this begins as those do, or has the mark of those in it, whole or not.
    pub(super) fn is_meant(&self, token: &[u8]) -> bool {
        let begins = match self.parts.first() {
            Some(Part::Text(word)) => token.starts_with(word.as_bytes()),
            _ => false,
        };
        begins
            || self.marker.is_some_and(|marker| token.windows(marker.len()).any(|w| w == marker.as_bytes()))
    }

    /// In what way this is one of it, but not whole. `None` if it is no such thing at all.
    pub(super) fn damage(&self, token: &[u8]) -> Option<String> {
        let name = self.name;
        if self.length(token) == Some(token.len()) && self.has_lifespan(token) {
            return Some(format!(
                "it looks like {name}, but its checksum does not fit: a character is wrong or missing"
            ));
        }
        let nearly = match *self.parts {
            [Part::Chars(alphabet, least, most)] if least == most => {
                // Half of one shows, too; but a pass phrase may be as long, and has no digits.
                let mixed = [u8::is_ascii_digit, u8::is_ascii_alphabetic];
                let mixed = || mixed.into_iter().all(|kind| token.iter().any(kind));
                let like = token.len().abs_diff(least) <= 6
                    || ((least / 2..least).contains(&token.len()) && mixed());
                like && token.iter().all(|&byte| alphabet.has(byte))
            }
            _ => false,
        };
        (nearly || self.is_meant(token)).then(|| match self.span() {
            (least, most) if least == most && token.len() != least => {
                format!("it looks like {name}, but has {} characters where those have {least}", token.len())
            }
            (least, _) if token.len() < least => {
                format!("it looks like {name}, but is too short: {} characters", token.len())
            }
            _ => format!("it looks like {name}, but a character in it does not belong there"),
        })
    }

    /// The shortest and the longest.
    pub(super) fn span(&self) -> (usize, usize) {
        self.parts.iter().fold((0, 0), |(least, most), part| match *part {
            Part::Text(word) => (least + word.len(), most + word.len()),
            Part::Chars(_, fewest, longest) => (least + fewest, most + longest),
        })
    }
}

/// CRC-32 as zip and Ethernet have it. Tokens are short: no table.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
