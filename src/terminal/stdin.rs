//! Standard input as the tools get it: without the standard library's buffer, which is not wiped and which each `get` would
//! have to make first. Commands, which ask people for lines, use the standard library's.

use std::io::{self, IsTerminal, Read};

/// Standard input, read as it comes.
#[derive(Debug, Clone, Copy)]
pub struct Stdin;

impl Stdin {
    /// Whether a person sits at it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        #[cfg(unix)]
        return rustix::stdio::stdin().is_terminal();
        #[cfg(not(unix))]
        return io::stdin().is_terminal();
    }
}

impl Read for Stdin {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return Ok(rustix::io::read(rustix::stdio::stdin(), out)?);
        #[cfg(not(unix))]
        return io::stdin().read(out);
    }
}
