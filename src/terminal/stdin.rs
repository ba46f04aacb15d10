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
        return read(rustix::stdio::stdin(), out);
        #[cfg(not(unix))]
        return io::stdin().read(out);
    }
}

/// Waits where there is nothing yet: whoever started us may have left the pipe in a mode in which a read does not wait.
#[cfg(unix)]
fn read(stdin: rustix::fd::BorrowedFd<'_>, out: &mut [u8]) -> io::Result<usize> {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        match rustix::io::read(stdin, &mut *out) {
            Err(rustix::io::Errno::AGAIN) => poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None)?,
            read => return Ok(read?),
        };
    }
}

/// The process's standard streams, as a tool's protocol needs them.
pub struct StandardStreams {
    /// Standard input.
    pub input: Stdin,
    /// Standard output.
    pub output: io::Stdout,
    /// Standard error.
    pub notes: io::Stderr,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
}

impl StandardStreams {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> StandardStreams {
        let notes = io::stderr();
        StandardStreams {
            input: Stdin,
            output: io::stdout(),
            stdin_is_terminal: Stdin.is_terminal(),
            stderr_is_terminal: notes.is_terminal(),
            notes,
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    #[test]
    fn a_pipe_that_does_not_wait_is_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut out = [0; 8];
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                theirs.write_all(b"host=x").unwrap();
            });
            assert_eq!(read(ours.as_fd(), &mut out).unwrap(), 6);
            assert_eq!(read(ours.as_fd(), &mut out).unwrap(), 0);
        });
        assert_eq!(&out[..6], b"host=x");
    }
}
