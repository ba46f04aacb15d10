//! The threads of a conversation: what is done at a time, and what becomes of it when the other side is slow or gone.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::remote::Remote;
use crate::secret::Secret;
use crate::tool::Input;
use crate::tool::tests::wire;
use crate::wallet::{Erased, LoggedOut, Lookup, NewCredential, PromptPolicy, Query, Stored, Wallet};

use super::super::plugin;
use super::{FEED, question, request};

/// A wallet whose `get` is the test's.
struct Odd<F: Fn(&Query) -> Result<Lookup, Error>>(F);

impl<F: Fn(&Query) -> Result<Lookup, Error>> Wallet for Odd<F> {
    fn get(&self, query: &Query) -> Result<Lookup, Error> {
        (self.0)(query)
    }
    fn store(&self, _: &Query, _: NewCredential) -> Result<Stored, Error> {
        panic!("NuGet stores nothing")
    }
    fn erase(&self, _: &Query, _: Option<&Secret>) -> Result<Erased, Error> {
        panic!("NuGet erases nothing")
    }
    fn logout(&self, _: &Query) -> Result<LoggedOut, Error> {
        panic!("NuGet forgets nothing")
    }
    fn displace(&self, _: &Query) -> Result<(), Error> {
        panic!("NuGet stores nothing")
    }
    fn places(&self) -> Result<Vec<(String, Remote)>, Error> {
        panic!("NuGet lists nothing")
    }
}

/// Standard input as a pipe that a test feeds.
struct Pipe(Receiver<Vec<u8>>, Vec<u8>);

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or_default();
        }
        let length = self.1.len().min(out.len());
        out[..length].copy_from_slice(&self.1.drain(..length).collect::<Vec<_>>());
        Ok(length)
    }
}

/// Standard output as lines that a test waits for.
struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "whole lines: {line:?}");
        self.0.send(line).map_err(|_| io::ErrorKind::BrokenPipe.into()).map(|()| bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_wallet_is_not_touched_before_a_question_and_others_are_answered_while_it_works() {
    let (feed, input) = channel();
    let (output, lines) = channel::<String>();
    let (asked, go_on) = (channel(), channel::<()>());
    let (tell, told) = asked;
    let test = std::thread::spawn(move || {
        let say = |text: String| feed.send(text.into_bytes()).unwrap();
        let hear = || lines.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(hear().contains("Handshake"));
        for method in ["GetOperationClaims", "SetLogLevel", "Initialize"] {
            say(request("r", method, "{}"));
            assert!(hear().contains(method));
        }
        assert!(told.try_recv().is_err(), "the wallet was not asked yet");
        say(question("q", FEED, false));
        told.recv_timeout(Duration::from_secs(30)).unwrap();
        // The wallet works now. NuGet hears so, and other requests get their answer.
        say(request("during", "SetLogLevel", "{}"));
        assert!(hear().contains("during"));
        assert!(hear().contains("Progress"));
        say("{\"RequestId\":\"q\",\"Type\":\"Cancel\",\"Method\":\"GetAuthenticationCredentials\"}\n"
            .to_owned());
        assert!(hear().contains("Cancel"));
        go_on.0.send(()).unwrap();
        drop(feed);
        assert!(lines.recv_timeout(Duration::from_secs(30)).is_err(), "nothing follows the Cancel");
    });
    let wallet = Odd(|query: &Query| {
        assert_eq!(query.prompts, PromptPolicy::Never);
        tell.send(()).unwrap();
        go_on.1.recv().unwrap();
        Err(Error::NoHome)
    });
    let (mut input, mut output, mut notes) = (Input::new(Pipe(input, Vec::new())), Lines(output), Vec::new());
    let mut wire = wire(&mut input, &mut output, &mut notes);
    plugin::serve(&mut wire, &wallet, |_| true, &|| panic!("nobody left"));
    drop(output);
    test.join().unwrap();
}

#[test]
fn whoever_is_gone_is_left() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let left = AtomicUsize::new(0);
    let (mut input, mut output, mut notes) = (io::empty(), Gone, Vec::new());
    let mut wire = wire(&mut input, &mut output, &mut notes);
    let wallet = Odd(|_: &Query| Err(Error::NoHome));
    plugin::serve(&mut wire, &wallet, |_| true, &|| {
        left.fetch_add(1, Ordering::SeqCst);
    });
    assert!(left.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_host_that_is_gone_is_noticed_while_nobody_reads() {
    static ALIVE: AtomicBool = AtomicBool::new(true);
    /// Takes what it is given until it has told that the host is watched; then the pipe is full.
    struct Full<'l>(&'l AtomicUsize, bool);
    impl Write for Full<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let start = Instant::now();
            if self.1 {
                ALIVE.store(false, Ordering::SeqCst);
            }
            while self.1 && self.0.load(Ordering::SeqCst) == 0 {
                assert!(start.elapsed() < Duration::from_secs(30), "it still waits for a reader");
                std::thread::sleep(Duration::from_millis(5));
            }
            self.1 |= String::from_utf8_lossy(bytes).contains("MonitorNuGetProcessExit");
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let left = AtomicUsize::new(0);
    let input =
        request("m", "MonitorNuGetProcessExit", "{\"ProcessId\":7}") + &request("r", "SetLogLevel", "{}");
    let (mut bytes, mut output, mut notes) = (input.as_bytes(), Full(&left, false), Vec::new());
    let mut wire = wire(&mut bytes, &mut output, &mut notes);
    let wallet = Odd(|_: &Query| Err(Error::NoHome));
    plugin::serve(&mut wire, &wallet, |_| ALIVE.load(Ordering::SeqCst), &|| {
        left.fetch_add(1, Ordering::SeqCst);
    });
    assert!(left.load(Ordering::SeqCst) > 0);
}

#[test]
fn what_is_cancelled_while_it_waits_for_others_is_not_asked() {
    let (feed, input) = channel();
    let (output, lines) = channel::<String>();
    let (tell, told) = channel();
    let (go, go_on) = channel::<()>();
    let test = std::thread::spawn(move || {
        let say = |text: String| feed.send(text.into_bytes()).unwrap();
        say(question("q1", FEED, false));
        told.recv_timeout(Duration::from_secs(30)).unwrap();
        say(question("q2", FEED, false));
        say("{\"RequestId\":\"q2\",\"Type\":\"Cancel\",\"Method\":\"GetAuthenticationCredentials\"}\n"
            .to_owned());
        while !lines.recv_timeout(Duration::from_secs(30)).unwrap().contains("Cancel") {}
        go.send(()).unwrap();
        drop(feed);
        let rest: Vec<String> = lines.into_iter().collect();
        assert!(rest.iter().all(|line| line.contains("\"q1\"")), "{rest:?}");
    });
    let asked = Cell::new(0);
    let wallet = Odd(|_: &Query| {
        asked.set(asked.get() + 1);
        tell.send(()).unwrap();
        go_on.recv().unwrap();
        Err(Error::NoHome)
    });
    let (mut input, mut output, mut notes) = (Input::new(Pipe(input, Vec::new())), Lines(output), Vec::new());
    let mut wire = wire(&mut input, &mut output, &mut notes);
    plugin::serve(&mut wire, &wallet, |_| true, &|| panic!("nobody left"));
    drop(output);
    test.join().unwrap();
    assert_eq!(asked.get(), 1);
}

#[test]
fn a_panic_leaves_nothing_but_whole_lines_on_standard_output() {
    let asked = Cell::new(0);
    let wallet = Odd(|_: &Query| {
        asked.set(asked.get() + 1);
        panic!("a fault of ours")
    });
    let input = request("i", "Initialize", "{}") + &question("q", FEED, false);
    let (mut bytes, mut output, mut notes) = (input.as_bytes(), Vec::new(), Vec::new());
    let mut wire = wire(&mut bytes, &mut output, &mut notes);
    let serve = std::panic::AssertUnwindSafe(|| plugin::serve(&mut wire, &wallet, |_| true, &|| {}));
    assert!(std::panic::catch_unwind(serve).is_err());
    assert_eq!(asked.get(), 1);
    let text = String::from_utf8(output).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() >= 1);
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}
