//! The real clients of packages behind the proxy of `keyfob run`, each to download and to publish where it can, under the real host names or
//! on loopback. `tests/run.sh clients` runs them; npm, pip and Maven are in the ordinary part (`run`).

use std::path::PathBuf;

use crate::support::process::Call;
use crate::support::scene::{Scene, installed, skip};

mod composer_and_go;
mod javascript;
mod python;

/// A program below target/test-tools, if it is installed.
fn client(path: &str) -> Option<PathBuf> {
    let program = installed(path);
    if program.is_none() {
        skip("the clients in target/test-tools: tests/run.sh clients");
    }
    program
}

/// `keyfob run WORDS`, the words separated by blanks.
fn call(scene: &Scene, words: &str) -> Call {
    scene.program("keyfob").arg("run").args(words.split_whitespace())
}
