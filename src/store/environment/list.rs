//! Lists of tokens as JSON, as people and pipelines write it: what strict JSON refuses (single quotes, a comma too many, comments) is
//! read too, as Microsoft's own reader does. Each entry stands for itself: an odd one takes none of the others with it.

use jsonc_parser::ast;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use crate::error::Unusable;
use crate::secret::Secret;

/// One entry of a list.
pub(super) struct Entry {
    /// The URL.
    pub(super) url: String,
    /// The user name.
    pub(super) user: Option<String>,
    /// The token, or why there is none.
    pub(super) token: Result<Secret, Unusable>,
}

/// The names of an entry's members.
pub(super) struct Names {
    pub(super) url: &'static str,
    pub(super) token: &'static str,
    /// What is missing where there is no URL, and where there is no token.
    pub(super) without: [&'static str; 2],
}

/// The entries of the list in `text`, below the member `below` where there is one; `None` for what is no such list.
pub(super) fn entries(
    text: &str,
    below: Option<&str>,
    names: &Names,
) -> Option<Vec<Result<Entry, Unusable>>> {
    let mut value = serde_json::from_str::<Value>(text).ok().or_else(|| lenient(text))?;
    if let Some(name) = below {
        value = take(&mut value, name)?;
    }
    let Value::Array(list) = value else { return None };
    Some(list.into_iter().map(|value| entry(value, names)).collect())
}

fn entry(mut value: Value, names: &Names) -> Result<Entry, Unusable> {
    if !value.is_object() {
        return Err(Unusable::Entry("is not an object"));
    }
    let signs_in = ["clientId", "clientCertificateFilePath", "clientCertificateSubjectName"];
    let by_certificate = signs_in.iter().any(|name| take(&mut value, name).is_some());
    let [no_url, no_token] = names.without;
    let url = match take(&mut value, names.url) {
        Some(Value::String(url)) => url,
        _ => return Err(Unusable::Entry(no_url)),
    };
    let user = match take(&mut value, "username") {
        Some(Value::String(user)) => Some(user),
        _ => None,
    };
    let token = match take(&mut value, names.token) {
        Some(Value::String(token)) => Ok(Secret::new(token.into_bytes())),
        _ if by_certificate => {
            Err(Unusable::Entry("is for a sign-in with a client id, which keyfob does not do"))
        }
        _ => Err(Unusable::Entry(no_token)),
    };
    Ok(Entry { url, user, token })
}

/// Takes a member out, whatever its letter case; the exact one first.
fn take(value: &mut Value, name: &str) -> Option<Value> {
    let object = value.as_object_mut()?;
    if let Some(found) = object.remove(name) {
        return Some(found);
    }
    let other = object.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    object.remove(&other)
}

fn lenient(text: &str) -> Option<Value> {
    fn plain(value: ast::Value<'_>) -> Value {
        match value {
            ast::Value::StringLit(text) => Value::String(text.value.into_owned()),
            ast::Value::Array(list) => Value::Array(list.elements.into_iter().map(plain).collect()),
            ast::Value::Object(object) => {
                let members = object.properties.into_iter();
                Value::Object(members.map(|one| (one.name.into_string(), plain(one.value))).collect())
            }
            // No member that counts is anything else.
            ast::Value::NullKeyword(_) | ast::Value::NumberLit(_) | ast::Value::BooleanLit(_) => Value::Null,
        }
    }
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    parse_to_ast(text, &CollectOptions::default(), &options).ok()?.value.map(plain)
}
