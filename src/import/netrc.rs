//! `.netrc` (curl, git, Go, pip): words in any layout, one token for a host
//! (<https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html>).

use std::ops::Range;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// netrc.
pub static SOURCE: Source =
    Source { name: "netrc", title: "netrc", places: "~/.netrc, ~/_netrc", read, ..Source::OF_FILES };

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let usual = match outside.folders().named("NETRC") {
        Some(named) => vec![named],
        None => [".netrc", "_netrc"].iter().flat_map(|name| outside.at_home(name)).collect(),
    };
    let mut reading = Reading::default();
    file::read(outside, usual, &mut reading, |file, text, reading| parse(file, text, reading, outside.now))?;
    Ok(reading)
}

/// A word and where it stands in the text.
struct Word {
    text: Zeroizing<String>,
    range: Range<usize>,
    /// A quotation mark begins it, and its line ends before another.
    is_open: bool,
}

/// One machine's words.
#[derive(Default)]
struct Machine {
    name: Option<String>,
    login: Option<String>,
    password: Option<Secret>,
    range: Range<usize>,
    is_open: bool,
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let mut machines: Vec<Machine> = Vec::new();
    let mut at = 0;
    while let Some(word) = next(text, at, true) {
        at = word.range.end;
        let mut is_open = word.is_open;
        let mut value = |at: &mut usize| {
            let value = next(text, *at, false)?;
            *at = value.range.end;
            is_open |= value.is_open;
            Some(value.text)
        };
        match word.text.to_ascii_lowercase().as_str() {
            keyword @ ("machine" | "default") => {
                let name =
                    (keyword == "machine").then(|| value(&mut at).map(|name| name.to_string())).flatten();
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
        if let Some(machine) = machines.last_mut() {
            machine.is_open |= is_open;
        }
    }
    let (mut seen, mut line) = (0, 1);
    for machine in machines {
        let Machine { name, login, password: Some(token), range, is_open } = machine else { continue };
        line += text[seen..range.start].matches('\n').count();
        seen = range.start;
        let at = file.at(line);
        if is_open {
            reading.skip(at, name.as_deref().unwrap_or("default"), "a quotation mark in it is not closed");
            continue;
        }
        let Some(host) = name else {
            reading.skip(at, "default", "it is for every host; a token belongs to one");
            continue;
        };
        let location = SourceLocation::Text(file.path.clone(), vec![file.range(whole_lines(text, range))]);
        reading.add(
            Entry { at, url: format!("https://{host}"), user: login, token, expires: None, location },
            now,
        );
    }
}

/// The next word from here. Where a name is expected, what begins with `#` is a comment; a value may begin so. Quotes hold
/// blanks together; between them a backslash takes the next character as it is, or makes a line feed, a carriage return or a tab of
/// `n`, `r` and `t`. Elsewhere it is a letter, as curl has it, and with it git.
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
    let Some(inside) = body.strip_prefix('"') else {
        let length = body.find(|c: char| c.is_ascii_whitespace()).unwrap_or(body.len());
        let word = Zeroizing::new(body[..length].to_owned());
        return Some(Word { text: word, range: start..start + length, is_open: false });
    };
    let line = &inside[..inside.find(['\n', '\r']).unwrap_or(inside.len())];
    // As long as it will be: a growing one would leave pieces behind.
    let mut word = Zeroizing::new(String::with_capacity(line.len()));
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => {
                let end = start + 1 + at + 1;
                return Some(Word { text: word, range: start..end, is_open: false });
            }
            '\\' => match characters.next() {
                Some((_, 'n')) => word.push('\n'),
                Some((_, 'r')) => word.push('\r'),
                Some((_, 't')) => word.push('\t'),
                Some((_, other)) => word.push(other),
                None => {}
            },
            c => word.push(c),
        }
    }
    Some(Word { text: word, range: start..start + 1 + line.len(), is_open: true })
}

/// A range with the blanks around it and the line's end, where it has its lines for itself.
fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let alone = text[start..range.start].trim().is_empty() && text[range.end..end].trim().is_empty();
    if alone { start..end } else { range }
}
