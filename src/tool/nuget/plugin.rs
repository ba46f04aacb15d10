//! The threads of a conversation with NuGet. The one that came in asks the wallet, one question after the other, because a
//! wallet belongs to one thread. A second one reads, and never waits for the wallet. A third one tells NuGet that an answer
//! is still to come, and ends the process when NuGet is gone. What they have in common, the session and the way out, is
//! behind one lock, so that no line is torn and none follows the answer that closed its question.
//!
//! There are no panics here to be caught: the program is built to abort on one, and a lock that a panic left behind (in tests)
//! is used as it is. Standard output has whole lines of the protocol even then, since each is written at once.

use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::tool::Wire;
use crate::wallet::Wallet;

use super::frame::Lines;
use super::lookup::{SourceRequest, ask};
use super::others;
use super::session::{Effect, Session};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);

/// What the threads have in common.
struct Peer<'p> {
    state: Mutex<State<'p>>,
    /// NuGet's process, beside the lock: it is held while a line is written, which takes as long as nobody reads. 0 if not told.
    host: AtomicU32,
    /// Whether there is a process of this number.
    lives: fn(u32) -> bool,
    /// Ends the process, in a test only the conversation.
    leave: &'p (dyn Fn() + Sync),
}

struct State<'p> {
    session: Session,
    output: &'p mut (dyn Write + Send),
}

/// Talks with NuGet until one of both has enough.
pub(super) fn serve(
    wire: &mut Wire<'_>,
    wallet: &dyn Wallet,
    lives: fn(u32) -> bool,
    leave: &(dyn Fn() + Sync),
) {
    let (stderr_is_terminal, environment) = (wire.stderr_is_terminal, wire.environment);
    let state = State { session: Session::new(lives), output: &mut *wire.output };
    let input = &mut *wire.input;
    let peer = Peer { state: Mutex::new(state), host: AtomicU32::new(0), lives, leave };
    // Before all else: NuGet's patience with it is short and cannot be extended.
    peer.step(Session::begin);
    let (questions, asked) = channel();
    let (over, until) = channel();
    thread::scope(|scope| {
        // Without the first there is nobody at the other end of `asked`, and that was all; without the second an answer has to
        // come in time by itself, and mostly does.
        let _ = thread::Builder::new().spawn_scoped(scope, || read(input, &peer, questions));
        let _ = thread::Builder::new().spawn_scoped(scope, || keep_time(&peer, until));
        work(&peer, &asked, stderr_is_terminal, environment, wallet);
        drop(over);
    });
}

fn work(
    peer: &Peer<'_>,
    asked: &Receiver<SourceRequest>,
    stderr_is_terminal: bool,
    environment: &Environment,
    wallet: &dyn Wallet,
) {
    for question in asked {
        // NuGet may have cancelled it while it waited for the ones before it.
        if !peer.locked().session.awaits(&question.id) {
            continue;
        }
        let reply = ask(&question, stderr_is_terminal, wallet).beside(|| others::are_there(environment));
        peer.step(|session| session.reply(&question, &reply, Instant::now()));
    }
}

/// Returns, and lets go of `questions`, when there is nothing more to read.
fn read(input: &mut (dyn BufRead + Send), peer: &Peer<'_>, questions: Sender<SourceRequest>) {
    let mut lines = Lines::new(input);
    let mut more = true;
    while more && let Some(line) = lines.next() {
        let effects = peer.step(|session| session.on_line(line.bytes, &line.urls, Instant::now()));
        for effect in effects {
            match effect {
                // The other end only goes when this one has.
                Effect::Ask(question) => more &= questions.send(question).is_ok(),
                Effect::End => more = false,
                Effect::Send(_) | Effect::Exit => {}
            }
        }
    }
    peer.step(|session| session.end(Instant::now()));
}

/// Until the other end of `until` is gone.
fn keep_time(peer: &Peer<'_>, until: Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = until.recv_timeout(TICK) {
        let host = peer.host.load(Ordering::Relaxed);
        if host != 0 && !(peer.lives)(host) {
            (peer.leave)();
        }
        // While somebody writes, nobody needs to hear that we are still here.
        let state = match peer.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            Err(TryLockError::WouldBlock) => continue,
        };
        peer.do_step(state, |session| session.tick(Instant::now()));
    }
}

impl<'p> Peer<'p> {
    fn locked(&self) -> MutexGuard<'_, State<'p>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step of the session. What is to be said, is; what else is to be done comes back.
    fn step(&self, step: impl FnOnce(&mut Session) -> Vec<Effect>) -> Vec<Effect> {
        self.do_step(self.locked(), step)
    }

    fn do_step(
        &self,
        mut state: MutexGuard<'_, State<'p>>,
        step: impl FnOnce(&mut Session) -> Vec<Effect>,
    ) -> Vec<Effect> {
        let effects = step(&mut state.session);
        self.host.store(state.session.host().unwrap_or_default(), Ordering::Relaxed);
        for effect in &effects {
            let gone = match effect {
                Effect::Send(line) => {
                    state.output.write_all(line).and_then(|()| state.output.flush()).is_err()
                }
                Effect::Exit => true,
                Effect::Ask(_) | Effect::End => false,
            };
            if gone {
                (self.leave)();
            }
        }
        effects
    }
}
