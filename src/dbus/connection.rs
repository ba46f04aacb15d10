//! One connection to the session bus, with a deadline over everything that is done with it.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{self, Errno};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::percent;
use crate::secret_bytes::{Bytes, append};

use super::message::{self, Fill, Message};
use super::{BUS, Error, LIMIT, Peer};

/// More messages than these that nobody asked for are never waited past: a signal that is wanted comes among the first.
const STRAYS: usize = 1000;

/// What one read takes: an answer has some hundred bytes.
const CHUNK: usize = 1024;

/// How long an answer is looked for before it is waited for.
const WATCHED: Duration = Duration::from_micros(300);

/// What came, or why nothing did.
type Answer = Result<Message, Error>;

/// A connection with a deadline over everything that is done with it.
pub(crate) struct Bus {
    stream: UnixStream,
    deadline: Instant,
    allowed: Duration,
    serial: usize,
    outbox: Bytes,
    inbox: Bytes,
    let_in: bool,
    kept: Vec<Message>,
    kept_bytes: usize,
}

impl Bus {
    /// Connects to the person's session bus. The login is only put into the outbox.
    pub(crate) fn connect(environment: &Environment, allowed: Duration) -> Result<Bus, Error> {
        let deadline = Instant::now() + allowed;
        let mut stream = Err(Error::NoBus("no session bus (DBUS_SESSION_BUS_ADDRESS names none)"));
        for address in addresses(environment) {
            stream = open(&address, deadline).map_err(|errno| match errno {
                Errno::AGAIN => Error::Silent { waited: allowed },
                Errno::PERM => Error::NoBus("the session bus belongs to another user"),
                _ => Error::NoBus("the session bus cannot be reached"),
            });
            if stream.is_ok() {
                break;
            }
        }
        let (outbox, inbox) = Default::default();
        let (stream, kept) = (stream?, Vec::new());
        let mut bus =
            Bus { stream, deadline, allowed, serial: 0, outbox, inbox, let_in: false, kept, kept_bytes: 0 };
        bus.log_in();
        Ok(bus)
    }

    /// SASL EXTERNAL: the kernel tells the bus who we are, we only have to claim it. BEGIN and Hello follow unasked.
    fn log_in(&mut self) {
        let user = rustix::process::geteuid().as_raw().to_string();
        let hex: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
        append(&mut self.outbox, format!("\0AUTH EXTERNAL {hex}\r\nBEGIN\r\n").as_bytes());
        self.call(&BUS, "Hello", "", &|_| ());
    }

    /// From now on this much time is left.
    pub(crate) fn allow(&mut self, time: Duration) {
        self.allowed = time;
        self.deadline = Instant::now() + time;
    }

    /// Puts a call, whose body `fill` writes, into the outbox and returns its serial number, for [`Bus::reply`].
    pub(crate) fn call(&mut self, peer: &Peer<'_>, member: &str, signature: &str, fill: Fill<'_>) -> usize {
        self.serial += 1;
        append(&mut self.outbox, &message::call(self.serial, peer, member, signature, fill));
        self.serial
    }

    /// Sends what is in the outbox and waits for the answer to the call with this serial number.
    pub(crate) fn reply(&mut self, serial: usize) -> Answer {
        let message = self.wait(|message| message.reply_to == Some(serial))?;
        match message.error {
            Some(name) => Err(Error::Refused(name)),
            None => Ok(message),
        }
    }

    /// As [`Bus::reply`], but gives up after this time. The answer may be waited for again.
    pub(crate) fn reply_within(&mut self, serial: usize, time: Duration) -> Answer {
        let deadline = self.deadline;
        self.deadline = deadline.min(Instant::now() + time);
        let reply = self.reply(serial);
        self.deadline = deadline;
        reply
    }

    /// A call and its answer.
    pub(crate) fn ask(&mut self, peer: &Peer<'_>, member: &str, types: &str, fill: Fill<'_>) -> Answer {
        let call = self.call(peer, member, types, fill);
        self.reply(call)
    }

    /// Waits for the signal `member` of the object `path`; the caller has asked the bus for it with AddMatch.
    pub(crate) fn signal(&mut self, path: &str, member: &str) -> Answer {
        self.wait(|message| message.signal.as_ref().is_some_and(|signal| *signal == [path, member]))
    }

    fn wait(&mut self, wanted: impl Fn(&Message) -> bool) -> Answer {
        self.flush()?;
        loop {
            if let Some(at) = self.kept.iter().position(&wanted) {
                let message = self.kept.swap_remove(at);
                self.kept_bytes -= message.length();
                return Ok(message);
            }
            // Answers to other calls, which are wanted later, and signals. Nobody answers more often than was asked, and few signals
            // come, and short ones: anything above is a peer that would fill the memory until the deadline.
            if self.kept.len() > STRAYS + self.serial || self.kept_bytes > LIMIT {
                return Err(Error::Broken);
            }
            let message = self.receive()?;
            self.kept_bytes += message.length();
            self.kept.push(message);
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let outbox = std::mem::take(&mut self.outbox);
        let mut rest = outbox.as_slice();
        while !rest.is_empty() {
            let flags = net::SendFlags::DONTWAIT | net::SendFlags::NOSIGNAL;
            let sent = self.moved(PollFlags::OUT, || net::send(&self.stream, rest, flags))?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    fn receive(&mut self) -> Answer {
        loop {
            if !self.let_in {
                self.let_in = self.read_login()?;
            }
            let frame = if self.let_in { message::frame(&self.inbox)? } else { None };
            if let Some(length) = frame {
                let rest = Bytes::new(self.inbox.split_off(length));
                return Message::parse(std::mem::replace(&mut self.inbox, rest));
            }
            let mut chunk = Zeroizing::new([0; CHUNK]);
            let length = self.moved(PollFlags::IN, || {
                Ok(net::recv(&self.stream, chunk.as_mut_slice(), net::RecvFlags::DONTWAIT)?.1)
            })?;
            append(&mut self.inbox, chunk.get(..length).unwrap_or_default());
        }
    }

    /// Tries to move bytes until some moved, and never past the deadline, however many small pieces come. It does so without going
    /// to sleep for as long as an answer usually takes: a processor with nothing to do is put to sleep, and waking it takes as long
    /// again. Whoever else has work on this one comes first.
    fn moved(
        &self,
        ready: PollFlags,
        mut attempt: impl FnMut() -> io::Result<usize>,
    ) -> Result<usize, Error> {
        let begin = Instant::now();
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                return Err(Error::Silent { waited: self.allowed });
            }
            match attempt() {
                Ok(length @ 1..) => return Ok(length),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if now - begin < WATCHED => std::thread::yield_now(),
                Err(Errno::AGAIN) => {
                    let left = Timespec::try_from(self.deadline - now).unwrap_or_default();
                    // What came of it, the next attempt shows.
                    let _ = poll(&mut [PollFd::new(&self.stream, ready)], Some(&left));
                }
                _ => return Err(Error::NoBus("the session bus closed the connection")),
            }
        }
    }

    /// Takes the answer to our login out of the inbox; false while its line is not complete.
    fn read_login(&mut self) -> Result<bool, Error> {
        let Some(end) = self.inbox.windows(2).position(|pair| pair == b"\r\n") else {
            return if self.inbox.len() > 4096 { Err(Error::Broken) } else { Ok(false) };
        };
        if !self.inbox.starts_with(b"OK ") {
            return Err(Error::NoBus("the session bus does not let this user in"));
        }
        self.inbox.drain(..end + 2);
        Ok(true)
    }
}

/// Where the session bus listens, in the order in which to try.
pub(crate) fn addresses(environment: &Environment) -> Vec<SocketAddrUnix> {
    let runtime = environment.os("XDG_RUNTIME_DIR").map(|folder| [folder.as_bytes(), b"/bus"].concat());
    let default = || runtime.as_deref().and_then(|path| SocketAddrUnix::new(path).ok());
    let Some(list) = environment.os("DBUS_SESSION_BUS_ADDRESS") else {
        return default().into_iter().collect();
    };
    let one = |address: &[u8]| {
        address.strip_prefix(b"unix:")?.split(|byte| *byte == b',').find_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let value = percent::decode(pair.get(equals + 1..)?)?;
            match pair.get(..equals)? {
                b"path" => SocketAddrUnix::new(value.as_slice()).ok(),
                #[cfg(any(target_os = "linux", target_os = "android"))]
                b"abstract" => SocketAddrUnix::new_abstract_name(&value).ok(),
                b"runtime" if *value == b"yes" => default(),
                _ => None,
            }
        })
    };
    list.as_bytes().split(|byte| *byte == b';').filter_map(one).collect()
}

/// Connects, within the time: a stopped bus with a full queue would block us. PERM: somebody else listens there.
fn open(address: &SocketAddrUnix, deadline: Instant) -> io::Result<UnixStream> {
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Who is stopped meanwhile (Ctrl-Z) and goes on begins again, with the time that is left.
    io::retry_on_intr(|| {
        // Zero would be "for ever".
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(left))?;
        net::connect(&socket, address)
    })?;
    // The address may be a left-over of an old session, and anyone may listen there now.
    #[cfg(target_os = "linux")]
    {
        let peer = sockopt::socket_peercred(&socket)?.uid;
        if peer != rustix::process::geteuid() && !peer.is_root() {
            return Err(Errno::PERM);
        }
    }
    Ok(UnixStream::from(socket))
}
