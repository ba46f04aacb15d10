//! `fake-forge`: an Azure DevOps Services look-alike and an on-premises one on loopback, for the demo and for trying
//! things by hand.
//!
//! ```text
//! fake-forge --repos DIR [--repo NAME]... [--tokens FILE] [--log FILE] [--ca FILE]
//! ```
//!
//! `--repos` is the folder of bare repositories; each `--repo contoso/Project/Repo` is made there when it is missing.
//! Tokens come from a file or, without `--tokens`, from the first line of stdin, never from the command line:
//! `[{"forge": "services", "realm": "contoso", "account": "alice", "token": "…"}, …]` with `forge` also `on-premises`,
//! and optionally `"push": false` and `"condition": "expired"` or `"revoked"`. Any further line of stdin replaces
//! them. `--ca` writes a certificate there and opens a proxy for the real host names.
//!
//! One line of JSON on stdout says where everything is. It serves until stdin ends or it is killed.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "a program of its own, for people"
)]

#[path = "mod.rs"]
mod fakes;

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use fakes::azure_answers::blob_storage;
use fakes::forge::{Condition, Forge, Token};
use fakes::git_backend::Repositories;
use fakes::http::Handler;
use fakes::log::{Entry, Log, basic};
use fakes::proxy::Proxy;
use fakes::tls::Authority;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    forge: Kind,
    #[serde(default)]
    realm: String,
    account: String,
    token: String,
    #[serde(default = "yes")]
    push: bool,
    #[serde(default)]
    condition: State,
}

#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Services,
    OnPremises,
}

#[derive(serde::Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum State {
    #[default]
    Active,
    Expired,
    Revoked,
}

fn yes() -> bool {
    true
}

#[derive(Default)]
struct Options {
    repos: Option<PathBuf>,
    names: Vec<String>,
    tokens: Option<PathBuf>,
    log: Option<PathBuf>,
    ca: Option<PathBuf>,
}

fn main() {
    if let Err(why) = run() {
        eprintln!("fake-forge: error: {why}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let options = options()?;
    let repositories = Repositories::new(options.repos.ok_or("--repos DIR is missing")?);
    for name in &options.names {
        repositories.create(name);
    }
    let services = Forge::services(&repositories);
    let on_premises = Forge::on_premises(&repositories, "/tfs");

    let mut lines = io::stdin().lock().lines();
    let first = match &options.tokens {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?
        }
        None => lines.next().ok_or("no tokens on stdin")?.map_err(|error| error.to_string())?,
    };
    set_tokens(&first, &services, &on_premises)?;

    let mut authority = None;
    let rows: Vec<(&'static str, Handler)> = vec![
        ("dev.azure.com", services.handler()),
        ("*.dev.azure.com", services.handler()),
        ("*.visualstudio.com", services.handler()),
        ("*.blob.core.windows.net", std::sync::Arc::new(blob_storage)),
    ];
    let proxy = options.ca.as_ref().map(|file| {
        let authority = authority.insert(Authority::new());
        authority.write_pem(file);
        Proxy::start(authority, rows)
    });
    let (cloud, server) = (services.start(), on_premises.start());
    if let Some(file) = options.log {
        let file = File::create(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        for log in
            [Some(cloud.log()), Some(server.log()), proxy.as_ref().map(Proxy::log)].into_iter().flatten()
        {
            write_log(log, file.try_clone().map_err(|error| error.to_string())?, &services, &on_premises);
        }
    }
    let where_it_is = serde_json::json!({
        "services": { "url": cloud.url(), "port": cloud.port() },
        "on_premises": { "url": format!("{}/tfs", server.url()), "port": server.port() },
        "proxy": proxy.as_ref().map(Proxy::url),
        "ca_file": options.ca,
    });
    println!("{where_it_is}");
    io::stdout().flush().map_err(|error| error.to_string())?;

    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        if let Err(why) = set_tokens(&line, &services, &on_premises) {
            eprintln!("fake-forge: error: {why}");
        }
    }
    Ok(())
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = std::env::args_os().skip(1);
    while let Some(name) = arguments.next() {
        let name = name.to_string_lossy().into_owned();
        let mut value = || arguments.next().map(PathBuf::from).ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--repos" => options.repos = Some(value()?),
            "--repo" => options.names.push(value()?.to_string_lossy().into_owned()),
            "--tokens" => options.tokens = Some(value()?),
            "--log" => options.log = Some(value()?),
            "--ca" => options.ca = Some(value()?),
            // Not repeated: it may be a token.
            _ => return Err("unknown option; see the head of tests/fakes/main.rs".to_owned()),
        }
    }
    Ok(options)
}

/// Replaces the tokens. The error does not repeat the line.
fn set_tokens(json: &str, services: &Forge, on_premises: &Forge) -> Result<(), String> {
    let rows: Vec<Row> = serde_json::from_str(json)
        .map_err(|error| format!("tokens: not the list that is wanted (column {})", error.column()))?;
    for (kind, forge) in [(Kind::Services, services), (Kind::OnPremises, on_premises)] {
        let tokens = rows.iter().filter(|row| row.forge == kind).map(|row| {
            let condition = match row.condition {
                State::Active => Condition::Active,
                State::Expired => Condition::Expired,
                State::Revoked => Condition::Revoked,
            };
            Token { push: row.push, condition, ..Token::new(&row.realm, &row.account, &row.token) }
        });
        forge.change(|state| state.tokens = tokens.collect());
    }
    Ok(())
}

/// Writes a line for each request: whose token it carried, never the token.
fn write_log(log: &Log, mut file: File, services: &Forge, on_premises: &Forge) {
    let forges = [services.clone(), on_premises.clone()];
    log.watch(move |entry| {
        let line = line(entry, &forges);
        // One write for each line: several servers share the file.
        let _ = file.write_all(line.as_bytes());
    });
}

fn line(entry: &Entry, forges: &[Forge]) -> String {
    let who = entry.authorization().map_or_else(
        || "no token".to_owned(),
        |authorization| {
            let scheme = authorization.split(' ').next().unwrap_or_default();
            let owner = forges.iter().find_map(|forge| {
                forge.change(|state| {
                    state.whose(authorization).map(|token| format!("{} in {}", token.account, token.realm))
                })
            });
            let user = basic(authorization).map(|(user, _)| format!(" as user {user:?}")).unwrap_or_default();
            format!("{scheme}{user}, token of {}", owner.as_deref().unwrap_or("nobody"))
        },
    );
    let mut line = format!("{} {}{} {} ({who})\n", entry.method, entry.host, entry.target, entry.status);
    for forge in forges {
        forge.change(|state| {
            for token in state.tokens.iter().filter(|token| !token.value.is_empty()) {
                line = line.replace(&token.value, "(token)");
            }
        });
    }
    line
}
