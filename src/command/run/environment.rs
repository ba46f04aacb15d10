//! The environment of a command behind the proxy: every variable of the table (src/tool/client), what is in the files that they name,
//! and placeholders where the command's client demands a login before it sends a request. It holds no token.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::remote::Remote;
use crate::tool::client::settings::{Found, urls_in};
use crate::tool::client::variables::GENERAL;
use crate::tool::client::{self, Client, Holds, PLACEHOLDER, Placeholder, Variable};

use super::super::network::is_exempt;
use super::authorities::Authorities;
use super::folder::RunFolder;

/// The password of a trust store, which protects nothing: Java's own.
const TRUST_STORE_PASSWORD: &str = "changeit";

/// A host that does not exist: npm takes an empty variable for one that is not set.
const NOWHERE: &str = "none.invalid";

/// What the environment is made of.
pub(super) struct Making<'m> {
    /// Ours.
    pub environment: &'m Environment,
    /// The proxy's URL.
    pub proxy_url: &'m str,
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate of its authority.
    pub authority_pem: &'m str,
    /// The served places, one for each origin.
    pub served: &'m [Remote],
    /// The client, if it is known.
    pub client: Option<&'static Client>,
    /// What its settings name.
    pub found: &'m Found,
    /// Its arguments.
    pub arguments: &'m [&'m str],
    /// Whether it may write.
    pub write: bool,
}

/// A variable, and its value or that it is taken away.
pub(super) type Setting = (String, Option<OsString>);

/// Every variable of the table, the general ones first, each once.
fn table() -> impl Iterator<Item = &'static Variable> {
    let clients = client::all().flat_map(|(_, _, client)| client.variables);
    GENERAL.iter().map(|(_, variable)| variable).chain(clients)
}

/// The variables that name files of authorities.
pub(super) fn authority_variables() -> Vec<&'static str> {
    let holds = |variable: &&Variable| {
        matches!(variable.holds, Holds::Authorities | Holds::AuthoritiesIfSet(_) | Holds::MoreAuthorities)
    };
    table().filter(holds).map(|variable| variable.name).chain(["NPM_CONFIG_CAFILE"]).collect()
}

/// The names of the variables that a command gets for sure.
pub(super) fn names(client: Option<&'static Client>) -> Vec<&'static str> {
    let of_client = client.into_iter().flat_map(|client| client.variables);
    let all = GENERAL.iter().map(|(_, variable)| variable).chain(of_client);
    let sure =
        |variable: &&Variable| !matches!(variable.holds, Holds::AuthoritiesIfSet(_) | Holds::Placeholder);
    all.filter(sure).map(|variable| variable.name).collect()
}

/// The files that variables name.
struct Files {
    authorities: PathBuf,
    more: PathBuf,
    key_store: PathBuf,
}

impl Making<'_> {
    /// The variables; what they name is in `folder`.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn settings(&self, folder: &RunFolder) -> Result<Vec<Setting>, Error> {
        let files = self.files(folder)?;
        let mut settings: Vec<Setting> = Vec::new();
        for variable in table() {
            if settings.iter().any(|(name, _)| name == variable.name) {
                continue;
            }
            let Some(value) = self.value(variable, &files) else { continue };
            // npm takes `NPM_CONFIG_CAFILE` for the same setting, and the last one counts.
            if ["npm_config_", "pnpm_config_", "YARN_"]
                .iter()
                .any(|beginning| variable.name.starts_with(beginning))
            {
                let others = self.environment.names().into_iter();
                let others = others
                    .filter(|other| other != variable.name && other.eq_ignore_ascii_case(variable.name));
                settings.extend(others.map(|other| (other, None)));
            }
            settings.push((variable.name.to_owned(), Some(value)));
        }
        settings.extend(self.placeholders(folder)?);
        Ok(settings)
    }

    fn files(&self, folder: &RunFolder) -> Result<Files, Error> {
        let mut authorities = Authorities::before(&authority_variables(), self.environment);
        authorities.add_pem(self.authority_pem);
        let mut more = Authorities::default();
        more.add_named(&["NODE_EXTRA_CA_CERTS"], self.environment);
        more.add_pem(self.authority_pem);
        Ok(Files {
            authorities: folder.write("authorities.pem", authorities.pem().as_bytes())?,
            more: folder.write("more-authorities.pem", more.pem().as_bytes())?,
            key_store: folder.write("authorities.jks", &authorities.key_store(TRUST_STORE_PASSWORD))?,
        })
    }

    fn value(&self, variable: &Variable, files: &Files) -> Option<OsString> {
        match variable.holds {
            Holds::Proxy => Some(self.proxy_url.into()),
            Holds::Exceptions => Some(self.exceptions().join(",").into()),
            Holds::Authorities => Some(files.authorities.clone().into()),
            Holds::AuthoritiesIfSet(word) => {
                let is_set = self.environment.os(variable.name).is_some()
                    || self.found.texts.iter().any(|(_, text)| text.contains(word));
                is_set.then(|| files.authorities.clone().into())
            }
            Holds::MoreAuthorities => Some(files.more.clone().into()),
            Holds::Java => Some(self.java(files)),
            Holds::Placeholder => None,
        }
    }

    /// The hosts that are reached without the proxy: those that were so before, but none that a served place is at; and this machine,
    /// unless a served place is on it.
    fn exceptions(&self) -> Vec<String> {
        let given = |name: &&str| self.environment.text(name);
        let before =
            ["no_proxy", "NO_PROXY", "npm_config_noproxy"].iter().find_map(given).unwrap_or_default();
        let entries = before.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        let covers = |entry: &&str| *entry == "*" || self.served.iter().any(|place| is_exempt(place, entry));
        let mut kept: Vec<String> = entries.filter(|entry| !covers(entry)).map(str::to_owned).collect();
        if !self.served.iter().any(Remote::is_loopback) {
            for own in ["localhost", "127.0.0.1", "::1"] {
                if !kept.iter().any(|entry| entry == own) {
                    kept.push(own.to_owned());
                }
            }
        }
        if kept.is_empty() {
            kept.push(NOWHERE.to_owned());
        }
        kept
    }

    /// What was there, and behind it, because the last one counts, what Java needs. It would leave out this machine by itself.
    fn java(&self, files: &Files) -> OsString {
        let exceptions = self.exceptions().into_iter().map(|entry| match entry.strip_prefix('.') {
            Some(domain) => format!("*.{domain}"),
            None => entry,
        });
        let (host, port) = (self.address.ip(), self.address.port());
        let options = [
            format!("-Dhttps.proxyHost={host}"),
            format!("-Dhttps.proxyPort={port}"),
            format!("-Dhttp.proxyHost={host}"),
            format!("-Dhttp.proxyPort={port}"),
            format!("-Dhttp.nonProxyHosts={}", exceptions.collect::<Vec<_>>().join("|")),
            format!("-Djavax.net.ssl.trustStore={}", files.key_store.display()),
            "-Djavax.net.ssl.trustStoreType=JKS".to_owned(),
            format!("-Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}"),
        ];
        let quoted =
            options.map(
                |option| {
                    if option.contains(char::is_whitespace) { format!("\"{option}\"") } else { option }
                },
            );
        let mut all = self.environment.os("JAVA_TOOL_OPTIONS").unwrap_or_default();
        if !all.is_empty() {
            all.push(" ");
        }
        all.push(quoted.join(" "));
        all
    }

    /// Placeholders for the command's own client.
    fn placeholders(&self, folder: &RunFolder) -> Result<Vec<Setting>, Error> {
        let Some(client) = self.client else { return Ok(Vec::new()) };
        let mut settings = Vec::new();
        let is_own = |name: &String| self.own_logins().contains(name);
        let variables = client.variables.iter().filter(|variable| variable.holds == Holds::Placeholder);
        for variable in variables.map(|variable| variable.name.to_owned()) {
            // Yarn's variable would go before what its files say for all registries.
            let in_file = self.found.texts.iter().any(|(_, text)| {
                text.lines()
                    .any(|line| line.starts_with("npmAuthToken:") || line.starts_with("npmAuthIdent:"))
            });
            if !in_file && !client.logins.iter().any(|name| is_own(&(*name).to_owned())) {
                settings.push((variable, Some(PLACEHOLDER.into())));
            }
        }
        match client.placeholder {
            Placeholder::None => {}
            Placeholder::Npmrc if self.write => settings.extend(self.npmrc(folder)?),
            Placeholder::Npmrc => {}
            Placeholder::Pair(user, password) => {
                if self.write && self.own_logins().is_empty() && self.publishes_here() {
                    settings.push((user.to_owned(), Some("keyfob".into())));
                    settings.push((password.to_owned(), Some(PLACEHOLDER.into())));
                }
            }
            Placeholder::Named(template, names) => {
                let named = self.found.texts.iter().flat_map(|(_, text)| names(text));
                for (name, _) in named.filter(|(_, url)| self.serves_one_of(&urls_in(url, self.environment)))
                {
                    let variable = template.replace("{NAME}", &name.to_uppercase().replace('-', "_"));
                    if self.environment.os(&variable).is_none() {
                        settings.push((variable, Some(PLACEHOLDER.into())));
                    }
                }
            }
        }
        Ok(settings)
    }

    /// The variables by which the user signs the client in himself, as they are set.
    pub(super) fn own_logins(&self) -> Vec<String> {
        let patterns = self.client.into_iter().flat_map(|client| client.logins);
        let set: Vec<String> = patterns.flat_map(|pattern| self.environment.matching(pattern)).collect();
        // Those are for us (R13), and the command does not get them.
        set.into_iter().filter(|name| !crate::environment::TOKEN_VARIABLES.contains(&name.as_str())).collect()
    }

    fn is_served(&self, place: &Remote) -> bool {
        self.served.iter().any(|served| served.origin() == place.origin())
    }

    fn serves_one_of(&self, places: &[Remote]) -> bool {
        places.iter().any(|place| self.is_served(place))
    }

    /// Whether the command line says to publish to a served place, and to no other.
    fn publishes_here(&self) -> bool {
        let named = |word: &&str| ["-r", "--repository", "--index"].contains(word);
        let variables =
            ["TWINE_REPOSITORY_URL", "UV_PUBLISH_URL"].iter().filter_map(|name| self.environment.text(name));
        let said = self.arguments.iter().map(|word| (*word).to_owned()).chain(variables);
        let mut places: Vec<Remote> = said.flat_map(|text| urls_in(&text, self.environment)).collect();
        if places.is_empty() {
            let at = self.arguments.iter().position(named);
            let name = at.and_then(|at| self.arguments.get(at + 1)).copied().or_else(|| {
                self.arguments.iter().find_map(|word| {
                    word.strip_prefix("--repository=").or_else(|| word.strip_prefix("--index="))
                })
            });
            let Some(name) = name else { return false };
            for (path, text) in &self.found.texts {
                let is_ini = path.file_name().is_some_and(|file| file == ".pypirc");
                let text = if is_ini { section(text, name) } else { text.as_str() };
                places.extend(
                    urls_in(text, self.environment)
                        .into_iter()
                        .filter(|place| is_ini || self.is_served(place)),
                );
            }
        }
        !places.is_empty() && places.iter().all(|place| self.is_served(place))
    }

    /// npm's settings of the user, and behind them a placeholder for each registry that is served and has no login there.
    fn npmrc(&self, folder: &RunFolder) -> Result<Vec<Setting>, Error> {
        let variables = ["npm_config_userconfig", "NPM_CONFIG_USERCONFIG"];
        let named = variables.iter().find_map(|name| self.environment.os(name)).map(PathBuf::from);
        let file = named.or_else(|| Some(Folders::of(self.environment).home()?.join(".npmrc")));
        let mut text = file.and_then(|file| client::settings::read(&file)).unwrap_or_default();
        let lock = |name: &std::ffi::OsStr| {
            name.to_str().is_some_and(|name| name.contains("lock") || name.contains("shrinkwrap"))
        };
        let files = self.found.texts.iter().filter(|(path, _)| !path.file_name().is_some_and(lock));
        let settings = ["npm_config_*", "NPM_CONFIG_*", "YARN_*"]
            .into_iter()
            .flat_map(|pattern| self.environment.matching(pattern));
        let texts =
            files.map(|(_, text)| text.clone()).chain(self.arguments.iter().map(|word| (*word).to_owned()));
        let texts = texts.chain(settings.filter_map(|name| self.environment.text(&name)));
        let mut keys: Vec<String> = Vec::new();
        for place in
            texts.flat_map(|text| urls_in(&text, self.environment)).filter(|place| self.is_served(place))
        {
            let url = place.to_string();
            let key = url.split_once(':').map_or("", |(_, rest)| rest).trim_end_matches('/').to_owned();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let before = text.clone();
        text.push('\n');
        for key in keys {
            // Where a registry is written without a slash at its end, npm looks above it, and Yarn 1 for just that.
            let above = key.rsplit_once('/').map_or("", |(above, _)| above).to_owned();
            for key in [format!("{key}/"), key, format!("{above}/")] {
                if !before.contains(&format!("{key}:_")) {
                    text.push_str(&format!("{key}:_authToken={PLACEHOLDER}\n"));
                }
            }
        }
        let path = folder.write("npmrc", text.as_bytes())?;
        Ok(vec![(variables[1].to_owned(), None), (variables[0].to_owned(), Some(path.into()))])
    }
}

/// A section of an INI file.
fn section<'t>(text: &'t str, name: &str) -> &'t str {
    let head = format!("[{name}]");
    let Some(at) = text.find(&head) else { return "" };
    let rest = &text[at + head.len()..];
    rest.split("\n[").next().unwrap_or(rest)
}
