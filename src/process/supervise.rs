//! Staying the parent of a command as if one were not there: signals reach it, it stops and goes on with us, and its end is ours.
//!
//! The command is in our process group. What the terminal sends (Ctrl-C, Ctrl-Z, Ctrl-\, a hang-up) it gets by itself, so only what
//! another process sends to us alone is passed on. We stop when it has stopped, so that a shell sees what it would see without us.
//! Deliberately absent: a process group or terminal of its own for the command.

use std::io;
use std::process::{Child, Command};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A command that was started.
pub struct Supervised {
    child: Child,
    #[cfg(unix)]
    signals: Option<unix::Forwarding>,
}

/// Starts a command with the limits that we were started with.
///
/// # Errors
/// Why it cannot be started.
pub fn start(command: &mut Command) -> io::Result<Supervised> {
    // Before it is started: from then on a Ctrl-C is its own business.
    #[cfg(unix)]
    let signals = unix::Forwarding::start().ok();
    let child = super::with_our_first_limits(|| command.spawn())?;
    #[cfg(unix)]
    if let Some(signals) = &signals {
        signals.to(child.id());
    }
    Ok(Supervised {
        child,
        #[cfg(unix)]
        signals,
    })
}

impl Supervised {
    /// Waits for the end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn wait(mut self) -> io::Result<End> {
        #[cfg(unix)]
        {
            let end = unix::wait(self.child.id());
            drop(self.signals.take());
            end
        }
        #[cfg(not(unix))]
        Ok(End::Code(self.child.wait()?.code().unwrap_or(1)))
    }
}

/// Ends this process as the command ended, where that was by a signal; returns the exit code otherwise, or where that fails.
#[must_use]
pub fn end_like(end: End) -> i32 {
    match end {
        End::Code(code) => code,
        End::Signal(signal) => {
            #[cfg(unix)]
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            // As a shell says it.
            128 + signal
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;

    use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
    use signal_hook::consts::{
        SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
    };
    use signal_hook::iterator::exfiltrator::WithOrigin;
    use signal_hook::iterator::{Handle, SignalsInfo};

    use super::End;

    /// What is passed on, when a process sends it to us.
    const PASSED_ON: [i32; 9] =
        [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGUSR1, SIGUSR2, SIGWINCH];

    /// Signals on their way to the command, until this is dropped.
    pub(super) struct Forwarding {
        handle: Handle,
        target: Arc<Mutex<Target>>,
    }

    /// Whom they are for.
    enum Target {
        /// The command is being started: these came meanwhile.
        Soon(Vec<Signal>),
        /// The command.
        Is(Pid),
        /// It is over.
        Nobody,
    }

    impl Target {
        fn send(&mut self, signal: Signal) {
            match self {
                Target::Soon(signals) => signals.push(signal),
                Target::Is(command) => drop(kill_process(*command, signal)),
                Target::Nobody => {}
            }
        }
    }

    impl Forwarding {
        pub(super) fn start() -> io::Result<Forwarding> {
            let ignored = ignored();
            let signals = PASSED_ON.iter().filter(|signal| ignored & (1 << (**signal - 1)) == 0);
            let mut signals = SignalsInfo::<WithOrigin>::new(signals)?;
            let (handle, target) = (signals.handle(), Arc::new(Mutex::new(Target::Soon(Vec::new()))));
            let shared = Arc::clone(&target);
            thread::Builder::new().name("signals".to_owned()).spawn(move || {
                for origin in &mut signals {
                    // What comes from the terminal, the command has, too.
                    if origin.process.is_none_or(|sender| sender.pid == 0) {
                        continue;
                    }
                    if let Some(signal) = Signal::from_named_raw(origin.signal) {
                        shared.lock().unwrap_or_else(PoisonError::into_inner).send(signal);
                    }
                }
            })?;
            Ok(Forwarding { handle, target })
        }

        pub(super) fn to(&self, child: u32) {
            let command = i32::try_from(child).ok().and_then(Pid::from_raw);
            let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
            let next = command.map_or(Target::Nobody, Target::Is);
            if let Target::Soon(signals) = std::mem::replace(&mut *target, next) {
                signals.into_iter().for_each(|signal| target.send(signal));
            }
        }
    }

    impl Drop for Forwarding {
        fn drop(&mut self) {
            *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Target::Nobody;
            self.handle.close();
        }
    }

    /// The signals that are ignored here, a bit each: `nohup` and shells without job control start programs so, and the command is to
    /// find them so, too. Only Linux tells.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
    }

    pub(super) fn wait(child: u32) -> io::Result<End> {
        let child = i32::try_from(child).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        loop {
            let status = match waitpid(Some(child), WaitOptions::UNTRACED) {
                Err(rustix::io::Errno::INTR) | Ok(None) => continue,
                other => other?,
            };
            let Some((_, status)) = status else { continue };
            if status.stopped() {
                let _ = kill_process(getpid(), Signal::STOP);
                continue;
            }
            if let Some(code) = status.exit_status() {
                return Ok(End::Code(code));
            }
            if let Some(signal) = status.terminating_signal() {
                return Ok(End::Signal(signal));
            }
        }
    }
}
