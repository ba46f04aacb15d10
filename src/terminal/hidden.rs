//! Secrets that are typed: not shown, and the terminal is put back whatever happens, Ctrl-C included. Deliberately absent:
//! stars in place of what is typed, which tell its length.

use std::io;
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

use crate::secret::Secret;

/// Asks on the controlling terminal; what is typed is not shown. `limit`: how long the answer may take (R9: a tool's call
/// must end; a person's own command may wait).
#[cfg(unix)]
pub(super) fn ask(question: &str, limit: Option<Duration>) -> io::Result<Secret> {
    use std::io::Write;
    let unseen = Unseen::begin()?;
    let mut terminal = unseen.terminal.try_clone()?;
    terminal.write_all(question.as_bytes())?;
    let interrupted = std::rc::Rc::new(std::cell::Cell::new(false));
    let keys = Keys {
        terminal: unseen.terminal.try_clone()?,
        until: limit.map(|limit| Instant::now() + limit),
        interrupted: interrupted.clone(),
    };
    let config = rpassword::ConfigBuilder::new().input_reader(keys).output_discard().build();
    let typed = rpassword::read_password_with_config(config);
    drop(unseen);
    let _ = terminal.write_all(b"\n");
    if interrupted.get() {
        // Only now, with the terminal as it was: a shell does not put it back for us.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
        return Err(io::ErrorKind::Interrupted.into());
    }
    typed.map(|typed| Secret::new(typed.into_bytes()))
}

/// Asks on the console; what is typed is not shown.
#[cfg(not(unix))]
pub(super) fn ask(question: &str, _limit: Option<Duration>) -> io::Result<Secret> {
    rpassword::prompt_password(question).map(|typed| Secret::new(typed.into_bytes()))
}

/// Keeps the terminal from showing what is typed, from before the question stands there: what is pasted in that moment
/// would be seen otherwise. Keys arrive one by one, since a terminal's own line ends at 1,024 bytes on some systems, and
/// Ctrl-C arrives as a key, since as a signal it would leave the terminal like this.
#[cfg(unix)]
struct Unseen {
    terminal: std::fs::File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Unseen {
    fn begin() -> io::Result<Unseen> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &quiet)?;
        Ok(Unseen { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for Unseen {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// While it lives, no key of the terminal ends the program: what a service shows only once must be kept first. Elsewhere than in
/// the foreground of a terminal it does nothing.
#[derive(Default)]
pub struct Uninterrupted {
    #[cfg(unix)]
    before: Option<(std::fs::File, rustix::termios::Termios)>,
}

impl Uninterrupted {
    /// From now on.
    #[must_use]
    pub fn begin() -> Uninterrupted {
        #[cfg(unix)]
        return Uninterrupted { before: without_signals() };
        #[cfg(not(unix))]
        Uninterrupted::default()
    }
}

#[cfg(unix)]
fn without_signals() -> Option<(std::fs::File, rustix::termios::Termios)> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcsetattr};
    let terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    // A terminal stops whoever changes it from the background.
    tcgetpgrp(&terminal).ok().filter(|front| *front == rustix::process::getpgrp())?;
    let before = tcgetattr(&terminal).ok()?;
    let mut quiet = before.clone();
    quiet.local_modes -= LocalModes::ISIG;
    tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
    Some((terminal, before))
}

#[cfg(unix)]
impl Drop for Uninterrupted {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some((terminal, before)) = &self.before {
            // What was typed meanwhile was meant as a signal.
            let _ = tcsetattr(terminal, OptionalActions::Flush, before);
        }
    }
}

/// The keys of the terminal, up to one that ends the program.
#[cfg(unix)]
struct Keys {
    terminal: std::fs::File,
    until: Option<Instant>,
    interrupted: std::rc::Rc<std::cell::Cell<bool>>,
}

#[cfg(unix)]
impl io::Read for Keys {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const CTRL_C: u8 = 0x03;
        const CTRL_BACKSLASH: u8 = 0x1c;
        if self.until.is_some_and(|until| !comes_before(&self.terminal, until)) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let read = self.terminal.read(buffer)?;
        if buffer[..read].iter().any(|key| [CTRL_C, CTRL_BACKSLASH].contains(key)) {
            self.interrupted.set(true);
            return Err(io::Error::other("interrupted"));
        }
        Ok(read)
    }
}

/// Whether a key comes in time.
#[cfg(unix)]
fn comes_before(terminal: &std::fs::File, until: Instant) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        let limit = Timespec { tv_sec: seconds, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(terminal, PollFlags::IN)], Some(&limit)) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Read;

    /// One end of a pipe stands for a terminal at which nobody, or somebody, types.
    fn keys(until: Option<Instant>) -> (Keys, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        let terminal = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
        (Keys { terminal, until, interrupted: std::rc::Rc::default() }, writer)
    }

    #[test]
    fn where_nobody_types_the_wait_ends() {
        let (mut keys, _writer) = keys(Some(Instant::now() + Duration::from_millis(20)));
        assert_eq!(keys.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_is_typed_in_time_arrives_and_control_c_ends_it() {
        use io::Write;
        let (mut keys, mut writer) = keys(Some(Instant::now() + Duration::from_secs(60)));
        writer.write_all(b"a").unwrap();
        assert_eq!(keys.read(&mut [0; 8]).unwrap(), 1);
        writer.write_all(b"\x03").unwrap();
        assert!(keys.read(&mut [0; 8]).is_err() && keys.interrupted.get());
    }
}
