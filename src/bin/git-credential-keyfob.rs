//! `git-credential-keyfob`, the program for tools: it speaks every tool's protocol, under its own name or any link's. What it does not
//! need is not linked in: no argument parser, HTTP client, TLS, importers or exporters (a test searches the program for them). So
//! answering a tool cannot use the network. With `keyfob`'s main, the only file that reads the process's environment and
//! arguments, and opens its standard streams.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use keyfob::call::{self, Call};
use keyfob::environment::Environment;
use keyfob::process::{harden, unix_time};
use keyfob::terminal::Stdin;
use keyfob::tool::{Input, Wire};

fn main() -> ExitCode {
    harden();
    let arguments: Vec<_> = std::env::args_os().collect();
    let environment =
        Environment::of_process(|name| std::env::var_os(name), || std::env::vars_os().collect());
    match Call::of(&arguments) {
        Some(call) if !call.is_a_question() => serve(&call, &environment),
        Some(call) => ExitCode::from(call::introduce(call.arguments(), &mut io::stdout(), &mut io::stderr())),
        None => {
            let words = arguments.get(1..).unwrap_or_default();
            ExitCode::from(call::introduce(words, &mut io::stdout(), &mut io::stderr()))
        }
    }
}

fn serve(call: &Call, environment: &Environment) -> ExitCode {
    let (mut input, mut output, mut notes) = (Input::new(Stdin), io::stdout(), io::stderr());
    let mut wire = Wire {
        input: &mut input,
        output: &mut output,
        notes: &mut notes,
        stdin_is_terminal: Stdin.is_terminal(),
        stderr_is_terminal: io::stderr().is_terminal(),
    };
    ExitCode::from(call.serve(&mut wire, environment, unix_time()))
}
