//! Opening a page in the person's browser: by `KEYFOB_BROWSER`, else by the system's own opener. Where there is none, or it
//! does not work, the address is said and that is enough. Pages are those of the forges' records; no address that came from
//! outside is ever opened.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::process::child;

use super::Context;

/// The longest that an opener is waited for: those that end at once tell whether they worked, others are the browser itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Openers, as systems have them.
const OPENERS: &[(&str, &[&str])] = if cfg!(target_os = "macos") {
    &[("open", &[])]
} else if cfg!(windows) {
    &[("rundll32", &["url.dll,FileProtocolHandler"])]
} else {
    &[("xdg-open", &[]), ("wslview", &[])]
};

/// Whether a browser would open where the person is: one that was named, or a desktop. Over a bare SSH connection the system's opener
/// may find a browser for terminals, which nobody would see.
pub(super) fn is_at_hand(environment: &Environment) -> bool {
    let named = |name: &str| environment.os(name).is_some_and(|value| !value.is_empty());
    let desktop = if cfg!(any(target_os = "macos", windows)) {
        !named("SSH_CONNECTION")
    } else {
        named("DISPLAY") || named("WAYLAND_DISPLAY") || !environment.programs("wslview").is_empty()
    };
    named("KEYFOB_BROWSER") || desktop
}

/// Opens a page, and says which.
pub(super) fn open(page: &str, context: &mut Context<'_>) {
    if opened(page, context.environment) {
        context.terminal.note(&format!("opened {page}"));
    } else {
        context.terminal.hint(&format!("open {page}"));
    }
}

fn opened(page: &str, environment: &Environment) -> bool {
    let (program, arguments): (PathBuf, &[&str]) = match environment.os("KEYFOB_BROWSER") {
        Some(wish) => (wish.into(), &[]),
        None => {
            let found = OPENERS
                .iter()
                .find_map(|(name, arguments)| environment.program(name).map(|program| (program, *arguments)));
            match found {
                Some(found) => found,
                None => return false,
            }
        }
    };
    let mut command = child(program, environment);
    command.args(arguments).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut opener) = command.spawn() else { return false };
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match opener.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
    true
}
