//! GitLab's own command, glab: the tokens of its `config.yml`. What it got by signing in it renews itself, so that stays.

use crate::error::Error;
use crate::secret::Secret;

use super::file;
use super::gh::values;
use super::{Entry, Outside, Reading, SESSION, Source, SourceLocation};

/// glab.
pub static SOURCE: Source = Source {
    name: "glab",
    title: "GitLab's command glab",
    places: "~/.config/glab-cli/config.yml",
    read,
    ..Source::OF_FILES
};

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let folder = outside
        .folders()
        .named("GLAB_CONFIG_DIR")
        .or_else(|| outside.folders().xdg_config().map(|folder| folder.join("glab-cli")));
    let usual = folder.map(|folder| folder.join("config.yml"));
    let mut reading = Reading::default();
    file::read(outside, usual, &mut reading, |file, text, reading| {
        let Some(values) = values(file, text) else {
            return reading.skip(&file.shown, "the whole file", "it is not what glab writes there");
        };
        for value in &values {
            let &[hosts, host, "token"] = value.names.as_slice() else { continue };
            if hosts != "hosts" {
                continue;
            }
            let of_host = |name: &str| {
                values.iter().find(|other| other.names == [hosts, host, name]).map(|other| other.text)
            };
            // Older ones write a tag before it.
            let token = value.text.strip_prefix("!!null ").unwrap_or(value.text).trim();
            let (at, scheme) = (file.at(value.line), of_host("api_protocol").unwrap_or("https"));
            let url = format!("{scheme}://{host}");
            if of_host("is_oauth2") == Some("true") {
                reading.skip(at, &url, SESSION);
                continue;
            }
            let (user, token) = (of_host("user").map(str::to_owned), Secret::copy_of(token.as_bytes()));
            let location = SourceLocation::Text(file.path.clone(), vec![value.range.clone()]);
            reading.add(Entry { at, url, user, token, expires: None, location }, outside.now);
        }
    })?;
    Ok(reading)
}
