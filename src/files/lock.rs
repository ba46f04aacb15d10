//! Writers take turns, by a lock file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;

use super::{private_mode, symlink_or};

/// How long a writer waits for another one. Each holds the lock for a few syncs, so this is generous; the lock vanishes
/// with its process, so a stale one cannot exist.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Holds the lock file `path` while `work` runs. Waits for other writers; the lock goes with the process that holds it.
///
/// # Errors
/// [`Error::Busy`] when it stays taken, [`Error::Io`] when locking does not work here (never writes unlocked), and
/// what `work` returns.
pub fn locked<T>(path: &Path, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let _held = lock(path)?;
    work()
}

/// Shares the lock file `path` with others who do, and keeps out who wants it alone; waits as [`locked`] does. Dropping it lets go.
///
/// # Errors
/// [`Error::Busy`], [`Error::Io`].
pub fn share(path: &Path) -> Result<fs::File, Error> {
    take(path, File::try_lock_shared)
}

fn lock(path: &Path) -> Result<fs::File, Error> {
    take(path, File::try_lock)
}

/// The lock file; closing it unlocks. On its own, so that it is in the program once and not for each kind of work.
#[inline(never)]
fn take(path: &Path, how: fn(&File) -> Result<(), TryLockError>) -> Result<fs::File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private_mode(&mut options);
    let file = options.open(path).map_err(|error| symlink_or(error, path))?;
    let (start, mut pause) = (Instant::now(), Duration::from_micros(200));
    loop {
        match how(&file) {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
            Err(TryLockError::WouldBlock) if start.elapsed() > LOCK_WAIT => {
                return Err(Error::Busy { seconds: LOCK_WAIT.as_secs() });
            }
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(8));
            }
        }
    }
}
