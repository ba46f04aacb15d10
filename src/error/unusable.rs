//! Why a value that should be a token is none. The value itself is never shown.

use std::fmt;

/// Why a variable that is set, or one entry of it, gives no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Nothing is in it: a secret that a pipeline did not map, or did not give to a fork.
    Empty,
    /// The name of a variable that nothing replaced, such as `$(PAT)`.
    Placeholder,
    /// Asterisks, as logs show a secret.
    Masked,
    /// A URL.
    IsUrl,
    /// Bytes that no token has.
    NotToken,
    /// A value that is no text.
    NotText,
    /// Not in the form that the variable has.
    Form(&'static str),
    /// An entry of a list that lacks something or means another way to sign in.
    Entry(&'static str),
    /// Nothing says where it belongs; this variable would.
    NoUrl(&'static str),
    /// A URL that cannot be read.
    BadUrl,
    /// A URL that names no organisation, for a tool that needs one.
    NoOrganisation,
    /// Plain http to a cloud service.
    PlainHttpToCloud,
    /// Plain http to another host.
    PlainHttp,
}

impl Unusable {
    /// What is wrong with `token`, if it cannot be a token at all.
    #[must_use]
    pub fn of(token: &[u8]) -> Option<Unusable> {
        if token.is_empty() {
            return Some(Unusable::Empty);
        }
        if token.iter().any(u8::is_ascii_control) {
            return Some(Unusable::NotToken);
        }
        let begins =
            |start: &str| token.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start.as_bytes()));
        if begins("https://") || begins("http://") {
            return Some(Unusable::IsUrl);
        }
        if token.len() >= 3 && token.iter().all(|&byte| byte == b'*') {
            return Some(Unusable::Masked);
        }
        is_placeholder(token).then_some(Unusable::Placeholder)
    }

    /// What helps, for the variable that holds it.
    #[must_use]
    pub fn hint(self, variable: &str, host: &str) -> String {
        match self {
            Unusable::Empty => format!(
                "map the secret to {variable} in the step that needs it; builds of a fork get no secrets"
            ),
            Unusable::Placeholder => {
                format!("define that variable or secret, and map it to {variable} in the step that needs it")
            }
            Unusable::Masked | Unusable::IsUrl | Unusable::NotToken | Unusable::NotText => {
                format!("set {variable} to the token itself")
            }
            Unusable::Form(form) => format!("write it as {form}"),
            Unusable::Entry(_) | Unusable::BadUrl => format!("correct the entry, or unset {variable}"),
            Unusable::NoUrl(url) => format!("set {url} to the URL that the token is for"),
            Unusable::NoOrganisation => format!("add the organisation to the URL of {variable}"),
            Unusable::PlainHttpToCloud => "use https".to_owned(),
            Unusable::PlainHttp => {
                format!(
                    "use https, or set KEYFOB_ALLOW_HTTP={host} if you accept that the network can read it"
                )
            }
        }
    }
}

impl fmt::Display for Unusable {
    /// Follows the name of a variable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Empty => f.write_str("it is empty"),
            Unusable::Placeholder => {
                f.write_str("it holds the name of a variable, such as $(PAT), that nothing replaced")
            }
            Unusable::Masked => {
                f.write_str("it holds asterisks in place of a token, as a log shows a secret")
            }
            Unusable::IsUrl => f.write_str("it holds a URL in place of a token"),
            Unusable::NotToken => f.write_str("what stands there is not a token"),
            Unusable::NotText => f.write_str("it is not text"),
            Unusable::Form(form) => write!(f, "it is not {form}"),
            Unusable::Entry(why) => write!(f, "one entry {why}"),
            Unusable::NoUrl(url) => write!(f, "{url}, which says where it belongs, is not set"),
            Unusable::BadUrl => f.write_str("its URL is not a usable one"),
            Unusable::NoOrganisation => f.write_str("its URL names no organisation"),
            Unusable::PlainHttp | Unusable::PlainHttpToCloud => f.write_str("its URL is plain http"),
        }
    }
}

/// The name of a variable that should have been replaced: `$(X)`, `${X}`, `${{ X }}`, `%X%`, `{{ X }}`. Nothing else in it, so that a
/// password with such characters stays one.
fn is_placeholder(token: &[u8]) -> bool {
    let inside = |start: &[u8], end: &[u8]| {
        let name = token.strip_prefix(start)?.strip_suffix(end)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-: []'\"".contains(byte);
        Some(!name.is_empty() && name.iter().all(plain))
    };
    [("$(", ")"), ("${", "}"), ("${{", "}}"), ("{{", "}}"), ("%", "%"), ("#{", "}#")]
        .iter()
        .any(|(start, end)| inside(start.as_bytes(), end.as_bytes()) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pipeline_leaves_in_place_of_a_token_is_recognised() {
        for (text, why) in [
            ("", Some(Unusable::Empty)),
            ("$(PAT)", Some(Unusable::Placeholder)),
            ("$(System.AccessToken)", Some(Unusable::Placeholder)),
            ("${PAT}", Some(Unusable::Placeholder)),
            ("${{ secrets.PAT }}", Some(Unusable::Placeholder)),
            ("%PAT%", Some(Unusable::Placeholder)),
            ("{{ pat }}", Some(Unusable::Placeholder)),
            ("***", Some(Unusable::Masked)),
            ("https://dev.azure.com/contoso", Some(Unusable::IsUrl)),
            ("a\nb", Some(Unusable::NotToken)),
            ("ghp_abc", None),
            ("$ecret(1)", None),
            ("%", None),
            ("**", None),
            ("$()", None),
            ("x${PAT}", None),
        ] {
            assert_eq!(Unusable::of(text.as_bytes()), why, "{text}");
        }
    }
}
