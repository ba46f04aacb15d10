//! `az devops login`: the extension keeps a token for each organisation, in the system's keyring through Python's keyring
//! library, or where that does not work, in a file. As the extension's own source has it
//! (<https://github.com/Microsoft/azure-devops-cli-extension>, `dev/common/credential_store.py` and `_credentials.py`): of a URL it
//! keeps the host and the first segment of the path, in lower case, so that for an Azure DevOps Server one token is for all
//! collections below `/tfs`.

use crate::error::Error;
use crate::secret::Secret;

use super::file::{self, TextFile};
use super::{Entry, Outside, Reading, Source, SourceLocation, ini, keyrings};

/// `az devops`.
pub static SOURCE: Source = Source {
    name: "az",
    title: "az devops",
    places: "~/.azure/azuredevops/personalAccessTokens, the system's keyring",
    read,
    ..Source::OF_FILES
};

/// What its names begin with.
pub(super) const SERVICE: &str = "azdevops-cli:";

/// The user name under which it keeps all of them.
const USER: &str = "Personal Access Token";

fn read(outside: &Outside<'_>) -> Result<Reading, Error> {
    let own = outside.folders().named("AZURE_DEVOPS_EXT_CONFIG_DIR");
    let az = outside.folders().named("AZURE_CONFIG_DIR").map(|folder| folder.join("azuredevops"));
    let folders = own.into_iter().chain(az).chain(outside.at_home(".azure/azuredevops"));
    let usual = folders.map(|folder| folder.join("personalAccessTokens"));
    let mut reading = Reading::default();
    file::read(outside, usual, &mut reading, |file, text, reading| parse(file, text, reading, outside.now))?;
    let items = keyrings::items_if_any(outside, keyrings::Wanted::Az, &mut reading)?;
    let items: Vec<_> = items.into_iter().filter(|item| item.service.contains(SERVICE)).collect();
    if !items.is_empty() {
        reading.places.push(keyrings::KEYRING.to_owned());
    }
    for item in items {
        match item.secret {
            None => reading.unread += 1,
            Some(token) => {
                let at = keyrings::KEYRING.to_owned();
                add(&mut reading, outside.now, at, &item.service, token, SourceLocation::Item(item.handle));
            }
        }
    }
    Ok(reading)
}

fn parse(file: &TextFile, text: &str, reading: &mut Reading, now: i64) {
    for setting in ini::settings(file, text) {
        let at = file.at(setting.line);
        if setting.key.eq_ignore_ascii_case(USER) && setting.section.contains(SERVICE) {
            let token = Secret::copy_of(setting.value.as_bytes());
            let location = SourceLocation::Text(file.path.clone(), setting.ranges);
            add(reading, now, at, &setting.section, token, location);
        } else {
            reading.skip(at, &setting.section, "it is not what az devops writes there");
        }
    }
}

fn add(reading: &mut Reading, now: i64, at: String, service: &str, token: Secret, location: SourceLocation) {
    let url = service.split_once(SERVICE).map_or("", |(_, url)| url).trim();
    if !url.contains("://") {
        let why = "it is for every organisation, and a token belongs to one: keyfob add URL";
        return reading.skip(at, url, why);
    }
    reading.add(Entry { at, url: url.to_owned(), user: None, token, expires: None, location }, now);
}
