//! A person's sign-in, for services that let no token manage tokens. The bearer comes, in this order, from `KEYFOB_ENTRA_TOKEN`, from
//! the command or by the client id that the settings name, from the service's own program. It is kept nowhere. Deliberately absent:
//! a client id of a service's own program, and a browser that we start for it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::Error;
use crate::forge::Forge;
use crate::forge::lifecycle::{DeviceCode, Poll, SignIn, Site, Tenant};
use crate::forge::token::{RecognizedToken, recognize, redacted};
use crate::http_message::Request;
use crate::process;
use crate::process::child;
use crate::secret::Secret;
use crate::store::environment::ENTRA;

use super::network::Client;
use super::{Context, network};

/// The longest that a program is waited for which prints a bearer; some take several seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bearer for managing the tokens of a site.
///
/// # Errors
/// That there is no way to get one; what was in the way of it.
pub(super) fn bearer(
    sign_in: &SignIn,
    forge: &'static Forge,
    site: &Site<'_>,
    client: &Client,
    context: &mut Context<'_>,
) -> Result<Secret, Error> {
    let environment = context.environment;
    let how = How { sign_in, forge, environment };
    if let Some(given) = environment.text(ENTRA) {
        return how.checked(Secret::new(given.into_bytes()), ENTRA);
    }
    let entra = &context.wallet.config()?.entra;
    if let Some((program, arguments)) = entra.command.split_first() {
        return how.printed(PathBuf::from(program), arguments);
    }
    if let Some(id) = &entra.client_id {
        let tenant = entra.tenant.clone();
        return by_device_code(&how, &id.clone(), tenant, site, client, context);
    }
    let SignIn { provider, program_name, program, guide, .. } = sign_in;
    match program_of(program, environment) {
        Some(program) => {
            let arguments = sign_in.arguments.iter().map(|&word| word.to_owned());
            let option = |tenant: &String| [sign_in.tenant_option.to_owned(), tenant.clone()];
            let arguments: Vec<String> = arguments.chain(entra.tenant.iter().flat_map(option)).collect();
            how.printed(program, &arguments)
        }
        None => Err(Error::Service {
            what: format!(
                "the life of tokens is managed by a person who is signed in to {provider}, and nobody is"
            ),
            hint: format!(
                "install {program_name}, and: {program} login; or set {ENTRA}; {guide} has more ways. A token made by hand: keyfob add \
                 {} --open",
                site.home
            ),
        }),
    }
}

/// A service's own program; on Windows it may be a batch file.
fn program_of(name: &str, environment: &Environment) -> Option<PathBuf> {
    environment.program(name).or_else(|| {
        let path = environment.os("PATH").filter(|_| cfg!(windows))?;
        let mut found = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        found.find_map(|folder| Some(folder.join(format!("{name}.cmd"))).filter(|file| file.is_file()))
    })
}

/// What a bearer is for, and how it comes about.
struct How<'h> {
    sign_in: &'h SignIn,
    forge: &'static Forge,
    environment: &'h Environment,
}

impl How<'_> {
    /// What a program prints: the bearer alone, or JSON with an `accessToken`.
    fn printed(&self, program: PathBuf, arguments: &[String]) -> Result<Secret, Error> {
        let SignIn { service, program: own, .. } = self.sign_in;
        let name = program.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let failed = |why: &str| Error::Service {
            what: format!("{name} gave no sign-in for {service}: {why}"),
            hint: if name == *own {
                format!("{own} login, and try: {own} {}", self.sign_in.arguments.join(" "))
            } else {
                "run it by hand to see why; entra.command in the settings names it".to_owned()
            },
        };
        let mut command = child(&program, self.environment);
        command.args(arguments);
        let said = match process::secret_within(&mut command, PATIENCE) {
            Ok(Some(said)) if !said.trim_ascii().is_empty() => said,
            Ok(Some(_)) => return Err(failed("it printed nothing")),
            Ok(None) => return Err(failed("it failed")),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return Err(failed(&format!("it did not end within {} s", PATIENCE.as_secs())));
            }
            Err(_) => return Err(failed("it could not be started")),
        };
        let bearer = if said.trim_ascii_start().starts_with(b"{") {
            let printed = serde_json::from_slice::<Printed>(&said)
                .map_err(|_| failed("its JSON has no accessToken"))?;
            Secret::copy_of(printed.access_token.as_bytes())
        } else {
            Secret::copy_of(&said)
        };
        self.checked(bearer, &name)
    }

    /// A bearer that could be one: a personal access token is none, and people try.
    fn checked(&self, given: Secret, from: &str) -> Result<Secret, Error> {
        let SignIn { provider, service, program, .. } = self.sign_in;
        let bearer = given.into_token().map_err(|error| Error::Service {
            what: format!("what {from} gave is no sign-in: {error}"),
            hint: format!("it must be an access token of {provider} for {service}, alone on one line"),
        })?;
        if matches!(recognize(&bearer, self.forge), RecognizedToken::Fits { .. }) {
            return Err(Error::Service {
                what: format!("what {from} gave is a personal access token, and those may not manage tokens"),
                hint: format!("sign in as yourself: {program} login, then unset {ENTRA}"),
            });
        }
        Ok(bearer)
    }
}

#[derive(Deserialize)]
struct Printed {
    #[serde(alias = "accessToken", alias = "token")]
    access_token: Zeroizing<String>,
}

fn by_device_code(
    how: &How<'_>,
    id: &str,
    tenant: Option<String>,
    site: &Site<'_>,
    client: &Client,
    context: &mut Context<'_>,
) -> Result<Secret, Error> {
    // The code is for a person who reads it now; a job would wait for a quarter of an hour for nobody.
    if context.terminal.capabilities.unattended || !context.terminal.capabilities.stderr {
        return Err(Error::NobodyToSignIn);
    }
    let sign_in = how.sign_in;
    let SignIn { provider, program, .. } = sign_in;
    let failed = |why: &str| Error::Service {
        what: format!("signing in to {provider} failed: {why}"),
        hint: format!(
            "some organisations forbid sign-in by code; then: {program} login, and take entra.client_id out of the settings"
        ),
    };
    let nothing = Secret::new(Vec::new());
    let send = |request: &Request, secret: &Secret| {
        client.send(request, secret, &network::route(&request.url, false, how.environment)?)
    };
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => match (sign_in.read_tenant)(&send(&(sign_in.ask_tenant)(site), &nothing)?) {
            Tenant::Of(tenant) => tenant,
            Tenant::None => return Err((sign_in.no_tenant)(site)),
            Tenant::Unknown => sign_in.any_tenant.to_owned(),
        },
    };
    let begun =
        (sign_in.read_begun)(&send(&(sign_in.begin)(id, &tenant), &nothing)?).map_err(|why| failed(&why))?;
    let DeviceCode { code, user_code, page, interval, lasts } = begun;
    context.terminal.note(&format!("to sign in, open {page} and enter {user_code}"));
    let end = Instant::now() + Duration::from_secs(lasts);
    let mut pause = interval;
    loop {
        std::thread::sleep(Duration::from_secs(pause));
        if Instant::now() >= end {
            return Err(failed("the code was not entered in time"));
        }
        let poll = match send(&(sign_in.ask)(id, &tenant), &code) {
            Ok(answer) => (sign_in.read_poll)(&answer),
            // The person may still be typing (RFC 8628, 3.5).
            Err(Error::Network { .. }) => Poll::Slower,
            Err(error) => return Err(error),
        };
        match poll {
            Poll::Done(bearer) => return how.checked(bearer, sign_in.host),
            // It may repeat what it was sent.
            Poll::Over(why) => return Err(failed(&redacted(&why, &code))),
            poll @ (Poll::Wait | Poll::Slower) => pause = poll.pause(pause),
        }
    }
}
