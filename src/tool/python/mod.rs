//! twine, Poetry, Hatch and whatever else imports Python's keyring library: it starts no program, so no link reaches it. It
//! reads one settings file, which can name a module; ours asks the keyring command and leaves everything that keyfob does not
//! hold to the keyrings that were there before.
//!
//! Deliberately absent: a package to install (every environment would need it), and a protocol: the module calls
//! [`keyring`](super::keyring).

use crate::forge::Need;

use super::Tool;

mod setup;

/// Python's keyring library.
pub static TOOL: Tool = Tool {
    name: "python",
    clients: &["twine", "poetry", "hatch"],
    title: "twine, Poetry and Hatch (Python's keyring library)",
    need: Need::Packages,
    how: "a module that the settings of Python's keyring name",
    setup: Some(&setup::SETUP),
    ..Tool::BASE
};
