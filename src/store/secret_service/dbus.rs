//! Just enough D-Bus to talk to the Secret Service: one connection, calls that go out together, their replies, one signal.
//!
//! Own code and no library, because that is what makes a `get` take three waits instead of five and lets the program be
//! linked statically. Calls gather in an outbox that is written when the first reply is wanted, together with the
//! login. A peer that sends rubbish gets [`Fault::Broken`], one that sends nothing gets [`Fault::Silent`] when the
//! deadline is over, which stands over everything that is done with a connection.
//! Deliberately absent: threads, serving calls, other transports than unix sockets. `wire.rs` has the bytes.
//!
//! Format and login: <https://dbus.freedesktop.org/doc/dbus-specification.html>.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use zeroize::Zeroizing;

use crate::environment::Environment;

use super::wire::{self, Message, Writer, append};

/// The bus itself, as a peer.
pub(super) const BUS: Peer<'_> = Peer {
    service: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
};

/// More signals than these are never waited past: the one that is wanted comes among the first.
const SIGNALS: usize = 1000;

/// What one read takes: an answer has some hundred bytes.
const CHUNK: usize = 1024;

/// How long an answer is looked for before it is waited for.
const WATCHED: Duration = Duration::from_micros(300);

/// Why a call gave no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The session bus cannot be used; in words.
    NoBus(&'static str),
    /// Nothing came before the deadline.
    Silent {
        /// How long we waited.
        waited: Duration,
    },
    /// Something came that is not D-Bus, or not what was asked for.
    Broken,
    /// An error was the answer; its D-Bus name.
    Refused(String),
}

/// What a call is addressed to.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    /// The bus name.
    pub(super) service: &'a str,
    /// The object.
    pub(super) path: &'a str,
    /// The interface.
    pub(super) interface: &'a str,
}

/// A connection with a deadline over everything that is done with it.
pub(super) struct Bus {
    stream: UnixStream,
    deadline: Instant,
    allowed: Duration,
    serial: u32,
    outbox: Zeroizing<Vec<u8>>,
    inbox: Zeroizing<Vec<u8>>,
    let_in: bool,
    kept: Vec<Message>,
}

impl Bus {
    /// Connects to the person's session bus. The login is only put into the outbox.
    pub(super) fn connect(environment: &Environment, allowed: Duration) -> Result<Bus, Fault> {
        let deadline = after(allowed);
        let mut stream = Err(Fault::NoBus("no session bus (DBUS_SESSION_BUS_ADDRESS names none)"));
        for address in addresses(environment) {
            stream = open(&address, deadline).map_err(|errno| match errno {
                Errno::AGAIN => silent(allowed),
                Errno::PERM => Fault::NoBus("the session bus belongs to another user"),
                _ => Fault::NoBus("the session bus cannot be reached"),
            });
            if stream.is_ok() {
                break;
            }
        }
        let (outbox, inbox) = Default::default();
        let (stream, kept) = (stream?, Vec::new());
        let mut bus = Bus { stream, deadline, allowed, serial: 0, outbox, inbox, let_in: false, kept };
        bus.log_in();
        Ok(bus)
    }

    /// SASL EXTERNAL: the kernel tells the bus who we are, we only have to claim it. BEGIN and Hello follow unasked.
    fn log_in(&mut self) {
        let user = rustix::process::geteuid().as_raw().to_string();
        let hex: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
        append(&mut self.outbox, format!("\0AUTH EXTERNAL {hex}\r\nBEGIN\r\n").as_bytes());
        self.call(&BUS, "Hello", "", &Writer::default());
    }

    /// From now on this much time is left.
    pub(super) fn allow(&mut self, time: Duration) {
        self.allowed = time;
        self.deadline = after(time);
    }

    /// Puts a call into the outbox and returns its serial number, for [`Bus::reply`].
    pub(super) fn call(&mut self, peer: &Peer<'_>, member: &str, signature: &str, body: &Writer) -> u32 {
        self.serial += 1;
        append(&mut self.outbox, &wire::call(self.serial, peer, member, signature, body).0);
        self.serial
    }

    /// Sends what is in the outbox and waits for the answer to the call with this serial number.
    pub(super) fn reply(&mut self, serial: u32) -> Result<Message, Fault> {
        let message = self.wait(|message| message.reply_to == Some(serial))?;
        match message.error {
            Some(name) => Err(Fault::Refused(name)),
            None => Ok(message),
        }
    }

    /// Waits for the signal `member` of the object `path`; the caller has asked the bus for it with AddMatch.
    pub(super) fn signal(&mut self, path: &str, member: &str) -> Result<Message, Fault> {
        self.wait(|message| {
            message.signal.as_ref().is_some_and(|(from, name)| from == path && name == member)
        })
    }

    fn wait(&mut self, wanted: impl Fn(&Message) -> bool) -> Result<Message, Fault> {
        self.flush()?;
        if let Some(at) = self.kept.iter().position(&wanted) {
            return Ok(self.kept.swap_remove(at));
        }
        loop {
            let message = self.receive()?;
            if wanted(&message) {
                return Ok(message);
            }
            // An answer to another call, which is wanted later, or a signal. Nobody answers more often than was asked, and few
            // signals come: anything above is a peer that would fill the memory until the deadline.
            if message.reply_to.is_some() || message.signal.is_some() {
                self.kept.push(message);
            }
            if self.kept.len() > SIGNALS + usize::try_from(self.serial).unwrap_or(usize::MAX - SIGNALS) {
                return Err(Fault::Broken);
            }
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let outbox = std::mem::take(&mut self.outbox);
        let mut rest = outbox.as_slice();
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?)).map_err(|_| Fault::Broken)?;
            let sent = self.stream.write(rest);
            rest = rest.get(self.moved(sent)?..).unwrap_or_default();
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Message, Fault> {
        loop {
            if !self.let_in {
                self.let_in = self.read_login()?;
            }
            if self.let_in
                && let Some(length) = wire::frame(&self.inbox)?.filter(|length| *length <= self.inbox.len())
            {
                let message = Message::parse(Zeroizing::new(self.inbox[..length].to_vec()));
                self.inbox.drain(..length);
                return message;
            }
            let mut chunk = Zeroizing::new([0; CHUNK]);
            let received = match self.watch(&mut chunk) {
                Some(received) => received,
                None => {
                    self.stream.set_read_timeout(Some(self.left()?)).map_err(|_| Fault::Broken)?;
                    self.stream.read(chunk.as_mut_slice())
                }
            };
            let length = self.moved(received)?;
            append(&mut self.inbox, chunk.get(..length).unwrap_or_default());
        }
    }

    /// Looks for an answer without going to sleep, for as long as one usually takes: a processor with nothing to do is put to sleep, and
    /// waking it takes as long again. Whoever else has work on this one comes first. `None`: it takes longer.
    fn watch(&self, chunk: &mut [u8; CHUNK]) -> Option<std::io::Result<usize>> {
        let begin = Instant::now();
        while begin.elapsed() < WATCHED {
            match net::recv(&self.stream, chunk.as_mut_slice(), net::RecvFlags::DONTWAIT) {
                Err(Errno::AGAIN) => std::thread::yield_now(),
                received => return Some(received.map(|(length, _)| length).map_err(Into::into)),
            }
        }
        None
    }

    /// Takes the answer to our login out of the inbox; false while its line is not complete.
    fn read_login(&mut self) -> Result<bool, Fault> {
        let Some(end) = self.inbox.windows(2).position(|pair| pair == b"\r\n") else {
            return if self.inbox.len() > 4096 { Err(Fault::Broken) } else { Ok(false) };
        };
        if !self.inbox.starts_with(b"OK ") {
            return Err(Fault::NoBus("the session bus does not let this user in"));
        }
        self.inbox.drain(..end + 2);
        Ok(true)
    }

    /// The time that is left, if any is.
    fn left(&self) -> Result<Duration, Fault> {
        if self.deadline <= Instant::now() { Err(silent(self.allowed)) } else { Ok(until(self.deadline)) }
    }

    /// How many bytes a read or write moved: none when it was interrupted, a fault when it was the last.
    fn moved(&self, outcome: std::io::Result<usize>) -> Result<usize, Fault> {
        match outcome {
            Ok(length @ 1..) => Ok(length),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(silent(self.allowed))
            }
            _ => Err(Fault::NoBus("the session bus closed the connection")),
        }
    }
}

fn silent(allowed: Duration) -> Fault {
    Fault::Silent { waited: allowed }
}

/// Where the session bus listens, in the order in which to try.
pub(super) fn addresses(environment: &Environment) -> Vec<SocketAddrUnix> {
    let runtime = environment.os("XDG_RUNTIME_DIR").map(|folder| [folder.as_bytes(), b"/bus"].concat());
    let default = || runtime.as_deref().and_then(|path| SocketAddrUnix::new(path).ok());
    let Some(list) = environment.os("DBUS_SESSION_BUS_ADDRESS") else {
        return default().into_iter().collect();
    };
    let one = |address: &[u8]| {
        address.strip_prefix(b"unix:")?.split(|byte| *byte == b',').find_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let value = unescape(pair.get(equals + 1..)?)?;
            match pair.get(..equals)? {
                b"path" => SocketAddrUnix::new(value).ok(),
                #[cfg(any(target_os = "linux", target_os = "android"))]
                b"abstract" => SocketAddrUnix::new_abstract_name(&value).ok(),
                b"runtime" if value == b"yes" => default(),
                _ => None,
            }
        })
    };
    list.as_bytes().split(|byte| *byte == b';').filter_map(one).collect()
}

/// Undoes `%20`; `None` when a `%` is not followed by two hexadecimal digits.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        let plain = if byte == b'%' { digit()? << 4 | digit()? } else { u32::from(byte) };
        bytes.push(u8::try_from(plain).ok()?);
    }
    Some(bytes)
}

/// The end of this much time; a day stands for anything longer, which no clock could overflow.
fn after(time: Duration) -> Instant {
    Instant::now() + time.min(Duration::from_secs(86_400))
}

/// The time until then; a socket would take zero for "for ever".
fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// Connects, within the time: a stopped bus with a full queue would block us. PERM: somebody else listens there.
fn open(address: &SocketAddrUnix, deadline: Instant) -> rustix::io::Result<UnixStream> {
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(until(deadline)))?;
    net::connect(&socket, address)?;
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
