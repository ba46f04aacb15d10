//! Secrets that are typed: not shown, and the terminal is put back whatever happens, Ctrl-C included. Deliberately absent:
//! stars in place of what is typed, which tell its length.

use std::io;

use crate::credential::Secret;

/// Asks on the controlling terminal; what is typed is not shown.
#[cfg(unix)]
pub(super) fn ask(question: &str) -> io::Result<Secret> {
    use std::io::Write;
    let unseen = Unseen::begin()?;
    let mut terminal = unseen.terminal.try_clone()?;
    terminal.write_all(question.as_bytes())?;
    let interrupted = std::rc::Rc::new(std::cell::Cell::new(false));
    let keys = Keys { terminal: unseen.terminal.try_clone()?, interrupted: interrupted.clone() };
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
pub(super) fn ask(question: &str) -> io::Result<Secret> {
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

/// The keys of the terminal, up to one that ends the program.
#[cfg(unix)]
struct Keys {
    terminal: std::fs::File,
    interrupted: std::rc::Rc<std::cell::Cell<bool>>,
}

#[cfg(unix)]
impl io::Read for Keys {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const CTRL_C: u8 = 0x03;
        const CTRL_BACKSLASH: u8 = 0x1c;
        let read = self.terminal.read(buffer)?;
        if buffer[..read].iter().any(|key| [CTRL_C, CTRL_BACKSLASH].contains(key)) {
            self.interrupted.set(true);
            return Err(io::Error::other("interrupted"));
        }
        Ok(read)
    }
}
