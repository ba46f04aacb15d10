//! The only shelf that prints to a person or prompts (`hidden` asks for secrets, `ask` on behalf of stores). The rules of its
//! voice:
//!
//! - stdout is for the answer; everything else goes to stderr, begins with `keyfob: error:`, `keyfob: hint:` or
//!   `keyfob: note:`, in lower case and without a full stop; a hint is a command that can be pasted;
//! - what came from outside is shown, not obeyed: control characters never reach the terminal (R11);
//! - a question is only asked where a person can answer it (R9); secrets are typed hidden;
//! - colour only on a terminal, never with `NO_COLOR`, and never the only sign of anything.

use std::io::{self, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::Error;
use crate::secret::Secret;
use crate::text::visible;

mod hidden;
mod prompter;
mod stdin;

pub use hidden::Uninterrupted;
pub use prompter::TerminalPrompter;
pub use stdin::{StandardStreams, Stdin};

/// A note from where no terminal is at hand, as while a service is waited for.
pub fn aside(text: &str) {
    let _ = writeln!(io::stderr(), "keyfob: note: {}", visible(text));
}

/// Standard output and error, and the person behind them.
pub struct Terminal<'t> {
    /// For answers.
    pub out: &'t mut dyn Write,
    /// For words.
    pub err: &'t mut dyn Write,
    /// What there is.
    pub capabilities: Capabilities,
}

/// What the three standard streams are, and what the environment says of them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts about the outside")]
pub struct Capabilities {
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
    /// How many characters a line of standard output has; `None` where it is no terminal, or one that does not say.
    pub columns: Option<usize>,
}

impl Capabilities {
    /// Looks at the process's streams and at the environment.
    #[must_use]
    pub fn detect(environment: &Environment) -> Capabilities {
        Capabilities {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            unattended: environment.forbids_asking(),
            plain: environment.os("NO_COLOR").is_some()
                || environment.text("TERM").as_deref() == Some("dumb"),
            columns: terminal_size::terminal_size_of(io::stdout())
                .map(|(terminal_size::Width(columns), _)| columns.into())
                .filter(|columns| *columns > 0),
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
        // Somebody said no: that is what happened, and nothing is wrong.
        if matches!(error, Error::Declined) {
            return self.note(&error.to_string());
        }
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
        paint(self.capabilities.stdout && !self.capabilities.plain, colour, word)
    }

    fn paint_err(&self, colour: Colour, word: &str) -> String {
        paint(self.capabilities.stderr && !self.capabilities.plain, colour, word)
    }

    /// How far something has come, for whoever watches; one line that is written over.
    pub fn progress(&mut self, done: usize, of: usize) {
        const WIDTH: usize = 24;
        if of < 2 || !self.capabilities.stderr || self.capabilities.plain || self.capabilities.unattended {
            return;
        }
        let full = done * WIDTH / of;
        let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
        let _ = write!(self.err, "\r[{bar}] {done} of {of}").and_then(|()| self.err.flush());
    }

    /// Takes that line away.
    pub fn end_of_progress(&mut self) {
        if self.capabilities.stderr && !self.capabilities.plain && !self.capabilities.unattended {
            let _ = write!(self.err, "\r\u{1b}[K").and_then(|()| self.err.flush());
        }
    }

    /// Asks yes or no; no is the answer to everything but `y` and `yes`.
    ///
    /// # Errors
    /// [`Error::NobodyToAsk`].
    pub fn confirm(&mut self, question: &str) -> Result<bool, Error> {
        if !self.capabilities.can_ask() {
            return Err(Error::NobodyToAsk { what: "a yes", run: "it" });
        }
        let answer = self.question(&format!("{question} [y/N] "))?;
        Ok(answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
    }

    /// Asks for a line, which is shown as it is typed.
    ///
    /// # Errors
    /// [`Error::NobodyToAsk`], [`Error::Wire`].
    pub fn question(&mut self, question: &str) -> Result<String, Error> {
        if !self.capabilities.can_ask() {
            return Err(Error::NobodyToAsk { what: "an answer", run: "it" });
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
        if yes || !self.capabilities.can_ask() || self.confirm(question)? {
            Ok(())
        } else {
            Err(Error::Declined)
        }
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
        if !self.capabilities.can_ask() {
            return Err(Error::NobodyToAsk { what: "a secret", run: "it" });
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
