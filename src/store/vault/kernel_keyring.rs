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
//!
//! On other systems there is no such place, and these functions say so.

use super::seal::SymmetricKey;
use crate::account::Id;
use crate::error::Error;

#[cfg(target_os = "linux")]
mod linux {
    use linux_keyutils::{Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    use super::SymmetricKey;
    use crate::account::Id;

    fn ring() -> Result<KeyRing, KeyError> {
        KeyRing::from_special_id(KeyRingIdentifier::User, false)
    }

    fn name(vault: &Id) -> String {
        format!("keyfob:vault:{}", vault.as_str())
    }

    /// Possession lasts as long as this process. Where linking is refused, the user's own permissions may still do.
    fn possess() {
        if let Ok(process) = KeyRing::from_special_id(KeyRingIdentifier::Process, true) {
            let _ = process.link_keyring_id(KeyRingIdentifier::User);
        }
    }

    pub(super) fn available() -> bool {
        ring().is_ok()
    }

    pub(super) fn keep(vault: &Id, key: &SymmetricKey, seconds: usize) -> Result<(), KeyError> {
        possess();
        let ring = ring()?;
        forget_in(&ring, vault)?;
        let kept = ring.add_key(&name(vault), key.bytes())?;
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

    pub(super) fn recall(vault: &Id) -> Result<SymmetricKey, KeyError> {
        let found = ring()?.search(&name(vault))?;
        let mut key = SymmetricKey::empty();
        // The kernel says how long the key is, even when it is longer than the buffer.
        match found.read(key.bytes_mut())? {
            SymmetricKey::LENGTH => Ok(key),
            _ => Err(KeyError::InvalidArguments),
        }
    }

    pub(super) fn forget(vault: &Id) -> Result<(), KeyError> {
        forget_in(&ring()?, vault)
    }

    fn forget_in(ring: &KeyRing, vault: &Id) -> Result<(), KeyError> {
        match ring.search(&name(vault)) {
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

/// Keeps the data key of `vault` for `seconds`, which is at least 1; one that is there already is replaced.
pub(super) fn keep(vault: &Id, key: &SymmetricKey, seconds: u64) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        // The kernel counts seconds in 32 bits.
        let seconds = usize::try_from(seconds.clamp(1, u64::from(u32::MAX))).unwrap_or(usize::MAX);
        linux::keep(vault, key, seconds)
            .map_err(|error| super::unusable(format!("the kernel keyring does not take its key: {error}")))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (vault, key, seconds);
        Err(nowhere())
    }
}

/// The data key of `vault`, if it rests there and can be read.
pub(super) fn recall(vault: &Id) -> Option<SymmetricKey> {
    #[cfg(target_os = "linux")]
    return linux::recall(vault).ok();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = vault;
        None
    }
}

/// Takes the data key of `vault` out; none there is fine.
pub(super) fn forget(vault: &Id) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        // Where the keyring may not even be looked at, nothing of ours is in it.
        if !linux::available() {
            return Ok(());
        }
        linux::forget(vault)
            .map_err(|error| super::unusable(format!("the kernel keyring does not give up its key: {error}")))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = vault;
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
    use super::*;

    #[test]
    fn a_key_rests_until_it_is_forgotten_or_says_that_it_cannot() {
        let (vault, key) = (Id::random().unwrap(), SymmetricKey::random().unwrap());
        assert!(recall(&vault).is_none(), "never kept");
        if !available() {
            // Forbidden here (many containers): nothing may look as if it were kept.
            assert!(keep(&vault, &key, 60).is_err());
            assert!(recall(&vault).is_none());
            forget(&vault).unwrap();
            return;
        }
        keep(&vault, &key, 60).unwrap();
        keep(&vault, &key, 60).unwrap();
        assert_eq!(recall(&vault).unwrap().bytes(), key.bytes());
        assert!(recall(&Id::random().unwrap()).is_none(), "another vault's");
        forget(&vault).unwrap();
        assert!(recall(&vault).is_none());
        forget(&vault).unwrap();
    }

    #[test]
    fn a_kept_key_has_a_time_limit_and_is_for_this_user_only() {
        if !available() {
            return;
        }
        let (vault, key) = (Id::random().unwrap(), SymmetricKey::random().unwrap());
        keep(&vault, &key, 600).unwrap();
        // See proc(5): ID, flags, usage, time left, permissions …
        let listing = std::fs::read_to_string("/proc/keys").unwrap();
        let line = listing.lines().find(|line| line.contains(vault.as_str())).map(str::to_owned);
        forget(&vault).unwrap();
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
        keep(&vault, &key, 1).unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while recall(&vault).is_some() {
            assert!(std::time::Instant::now() < end, "the time limit does nothing");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        forget(&vault).unwrap();
    }
}
