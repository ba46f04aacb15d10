//! What the commands that manage tokens share: a service's interface behind one client and one sign-in, and the question whether a
//! token is accepted.

use clap::Arg;

use crate::environment::Environment;
use crate::error::{Error, NetworkError};
use crate::forge::lifecycle::{
    ApiError, Created, FailureEffect, ScopeTable, Site, Token, TokenFilter, TokenId, TokenManager,
    TokenRequest,
};
use crate::forge::token::redacted;
use crate::forge::verify::Verdict;
use crate::forge::{self, Forge};
use crate::http_message::{Request, Response};
use crate::remote::{Realm, Remote};
use crate::secret::Secret;
use crate::terminal::aside;
use crate::text::visible;
use crate::wallet::manage::rotate::{Failed, Service, has_tag, tag_of, without_tag};
use crate::wallet::manage::verify::Question;
use crate::wallet::resolve::{Resolution, resolve};

use super::network::Client;
use super::{Context, filled, network, sign_in};

/// The most pages of a list that are read: 10,000 tokens.
const MOST_PAGES: usize = 100;

/// A service's interface for tokens, as one signed-in person sees it.
pub(super) struct TokenService<'e> {
    manager: &'static dyn TokenManager,
    realm: Realm,
    home: String,
    bearer: Secret,
    client: Client,
    environment: &'e Environment,
}

impl<'e> TokenService<'e> {
    /// Signs in to the service of a realm.
    pub(super) fn begin(realm: &Realm, context: &mut Context<'e>) -> Result<TokenService<'e>, Error> {
        may_use_network(context)?;
        let forge = forge::of_realm(realm.as_str());
        let manager = forge.lifecycle.manager().ok_or_else(|| not_managed(realm.as_str()))?;
        let home = forge.home_url(realm).unwrap_or_default();
        let client = Client::telling_of_waits(|host, seconds| aside(&network::waiting(host, seconds)));
        let sign_in = manager.sign_in();
        let bearer = sign_in::bearer(sign_in, forge, &Site { realm, home: &home }, &client, context)?;
        let environment = context.environment;
        Ok(TokenService { manager, realm: realm.clone(), home, bearer, client, environment })
    }

    /// What its tokens may be allowed to do.
    pub(super) fn scopes(&self) -> &'static ScopeTable {
        self.manager.scopes()
    }

    fn site(&self) -> Site<'_> {
        Site { realm: &self.realm, home: &self.home }
    }

    fn send(&self, request: &Request) -> Result<Response, Error> {
        let (remote, _) = Remote::from_url(&request.url)?;
        // Whatever is changed here one day: the sign-in of a person goes nowhere else.
        if remote.host() != self.manager.host() || !remote.is_https() || remote.port().is_some() {
            return Err(Error::Url { why: "the sign-in goes to one host only" });
        }
        self.client.send(request, &self.bearer, &network::route(&request.url, false, self.environment)?)
    }

    fn refused(&self, error: ApiError) -> Error {
        // The service may repeat what it was sent.
        ApiError { what: redacted(&error.what, &self.bearer), ..error }.into()
    }

    /// All tokens of a kind, page after page.
    pub(super) fn all(&self, filter: TokenFilter) -> Result<Vec<Token>, Error> {
        self.all_and_unread(filter).map(|(all, _)| all)
    }

    /// The same, and how many there are besides that cannot be read.
    pub(super) fn all_and_unread(&self, filter: TokenFilter) -> Result<(Vec<Token>, usize), Error> {
        let (mut all, mut unread) = (Vec::new(), 0);
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let answer = self.send(&self.manager.list(&self.site(), filter, next.as_deref()))?;
            let page = self.manager.read_page(&answer, &self.site()).map_err(|error| self.refused(error))?;
            all.extend(page.tokens);
            unread += page.unread;
            match page.next {
                None => return Ok((all, unread)),
                // One that leads to itself would never end.
                same if same == next => break,
                other => next = other,
            }
        }
        Err(self.unreadable_list())
    }

    fn unreadable_list(&self) -> Error {
        self.manager.unreadable_list(&self.site()).into()
    }

    /// Whether a token of this id works.
    pub(super) fn works(&self, id: &str) -> Result<bool, Error> {
        Ok(self.all(TokenFilter::Active)?.iter().any(|token| token.id.as_str() == id))
    }

    /// Lets a token expire at another time.
    pub(super) fn extend(&self, id: &TokenId, expires: i64) -> Result<Token, Error> {
        self.token(&self.manager.extend(&self.site(), id, expires))?.map_err(|error| self.refused(error))
    }

    /// What the service says about one token.
    pub(super) fn get(&self, id: &TokenId) -> Result<Token, Error> {
        self.token(&self.manager.get(&self.site(), id))?.map_err(|error| self.refused(error))
    }

    /// The same; `None` if it knows no such token of whoever is signed in.
    pub(super) fn look_up(&self, id: &TokenId) -> Result<Option<Token>, Error> {
        match self.token(&self.manager.get(&self.site(), id))? {
            Ok(token) => Ok(Some(token)),
            Err(ApiError { effect: FailureEffect::NotFound, .. }) => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn token(&self, request: &Request) -> Result<Result<Token, ApiError>, Error> {
        Ok(self.manager.read_token(&self.send(request)?, &self.site()))
    }
}

impl Service for TokenService<'_> {
    fn find(&self, tag: &str) -> Result<Option<Token>, Error> {
        let (all, unread) = self.all_and_unread(TokenFilter::Active)?;
        match all.into_iter().find(|token| has_tag(&token.name, tag)) {
            // It may be among them; to take it for none would leave a token that nobody has.
            None if unread > 0 => Err(self.unreadable_list()),
            found => Ok(found),
        }
    }

    fn create(&self, order: &TokenRequest) -> Result<Created, Failed> {
        let answer = self.send(&self.manager.create(&self.site(), order)).map_err(failed)?;
        self.manager.read_created(&answer, &self.site()).map_err(|error| {
            let nothing_happened = match error.effect {
                FailureEffect::Nothing | FailureEffect::NotFound => true,
                FailureEffect::Unproven => {
                    tag_of(&order.name).is_some_and(|tag| matches!(self.find(tag), Ok(None)))
                }
                FailureEffect::Unknown => false,
            };
            let error = self.refused(error);
            Failed { error: if nothing_happened { error } else { in_doubt(&error) }, nothing_happened }
        })
    }

    fn verify(&self, question: &Question) -> Result<Verdict, Error> {
        verify(question, false, &self.client, self.environment)
    }

    fn revoke(&self, id: &TokenId) -> Result<(), Error> {
        let answer = self.send(&self.manager.revoke(&self.site(), id))?;
        self.manager.read_revoked(&answer, &self.site()).map_err(|error| self.refused(error))
    }
}

/// Whether a service takes a token.
pub(super) fn verify(
    question: &Question,
    allow_http: bool,
    client: &Client,
    environment: &Environment,
) -> Result<Verdict, Error> {
    let Some(request) = &question.request else { return Ok(Verdict::default()) };
    let answer =
        client.send(request, &question.token, &network::route(&request.url, allow_http, environment)?)?;
    Ok(question.read(&answer))
}

/// An exchange that did not come to its end. Only where no connection came about, nothing can have happened.
pub(super) fn failed(error: Error) -> Failed {
    let reached = |cause: &NetworkError| {
        matches!(
            cause,
            NetworkError::Network { .. }
                | NetworkError::Silent { .. }
                | NetworkError::TooLarge
                | NetworkError::NotHttp
                // Its first words are not told from a later break.
                | NetworkError::Tls
        )
    };
    match &error {
        Error::Network { cause, .. } if reached(cause) => {
            Failed { error: in_doubt(&error), nothing_happened: false }
        }
        _ => Failed { error, nothing_happened: true },
    }
}

fn in_doubt(error: &Error) -> Error {
    Error::Service {
        what: format!("{error}; whether a token was made before that is not known"),
        hint: "keyfob doctor --repair finds out, and cleans up".to_owned(),
    }
}

/// That the network may be used.
pub(super) fn may_use_network(context: &Context<'_>) -> Result<(), Error> {
    if network::is_offline(context.environment) {
        return Err(Error::usage(
            "this asks the service, and KEYFOB_OFFLINE says not to use the network",
            "unset KEYFOB_OFFLINE",
        ));
    }
    Ok(())
}

/// The argument for an organisation.
pub(super) fn organisation_argument() -> Arg {
    Arg::new("ORG").required(true).value_parser(filled).help("The organisation: its name, or any URL of it")
}

/// An organisation whose tokens can be managed.
pub(super) struct Organisation {
    /// Its service.
    pub forge: &'static Forge,
    /// What a token of it may be allowed to do.
    pub scopes: &'static ScopeTable,
    /// Its realm.
    pub realm: Realm,
    /// Its URL.
    pub url: String,
}

impl Organisation {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.realm.what()
    }
}

/// The organisation that a person means.
pub(super) fn organisation(text: &str, context: &Context<'_>) -> Result<Organisation, Error> {
    let plain = |text: &str| !text.contains(['/', ':', '.', '@']);
    let url = if plain(text) { home_of(text) } else { None }.unwrap_or_else(|| text.to_owned());
    let (remote, user) = super::place(context, &url)?;
    match resolve(context.wallet.settings(), &remote, user.as_deref())? {
        Resolution::Known(known) if known.site.is_none() => {
            let manager = known.forge.lifecycle.manager().ok_or_else(|| not_managed(text))?;
            let (forge, url) = (known.forge, known.home(&remote));
            Ok(Organisation { forge, scopes: manager.scopes(), realm: known.realm, url })
        }
        _ => Err(not_managed(text)),
    }
}

/// What `--for` takes, for its help.
pub(super) fn what_for() -> String {
    let each = managed().map(|(_, manager)| {
        let scopes = manager.scopes();
        format!("{}; or scopes such as {}", scopes.tasks(), scopes.examples[0])
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The services that have an interface for tokens.
fn managed() -> impl Iterator<Item = (&'static Forge, &'static dyn TokenManager)> {
    forge::ALL.iter().filter_map(|forge| Some((*forge, forge.lifecycle.manager()?)))
}

/// The URL of an organisation of this name, at the first of these services.
fn home_of(name: &str) -> Option<String> {
    let template = managed().next()?.0.url_templates.first()?;
    Some(format!("https://{}", forge::fill(template.pattern, Some(name), None)))
}

fn not_managed(text: &str) -> Error {
    let services: Vec<String> =
        managed().map(|(forge, _)| format!("{} of {}", forge.realm_noun, forge.name)).collect();
    Error::usage(
        format!("{} is no {}", visible(text), services.join(" or ")),
        "only there the life of tokens can be managed from here; elsewhere: keyfob rotate URL",
    )
}

/// The one token of a list that a person means: by its id or the beginning of that, or by its name.
pub(super) fn one_of<'t>(tokens: &'t [Token], word: &str, organisation: &str) -> Result<&'t Token, Error> {
    let lower = word.to_ascii_lowercase();
    let by_id = |token: &&Token| word.len() >= 4 && token.id.as_str().starts_with(&lower);
    let by_name = |token: &&Token| token.name == word || without_tag(&token.name) == word;
    let mut found: Vec<&Token> = tokens.iter().filter(|token| token.name == word).collect();
    if found.is_empty() {
        found = tokens.iter().filter(|token| by_id(token) || by_name(token)).collect();
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Error::NoSuchCredential {
            what: format!("{organisation} has no token {}", visible(word)),
            hint: Some(format!("keyfob pat list {organisation}")),
        }),
        several => Err(Error::Ambiguous {
            what: format!("{organisation} has {} tokens named {}", several.len(), visible(word)),
            hint: format!("give the id that keyfob pat list {organisation} shows"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_before_a_request_proves_that_nothing_happened() {
        let of = |cause| failed(Error::Network { host: "h".to_owned(), cause }).nothing_happened;
        for before in
            [NetworkError::NoSuchHost, NetworkError::ClearText, NetworkError::Certificate { why: "w" }]
        {
            assert!(of(before));
        }
        // What breaks within TLS may be the answer.
        for after in [
            NetworkError::Tls,
            NetworkError::NotHttp,
            NetworkError::TooLarge,
            NetworkError::Silent { seconds: 20 },
        ] {
            assert!(!of(after));
        }
    }
}
