//! How a person signs in to a service that lets no token manage tokens: by a program of the service's that prints a bearer, or
//! by a device code (RFC 8628).

use crate::error::Error;
use crate::http_message::{Request, Response};
use crate::secret::Secret;

use super::Site;

/// A way to sign in. Requests and answers are values; whatever an answer names is shown to the person and never asked.
pub struct SignIn {
    /// Who signs people in, for text about it.
    pub provider: &'static str,
    /// What they are signed in for.
    pub service: &'static str,
    /// The only host that is asked for a bearer by device code.
    pub host: &'static str,
    /// The documentation of all ways.
    pub guide: &'static str,
    /// The service's own program, by its name for people.
    pub program_name: &'static str,
    /// The same, as it is started; on Windows it may be a batch file.
    pub program: &'static str,
    /// What makes it print a bearer.
    pub arguments: &'static [&'static str],
    /// The option before a tenant.
    pub tenant_option: &'static str,
    /// The tenant that stands for any.
    pub any_tenant: &'static str,
    /// Asks for the tenant, as nobody.
    pub ask_tenant: fn(&Site<'_>) -> Request,
    /// Reads the answer.
    pub read_tenant: fn(&Response) -> Tenant,
    /// That there is no tenant, so that nobody can sign in.
    pub no_tenant: fn(&Site<'_>) -> Error,
    /// Begins a sign-in by device code, with a client id in a tenant.
    pub begin: fn(client: &str, tenant: &str) -> Request,
    /// Reads what began, or why nothing did, in the service's words.
    pub read_begun: fn(&Response) -> Result<DeviceCode, String>,
    /// Asks whether the person is done, with a client id in a tenant; shows the code of [`DeviceCode`].
    pub ask: fn(client: &str, tenant: &str) -> Request,
    /// Reads what came of a question.
    pub read_poll: fn(&Response) -> Poll,
}

/// A sign-in that was begun.
#[derive(Debug)]
pub struct DeviceCode {
    /// What is shown to the service.
    pub code: Secret,
    /// What the person enters.
    pub user_code: String,
    /// Where.
    pub page: String,
    /// Seconds between two questions.
    pub interval: u64,
    /// Seconds until it is over.
    pub lasts: u64,
}

/// What came of a question.
#[derive(Debug)]
pub enum Poll {
    /// The person is not done.
    Wait,
    /// The same, and we ask too often.
    Slower,
    /// The bearer.
    Done(Secret),
    /// It will not come; why.
    Over(String),
}

/// Seconds between two questions that are added when the service wants it slower (RFC 8628, 3.5).
const SLOWER: u64 = 5;

impl Poll {
    /// The pause before the next question, from the one before.
    #[must_use]
    pub fn pause(&self, before: u64) -> u64 {
        if matches!(self, Poll::Slower) { (before + SLOWER).min(60) } else { before }
    }
}

/// The tenant to sign in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// Its id.
    Of(String),
    /// None: nobody can sign in.
    None,
    /// The answer does not tell.
    Unknown,
}
