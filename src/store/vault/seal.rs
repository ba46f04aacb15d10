//! Sealing: XChaCha20-Poly1305 over a short message, with a random nonce in front.
//!
//! The nonce is 24 bytes, so random ones do not repeat in any number of tokens that a person can have. Everything
//! that must not be exchanged for something else goes into the `context` (the associated data). Deliberately
//! absent: any knowledge of files and slots.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::fill_random;

/// Length of the nonce in front of what is sealed.
const NONCE: usize = 24;
/// Length of the tag behind it.
const TAG: usize = 16;
/// How many bytes sealing adds.
pub(super) const OVERHEAD: usize = NONCE + TAG;

/// A key of 32 bytes: the vault's data key, or one that wraps it. Boxed, so that moving it leaves no copy behind;
/// wiped.
pub(super) struct SymmetricKey(Box<Zeroizing<[u8; SymmetricKey::LENGTH]>>);

impl SymmetricKey {
    /// Its length in bytes.
    pub(super) const LENGTH: usize = 32;

    /// A new one from the operating system's randomness.
    pub(super) fn random() -> Result<SymmetricKey, Error> {
        let mut key = SymmetricKey::empty();
        fill_random(key.bytes_mut())?;
        Ok(key)
    }

    /// All zero, to be filled in place.
    pub(super) fn empty() -> SymmetricKey {
        SymmetricKey(Box::new(Zeroizing::new([0; SymmetricKey::LENGTH])))
    }

    /// From exactly 32 bytes, in a buffer that its owner wipes.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<SymmetricKey> {
        let mut key = SymmetricKey::empty();
        (bytes.len() == SymmetricKey::LENGTH).then(|| key.bytes_mut().copy_from_slice(bytes))?;
        Some(key)
    }

    /// A second one, wiped on its own.
    pub(super) fn duplicate(&self) -> SymmetricKey {
        let mut key = SymmetricKey::empty();
        key.bytes_mut().copy_from_slice(self.bytes());
        key
    }

    pub(super) fn bytes(&self) -> &[u8; SymmetricKey::LENGTH] {
        &self.0
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8; SymmetricKey::LENGTH] {
        &mut self.0
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(<&Key>::from(self.bytes()))
    }
}

/// Appends nonce, ciphertext and tag of `plain` to `out`. Whoever opens it must name the same `context`.
pub(super) fn seal(key: &SymmetricKey, context: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut nonce = [0; NONCE];
    fill_random(&mut nonce)?;
    // Reserved first: the plain text is encrypted in this buffer, and a growing one would leave it behind in the
    // clear.
    out.reserve_exact(plain.len() + OVERHEAD);
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let tag = key
        .cipher()
        .encrypt_inout_detached(&XNonce::from(nonce), context, (&mut out[start..]).into())
        .map_err(|_| Error::TooLong { store: super::NAME, length: plain.len(), limit: u32::MAX as usize })?;
    out.extend_from_slice(&tag);
    Ok(())
}

/// What [`seal`] sealed; `None` when key, context or a single bit is not the same.
pub(super) fn unseal(key: &SymmetricKey, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG>()?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    key.cipher()
        .decrypt_inout_detached(&XNonce::from(*nonce), context, plain.as_mut_slice().into(), &Tag::from(*tag))
        .ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_context_only() {
        let (key, other) = (SymmetricKey::random().unwrap(), SymmetricKey::random().unwrap());
        let mut sealed = Vec::new();
        seal(&key, b"here", b"token", &mut sealed).unwrap();
        assert_eq!(unseal(&key, b"here", &sealed).unwrap().as_slice(), b"token");
        assert!(unseal(&key, b"there", &sealed).is_none());
        assert!(unseal(&other, b"here", &sealed).is_none());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let key = SymmetricKey::random().unwrap();
        let mut sealed = Vec::new();
        seal(&key, b"", b"token", &mut sealed).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&key, b"", &changed).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(unseal(&key, b"", &sealed[..length]).is_none(), "cut to {length}");
        }
    }

    #[test]
    fn sealing_the_same_twice_looks_different() {
        let key = SymmetricKey::random().unwrap();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        seal(&key, b"", b"token", &mut one).unwrap();
        seal(&key, b"", b"token", &mut two).unwrap();
        assert_ne!(one, two);
    }

    /// The published vector of draft-irtf-cfrg-xchacha-03, appendix A.3.1: other programs must be able to read our
    /// files.
    #[test]
    fn the_cipher_is_the_published_one() {
        let key = SymmetricKey::from_slice(&(0x80..=0x9f).collect::<Vec<u8>>()).unwrap();
        let plain: &[u8] =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
                             the future, sunscreen would be it.";
        let context = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let nonce: Vec<u8> = (0x40..=0x57).collect();
        let mut text = plain.to_vec();
        let tag = key
            .cipher()
            .encrypt_inout_detached(
                &XNonce::try_from(nonce.as_slice()).unwrap(),
                &context,
                text.as_mut_slice().into(),
            )
            .unwrap();
        assert_eq!(text[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        assert_eq!(tag[..4], [0xc0, 0x87, 0x59, 0x24]);
        assert_eq!(unseal(&key, &context, &[nonce, text, tag.to_vec()].concat()).unwrap().as_slice(), plain);
    }
}
