//! The file of a group: its name, and what is believed of its content.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::files;

use super::{Group, VERSION};

/// Longest file name that we make; the rest of a long name is replaced by a digest.
const LONGEST_NAME: usize = 160;

pub(super) fn read_file(path: &Path) -> Result<Option<Group>, Error> {
    let Some(bytes) = files::read_private(path)? else { return Ok(None) };
    let not_a_record = match serde_json::from_slice::<Group>(&bytes) {
        Ok(group) if group.version <= VERSION => {
            // Whoever could write a record could else have one place's token handed out for another.
            return match group.realms.iter().find(|realm| !belongs(&group.group, &realm.realm)) {
                None => Ok(Some(group)),
                Some(_) => Err(Error::Record {
                    path: path.to_owned(),
                    why: "a realm in it belongs to another place, so it was not keyfob that wrote it"
                        .to_owned(),
                }),
            };
        }
        Ok(_) => String::new(),
        // serde's text names positions and field names only, never values of ours that matter.
        Err(error) => format!("line {}, column {}: not a record", error.line(), error.column()),
    };
    // A later format may have any shape, but says which it is.
    Err(match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > u64::from(VERSION) => {
            Error::Newer { path: path.to_owned(), found: version, known: u64::from(VERSION) }
        }
        _ => Error::Record { path: path.to_owned(), why: not_a_record },
    })
}

/// Whether a group may hold this realm: a cloud realm's group holds that realm alone, an origin's those of servers at this origin.
fn belongs(group: &str, realm: &str) -> bool {
    realm == group
        || (group.contains("://")
            && realm
                .split_once('/')
                .and_then(|(_, what)| what.strip_prefix(group))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The name of a group's file: readable, unique, the same on file systems that fold letter case, never a path.
pub(super) fn file_name(group: &str) -> String {
    let mut name = String::with_capacity(group.len() + 8);
    for byte in group.replace("://", "/").bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            b'/' => name.push('+'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.len() > LONGEST_NAME {
        let digest = Sha256::digest(group.as_bytes());
        name.truncate(LONGEST_NAME - 34);
        name.push_str("+.");
        name.extend(digest.iter().take(16).map(|byte| format!("{byte:02x}")));
    }
    name + ".json"
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn file_names_stay_inside_the_folder_and_differ() {
        let long = format!("generic/https://{}", "a".repeat(400));
        let names = [
            "azure-devops/contoso",
            "https://tfs.example:8443",
            "http://tfs.example:8443",
            "https://[::1]:80",
            "cert:///etc/x",
            "cert:///etc/X",
            "../../etc/passwd",
            "..",
            ".hidden",
            "smtp://Mail",
            "smtp://mail",
            long.as_str(),
            "a%b",
            "a/b",
            "a+b",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let file = file_name(name);
            assert!(!file.contains(['/', '\\', ':']) && !file.starts_with('.') && file.len() < 200, "{file}");
            assert!(seen.insert(file.to_lowercase()), "{name}");
        }
    }
}
