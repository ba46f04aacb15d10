//! What a service's answer shows to be in the way, with its sentence and hint.

use crate::text::date;

/// What is in the way, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Unknown, revoked, or of another place: services do not tell these apart.
    NotAccepted,
    /// Its time is over.
    Expired,
    /// A sign-in page came instead of an answer.
    SignIn,
    /// The service is at another address now, which is not asked (R12).
    Moved,
    /// The service knows no such place: an organisation that was renamed, or is gone.
    Gone,
    /// The service took us for nobody in particular.
    Anonymous,
    /// The token is good, but may not ask who it is.
    MissingScope,
    /// The account is suspended or blocked; another token of it would fare no better.
    Blocked,
    /// The account has to do something on the website first: take the terms, renew a password, confirm an address.
    ActionRequired,
    /// The token has to be authorised for an organisation's single sign-on.
    SingleSignOn,
    /// A rule of the organisation lets nobody in from here: an IP allow list, conditional access.
    BlockedByPolicy,
    /// The web server takes the token for a Windows password (IIS with its own Basic authentication on).
    IisBasic,
    /// Too many requests.
    RateLimit {
        /// How long to wait, if it was said.
        seconds: Option<u64>,
    },
    /// The service has trouble of its own.
    Broken {
        /// The status.
        status: u16,
        /// How long to wait, if it was said.
        seconds: Option<u64>,
    },
    /// It opens more than one organisation, which ends.
    Global {
        /// When, in Unix seconds.
        end: i64,
    },
    /// The service wants the account's e-mail address as user name.
    WantsEmail,
    /// An answer that we cannot read.
    UnexpectedResponse {
        /// The status.
        status: u16,
    },
}

impl Problem {
    /// Its word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Problem::NotAccepted => "not-accepted",
            Problem::Expired => "expired",
            Problem::SignIn => "sign-in-page",
            Problem::Moved => "moved",
            Problem::Gone => "not-found",
            Problem::Anonymous => "anonymous",
            Problem::MissingScope => "missing-scope",
            Problem::Blocked => "account-blocked",
            Problem::ActionRequired => "account-incomplete",
            Problem::SingleSignOn => "single-sign-on",
            Problem::BlockedByPolicy => "barred-here",
            Problem::IisBasic => "iis-basic",
            Problem::RateLimit { .. } => "rate-limit",
            Problem::Broken { .. } => "server-error",
            Problem::Global { .. } => "global-token",
            Problem::WantsEmail => "wants-email",
            Problem::UnexpectedResponse { .. } => "odd-answer",
        }
    }

    /// In a sentence; `host` is the one that was asked.
    #[must_use]
    pub fn words(&self, host: &str) -> String {
        match self {
            Problem::NotAccepted => {
                format!(
                    "{host} does not accept the token: it is unknown there, was revoked, or belongs elsewhere"
                )
            }
            Problem::Expired => format!("{host} says that the token has ended"),
            Problem::SignIn => {
                format!("{host} answered with a sign-in page, so it does not accept the token")
            }
            Problem::Moved => {
                format!(
                    "{host} says that what is asked is at another address now, and nothing was sent there"
                )
            }
            Problem::Gone => {
                format!("{host} has nothing at this address: what was there has another name now, or is gone")
            }
            Problem::Anonymous => {
                format!("{host} answered as to a stranger, so it does not accept the token")
            }
            Problem::MissingScope => {
                format!("{host} accepts the token, but it may not ask who it is: it lacks the scope for that")
            }
            Problem::Blocked => {
                format!("{host} knows the token, but does not let its account in: it is suspended or blocked")
            }
            Problem::ActionRequired => {
                format!(
                    "{host} knows the token, but wants something of the account first, which is done on its website"
                )
            }
            Problem::SingleSignOn => {
                format!(
                    "{host} knows the token, but it is not authorised for the single sign-on of the organisation"
                )
            }
            Problem::BlockedByPolicy => {
                format!(
                    "{host} does not let the token in from here: a rule of the organisation allows other networks or devices only"
                )
            }
            Problem::IisBasic => format!(
                "the web server of {host} takes the token for a Windows password, because Basic authentication is switched on in IIS"
            ),
            Problem::RateLimit { seconds: Some(seconds) } => {
                format!("{host} has had too many requests and wants to be left alone for {seconds} s")
            }
            Problem::RateLimit { seconds: None } => format!("{host} has had too many requests"),
            Problem::Broken { status, seconds: Some(seconds) } => {
                format!("{host} has trouble of its own ({status}) and wants to be left alone for {seconds} s")
            }
            Problem::Broken { status, seconds: None } => format!("{host} has trouble of its own ({status})"),
            Problem::Global { end } => {
                format!(
                    "{host} accepts the token for another organisation, too; such global tokens stop working on {}",
                    date(*end)
                )
            }
            Problem::WantsEmail => {
                format!("{host} tells about this kind of token only beside the e-mail address of its account")
            }
            Problem::UnexpectedResponse { status } => {
                format!("{host} gave an answer that keyfob cannot read ({status})")
            }
        }
    }

    /// Whether only another token helps.
    #[must_use]
    pub fn needs_a_new_token(&self) -> bool {
        matches!(self, Problem::NotAccepted | Problem::Expired | Problem::SignIn | Problem::Anonymous)
    }

    /// How to go on; `target` is the place as a command takes it.
    #[must_use]
    pub fn hint(&self, target: &str) -> Option<String> {
        Some(match self {
            Problem::NotAccepted | Problem::Expired | Problem::SignIn | Problem::Anonymous => {
                format!("make a new one on the service's page, and: keyfob add {target}")
            }
            Problem::Moved => format!("if that is so: keyfob move {target} NEW-URL"),
            Problem::Gone => format!(
                "look with a browser; with another name: keyfob move {target} NEW-URL; if it is gone: keyfob remove {target}"
            ),
            Problem::MissingScope => "that is no fault; it may still do what it was made for".to_owned(),
            Problem::Blocked => {
                "ask the service's support or your administrator; a new token would not help".to_owned()
            }
            Problem::ActionRequired => {
                format!("sign in there with a browser and do as it says; the token stays good, then: keyfob check {target}")
            }
            Problem::SingleSignOn => {
                format!("on the service's page of tokens, \"Configure SSO\" beside the token authorises it; then: keyfob check {target}")
            }
            Problem::BlockedByPolicy => {
                format!("the token may be good: go by way of a network that is allowed, or ask your administrator; then: keyfob check {target}")
            }
            Problem::IisBasic => {
                "ask the server's administrator to switch Basic authentication off in IIS; the token may be good".to_owned()
            }
            Problem::RateLimit { .. } | Problem::Broken { .. } => format!("later: keyfob check {target}"),
            Problem::Global { .. } => {
                format!("make one for each organisation on its own page, and: keyfob add {target}")
            }
            Problem::WantsEmail => "keyfob add URL --account ME@EXAMPLE.COM names the account by it".to_owned(),
            Problem::UnexpectedResponse { .. } => return None,
        })
    }
}
