//! pip and twine: URLs with a login in `pip.conf`, and the sections of `.pypirc`. Of a URL only its token is taken out, so that pip goes
//! on asking there, and asks its keyring (`keyfob setup keyring`) for it.

use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile, lines};
use super::git_store::decoded;
use super::ini::{self, Setting};
use super::{Entry, Outside, Reading, Source, SourceLocation};

/// pip and twine.
pub static SOURCE: Source =
    Source { name: "pip", title: "pip", places: "pip.conf, ~/.pypirc", read, ..Source::OF_FILES };

/// What twine uploads to by these names where the file says nothing else.
const KNOWN: &[(&str, &str)] =
    &[("pypi", "https://upload.pypi.org/legacy/"), ("testpypi", "https://test.pypi.org/legacy/")];

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let folders = outside.folders();
    let own = folders.named("PIP_CONFIG_FILE").into_iter();
    let config = folders.config().into_iter().chain(folders.xdg_config());
    let config = config.map(|folder| folder.join("pip/pip.conf"));
    let roaming = folders.roaming().map(|folder| folder.join("pip/pip.ini"));
    let home = [".pip/pip.conf", ".pypirc"].into_iter().flat_map(|name| outside.at_home(name));
    let mut usual: Vec<_> = own.chain(config).chain(roaming).chain(home).collect();
    let mut seen = std::collections::BTreeSet::new();
    usual.retain(|path| seen.insert(path.clone()));
    let mut reading = Reading::default();
    file::read(outside, usual, &mut reading, |file, text, reading| {
        urls(file, text, reading, outside.now);
        repositories(file, text, reading, outside.now);
    })?;
    Ok(reading)
}

/// Every URL with a token in it, on whatever line of a setting it stands.
fn urls(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    for line in lines(file, text) {
        if line.text.trim_start().starts_with(['#', ';']) {
            continue;
        }
        for (mark, _) in line.text.match_indices("://") {
            let start = line.text[..mark].rfind([' ', '\t', '=', ',', '\'', '"']).map_or(0, |at| at + 1);
            let end =
                line.text[mark..].find([' ', '\t', ',', '\'', '"']).map_or(line.text.len(), |at| mark + at);
            let (from, rest) = (mark + 3, &line.text[mark + 3..end]);
            let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
            let Some((login, _)) = authority.rsplit_once('@') else { continue };
            let (user, token) = login.split_once(':').unwrap_or((login, ""));
            // Alone, it may be the token or the name of somebody whose token is in the keyring: the token's look tells.
            let (user, token, cut) = match token.is_empty() {
                true if crate::forge::token::is_token(user) => (None, user, from..from + login.len() + 1),
                true => continue,
                false => (Some(user), token, from + user.len()..from + login.len()),
            };
            let at = file.at(line.number);
            let url = format!("{}://{}", &line.text[start..mark], &rest[login.len() + 1..]);
            let (Some(token), Some(user)) =
                (decoded(token), user.map_or(Some(None), |user| decoded(user).map(Some)))
            else {
                reading.skip(at, &url, "it is no text");
                continue;
            };
            if token.starts_with("${") || token.starts_with('$') {
                reading.skip(at, &url, "it is taken from a variable when pip runs");
                continue;
            }
            let range = line.range.start + cut.start..line.range.start + cut.end;
            let location = SourceLocation::Text(file.path.clone(), vec![range]);
            let (user, token) = (user.map(|user| user.to_string()), Secret::copy_of(token.as_bytes()));
            reading.add(Entry { at, url, user, token, expires: None, location }, now);
        }
    }
}

/// The sections that twine uploads to.
fn repositories(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    let settings = ini::settings(file, text);
    for password in settings.iter().filter(|setting| setting.key.eq_ignore_ascii_case("password")) {
        let of_section = |key: &str| -> Option<&Setting> {
            settings
                .iter()
                .find(|other| other.section == password.section && other.key.eq_ignore_ascii_case(key))
        };
        let known =
            || KNOWN.iter().find(|(name, _)| *name == password.section).map(|(_, url)| (*url).to_owned());
        let at = file.at(password.line);
        let Some(url) = of_section("repository").map(|url| url.value.to_string()).or_else(known) else {
            reading.skip(at, &password.section, "no repository of that name tells its URL here");
            continue;
        };
        // Only its own lines: the section stays, and twine asks its keyring for it.
        let lines = lines(file, text);
        let header = lines.iter().filter(|line| line.text.trim_start().starts_with('['));
        let headers: Vec<_> = header.map(|line| line.range.clone()).collect();
        let ranges = password.ranges.iter().filter(|range| !headers.contains(range)).cloned().collect();
        let token = Secret::copy_of(Zeroizing::new(password.value.to_string()).as_bytes());
        let user = of_section("username").map(|user| user.value.to_string());
        let location = SourceLocation::Text(file.path.clone(), ranges);
        reading.add(Entry { at, url, user, token, expires: None, location }, now);
    }
}
