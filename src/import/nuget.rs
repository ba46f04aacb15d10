//! NuGet.config: `packageSourceCredentials` with a user name and a token for each package source, in clear or encrypted by
//! Windows (<https://learn.microsoft.com/nuget/reference/nuget-config-file>).

use std::ops::Range;

use crate::error::Error;
use crate::formats::xml::{self, Event};
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// NuGet's settings.
pub static SOURCE: Source = Source {
    name: "nuget",
    title: "NuGet.config",
    places: "~/.nuget/NuGet/NuGet.Config, ~/.config/NuGet/NuGet.Config, %APPDATA%\\NuGet\\NuGet.Config",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let roaming = outside.folders().roaming().map(|folder| folder.join("NuGet/NuGet.Config"));
    let config = outside.folders().xdg_config().map(|folder| folder.join("NuGet/NuGet.Config"));
    let own = outside.at_home(".nuget/NuGet/NuGet.Config");
    let usual = own.into_iter().chain(config).chain(roaming);
    let mut reading = Reading::default();
    // A source may be named in one file and have its token in another.
    let (mut sources, mut logins) = (Vec::new(), Vec::new());
    file::read(outside, usual, &mut reading, |file, text, reading| {
        if collect(file, text, &mut sources, &mut logins).is_none() {
            reading.skip(&file.shown, "the whole file", "it is not well-formed XML");
        }
    })?;
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
    location: SourceLocation,
}

fn take(login: Login, sources: &[(String, String)], reading: &mut Reading, now: i64) {
    let Login { at, source, user, token, encrypted, location } = login;
    let url = sources.iter().find(|(name, _)| name.eq_ignore_ascii_case(&source)).map(|(_, url)| url.clone());
    let Some(url) = url else {
        return reading.skip(at, &source, "no package source of that name tells its URL here");
    };
    match token {
        None if encrypted => reading.skip(at, &url, "it is encrypted; NuGet alone can read it"),
        None => reading.skip(at, &url, "there is no token with it"),
        Some(token) if is_variable(&token) => {
            reading.skip(at, &url, "it is taken from a variable when NuGet runs");
        }
        Some(token) => reading.add(Entry { at, url, user, token, expires: None, location }, now),
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
    sources: &mut Vec<(String, String)>,
    logins: &mut Vec<Login>,
) -> Option<()> {
    let mut path: Vec<String> = Vec::new();
    let (mut seen, mut line) = (0, 1);
    let mut login: Option<(Login, usize)> = None;
    for (event, range) in xml::events(text)? {
        if let Event::Open(element) = &event {
            path.push(element.name().to_ascii_lowercase());
        }
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match (event, names.as_slice()) {
            (Event::Open(element), ["configuration", "packagesources", "add"]) => {
                if let (Some(name), Some(url)) = (element.attribute("key"), element.attribute("value")) {
                    sources.push((name.to_string(), url.to_string()));
                }
            }
            (Event::Open(element), ["configuration", "packagesourcecredentials", _]) => {
                line += text[seen..range.start].matches('\n').count();
                seen = range.start;
                let (at, source) = (file.at(line), xml::decode_name(element.name()));
                let location = SourceLocation::Text(file.path.clone(), Vec::new());
                let new = Login { at, source, user: None, token: None, encrypted: false, location };
                login = Some((new, range.start));
            }
            (Event::Open(element), ["configuration", "packagesourcecredentials", _, "add"]) => {
                let (Some((login, _)), Some(key)) = (&mut login, element.attribute("key")) else { continue };
                let value = element.attribute("value").unwrap_or_default();
                match key.to_ascii_lowercase().as_str() {
                    "username" => login.user = Some(value.to_string()),
                    "cleartextpassword" => login.token = Some(Secret::copy_of(value.as_bytes())),
                    "password" => login.encrypted = true,
                    _ => {}
                }
            }
            (Event::Close, ["configuration", "packagesourcecredentials", _]) => {
                if let Some((mut login, start)) = login.take() {
                    let whole = file.range(with_its_line(text, start..range.end));
                    login.location = SourceLocation::Text(file.path.clone(), vec![whole]);
                    logins.push(login);
                }
                path.pop();
            }
            (Event::Close, _) => drop(path.pop()),
            _ => {}
        }
    }
    Some(())
}

/// A range with its indentation and the line's end behind it, where nothing else stands in its lines.
pub(super) fn with_its_line(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let alone = text[start..range.start].trim().is_empty() && text[range.end..end].trim().is_empty();
    if alone { start..end } else { range }
}
