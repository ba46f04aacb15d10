//! Percent-encoding (RFC 3986) over the crate of that name, strict and wiped: a broken escape is an error here, and what is
//! decoded may be a token.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use zeroize::Zeroizing;

use crate::secret_bytes::Bytes;

/// All bytes but the unreserved ones (RFC 3986 section 2.3).
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Decodes `%20` and its like; `None` for a `%` without two hexadecimal digits.
#[must_use]
pub(crate) fn decode(text: &[u8]) -> Option<Bytes> {
    // Reserved first: a growing buffer leaves unwiped copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    plain.extend(percent_encoding::percent_decode(text));
    // The crate leaves a broken escape as it is; each real one makes the text two bytes shorter.
    let escapes = text.iter().filter(|byte| **byte == b'%').count();
    (plain.len() + 2 * escapes == text.len()).then_some(plain)
}

/// Decodes into text; `None` also for what is not UTF-8.
#[must_use]
pub(crate) fn decode_text(text: &str) -> Option<Zeroizing<String>> {
    let plain = decode(text.as_bytes())?;
    std::str::from_utf8(&plain).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// Decodes text that has another escape character in place of `%`, and so never a `%` itself.
#[must_use]
pub(crate) fn decode_with(escape: char, text: &str) -> Option<Zeroizing<String>> {
    let usual = (!text.contains('%')).then(|| Zeroizing::new(text.replace(escape, "%")))?;
    decode_text(&usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once_and_broken_ones_refused() {
        assert_eq!(decode_text("a%20b%2Bc+%2520").unwrap().as_str(), "a b+c+%20");
        assert_eq!(decode(b"\xff%ff").unwrap().as_slice(), b"\xff\xff");
        for broken in ["%", "a%2", "%zz", "%%20", "%2%20", "%+1"] {
            assert!(decode(broken.as_bytes()).is_none(), "{broken}");
        }
        assert!(decode_text("%ff").is_none());
    }

    #[test]
    fn another_escape_character_takes_the_place_of_the_percent_sign() {
        assert_eq!(decode_with('~', "a~20b~7E").unwrap().as_str(), "a b~");
        assert_eq!(decode_with('_', "https_3A_2F_2Fx").unwrap().as_str(), "https://x");
        for broken in ["~", "~2", "~zz", "a%20", "%"] {
            assert!(decode_with('~', broken).is_none(), "{broken}");
        }
    }
}
