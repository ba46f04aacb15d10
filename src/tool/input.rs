//! What a tool sends, through a buffer that is wiped: a store carries a token, and the standard library's buffers are freed
//! with what was last in them.

use std::io::{self, BufRead, Read};

use zeroize::{Zeroize, Zeroizing};

use crate::error::Error;
use crate::secret_bytes::{self, Bytes};

/// What one read asks for. Requests are a few hundred bytes, and every page that is touched costs as much as a thousand
/// instructions.
const ROOM: usize = 2048;

/// The most that a request may be long, in bytes.
pub(super) const LIMIT: usize = 1 << 20;

const TOO_LONG: &str = "it is longer than a mebibyte";

/// All that is sent, up to the end of input.
///
/// # Errors
/// [`Error::Request`] for more than [`LIMIT`], [`Error::Wire`].
pub(super) fn all(input: &mut dyn BufRead) -> Result<Bytes, Error> {
    let mut bytes = Zeroizing::new(vec![0; ROOM]);
    let mut length = 0;
    loop {
        if length == bytes.len() {
            if length >= LIMIT {
                return Err(Error::Request { why: TOO_LONG });
            }
            let mut larger = Zeroizing::new(vec![0; length * 2]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
        match input.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Wire { doing: "read the request", source }),
        }
    }
    // Shortening a vector does not move it.
    bytes.truncate(length);
    Ok(bytes)
}

/// Appends what is sent up to the next line feed, and that too, or up to the end of input; nothing is appended at the end.
///
/// # Errors
/// [`Error::Request`] when all that was appended is more than [`LIMIT`], [`Error::Wire`].
pub(super) fn line(input: &mut dyn BufRead, bytes: &mut Bytes) -> Result<(), Error> {
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(Error::Wire { doing: "read the request", source }),
        };
        let end = available.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(available.len(), |at| at + 1);
        if bytes.len() + taken > LIMIT {
            return Err(Error::Request { why: TOO_LONG });
        }
        secret_bytes::append(bytes, &available[..taken]);
        input.consume(taken);
        if end.is_some() || taken == 0 {
            return Ok(());
        }
    }
}

/// A reader with a buffer that is wiped when it goes, as far as it was used.
pub struct Input<R> {
    from: R,
    bytes: Box<[u8]>,
    at: usize,
    end: usize,
    used: usize,
}

impl<R: Read> Input<R> {
    /// Over `from`.
    pub fn new(from: R) -> Input<R> {
        Input { from, bytes: vec![0; ROOM].into_boxed_slice(), at: 0, end: 0, used: 0 }
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            self.end = self.from.read(&mut self.bytes)?;
            self.at = 0;
            self.used = self.used.max(self.end);
        }
        Ok(self.bytes.get(self.at..self.end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount).min(self.end);
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R> Drop for Input<R> {
    fn drop(&mut self) {
        self.bytes.iter_mut().take(self.used).for_each(Zeroize::zeroize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives three bytes at a time, and a fault before the second piece.
    struct Drops<'a>(&'a [u8], bool);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.len() < 9 && !std::mem::replace(&mut self.1, true) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let room = out.len().min(3);
            self.0.read(&mut out[..room])
        }
    }

    #[test]
    fn what_comes_in_pieces_is_read_whole_and_in_order() {
        let mut input = Input::new(Drops(b"protocol=https\nhost=h\n\n", false));
        let mut lines = String::new();
        while input.read_line(&mut lines).unwrap() > 0 {}
        assert_eq!(lines, "protocol=https\nhost=h\n\n");
        assert!(input.fill_buf().unwrap().is_empty());
    }
}
