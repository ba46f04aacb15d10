//! D-Bus messages as bytes, written and read.
//!
//! Everything read is checked against its bounds before it is used, so that no bytes whatever make it panic. Every buffer
//! is wiped, because secrets travel in them.
//! Deliberately absent: value types that the Secret Service does not have, and the other byte order: the peers of
//! a session bus run on one machine.

use crate::secret_bytes::{Bytes, append};

use super::reader::Reader;
use super::{Error, LIMIT, Peer};

/// The first byte of every message from this kind of machine.
const ENDIAN: u8 = if cfg!(target_endian = "big") { b'B' } else { b'l' };

/// What writes the body of a call.
pub(crate) type Fill<'a> = &'a dyn Fn(&mut Writer);

/// Writes values of a message body, each at its alignment.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Bytes);

impl Writer {
    pub(crate) fn align(&mut self, to: usize) {
        let padding = self.0.len().next_multiple_of(to) - self.0.len();
        append(&mut self.0, &[0; 8][..padding.min(8)]);
    }

    /// A `u`, or a `b` as 0 or 1.
    pub(crate) fn number(&mut self, number: usize) {
        self.align(4);
        append(&mut self.0, &bytes_of(number));
    }

    /// An `s` or `o`.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        append(&mut self.0, &[0]);
    }

    /// An `ay`.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        append(&mut self.0, bytes);
    }

    /// A `g`; also what stands before the value of a variant.
    pub(crate) fn signature(&mut self, signature: &str) {
        append(&mut self.0, &[u8::try_from(signature.len()).unwrap_or(u8::MAX)]);
        append(&mut self.0, signature.as_bytes());
        append(&mut self.0, &[0]);
    }

    pub(crate) fn field(&mut self, code: u8, kind: &str) {
        self.align(8);
        append(&mut self.0, &[code]);
        self.signature(kind);
    }

    /// An array, whose elements `fill` writes; each begins at a multiple of `alignment`.
    pub(crate) fn array(&mut self, alignment: usize, fill: impl FnOnce(&mut Writer)) {
        self.number(0);
        let length_at = self.0.len() - 4;
        self.align(alignment);
        self.measured(length_at, fill);
    }

    /// Writes the length of what `fill` writes to where there is room for it.
    fn measured(&mut self, length_at: usize, fill: impl FnOnce(&mut Writer)) {
        let start = self.0.len();
        fill(self);
        let length = bytes_of(self.0.len() - start);
        self.0[length_at..length_at + 4].copy_from_slice(&length);
    }
}

fn bytes_of(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_ne_bytes()
}

/// A method call as bytes, whose body `fill` writes.
pub(crate) fn call(serial: usize, peer: &Peer<'_>, member: &str, signature: &str, fill: Fill<'_>) -> Bytes {
    let mut call = Writer::default();
    // A call, no flags, protocol version 1, room for the length of the body.
    append(&mut call.0, &[ENDIAN, 1, 0, 1, 0, 0, 0, 0]);
    call.number(serial);
    call.array(8, |fields| {
        let texts = [(1, "o", peer.path), (2, "s", peer.interface), (3, "s", member), (6, "s", peer.service)];
        for (code, kind, text) in texts {
            fields.field(code, kind);
            fields.text(text);
        }
        fields.field(8, "g");
        fields.signature(signature);
    });
    call.align(8);
    call.measured(4, fill);
    call.0
}

/// The length of the message at the start of `bytes`; `None` while not all of it is there.
pub(crate) fn frame(bytes: &[u8]) -> Result<Option<usize>, Error> {
    if bytes.len() < 16 {
        return Ok(None);
    }
    let number = |at| Reader::new(bytes, at).number();
    let length = (16 + number(12)?).next_multiple_of(8) + number(4)?;
    if bytes.first() != Some(&ENDIAN) || length > LIMIT {
        return Err(Error::Broken);
    }
    Ok((length <= bytes.len()).then_some(length))
}

/// A message that came in: an answer, an error or a signal.
pub(crate) struct Message {
    bytes: Bytes,
    body: usize,
    signature: String,
    pub(crate) reply_to: Option<usize>,
    pub(crate) error: Option<String>,
    pub(crate) signal: Option<[String; 2]>,
}

impl Message {
    pub(crate) fn parse(bytes: Bytes) -> Result<Message, Error> {
        let [_, kind, _, 1, ..] = bytes[..] else { return Err(Error::Broken) };
        let mut head = Reader::new(&bytes, 12);
        let mut serial = None;
        let [mut path, mut member, mut error, mut signature] = [""; 4];
        head.array(8, |field| {
            field.align(8)?;
            match (field.byte()?, field.signature()?) {
                (1, "o") => path = field.text()?,
                (3, "s") => member = field.text()?,
                (4, "s") => error = field.text()?,
                (5, "u") => serial = Some(field.number()?),
                (8, "g") => signature = field.signature()?,
                // Fields that are of no use here, or of a later day, are skipped.
                (_, signature) => field.skip(signature)?,
            }
            Ok(())
        })?;
        head.align(8)?;
        Ok(Message {
            body: head.at(),
            signature: signature.to_owned(),
            reply_to: serial.filter(|_| matches!(kind, 2 | 3)),
            error: (kind == 3).then(|| error.to_owned()),
            signal: (kind == 4).then(|| [path.to_owned(), member.to_owned()]),
            bytes,
        })
    }

    /// All its bytes.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Reads the body, which must begin with values of these types.
    pub(crate) fn body(&self, signature: &str) -> Result<Reader<'_>, Error> {
        if !self.signature.starts_with(signature) {
            return Err(Error::Broken);
        }
        Ok(Reader::new(&self.bytes, self.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with every type that we read, as a bus would send it.
    fn sample() -> Vec<u8> {
        let peer = Peer { service: "org.example", path: "/a", interface: "org.example.I" };
        let mut bytes = call(3, &peer, "Member", "(oayays)", &|body| {
            body.text("/session");
            body.bytes(b"");
            body.bytes(b"secret");
            body.text("text/plain");
        });
        bytes[1] = 2;
        bytes.to_vec()
    }

    /// Reads everything that can be read.
    fn read_all(bytes: &[u8]) -> Result<(), Error> {
        let Some(length) = frame(bytes)? else { return Err(Error::Broken) };
        let message = Message::parse(Bytes::new(bytes[..length].to_vec()))?;
        for signature in ["(oayays)", "aoao", "vo", "bv", ""] {
            let Ok(mut body) = message.body(signature) else { continue };
            let _ =
                body.path().and_then(|_| body.bytes()).and_then(|_| body.bytes()).and_then(|_| body.text());
            let mut body = message.body("")?;
            let _ = body.array(4, |item| item.path().map(|_| ()));
            let mut body = message.body("")?;
            let _ = body.array(8, |item| item.align(8).and_then(|()| item.text()).map(|_| ()));
            let _ = body.signature().and_then(|_| body.number());
            let _ = message.body("")?.skip_variant();
        }
        Ok(())
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let bytes = sample();
        assert_eq!(frame(&bytes), Ok(Some(bytes.len())));
        let message = Message::parse(Bytes::new(bytes)).unwrap();
        let mut body = message.body("(oayays)").unwrap();
        assert_eq!(body.path(), Ok("/session"));
        assert_eq!(body.bytes(), Ok(&b""[..]));
        assert_eq!(body.bytes(), Ok(&b"secret"[..]));
        assert_eq!(body.text(), Ok("text/plain"));
        assert_eq!(body.text(), Err(Error::Broken), "read past the end");
    }

    #[test]
    fn a_header_field_of_a_later_day_is_passed_over() {
        let mut bytes = Writer::default();
        append(&mut bytes.0, &[ENDIAN, 2, 0, 1, 0, 0, 0, 0]);
        bytes.number(1);
        bytes.array(8, |fields| {
            fields.field(77, "a(yv)");
            fields.number(0);
            fields.align(8);
            fields.field(5, "u");
            fields.number(9);
        });
        bytes.align(8);
        let message = Message::parse(bytes.0).unwrap();
        assert_eq!(message.reply_to, Some(9));
    }

    #[test]
    fn cut_off_or_random_bytes_never_panic() {
        let sample = sample();
        for length in 0..sample.len() {
            assert!(read_all(&sample[..length]).is_err(), "{length}");
            // Also with lengths that fit, so that the cut goes through the content.
            let _ = Message::parse(Bytes::new(sample[..length].to_vec()));
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap()
        };
        for round in 0..200_000 {
            let mut bytes = if round % 4 == 0 { vec![0; random() % 200] } else { sample.clone() };
            let changes = if round % 4 == 0 { bytes.len() } else { 1 + random() % 4 };
            for _ in 0..changes {
                let at = random() % bytes.len().max(1);
                let value = [0, 1, 0x7f, 0x80, 0xff, u8::try_from(random() % 256).unwrap()][random() % 6];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let _ = read_all(&bytes);
            let _ = Message::parse(Bytes::new(bytes));
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_anything_is_kept() {
        for at in [4, 12] {
            let mut bytes = sample();
            bytes[at..at + 4].copy_from_slice(&u32::MAX.to_ne_bytes());
            assert_eq!(frame(&bytes), Err(Error::Broken));
        }
    }
}
