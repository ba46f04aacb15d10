//! Whom Azure DevOps lets manage tokens: a person who is signed in to Microsoft Entra. The bearer comes, in this order, from
//! `KEYFOB_ENTRA_TOKEN`, from the command or by the client id that the settings name, from the Azure CLI. It is kept nowhere.
//! Deliberately absent: a client id of Microsoft's own, and a browser that we start for it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::Error;
use crate::forge::azure_devops;
use crate::forge::life::azure::Refusal;
use crate::forge::life::entra::{self, Begun, Poll, RESOURCE, Tenant};
use crate::forge::shape::{Looks, looks, redacted};
use crate::http_message::Request;
use crate::process;
use crate::process::child;
use crate::secret::Secret;
use crate::store::environment::ENTRA;

use super::online::Client;
use super::{Context, online};

/// The longest that a program is waited for which prints a bearer. The Azure CLI takes some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is wanted of the Azure CLI.
const AZ: &[&str] =
    &["account", "get-access-token", "--resource", RESOURCE, "--query", "accessToken", "--output", "tsv"];

/// A bearer for the life of tokens in an organisation.
///
/// # Errors
/// That there is no way to get one; what was in the way of it.
pub(super) fn bearer(
    organisation: &str,
    client: &Client,
    context: &mut Context<'_>,
) -> Result<Secret, Error> {
    let environment = context.environment;
    if let Some(given) = environment.text(ENTRA) {
        return checked(Secret::new(given.into_bytes()), ENTRA);
    }
    let entra = &context.wallet.config()?.entra;
    if let Some((program, arguments)) = entra.command.split_first() {
        return printed(PathBuf::from(program), arguments, environment);
    }
    if let Some(id) = &entra.client_id {
        let tenant = entra.tenant.clone();
        return by_device_code(&id.clone(), tenant, organisation, client, context);
    }
    match az(environment) {
        Some(program) => {
            let arguments: Vec<String> = AZ.iter().map(|&word| word.to_owned()).collect();
            let tenant = entra.tenant.iter().flat_map(|tenant| ["--tenant".to_owned(), tenant.clone()]);
            printed(program, &arguments.into_iter().chain(tenant).collect::<Vec<_>>(), environment)
        }
        None => Err(Error::Service {
            what:
                "the life of tokens is managed by a person who is signed in to Microsoft Entra, and nobody is"
                    .to_owned(),
            hint: format!(
                "install the Azure CLI, and: az login; or set {ENTRA}; docs/forges/azure-devops.md has more ways. A token made by \
                 hand: keyfob add https://dev.azure.com/{organisation} --open"
            ),
        }),
    }
}

/// The Azure CLI; on Windows it is a batch file.
fn az(environment: &Environment) -> Option<PathBuf> {
    environment.program("az").or_else(|| {
        let path = environment.os("PATH").filter(|_| cfg!(windows))?;
        let mut found = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        found.find_map(|folder| Some(folder.join("az.cmd")).filter(|file| file.is_file()))
    })
}

/// What a program prints: the bearer alone, or JSON with an `accessToken`.
fn printed(program: PathBuf, arguments: &[String], environment: &Environment) -> Result<Secret, Error> {
    let name = program.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let failed = |why: &str| Error::Service {
        what: format!("{name} gave no sign-in for Azure DevOps: {why}"),
        hint: if name == "az" {
            format!("az login, and try: az {}", AZ.join(" "))
        } else {
            "run it by hand to see why; entra.command in the settings names it".to_owned()
        },
    };
    let mut command = child(&program, environment);
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
        let printed =
            serde_json::from_slice::<Printed>(&said).map_err(|_| failed("its JSON has no accessToken"))?;
        Secret::copy_of(printed.access_token.as_bytes())
    } else {
        Secret::copy_of(&said)
    };
    checked(bearer, &name)
}

#[derive(Deserialize)]
struct Printed {
    #[serde(alias = "accessToken", alias = "token")]
    access_token: Zeroizing<String>,
}

/// A bearer that could be one: a personal access token is none, and people try.
fn checked(given: Secret, from: &str) -> Result<Secret, Error> {
    let bearer = given.into_token().map_err(|error| Error::Service {
        what: format!("what {from} gave is no sign-in: {error}"),
        hint: "it must be an access token of Microsoft Entra for Azure DevOps, alone on one line".to_owned(),
    })?;
    if matches!(looks(&bearer, &azure_devops::FORGE), Looks::Fits { .. }) {
        return Err(Error::Service {
            what: format!("what {from} gave is a personal access token, and those may not manage tokens"),
            hint: format!("sign in as yourself: az login, then unset {ENTRA}"),
        });
    }
    Ok(bearer)
}

fn by_device_code(
    id: &str,
    tenant: Option<String>,
    organisation: &str,
    client: &Client,
    context: &mut Context<'_>,
) -> Result<Secret, Error> {
    // The code is for a person who reads it now; a job would wait for a quarter of an hour for nobody.
    if context.terminal.about.unattended || !context.terminal.about.stderr {
        return Err(Error::NobodyToSignIn);
    }
    let failed = |why: &str| {
        Error::Service {
        what: format!("signing in to Microsoft Entra failed: {why}"),
        hint: "some organisations forbid sign-in by code; then: az login, and take entra.client_id out of the settings".to_owned(),
    }
    };
    let nothing = Secret::new(Vec::new());
    let environment = context.environment;
    let send = |request: &Request, secret: &Secret| {
        client.send(request, secret, &online::way(&request.url, false, environment)?)
    };
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => match entra::read_tenant(&send(&entra::ask_tenant(organisation), &nothing)?) {
            Tenant::Of(tenant) => tenant,
            Tenant::None => return Err(Refusal::NoTenant.into_error(organisation)),
            Tenant::Unknown => "organizations".to_owned(),
        },
    };
    let begun =
        entra::read_begun(&send(&entra::begin(id, &tenant), &nothing)?).map_err(|why| failed(&why))?;
    let Begun { code, user_code, page, interval, lasts } = begun;
    context.terminal.note(&format!("to sign in, open {page} and enter {user_code}"));
    let end = Instant::now() + Duration::from_secs(lasts);
    let mut pause = interval;
    loop {
        std::thread::sleep(Duration::from_secs(pause));
        if Instant::now() >= end {
            return Err(failed("the code was not entered in time"));
        }
        let poll = match send(&entra::ask(id, &tenant), &code) {
            Ok(answer) => entra::read_poll(&answer),
            // The person may still be typing (RFC 8628, 3.5).
            Err(Error::Network { .. }) => Poll::Slower,
            Err(error) => return Err(error),
        };
        match poll {
            Poll::Done(bearer) => return checked(bearer, entra::HOST),
            // It may repeat what it was sent.
            Poll::Over(why) => return Err(failed(&redacted(&why, &code))),
            poll @ (Poll::Wait | Poll::Slower) => pause = poll.pause(pause),
        }
    }
}
