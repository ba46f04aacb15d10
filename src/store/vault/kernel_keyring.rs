//! Where the opened data key may rest for a while on Linux: the kernel's keyring of the user (keyrings(7)).
//!
//! It is never on disk and goes with the time limit or a restart. One key per vault, never the tokens: an ordinary
//! user may have 200 keys. The traps, and what is done about them:
//!
//! - A session that is not linked to the user's keyring (su, some containers) finds the key but may not read it,
//!   because new keys can be read by their possessor only. So the permissions are set: possessor and user may view,
//!   search and read, nobody else anything. Setting them and the time limit needs possession as well, so the
//!   keyring is linked into our own process for as long as it runs.
//! - Containers often forbid these calls altogether. Then there is no such place: every error while reading counts as
//!   locked.
//! - A time limit of 0 means no limit to the kernel; the caller must not pass it.
//! - The kernel does not tell how much of the limit is left, but in units that people read. So the second in which it ends stands
//!   behind the key.
//!
//! The name has the data key's id in it: before a new data key is in force, it rests beside the one that still is, for no longer
//! than that one (reseal.rs).
//!
//! On other systems there is no such place, and these functions say so.

use super::data_key::Bound;
use super::seal::SymmetricKey;
use crate::error::Error;

#[cfg(target_os = "linux")]
mod linux {
    use linux_keyutils::{Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    use std::time::{SystemTime, UNIX_EPOCH};

    use zeroize::Zeroizing;

    use super::{Bound, SymmetricKey};

    fn ring() -> Result<KeyRing, KeyError> {
        KeyRing::from_special_id(KeyRingIdentifier::User, false)
    }

    fn name(Bound { vault, key }: Bound<'_>) -> String {
        let vault = vault.as_str();
        match key {
            None => format!("keyfob:vault:{vault}"),
            Some(key) => format!("keyfob:vault:{vault}:{}", key.hex()),
        }
    }

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    const WITH_END: usize = SymmetricKey::LENGTH + 8;

    /// Possession lasts as long as this process. Where linking is refused, the user's own permissions may still do.
    fn possess() {
        if let Ok(process) = KeyRing::from_special_id(KeyRingIdentifier::Process, true) {
            let _ = process.link_keyring_id(KeyRingIdentifier::User);
        }
    }

    pub(super) fn available() -> bool {
        ring().is_ok()
    }

    pub(super) fn keep(bound: Bound<'_>, key: &SymmetricKey, seconds: usize) -> Result<(), KeyError> {
        possess();
        let ring = ring()?;
        forget_in(&ring, bound)?;
        let mut held = Zeroizing::new(key.bytes().to_vec());
        if bound.key.is_some() {
            let end = now().saturating_add(seconds as u64);
            held.reserve_exact(8);
            held.extend_from_slice(&end.to_be_bytes());
        }
        let kept = ring.add_key(&name(bound), &held)?;
        let limited = kept.set_timeout(seconds).and_then(|()| {
            let may = || Permission::VIEW | Permission::SEARCH | Permission::READ;
            kept.set_perms(KeyPermissionsBuilder::builder().posessor(may()).user(may()).build())
        });
        if limited.is_err() {
            // A key without its limit must not stay.
            let _ = remove(&ring, kept);
        }
        limited
    }

    /// The key and, where it says so, for how many seconds it rests there still.
    pub(super) fn recall(bound: Bound<'_>) -> Result<(SymmetricKey, Option<u64>), KeyError> {
        let found = ring()?.search(&name(bound))?;
        let mut held = Zeroizing::new([0; WITH_END]);
        // The kernel says how long the key is, even when it is longer than the buffer.
        let length = found.read(&mut *held)?;
        let (key, end) = held.split_at(SymmetricKey::LENGTH);
        let end = match (length, bound.key) {
            (SymmetricKey::LENGTH, None) => None,
            (WITH_END, Some(_)) => end.first_chunk().map(|end| u64::from_be_bytes(*end)),
            _ => return Err(KeyError::InvalidArguments),
        };
        let key = SymmetricKey::from_slice(key).ok_or(KeyError::InvalidArguments)?;
        Ok((key, end.map(|end| end.saturating_sub(now()))))
    }

    /// How long the key of a vault with a header of version 1 rests there still, rounded down as /proc/keys has it (proc(5)).
    pub(super) fn shown(bound: Bound<'_>) -> Option<u64> {
        let name = format!("{}:", name(bound));
        let listing = std::fs::read_to_string("/proc/keys").ok()?;
        let line = listing.lines().find(|line| line.contains(&name))?;
        let left = line.split_whitespace().nth(3)?;
        let (number, unit) = left.split_at_checked(left.len().checked_sub(1)?)?;
        let unit = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]
            .into_iter()
            .find_map(|(name, seconds)| (name == unit).then_some(seconds))?;
        number.parse::<u64>().ok()?.checked_mul(unit)
    }

    pub(super) fn forget(bound: Bound<'_>) -> Result<(), KeyError> {
        forget_in(&ring()?, bound)
    }

    fn forget_in(ring: &KeyRing, bound: Bound<'_>) -> Result<(), KeyError> {
        match ring.search(&name(bound)) {
            Ok(found) => remove(ring, found),
            Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove(ring: &KeyRing, key: Key) -> Result<(), KeyError> {
        key.invalidate().or_else(|_| ring.unlink_key(key))
    }
}

/// Whether there is a kernel keyring that we may use.
pub(super) fn available() -> bool {
    #[cfg(target_os = "linux")]
    return linux::available();
    #[cfg(not(target_os = "linux"))]
    false
}

/// Keeps this data key for `seconds`, which is at least 1; one that is there already is replaced.
pub(super) fn keep(bound: Bound<'_>, key: &SymmetricKey, seconds: u64) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        // The kernel counts seconds in 32 bits.
        let seconds = usize::try_from(seconds.clamp(1, u64::from(u32::MAX))).unwrap_or(usize::MAX);
        linux::keep(bound, key, seconds)
            .map_err(|error| super::unusable(format!("the kernel keyring does not take its key: {error}")))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (bound, key, seconds);
        Err(nowhere())
    }
}

/// This data key, if it rests there and can be read.
pub(super) fn recall(bound: Bound<'_>) -> Option<SymmetricKey> {
    #[cfg(target_os = "linux")]
    return linux::recall(bound).ok().map(|(key, _)| key);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = bound;
        None
    }
}

/// For how many seconds this data key rests there still.
#[cfg(test)]
pub(super) fn left(bound: Bound<'_>) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return linux::recall(bound).ok()?.1;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = bound;
        None
    }
}

/// Lets `data` rest as long as the data key `before` of `old` still does there; if that does not rest there, nothing does.
pub(super) fn succeed(old: Bound<'_>, before: &SymmetricKey, new: Bound<'_>, data: &SymmetricKey) {
    #[cfg(target_os = "linux")]
    {
        let Ok((key, left)) = linux::recall(old) else { return };
        let left = left.or_else(|| linux::shown(old)).filter(|left| *left > 0);
        // How long is not known: then not at all.
        let (true, Some(left)) = (key.bytes() == before.bytes(), left) else { return };
        let _ = keep(new, data, left);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (old, before, new, data);
}

/// Takes this data key out; none there is fine.
pub(super) fn forget(bound: Bound<'_>) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        // Where the keyring may not even be looked at, nothing of ours is in it.
        if !linux::available() {
            return Ok(());
        }
        linux::forget(bound)
            .map_err(|error| super::unusable(format!("the kernel keyring does not give up its key: {error}")))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = bound;
        Ok(())
    }
}

/// The error for a vault that shall stay open where it cannot.
pub(super) fn nowhere() -> Error {
    Error::Unsupported {
        store: super::NAME,
        what: "stay unlocked: there is no kernel keyring here, so the passphrase is asked for at each use",
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::bytes::Bytes;
    use super::*;
    use crate::account::Id;

    #[test]
    fn a_key_rests_until_it_is_forgotten_or_says_that_it_cannot() {
        let (vault, key) = (Id::random().unwrap(), SymmetricKey::random().unwrap());
        let bound = Bound { vault: &vault, key: Some(&Bytes([1; 16])) };
        assert!(recall(bound).is_none(), "never kept");
        if !available() {
            // Forbidden here (many containers): nothing may look as if it were kept.
            assert!(keep(bound, &key, 60).is_err());
            assert!(recall(bound).is_none());
            forget(bound).unwrap();
            return;
        }
        keep(bound, &key, 60).unwrap();
        keep(bound, &key, 60).unwrap();
        assert_eq!(recall(bound).unwrap().bytes(), key.bytes());
        assert!(recall(Bound { vault: &Id::random().unwrap(), ..bound }).is_none(), "another vault's");
        forget(bound).unwrap();
        assert!(recall(bound).is_none());
        forget(bound).unwrap();
    }

    #[test]
    fn a_kept_key_has_a_time_limit_and_is_for_this_user_only() {
        if !available() {
            return;
        }
        let (vault, key) = (Id::random().unwrap(), SymmetricKey::random().unwrap());
        let bound = Bound { vault: &vault, key: Some(&Bytes([1; 16])) };
        keep(bound, &key, 600).unwrap();
        // See proc(5): ID, flags, usage, time left, permissions …
        let listing = std::fs::read_to_string("/proc/keys").unwrap();
        let line = listing.lines().find(|line| line.contains(vault.as_str())).map(str::to_owned);
        forget(bound).unwrap();
        let line = line.unwrap();
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_ne!(fields[3], "perm", "{line}");
        assert_eq!(fields[4], "0b0b0000", "{line}");
    }

    #[test]
    fn a_kept_key_is_gone_when_its_time_is_over() {
        if !available() {
            return;
        }
        let (vault, key) = (Id::random().unwrap(), SymmetricKey::random().unwrap());
        let bound = Bound { vault: &vault, key: Some(&Bytes([1; 16])) };
        keep(bound, &key, 1).unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while recall(bound).is_some() {
            assert!(std::time::Instant::now() < end, "the time limit does nothing");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        forget(bound).unwrap();
    }

    #[test]
    fn a_key_that_succeeds_another_rests_no_longer_than_that_one() {
        if !available() {
            return;
        }
        let vault = Id::random().unwrap();
        let (one, two, three) = (Bytes([1; 16]), Bytes([2; 16]), Bytes([3; 16]));
        let bound = |key| Bound { vault: &vault, key };
        let key = || SymmetricKey::random().unwrap();
        let (first, second, third, fourth) = (key(), key(), key(), key());
        let left = |name| linux::recall(bound(Some(name))).unwrap().1.unwrap();
        // From a vault of version 1, where only the kernel knows, in units that people read.
        keep(bound(None), &first, 7000).unwrap();
        succeed(bound(None), &first, bound(Some(&one)), &second);
        assert!((3590..=3600).contains(&left(&one)), "{}", left(&one));
        keep(bound(Some(&one)), &second, 5000).unwrap();
        succeed(bound(Some(&one)), &second, bound(Some(&two)), &third);
        assert!((4990..=5000).contains(&left(&two)), "{}", left(&two));
        assert_eq!(recall(bound(Some(&two))).unwrap().bytes(), third.bytes());
        // Another key than the one that was in force has no successor.
        succeed(bound(Some(&one)), &third, bound(Some(&three)), &fourth);
        assert!(recall(bound(Some(&three))).is_none());
        for name in [None, Some(&one), Some(&two), Some(&three)] {
            forget(bound(name)).unwrap();
        }
    }
}
