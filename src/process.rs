//! What a process that holds secrets does to itself first: no core dumps, not traceable by others of the same user (R11); and how
//! `keyfob run` becomes the command that it starts, which has nothing of that.

use std::io;
use std::process::Command;

/// The limit of core dumps as it was when we were started.
#[cfg(unix)]
static CORE: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

/// Turns core dumps and tracing off. Failing is no reason to refuse the work: the limits of the machine are what they are.
pub fn harden() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let before = CORE.get_or_init(|| getrlimit(Resource::Core));
        // The hard limit stays, so that the soft one can be given back.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: before.maximum });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Becomes this command: the same process, so signals, the terminal and the exit code are its own. Returns only when that failed.
///
/// # Errors
/// Why it cannot be started.
#[cfg(unix)]
pub fn become_command(command: &mut Command) -> io::Result<i32> {
    use rustix::process::{Resource, setrlimit};
    if let Some(before) = CORE.get() {
        let _ = setrlimit(Resource::Core, *before);
    }
    // Whether it can be traced is not inherited: execve(2) makes it so again, and until then our secrets are still here.
    let error = std::os::unix::process::CommandExt::exec(command);
    harden();
    Err(error)
}

/// Runs this command to its end and returns its exit code: Windows has no way to become another program.
///
/// # Errors
/// Why it cannot be started.
#[cfg(not(unix))]
pub fn become_command(command: &mut Command) -> io::Result<i32> {
    Ok(command.status()?.code().unwrap_or(1))
}
