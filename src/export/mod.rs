//! An export: the wallet with its secrets as one encrypted file, for moving to another machine. What is sealed is a JSON
//! document of our own, the records as they are and beside them the secrets by id; what seals it is the age format, so
//! that a file for a public key can be looked at with `age -d`, and its safety does not hang on code of ours alone.
//!
//! Deliberately absent: which file, which key, and what meets what is there (`command::export`, `command::import` and the
//! wallet's bundle).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::records::RealmRecord;
use crate::secret::Secret;
use crate::wallet::manage::bundle::Bundle;

/// What the document says it is.
const FORMAT: &str = "keyfob export";

/// The version of it that this program writes.
pub const VERSION: u64 = 1;

#[derive(Serialize)]
struct Outgoing<'b> {
    format: &'static str,
    version: u64,
    made: String,
    realms: &'b [RealmRecord],
    secrets: BTreeMap<&'b str, Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Incoming {
    realms: Vec<RealmRecord>,
    secrets: BTreeMap<String, Zeroizing<String>>,
}

/// What every version of the document has.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u64,
}

/// Why a document that was opened is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentError {
    /// It is not an export.
    Foreign,
    /// A later keyfob made it.
    Newer(u64),
}

/// The document.
///
/// # Errors
/// [`Error::Wire`], which cannot be.
pub fn write(bundle: &Bundle, now: i64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let encoded = |secret: &Secret| {
        // As long as it will be: a growing one would leave pieces behind.
        let mut text = Zeroizing::new(String::with_capacity(secret.len().div_ceil(3) * 4));
        BASE64.encode_string(secret.expose(), &mut text);
        text
    };
    let document = Outgoing {
        format: FORMAT,
        version: VERSION,
        made: crate::text::rfc3339(now),
        realms: &bundle.realms,
        secrets: bundle.secrets.iter().map(|(id, secret)| (id.as_str(), encoded(secret))).collect(),
    };
    let failed = |error: serde_json::Error| Error::Wire { doing: "write the export", source: error.into() };
    // As long as it will be at most, so that it does not grow and leave pieces behind: the records, the secrets, and around each
    // of these its id, quotes and indentation.
    let records = serde_json::to_vec_pretty(&document.realms).map_err(failed)?.len();
    let secrets: usize = document.secrets.values().map(|text| text.len() + 64).sum();
    let indented = records + records / 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * indented + secrets + 4096));
    serde_json::to_writer_pretty(&mut *bytes, &document).map_err(failed)?;
    Ok(bytes)
}

/// Reads the document. Nothing of what is wrong with it is repeated: it holds secrets.
///
/// # Errors
/// [`ContentError`].
pub fn read(document: &[u8]) -> Result<Bundle, ContentError> {
    let kind: Preamble = serde_json::from_slice(document).map_err(|_| ContentError::Foreign)?;
    match kind {
        Preamble { format, .. } if format != FORMAT => return Err(ContentError::Foreign),
        Preamble { version, .. } if version > VERSION => return Err(ContentError::Newer(version)),
        _ => {}
    }
    let Incoming { realms, secrets } = serde_json::from_slice(document).map_err(|_| ContentError::Foreign)?;
    let decoded = |(id, text): (String, Zeroizing<String>)| {
        Some((id, Secret::new(BASE64.decode(text.as_bytes()).ok()?)))
    };
    let secrets = secrets.into_iter().map(decoded).collect::<Option<_>>().ok_or(ContentError::Foreign)?;
    Ok(Bundle { realms, secrets })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(text: &str) -> RealmRecord {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_as_it_was() {
        let id = "0123456789abcdef0123456789abcdef";
        let text = format!(
            r#"{{"realm":"azure-devops/contoso","url":"https://dev.azure.com/contoso","allow_http":true,
            "accounts":[{{"name":"alice","source":"person","store":"vault","id":"{id}","label":"l \"q\"",
            "trouble":{{"code":{{"state":"suspect","since":1}}}},"expires":{{"at":5,"hard":true}},
            "scopes":["vso.code"],"default":true,"added":1,"changed":2}}],
            "rules":[{{"path":["website"],"account":"alice"}}]}}"#
        );
        let mut bundle = Bundle { realms: vec![realm(&text)], ..Bundle::default() };
        bundle.secrets.insert(id.to_owned(), Secret::new(vec![b'x'; 9000]));
        bundle.secrets.insert("another".to_owned(), Secret::new(vec![0, 255, b'\n']));
        let written = write(&bundle, 0).unwrap();
        assert!(written.len() < written.capacity(), "it did not grow");
        let back = read(&written).unwrap();
        let as_text = |bundle: &Bundle| serde_json::to_string(&bundle.realms).unwrap();
        assert_eq!(as_text(&back), as_text(&bundle));
        assert_eq!(back.secrets.len(), 2);
        assert!(back.secrets.iter().all(|(id, secret)| secret.same_as(&bundle.secrets[id])));
    }

    #[test]
    fn what_is_no_export_or_a_later_one_is_told_apart() {
        let document = write(&Bundle::default(), 0).unwrap();
        let text = std::str::from_utf8(&document).unwrap();
        assert!(read(document.as_slice()).is_ok());
        let later = text.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(read(later.as_bytes()).unwrap_err(), ContentError::Newer(2));
        for other in ["", "{}", "[]", "null", &text.replace("keyfob", "other"), &text[..text.len() - 1]] {
            assert_eq!(read(other.as_bytes()).unwrap_err(), ContentError::Foreign, "{other}");
        }
        let bad = text.replace("\"secrets\": {}", "\"secrets\": {\"a\":\"!\"}");
        assert_eq!(read(bad.as_bytes()).unwrap_err(), ContentError::Foreign);
    }
}
