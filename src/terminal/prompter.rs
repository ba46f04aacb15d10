//! The terminal as the one whom stores ask for a passphrase: whether somebody can answer, and the question.

use std::time::Duration;

use crate::environment::{Environment, means_no};
use crate::process::{child, output_within};
use crate::secret::Secret;
use crate::store::Prompter;
use crate::text::visible;

use super::hidden;

/// The longest that git is waited for when it is asked about its settings.
const GIT_PATIENCE: Duration = Duration::from_secs(3);

/// Asks on the terminal for passphrases that stores need. git's helpers have the terminal on stderr at most, so the
/// controlling terminal itself is used.
///
/// Whether it may is only looked up when a question is about to be asked: most calls ask none.
pub struct TerminalPrompter<'e> {
    environment: &'e Environment,
    /// Standard error is a terminal.
    watched: bool,
    /// Whether a tool started us, so that git's settings count.
    for_tool: bool,
}

impl<'e> TerminalPrompter<'e> {
    /// For a tool's adapter: stdin is a pipe, but where stderr is `watched` a person may sit at the controlling terminal.
    #[must_use]
    pub fn for_tool(environment: &'e Environment, watched: bool) -> TerminalPrompter<'e> {
        TerminalPrompter { environment, watched, for_tool: true }
    }

    /// For a person's command: what git's settings say of its own questions does not keep `keyfob unlock` from asking.
    #[must_use]
    pub fn for_command(environment: &'e Environment, watched: bool) -> TerminalPrompter<'e> {
        TerminalPrompter { environment, watched, for_tool: false }
    }
}

impl Prompter for TerminalPrompter<'_> {
    fn possible(&self) -> bool {
        self.watched
            && !self.environment.forbids_asking()
            && has_controlling_terminal()
            && !(self.for_tool && git_forbids(self.environment))
    }

    fn passphrase(&self, prompt: &str, within: Duration) -> Option<Secret> {
        if !self.possible() {
            return None;
        }
        hidden::ask(&visible(&format!("{prompt}: ")), Some(within)).ok().filter(|typed| !typed.is_empty())
    }
}

#[cfg(unix)]
fn has_controlling_terminal() -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").is_ok()
}

#[cfg(not(unix))]
fn has_controlling_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdin())
}

/// git passes `credential.interactive` to helpers neither on stdin nor as a variable: it has to be looked up, and only
/// when a question is about to be asked. A git that does not answer is not waited for, and nobody is asked.
fn git_forbids(environment: &Environment) -> bool {
    let Some(git) = environment.program("git") else { return false };
    let mut git = child(git, environment);
    match output_within(git.args(["config", "--get", "credential.interactive"]), GIT_PATIENCE) {
        Ok(Some(word)) => means_no(String::from_utf8_lossy(&word).trim()),
        Ok(None) => true,
        Err(_) => false,
    }
}
