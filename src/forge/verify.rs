//! Asking a service whether it takes a token: each forge's record has a [`Check`], one request and how its answer is read.
//! What is the same for all is here. Pure: requests and answers are values.
//!
//! A 200 alone proves nothing: services answer strangers, too, and show sign-in pages with a status that looks like success.
//! So a token is accepted only where the service says as whom, and refused only where it says so; everything else is unclear, and
//! then nothing is concluded.

use serde::Deserialize;

use crate::http_message::{Request, Response};
use crate::remote::Realm;
use crate::secret::Secret;

mod problem;

pub use problem::Problem;

/// How a service is asked about a token.
pub struct Check {
    /// The one request.
    pub request: fn(&Target<'_>) -> Request,
    /// What its answer means.
    pub read: fn(&Response, &Target<'_>) -> Verdict,
}

/// What is asked about.
pub struct Target<'t> {
    /// The realm.
    pub realm: &'t Realm,
    /// Its URL: for a cloud service, its home; for a server, what the person gave. Without a slash at its end.
    pub home: String,
    /// The account's name.
    pub account: Option<&'t str>,
    /// The token, whose beginning may matter.
    pub token: &'t Secret,
}

/// Where tokens are created and managed.
#[derive(Clone, Copy, Debug)]
pub struct Site<'s> {
    /// The realm that they open.
    pub realm: &'s Realm,
    /// Its URL, without a slash at its end.
    pub home: &'s str,
}

impl Target<'_> {
    /// Where it belongs.
    #[must_use]
    pub fn site(&self) -> Site<'_> {
        Site { realm: self.realm, home: &self.home }
    }
}

/// What a service said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The upshot.
    pub outcome: Outcome,
    /// What is in the way, or worth knowing.
    pub problem: Option<Problem>,
    /// The service's own words. They are a stranger's.
    pub reason: Option<String>,
    /// As whom.
    pub who: Option<String>,
    /// When the token was made, in Unix seconds, if the service tells.
    pub made: Option<i64>,
    /// When the token ends, in Unix seconds, if the service tells.
    pub expires: Option<i64>,
    /// What the token may do, if the service tells.
    pub scopes: Vec<String>,
}

/// The upshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The service takes it.
    Accepted,
    /// The service does not.
    Refused,
    /// Nothing can be concluded.
    #[default]
    Unclear,
}

impl Outcome {
    /// Its word in lists and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Refused => "refused",
            Outcome::Unclear => "unclear",
        }
    }
}

impl Verdict {
    /// Accepted, as this one.
    #[must_use]
    pub fn accepted(who: Option<String>) -> Verdict {
        let who = who.and_then(|who| shortened(&who));
        Verdict { outcome: Outcome::Accepted, who, ..Verdict::default() }
    }

    /// Something is in the way; the outcome follows from what.
    #[must_use]
    pub fn problem(problem: Problem, answer: &Response) -> Verdict {
        let outcome = match problem {
            Problem::NotAccepted
            | Problem::Expired
            | Problem::SignIn
            | Problem::Anonymous
            | Problem::Blocked => Outcome::Refused,
            Problem::MissingScope => Outcome::Accepted,
            _ => Outcome::Unclear,
        };
        Verdict { outcome, problem: Some(problem), reason: message(answer), ..Verdict::default() }
    }
}

/// What a service says, in the words of its own sources or documentation, when the token is known and something else is in the
/// way. Part of the message, and what it means.
pub(super) type Obstacles = &'static [(&'static str, Problem)];

/// The obstacle that a refusal names.
pub(super) fn obstacle(said: &str, obstacles: Obstacles) -> Option<Problem> {
    obstacles.iter().find(|(part, _)| said.contains(part)).map(|(_, problem)| problem.clone())
}

/// Reads what all REST services do alike; `ok` reads the body of a 200. `obstacles` are those that a 403 may name.
pub(super) fn read(
    answer: &Response,
    obstacles: Obstacles,
    ok: impl FnOnce(&Response) -> Option<Verdict>,
) -> Verdict {
    let named = || message(answer).and_then(|said| obstacle(&said, obstacles));
    let problem = match answer.status {
        429 | 403 if let Some(limit) = is_limit(answer) => limit,
        403 if let Some(problem) = named() => problem,
        // For good, so it is no page to sign in.
        301 | 308 => Problem::Moved,
        300..=399 => Problem::SignIn,
        500.. => Problem::Broken { status: answer.status, seconds: answer.retry_after() },
        401 => Problem::NotAccepted,
        // In the service's own form. A gateway on the way says no, too, and knows nothing of the token.
        403 if answer.json::<serde_json::Map<String, serde_json::Value>>().is_some() => Problem::MissingScope,
        203 => Problem::SignIn,
        200 if answer.is_page() => Problem::SignIn,
        200 => match ok(answer) {
            Some(verdict) => return verdict,
            None => Problem::UnexpectedResponse { status: 200 },
        },
        status => Problem::UnexpectedResponse { status },
    };
    Verdict::problem(problem, answer)
}

/// That too much was asked for.
pub(super) fn is_limit(answer: &Response) -> Option<Problem> {
    let used_up = || answer.header("x-ratelimit-remaining") == Some("0");
    // GitHub's secondary limits need not show in a header.
    let is_limit =
        answer.status == 429 || used_up() || answer.retry_after().is_some() || speaks_of_limit(answer);
    is_limit.then(|| Problem::RateLimit { seconds: answer.limit_ends() })
}

fn speaks_of_limit(answer: &Response) -> bool {
    message(answer).is_some_and(|said| said.to_ascii_lowercase().contains("rate limit"))
}

/// The service's own words, where it has them as services do.
pub(super) fn message(answer: &Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        message: Option<serde_json::Value>,
        error_description: Option<String>,
        error: Option<Nested>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Nested {
        Text(String),
        Object { message: Option<String> },
    }
    let body = answer.json::<Body>()?;
    let nested = || match body.error {
        Some(Nested::Text(text)) => Some(text),
        Some(Nested::Object { message }) => message,
        None => None,
    };
    let said = body.message.as_ref().map(in_words).filter(|said| !said.is_empty());
    let text = said.or(body.error_description).or_else(nested)?;
    shortened(&text)
}

/// A message in whatever form it comes: a text, or, of what was wrong with a request, texts by member (GitLab).
fn in_words(said: &serde_json::Value) -> String {
    use serde_json::Value;
    match said {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            let pairs = all.iter().map(|(name, said)| format!("{name} {}", in_words(said)));
            pairs.collect::<Vec<_>>().join("; ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// One line of at most 300 characters.
pub(super) fn shortened(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(300).collect();
    (!short.is_empty()).then_some(short)
}

/// Scopes from a header that lists them with commas.
pub(super) fn listed(answer: &Response, header: &str) -> Vec<String> {
    let values = answer.headers_of(header).flat_map(|value| value.split(','));
    values.map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
