//! What a process that holds secrets does to itself: no core dumps, not traceable by others of the same user (R11); and, where
//! a tool's protocol wants it, what it does about the process that started it.

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
