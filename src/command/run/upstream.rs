//! The way from the proxy to a service: as every command of keyfob goes it, and where only a tool's own variables name a proxy or
//! authorities, by these. So a command reaches what it reached without keyfob.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::environment::Environment;
use crate::error::Error;
use crate::proxy::RouteTo;
use crate::remote::Remote;

use super::super::network;
use super::authorities::Authorities;
use super::environment::authority_variables;
use super::folder::RunFolder;

/// Variables of tools that name a proxy, for https and for http, most general first.
const PROXIES: [(&str, &[&str]); 2] = [
    (
        "https_proxy",
        &[
            "npm_config_https_proxy",
            "NPM_CONFIG_HTTPS_PROXY",
            "YARN_HTTPS_PROXY",
            "PIP_PROXY",
            "CARGO_HTTP_PROXY",
        ],
    ),
    ("http_proxy", &["npm_config_proxy", "NPM_CONFIG_PROXY", "YARN_HTTP_PROXY", "npm_config_http_proxy"]),
];

/// The way to each URL.
///
/// # Errors
/// Those of writing the list of authorities.
pub(super) fn route(environment: &Environment, folder: &RunFolder) -> Result<RouteTo, Error> {
    let own = with_proxies_of_tools(environment);
    let names_authorities = authority_variables().iter().any(|name| environment.os(name).is_some());
    let trusted = match names_authorities {
        true => {
            let all = Authorities::before(&authority_variables(), environment);
            Some(folder.write("trusted.pem", all.pem().as_bytes())?)
        }
        false => None,
    };
    let known: Mutex<HashMap<String, crate::command::network::Route>> = Mutex::default();
    Ok(Box::new(move |url| {
        let (remote, _) = Remote::from_url(url)?;
        let origin = remote.origin();
        // git is asked for its settings, once for each host.
        if let Some(route) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&origin) {
            return Ok(route.clone());
        }
        // Whether a login may go in clear is the wallet's to say; everything else may.
        let mut route = network::route(&origin, true, &own)?;
        if let Some(trusted) = &trusted {
            route.authorities = Some(trusted.clone());
        }
        known.lock().unwrap_or_else(PoisonError::into_inner).insert(origin, route.clone());
        Ok(route)
    }))
}

/// The environment, and what only a tool's variable says of proxies as if all were told.
fn with_proxies_of_tools(environment: &Environment) -> Environment {
    let mut pairs = environment.for_child();
    for (general, of_tools) in PROXIES {
        let is_said =
            [general.to_owned(), general.to_uppercase(), "all_proxy".to_owned(), "ALL_PROXY".to_owned()]
                .iter()
                .any(|name| environment.given(name).is_some());
        let said = of_tools.iter().find_map(|name| environment.os(name)).filter(|_| !is_said);
        pairs.extend(said.map(|value| (general.into(), value)));
    }
    Environment::new(pairs)
}
