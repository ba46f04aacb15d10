//! What the fuzzers call: one function for each parser, from any bytes to a property that must hold. `fuzz_targets/` runs them without
//! end, `tests/it/fuzz.rs` replays the corpora in the ordinary tests.
//!
//! All of it goes through what keyfob offers to its own programs: a file is written and read, a tool's call is answered, a peer on a
//! socket says something.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a property that does not hold shall fail"
)]

mod files;
mod messages;
mod scratch;
mod tools;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by name, which is also that of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("git", tools::git),
    ("docker", tools::docker),
    ("cargo", tools::cargo),
    ("bazel", tools::bazel),
    ("nuget", tools::nuget),
    ("any_tool", tools::any_tool),
    ("remote", messages::remote),
    ("dbus", messages::dbus),
    ("http_answer", messages::http_answer),
    ("proxy", messages::proxy),
    ("age", files::age),
    ("export", files::export),
    ("vault_header", files::vault_header),
    ("sealed_file", files::sealed_file),
    ("records", files::records),
    ("config", files::config),
    ("import_git_store", files::import_git_store),
    ("import_netrc", files::import_netrc),
    ("import_npm", files::import_npm),
    ("import_nuget", files::import_nuget),
    ("import_gh", files::import_gh),
    ("import_az", files::import_az),
    ("import_keyring", files::import_keyring),
    ("import_docker", files::import_docker),
    ("import_gcm", files::import_gcm),
];

/// Does what the target of this name does.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(data);
}
