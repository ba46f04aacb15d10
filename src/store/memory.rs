//! A store in memory, for tests of everything above it. Can be told to be locked or forgetful.

use std::cell::{Cell, RefCell};

use crate::account::Key;
use crate::error::Error;
use crate::secret::Secret;

use super::{Health, Store};

/// Secrets in a vector; gone with the process.
#[derive(Default)]
pub(crate) struct Memory {
    secrets: RefCell<Vec<(Key, Secret)>>,
    locked: Cell<bool>,
    forgetful: Cell<bool>,
    calls: Cell<usize>,
}

impl Memory {
    /// Makes every later call fail as a locked store does.
    pub(crate) fn set_locked(&self, locked: bool) {
        self.locked.set(locked);
    }

    /// Makes it take secrets from now on, and not keep them.
    pub(crate) fn set_forgetful(&self, forgetful: bool) {
        self.forgetful.set(forgetful);
    }

    /// How many secrets it holds.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.secrets.borrow().len()
    }

    /// Whether it holds none.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many calls it has had: the get path must need exactly one.
    #[must_use]
    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    fn open(&self) -> Result<(), Error> {
        self.calls.set(self.calls.get() + 1);
        if self.locked.get() { Err(Error::Locked { store: "memory", how: None }) } else { Ok(()) }
    }
}

impl Store for Memory {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        self.open()?;
        let secrets = self.secrets.borrow();
        Ok(secrets.iter().find(|(held, _)| held == key).map(|(_, secret)| Secret::copy_of(secret.expose())))
    }

    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        self.open()?;
        if !self.forgetful.get() {
            self.secrets.borrow_mut().push((key.clone(), Secret::copy_of(secret.expose())));
        }
        Ok(())
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.open()?;
        self.secrets.borrow_mut().retain(|(held, _)| held != key);
        Ok(())
    }

    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        self.open()?;
        Ok(Some(self.secrets.borrow().iter().map(|(key, _)| key.clone()).collect()))
    }

    fn unlock(&self, _for_seconds: Option<u64>) -> Result<(), Error> {
        self.locked.set(false);
        Ok(())
    }

    fn lock(&self) -> Result<(), Error> {
        self.locked.set(true);
        Ok(())
    }

    fn health(&self) -> Health {
        let words = if self.locked.get() { "locked" } else { "unlocked" };
        Health { usable: !self.locked.get(), words: words.to_owned() }
    }
}
