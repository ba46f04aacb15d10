//! `git-credential-keyfob`, the program for tools: it speaks every tool's protocol, under its own name or any link's. What it does not
//! need is not linked in: no argument parser, HTTP client, TLS, importers or exporters (a test searches the program for them). So
//! answering a tool cannot use the network. With `keyfob`'s main, the only file that reads the process's environment and
//! arguments.

use std::io;
use std::process::ExitCode;

use keyfob::call::{self, Call};
use keyfob::environment::Environment;
use keyfob::process::harden;

fn main() -> ExitCode {
    harden();
    let arguments: Vec<_> = std::env::args_os().collect();
    let environment =
        Environment::of_process(|name| std::env::var_os(name), || std::env::vars_os().collect());
    match Call::of(&arguments) {
        Some(call) => call.run(&environment),
        None => {
            let words = arguments.get(1..).unwrap_or_default();
            ExitCode::from(call::introduce(words, &mut io::stdout(), &mut io::stderr()))
        }
    }
}
