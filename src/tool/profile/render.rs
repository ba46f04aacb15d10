//! From endpoints and answers to variables: the names by the profile's templates, the values by its forms, and no
//! variable for two endpoints of different tokens. Deliberately absent: where answers come from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::Error;
use crate::secret_bytes::Bytes;
use crate::wallet::Credential;

use super::formats::{self, Form};
use super::{Endpoint, Profile, Variable};

/// An endpoint and what the wallet answered.
pub struct AnsweredEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The answer.
    pub answer: Box<Credential>,
}

/// A variable as it will be set.
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Bytes,
    /// What it holds, in words, for `--dry-run`.
    pub words: String,
}

/// Everything that a profile sets. `tool` is its word, for hints.
///
/// # Errors
/// That an endpoint needs a name; that one variable would have to hold two things; that a value cannot be said in its form.
pub fn settings(
    tool: &str,
    profile: &Profile,
    wanted: &[AnsweredEndpoint],
    environment: &Environment,
) -> Result<Vec<Setting>, Error> {
    let mut all = Vec::new();
    for variable in profile.variables {
        if variable.form == Form::Composer {
            all.extend(by_host(variable.name, wanted, environment)?);
            continue;
        }
        let mut of_variable: BTreeMap<String, Vec<&AnsweredEndpoint>> = BTreeMap::new();
        for one in wanted {
            let name = name(variable, &one.endpoint).ok_or_else(|| {
                let url = &one.endpoint.url;
                Error::usage(
                    format!("{tool} has a name for {url}, which is part of the variable's"),
                    format!("keyfob run --profile {tool} --for NAME={url} -- COMMAND"),
                )
            })?;
            of_variable.entry(name).or_default().push(one);
        }
        for (name, wanted) in of_variable {
            all.push(one(tool, variable, name, &wanted)?);
        }
    }
    Ok(all)
}

/// One variable with all endpoints that would have it; there is at least one.
fn one(
    tool: &str,
    variable: &Variable,
    name: String,
    wanted: &[&AnsweredEndpoint],
) -> Result<Setting, Error> {
    let value_of = |one: &AnsweredEndpoint| variable.form.value(&one.answer, &one.endpoint.url);
    let first = wanted[0];
    let value = value_of(first)?;
    for other in &wanted[1..] {
        if *value_of(other)? != *value {
            let (url, other) = (&first.endpoint.url, &other.endpoint.url);
            return Err(Error::Ambiguous {
                what: format!("{name} would go to {url} and to {other} too"),
                hint: format!("say which is meant: keyfob run --profile {tool} --for {url} -- COMMAND"),
            });
        }
    }
    let words = described(variable.form, &first.answer);
    checked(Setting { name, value, words })
}

/// What a variable holds, without holding it.
#[must_use]
pub fn described(form: Form, answer: &Credential) -> String {
    match form {
        Form::Word(_) | Form::Url => form.words().to_owned(),
        _ => match answer.account.name() {
            Some(account) => format!("{} of {}, account {account}", form.words(), answer.realm),
            None => format!("{} of {}", form.words(), answer.realm),
        },
    }
}

/// A setting whose name and value can stand in an environment.
///
/// # Errors
/// [`Error::Usage`].
pub fn checked(setting: Setting) -> Result<Setting, Error> {
    let odd = |c: char| c == '=' || c.is_control();
    if setting.name.is_empty() || setting.name.contains(odd) || setting.value.contains(&0) {
        return Err(Error::usage(
            "that name or value cannot stand in an environment",
            "a name has no = and no control characters in it",
        ));
    }
    Ok(setting)
}

/// The name of a variable for an endpoint; `None` where the endpoint lacks the name that is part of it.
fn name(variable: &Variable, endpoint: &Endpoint) -> Option<String> {
    if !variable.name.contains(['{', '}']) {
        return Some(variable.name.to_owned());
    }
    let of_place = endpoint.name.as_deref()?;
    let upper = of_place.to_uppercase();
    Some(variable.name.replace("{NAME}", &upper.replace('-', "_")).replace("{name}", of_place))
}

/// Composer's document, with what stood in it.
#[derive(Serialize)]
struct Document<'d> {
    #[serde(rename = "http-basic")]
    http_basic: BTreeMap<&'d str, Login<'d>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize, PartialEq)]
#[serde(untagged)]
enum Login<'d> {
    Ours { username: &'d str, password: &'d str },
    Theirs(&'d Value),
}

fn by_host(
    variable: &str,
    wanted: &[AnsweredEndpoint],
    environment: &Environment,
) -> Result<Option<Setting>, Error> {
    let no_object = || Error::usage(format!("{variable} is no JSON object"), format!("unset {variable}"));
    let mut others = match environment.text(variable) {
        Some(text) => serde_json::from_str::<Map<String, Value>>(&text).map_err(|_| no_object())?,
        None => Map::new(),
    };
    let theirs = match others.remove("http-basic") {
        Some(Value::Object(logins)) => logins,
        // What PHP writes for an object without members.
        Some(Value::Array(list)) if list.is_empty() => Map::new(),
        Some(_) => return Err(no_object()),
        None => Map::new(),
    };
    let hosts: Vec<String> = wanted.iter().map(|one| one.endpoint.remote.authority()).collect();
    let mut http_basic: BTreeMap<&str, Login<'_>> = BTreeMap::new();
    let (mut realms, mut length) = (Vec::new(), 0);
    for (host, one) in hosts.iter().zip(wanted) {
        let answer = one.answer.as_ref();
        formats::pair(answer)?;
        let password = std::str::from_utf8(answer.token.expose()).map_err(|_| {
            Error::usage("the token is not text, which JSON cannot carry", "keyfob token URL --as token")
        })?;
        let login = Login::Ours { username: answer.user.as_deref().unwrap_or_default(), password };
        if http_basic.get(host.as_str()).is_some_and(|held| *held != login) {
            return Err(Error::Ambiguous {
                what: format!(
                    "Composer has one login for all of {host}, and several of its places are wanted"
                ),
                hint: format!(
                    "say which is meant: keyfob run --profile composer --for {} -- COMMAND",
                    one.endpoint.url
                ),
            });
        }
        length += 6 * (password.len() + answer.user.as_deref().map_or(0, str::len)) + host.len() + 64;
        realms.push(described(Form::Composer, answer));
        http_basic.insert(host.as_str(), login);
    }
    let Some(words) = realms.into_iter().next() else { return Ok(None) };
    for (host, login) in &theirs {
        http_basic.entry(host.as_str()).or_insert(Login::Theirs(login));
    }
    // What was there before stands in our own environment anyway; what is ours stays in this buffer.
    let before = environment.os(variable).map_or(0, |text| text.len());
    let mut value = Zeroizing::new(Vec::with_capacity(length + 2 * before + 64));
    serde_json::to_writer(&mut *value, &Document { http_basic, others })
        .map_err(|error| Error::Wire { doing: "write JSON", source: error.into() })?;
    checked(Setting { name: variable.to_owned(), value, words }).map(Some)
}
