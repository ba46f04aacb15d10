//! Bytes that are no secret, as the header writes them.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;
use crate::secret::fill_random;

/// Exactly `N` bytes that are no secret, in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Bytes<N> {
    /// Random ones, for a salt.
    pub(super) fn random() -> Result<Bytes<N>, Error> {
        let mut bytes = [0; N];
        fill_random(&mut bytes)?;
        Ok(Bytes(bytes))
    }

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Bytes<N>> {
        bytes.try_into().ok().map(Bytes)
    }

    /// In lower-case hexadecimal digits.
    pub(super) fn hex(&self) -> String {
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
            .collect()
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes<N>, D::Error> {
        struct Text<const N: usize>;
        impl<const N: usize> de::Visitor<'_> for Text<N> {
            type Value = Bytes<N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes in base64")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes<N>, E> {
                // The longest that a header has are 104, and the decoder wants room for whole threes.
                let mut bytes = [0; 108];
                let length = BASE64_STANDARD.decode_slice(text, &mut bytes).ok();
                let bytes = length.and_then(|length| Bytes::from_slice(&bytes[..length]));
                bytes.ok_or_else(|| E::custom("other bytes"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
