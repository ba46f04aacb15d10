//! The programs on this machine that ask a keyring, and the `keyring` that they find.

use std::path::PathBuf;

use crate::environment::Environment;
use crate::tool::installation::Installation;
use crate::tool::setup::SetupContext;

/// The name that the clients look for.
pub(super) const KEYRING: &str = "keyring";

/// The clients by whose presence there is something to set up.
const CLIENTS: [&str; 3] = ["pip", "uv", "pdm"];

/// The clients on this machine with their paths.
pub(super) fn clients(environment: &Environment) -> Vec<String> {
    let first = |name: &str| {
        let path = environment.program(name)?;
        Some(format!("{name} ({})", path.display()))
    };
    CLIENTS.into_iter().filter_map(first).collect()
}

/// The `keyring` that the clients find, and whether it is this program.
pub(super) fn first_keyring(context: &SetupContext<'_>) -> Option<(PathBuf, bool)> {
    let first = context.environment.program(KEYRING)?;
    let ours = Installation::of(context).is_ok_and(|own| own.has(&first));
    Some((first, ours))
}
