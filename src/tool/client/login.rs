//! How the proxy of `keyfob run` shows a token to a service, and what a client shows by itself. Deliberately absent: whether the
//! request may have the token at all, which is decided before there is a [`Credential`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::forge::{self, LoginForm, Presentation};
use crate::secret_bytes::{Bytes, joined};
use crate::tool::authorization::{basic, fits};
use crate::wallet::Credential;

use super::is_void;

/// The name and the value of the header for a host and a path, in segments as the client wrote them; `None` for what no header can hold.
#[must_use]
pub fn header(answer: &Credential, host: &str, path: &[&str]) -> Option<(&'static str, Bytes)> {
    const NAME: &str = "Authorization";
    let token = answer.token.expose();
    if let Some(scheme) = &answer.authtype {
        return (fits(scheme.as_bytes()) && fits(token))
            .then(|| (NAME, joined(&[scheme.as_bytes(), b" ", token])));
    }
    let bearer = || fits(token).then(|| (NAME, joined(&[b"Bearer ", token])));
    match (forge::of_realm(answer.realm.as_str()).packages.login)(host, path) {
        LoginForm::Bearer => bearer(),
        LoginForm::Header(name) => fits(token).then(|| (name, joined(&[token]))),
        LoginForm::Usual if answer.presentation == Presentation::Bearer => bearer(),
        LoginForm::Usual => {
            let user = answer.user.as_deref().filter(|user| !user.is_empty()).unwrap_or("pat");
            // A server could not tell where a name with a colon ends.
            (!user.contains(':')).then(|| (NAME, basic(user, token)))
        }
    }
}

/// Whether an Authorization header of a client is a login, and no placeholder.
#[must_use]
pub fn is_login(header: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(header) else { return true };
    let text = text.trim();
    let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = BASE64.decode(rest.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
        return pair.is_none_or(|pair| {
            !is_void(pair.split_once(':').map_or(pair.as_str(), |(_, password)| password))
        });
    }
    !is_void(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::client::PLACEHOLDER;

    #[test]
    fn a_placeholder_is_no_login_in_whatever_form_it_comes() {
        let basic = |pair: &str| format!("Basic {}", BASE64.encode(pair));
        for void in [
            format!("Bearer {PLACEHOLDER}"),
            PLACEHOLDER.to_owned(),
            basic(&format!("any:{PLACEHOLDER}")),
            basic("any:${TOKEN}"),
            "Bearer ${NPM_TOKEN}".to_owned(),
            "Bearer".to_owned() + " ",
        ] {
            assert!(!is_login(void.as_bytes()) || void.trim() == "Bearer", "{void}");
        }
        for login in [
            basic("a:b"),
            "Bearer x".to_owned(),
            "x".to_owned(),
            "Basic ???".to_owned(),
            "Negotiate abc".to_owned(),
        ] {
            assert!(is_login(login.as_bytes()), "{login}");
        }
        assert!(is_login(b"Bearer \xff"));
    }
}
