//! The forms in which programs take a user name and a token.

use crate::error::Error;
use crate::forge::Presentation;
use crate::secret_bytes::{Bytes, base64, joined};
use crate::wallet::Credential;

/// What stands in a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// This word.
    Word(&'static str),
    /// The endpoint's URL.
    Url,
    /// The user name.
    User,
    /// The token.
    Token,
    /// Base64 of the token.
    Base64,
    /// `user:token`.
    Pair,
    /// Base64 of `user:token`.
    Basic,
    /// The whole value of the Authorization header.
    Header,
    /// `Username=…;Password=…;ValidAuthenticationTypes=basic`.
    NuGet,
    /// JSON that has user name and token by host, added to what is there.
    Composer,
}

impl Form {
    /// In words, for the documentation and `--dry-run`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Form::Word(word) => word,
            Form::Url => "the URL",
            Form::User => "user name",
            Form::Token => "token",
            Form::Base64 => "base64 of the token",
            Form::Pair => "user:token",
            Form::Basic => "base64 of user:token",
            Form::Header => "value of the Authorization header",
            Form::NuGet => "Username=user;Password=token;ValidAuthenticationTypes=basic",
            Form::Composer => "JSON with user name and token by host, added to what is there",
        }
    }

    /// The form of this word, for `--env NAME=FORM:URL`.
    #[must_use]
    pub fn named(word: &str) -> Option<Form> {
        NAMED.iter().find(|(name, _)| *name == word).map(|(_, form)| *form)
    }

    /// The value for an answer and the URL of its endpoint. `Composer` is not of one endpoint alone and is made elsewhere.
    ///
    /// # Errors
    /// When user name or token cannot be said in this form.
    pub fn value(self, answer: &Credential, url: &str) -> Result<Bytes, Error> {
        Ok(match self {
            Form::Word(word) => joined(&[word.as_bytes()]),
            Form::Url => joined(&[url.as_bytes()]),
            Form::User => joined(&[user(answer)?.as_bytes()]),
            Form::Token | Form::Composer => joined(&[answer.token.expose()]),
            Form::Base64 => base64(answer.token.expose()),
            Form::Pair => pair(answer)?,
            Form::Basic => basic(answer)?,
            Form::Header => header(answer)?,
            Form::NuGet => {
                let (user, token) = (user(answer)?, answer.token.expose());
                if user.contains(';') || token.contains(&b';') {
                    return Err(Error::usage(
                        "the user name or the token has a semicolon in it, at which NuGet ends it",
                        "use a token without one",
                    ));
                }
                let end = b";ValidAuthenticationTypes=basic";
                joined(&[b"Username=", user.as_bytes(), b";Password=", token, end])
            }
        })
    }
}

/// The words of forms on the command line.
pub const NAMED: &[(&str, Form)] = &[
    ("token", Form::Token),
    ("user", Form::User),
    ("base64", Form::Base64),
    ("pair", Form::Pair),
    ("basic", Form::Basic),
    ("header", Form::Header),
];

/// The user name of a pair; what was stored for a header has none.
fn user(answer: &Credential) -> Result<&str, Error> {
    if answer.authtype.is_some() {
        return Err(only_as_header());
    }
    Ok(answer.user.as_deref().unwrap_or_default())
}

/// `user:token`.
///
/// # Errors
/// As [`basic`].
pub fn pair(answer: &Credential) -> Result<Bytes, Error> {
    let user = user(answer)?;
    if user.contains(':') {
        return Err(Error::usage(
            "the user name has a colon in it, which Basic cannot carry",
            "keyfob token URL --as json shows both parts",
        ));
    }
    Ok(joined(&[user.as_bytes(), b":", answer.token.expose()]))
}

/// Base64 of `user:token` (RFC 7617).
///
/// # Errors
/// When it was stored for a header of another scheme, or the user name has a colon in it.
pub fn basic(answer: &Credential) -> Result<Bytes, Error> {
    match &answer.authtype {
        Some(authtype) if authtype.eq_ignore_ascii_case("basic") => Ok(joined(&[answer.token.expose()])),
        _ => Ok(base64(&pair(answer)?)),
    }
}

/// What stands behind `Authorization: `.
///
/// # Errors
/// As [`basic`].
pub fn header(answer: &Credential) -> Result<Bytes, Error> {
    let token = answer.token.expose();
    Ok(match (&answer.authtype, answer.presentation) {
        (Some(authtype), _) => joined(&[authtype.as_bytes(), b" ", token]),
        (None, Presentation::Bearer) => joined(&[b"Bearer ", token]),
        (None, Presentation::Basic | Presentation::ForcedBasic | Presentation::Plain) => {
            joined(&[b"Basic ", &basic(answer)?])
        }
    })
}

/// The error for what was stored with an `authtype`.
#[must_use]
pub fn only_as_header() -> Error {
    Error::usage(
        "it was stored for a header and is no user name with a token",
        "use --as header or --as curl",
    )
}

/// A value for an environment. The system's own copy of it cannot be wiped; it lives until the command is started.
///
/// # Errors
/// On Windows, where variables are text, for a token that is none.
pub fn os_string(value: &Bytes) -> Result<std::ffi::OsString, Error> {
    #[cfg(unix)]
    return Ok(std::os::unix::ffi::OsStringExt::from_vec(value.to_vec()));
    #[cfg(not(unix))]
    std::str::from_utf8(value).map(std::ffi::OsString::from).map_err(|_| {
        Error::usage("the token is not text, which a variable has to be", "keyfob token URL --as token")
    })
}
