//! The passphrase slot: Argon2id (RFC 9106) makes the wrapping key out of what a person knows.
//!
//! 64 MiB and three passes are the RFC's second recommended choice, for places where 2 GiB are too much; it takes a
//! quarter of a second on a small machine. One lane instead of four, because we compute in one thread: more lanes
//! would cost us the same and help only who has more cores. The parameters stand in the slot, so that later ones
//! can be dearer.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::data_key::Bound;
use super::recipient::{Around, Recipient};
use super::seal::SymmetricKey;
use super::wrapping::{self, Wrapped};
use crate::account::Id;
use crate::error::Error;
use crate::secret::Secret;

const KIND: &str = "passphrase";

/// What one guess costs.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// Memory in KiB.
    pub(super) memory_kib: u32,
    /// Passes over it.
    pub(super) passes: u32,
    /// Lanes.
    pub(super) lanes: u32,
}

impl Cost {
    /// What new slots get.
    pub(super) const NEW: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// More memory than this no keyfob ever writes; a header that asks for it would only make a `get` run out of it.
    const MOST_MEMORY_KIB: u32 = 1024 * 1024;

    /// Memory times passes, which is what takes time: about five seconds on a small machine.
    const MOST_WORK_KIB: u64 = 4 * 1024 * 1024;

    const MOST_LANES: u32 = 16;

    fn work_kib(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    /// Refuses what would keep a person waiting, before the passphrase is asked for.
    fn check(self) -> Result<(), Error> {
        let within = self.memory_kib <= Cost::MOST_MEMORY_KIB
            && self.work_kib() <= Cost::MOST_WORK_KIB
            && self.lanes <= Cost::MOST_LANES;
        if within && Params::new(self.memory_kib, self.passes, self.lanes, None).is_ok() {
            return Ok(());
        }
        let mib = |kib: u32| kib / 1024;
        Err(super::unusable(format!(
            "its header asks for Argon2 with {} MiB of memory, {} passes and {} lanes, which no keyfob wrote: keyfob accepts \
             at most {} MiB of memory, and {} MiB times passes",
            mib(self.memory_kib),
            self.passes,
            self.lanes,
            mib(Cost::MOST_MEMORY_KIB),
            Cost::MOST_WORK_KIB / 1024,
        )))
    }
}

/// The slot in the header.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Bytes<16>,
    /// Not in version 1, where the wrapping key wraps the data key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<Recipient>,
    wrapped: Wrapped,
}

impl Slot {
    /// A slot that `passphrase` will open, once something is sealed for it.
    pub(super) fn new(
        passphrase: &Secret,
        cost: Cost,
        vault: &Id,
        authority: &SymmetricKey,
    ) -> Result<Slot, Error> {
        let salt = Bytes::random()?;
        let wrapping = derive(passphrase, &salt.0, cost)?;
        let around = Around { kind: KIND, parameters: &parameters(cost, &salt) };
        let recipient = Some(Recipient::new(&wrapping, vault, around, authority)?);
        let Cost { memory_kib, passes, lanes } = cost;
        Ok(Slot { memory_kib, passes, lanes, salt, recipient, wrapped: wrapping::nothing() })
    }

    /// Seals `data` for whoever knows the passphrase.
    pub(super) fn seal(
        &mut self,
        data: &SymmetricKey,
        bound: Bound<'_>,
        authority: &SymmetricKey,
    ) -> Result<(), Error> {
        let parameters = parameters(self.cost(), &self.salt);
        let around = Around { kind: KIND, parameters: &parameters };
        let recipient = self.recipient.as_mut().ok_or_else(wrapping::too_old)?;
        self.wrapped = recipient.seal(data, bound, around, authority)?;
        Ok(())
    }

    /// The data key; [`Error::WrongPassphrase`] if this is not the right passphrase.
    pub(super) fn open(&self, passphrase: &Secret, bound: Bound<'_>) -> Result<SymmetricKey, Error> {
        let cost = self.cost();
        let wrapping = derive(passphrase, &self.salt.0, cost)?;
        let parameters = parameters(cost, &self.salt);
        let opened = match &self.recipient {
            None => wrapping::unwrap(&wrapping, &self.wrapped, bound, KIND, &parameters),
            Some(recipient) => {
                let around = Around { kind: KIND, parameters: &parameters };
                recipient.open(&wrapping, &self.wrapped, bound, around)?
            }
        };
        opened.ok_or(Error::WrongPassphrase)
    }

    /// Whether it can be sealed for without the passphrase.
    pub(super) fn is_recipient(&self) -> bool {
        self.recipient.is_some()
    }

    /// All that a seal over the header covers of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let recipient = self.recipient.as_ref().map(Recipient::bytes).unwrap_or_default();
        [&parameters(self.cost(), &self.salt)[..], &recipient, &self.wrapped.0].concat()
    }

    /// Whether its cost is one that keyfob pays; asked before a person is.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.cost().check()
    }

    fn cost(&self) -> Cost {
        Cost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }

    /// For people: what a guess costs.
    pub(super) fn words(&self) -> String {
        format!("Argon2id, {} MiB, {} passes", self.memory_kib / 1024, self.passes)
    }
}

fn parameters(cost: Cost, salt: &Bytes<16>) -> Vec<u8> {
    let numbers = [cost.memory_kib, cost.passes, cost.lanes];
    numbers.iter().flat_map(|number| number.to_be_bytes()).chain(salt.0).collect()
}

fn derive(passphrase: &Secret, salt: &[u8], cost: Cost) -> Result<SymmetricKey, Error> {
    let unusable = || super::unusable("the cost in its passphrase slot is not possible");
    cost.check()?;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(SymmetricKey::LENGTH))
        .map_err(|_| unusable())?;
    // Our own memory instead of the crate's, because only then is it wiped.
    let mut memory = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(params.block_count()).map_err(|_| {
        super::unusable(format!("there are no {} MiB of memory for its passphrase", cost.memory_kib / 1024))
    })?;
    memory.resize(params.block_count(), Block::default());
    let mut key = SymmetricKey::empty();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.expose(),
            salt,
            key.bytes_mut().as_mut_slice(),
            memory.as_mut_slice(),
        )
        .map_err(|_| unusable())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 16, passes: 1, lanes: 1 };

    fn sealed(passphrase: &Secret, cost: Cost, data: &SymmetricKey, vault: &Id) -> Slot {
        let authority = SymmetricKey::random().unwrap();
        let mut slot = Slot::new(passphrase, cost, vault, &authority).unwrap();
        slot.seal(data, bound(vault), &authority).unwrap();
        slot
    }

    fn bound(vault: &Id) -> Bound<'_> {
        Bound { vault, key: Some(&Bytes([1; 16])) }
    }

    #[test]
    fn only_the_right_passphrase_opens_and_only_in_its_own_vault() {
        let (data, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let slot = sealed(&Secret::copy_of(b"correct horse"), CHEAP, &data, &vault);
        let opened = slot.open(&Secret::copy_of(b"correct horse"), bound(&vault)).unwrap();
        assert_eq!(opened.bytes(), data.bytes());
        for (passphrase, vault) in
            [(&b"correct horsf"[..], vault.clone()), (b"", vault), (b"correct horse", Id::random().unwrap())]
        {
            let error = slot.open(&Secret::copy_of(passphrase), bound(&vault)).map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::WrongPassphrase));
        }
    }

    #[test]
    fn cheaper_parameters_in_the_header_do_not_open_the_slot() {
        let (data, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let passphrase = Secret::copy_of(b"p");
        let mut slot = sealed(&passphrase, Cost { memory_kib: 32, ..CHEAP }, &data, &vault);
        slot.memory_kib = 16;
        assert!(slot.open(&passphrase, bound(&vault)).is_err());
    }

    #[test]
    fn impossible_costs_are_refused_at_once() {
        let (data, vault) = (SymmetricKey::random().unwrap(), Id::random().unwrap());
        let passphrase = Secret::copy_of(b"p");
        let mut slot = sealed(&passphrase, CHEAP, &data, &vault);
        for (memory_kib, passes, lanes) in
            [(u32::MAX, 1, 1), (16, u32::MAX, 1), (16, 1, u32::MAX), (0, 1, 1), (16, 0, 1), (16, 1, 0)]
        {
            (slot.memory_kib, slot.passes, slot.lanes) = (memory_kib, passes, lanes);
            let error = slot.open(&passphrase, bound(&vault)).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("which no keyfob wrote"), "{error}");
        }
    }

    #[test]
    fn memory_times_passes_is_bounded_and_not_each_alone() {
        const MIB: u32 = 1024;
        let cost = |memory_kib, passes| Cost { memory_kib, passes, lanes: 1 };
        for accepted in [Cost::NEW, cost(1024 * MIB, 4), cost(64 * MIB, 64), cost(8, 524_288)] {
            assert!(accepted.check().is_ok(), "{} KiB x {}", accepted.memory_kib, accepted.passes);
        }
        for (refused, words) in [
            (cost(2048 * MIB, 1), "2048 MiB of memory, 1 passes"),
            (cost(1024 * MIB, 5), "1024 MiB of memory, 5 passes"),
            (cost(64 * MIB, 65), "64 MiB of memory, 65 passes"),
            (cost(u32::MAX, u32::MAX), "4294967295 passes"),
        ] {
            let error = refused.check().unwrap_err().to_string();
            assert!(
                error.contains(words) && error.contains("at most 1024 MiB of memory, and 4096 MiB"),
                "{error}"
            );
        }
    }

    #[test]
    fn new_slots_cost_what_the_rfc_recommends() {
        let Cost { memory_kib, passes, lanes } = Cost::NEW;
        assert_eq!((memory_kib, passes, lanes), (64 * 1024, 3, 1));
    }

    /// A vector of the reference implementation's own tests: other programs must be able to open our slots.
    #[test]
    fn the_derivation_is_the_published_one() {
        let cost = Cost { memory_kib: 65536, passes: 2, lanes: 1 };
        let key = derive(&Secret::copy_of(b"password"), b"somesalt", cost).unwrap();
        let hex: String = key.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }
}
