//! Values of a D-Bus message, read.
//!
//! Everything is checked against its bounds before it is used, so that no bytes whatever make it panic.

use super::{Error, LIMIT};

/// What was read.
pub(super) type Read<T> = Result<T, Error>;

/// Reads values of a message, each at its alignment, never past the end.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from `at` on, which counts for the alignment too.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Reader<'a> {
        Reader { bytes, at }
    }

    /// Where it has come to.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + length).ok_or(Error::Broken)?;
        self.at += length;
        Ok(taken)
    }

    pub(crate) fn align(&mut self, to: usize) -> Read<()> {
        self.take(self.at.next_multiple_of(to) - self.at).map(|_| ())
    }

    pub(super) fn byte(&mut self) -> Read<u8> {
        self.take(1)?.first().copied().ok_or(Error::Broken)
    }

    /// A `u`, `i` or `b`. As a length, anything over the limit is refused here, so that sums cannot overflow.
    pub(crate) fn number(&mut self) -> Read<usize> {
        self.align(4)?;
        let bytes: [u8; 4] = self.take(4)?.try_into().map_err(|_| Error::Broken)?;
        usize::try_from(u32::from_ne_bytes(bytes)).ok().filter(|number| *number <= LIMIT).ok_or(Error::Broken)
    }

    /// An `ay`.
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    /// An `s`.
    pub(crate) fn text(&mut self) -> Read<&'a str> {
        let length = self.number()?;
        self.ended(length)
    }

    /// A `g`; also what stands before the value of a variant.
    pub(crate) fn signature(&mut self) -> Read<&'a str> {
        let length = self.byte()?;
        self.ended(usize::from(length))
    }

    /// Text with a NUL behind it and none in it.
    fn ended(&mut self, length: usize) -> Read<&'a str> {
        let text = self.take(length)?;
        if self.byte()? != 0 || text.contains(&0) {
            return Err(Error::Broken);
        }
        std::str::from_utf8(text).map_err(|_| Error::Broken)
    }

    /// What stands before the value of a variant: its type, which must be this one.
    pub(crate) fn variant(&mut self, signature: &str) -> Read<()> {
        if self.signature()? == signature { Ok(()) } else { Err(Error::Broken) }
    }

    /// Passes over a variant, whatever is in it.
    pub(crate) fn skip_variant(&mut self) -> Read<()> {
        let signature = self.signature()?;
        self.skip(signature)
    }

    /// Passes over one value of this type.
    pub(super) fn skip(&mut self, signature: &str) -> Read<()> {
        let rest = self.skip_first(signature.as_bytes(), 0)?;
        if rest.is_empty() { Ok(()) } else { Err(Error::Broken) }
    }

    /// Passes over a value of the first of these types, and returns the others. `depth`: how many values this one is in; a message
    /// of variants alone could fill the stack.
    fn skip_first<'t>(&mut self, types: &'t [u8], depth: usize) -> Read<&'t [u8]> {
        let (first, mut rest) = types.split_first().filter(|_| depth <= DEPTH).ok_or(Error::Broken)?;
        self.align(alignment(*first)?)?;
        match first {
            b'y' => drop(self.take(1)?),
            b'n' | b'q' => drop(self.take(2)?),
            b'b' | b'i' | b'u' | b'h' => drop(self.take(4)?),
            b'x' | b't' | b'd' => drop(self.take(8)?),
            b's' | b'o' => drop(self.text()?),
            b'g' => drop(self.signature()?),
            b'v' => {
                let inner = self.signature()?.as_bytes();
                if !self.skip_first(inner, depth + 1)?.is_empty() {
                    return Err(Error::Broken);
                }
            }
            b'a' => {
                let length = self.number()?;
                self.align(alignment(*rest.first().ok_or(Error::Broken)?)?)?;
                self.take(length)?;
                rest = behind_first(rest)?;
            }
            // An entry of a dictionary stands in an array alone.
            b'{' => return Err(Error::Broken),
            _ => {
                while rest.first() != Some(&b')') {
                    rest = self.skip_first(rest, depth + 1)?;
                }
                rest = rest.get(1..).unwrap_or_default();
            }
        }
        Ok(rest)
    }

    /// An `o`. Checked, because it goes into a match rule.
    pub(crate) fn path(&mut self) -> Read<&'a str> {
        let path = self.text()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'/';
        if path.starts_with('/') && path.bytes().all(plain) { Ok(path) } else { Err(Error::Broken) }
    }

    /// An array: `each` reads one element, over and over until the end.
    pub(crate) fn array(
        &mut self,
        alignment: usize,
        mut each: impl FnMut(&mut Reader<'a>) -> Read<()>,
    ) -> Read<()> {
        let length = self.number()?;
        self.align(alignment)?;
        let end = self.at + length;
        while self.at < end {
            each(self)?;
        }
        if self.at == end { Ok(()) } else { Err(Error::Broken) }
    }
}

/// How deep values may be in each other: the specification's own limit.
const DEPTH: usize = 64;

/// Where a value whose type begins with this byte may begin.
fn alignment(kind: u8) -> Read<usize> {
    match kind {
        b'y' | b'g' | b'v' => Ok(1),
        b'n' | b'q' => Ok(2),
        b'b' | b'i' | b'u' | b'h' | b's' | b'o' | b'a' => Ok(4),
        b'x' | b't' | b'd' | b'(' | b'{' => Ok(8),
        _ => Err(Error::Broken),
    }
}

/// What stands behind the first complete type.
fn behind_first(types: &[u8]) -> Read<&[u8]> {
    let (first, mut rest) = types.split_first().ok_or(Error::Broken)?;
    alignment(*first)?;
    match first {
        b'a' => behind_first(rest),
        b'(' | b'{' => {
            let close = if *first == b'(' { b')' } else { b'}' };
            while rest.first() != Some(&close) {
                rest = behind_first(rest)?;
            }
            Ok(rest.get(1..).unwrap_or_default())
        }
        _ => Ok(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dbus::Writer;
    use crate::dbus::message::Fill;
    use crate::secret_bytes::append;

    #[test]
    fn a_variant_is_passed_over_whatever_is_in_it() {
        let body = |fill: Fill<'_>| {
            let mut body = Writer::default();
            fill(&mut body);
            body.text("behind");
            body
        };
        let nested: Fill<'_> = &|body| {
            body.signature("a{sv}");
            body.array(8, |entries| {
                entries.align(8);
                entries.text("key");
                entries.signature("v");
                entries.signature("(ybs)");
            });
        };
        let values: [Fill<'_>; 9] = [
            &|body| {
                body.signature("ay");
                body.bytes(b"");
            },
            &|body| {
                body.signature("s");
                body.text("text");
            },
            &|body| {
                body.signature("v");
                body.signature("g");
                body.signature("ai");
            },
            &|body| {
                body.signature("(yv)");
                body.align(8);
                append(&mut body.0, &[7]);
                body.signature("b");
                body.number(1);
            },
            &|body| {
                body.signature("x");
                body.align(8);
                append(&mut body.0, &[0xff; 8]);
            },
            &|body| {
                body.signature("i");
                body.align(4);
                append(&mut body.0, &[0xff; 4]);
            },
            &|body| {
                body.signature("q");
                body.align(2);
                append(&mut body.0, &[0xff; 2]);
            },
            &|body| {
                body.signature("aai");
                body.number(0);
            },
            nested,
        ];
        for (at, value) in values.into_iter().enumerate() {
            let body = body(value);
            let mut reader = Reader::new(&body.0, 0);
            assert_eq!(reader.skip_variant(), Ok(()), "{at}");
            assert_eq!(reader.text(), Ok("behind"), "{at}");
        }
    }

    #[test]
    fn a_variant_of_no_type_of_two_or_in_ten_thousand_others_is_refused() {
        for signature in ["", "si", "(", "(s", ")", "{ss}", "a", "a{ss", "a(", "z", "(i}"] {
            let mut body = Writer::default();
            body.signature(signature);
            append(&mut body.0, &[0; 64]);
            assert_eq!(Reader::new(&body.0, 0).skip_variant(), Err(Error::Broken), "{signature}");
        }
        let mut body = Writer::default();
        (0..10_000).for_each(|_| body.signature("v"));
        body.signature("y");
        append(&mut body.0, &[1]);
        assert_eq!(Reader::new(&body.0, 0).skip_variant(), Err(Error::Broken));
    }

    #[test]
    fn paths_that_could_break_a_match_rule_are_refused() {
        for (path, good) in
            [("/a/B_9", true), ("/", true), ("", false), ("a", false), ("/a'", false), ("/ä", false)]
        {
            let mut body = Writer::default();
            body.text(path);
            assert_eq!(Reader::new(&body.0, 0).path().is_ok(), good, "{path}");
        }
    }
}
