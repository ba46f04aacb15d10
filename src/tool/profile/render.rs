//! From endpoints and answers to variables: the names by the profile's templates, the values by its forms, and never a value in a
//! variable that would take it to another endpoint (see [`OnConflict`]). Deliberately absent: where answers come from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::Error;
use crate::secret_bytes::Bytes;
use crate::wallet::Credential;

use super::formats::{self, Form};
use super::{Endpoint, OnConflict, Profile, Variable};

/// An endpoint and what the wallet answered; nothing for an endpoint that is not ours or has a token already.
pub struct AnsweredEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The answer.
    pub answer: Option<Box<Credential>>,
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

/// Everything that a profile sets. `tool` is its word, for hints; what is left out, and why, goes to `left_out`.
///
/// # Errors
/// That an endpoint needs a name; that one variable would have to hold two things; that a value cannot be said in its form.
pub fn settings(
    tool: &str,
    profile: &Profile,
    wanted: &[AnsweredEndpoint],
    environment: &Environment,
    left_out: &mut Vec<String>,
) -> Result<Vec<Setting>, Error> {
    let mut all = Vec::new();
    for variable in profile.variables {
        if variable.form == Form::Composer {
            all.extend(by_host(variable.name, wanted, environment)?);
            continue;
        }
        let mut of_variable: BTreeMap<String, Vec<&AnsweredEndpoint>> = BTreeMap::new();
        for one in wanted {
            match name(variable, &one.endpoint) {
                Some(name) => of_variable.entry(name).or_default().push(one),
                None if one.answer.is_none() => {}
                None => {
                    return Err(Error::usage(
                        format!(
                            "{tool} has a name for {}, which is part of the variable's",
                            one.endpoint.url
                        ),
                        format!("keyfob run --profile {tool} --for NAME={} -- COMMAND", one.endpoint.url),
                    ));
                }
            }
        }
        for (name, wanted) in of_variable {
            all.extend(one(tool, variable, name, &wanted, left_out)?);
        }
    }
    Ok(all)
}

/// One variable with all endpoints that would have it.
fn one(
    tool: &str,
    variable: &Variable,
    name: String,
    wanted: &[&AnsweredEndpoint],
    left_out: &mut Vec<String>,
) -> Result<Option<Setting>, Error> {
    let mut ours = wanted.iter().filter_map(|one| Some((one, one.answer.as_deref()?)));
    let Some((first, answer)) = ours.next() else { return Ok(None) };
    let value = variable.form.value(answer, &first.endpoint.url)?;
    let mut other = None;
    for (one, answer) in ours {
        if *variable.form.value(answer, &one.endpoint.url)? != *value {
            other = Some(&one.endpoint.url);
        }
    }
    // The same endpoint once more, by another way of finding it, is no other.
    let is_other = |one: &&&AnsweredEndpoint| {
        let would_have_it = variable.on_conflict != OnConflict::Ours || one.endpoint.handed;
        one.answer.is_none() && would_have_it && one.endpoint.url != first.endpoint.url
    };
    other = other.or(wanted.iter().find(is_other).map(|one| &one.endpoint.url));
    if let Some(other) = other {
        let what = format!("{name} would go to {} and to {other} too", first.endpoint.url);
        if variable.on_conflict != OnConflict::Refuse {
            left_out.push(format!("{what}, so it is not set: keyfob help {tool} has the way"));
            return Ok(None);
        }
        let hint = format!(
            "say which is meant: keyfob run --profile {tool} --for {} -- COMMAND",
            first.endpoint.url
        );
        return Err(Error::Ambiguous { what, hint });
    }
    let words = described(variable.form, answer);
    checked(Setting { name, value, words }).map(Some)
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
    let mut name = variable.name.replace("{//host/path/}", &endpoint.nerf_dart());
    if name.contains(['{', '}']) {
        let of_place = endpoint.name.as_deref()?;
        let upper = of_place.to_uppercase();
        name = name
            .replace("{ID}", &upper.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
            .replace("{NAME}", &upper.replace('-', "_"))
            .replace("{name}", of_place);
    }
    Some(name)
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
        Some(_) => return Err(no_object()),
        None => Map::new(),
    };
    let hosts: Vec<String> = wanted.iter().map(|one| one.endpoint.remote.authority()).collect();
    let mut http_basic: BTreeMap<&str, Login<'_>> = BTreeMap::new();
    let (mut realms, mut length) = (Vec::new(), 0);
    for (host, one) in hosts.iter().zip(wanted) {
        let Some(answer) = one.answer.as_deref() else { continue };
        formats::pair(answer)?;
        let password = std::str::from_utf8(answer.token.expose()).map_err(|_| {
            Error::usage("the token is not text, which JSON cannot carry", "keyfob token URL --as token")
        })?;
        let login = Login::Ours { username: answer.user.as_deref().unwrap_or_default(), password };
        let foreign = hosts.iter().zip(wanted).find(|(other, one)| *other == host && one.answer.is_none());
        if http_basic.get(host.as_str()).is_some_and(|held| *held != login)
            || foreign.is_some_and(|(_, one)| !one.endpoint.served)
        {
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
