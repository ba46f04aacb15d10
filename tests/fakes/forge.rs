//! Forges as a tool sees them: who is let in, what the others are told, and repositories behind the door.
//!
//! A [`Forge`] is a handler and no server, so that one can stand behind a plain port, behind TLS, and behind a proxy
//! under several names at once. Everything in [`State`] can be changed while it serves. Deliberately absent: the life
//! of a token (the test sets its [`Condition`]) and a clock.

use std::sync::{Arc, Mutex};

use super::azure_answers::{self as azure, Denial};
use super::git_backend::{Repositories, is_push, split_service};
use super::hostile::Hostile;
use super::http::{Handler, Request, Response, Server, percent_decode};
use super::log;

/// How a forge asks, and what it takes.
#[derive(Clone, Debug)]
pub enum Profile {
    /// Azure DevOps Services: `dev.azure.com/ORGANISATION`, `ORGANISATION.visualstudio.com`, and
    /// `127.0.0.1:PORT/ORGANISATION`. A token is looked up by its value; the user name does not matter.
    Services,
    /// Azure DevOps Server: `http://host:port/VIRTUAL_DIRECTORY/COLLECTION`. Offers Windows authentication, which
    /// leads nowhere, beside Basic.
    OnPremises {
        /// `/tfs`, or nothing.
        virtual_directory: String,
    },
    /// Basic with exactly this user name and password.
    Basic,
    /// Bearer only, as Bitbucket Data Center has it.
    Bearer,
    /// Basic with any user name that is not empty, as GitHub and GitLab have it.
    AnyUser {
        /// What it calls itself in its challenge.
        realm: &'static str,
    },
}

/// What has become of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is good.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

/// A token that the forge knows.
#[derive(Clone, Debug)]
pub struct Token {
    /// The secret.
    pub value: String,
    /// Whose it is; the user name where that matters.
    pub account: String,
    /// The organisation or collection that it opens; empty: all.
    pub realm: String,
    /// Whether it may push.
    pub push: bool,
    /// Whether it may be used for REST; without, it opens repositories only.
    pub rest: bool,
    /// Whether it is still good.
    pub condition: Condition,
}

impl Token {
    /// A good one that may push.
    pub fn new(realm: &str, account: &str, value: &str) -> Token {
        Token {
            value: value.to_owned(),
            account: account.to_owned(),
            realm: realm.to_owned(),
            push: true,
            rest: true,
            condition: Condition::Active,
        }
    }
}

/// Answers what is neither git nor known here, for a caller whose token is good.
pub type Behind = Arc<dyn Fn(&Request, &Token) -> Option<Response> + Send + Sync>;

/// What can change while the forge serves.
#[derive(Clone, Default)]
pub struct State {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// Answers everyone, before any token is looked at.
    pub before: Option<Handler>,
    /// Answers those whose token is good.
    pub after: Option<Handler>,
    /// Answers what is not git.
    pub behind: Option<Behind>,
    /// More header lines for those whose token is good (`Retry-After`, `X-RateLimit-…`).
    pub more_headers: Vec<(String, String)>,
    /// Services: all challenges in one line. (Sourced; marks as in [`super::azure_answers`].)
    pub joined_challenges: bool,
    /// Services: a sign-in page at once in place of any refusal, whatever the client suppresses. (Sourced.)
    pub sign_in_page: bool,
    /// Services: strangers are told who they are, too (organisations with public projects). (Sourced: clients look for it.)
    pub answers_strangers: bool,
    /// A token without the right gets 403 and JSON, not 401 and nothing. (Assumed, both.)
    pub forbids_in_words: bool,
    /// Everyone has to wait for so many seconds. (Sourced.)
    pub rate_limit: Option<u32>,
    /// Azure: a token is taken only beside an empty user name. (Sourced for Services, by one report that others doubt.)
    pub empty_user_only: bool,
    /// Does this in place of its work.
    pub hostile: Option<Hostile>,
    /// On-premises: IIS answers Basic itself and knows no token. (Sourced.)
    pub iis_basic: bool,
}

impl State {
    /// The token of that value, to change it.
    pub fn token(&mut self, value: &str) -> &mut Token {
        self.tokens.iter_mut().find(|token| token.value == value).expect("the forge knows this token")
    }

    /// The token that an Authorization header presents, whatever its condition.
    pub fn whose(&self, authorization: &str) -> Option<&Token> {
        let bearer = authorization.strip_prefix("Bearer ").map(str::to_owned);
        let value = log::basic(authorization).map(|(_, password)| password).or(bearer)?;
        self.tokens.iter().find(|token| token.value == value)
    }
}

/// A forge.
#[derive(Clone)]
pub struct Forge {
    profile: Profile,
    repositories: Repositories,
    state: Arc<Mutex<State>>,
}

/// Where a request goes within a forge.
struct Place {
    /// Organisation or collection; empty where a forge has none.
    realm: String,
    /// What is behind it: `_apis/connectionData`.
    rest: String,
    /// The repository as [`Repositories`] names it, and the service within.
    git: Option<(String, &'static str)>,
}

impl Forge {
    /// One of this kind in front of these repositories.
    pub fn new(profile: Profile, repositories: &Repositories) -> Forge {
        Forge { profile, repositories: repositories.clone(), state: Arc::default() }
    }

    /// Azure DevOps Services.
    pub fn services(repositories: &Repositories) -> Forge {
        Forge::new(Profile::Services, repositories)
    }

    /// Azure DevOps Server below `virtual_directory` (`/tfs`, or nothing).
    pub fn on_premises(repositories: &Repositories, virtual_directory: &str) -> Forge {
        Forge::new(Profile::OnPremises { virtual_directory: virtual_directory.to_owned() }, repositories)
    }

    /// Reads or changes its state.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Adds a token.
    pub fn add(&self, token: Token) {
        self.change(|state| state.tokens.push(token));
    }

    /// It, as a handler.
    pub fn handler(&self) -> Handler {
        let forge = self.clone();
        Arc::new(move |request| {
            let answer = || forge.answer(request);
            let hostile = forge.change(|state| state.hostile);
            hostile.map_or_else(answer, |hostile| hostile.spoil(request, answer))
        })
    }

    /// It, on a plain port of 127.0.0.1.
    pub fn start(&self) -> Server {
        Server::start(self.handler())
    }

    fn answer(&self, request: &Request) -> Response {
        // A copy, so that no answer waits for another.
        let state = self.change(|state| state.clone());
        // First, so that whoever is sent there arrives.
        if matches!(self.profile, Profile::Services) && request.path() == "/_signin" {
            return azure::sign_in_page(request);
        }
        if let Some(before) = &state.before {
            return before(request);
        }
        if let Some(seconds) = state.rate_limit {
            return azure::rate_limited(request, seconds);
        }
        let Some(place) = self.place(request) else {
            return Response::with(404, "text/plain", "There is nothing here.\n");
        };
        let token = match self.authenticate(request, &place, &state) {
            Ok(token) => token,
            Err(Denial::Anonymous) if state.answers_strangers && place.rest == CONNECTION_DATA => {
                return azure::connection_data(request, None, matches!(self.profile, Profile::Services));
            }
            Err(_) if state.sign_in_page => return azure::sign_in_page(request),
            Err(denial) => return self.deny(request, denial, &state),
        };
        let mut response = match &state.after {
            Some(after) => after(request),
            None => self.serve(request, &place, token, &state),
        };
        if self.is_azure() {
            let user = format!("66666666-6666-6666-6666-666666666666:{}", token.account);
            response = response.header("X-VSS-UserData", user);
        }
        state.more_headers.iter().fold(response, |response, (name, value)| response.header(name, value))
    }

    fn is_azure(&self) -> bool {
        matches!(self.profile, Profile::Services | Profile::OnPremises { .. })
    }

    /// Nothing when no organisation or collection can be seen.
    fn place(&self, request: &Request) -> Option<Place> {
        let path = percent_decode(request.path());
        if !self.is_azure() {
            let git = split_service(&path).map(|(repository, service)| (repository.to_owned(), service));
            return Some(Place { realm: String::new(), rest: path.trim_start_matches('/').to_owned(), git });
        }
        let host = request.host_name();
        let (realm, rest) = match &self.profile {
            Profile::Services if host.ends_with(".visualstudio.com") => {
                let below = path.trim_start_matches('/');
                let rest = below.strip_prefix("DefaultCollection/").unwrap_or(below);
                (host.split('.').next()?.to_owned(), rest.to_owned())
            }
            Profile::OnPremises { virtual_directory } => {
                // IIS folds letter case.
                let (prefix, below) = path.split_at_checked(virtual_directory.len())?;
                if !prefix.eq_ignore_ascii_case(virtual_directory) {
                    return None;
                }
                first_segment(below)?
            }
            _ => first_segment(&path)?,
        };
        let git = split_service(&rest).and_then(|(repository, service)| {
            let (project, name) = repository.rsplit_once("_git/")?;
            // A project's own repository may go without the project: `contoso/_git/Project`.
            let project = if project.is_empty() { name } else { project.trim_end_matches('/') };
            Some((format!("{realm}/{project}/{name}"), service))
        });
        Some(Place { realm, rest, git })
    }

    /// Whose request this is.
    fn authenticate<'a>(
        &self,
        request: &Request,
        place: &Place,
        state: &'a State,
    ) -> Result<&'a Token, Denial> {
        let authorization = request.header("authorization").ok_or(Denial::Anonymous)?;
        // NTLM and Negotiate end here: the first message gets the same 401 again and no challenge.
        let (user, is_basic) = match log::basic(authorization) {
            Some((user, _)) => (user, true),
            None => (String::new(), false),
        };
        let token = state.whose(authorization).ok_or(Denial::Anonymous)?;
        let presented_well = match &self.profile {
            Profile::Services => is_basic && (user.is_empty() || !state.empty_user_only),
            Profile::OnPremises { .. } => {
                is_basic && !state.iis_basic && (user.is_empty() || !state.empty_user_only)
            }
            Profile::Basic => is_basic && user == token.account,
            Profile::Bearer => !is_basic,
            Profile::AnyUser { .. } => is_basic && !user.is_empty(),
        };
        let opens = token.realm.is_empty() || token.realm.eq_ignore_ascii_case(&place.realm);
        match token.condition {
            _ if !presented_well || !opens => Err(Denial::Anonymous),
            Condition::Active => Ok(token),
            Condition::Expired => Err(Denial::Expired),
            Condition::Revoked => Err(Denial::Anonymous),
        }
    }

    fn deny(&self, request: &Request, denial: Denial, state: &State) -> Response {
        let plain = |challenge: &str| {
            let text = "Authentication is required.\n";
            Response::with(401, "text/plain", text).header("WWW-Authenticate", challenge)
        };
        match &self.profile {
            Profile::Services => azure::services_denial(request, denial, state.joined_challenges),
            Profile::OnPremises { virtual_directory } => {
                azure::server_denial(request, denial, virtual_directory, state.iis_basic)
            }
            Profile::Basic => plain("Basic realm=\"plain\""),
            Profile::Bearer => plain("Bearer"),
            Profile::AnyUser { realm } => plain(&format!("Basic realm=\"{realm}\"")),
        }
    }

    fn serve(&self, request: &Request, place: &Place, token: &Token, state: &State) -> Response {
        if let Some((name, service)) = &place.git {
            return match self.repositories.find(name) {
                None if self.is_azure() => azure::no_repository(name.rsplit('/').next().unwrap_or_default()),
                None => Response::with(404, "text/plain", "Repository not found.\n"),
                Some(_) if is_push(request) && !token.push => {
                    if self.is_azure() {
                        azure::push_refused()
                    } else {
                        Response::with(403, "text/plain", "You may not push here.\n")
                    }
                }
                Some(repository) => self.repositories.serve(&repository, service, &token.account, request),
            };
        }
        if self.is_azure() && !token.rest {
            return azure::scope_lacking(state.forbids_in_words);
        }
        if self.is_azure() && place.rest == CONNECTION_DATA {
            let hosted = matches!(self.profile, Profile::Services);
            return azure::connection_data(request, Some(&token.account), hosted);
        }
        let behind = state.behind.as_ref().and_then(|behind| behind(request, token));
        behind.unwrap_or_else(|| Response::with(404, "text/plain", "There is nothing here.\n"))
    }
}

/// Who the caller is.
const CONNECTION_DATA: &str = "_apis/connectionData";

/// `/contoso/Project/…` as `contoso` and `Project/…`.
fn first_segment(path: &str) -> Option<(String, String)> {
    let path = path.strip_prefix('/')?;
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    (!first.is_empty()).then(|| (first.to_owned(), rest.to_owned()))
}
