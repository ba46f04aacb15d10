//! The only file that prints to a person or prompts (`hidden` asks for secrets). The rules of its voice:
//!
//! - stdout is for the answer; everything else goes to stderr, begins with `keyfob: error:`, `keyfob: hint:` or
//!   `keyfob: note:`, in lower case and without a full stop; a hint is a command that can be pasted;
//! - what came from outside is shown, not obeyed: control characters never reach the terminal (R11);
//! - a question is only asked where a person can answer it (R9); secrets are typed hidden;
//! - colour only on a terminal, never with `NO_COLOR`, and never the only sign of anything.

use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::credential::Secret;
use crate::environment::Environment;
use crate::error::Error;
use crate::store::Ask;
use crate::wallet::Note;

mod hidden;

/// Outside text for a terminal: control characters are replaced by a visible sign.
#[must_use]
pub fn visible(text: &str) -> String {
    // Bidirectional marks and overrides can make a host look like another; they are format, not control, characters.
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A day in UTC, `2027-03-01`, from Unix seconds.
#[must_use]
pub fn date(at: i64) -> String {
    rfc3339(at).split('T').next().unwrap_or_default().to_owned()
}

/// A time in UTC, `2027-03-01T12:00:00Z`, from Unix seconds.
#[must_use]
pub fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| "an impossible date".to_owned(), |time| time.to_string())
}

impl Note {
    /// In words, for one line.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Note::Ending { realm, days, url } if *days < 0 => format!(
                "by its recorded date the token of {realm} ended {} ago; make a new one and: keyfob add {url}",
                in_days(-days)
            ),
            Note::Ending { realm, days, url } => {
                format!(
                    "the token of {realm} ends in {}; make a new one and: keyfob add {url}",
                    in_days(*days)
                )
            }
            Note::NeedsNewerGit { realm } => format!(
                "the server of {realm} refused NTLM, which this git chose although a token needs Basic; the token is kept as \
                 it is: install git 2.46 or newer, which lets keyfob choose Basic"
            ),
        }
    }
}

fn in_days(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}

/// Standard output and error, and the person behind them.
pub struct Terminal<'t> {
    /// For answers.
    pub out: &'t mut dyn Write,
    /// For words.
    pub err: &'t mut dyn Write,
    /// What there is.
    pub about: About,
}

/// What the three standard streams are, and what the environment says of them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts about the outside")]
pub struct About {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// Nobody may be asked: CI, or git said no.
    pub unattended: bool,
    /// Colour is not wanted.
    pub plain: bool,
}

impl About {
    /// Looks at the process's streams and at the environment.
    #[must_use]
    pub fn look(environment: &Environment) -> About {
        let git_says_no = environment.text("GIT_TERMINAL_PROMPT").as_deref() == Some("0");
        About {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            unattended: environment.says_yes("CI") || git_says_no,
            plain: environment.os("NO_COLOR").is_some()
                || environment.text("TERM").as_deref() == Some("dumb"),
        }
    }

    /// Whether a person can answer a question.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.stdin && self.stderr && !self.unattended
    }
}

impl Terminal<'_> {
    /// A line of the answer.
    pub fn answer(&mut self, line: &str) {
        // A closed pipe (`keyfob list | head`) is no error.
        let _ = writeln!(self.out, "{line}");
    }

    /// Bytes of the answer, as they are.
    pub fn answer_bytes(&mut self, bytes: &[u8]) {
        let _ = self.out.write_all(bytes).and_then(|()| self.out.flush());
    }

    /// What went wrong, and how to fix it.
    pub fn error(&mut self, error: &Error) {
        self.line("error", Colour::Red, &error.to_string());
        if let Some(hint) = error.hint() {
            self.hint(&hint);
        }
    }

    /// How to go on.
    pub fn hint(&mut self, text: &str) {
        self.line("hint", Colour::Cyan, text);
    }

    /// What was done, or is worth knowing.
    pub fn note(&mut self, text: &str) {
        self.line("note", Colour::Green, text);
    }

    fn line(&mut self, kind: &str, colour: Colour, text: &str) {
        let kind = self.paint_err(colour, kind);
        let _ = writeln!(self.err, "keyfob: {kind}: {}", visible(text));
    }

    /// A word in colour, for stdout.
    #[must_use]
    pub fn paint(&self, colour: Colour, word: &str) -> String {
        paint(self.about.stdout && !self.about.plain, colour, word)
    }

    fn paint_err(&self, colour: Colour, word: &str) -> String {
        paint(self.about.stderr && !self.about.plain, colour, word)
    }

    /// How far something has come, for whoever watches; one line that is written over.
    pub fn progress(&mut self, done: usize, of: usize) {
        const WIDTH: usize = 24;
        if of < 2 || !self.about.stderr || self.about.plain || self.about.unattended {
            return;
        }
        let full = done * WIDTH / of;
        let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
        let _ = write!(self.err, "\r[{bar}] {done} of {of}").and_then(|()| self.err.flush());
    }

    /// Takes that line away.
    pub fn end_of_progress(&mut self) {
        if self.about.stderr && !self.about.plain && !self.about.unattended {
            let _ = write!(self.err, "\r\u{1b}[K").and_then(|()| self.err.flush());
        }
    }

    /// Asks yes or no; no is the answer to everything but `y` and `yes`.
    ///
    /// # Errors
    /// [`Error::NobodyToAsk`].
    pub fn confirm(&mut self, question: &str) -> Result<bool, Error> {
        if !self.about.can_ask() {
            return Err(Error::NobodyToAsk { what: "a yes" });
        }
        let answer = self.question(&format!("{question} [y/N] "))?;
        Ok(answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
    }

    /// Asks for a line, which is shown as it is typed.
    ///
    /// # Errors
    /// [`Error::NobodyToAsk`], [`Error::Wire`].
    pub fn question(&mut self, question: &str) -> Result<String, Error> {
        if !self.about.can_ask() {
            return Err(Error::NobodyToAsk { what: "an answer" });
        }
        let _ = write!(self.err, "{}", visible(question)).and_then(|()| self.err.flush());
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .map_err(|source| Error::Wire { doing: "read the answer", source })?;
        Ok(line.trim().to_owned())
    }

    /// Lets a person who can answer say no before something is done; where nobody can, the command line itself is the
    /// consent.
    ///
    /// # Errors
    /// [`Error::Declined`], [`Error::Wire`].
    pub fn agree(&mut self, question: &str, yes: bool) -> Result<(), Error> {
        if yes || !self.about.can_ask() || self.confirm(question)? { Ok(()) } else { Err(Error::Declined) }
    }

    /// All of standard input, for a secret that is piped in: at most `limit` bytes. Read without a buffer that nobody would
    /// wipe.
    ///
    /// # Errors
    /// [`Error::Wire`]; [`Error::Token`] when there is more.
    pub fn piped(&mut self, limit: usize) -> Result<Secret, Error> {
        let failed = |source| Error::Wire { doing: "read standard input", source };
        let mut input = unbuffered_stdin().map_err(failed)?;
        let mut bytes = Zeroizing::new(vec![0u8; limit + 1]);
        let mut filled = 0;
        while filled <= limit {
            match input.read(&mut bytes[filled..]) {
                Ok(0) => return Ok(Secret::copy_of(&bytes[..filled])),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(Error::Token { why: format!("more than {} KiB came in", limit / 1024) })
    }

    /// Asks for a secret, hidden.
    ///
    /// # Errors
    /// [`Error::NobodyToAsk`], [`Error::Wire`].
    pub fn secret(&mut self, question: &str) -> Result<Secret, Error> {
        if !self.about.can_ask() {
            return Err(Error::NobodyToAsk { what: "a secret" });
        }
        hidden::ask(&visible(question), None)
            .map_err(|source| Error::Wire { doing: "read what was typed", source })
    }
}

/// Standard output that remembers that something could not be written: an answer that is cut off on a full disk must not end
/// with exit code 0. A reader that has seen enough (`keyfob list | head`) is no failure.
pub struct Out<W> {
    to: W,
    failure: Option<io::Error>,
}

impl<W: Write> Out<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Out<W> {
        Out { to, failure: None }
    }

    /// Writes what is left, and says whether everything was.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn finish(mut self) -> Result<(), Error> {
        let _ = self.flush();
        match self.failure {
            Some(source) => Err(Error::Wire { doing: "write the answer", source }),
            None => Ok(()),
        }
    }

    fn note<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            let kind = error.kind();
            if !matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted) {
                self.failure.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.to.write(bytes);
        self.note(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.to.flush();
        self.note(done)
    }
}

#[cfg(unix)]
fn unbuffered_stdin() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from)
}

#[cfg(windows)]
fn unbuffered_stdin() -> io::Result<std::fs::File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(std::fs::File::from)
}

/// Colours that the voice uses.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// Something is wrong.
    Red,
    /// Something will be.
    Yellow,
    /// All is well.
    Green,
    /// A way on.
    Cyan,
    /// Of less weight.
    Dim,
}

fn paint(wanted: bool, colour: Colour, word: &str) -> String {
    if !wanted {
        return word.to_owned();
    }
    let code = match colour {
        Colour::Red => 31,
        Colour::Yellow => 33,
        Colour::Green => 32,
        Colour::Cyan => 36,
        Colour::Dim => 2,
    };
    format!("\u{1b}[{code}m{word}\u{1b}[0m")
}

/// The longest that a store's call waits for a person's answer (R9).
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks on the terminal for passphrases that stores need. git's helpers have the terminal on stderr at most, so the
/// controlling terminal itself is used.
pub struct TerminalAsk {
    possible: bool,
    /// Whether a tool started us, so that git's word counts.
    for_tool: bool,
}

impl TerminalAsk {
    /// For a tool's adapter: stdin is a pipe, but a person may sit at the controlling terminal.
    #[must_use]
    pub fn for_tool(about: About) -> TerminalAsk {
        TerminalAsk { possible: about.stderr && !about.unattended, for_tool: true }
    }

    /// For a person's command: what git is told of its own questions does not keep `keyfob unlock` from asking.
    #[must_use]
    pub fn for_command(about: About) -> TerminalAsk {
        TerminalAsk { possible: about.stderr && !about.unattended, for_tool: false }
    }
}

impl Ask for TerminalAsk {
    fn possible(&self) -> bool {
        self.possible && has_controlling_terminal() && !(self.for_tool && git_forbids())
    }

    fn passphrase(&self, prompt: &str) -> Option<Secret> {
        if !self.possible() {
            return None;
        }
        hidden::ask(&visible(&format!("{prompt}: ")), Some(PATIENCE)).ok().filter(|typed| !typed.is_empty())
    }
}

#[cfg(unix)]
fn has_controlling_terminal() -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").is_ok()
}

#[cfg(not(unix))]
fn has_controlling_terminal() -> bool {
    io::stdin().is_terminal()
}

/// git passes `credential.interactive` to helpers neither on stdin nor as a variable: it has to be looked up, and only
/// when a question is about to be asked.
fn git_forbids() -> bool {
    let mut git = std::process::Command::new("git");
    // No program that we start inherits the environment's tokens (R13).
    for name in crate::store::environment::secret_variables() {
        git.env_remove(name);
    }
    let asked = git
        .args(["config", "--get", "credential.interactive"])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output();
    let says_no = |text: &str| {
        ["false", "never", "no", "off", "0"].contains(&text.trim().to_ascii_lowercase().as_str())
    };
    asked.is_ok_and(|done| done.status.success() && says_no(&String::from_utf8_lossy(&done.stdout)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_shown_and_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(date(1_800_000_000), "2027-01-15");
        assert_eq!(date(i64::MAX), "an impossible date");
    }
}
