//! Lines of JSON from a peer that may send anything, in a buffer that never grows. What stands deeper in a line than the members
//! of its payload is passed over as it is read, because nobody asks for it: NuGet sends a feed's whole service index, 40 MB in
//! one line at times. A line that is still too long is passed over as a whole.

use std::io::{BufRead, ErrorKind};

use zeroize::{Zeroize, Zeroizing};

/// The most of a line that is kept, in bytes.
const LIMIT: usize = 64 * 1024;

/// How deep a line is kept: the message, its payload.
const DEPTH: u32 = 2;

/// The most hosts that are remembered of what is passed over, and the most bytes of a URL.
const MOST_HOSTS: usize = 32;
const LONGEST_URL: usize = 512;

/// Lines, abridged.
pub(super) struct Lines<'i> {
    input: &'i mut (dyn BufRead + Send),
    line: Zeroizing<Vec<u8>>,
}

/// A line.
pub(super) struct Line<'l> {
    /// Its bytes, abridged.
    pub(super) bytes: &'l [u8],
    /// Of what was passed over: the first `@id` of each host, which is where a service index sends its readers.
    pub(super) urls: Vec<String>,
}

/// Where a line is being read.
#[derive(Default)]
struct Scanner {
    /// How many brackets are open.
    depth: u32,
    in_string: bool,
    after_backslash: bool,
    too_long: bool,
    urls: Urls,
}

/// The URLs in what is passed over.
#[derive(Default)]
struct Urls {
    /// The string that is being read, or was last.
    word: Vec<u8>,
    /// Whether that was `@id`, and whether a colon came behind it.
    is_id: bool,
    is_value: bool,
    found: Vec<String>,
}

impl<'i> Lines<'i> {
    pub(super) fn new(input: &'i mut (dyn BufRead + Send)) -> Lines<'i> {
        Lines { input, line: Zeroizing::new(Vec::with_capacity(LIMIT)) }
    }

    /// The next line that is of any length and not too long; `None` at the end of input, and where no more can be read.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        loop {
            // Proxy passwords come by here.
            self.line.zeroize();
            let mut scanner = Scanner::default();
            let ended = self.read(&mut scanner);
            if !scanner.too_long && !self.line.is_empty() {
                let bytes = self.line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.line);
                return Some(Line { bytes, urls: scanner.urls.found });
            }
            if ended {
                return None;
            }
        }
    }

    /// Reads up to the next line break. Whether the input has ended.
    fn read(&mut self, scanner: &mut Scanner) -> bool {
        loop {
            let bytes = match self.input.fill_buf() {
                Ok([]) => return true,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return true,
            };
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let length = end.unwrap_or(bytes.len());
            bytes[..length].iter().for_each(|&byte| scanner.keep(byte, &mut self.line));
            self.input.consume(length + usize::from(end.is_some()));
            if end.is_some() {
                return false;
            }
        }
    }
}

impl Scanner {
    fn keep(&mut self, byte: u8, line: &mut Vec<u8>) {
        let was_deep = self.depth > DEPTH;
        let was_in_string = self.in_string;
        match byte {
            _ if self.after_backslash => self.after_backslash = false,
            b'\\' if self.in_string => self.after_backslash = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if was_deep {
            self.urls.see(byte, was_in_string, self.in_string);
        }
        let bytes: &[u8] = match (was_deep, self.depth > DEPTH) {
            (false, false) => &[byte],
            // What is passed over leaves an empty object.
            (false, true) => b"{}",
            (true, _) => return,
        };
        if line.len() + bytes.len() > LIMIT {
            self.too_long = true;
        } else {
            line.extend_from_slice(bytes);
        }
    }
}

impl Urls {
    /// The next byte, and whether a string was open before it and is after it.
    fn see(&mut self, byte: u8, was_in_string: bool, is_in_string: bool) {
        match (was_in_string, is_in_string) {
            (false, true) => self.word.clear(),
            // An escaped slash is a slash; whatever else is escaped is in no URL that counts.
            (true, true) if byte != b'\\' && self.word.len() < LONGEST_URL => self.word.push(byte),
            (true, true) => {}
            (true, false) if self.is_value => {
                self.take();
                (self.is_id, self.is_value) = (false, false);
            }
            (true, false) => self.is_id = self.word == b"@id",
            (false, false) if byte == b':' => self.is_value = self.is_id,
            (false, false) if byte.is_ascii_whitespace() => {}
            (false, false) => (self.is_id, self.is_value) = (false, false),
        }
    }

    fn take(&mut self) {
        let Ok(url) = std::str::from_utf8(&self.word) else { return };
        let host =
            |url: &str| Some(url.split_once("://")?.1.split(['/', '?', '#']).next()?.to_ascii_lowercase());
        let Some(new) = host(url).filter(|_| self.found.len() < MOST_HOSTS) else { return };
        if super::super::is_web(url) && !self.found.iter().any(|known| host(known).as_ref() == Some(&new)) {
            self.found.push(url.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_service_index_the_first_url_of_each_host_is_remembered() {
        let index = r#"{"A":1,"B":{"Uri":"https://a/","Index":{"version":"3.0.0","resources":[
            {"@id":"https://a.example/x","@type":"X","comment":"https://no.example/"},
            {"@type":"https://no.example/","@id" : "https:\/\/B.example\/y\/"},{"@id":"https://b.example/z"},
            {"@id":["https://no.example/"],"x":"@id"},{"@id":"file:///etc"}],
            "@context":{"@vocab":"http://schema.nuget.org/services#"}}}}"#
            .replace('\n', " ");
        let mut input = index.as_bytes();
        let mut lines = Lines::new(&mut input);
        assert_eq!(lines.next().unwrap().urls, ["https://a.example/x", "https://B.example/y/"]);
    }

    fn lines(mut input: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(&mut input);
        let mut all = Vec::new();
        while let Some(line) = lines.next() {
            all.push(String::from_utf8_lossy(line.bytes).into_owned());
        }
        all
    }

    #[test]
    fn lines_come_as_they_are_down_to_the_members_of_the_payload() {
        let line = r#"{"A":"}\"{[","B":{"C":1,"D":[{"E":"]}"},[2]],"F":{"G":{}}},"H":true}"#;
        let abridged = r#"{"A":"}\"{[","B":{"C":1,"D":{},"F":{}},"H":true}"#;
        assert_eq!(
            lines(format!("{line}\r\n\n\n{line}").as_bytes()),
            [format!("{abridged}\r"), abridged.into()]
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_line() {
        assert_eq!(lines(b"\xef\xbb\xbf{}\n"), ["{}"]);
    }

    #[test]
    fn of_forty_megabytes_in_one_line_little_is_kept() {
        let mut input = br#"{"A":1,"B":{"C":"c","Index":{"resources":["#.to_vec();
        while input.len() < 40_000_000 {
            input.extend_from_slice(br#"{"@id":"https://h.example/{","@type":"X\\"},"#);
        }
        input.extend_from_slice(b"{}]}}}\n{\"next\":1}\n");
        assert_eq!(lines(&input), [r#"{"A":1,"B":{"C":"c","Index":{}}}"#, r#"{"next":1}"#]);
    }

    #[test]
    fn a_line_that_cannot_be_abridged_is_passed_over_and_the_buffer_does_not_grow() {
        let mut input = vec![b'"'; 1];
        input.resize(10 * LIMIT, b'x');
        input.extend_from_slice(b"\n{}\n");
        let mut slice = input.as_slice();
        let mut all = Lines::new(&mut slice);
        assert_eq!(all.next().unwrap().bytes, b"{}");
        assert_eq!(all.line.capacity(), LIMIT);
        let deep = [vec![b'['; 1_000_000], b"\n{}\n".to_vec()].concat();
        assert_eq!(lines(&deep), ["[[{}", "{}"]);
    }
}
