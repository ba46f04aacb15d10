//! What a request of the command may have, when it comes through the proxy: one question to the wallet for each, with its whole URL
//! and the tool's need. It gets a login only for what was granted: realm, need and, for what changes something, the right to write.
//! Everything else on a realm's host goes on as it came. Deliberately absent: connections, TLS and bytes, which are the proxy's.

use url::Url;

use crate::error::{Error, NoCredential};
use crate::forge::{self, Need};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::secret_bytes::Bytes;
use crate::tool::client::login;
use crate::wallet::get::get_account;
use crate::wallet::{Credential, LocalWallet, Lookup, Note, PromptPolicy, Query, Wallet as _, manage};

/// What the command may have.
pub(super) struct Grants {
    /// The realms.
    pub all: Vec<Grant>,
    /// Whether it may change something there.
    pub write: bool,
    /// The account that is meant, of each realm.
    pub account: Option<String>,
    /// The tool's name in the wallet's records.
    pub tool: &'static str,
}

/// A realm that the command may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The realm.
    pub realm: Realm,
    /// What for.
    pub need: Need,
    /// The origins (scheme, host and port) at which it is.
    pub origins: Vec<String>,
}

/// What becomes of a request.
pub(super) enum Answer {
    /// It goes on as it came.
    PassOn,
    /// It goes on with this login.
    Login(Box<Login>),
    /// It goes no further; the sentence is for whoever reads the client's output.
    Refuse(String),
}

/// A login.
pub(super) struct Login {
    /// The header's name.
    pub name: &'static str,
    /// Its value.
    pub value: Bytes,
    /// What is needed to report that it was refused.
    pub given: Given,
}

/// What was given, kept until it is seen what became of it.
pub(super) struct Given {
    query: Query,
    token: Secret,
}

impl Grants {
    /// Every origin to which connections are looked into.
    pub(super) fn origins(&self) -> Vec<String> {
        self.all.iter().flat_map(|grant| grant.origins.iter().cloned()).collect()
    }

    /// What becomes of a request. `authorization` is the header of the client itself.
    ///
    /// # Errors
    /// Those of the wallet: the store is locked or silent.
    pub(super) fn decide(
        &self,
        wallet: &LocalWallet<'_>,
        method: &str,
        url: &str,
        authorization: Option<&[u8]>,
    ) -> Result<Answer, Error> {
        if authorization.is_some_and(login::is_login) {
            return Ok(Answer::PassOn);
        }
        // What is odd in a way that two programs could read differently gets nothing (R10).
        if climbs(url) {
            return Ok(Answer::PassOn);
        }
        let (Ok(parsed), Ok((remote, _))) = (Url::parse(url), Remote::from_url(url)) else {
            return Ok(Answer::PassOn);
        };
        let origin = remote.origin();
        let path: Vec<&str> = parsed.path_segments().map(Iterator::collect).unwrap_or_default();
        for grant in self.all.iter().filter(|grant| grant.origins.contains(&origin)) {
            if !is_for(grant, remote.host(), &path) {
                continue;
            }
            let query = Query {
                takes_authtype: true,
                stderr_is_terminal: true,
                prompts: PromptPolicy::Window,
                ..Query::new(self.tool, remote.clone(), grant.need)
            };
            let Some(answer) = self.look(wallet, &query)? else { continue };
            if answer.realm != grant.realm {
                continue;
            }
            if !self.write && !is_read(method, &parsed, grant.need) {
                return Ok(Answer::Refuse(format!(
                    "keyfob run lets this command only read from {}; to let it write: keyfob run --write -- COMMAND",
                    place(&grant.realm, &remote)
                )));
            }
            let Some((name, value)) = login::header(&answer, remote.host(), &path) else { continue };
            let given = Given { query, token: answer.token };
            return Ok(Answer::Login(Box::new(Login { name, value, given })));
        }
        Ok(Answer::PassOn)
    }

    fn look(&self, wallet: &LocalWallet<'_>, query: &Query) -> Result<Option<Box<Credential>>, Error> {
        let found = match &self.account {
            None => wallet.get(query)?,
            Some(name) => {
                let selection = match manage::select(wallet, &query.remote.to_string(), Some(name)) {
                    Err(Error::NoSuchCredential { .. }) => return Ok(None),
                    selection => selection?.persons(),
                };
                get_account(wallet, query, &selection.realm.realm, selection.only()?)?
            }
        };
        Ok(match found {
            Lookup::Found(answer) => Some(answer),
            Lookup::None { .. } => None,
        })
    }
}

impl Given {
    /// Notes that the service refused it (R7), and says so if that is news.
    ///
    /// # Errors
    /// Those of the wallet.
    pub(super) fn was_refused(&self, wallet: &LocalWallet<'_>) -> Result<Option<Note>, Error> {
        Ok(wallet.erase(&self.query, Some(&self.token))?.note)
    }
}

/// Whether a path has steps in it (`..`), in whatever dress, or a backslash: it goes to the service as it stands, and a service that
/// does not take the step would see another place than we.
fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let plain = path.to_ascii_lowercase().replace("%2e", ".").replace("%5c", "\\").replace("%2f", "/");
    plain.contains('\\') || plain.split('/').any(|segment| segment == "." || segment == "..")
}

/// A realm for a sentence.
fn place(realm: &Realm, remote: &Remote) -> String {
    match forge::of_realm(realm.as_str()).home_url(realm) {
        Some(home) => crate::text::without_scheme(&home).to_owned(),
        None => remote.authority(),
    }
}

/// Whether a place is what a grant is for: packages at those hosts and paths that the service's record names; repositories at what
/// git and its large files ask for; anything everywhere.
fn is_for(grant: &Grant, host: &str, path: &[&str]) -> bool {
    match grant.need {
        Need::Anything => true,
        Need::Packages => {
            forge::of_realm(grant.realm.as_str()).packages.serves(grant.realm.as_str(), host, path)
        }
        Need::Code => is_git(path),
    }
}

/// git's smart and dumb HTTP, and LFS.
fn is_git(path: &[&str]) -> bool {
    matches!(
        path,
        [.., "info", "refs"]
            | [.., "git-upload-pack" | "git-receive-pack"]
            | [.., "info", "lfs", "objects", "batch"]
    ) || path.windows(3).any(|three| matches!(three, ["info", "lfs", "objects" | "locks"]))
}

/// Whether a request only reads. What a service does beyond what its method says cannot be seen here.
fn is_read(method: &str, url: &Url, need: Need) -> bool {
    let path = url.path();
    match method {
        // The first question of a push.
        "GET" if path.ends_with("/info/refs") => {
            !url.query_pairs().any(|(name, value)| name == "service" && value == "git-receive-pack")
        }
        "GET" | "HEAD" | "OPTIONS" => true,
        "POST" if need == Need::Packages => {
            // npm's audit, with the names of what is installed.
            [
                "/-/npm/v1/security/advisories/bulk",
                "/-/npm/v1/security/audits",
                "/-/npm/v1/security/audits/quick",
            ]
            .iter()
            .any(|end| path.ends_with(end))
        }
        "POST" => path.ends_with("/git-upload-pack") || path.ends_with("/info/lfs/objects/batch"),
        _ => false,
    }
}

/// Why a place that the user's or the project's files name has no login, if the user should know: the wallet holds something there.
pub(super) fn worth_saying(reason: &NoCredential) -> bool {
    !matches!(
        reason,
        NoCredential::NotOurs | NoCredential::NoOrganisation { .. } | NoCredential::NoAccount { .. }
    )
}
