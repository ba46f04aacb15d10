//! Bytes with a token in them, built in one buffer that is large enough from the start and wiped at the end: a vector that grows
//! by itself leaves an unwiped copy behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

/// Bytes that are wiped.
pub(crate) type Bytes = Zeroizing<Vec<u8>>;

/// The parts in one buffer.
#[must_use]
pub(crate) fn joined(parts: &[&[u8]]) -> Bytes {
    let mut whole = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| whole.extend_from_slice(part));
    whole
}

/// In Base64.
#[must_use]
pub(crate) fn base64(bytes: &[u8]) -> Bytes {
    Zeroizing::new(BASE64.encode(bytes).into_bytes())
}

/// Appends to what may have to grow.
pub(crate) fn append(bytes: &mut Bytes, more: &[u8]) {
    let needed = bytes.len() + more.len();
    if needed > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity((2 * needed).max(512)));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(more);
}

/// JSON of pieces that stand as they are, each with a text behind it, and an end.
#[must_use]
pub(crate) fn json(pieces: &[(&str, &str)], end: &str) -> Bytes {
    // An escape takes six bytes, and quotes two.
    let room =
        pieces.iter().map(|(before, text)| before.len() + 6 * text.len() + 2).sum::<usize>() + end.len();
    let mut whole = Zeroizing::new(Vec::with_capacity(room));
    for (before, text) in pieces {
        whole.extend_from_slice(before.as_bytes());
        // Writing text to memory does not fail.
        let _ = serde_json::to_writer(&mut *whole, text);
    }
    whole.extend_from_slice(end.as_bytes());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_buffer_keeps_its_content() {
        let mut buffer = Bytes::default();
        (0..2000_u32).for_each(|number| append(&mut buffer, &number.to_ne_bytes()));
        assert_eq!(buffer.len(), 8000);
        assert_eq!(buffer[7996..], 1999_u32.to_ne_bytes());
    }

    #[test]
    fn the_worst_text_fits_into_the_room_that_was_reserved() {
        let odd = "\u{1}".repeat(999);
        let whole = json(&[("{\"a\":", &odd), (",\"b\":", "\"ü\\")], "}\n");
        assert!(whole.len() <= whole.capacity());
        let read: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(read, serde_json::json!({ "a": odd, "b": "\"ü\\" }));
        let worst = json(&[("", &odd)], "");
        assert_eq!(worst.len(), 6 * odd.len() + 2, "every character took six bytes, and nothing was moved");
    }
}
