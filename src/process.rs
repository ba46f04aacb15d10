//! What a process that holds secrets does to itself first: no core dumps, not traceable by others of the same user (R11). How it
//! asks another program something without being held up by it. And, where a tool's protocol wants it, what it does about the
//! process that started it; and how `keyfob run` becomes the command that it starts. And what a shell may have set that would be in the
//! way of files.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::environment::Environment;

pub mod supervise;

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

/// The time in Unix seconds; a clock before 1970 counts as 1970.
#[must_use]
pub fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whether a file of these bytes may be written. Writing past the limit that a shell sets (`ulimit -f`) ends a program by a signal, in
/// the middle of the file and without a word.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`].
pub fn may_write(bytes: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
        if limit.is_some_and(|limit| bytes.len() as u64 > limit) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    #[cfg(not(unix))]
    let _ = bytes;
    Ok(())
}

/// Makes something under a mask that takes nothing from ourselves: one that is meant for files (`umask 177`) would shut us out of a
/// folder for good. What it takes from others, it still takes.
pub fn unmasked<T>(make: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let mask = {
        use rustix::fs::Mode;
        // It can only be read by setting it.
        let mask = rustix::process::umask(Mode::from_raw_mode(0o077));
        rustix::process::umask(mask - Mode::RWXU);
        mask
    };
    let made = make();
    #[cfg(unix)]
    rustix::process::umask(mask);
    made
}

/// A program that is to be started: it gets our environment but for the tokens in it (R13).
#[must_use]
pub fn child(program: impl AsRef<OsStr>, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.for_child());
    command
}

/// What a program writes to its standard output, however it ends; `None` if it has not ended its output within `limit`. Then it
/// is killed. It gets no input, and its errors are nobody's.
///
/// # Errors
/// When it cannot be started.
pub fn output_within(command: &mut Command, limit: Duration) -> io::Result<Option<Vec<u8>>> {
    let (mut child, text) = listen(command, limit, |mut out| {
        let mut text = Vec::new();
        out.read_to_end(&mut text).map(|_| text)
    })?;
    // One that has ended by itself is past killing.
    stop(&mut child);
    Ok(text)
}

/// What a program writes to its standard output when it ends well within `limit`, in a buffer that is wiped; otherwise `None`. It
/// gets no input, and its errors are nobody's.
///
/// # Errors
/// When it cannot be started; [`io::ErrorKind::TimedOut`] when the time was over, and it was killed.
pub fn secret_within(command: &mut Command, limit: Duration) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    /// The longest answer that holds a secret.
    const LONGEST: usize = 1 << 20;
    /// How long the output of a program that has ended is waited for: what it started in its turn may hold the pipe for hours.
    const GRACE: Duration = Duration::from_millis(500);
    let end = Instant::now() + limit;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let out = child.stdout.take();
    // Reserved whole: a growing buffer would leave pieces behind.
    let said = Arc::new(Mutex::new(Zeroizing::new(Vec::with_capacity(LONGEST))));
    let (begun, hears) = (Instant::now(), Arc::clone(&said));
    let reader = thread::Builder::new().spawn(move || {
        let mut piece = Zeroizing::new([0; 4096]);
        let Some(mut out) = out else { return };
        loop {
            match out.read(&mut *piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    let Ok(mut said) = hears.lock() else { return };
                    let room = LONGEST - said.len();
                    said.extend_from_slice(&piece[..read.min(room)]);
                }
            }
        }
    })?;
    let mut ended = None;
    loop {
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        match ended {
            Some((status, at)) if reader.is_finished() || at.elapsed() >= GRACE => {
                let said = said.lock().map(|mut said| std::mem::take(&mut *said)).unwrap_or_default();
                return Ok(Some(said).filter(|_| status.success()));
            }
            None if Instant::now() >= end => {
                stop(&mut child);
                return Err(io::ErrorKind::TimedOut.into());
            }
            // Most have ended after some milliseconds, the others take seconds.
            _ => thread::sleep(Duration::from_millis(if begun.elapsed() < GRACE { 2 } else { 20 })),
        }
    }
}

/// Starts a program and reads its standard output; `None` if it has not ended its output within `limit`.
fn listen<T: Send + 'static>(
    command: &mut Command,
    limit: Duration,
    read: impl FnOnce(ChildStdout) -> io::Result<T> + Send + 'static,
) -> io::Result<(Child, Option<T>)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let out = child.stdout.take();
    // A thread, because what the program starts in its turn may keep the pipe open after it is killed.
    let reader = thread::Builder::new().spawn(move || {
        let _ = sender.send(out.and_then(|out| read(out).ok()));
    });
    let text = reader.ok().and_then(|_| receiver.recv_timeout(limit).ok()).flatten();
    Ok((child, text))
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
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

/// Starts something with the limit of core dumps as it was when we were started. Until it is over, ours is off all the same: a process
/// that is not dumpable writes none.
fn with_our_first_limits<T>(start: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, setrlimit};
        if let Some(before) = CORE.get() {
            let _ = setrlimit(Resource::Core, *before);
        }
    }
    let started = start();
    harden();
    started
}

/// Runs this command to its end and returns its exit code: Windows has no way to become another program.
///
/// # Errors
/// Why it cannot be started.
#[cfg(not(unix))]
pub fn become_command(command: &mut Command) -> io::Result<i32> {
    Ok(command.status()?.code().unwrap_or(1))
}

/// Whether there is a process of this number. Where that cannot be asked without unsafe code (Windows), there always is: the end
/// of a pipe tells the same.
#[must_use]
pub fn lives(number: u32) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        use rustix::process::{Pid, test_kill_process};
        let id = i32::try_from(number).ok().and_then(Pid::from_raw);
        // Somebody else's is there too.
        id.is_some_and(|id| !matches!(test_kill_process(id), Err(error) if error != Errno::PERM))
    }
    #[cfg(not(unix))]
    {
        number != 0
    }
}

/// Ends this process at once, whatever its other threads wait for. Only for a conversation whose other end is gone.
#[expect(
    clippy::exit,
    reason = "a thread that waits for a store or for standard input cannot be called back"
)]
pub fn leave() {
    std::process::exit(0);
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_says_in_time_is_heard() {
        let heard = output_within(&mut sh("echo yes; echo no >&2; exit 3"), Duration::from_secs(30));
        assert_eq!(heard.unwrap().as_deref(), Some(b"yes\n".as_slice()));
        let silent = output_within(&mut sh("exit 1"), Duration::from_secs(30));
        assert_eq!(silent.unwrap().as_deref(), Some(b"".as_slice()));
        assert!(output_within(&mut Command::new("/no/such/program"), Duration::from_secs(30)).is_err());
    }

    #[test]
    fn a_secret_counts_only_when_the_program_ends_well_and_in_time() {
        let secret = |script: &str| secret_within(&mut sh(script), Duration::from_secs(30));
        assert_eq!(*secret("echo yes").unwrap().unwrap(), b"yes\n");
        assert!(secret("echo yes; exit 1").unwrap().is_none());
        let start = Instant::now();
        for script in ["echo yes; exec sleep 60", "exec >&-; exec sleep 60"] {
            let late = secret_within(&mut sh(script), Duration::from_millis(100));
            assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut, "{script}");
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn one_that_hangs_is_not_waited_for_even_if_what_it_started_holds_the_pipe() {
        for script in ["echo yes; exec sleep 60", "sleep 60 & echo yes; wait"] {
            let start = Instant::now();
            assert_eq!(output_within(&mut sh(script), Duration::from_millis(100)).unwrap(), None);
            assert!(start.elapsed() < Duration::from_secs(20), "{script}");
        }
    }
}
