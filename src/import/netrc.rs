//! `.netrc` (curl, git, Go, pip): words in any layout, one token for a host
//! (<https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html>).

use std::ops::Range;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Hold, Outside, Reading, Source};

/// netrc.
pub static SOURCE: Source =
    Source { name: "netrc", title: "netrc", places: "~/.netrc, ~/_netrc", read, ..Source::OF_FILES };

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let paths = match outside.file.clone().or_else(|| outside.folders().named("NETRC")) {
        Some(file) => vec![file],
        None => [".netrc", "_netrc"].iter().flat_map(|name| outside.at_home(name)).collect(),
    };
    let mut reading = Reading::default();
    for path in paths {
        file::read(outside, &path, &mut reading, |file, text, reading| {
            parse(file, text, reading, outside.now)
        })?;
    }
    Ok(reading)
}

/// A word and where it stands in the text.
struct Word {
    text: Zeroizing<String>,
    range: Range<usize>,
}

/// One machine's words.
#[derive(Default)]
struct Machine {
    name: Option<String>,
    login: Option<String>,
    password: Option<Secret>,
    range: Range<usize>,
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let mut machines: Vec<Machine> = Vec::new();
    let mut at = 0;
    while let Some(word) = next(text, at, true) {
        at = word.range.end;
        let value = |at: &mut usize| {
            let value = next(text, *at, false)?;
            *at = value.range.end;
            Some(value.text)
        };
        match word.text.as_str() {
            "machine" | "default" => {
                let named = word.text.as_str() == "machine";
                let name = named.then(|| value(&mut at).map(|name| name.to_string())).flatten();
                machines.push(Machine { name, range: word.range.start..at, ..Machine::default() });
            }
            // A macro goes on to an empty line, and belongs to no machine.
            "macdef" => {
                let rest = &text[at..];
                let end = rest.find("\n\n").or_else(|| rest.find("\n\r\n"));
                at = end.map_or(text.len(), |end| at + end);
            }
            known @ ("login" | "password" | "account") => {
                let Some(value) = value(&mut at) else { break };
                let Some(machine) = machines.last_mut() else { continue };
                match known {
                    "login" => machine.login = Some(value.to_string()),
                    "password" => machine.password = Some(Secret::copy_of(value.as_bytes())),
                    _ => {}
                }
                machine.range.end = at;
            }
            _ => {}
        }
    }
    let (mut seen, mut line) = (0, 1);
    for machine in machines {
        let Machine { name, login, password: Some(token), range } = machine else { continue };
        line += text[seen..range.start].matches('\n').count();
        seen = range.start;
        let at = file.at(line);
        let Some(host) = name else {
            reading.leave(at, "default", "it is for every host; a token belongs to one");
            continue;
        };
        let hold = Hold::Text(file.path.clone(), vec![file.range(whole_lines(text, range))]);
        reading
            .add(Entry { at, url: format!("https://{host}"), user: login, token, expires: None, hold }, now);
    }
}

/// The next word from here. Where a name is expected, what begins with `#` is a comment; a value may begin so. Quotes hold
/// blanks together, a backslash takes the next character as it is.
fn next(text: &str, from: usize, comments: bool) -> Option<Word> {
    let mut start = from;
    loop {
        start += text[start..].find(|c: char| !c.is_ascii_whitespace())?;
        if !(comments && text[start..].starts_with('#')) {
            break;
        }
        start += text[start..].find('\n')?;
    }
    let body = &text[start..];
    let quoted = body.starts_with('"');
    let mut escaped = false;
    let ends = |(_, c): &(usize, char)| match c {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        c => {
            if quoted {
                *c == '"'
            } else {
                c.is_ascii_whitespace()
            }
        }
    };
    let inside = &body[usize::from(quoted)..];
    let length = inside.char_indices().find(ends).map_or(inside.len(), |(at, _)| at);
    // As long as it will be: a growing one would leave pieces behind.
    let mut word = Zeroizing::new(String::with_capacity(length));
    let mut characters = inside[..length].chars();
    while let Some(c) = characters.next() {
        word.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    let end = start + length + 2 * usize::from(quoted);
    Some(Word { text: word, range: start..end.min(text.len()) })
}

/// A range with the blanks around it and the line's end, where it has its lines for itself.
fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let alone = text[start..range.start].trim().is_empty() && text[range.end..end].trim().is_empty();
    if alone { start..end } else { range }
}
