//! Running another program within a time: nothing on its stdin, its answer in a buffer that is wiped, and an end to it when the
//! time is over.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::store::environment::secret_variables;

use super::Outside;

/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// What a program answered; `None` when it ended badly.
///
/// # Errors
/// [`Error::Program`] when it cannot be started, or the time is over.
pub fn output(
    outside: &Outside<'_>,
    name: &'static str,
    program: &Path,
    args: &[&OsStr],
    limit: Duration,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let failed = |why: &str| Error::Program { program: name, why: why.to_owned() };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // No program that we start inherits the environment's tokens (R13).
    command.env_clear().envs(outside.environment.for_child(&secret_variables()));
    let mut child = command.spawn().map_err(|_| failed("it cannot be started"))?;
    let pipe = child.stdout.take();
    let (sender, receiver) = mpsc::sync_channel(1);
    let reader = thread::Builder::new().spawn(move || {
        // Reserved whole: a growing buffer would leave pieces behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
        let read = pipe.map(|pipe| pipe.take(LONGEST as u64).read_to_end(&mut bytes));
        let _ = sender.send(read.is_some_and(|read| read.is_ok()).then_some(bytes));
    });
    let end = Instant::now() + limit;
    let answer = reader.ok().and_then(|_| receiver.recv_timeout(limit).ok());
    let Some(answer) = answer else {
        stop(&mut child);
        return Err(failed(&format!("it did not answer within {} s", limit.as_secs())));
    };
    // It has closed its output; it may take a moment to end.
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(answer.filter(|_| status.success())),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            _ => {
                stop(&mut child);
                return Err(failed("it does not end"));
            }
        }
    }
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
