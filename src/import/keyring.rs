//! Python's keyring library (pip, uv, twine, poetry): the system's keyring, and the plain file of keyrings.alt. Anything may
//! lie there under any name; what is taken is what has a URL for its name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::percent::decode_with;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation, az, ini, keyrings};

/// Python's keyring.
pub static SOURCE: Source = Source {
    name: "keyring",
    title: "Python's keyring",
    places: "the system's keyring, ~/.local/share/python_keyring/keyring_pass.cfg",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let own = outside.at_home(".local/share");
    let data = outside.folders().named("XDG_DATA_HOME").into_iter().chain(own);
    let usual = data.map(|folder| folder.join("python_keyring/keyring_pass.cfg"));
    let mut reading = Reading::default();
    let mut others = 0;
    file::read(outside, usual, &mut reading, |file, text, reading| {
        others += parse(file, text, reading, outside.now);
    })?;
    let items = keyrings::items_if_any(outside, keyrings::Wanted::Python, &mut reading)?;
    let all = items.len();
    let items: Vec<_> = items.into_iter().filter(|item| is_url(&item.service)).collect();
    others += all - items.len();
    if !items.is_empty() {
        reading.places.push(keyrings::KEYRING.to_owned());
    }
    for item in items {
        let (at, url) = (keyrings::KEYRING.to_owned(), item.service);
        match item.secret {
            None => reading.unread += 1,
            Some(token) => {
                let location = SourceLocation::Item(item.handle);
                reading.add(Entry { at, url, user: item.user, token, expires: None, location }, outside.now);
            }
        }
    }
    if others > 0 && !outside.only_look {
        reading.notes.push(format!("of Python's keyring, {others} are for other things than a URL"));
    }
    Ok(reading)
}

fn is_url(service: &str) -> bool {
    service.contains("://") && !service.starts_with(az::SERVICE)
}

/// Returns how many entries are for other things.
fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) -> usize {
    // keyrings.alt writes `_3A` for what is neither letter nor digit.
    let decoded = |text: &str| decode_with('_', text).map(|text| text.to_string());
    let mut others = 0;
    for setting in ini::settings(file, text) {
        let at = file.at(setting.line);
        let Some(url) = decoded(&setting.section).filter(|service| is_url(service)) else {
            others += 1;
            continue;
        };
        let value = Zeroizing::new(setting.value.replace(['\n', ' '], ""));
        match (BASE64.decode(value.as_bytes()), decoded(&setting.key)) {
            (Ok(token), Some(user)) => {
                let location = SourceLocation::Text(file.path.clone(), setting.ranges);
                let token = Secret::new(token);
                reading.add(Entry { at, url, user: Some(user), token, expires: None, location }, now);
            }
            _ => reading.skip(at, &url, "it is not what keyrings.alt writes there"),
        }
    }
    others
}
