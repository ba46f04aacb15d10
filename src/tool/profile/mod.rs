//! Which variables can give a tool a token, for `keyfob run --profile`: a [`Profile`], as a part of the tool's record, as data, so
//! that the table in docs/tools/run.md is made of it. The token stands in the command's environment then, so the user says each
//! place; the proxy ([`super::client`]) is what serves a tool without a word.
//!
//! Deliberately absent: the tools' settings, the wallet and starting programs.

use url::Url;

use crate::error::Error;
use crate::remote::Remote;

pub mod formats;
pub mod render;

pub use formats::Form;

/// All that is known of the variables that a tool reads.
pub struct Profile {
    /// What is set for each endpoint.
    pub variables: &'static [Variable],
}

/// A variable.
pub struct Variable {
    /// Its name: `{name}` is the endpoint's name, `{NAME}` the same in upper case with `_` for `-`.
    pub name: &'static str,
    /// What it holds.
    pub form: Form,
}

/// A place that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What the tool's settings call it.
    pub name: Option<String>,
    /// The URL as the tool has it, without a user name: a slash at its end counts for some.
    pub url: String,
    /// The same for the wallet.
    pub remote: Remote,
    /// The user name in the URL.
    pub user: Option<String>,
}

impl Endpoint {
    /// From a URL.
    ///
    /// # Errors
    /// [`Error::Url`].
    pub fn new(name: Option<&str>, url: &str) -> Result<Endpoint, Error> {
        let (remote, user) = Remote::from_url(url)?;
        let mut plain = Url::parse(url.trim()).map_err(|_| Error::Url { why: "it cannot be read as one" })?;
        let _ = plain.set_username("");
        plain.set_query(None);
        plain.set_fragment(None);
        Ok(Endpoint { name: name.map(str::to_owned), url: plain.into(), remote, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_the_url_that_its_tool_has_but_nobodys_name_in_it() {
        let endpoint =
            Endpoint::new(Some("feed"), "https://me@Pkgs.Dev.Azure.com:443/contoso/My Feed/?x#y").unwrap();
        assert_eq!(endpoint.url, "https://pkgs.dev.azure.com/contoso/My%20Feed/");
        assert_eq!(endpoint.user.as_deref(), Some("me"));
        for none in ["./packages", "C:\\packages", "https://me:secret@host/x", "file:///x", ""] {
            assert!(Endpoint::new(None, none).is_err(), "{none}");
        }
    }
}
