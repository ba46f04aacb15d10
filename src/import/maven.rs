//! Maven's `settings.xml`: the servers with a password in clear. Which URL a server's id means is known as far as the same file says so
//! (mirrors, and the repositories of profiles); a POM may say it, too, which is each project's.

use crate::error::Error;
use crate::formats::xml::{self, Event};
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::nuget::with_its_line;
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// Maven.
pub static SOURCE: Source =
    Source { name: "maven", title: "Maven", places: "~/.m2/settings.xml", read, ..Source::OF_FILES };

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let mut reading = Reading::default();
    file::read(outside, outside.at_home(".m2/settings.xml"), &mut reading, |file, text, reading| {
        if collect(file, text, reading, outside.now).is_none() {
            reading.skip(&file.shown, "the whole file", "it is not well-formed XML");
        }
    })?;
    Ok(reading)
}

/// A server, or a place with an id.
#[derive(Default)]
struct Block {
    id: String,
    url: String,
    user: Option<String>,
    token: Option<Secret>,
    start: usize,
    line: usize,
}

fn collect(file: &TextFile, text: &str, reading: &mut Reading, now: i64) -> Option<()> {
    let (mut servers, mut places): (Vec<(Block, std::ops::Range<usize>)>, Vec<Block>) =
        (Vec::new(), Vec::new());
    let mut path: Vec<String> = Vec::new();
    let mut block = Block::default();
    for (event, range) in xml::events(text)? {
        match event {
            Event::Open(element) => {
                path.push(element.name().to_owned());
                if is_block(&path) {
                    let line = text[..range.start].matches('\n').count() + 1;
                    block = Block { start: range.start, line, ..Block::default() };
                }
            }
            Event::Text(words) => {
                let Some((name, above)) = path.split_last().filter(|(_, above)| is_block(above)) else {
                    continue;
                };
                let is_server = above.last().is_some_and(|name| name == "server");
                match name.as_str() {
                    "id" => words.trim().clone_into(&mut block.id),
                    "url" => words.trim().clone_into(&mut block.url),
                    "username" if is_server => block.user = Some(words.trim().to_owned()),
                    "password" if is_server => block.token = Some(Secret::new(words.into_bytes())),
                    _ => {}
                }
            }
            Event::Close => {
                if is_block(&path) {
                    let done = std::mem::take(&mut block);
                    match path.last().is_some_and(|name| name == "server") {
                        true => servers.push((done, range)),
                        false => places.push(done),
                    }
                }
                path.pop();
            }
        }
    }
    for (server, close) in servers {
        let Block { id, user, token: Some(token), start, line, .. } = server else { continue };
        let at = file.at(line);
        let bytes = token.expose();
        let Some(place) = places.iter().find(|place| place.id == id && !place.url.is_empty()) else {
            reading.skip(at, &id, "no repository or mirror of that id tells its URL here");
            continue;
        };
        if bytes.windows(2).any(|two| two == b"${") {
            reading.skip(at, &place.url, "it is taken from a variable when Maven runs");
        } else if bytes.starts_with(b"{") && bytes.ends_with(b"}") {
            reading.skip(at, &place.url, "it is encrypted; Maven alone can read it");
        } else {
            let whole = file.range(with_its_line(text, start..close.end));
            let location = SourceLocation::Text(file.path.clone(), vec![whole]);
            reading.add(Entry { at, url: place.url.clone(), user, token, expires: None, location }, now);
        }
    }
    Some(())
}

/// Whether this is where an id stands together with what belongs to it.
fn is_block(path: &[String]) -> bool {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        names.as_slice(),
        ["settings", "servers", "server"]
            | ["settings", "mirrors", "mirror"]
            | ["settings", "profiles", "profile", "repositories", "repository"]
            | ["settings", "profiles", "profile", "pluginRepositories", "pluginRepository"]
    )
}
