//! What `keyfob run` knows of a tool that has no way to ask us: its [`Profile`], as a part of its record. Which endpoints it wants
//! tokens for, which variables it reads, and in which form; as data, so that the table in docs/tools/run.md is made of it.
//!
//! A profile's rule is R1's: a token only where it belongs. Most tools tie a variable to an endpoint, by its host or by the name that
//! their settings give it; where they do not ([`OnConflict`]), the token is not set beside an endpoint that is not its own.
//! Deliberately absent: the wallet and starting programs, which are the command's.

use url::Url;

use crate::error::Error;
use crate::remote::Remote;

pub mod formats;
pub mod render;
pub mod search;

pub use formats::Form;
pub use search::Search;

/// All that is known of the variables that a tool reads.
pub struct Profile {
    /// Programs that it is for: `keyfob run -- npm ci` needs no `--profile`.
    pub programs: &'static [&'static str],
    /// Where its endpoints come from if nobody names them, in words; and how.
    pub discover: Option<(&'static str, Discover)>,
    /// What is set for each endpoint.
    pub variables: &'static [Variable],
}

impl Profile {
    /// Whether its variables are tied to an endpoint by the name that the tool's settings give it.
    #[must_use]
    pub fn goes_by_name(&self) -> bool {
        let by_name = |variable: &Variable| {
            ["{name}", "{NAME}", "{ID}"].iter().any(|word| variable.name.contains(word))
        };
        self.variables.iter().any(by_name)
    }
}

/// Finds the endpoints in the tool's own settings.
pub type Discover = fn(&mut Search<'_>) -> Vec<Endpoint>;

/// A variable.
pub struct Variable {
    /// Its name: `{name}` is the endpoint's name, `{NAME}` the same in upper case with `_` for `-`, `{ID}` the same with `_` for
    /// all but letters and digits, `{//host/path/}` its URL without scheme.
    pub name: &'static str,
    /// What stands in it.
    pub form: Form,
    /// What becomes of it when two endpoints want it differently.
    pub on_conflict: OnConflict,
}

/// What becomes of a variable that would have to hold two things, or that would be sent to an endpoint that is not ours too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing is started: the person has to say which.
    Refuse,
    /// It is not set; others do the work.
    LeaveOut,
    /// As `LeaveOut`, but of the endpoints that are not ours only those count that it is [`handed`](Endpoint::handed) to: the tool's
    /// own settings say where it goes.
    Ours,
}

/// An endpoint that a tool may want a token for.
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
    /// Whether it has a token already, which stays.
    pub served: bool,
    /// Whether the tool's settings hand it a variable of our own naming ([`OnConflict::Ours`]).
    pub handed: bool,
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
        Ok(Endpoint {
            name: name.map(str::to_owned),
            url: plain.into(),
            remote,
            user,
            served: false,
            handed: false,
        })
    }

    /// From what a tool's settings say; `None` for what is no web address or holds a password already.
    #[must_use]
    pub fn found(name: Option<&str>, url: &str) -> Option<Endpoint> {
        Endpoint::new(name, url).ok()
    }

    /// The same, with a token of its own already if `served`.
    #[must_use]
    pub fn with_token(self, served: bool) -> Endpoint {
        Endpoint { served, ..self }
    }

    /// The same; the tool's settings hand it a variable of our own naming if `handed`.
    #[must_use]
    pub fn with_variable(self, handed: bool) -> Endpoint {
        Endpoint { handed, ..self }
    }

    /// `//host/path/`, as npm ties settings to a registry.
    #[must_use]
    pub fn nerf_dart(&self) -> String {
        let bare = self.url.split_once(':').map_or("", |(_, rest)| rest);
        format!("{}/", bare.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_the_url_that_its_tool_has_but_nobodys_name_in_it() {
        let endpoint =
            Endpoint::found(Some("feed"), "https://me@Pkgs.Dev.Azure.com:443/contoso/My Feed/?x#y").unwrap();
        assert_eq!(endpoint.url, "https://pkgs.dev.azure.com/contoso/My%20Feed/");
        assert_eq!(endpoint.nerf_dart(), "//pkgs.dev.azure.com/contoso/My%20Feed/");
        assert_eq!(endpoint.user.as_deref(), Some("me"));
        let bare = Endpoint::found(None, "http://127.0.0.1:8080").unwrap();
        assert_eq!(
            (bare.nerf_dart().as_str(), bare.url.as_str()),
            ("//127.0.0.1:8080/", "http://127.0.0.1:8080/")
        );
        for none in ["./packages", "C:\\packages", "https://me:secret@host/x", "file:///x", ""] {
            assert_eq!(Endpoint::found(None, none), None, "{none}");
        }
    }
}
