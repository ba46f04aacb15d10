//! What a service's interface for tokens offers, and the values that go in and come out. Everything that comes back is a
//! stranger's: ids must be safe in a URL, names are shown and never obeyed, a token is wiped.

use crate::error::Error;
use crate::http_message::{Request, Response};
use crate::secret::Secret;

use super::{ScopeTable, SignIn, Site};

/// A service that creates tokens, each request shown either a person's sign-in ([`TokenManager`]) or the token that the new
/// one replaces.
pub trait TokenApi: Sync {
    /// Asks for a new token. One that replaces the token shown keeps its name and scopes.
    fn create(&self, site: &Site<'_>, order: &TokenRequest) -> Request;

    /// Reads the answer to [`TokenApi::create`].
    ///
    /// # Errors
    /// [`ApiError`], which says whether a token may have been created.
    fn read_created(&self, answer: &Response, site: &Site<'_>) -> Result<Created, ApiError>;
}

/// A service that lets a signed-in person manage all of their tokens.
pub trait TokenManager: TokenApi {
    /// The host of the interface, the only one that ever gets the sign-in.
    fn host(&self) -> &'static str;

    /// How a person signs in.
    fn sign_in(&self) -> &'static SignIn;

    /// What a token may be allowed to do.
    fn scopes(&self) -> &'static ScopeTable;

    /// Asks for one page of the list; `next` is from the page before.
    fn list(&self, site: &Site<'_>, filter: TokenFilter, next: Option<&str>) -> Request;

    /// Reads a page of the list.
    ///
    /// # Errors
    /// [`ApiError`].
    fn read_page(&self, answer: &Response, site: &Site<'_>) -> Result<Page, ApiError>;

    /// Asks about one token.
    fn get(&self, site: &Site<'_>, id: &TokenId) -> Request;

    /// Lets a token expire at another time, in Unix seconds; it stays the same.
    fn extend(&self, site: &Site<'_>, id: &TokenId, expires: i64) -> Request;

    /// Reads the answer to [`TokenManager::get`] or [`TokenManager::extend`].
    ///
    /// # Errors
    /// [`ApiError`].
    fn read_token(&self, answer: &Response, site: &Site<'_>) -> Result<Token, ApiError>;

    /// Revokes a token, for ever.
    fn revoke(&self, site: &Site<'_>, id: &TokenId) -> Request;

    /// Reads the answer to [`TokenManager::revoke`]: a token that is not known any more is revoked, too.
    ///
    /// # Errors
    /// [`ApiError`].
    fn read_revoked(&self, answer: &Response, site: &Site<'_>) -> Result<(), ApiError>;

    /// What is wrong with a list that cannot be read to its end.
    fn unreadable_list(&self, site: &Site<'_>) -> ApiError;
}

/// What a new token must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it expires, in Unix seconds.
    pub expires: i64,
}

/// A token that was created.
#[derive(Debug)]
pub struct Created {
    /// The token: after it was created and never again.
    pub secret: Option<Secret>,
    /// Its id, where the service knows tokens by one.
    pub id: Option<TokenId>,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it expires, in Unix seconds.
    pub expires: Option<i64>,
}

/// What the service says about a token; never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// The name that a person gave it. A stranger's words.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was created, in Unix seconds.
    pub created: Option<i64>,
    /// When it expires, in Unix seconds.
    pub expires: Option<i64>,
    /// Whether it is for all organisations of the service.
    pub global: bool,
}

/// The name by which a service knows a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(String);

impl TokenId {
    /// `None` for what does not fit into a URL as it is: an id has 1 to 64 ASCII letters, digits and hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<TokenId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| TokenId(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// What the next page is asked for with; `None` on the last.
    pub next: Option<String>,
    /// How many could not be read.
    pub unread: usize,
}

/// Which tokens are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFilter {
    /// Those that work.
    Active,
    /// Those that were revoked.
    Revoked,
    /// Those that have expired.
    Expired,
    /// All of them.
    All,
}

impl TokenFilter {
    /// Its word in lists and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenFilter::Active => "active",
            TokenFilter::Revoked => "revoked",
            TokenFilter::Expired => "expired",
            TokenFilter::All => "all",
        }
    }
}

/// Why a service did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What went wrong, for people.
    pub what: String,
    /// The way out.
    pub hint: String,
    /// What the service may have done all the same.
    pub effect: FailureEffect,
}

/// What a request that failed did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureEffect {
    /// Nothing.
    Nothing,
    /// Nothing: there is no such token.
    NotFound,
    /// Nothing, as the service says without a reason; its list shows whether that is so.
    Unproven,
    /// It is not known.
    Unknown,
}

impl From<ApiError> for Error {
    fn from(ApiError { what, hint, .. }: ApiError) -> Error {
        Error::Service { what, hint }
    }
}
