//! The part of a passphrase or ssh-agent slot for which a new data key can be sealed without asking for the slot's secret.
//!
//! ```text
//! public     X25519 public key of this slot alone; random
//! private    its secret half (32 bytes) and the vault's authority key (32 bytes), sealed under the slot's wrapping key;
//!            associated data: "keyfob vault slot key v2", vault id, kind, 00, the slot's parameters, public
//! share      X25519 public key made for this sealing alone
//! wrapping   HKDF-SHA256(salt = authority key, key = X25519(secret half of share, public),
//!            info = "keyfob vault slot share v2" + vault id + share + public)
//! wrapped    the data key under this wrapping key, as every slot has it (wrapping.rs)
//! ```
//!
//! Sealing needs `public` and the authority key, which lies in the header, sealed under the data key (header.rs). So it takes the
//! present data key to seal the next one; whoever can only write the folder can seal nothing that the slot would take. And whoever
//! knows an earlier data key, and so the authority key, cannot open what was sealed: that takes the secret half.

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::data_key::Bound;
use super::seal::{OVERHEAD, SymmetricKey, seal, unseal};
use super::wrapping::{self, Wrapped};
use crate::account::Id;
use crate::error::Error;

/// What stands in the slot.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    public: Bytes<32>,
    private: Bytes<{ 2 * SymmetricKey::LENGTH + OVERHEAD }>,
    share: Bytes<32>,
}

/// The slot around it.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// Its kind.
    pub(super) kind: &'a str,
    /// Its parameters.
    pub(super) parameters: &'a [u8],
}

impl Recipient {
    /// A new pair of keys under this wrapping key; nothing is sealed for it yet.
    pub(super) fn new(
        wrapping: &SymmetricKey,
        vault: &Id,
        around: Around<'_>,
        authority: &SymmetricKey,
    ) -> Result<Recipient, Error> {
        let secret = SymmetricKey::random()?;
        let public = Bytes(x25519(*secret.bytes(), X25519_BASEPOINT_BYTES));
        let both = Zeroizing::new([*secret.bytes(), *authority.bytes()].concat());
        let mut private = Vec::new();
        seal(wrapping, &private_context(vault, around, &public), &both, &mut private)?;
        let private = Bytes::from_slice(&private).ok_or_else(unexpected)?;
        Ok(Recipient { public, private, share: Bytes([0; 32]) })
    }

    /// Seals `data` for the holder of the slot's secret.
    pub(super) fn seal(
        &mut self,
        data: &SymmetricKey,
        bound: Bound<'_>,
        around: Around<'_>,
        authority: &SymmetricKey,
    ) -> Result<Wrapped, Error> {
        let once = SymmetricKey::random()?;
        self.share = Bytes(x25519(*once.bytes(), X25519_BASEPOINT_BYTES));
        let wrapping = self.wrapping(&once, &self.public, bound.vault, authority).ok_or_else(unexpected)?;
        wrapping::wrap(&wrapping, data, bound, around.kind, around.parameters)
    }

    /// The data key; `None` if this is not the slot's wrapping key.
    ///
    /// # Errors
    /// When it is, and the rest does not belong to it.
    pub(super) fn open(
        &self,
        wrapping: &SymmetricKey,
        wrapped: &Wrapped,
        bound: Bound<'_>,
        around: Around<'_>,
    ) -> Result<Option<SymmetricKey>, Error> {
        let context = private_context(bound.vault, around, &self.public);
        let Some(both) = unseal(wrapping, &context, &self.private.0) else { return Ok(None) };
        let halves = both.split_at_checked(SymmetricKey::LENGTH);
        let keys = halves.and_then(|(secret, authority)| {
            Some((SymmetricKey::from_slice(secret)?, SymmetricKey::from_slice(authority)?))
        });
        let (secret, authority) = keys.ok_or_else(unexpected)?;
        let opened = self
            .wrapping(&secret, &self.share, bound.vault, &authority)
            .and_then(|wrapping| wrapping::unwrap(&wrapping, wrapped, bound, around.kind, around.parameters));
        opened.map(Some).ok_or_else(|| {
            super::unusable(format!(
                "its header was tampered with: the {} slot is the right one, and the key in it is not",
                around.kind
            ))
        })
    }

    /// All that a seal over the header covers of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.public.0[..], &self.private.0, &self.share.0].concat()
    }

    fn wrapping(
        &self,
        own: &SymmetricKey,
        other: &Bytes<32>,
        vault: &Id,
        authority: &SymmetricKey,
    ) -> Option<SymmetricKey> {
        let shared = Zeroizing::new(x25519(*own.bytes(), other.0));
        // A point of low order would make the shared secret known to all.
        shared.iter().any(|byte| *byte != 0).then_some(())?;
        let mut key = SymmetricKey::empty();
        let info =
            [&b"keyfob vault slot share v2"[..], vault.as_str().as_bytes(), &self.share.0, &self.public.0];
        Hkdf::<Sha256>::new(Some(authority.bytes()), &*shared)
            .expand_multi_info(&info, key.bytes_mut())
            .ok()?;
        Some(key)
    }
}

fn private_context(vault: &Id, around: Around<'_>, public: &Bytes<32>) -> Vec<u8> {
    let Around { kind, parameters } = around;
    let domain = &b"keyfob vault slot key v2"[..];
    [domain, vault.as_str().as_bytes(), kind.as_bytes(), &[0], parameters, &public.0].concat()
}

fn unexpected() -> Error {
    super::unusable("its key was not wrapped as expected")
}

#[cfg(test)]
mod tests {
    use super::super::data_key::key_id;
    use super::*;

    const AROUND: Around<'static> = Around { kind: "passphrase", parameters: b"salt" };

    struct Slot {
        wrapping: SymmetricKey,
        authority: SymmetricKey,
        vault: Id,
        recipient: Recipient,
    }

    fn slot() -> Slot {
        let (wrapping, authority) = (SymmetricKey::random().unwrap(), SymmetricKey::random().unwrap());
        let vault = Id::random().unwrap();
        let recipient = Recipient::new(&wrapping, &vault, AROUND, &authority).unwrap();
        Slot { wrapping, authority, vault, recipient }
    }

    #[test]
    fn a_key_sealed_without_the_secret_opens_with_it_and_the_next_one_too() {
        let Slot { wrapping, authority, vault, mut recipient } = slot();
        for _ in 0..2 {
            let data = SymmetricKey::random().unwrap();
            let id = key_id(&data, &vault).unwrap();
            let bound = Bound { vault: &vault, key: Some(&id) };
            let wrapped = recipient.seal(&data, bound, AROUND, &authority).unwrap();
            let opened = recipient.open(&wrapping, &wrapped, bound, AROUND).unwrap().unwrap();
            assert_eq!(opened.bytes(), data.bytes());
            let other = SymmetricKey::random().unwrap();
            assert!(recipient.open(&other, &wrapped, bound, AROUND).unwrap().is_none(), "another secret");
        }
    }

    #[test]
    fn whoever_has_not_the_authority_key_can_seal_nothing_that_the_slot_takes() {
        let Slot { wrapping, vault, mut recipient, .. } = slot();
        let (data, guessed) = (SymmetricKey::random().unwrap(), SymmetricKey::random().unwrap());
        let id = key_id(&data, &vault).unwrap();
        let bound = Bound { vault: &vault, key: Some(&id) };
        let wrapped = recipient.seal(&data, bound, AROUND, &guessed).unwrap();
        assert!(recipient.open(&wrapping, &wrapped, bound, AROUND).is_err());
    }

    #[test]
    fn another_vault_key_kind_or_parameter_does_not_fit() {
        let Slot { wrapping, authority, vault, mut recipient } = slot();
        let data = SymmetricKey::random().unwrap();
        let id = key_id(&data, &vault).unwrap();
        let bound = Bound { vault: &vault, key: Some(&id) };
        let wrapped = recipient.seal(&data, bound, AROUND, &authority).unwrap();
        let (other_vault, other_key) = (Id::random().unwrap(), Bytes([7; 16]));
        for (bound, around) in [
            (Bound { vault: &other_vault, ..bound }, AROUND),
            (Bound { key: Some(&other_key), ..bound }, AROUND),
            (bound, Around { kind: "ssh-agent", ..AROUND }),
            (bound, Around { parameters: b"salz", ..AROUND }),
        ] {
            assert!(!matches!(recipient.open(&wrapping, &wrapped, bound, around), Ok(Some(_))));
        }
        let mut swapped = recipient.clone();
        swapped.share = recipient.public;
        assert!(!matches!(swapped.open(&wrapping, &wrapped, bound, AROUND), Ok(Some(_))));
        swapped.share = Bytes([0; 32]);
        assert!(!matches!(swapped.open(&wrapping, &wrapped, bound, AROUND), Ok(Some(_))), "a low order");
    }
}
