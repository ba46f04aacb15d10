//! What a process that holds secrets does to itself first: no core dumps, not traceable by others of the same user (R11).

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
