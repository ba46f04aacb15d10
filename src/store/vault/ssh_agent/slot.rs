//! The ssh-agent slot: a signature by an ed25519 key in the agent is what the wrapping key is made from.
//!
//! ```text
//! message       "keyfob vault slot v1", vault id (32 hex digits), salt (32 bytes)
//! signature     64 bytes, by the agent; the same each time (RFC 8032)
//! wrapping key  HKDF-SHA256(salt = salt, key = signature, info = "keyfob vault slot v1" + " ssh-agent" + vault id)
//! ```
//!
//! What ssh signs to log in, and what `ssh-keygen -Y` signs, begins differently, so no server can have this message
//! signed by accident. But whoever reaches the agent, also a forwarded one, and has the header, can have it signed
//! on purpose. The signature never leaves memory. It is made twice at enrolment, because an agent may sign with
//! randomness in it, and then the slot would never open again; and it is verified, because an answer that is no signature
//! is no secret. Never the only slot: keys get replaced.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::bytes::Bytes;
use super::super::data_key::Bound;
use super::super::recipient::{Around, Recipient};
use super::super::seal::SymmetricKey;
use super::super::wrapping::{self, Wrapped};
use crate::error::Error;

const KIND: &str = "ssh-agent";

/// The slot in the header.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::vault) struct Slot {
    /// The ed25519 public key.
    public_key: Bytes<32>,
    /// What the agent called the key when it was enrolled; for people.
    pub(in crate::store::vault) comment: String,
    salt: Bytes<32>,
    /// Not in version 1, where the wrapping key wraps the data key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<Recipient>,
    wrapped: Wrapped,
}

impl Slot {
    /// As `ssh-add -l` shows it.
    pub(in crate::store::vault) fn fingerprint(&self) -> String {
        fingerprint(&self.blob())
    }

    /// Seals `data` for whoever has the key in their agent.
    pub(in crate::store::vault) fn seal(
        &mut self,
        data: &SymmetricKey,
        bound: Bound<'_>,
        authority: &SymmetricKey,
    ) -> Result<(), Error> {
        let parameters = parameters(&self.public_key, &self.salt);
        let around = Around { kind: KIND, parameters: &parameters };
        let recipient = self.recipient.as_mut().ok_or_else(wrapping::too_old)?;
        self.wrapped = recipient.seal(data, bound, around, authority)?;
        Ok(())
    }

    /// Whether it can be sealed for without the agent.
    pub(in crate::store::vault) fn is_recipient(&self) -> bool {
        self.recipient.is_some()
    }

    /// All that a seal over the header covers of it.
    pub(in crate::store::vault) fn bytes(&self) -> Vec<u8> {
        let recipient = self.recipient.as_ref().map(Recipient::bytes).unwrap_or_default();
        let comment = self.comment.as_bytes();
        let length = u64::try_from(comment.len()).unwrap_or(u64::MAX).to_be_bytes();
        [&parameters(&self.public_key, &self.salt)[..], &recipient, &self.wrapped.0, &length, comment]
            .concat()
    }

    fn blob(&self) -> Vec<u8> {
        // string "ssh-ed25519", string key; written out, because the agent's client exists on Unix only.
        [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &self.public_key.0].concat()
    }
}

fn parameters(public_key: &Bytes<32>, salt: &Bytes<32>) -> Vec<u8> {
    [public_key.0, salt.0].concat()
}

/// The fingerprint of a public key as OpenSSH writes it.
pub(in crate::store::vault) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

#[cfg(unix)]
mod unix {
    use hkdf::Hkdf;
    use sha2::Sha256;

    use super::{KIND, Slot, parameters};
    use crate::account::Id;
    use crate::error::Error;
    use crate::secret::Secret;
    use crate::store::vault::bytes::Bytes;
    use crate::store::vault::data_key::Bound;
    use crate::store::vault::recipient::{Around, Recipient};
    use crate::store::vault::seal::SymmetricKey;
    use crate::store::vault::ssh_agent::client::{self, Agent, Identity};
    use crate::store::vault::wrapping::{self, DOMAIN};

    impl Slot {
        /// A slot that the key `identity` of this agent will open, once something is sealed for it.
        pub(in crate::store::vault) fn enrolling(
            agent: &mut Agent,
            identity: &Identity,
            vault: &Id,
            authority: &SymmetricKey,
        ) -> Result<Slot, Error> {
            let failed = |why: &str| Error::Program { program: "ssh-agent", why: why.to_owned() };
            let public_key = client::public_key(&identity.blob)
                .ok_or_else(|| failed("only plain ed25519 keys sign the same each time"))?;
            let salt = Bytes::random()?;
            let mut sign = || {
                agent
                    .sign(&identity.blob, &message(vault, &salt))?
                    .ok_or_else(|| failed("it refused to sign with this key"))
            };
            let (first, second) = (sign()?, sign()?);
            // An agent is another program. What it answers is public if it is no signature: then the vault would open for
            // whoever knows that answer.
            if !client::is_signature(&public_key, &message(vault, &salt), &first) {
                return Err(failed("what it signed does not fit the key, so the key cannot open a vault"));
            }
            if !first.same_as(&second) {
                return Err(failed(
                    "it signed the same twice and differently, so this key cannot open a vault",
                ));
            }
            let wrapping = derive(&first, vault, &salt)?;
            let public_key = Bytes(public_key);
            let around = Around { kind: KIND, parameters: &parameters(&public_key, &salt) };
            let recipient = Some(Recipient::new(&wrapping, vault, around, authority)?);
            let (comment, wrapped) = (identity.comment.clone(), wrapping::nothing());
            Ok(Slot { public_key, comment, salt, recipient, wrapped })
        }

        /// The data key; `None` if the agent does not sign with the key.
        pub(in crate::store::vault) fn open(
            &self,
            agent: &mut Agent,
            bound: Bound<'_>,
        ) -> Result<Option<SymmetricKey>, Error> {
            let Some(signature) = agent.sign(&self.blob(), &message(bound.vault, &self.salt))? else {
                return Ok(None);
            };
            let wrapping = derive(&signature, bound.vault, &self.salt)?;
            let parameters = parameters(&self.public_key, &self.salt);
            let Some(recipient) = &self.recipient else {
                return Ok(wrapping::unwrap(&wrapping, &self.wrapped, bound, KIND, &parameters));
            };
            recipient.open(&wrapping, &self.wrapped, bound, Around { kind: KIND, parameters: &parameters })
        }

        /// Its key among those that the agent holds.
        pub(in crate::store::vault) fn held<'i>(&self, held: &'i [Identity]) -> Option<&'i Identity> {
            let blob = self.blob();
            held.iter().find(|identity| identity.blob == blob)
        }

        /// Whether its key is among those that the agent holds.
        pub(in crate::store::vault) fn is_among(&self, held: &[Identity]) -> bool {
            self.held(held).is_some()
        }
    }

    pub(super) fn message(vault: &Id, salt: &Bytes<32>) -> Vec<u8> {
        // All parts have fixed lengths.
        [DOMAIN, vault.as_str().as_bytes(), &salt.0].concat()
    }

    fn derive(signature: &Secret, vault: &Id, salt: &Bytes<32>) -> Result<SymmetricKey, Error> {
        let mut key = SymmetricKey::empty();
        Hkdf::<Sha256>::new(Some(&salt.0), signature.expose())
            .expand_multi_info(&[DOMAIN, b" ssh-agent", vault.as_str().as_bytes()], key.bytes_mut())
            .map_err(|_| crate::store::vault::unusable("no key comes out of the agent's signature"))?;
        Ok(key)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_ssh_itself_signs_never_looks_like_our_message() {
            let ours = message(&Id::random().unwrap(), &Bytes::random().unwrap());
            // A login is signed over "string session id", 20 to 64 bytes long; files over "SSHSIG" (PROTOCOL.sshsig).
            assert!(u32::from_be_bytes(*ours.first_chunk().unwrap()) > 64);
            assert!(!ours.starts_with(b"SSHSIG"));
        }

        #[test]
        fn slots_of_one_key_have_different_wrapping_keys() {
            let (signature, vault) = (Secret::copy_of(&[7; 64]), Id::random().unwrap());
            let one = derive(&signature, &vault, &Bytes::random().unwrap()).unwrap();
            let two = derive(&signature, &vault, &Bytes::random().unwrap()).unwrap();
            assert_ne!(one.bytes(), two.bytes());
        }

        #[test]
        fn the_blob_is_the_one_that_agents_list() {
            let slot = Slot {
                public_key: Bytes([7; 32]),
                comment: String::new(),
                salt: Bytes([0; 32]),
                recipient: None,
                wrapped: wrapping::nothing(),
            };
            assert_eq!(slot.blob(), client::blob(&[7; 32]));
        }
    }
}
