//! cargo's configuration file, `config.toml` in `CARGO_HOME`: read as TOML, changed by its text, because people keep comments
//! in it. Each change is read back before it is written: unless it says exactly what it did before and our provider besides, it
//! is not written.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::tool::text;

/// The setting.
pub(super) const KEY: &str = "global-credential-providers";

/// What cargo uses where nothing is set: the file in which `cargo login` keeps tokens.
const DEFAULT: &str = "cargo:token";

/// The file as it is.
#[derive(Clone)]
pub(super) struct Config {
    /// Where it is, links resolved.
    pub(super) path: PathBuf,
    /// Its text; `None` if it does not exist.
    pub(super) text: Option<String>,
    /// What it says.
    pub(super) table: Table,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NoHome`], [`Error::Io`], [`Error::Foreign`].
    pub(super) fn read(environment: &Environment) -> Result<Config, Error> {
        let home = match environment.os("CARGO_HOME") {
            Some(home) => PathBuf::from(home),
            None => Folders::of(environment).home().ok_or(Error::NoHome)?.join(".cargo"),
        };
        // cargo reads the name of its early days first.
        let old = home.join("config");
        let path = if old.is_file() { old } else { home.join("config.toml") };
        Config::read_file(&path)
    }

    /// Reads this one.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub(super) fn read_file(path: &Path) -> Result<Config, Error> {
        let (path, text) = text::read(path)?;
        let table = text.as_deref().unwrap_or_default().parse::<Table>().map_err(|_| {
            // The parser's own words may show a token that stands there.
            let fix = "cargo search says where, before it searches".to_owned();
            Error::Foreign { path: path.clone(), why: "it is not TOML", fix }
        })?;
        Ok(Config { path, text, table })
    }

    /// The providers for every registry that has none of its own; the last is asked first.
    pub(super) fn providers(&self) -> Option<Vec<&str>> {
        providers(&self.table)
    }

    /// Registries that have a provider of their own, with its program.
    pub(super) fn own_providers(&self) -> Vec<(&str, String)> {
        let registries = self.table.get("registries").and_then(Value::as_table);
        let own = registries.into_iter().flatten().filter_map(|(name, registry)| {
            let program = match registry.get("credential-provider")? {
                Value::Array(words) => words.first()?.as_str()?.to_owned(),
                other => other.as_str()?.to_owned(),
            };
            Some((name.as_str(), program))
        });
        own.collect()
    }

    /// The text with our provider last, and the piece that was put in.
    ///
    /// # Errors
    /// [`Error::Usage`] with what to write by hand, where that is not safe.
    pub(super) fn with(&self, provider: &str) -> Result<(String, String), Error> {
        let text = self.text.as_deref().unwrap_or_default();
        let quoted = quoted(provider);
        let mut wanted = self.table.clone();
        let registry = wanted.entry("registry").or_insert_with(|| Value::Table(Table::new()));
        if let Some(registry) = registry.as_table_mut() {
            let list = registry.entry(KEY).or_insert_with(|| Value::Array(vec![DEFAULT.into()]));
            if let Some(list) = list.as_array_mut() {
                list.push(provider.into());
            }
        }
        let setting = format!("{KEY} = [{}, {quoted}]\n", self::quoted(DEFAULT));
        let mut tries = Vec::new();
        if self.providers().is_some() {
            // Before the bracket that closes the list: every bracket behind the name is tried.
            for (at, _) in text.match_indices(KEY) {
                for (end, _) in text[at..].match_indices(']') {
                    let inside = text[..at + end].trim_end();
                    let piece = match inside.as_bytes().last() {
                        Some(b'[') => quoted.clone(),
                        Some(b',') => format!(" {quoted}"),
                        _ => format!(", {quoted}"),
                    };
                    tries.push((inside.len(), piece));
                    // A comment may stand between the last name and the bracket.
                    if let Some(quote) = inside.rfind(['"', '\'']) {
                        tries.push((quote + 1, format!(", {quoted}")));
                    }
                }
            }
        } else {
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                start += line.len();
                let is_header = line.split('#').next().is_some_and(|head| head.trim() == "[registry]");
                if is_header && line.ends_with('\n') {
                    tries.push((start, setting.clone()));
                }
            }
            let gap = match text {
                "" => "",
                text if text.ends_with('\n') => "\n",
                _ => "\n\n",
            };
            tries.push((text.len(), format!("{gap}[registry]\n{setting}")));
        }
        for (at, piece) in tries {
            let changed = format!("{}{piece}{}", &text[..at], &text[at..]);
            if changed.parse::<Table>().is_ok_and(|table| table == wanted) {
                return Ok((changed, piece));
            }
        }
        Err(self.by_hand(provider))
    }

    /// That the person has to do it.
    pub(super) fn by_hand(&self, provider: &str) -> Error {
        Error::usage(
            format!("{} cannot be changed without disturbing what is in it", self.path.display()),
            format!("put {} last into {KEY} of [registry] there", quoted(provider)),
        )
    }

    /// The text without a piece that [`Config::with`] put in; else without the provider, wherever it stands in the list.
    /// `None` if it is not there.
    pub(super) fn without(&self, piece: &str, provider: &str) -> Option<String> {
        let text = self.text.as_deref()?;
        let mut list: Vec<&str> = self.providers()?;
        let at = list.iter().rposition(|held| *held == provider)?;
        list.remove(at);
        let quoted = quoted(provider);
        let pieces =
            [piece.to_owned(), format!(", {quoted}"), format!("{quoted}, "), format!(" {quoted}"), quoted];
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            for (at, _) in text.match_indices(piece.as_str()) {
                let changed = format!("{}{}", &text[..at], &text[at + piece.len()..]);
                let Ok(table) = changed.parse::<Table>() else { continue };
                // Where the whole setting was ours, what is left is cargo's own default.
                let same = providers(&table).unwrap_or_else(|| vec![DEFAULT]) == list;
                if same && rest(&table) == rest(&self.table) {
                    return Some(changed);
                }
            }
        }
        None
    }

    /// Writes another text in its place, or takes it away where none is left and it was ours.
    ///
    /// # Errors
    /// [`Error::Foreign`] if it was changed meanwhile, [`Error::Io`].
    pub(super) fn replace(&self, text: Option<&str>) -> Result<(), Error> {
        text::replace(&self.path, self.text.as_deref(), text)
    }
}

fn providers(table: &Table) -> Option<Vec<&str>> {
    let list = table.get("registry")?.get(KEY)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

/// Everything but the providers.
fn rest(table: &Table) -> Table {
    let mut rest = table.clone();
    if let Some(registry) = rest.get_mut("registry").and_then(Value::as_table_mut) {
        registry.remove(KEY);
        if registry.is_empty() {
            rest.remove("registry");
        }
    }
    rest
}

/// A string of TOML: JSON's are among them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
