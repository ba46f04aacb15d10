//! What tokens look like, as each forge's record lists it: a [`Shape`] is its parts and its checksum, and whether some bytes are such a
//! token is decided here. Pure. Reading a token against the records is [`token`](super::token)'s.
//!
//! Deliberately absent: the checksum of Azure's new tokens, which nobody outside has seen confirmed; a wrong guess would refuse
//! good ones.

use zeroize::Zeroizing;

use super::month::end_of_year_from;

/// One kind of token.
pub struct Shape {
    /// In a sentence: "a personal access token of GitHub".
    pub name: &'static str,
    /// What stands where, from the first character to the last.
    pub parts: &'static [Part],
    /// The checksum within.
    pub checksum: Checksum,
    /// Whether nothing else looks like it, so that it can be recognised wherever it stands.
    pub unmistakable: bool,
    /// Characters somewhere within that no other token has: with them but without the rest, it is a damaged one. (Where the
    /// first part is a text, that does.)
    pub mark: Option<&'static str>,
    /// Where its year and month stand, as Azure's have them: it ends at most a year after that month.
    pub month_at: Option<usize>,
    /// Why it is of no use any more.
    pub ended: Option<&'static str>,
}

impl Shape {
    /// For records: one that is only its parts.
    pub const fn of(name: &'static str, parts: &'static [Part]) -> Shape {
        Shape {
            name,
            parts,
            checksum: Checksum::None,
            unmistakable: true,
            mark: None,
            month_at: None,
            ended: None,
        }
    }
}

/// A stretch of a token.
#[derive(Clone, Copy)]
pub enum Part {
    /// Exactly this.
    Text(&'static str),
    /// From so many to so many of these characters.
    Run(Letters, usize, usize),
}

/// Which characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Letters {
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

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Letters::Base62 => byte.is_ascii_alphanumeric(),
            Letters::Base64Url => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
            Letters::Dotted => byte.is_ascii_alphanumeric() || b"-_=.".contains(&byte),
            Letters::Base64 => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
            Letters::Base32 => byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte),
            Letters::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Letters::LowerDotted => byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.',
        }
    }
}

/// A checksum within a token, by which a mistyped one shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// There is none, or none that is known for sure.
    None,
    /// GitHub: the last six of 36 characters behind the prefix are the CRC-32 of the thirty before, in base 62.
    GitHub,
    /// Azure DevOps, 52 characters: four of the 32 bytes are a CRC-32 of the others.
    AzureOld,
}

impl Shape {
    /// Whether this is one of it, whole.
    pub(super) fn fits(&self, token: &[u8]) -> bool {
        self.length(token) == Some(token.len()) && self.checksum.holds(token) && self.has_month(token)
    }

    /// Whether what stands in the place of its month is one.
    fn has_month(&self, token: &[u8]) -> bool {
        self.month_at.is_none_or(|at| end_of_year_from(token, at).is_some())
    }

    /// How many characters the parts take from the start, each as many as it can.
    pub(super) fn length(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        for part in self.parts {
            at += match *part {
                Part::Text(word) => text[at..].starts_with(word.as_bytes()).then_some(word.len())?,
                Part::Run(letters, least, most) => {
                    let run = text[at..].iter().take(most).take_while(|&&byte| letters.has(byte)).count();
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
        begins || self.mark.is_some_and(|mark| token.windows(mark.len()).any(|w| w == mark.as_bytes()))
    }

    /// In what way this is one of it, but not whole. `None` if it is no such thing at all.
    pub(super) fn damage(&self, token: &[u8]) -> Option<String> {
        let name = self.name;
        if self.length(token) == Some(token.len()) && self.has_month(token) {
            return Some(format!(
                "it looks like {name}, but its checksum does not fit: a character is wrong or missing"
            ));
        }
        let nearly = match *self.parts {
            [Part::Run(letters, least, most)] if least == most => {
                // Half of one shows, too; but a pass phrase may be as long, and has no digits.
                let mixed = [u8::is_ascii_digit, u8::is_ascii_alphabetic];
                let mixed = || mixed.into_iter().all(|kind| token.iter().any(kind));
                let like = token.len().abs_diff(least) <= 6
                    || ((least / 2..least).contains(&token.len()) && mixed());
                like && token.iter().all(|&byte| letters.has(byte))
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
            Part::Run(_, fewest, longest) => (least + fewest, most + longest),
        })
    }
}

impl Checksum {
    fn holds(self, token: &[u8]) -> bool {
        match self {
            Checksum::None => true,
            Checksum::GitHub => github_holds(token),
            Checksum::AzureOld => azure_holds(token).unwrap_or(false),
        }
    }
}

/// Digits, upper, lower: the order in which GitHub counts.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn github_holds(token: &[u8]) -> bool {
    let Some(body) = token.len().checked_sub(36).map(|at| &token[at..]) else { return false };
    let (random, sum) = body.split_at(30);
    let mut left = crc32(random);
    sum.iter().rev().all(|&digit| {
        let expected = DIGITS[(left % 62) as usize];
        left /= 62;
        digit == expected
    })
}

/// Microsoft's published scheme: of the 32 bytes, those at 2, 7, 8 and 22 are the CRC-32 of the others, with a constant mixed
/// in that tells a person's token from an application's secret.
fn azure_holds(token: &[u8]) -> Option<bool> {
    const SEALS: [u32; 2] = [0xE0B9_692D, 0x1019_F92E];
    const PLACES: [usize; 4] = [2, 7, 8, 22];
    let mut bytes = Zeroizing::new([0u8; 32]);
    let (mut bits, mut held, mut at) = (0u32, 0u32, 0);
    for &letter in token {
        let value = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(at)? = (bits >> held & 0xff) as u8;
            at += 1;
        }
    }
    let mut payload = Zeroizing::new(Vec::with_capacity(28));
    payload.extend(bytes.iter().enumerate().filter(|(at, _)| !PLACES.contains(at)).map(|(_, byte)| *byte));
    let found = u32::from_be_bytes(PLACES.map(|at| bytes[at]));
    // What is left over of the last letter is nothing.
    let whole = at == 32 && bits & ((1 << held) - 1) == 0;
    Some(whole && SEALS.iter().any(|seal| crc32(&payload) ^ seal == found))
}

/// CRC-32 as zip and Ethernet have it. Tokens are short: no table.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
