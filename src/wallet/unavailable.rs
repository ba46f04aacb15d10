//! The wallet of a process that cannot tell where its wallet is (no home folder): every call says so. A tool whose protocol has
//! words for an error gets them, and not a program that just ends, which some tools take for a reason to stop altogether.

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Paths;
use crate::remote::Remote;
use crate::secret::Secret;

use super::{Erased, LoggedOut, Lookup, NewCredential, Query, Stored, Wallet};

/// No wallet, and why.
pub struct UnavailableWallet<'a> {
    /// The environment that does not tell.
    pub environment: &'a Environment,
}

impl UnavailableWallet<'_> {
    fn why(&self) -> Error {
        Paths::find(self.environment).err().unwrap_or(Error::NoHome)
    }
}

impl Wallet for UnavailableWallet<'_> {
    fn get(&self, _: &Query) -> Result<Lookup, Error> {
        Err(self.why())
    }
    fn store(&self, _: &Query, _: NewCredential) -> Result<Stored, Error> {
        Err(self.why())
    }
    fn erase(&self, _: &Query, _: Option<&Secret>) -> Result<Erased, Error> {
        Err(self.why())
    }
    fn logout(&self, _: &Query) -> Result<LoggedOut, Error> {
        Err(self.why())
    }
    fn displace(&self, _: &Query) -> Result<(), Error> {
        Err(self.why())
    }
    fn places(&self) -> Result<Vec<(String, Remote)>, Error> {
        Err(self.why())
    }
}
