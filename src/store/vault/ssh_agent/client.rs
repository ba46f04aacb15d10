//! A small client of the ssh-agent (draft-ietf-sshm-ssh-agent): list the keys, sign. Nothing else is ever sent.
//!
//! One connection, one deadline for all of it: an agent that takes the connection and then says nothing must not
//! hold up git. Its answers are read as a stranger's: bounded and checked.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ed25519_dalek::{PUBLIC_KEY_LENGTH, Signature, VerifyingKey};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// OpenSSH's own limit for a message.
const LONGEST: usize = 256 * 1024;

/// The only kind of key that we use: its signatures are the same each time (RFC 8032). Those of ECDSA and of
/// security keys (`sk-…`) are not.
const ED25519: &[u8] = b"ssh-ed25519";

/// A key that the agent holds.
pub(in crate::store::vault) struct Identity {
    /// The public key as it is sent.
    pub(in crate::store::vault) blob: Vec<u8>,
    /// What the person called it; from outside, so escape before showing.
    pub(in crate::store::vault) comment: String,
}

/// An agent we are connected to.
pub(in crate::store::vault) struct Agent {
    stream: UnixStream,
    deadline: Instant,
    timeout: Duration,
}

impl Agent {
    /// Connects to the agent's socket; everything up to the end must happen within `timeout`.
    pub(in crate::store::vault) fn connect(socket: &Path, timeout: Duration) -> Result<Agent, Error> {
        let deadline = Instant::now() + timeout;
        let connected = || -> io::Result<UnixStream> {
            let address = SocketAddrUnix::new(socket)?;
            let end = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
            rustix::io::fcntl_setfd(&end, rustix::io::FdFlags::CLOEXEC)?;
            let stream = UnixStream::from(end);
            // Without waiting: connecting to a stopped agent whose queue is full would block for ever.
            stream.set_nonblocking(true)?;
            rustix::net::connect(&stream, &address)?;
            stream.set_nonblocking(false)?;
            Ok(stream)
        };
        match connected() {
            Ok(stream) => Ok(Agent { stream, deadline, timeout }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(silent(timeout)),
            Err(error) => Err(failed(format!("cannot connect to {}: {}", socket.display(), error.kind()))),
        }
    }

    /// Gives the agent this long from now: it may be asking the person (`ssh-add -c`).
    pub(in crate::store::vault) fn extend(&mut self, timeout: Duration) {
        self.deadline = self.deadline.max(Instant::now() + timeout);
        self.timeout = self.timeout.max(timeout);
    }

    /// The keys it holds.
    pub(in crate::store::vault) fn identities(&mut self) -> Result<Vec<Identity>, Error> {
        let answer = self.ask(&[REQUEST_IDENTITIES])?;
        parse_identities(&answer).ok_or_else(|| failed("its list of keys is not one"))
    }

    /// The signature (64 bytes) of `data` by the ed25519 key `blob`; `None` if the agent refuses (no such key, the
    /// person said no). It is secret here: the wrapping key is made from it. Whether it is one is not checked: see
    /// [`is_signature`].
    pub(in crate::store::vault) fn sign(
        &mut self,
        blob: &[u8],
        data: &[u8],
    ) -> Result<Option<Secret>, Error> {
        let mut request = vec![SIGN_REQUEST];
        put_string(&mut request, blob);
        put_string(&mut request, data);
        request.extend_from_slice(&[0; 4]); // no flags
        let answer = self.ask(&request)?;
        if answer.first() != Some(&SIGN_RESPONSE) {
            return Ok(None);
        }
        parse_signature(&answer).map(Some).ok_or_else(|| failed("its signature is not one of ed25519"))
    }

    fn ask(&mut self, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut message = Vec::with_capacity(request.len() + 4);
        put_string(&mut message, request);
        self.limit()?;
        self.stream.write_all(&message).map_err(|error| self.broken(&error))?;
        let mut length = [0; 4];
        self.read(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length == 0 || length > LONGEST {
            return Err(failed("its answer has an impossible length"));
        }
        let mut answer = Zeroizing::new(vec![0; length]);
        self.read(&mut answer)?;
        Ok(answer)
    }

    /// Fills `buffer`, looking at the clock before each piece: an agent that sends one byte a second is silent too.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            self.limit()?;
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => return Err(failed("it closed the connection")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error)),
            }
        }
        Ok(())
    }

    /// Lets the next read or write last to the deadline at most.
    fn limit(&self) -> Result<(), Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(silent(self.timeout));
        }
        let set = self.stream.set_read_timeout(Some(left));
        set.and_then(|()| self.stream.set_write_timeout(Some(left))).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => silent(self.timeout),
            kind => failed(kind.to_string()),
        }
    }
}

/// The blob of an ed25519 public key, for tests.
#[cfg(test)]
pub(in crate::store::vault) fn blob(public_key: &[u8; 32]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(51);
    put_string(&mut blob, ED25519);
    put_string(&mut blob, public_key);
    blob
}

/// The public key in `blob` if it is a plain ed25519 one.
pub(in crate::store::vault) fn public_key(blob: &[u8]) -> Option<[u8; 32]> {
    let (kind, rest) = take_string(blob)?;
    let (key, rest) = take_string(rest)?;
    (kind == ED25519 && rest.is_empty()).then_some(key.try_into().ok()?)
}

/// Whether `signature` is the one of `data` by this public key (RFC 8032). Weak keys, with which one signature fits many messages,
/// have none.
pub(in crate::store::vault) fn is_signature(
    public_key: &[u8; PUBLIC_KEY_LENGTH],
    data: &[u8],
    signature: &Secret,
) -> bool {
    let (Ok(key), Ok(signature)) =
        (VerifyingKey::from_bytes(public_key), Signature::from_slice(signature.expose()))
    else {
        return false;
    };
    key.verify_strict(data, &signature).is_ok()
}

/// The kind of key in `blob`, for telling why it will not do.
pub(in crate::store::vault) fn kind(blob: &[u8]) -> &str {
    take_string(blob).and_then(|(kind, _)| std::str::from_utf8(kind).ok()).unwrap_or("unknown")
}

fn parse_identities(answer: &[u8]) -> Option<Vec<Identity>> {
    let rest = answer.strip_prefix(&[IDENTITIES_ANSWER])?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut identities = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (blob, after) = take_string(rest)?;
        let (comment, after) = take_string(after)?;
        rest = after;
        let comment = String::from_utf8_lossy(comment).into_owned();
        identities.push(Identity { blob: blob.to_vec(), comment });
    }
    Some(identities)
}

fn parse_signature(answer: &[u8]) -> Option<Secret> {
    let (signature, _) = take_string(answer.get(1..)?)?;
    let (kind, rest) = take_string(signature)?;
    let (bytes, rest) = take_string(rest)?;
    (kind == ED25519 && rest.is_empty() && bytes.len() == 64).then(|| Secret::copy_of(bytes))
}

fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    // Ours are all short.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn take_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn silent(timeout: Duration) -> Error {
    Error::Silent { store: "ssh-agent", waited: timeout }
}

fn failed(why: impl Into<String>) -> Error {
    Error::Program { program: "ssh-agent", why: why.into() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Sends `answer` to whoever connects and asks; `None`: takes the connection and stays mute.
    fn with_agent(answer: Option<&[u8]>, test: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::scope(|scope| {
            if let Some(answer) = answer {
                scope.spawn(move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut request = [0; 5];
                    stream.read_exact(&mut request).unwrap();
                    stream.write_all(answer).unwrap();
                });
            }
            test(&socket);
        });
    }

    #[test]
    fn an_agent_that_says_nothing_is_given_up_in_time() {
        with_agent(None, |socket| {
            let start = Instant::now();
            // Nobody accepts, yet the system lets us connect and send.
            let mut agent = Agent::connect(socket, Duration::from_millis(200)).unwrap();
            let error = agent.identities().map(|_| ()).unwrap_err();
            assert!(matches!(error, Error::Silent { .. }), "{error}");
            assert!(start.elapsed() < Duration::from_secs(5));
        });
    }

    #[test]
    fn answers_that_are_none_are_refused() {
        for answer in [
            &b""[..],
            &[0, 0, 0, 0],
            &[255, 255, 255, 255, 12],
            &[0, 0, 0, 1, 5],
            &[0, 0, 0, 5, 12, 0, 0, 0, 1],
            &[0, 0, 0, 9, 12, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            with_agent(Some(answer), |socket| {
                let mut agent = Agent::connect(socket, Duration::from_secs(5)).unwrap();
                let error = agent.identities().map(|_| ()).unwrap_err();
                assert!(matches!(error, Error::Program { .. }), "{answer:?}: {error}");
            });
        }
    }

    #[test]
    fn no_agent_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Agent::connect(&folder.path().join("none"), Duration::from_secs(5)).is_err());
    }

    #[test]
    fn security_keys_and_certificates_are_not_plain_keys() {
        assert_eq!(public_key(&blob(&[7; 32])), Some([7; 32]));
        let other = |kind: &[u8]| {
            let mut blob = Vec::new();
            put_string(&mut blob, kind);
            put_string(&mut blob, &[7; 32]);
            blob
        };
        assert_eq!(public_key(&other(b"sk-ssh-ed25519@openssh.com")), None);
        assert_eq!(public_key(&other(b"ssh-ed25519-cert-v01@openssh.com")), None);
        assert_eq!(public_key(&[blob(&[7; 32]), vec![0]].concat()), None);
        assert_eq!(public_key(b""), None);
    }
}
