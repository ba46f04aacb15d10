//! The scripted peer: what it is told to answer, and in which pieces.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;

use super::super::super::{NoTerminal, Prompter};
use super::super::*;
use crate::dbus::{Writer, frame};
use crate::environment::Environment;
use crate::secret_bytes::append;

/// A peer and the calls it got: each with how many bytes had already come behind it.
pub(super) struct Peer {
    folder: tempfile::TempDir,
    thread: JoinHandle<Vec<(String, usize)>>,
}

/// A peer that lets us in, and for each call sends what `answer` makes of member and serial number, `piece` bytes at a time.
pub(super) fn peer(piece: usize, mut answer: impl FnMut(&str, usize) -> Vec<u8> + Send + 'static) -> Peer {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("bus")).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut calls = Vec::new();
        let mut inbox = Vec::new();
        let mut let_in = false;
        loop {
            let mut chunk = [0; 4096];
            // A client that gives up closes.
            let Ok(length @ 1..) = stream.read(&mut chunk) else { return calls };
            inbox.extend_from_slice(&chunk[..length]);
            if !let_in {
                let Some(at) = find(&inbox, b"BEGIN\r\n") else { continue };
                inbox.drain(..at + 7);
                let_in = true;
                stream.write_all(b"OK 0123456789abcdef\r\n").unwrap();
            }
            while let Some(length) = frame(&inbox).unwrap() {
                let call: Vec<u8> = inbox.drain(..length).collect();
                let serial = usize::try_from(u32::from_ne_bytes(call[8..12].try_into().unwrap())).unwrap();
                // The header field 3 is the member.
                let at = find(&call, &[3, 1, b's', 0]).unwrap() + 4;
                let end = at
                    + 4
                    + usize::try_from(u32::from_ne_bytes(call[at..at + 4].try_into().unwrap())).unwrap();
                let member = String::from_utf8(call[at + 4..end].to_vec()).unwrap();
                let answer = answer(&member, serial);
                calls.push((member, inbox.len()));
                for piece in answer.chunks(piece) {
                    if stream.write_all(piece).is_err() {
                        return calls;
                    }
                }
            }
        }
    });
    Peer { folder, thread }
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

impl Peer {
    /// Does something with a store that talks to this peer; what came of it, and the calls.
    pub(super) fn with<T>(
        self,
        more: &[(&str, &str)],
        work: impl FnOnce(&dyn Store) -> T,
    ) -> (T, Vec<(String, usize)>) {
        self.asking(&NoTerminal, more, work)
    }

    pub(super) fn asking<T>(
        self,
        ask: &dyn Prompter,
        more: &[(&str, &str)],
        work: impl FnOnce(&dyn Store) -> T,
    ) -> (T, Vec<(String, usize)>) {
        self.in_context(ask, Duration::from_secs(10), more, |context| work(&SecretService { context }))
    }

    /// As [`Peer::with`], with this much time for a call.
    pub(super) fn within<T>(
        self,
        timeout: Duration,
        more: &[(&str, &str)],
        work: impl FnOnce(&dyn Store) -> T,
    ) -> (T, Vec<(String, usize)>) {
        self.in_context(&NoTerminal, timeout, more, |context| work(&SecretService { context }))
    }

    /// Does something with what a store is opened with.
    pub(super) fn opened<T>(self, more: &[(&str, &str)], work: impl FnOnce(StoreContext<'_>) -> T) -> T {
        self.in_context(&NoTerminal, Duration::from_secs(10), more, work).0
    }

    fn in_context<T>(
        self,
        ask: &dyn Prompter,
        timeout: Duration,
        more: &[(&str, &str)],
        work: impl FnOnce(StoreContext<'_>) -> T,
    ) -> (T, Vec<(String, usize)>) {
        let address = format!("unix:path={}", self.folder.path().join("bus").display());
        let own = [("DBUS_SESSION_BUS_ADDRESS", address.as_str())];
        let environment = environment(&own.iter().chain(more).copied().collect::<Vec<_>>());
        let context = StoreContext {
            data: self.folder.path().to_owned(),
            timeout,
            prompt_timeout: Duration::from_millis(300),
            environment: &environment,
            ask,
            unlocked: None,
            stays_unlocked: None,
        };
        (work(context), self.thread.join().unwrap())
    }
}

pub(super) fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::new(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

pub(super) const DISPLAY: [(&str, &str); 1] = [("DISPLAY", ":0")];

pub(super) fn key() -> Key {
    Key {
        realm: Realm::from_text("azure-devops/contoso").unwrap(),
        account: Account::Unnamed,
        id: Id::random().unwrap(),
    }
}

/// A message of this kind (2 answer, 3 error, 4 signal).
pub(super) fn message(
    kind: u8,
    texts: &[(u8, &str, &str)],
    answers: usize,
    signature: &str,
    body: &Writer,
) -> Vec<u8> {
    let mut message = Writer::default();
    append(&mut message.0, &[if cfg!(target_endian = "big") { b'B' } else { b'l' }, kind, 0, 1]);
    message.number(body.0.len());
    message.number(7);
    message.array(8, |fields| {
        for (code, kind, text) in texts {
            fields.field(*code, kind);
            fields.text(text);
        }
        fields.field(5, "u");
        fields.number(answers);
        fields.field(8, "g");
        fields.signature(signature);
    });
    message.align(8);
    [message.0.as_slice(), body.0.as_slice()].concat()
}

pub(super) fn refusal(serial: usize, name: &str) -> Vec<u8> {
    message(3, &[(4, "s", name)], serial, "", &Writer::default())
}

pub(super) fn completed(path: &str, dismissed: bool) -> Vec<u8> {
    let mut body = Writer::default();
    body.number(usize::from(dismissed));
    body.signature("s");
    body.text("");
    message(4, &[(1, "o", path), (3, "s", "Completed")], 0, "bv", &body)
}

pub(super) fn paths(lists: &[&[&str]], body: &mut Writer) {
    for list in lists {
        body.array(4, |items| list.iter().for_each(|path| items.text(path)));
    }
}

/// What an unlocked keyring with one item answers.
pub(super) fn well(member: &str, serial: usize) -> Vec<u8> {
    let mut body = Writer::default();
    let signature = match member {
        "ReadAlias" => {
            body.text("/default");
            "o"
        }
        "OpenSession" => {
            body.signature("s");
            body.text("");
            body.text("/session/1");
            "vo"
        }
        "SearchItems" => {
            paths(&[&["/item/1"], &[]], &mut body);
            "aoao"
        }
        "GetSecret" => {
            body.text("/session/1");
            body.bytes(&[]);
            body.bytes(b"s3cret");
            body.text("text/plain");
            "(oayays)"
        }
        "CreateItem" => {
            body.text("/item/2");
            body.text("/");
            "oo"
        }
        // Whether the keyring is locked.
        "Get" => {
            body.signature("b");
            body.number(0);
            "v"
        }
        "Unlock" => {
            paths(&[&["/item/1"]], &mut body);
            body.text("/");
            "aoo"
        }
        _ => "",
    };
    message(2, &[], serial, signature, &body)
}

/// The answer to a search: unlocked items, locked items.
pub(super) fn found(lists: [&[&str]; 2], serial: usize) -> Vec<u8> {
    let mut body = Writer::default();
    paths(&lists, &mut body);
    message(2, &[], serial, "aoao", &body)
}

pub(super) fn one_locked(serial: usize) -> Vec<u8> {
    found([&[], &["/item/1"]], serial)
}

pub(super) fn prompt_needed(serial: usize) -> Vec<u8> {
    let mut body = Writer::default();
    paths(&[&[]], &mut body);
    body.text("/prompt/1");
    message(2, &[], serial, "aoo", &body)
}
