//! What the commands about the life of tokens share: the interface of Azure DevOps Services behind one client and one sign-in, and the
//! question whether a token is taken.

use clap::Arg;

use crate::environment::Environment;
use crate::error::{Error, Trouble};
use crate::forge::check::Verdict;
use crate::forge::life::azure::{self, HOST, Made, Order, Pat, PatId, Refusal, Which};
use crate::forge::shape::redacted;
use crate::forge::{self};
use crate::http_message::{Request, Response};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::terminal::aside;
use crate::text::visible;
use crate::wallet::person::check::Question;
use crate::wallet::person::rotate::{Failed, Service, bears, mark_of, without_mark};
use crate::wallet::resolve::Resolution;

use super::online::Client;
use super::{Context, filled, online, sign_in};

/// The most pages of a list that are read: 10,000 tokens.
const MOST_PAGES: usize = 100;

/// The interface, as one signed-in person sees it.
pub(super) struct Azure<'e> {
    organisation: String,
    bearer: Secret,
    client: Client,
    environment: &'e Environment,
}

impl<'e> Azure<'e> {
    /// Signs in.
    pub(super) fn begin(organisation: &str, context: &mut Context<'e>) -> Result<Azure<'e>, Error> {
        may_use_network(context)?;
        let client = Client::telling(|host, seconds| aside(&online::waiting(host, seconds)));
        let bearer = sign_in::bearer(organisation, &client, context)?;
        Ok(Azure { organisation: organisation.to_owned(), bearer, client, environment: context.environment })
    }

    fn send(&self, request: &Request) -> Result<Response, Error> {
        let (remote, _) = Remote::from_url(&request.url)?;
        // Whatever is changed here one day: the sign-in of a person goes nowhere else.
        if remote.host() != HOST || !remote.is_https() || remote.port().is_some() {
            return Err(Error::Url { why: "the sign-in goes to one host only" });
        }
        self.client.send(request, &self.bearer, &online::way(&request.url, false, self.environment)?)
    }

    fn refused(&self, refusal: Refusal) -> Error {
        // The service may repeat what it was sent.
        let refusal = match refusal {
            Refusal::Named(said) => Refusal::Named(redacted(&said, &self.bearer)),
            Refusal::Denied(Some(said)) => Refusal::Denied(Some(redacted(&said, &self.bearer))),
            other => other,
        };
        refusal.into_error(&self.organisation)
    }

    /// All tokens of a kind, page after page.
    pub(super) fn all(&self, which: Which) -> Result<Vec<Pat>, Error> {
        self.all_and_unread(which).map(|(all, _)| all)
    }

    /// The same, and how many there are besides that cannot be read.
    pub(super) fn all_and_unread(&self, which: Which) -> Result<(Vec<Pat>, usize), Error> {
        let (mut all, mut unread) = (Vec::new(), 0);
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let answer = self.send(&azure::list(&self.organisation, which, next.as_deref()))?;
            let page = azure::read_page(&answer).map_err(|refusal| self.refused(refusal))?;
            all.extend(page.pats);
            unread += page.unread;
            match page.next {
                None => return Ok((all, unread)),
                // One that leads to itself would never end.
                same if same == next => break,
                other => next = other,
            }
        }
        Err(self.refused(Refusal::Odd { status: 200 }))
    }

    /// Whether a token of this id works.
    pub(super) fn works(&self, id: &str) -> Result<bool, Error> {
        Ok(self.all(Which::Active)?.iter().any(|pat| pat.id.as_str() == id))
    }

    /// A token that shall end at another time.
    pub(super) fn extend(&self, id: &PatId, to: i64) -> Result<Pat, Error> {
        let answer = self.send(&azure::extend(&self.organisation, id, to))?;
        azure::read_made(&answer).map(|made| made.pat).map_err(|refusal| self.refused(refusal))
    }

    /// What the service tells of one token.
    pub(super) fn get(&self, id: &PatId) -> Result<Pat, Error> {
        self.look_up(id)?.ok_or_else(|| self.refused(Refusal::NotFound))
    }

    /// The same; `None` if it knows no such token of whoever is signed in.
    pub(super) fn look_up(&self, id: &PatId) -> Result<Option<Pat>, Error> {
        let answer = self.send(&azure::get(&self.organisation, id))?;
        match azure::read_made(&answer) {
            Ok(made) => Ok(Some(made.pat)),
            // A page would tell of the address, not of the token.
            Err(Refusal::NotFound) if !answer.is_page() => Ok(None),
            Err(refusal) => Err(self.refused(refusal)),
        }
    }
}

impl Service for Azure<'_> {
    fn find(&self, mark: &str) -> Result<Option<Pat>, Error> {
        let (all, unread) = self.all_and_unread(Which::Active)?;
        match all.into_iter().find(|pat| bears(&pat.name, mark)) {
            // It may be among them; to take it for none would leave a token that nobody has.
            None if unread > 0 => Err(self.refused(Refusal::Odd { status: 200 })),
            found => Ok(found),
        }
    }

    fn create(&self, order: &Order) -> Result<Made, Failed> {
        let answer = self.send(&azure::create(&self.organisation, order)).map_err(failed)?;
        azure::read_made(&answer).map_err(|refusal| {
            let nothing_happened = match refusal {
                Refusal::Broken { .. } | Refusal::Odd { .. } => false,
                // It says so; whether it is so, its list tells.
                Refusal::Nothing => {
                    mark_of(&order.name).is_some_and(|mark| matches!(self.find(mark), Ok(None)))
                }
                _ => true,
            };
            let error = self.refused(refusal);
            Failed { error: if nothing_happened { error } else { in_doubt(&error) }, nothing_happened }
        })
    }

    fn verify(&self, question: &Question) -> Result<Verdict, Error> {
        verify(question, false, &self.client, self.environment)
    }

    fn revoke(&self, id: &PatId) -> Result<(), Error> {
        let answer = self.send(&azure::revoke(&self.organisation, id))?;
        azure::read_revoked(&answer).map_err(|refusal| self.refused(refusal))
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
        client.send(request, &question.token, &online::way(&request.url, allow_http, environment)?)?;
    Ok(question.read(&answer))
}

/// An exchange that did not come to its end. Only where no connection came about, nothing can have happened.
pub(super) fn failed(error: Error) -> Failed {
    let reached = |trouble: &Trouble| {
        matches!(
            trouble,
            Trouble::Network { .. }
                | Trouble::Silent { .. }
                | Trouble::TooLarge
                | Trouble::NotHttp
                // Its first words are not told from a later break.
                | Trouble::Tls
        )
    };
    match &error {
        Error::Network { trouble, .. } if reached(trouble) => {
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
    if online::is_offline(context.environment) {
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

/// The organisation that a person means, and its URL.
pub(super) fn organisation(text: &str, context: &Context<'_>) -> Result<(String, String), Error> {
    let plain = |text: &str| !text.contains(['/', ':', '.', '@']);
    let url = if plain(text) { format!("https://dev.azure.com/{text}") } else { text.to_owned() };
    let (remote, user) = super::place(context, &url)?;
    let elsewhere = || {
        Error::usage(
            format!("{} is no organisation of Azure DevOps Services", visible(text)),
            "only there the life of tokens can be managed from here; elsewhere: keyfob rotate URL",
        )
    };
    match context.wallet.resolve(&remote, user.as_deref())? {
        Resolution::Known(known)
            if known.forge.id == forge::azure_devops::FORGE.id && known.site.is_none() =>
        {
            let organisation = known.organisation.clone().ok_or_else(elsewhere)?;
            let home = known.home(&remote);
            Ok((organisation, home))
        }
        _ => Err(elsewhere()),
    }
}

/// The one token of a list that a person means: by its id or the beginning of that, or by its name.
pub(super) fn one_of<'p>(pats: &'p [Pat], word: &str, organisation: &str) -> Result<&'p Pat, Error> {
    let lower = word.to_ascii_lowercase();
    let by_id = |pat: &&Pat| word.len() >= 4 && pat.id.as_str().starts_with(&lower);
    let by_name = |pat: &&Pat| pat.name == word || without_mark(&pat.name) == word;
    let mut found: Vec<&Pat> = pats.iter().filter(|pat| pat.name == word).collect();
    if found.is_empty() {
        found = pats.iter().filter(|pat| by_id(pat) || by_name(pat)).collect();
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
        let of = |trouble| failed(Error::Network { host: "h".to_owned(), trouble }).nothing_happened;
        for before in [Trouble::NoSuchHost, Trouble::ClearText, Trouble::Certificate { why: "w" }] {
            assert!(of(before));
        }
        // What breaks within TLS may be the answer.
        for after in [Trouble::Tls, Trouble::NotHttp, Trouble::TooLarge, Trouble::Silent { seconds: 20 }] {
            assert!(!of(after));
        }
    }
}
