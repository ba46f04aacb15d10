//! What a process that holds secrets does to itself first: no core dumps, not traceable by others of the same user (R11). How it
//! asks another program something without being held up by it. And, where a tool's protocol wants it, what it does about the
//! process that started it.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Turns core dumps and tracing off. Failing is no reason to refuse the work: the limits of the machine are what they are.
pub fn harden() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let hard = getrlimit(Resource::Core).maximum;
        // The hard limit stays, so that `run` can give the soft one back to the command that it starts.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: hard });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// What a program writes to its standard output, however it ends; `None` if it has not ended its output within `limit`. Then it
/// is killed. It gets no input, and its errors are nobody's.
///
/// # Errors
/// When it cannot be started.
pub fn output_within(command: &mut Command, limit: Duration) -> io::Result<Option<Vec<u8>>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let out = child.stdout.take();
    // A thread, because what the program starts in its turn may keep the pipe open after it is killed.
    let reader = thread::Builder::new().spawn(move || {
        // It may be a token: a buffer that grows leaves unwiped copies behind.
        let mut text = Vec::with_capacity(64 * 1024);
        let read = out.map(|mut out| out.read_to_end(&mut text));
        let _ = sender.send(read.is_some_and(|read| read.is_ok()).then_some(text));
    });
    let text = reader.ok().and_then(|_| receiver.recv_timeout(limit).ok()).flatten();
    // One that has ended by itself is past killing.
    let _ = child.kill();
    let _ = child.wait();
    Ok(text)
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
    use std::time::Instant;

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
    fn one_that_hangs_is_not_waited_for_even_if_what_it_started_holds_the_pipe() {
        for script in ["echo yes; exec sleep 60", "sleep 60 & echo yes; wait"] {
            let start = Instant::now();
            assert_eq!(output_within(&mut sh(script), Duration::from_millis(100)).unwrap(), None);
            assert!(start.elapsed() < Duration::from_secs(20), "{script}");
        }
    }
}
