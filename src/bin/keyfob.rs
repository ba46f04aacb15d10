//! `keyfob`, the program for people: its first word selects a command. Under a tool's link, or with a tool's word or flag, it answers that
//! tool, as `git-credential-keyfob` does. With that program's main, the only file that reads the process's environment and
//! arguments, opens its standard streams, and exits.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keyfob::call::{self, Call};
use keyfob::command::{self, Context};
use keyfob::environment::Environment;
use keyfob::folders::Paths;
use keyfob::process::{harden, unix_time};
use keyfob::store::StoreContext;
use keyfob::store::vault::UnlockCache;
use keyfob::terminal::{About, Out, Stdin, Terminal, TerminalAsk};
use keyfob::tool::{Input, Wire};
use keyfob::wallet::LocalWallet;
use keyfob::wallet::stores::Machine;

fn main() -> ExitCode {
    harden();
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let environment =
        Environment::of_process(|name| std::env::var_os(name), || std::env::vars_os().collect());
    // A tool is found before any argument parser is built: this is the path that has to be short.
    if let Some(call) = Call::of(&arguments) {
        if call.is_a_question() {
            return ExitCode::from(call::introduce(call.arguments(), &mut io::stdout(), &mut io::stderr()));
        }
        return serve(&call, &environment);
    }
    let program = match arguments.first_mut() {
        Some(first) => PathBuf::from(std::mem::replace(first, OsString::from("keyfob"))),
        None => PathBuf::new(),
    };
    run_command(arguments, &program, &environment)
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

fn run_command(arguments: Vec<OsString>, program: &Path, environment: &Environment) -> ExitCode {
    let about = About::look(environment);
    let (mut out, mut err) = (Out::new(io::stdout()), io::stderr());
    let terminal = Terminal { out: &mut out, err: &mut err, about };
    let ask = TerminalAsk::for_command(environment, about.stderr);
    let unlocked = UnlockCache::default();
    // Without a home, the few commands that need none see the tokens of the environment, and the others end before they start.
    let paths = Paths::find(environment);
    let data = paths.as_ref().map(|paths| paths.data.clone()).unwrap_or_default();
    let store_context =
        StoreContext { unlocked: Some(&unlocked), ..StoreContext::new(&data, environment, &ask) };
    let stores = Machine { store_context };
    let wallet = match &paths {
        Ok(paths) => LocalWallet::new(&paths.data, paths.config.clone(), &stores, environment, unix_time()),
        Err(why) => LocalWallet::homeless(*why, &stores, environment, unix_time()),
    };
    // One that was deleted meanwhile has no path; nothing is found in it then.
    let folder = std::env::current_dir().unwrap_or_default();
    let mut context = Context {
        wallet: &wallet,
        stores: &stores,
        terminal,
        environment,
        data: data.clone(),
        homeless: paths.err(),
        program,
        folder,
        now: unix_time(),
        code: None,
    };
    let mut code = command::run(arguments, &mut context);
    if let Err(error) = out.finish() {
        Terminal { out: &mut io::sink(), err: &mut io::stderr(), about }.error(&error);
        code = if code == 0 { error.exit_code().into() } else { code };
    }
    u8::try_from(code).map_or_else(|_| end(code), ExitCode::from)
}

/// Ends with a code that only a program on Windows has: `run` passes it on.
#[expect(clippy::exit, reason = "ExitCode cannot say more than a byte")]
fn end(code: i32) -> ! {
    std::process::exit(code)
}
