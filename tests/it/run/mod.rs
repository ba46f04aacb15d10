//! `keyfob run`: what the command sees and what it does not, how it ends, and the real clients of packages with it. tests/run.sh
//! puts those into target/test-tools; from then on nothing but loopback is needed.
#![cfg(unix)]

use std::path::{Path, PathBuf};

use crate::support::person::Add;
use crate::support::process::{Call, Output};
use crate::support::scene::{Scene, skip};

mod documentation;
mod environment;
mod maven;
mod npm;
mod pip;
mod proxied;

const TOKEN: &str = "s3cret-token-for-packages-that-only-these-tests-know";
const OTHER: &str = "s3cret-other-token-that-only-these-tests-know";
const CONTOSO: &str = "https://dev.azure.com/contoso";
const NPM: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/npm/registry/";

/// A program below target/test-tools, if it is installed.
fn client(path: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools").join(path);
    if program.exists() {
        return Some(program);
    }
    skip("the clients in target/test-tools: tests/run.sh");
    None
}

/// A program of this machine, if it is installed.
fn program(name: &str) -> Option<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Some(());
    }
    skip(&format!("{name}: tests/run.sh"));
    None
}

/// `keyfob run WORDS`, the words separated by blanks.
fn run(scene: &Scene, words: &str) -> Output {
    call(scene, words).run()
}

fn call(scene: &Scene, words: &str) -> Call {
    scene.program("keyfob").arg("run").args(words.split_whitespace())
}

/// The variables that a command sees, sorted, as `NAME=VALUE`; those that every command of the scene has are left out.
#[track_caller]
fn seen(scene: &Scene, words: &str) -> Vec<String> {
    let before = scene.command("env").run().succeeds();
    let after = run(scene, &format!("{words} env")).succeeds();
    let mut lines: Vec<String> = after
        .stdout()
        .lines()
        .filter(|line| !before.stdout().lines().any(|old| old == *line))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

/// An account with a name, as a generic host needs.
fn alice() -> Add<'static> {
    Add { account: Some("alice"), ..Add::default() }
}
