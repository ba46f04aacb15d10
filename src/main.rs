//! The program: its name and arguments select a tool or a command; the exit code is theirs. The only file that reads the
//! process's environment and arguments, opens its standard streams, and exits.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyfob::command::{self, Context};
use keyfob::environment::Environment;
use keyfob::folders::Paths;
use keyfob::store::Opening;
use keyfob::terminal::{About, Out, PATIENCE, Stdin, Terminal, TerminalAsk};
use keyfob::tool::{self, Input, Tool, Wire};
use keyfob::wallet::UnavailableWallet;
use keyfob::wallet::stores::Machine;
use keyfob::wallet::{LocalWallet, Wallet};

/// musl's own maps memory in small pieces and keeps what it knows of each block apart, which is a tenth of the shortest call.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    keyfob::process::harden();
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let environment =
        Environment::of_process(|name| std::env::var_os(name), || std::env::vars_os().collect());
    let program = PathBuf::from(arguments.first().cloned().unwrap_or_default());
    // A tool is found before any argument parser is built: this is the path that has to be short.
    let first = arguments.get(1).and_then(|word| word.to_str());
    if let Some(tool) = first.and_then(tool::by_first_argument) {
        return serve_tool(tool, arguments.get(1..).unwrap_or_default(), &environment);
    }
    if let Some(tool) = by_program_name(&program) {
        let held = program.file_name().and_then(|name| tool::argument_of_link(name.to_str()?));
        if let (Some(held), Some(name)) = (held, arguments.first_mut()) {
            *name = held.into();
            return serve_tool(tool, &arguments, &environment);
        }
        return serve_tool(tool, arguments.get(1..).unwrap_or_default(), &environment);
    }
    if let Some(tool) = first.and_then(tool::by_name).filter(|tool| tool.serve.is_some()) {
        return serve_tool(tool, arguments.get(2..).unwrap_or_default(), &environment);
    }
    if let Some(first) = arguments.first_mut() {
        *first = OsString::from("keyfob");
    }
    run_command(arguments, &program, &environment)
}

fn by_program_name(program: &Path) -> Option<&'static Tool> {
    tool::by_link(program.file_name()?.to_str()?).filter(|tool| tool.serve.is_some())
}

fn serve_tool(tool: &Tool, arguments: &[OsString], environment: &Environment) -> ExitCode {
    let (by_hand, person_watches) = (Stdin.is_terminal(), io::stderr().is_terminal());
    let (mut input, mut output, mut notes) = (Input::new(Stdin), io::stdout(), io::stderr());
    let mut wire =
        Wire { input: &mut input, output: &mut output, notes: &mut notes, by_hand, person_watches };
    let mut serve = |wallet: &dyn Wallet| {
        ExitCode::from(tool.serve.map_or(0, |serve| serve(arguments, &mut wire, wallet)))
    };
    let Ok(paths) = Paths::find(environment) else { return serve(&UnavailableWallet { environment }) };
    let ask = TerminalAsk::for_tool(environment, person_watches);
    let stores = Machine { opening: opening(&paths, environment, &ask) };
    serve(&LocalWallet::new(&paths.data, paths.config, &stores, environment, now()))
}

fn run_command(arguments: Vec<OsString>, program: &Path, environment: &Environment) -> ExitCode {
    let about = About::look(environment);
    let (mut out, mut err) = (Out::new(io::stdout()), io::stderr());
    let mut terminal = Terminal { out: &mut out, err: &mut err, about };
    let paths = match Paths::find(environment) {
        Ok(paths) => paths,
        Err(error) => {
            terminal.error(&error);
            return ExitCode::from(error.exit_code());
        }
    };
    let ask = TerminalAsk::for_command(environment, about.stderr);
    let stores = Machine { opening: opening(&paths, environment, &ask) };
    let wallet = LocalWallet::new(&paths.data, paths.config.clone(), &stores, environment, now());
    let data = paths.data.clone();
    // One that was deleted meanwhile has no path; nothing is found in it then.
    let folder = std::env::current_dir().unwrap_or_default();
    let mut context = Context {
        wallet: &wallet,
        stores: &stores,
        terminal,
        environment,
        data,
        program,
        folder,
        now: now(),
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

fn opening<'a>(paths: &Paths, environment: &'a Environment, ask: &'a TerminalAsk<'a>) -> Opening<'a> {
    // R9: three seconds, or what the person set; while a person is being asked, a minute.
    let wish = environment.text("KEYFOB_TIMEOUT").and_then(|text| text.parse::<f64>().ok());
    let seconds = wish.filter(|seconds| (0.05..=600.0).contains(seconds)).unwrap_or(3.0);
    Opening {
        data: paths.data.clone(),
        timeout: Duration::from_secs_f64(seconds),
        prompt_timeout: PATIENCE,
        environment,
        ask,
    }
}

/// Unix seconds; a clock before 1970 counts as 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
