//! NuGet.config: `packageSourceCredentials` with a user name and a token for each package source, in clear or encrypted by
//! Windows (<https://learn.microsoft.com/nuget/reference/nuget-config-file>). Of XML this reads what is in such a file:
//! elements and attributes.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Hold, Outside, Reading, Source};

/// NuGet's settings.
pub static SOURCE: Source = Source {
    name: "nuget",
    title: "NuGet.config",
    places: "~/.nuget/NuGet/NuGet.Config, ~/.config/NuGet/NuGet.Config, %APPDATA%\\NuGet\\NuGet.Config",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let paths = match &outside.file {
        Some(file) => vec![file.clone()],
        None => {
            let roaming = outside.named_by("APPDATA").map(|folder| folder.join("NuGet/NuGet.Config"));
            let config = outside.config_folder().map(|folder| folder.join("NuGet/NuGet.Config"));
            let own = outside.at_home(".nuget/NuGet/NuGet.Config");
            own.into_iter().chain(config).chain(roaming).collect()
        }
    };
    let mut reading = Reading::default();
    // A source may be named in one file and have its token in another.
    let (mut sources, mut logins) = (Vec::new(), Vec::new());
    for path in paths {
        file::read(outside, &path, &mut reading, |file, text, reading| match elements(text) {
            None => reading.leave(&file.shown, "the whole file", "it is not well-formed XML"),
            Some(elements) => collect(file, text, &elements, &mut sources, &mut logins),
        })?;
    }
    for login in logins {
        take(login, &sources, &mut reading, outside.now);
    }
    Ok(reading)
}

/// What stands there for one source.
struct Login {
    at: String,
    source: String,
    user: Option<String>,
    token: Option<Secret>,
    encrypted: bool,
    hold: Hold,
}

fn take(login: Login, sources: &[(String, String)], reading: &mut Reading, now: i64) {
    let Login { at, source, user, token, encrypted, hold } = login;
    let url = sources.iter().find(|(name, _)| name.eq_ignore_ascii_case(&source)).map(|(_, url)| url.clone());
    let Some(url) = url else {
        return reading.leave(at, &source, "no package source of that name tells its URL here");
    };
    match token {
        None if encrypted => reading.leave(at, &url, "it is encrypted; NuGet alone can read it"),
        None => reading.leave(at, &url, "there is no token with it"),
        Some(token) if is_variable(&token) => {
            reading.leave(at, &url, "it is taken from a variable when NuGet runs");
        }
        Some(token) => reading.add(Entry { at, url, user, token, expires: None, hold }, now),
    }
}

/// `%NAME%`.
fn is_variable(token: &Secret) -> bool {
    let bytes = token.expose();
    bytes.len() > 2 && bytes.starts_with(b"%") && bytes.ends_with(b"%")
}

fn collect(
    file: &TextFile,
    text: &str,
    elements: &[Element<'_>],
    sources: &mut Vec<(String, String)>,
    logins: &mut Vec<Login>,
) {
    let (mut seen, mut line) = (0, 1);
    for element in elements {
        let path: Vec<String> = element.path.iter().map(|name| name.to_ascii_lowercase()).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["configuration", "packagesources", "add"] => {
                if let (Some(name), Some(url)) = (element.attribute("key"), element.attribute("value")) {
                    sources.push((name.to_string(), url.to_string()));
                }
            }
            ["configuration", "packagesourcecredentials", _] => {
                line += text[seen..element.range.start].matches('\n').count();
                seen = element.range.start;
                logins.push(Login {
                    at: file.at(line),
                    source: element_name(element.path.last().copied().unwrap_or_default()),
                    user: None,
                    token: None,
                    encrypted: false,
                    hold: Hold::Text(
                        file.path.clone(),
                        vec![file.range(with_its_line(text, element.range.clone()))],
                    ),
                });
            }
            ["configuration", "packagesourcecredentials", _, "add"] => {
                let (Some(login), Some(key)) = (logins.last_mut(), element.attribute("key")) else {
                    continue;
                };
                let value = element.attribute("value").unwrap_or_default();
                match key.to_ascii_lowercase().as_str() {
                    "username" => login.user = Some(value.to_string()),
                    "cleartextpassword" => login.token = Some(Secret::copy_of(value.as_bytes())),
                    "password" => login.encrypted = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// An element, in the order in which they begin.
struct Element<'f> {
    path: Vec<&'f str>,
    attributes: Vec<(&'f str, &'f str)>,
    /// From its first bracket to its last.
    range: Range<usize>,
}

impl Element<'_> {
    fn attribute(&self, name: &str) -> Option<Zeroizing<String>> {
        let found = self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| unescaped(value))
    }
}

/// Elements within elements: no such file has many.
const DEEPEST: usize = 32;

fn elements(text: &str) -> Option<Vec<Element<'_>>> {
    let mut elements: Vec<Element<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|found| found + at) {
        let rest = &text[start..];
        let skip = |end: &str| rest.find(end).map(|found| start + found + end.len());
        if rest.starts_with("<!--") {
            at = skip("-->")?;
        } else if rest.starts_with("<?") {
            at = skip("?>")?;
        } else if rest.starts_with("<!") {
            at = skip(">")?;
        } else if let Some(name) = rest.strip_prefix("</") {
            let name = &name[..name.find('>')?];
            let index = open.pop()?;
            if elements[index].path.last() != Some(&name.trim()) {
                return None;
            }
            at = skip(">")?;
            elements[index].range.end = at;
        } else {
            let (name, attributes, closed, length) = tag(rest)?;
            let mut path: Vec<&str> =
                open.last().map(|&index| elements[index].path.clone()).unwrap_or_default();
            path.push(name);
            at = start + length;
            elements.push(Element { path, attributes, range: start..at });
            if !closed {
                open.push(elements.len() - 1);
            }
            if open.len() > DEEPEST {
                return None;
            }
        }
    }
    open.is_empty().then_some(elements)
}

type Tag<'f> = (&'f str, Vec<(&'f str, &'f str)>, bool, usize);

/// Name, attributes, whether it closes itself, length.
fn tag(text: &str) -> Option<Tag<'_>> {
    let end = text[1..].find(|c: char| c.is_whitespace() || "/>".contains(c))? + 1;
    let (name, mut at) = (&text[1..end], end);
    let mut attributes = Vec::new();
    loop {
        at += text[at..].find(|c: char| !c.is_whitespace())?;
        if text[at..].starts_with("/>") {
            return Some((name, attributes, true, at + 2));
        }
        if text[at..].starts_with('>') {
            return Some((name, attributes, false, at + 1));
        }
        let (key, rest) = text[at..].split_once('=')?;
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| "\"'".contains(*c))?;
        let value = &rest[1..];
        let value = &value[..value.find(quote)?];
        if key.trim().is_empty() || key.contains(['<', '>', '"']) || value.contains('<') {
            return None;
        }
        attributes.push((key.trim(), value));
        at = text.len() - rest.len() + value.len() + 2;
    }
}

/// Undoes `&amp;` and its like; `None` for one that is not known.
fn unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (word, after) = after.split_once(';')?;
        plain.push(match word {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = word.strip_prefix('#')?;
                let hexadecimal =
                    number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
                char::from_u32(hexadecimal.unwrap_or_else(|| number.parse()).ok()?)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

/// The name of a source from that of an element, in which other characters stand as `_x0020_`.
fn element_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("_x") {
        name.push_str(before);
        let code = after.get(..5).and_then(|code| code.strip_suffix('_'));
        match code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
            Some(c) => {
                name.push(c);
                rest = &after[5..];
            }
            None => {
                name.push_str("_x");
                rest = after;
            }
        }
    }
    name.push_str(rest);
    name
}

/// A range with its indentation and the line's end behind it, where nothing else stands in its lines.
fn with_its_line(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let alone = text[start..range.start].trim().is_empty() && text[range.end..end].trim().is_empty();
    if alone { start..end } else { range }
}
