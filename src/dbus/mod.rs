//! Just enough D-Bus to ask a service: one connection, calls that go out together, their replies, one signal.
//!
//! Own code and no library: a library opens a session first, of which GNOME Keyring can die (see the Secret Service's client), and
//! its deadlines do not cover the login. Calls gather in an outbox that is written when the first reply is wanted, together with the
//! login. A peer that sends rubbish gets [`Error::Broken`], one that sends nothing gets [`Error::Silent`] when the deadline is over.
//! Deliberately absent: threads, serving calls, other transports than unix sockets.
//!
//! Format and login: <https://dbus.freedesktop.org/doc/dbus-specification.html>.

use std::time::Duration;

mod connection;
mod message;
mod reader;

pub(crate) use connection::Bus;
#[cfg(test)]
pub(crate) use connection::addresses;
#[cfg(test)]
pub(crate) use message::frame;
pub(crate) use message::{Message, Writer};

/// Longer messages are refused: ours are a few hundred bytes, a token at most some kilobytes.
const LIMIT: usize = 16 << 20;

/// The bus itself, as a peer.
pub(crate) const BUS: Peer<'_> = Peer {
    service: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
};

/// Why a call gave no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
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
pub(crate) struct Peer<'a> {
    /// The bus name.
    pub(crate) service: &'a str,
    /// The object.
    pub(crate) path: &'a str,
    /// The interface.
    pub(crate) interface: &'a str,
}
