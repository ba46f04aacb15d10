//! x
use super::Command;
/// x
pub static COMMAND: Command = Command { name: "rotate", about: "x", details: "", example: "x", arguments: |c| c, run: |_, _| Ok(()) };
