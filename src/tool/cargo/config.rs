//! cargo's configuration file, `config.toml` in `CARGO_HOME`: read as TOML, changed by its text, because people keep comments
//! in it. The parser says where a value stands. Each change is read back before it is written: unless it says exactly what it did
//! before and our provider besides, it is not written.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::tool::settings_file;

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
        let (path, text) = settings_file::read(path)?;
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
        let setting = format!("{KEY} = [{}, {quoted}]\n", self::quoted(DEFAULT));
        let registry = toml::from_str::<Layout>(text).ok().and_then(|layout| layout.registry);
        let list = registry.as_ref().and_then(|registry| registry.get_ref().providers.as_ref());
        let (at, piece) = match (list, &registry) {
            (Some(list), _) => match list.get_ref().last() {
                Some(last) => (last.span().end, format!(", {quoted}")),
                None => (list.span().start + 1, quoted),
            },
            // Below the header of the table.
            (None, Some(registry)) if text[registry.span()].starts_with('[') => {
                let line = text[registry.span().end..].find('\n');
                match line {
                    Some(line) => (registry.span().end + line + 1, setting),
                    None => (text.len(), format!("\n{setting}")),
                }
            }
            _ => {
                let gap = match text {
                    "" => "",
                    text if text.ends_with('\n') => "\n",
                    _ => "\n\n",
                };
                (text.len(), format!("{gap}[registry]\n{setting}"))
            }
        };
        let changed = format!("{}{piece}{}", &text[..at], &text[at..]);
        let added = |table: &Table| providers(table).is_some_and(|list| list.last() == Some(&provider));
        // A table that is written in another way (`registry = { … }`) may not be opened twice.
        match changed.parse::<Table>() {
            Ok(table) if added(&table) && rest(&table) == rest(&self.table) => Ok((changed, piece)),
            _ => Err(self.by_hand(provider)),
        }
    }

    /// That the person has to do it.
    pub(super) fn by_hand(&self, provider: &str) -> Error {
        Error::usage(
            format!("{} cannot be changed without disturbing what is in it", self.path.display()),
            format!("put {} last into {KEY} of [registry] there", quoted(provider)),
        )
    }

    /// The text without the piece that [`Config::with`] put in; else without the provider, wherever it stands in the list.
    /// `None` if it is not there.
    pub(super) fn without(&self, piece: &str, provider: &str) -> Option<String> {
        let text = self.text.as_deref()?;
        let mut list: Vec<&str> = self.providers()?;
        let at = list.iter().rposition(|held| *held == provider)?;
        list.remove(at);
        let layout = toml::from_str::<Layout>(text).ok()?.registry?.into_inner().providers?.into_inner();
        let span = |at: usize| layout.get(at).map(Spanned::span);
        // With the comma before it or behind it.
        let own = span(at)?;
        let name = match (at.checked_sub(1).and_then(span), span(at + 1)) {
            (Some(before), _) => before.end..own.end,
            (None, Some(behind)) => own.start..behind.start,
            (None, None) => own,
        };
        let pieces = text.match_indices(piece).filter(|_| !piece.is_empty());
        let mut ranges = pieces.map(|(start, _)| start..start + piece.len()).chain([name]);
        ranges.find_map(|range| {
            let changed = format!("{}{}", &text[..range.start], &text[range.end..]);
            let table = changed.parse::<Table>().ok()?;
            // Where the whole setting was ours, what is left is cargo's own default.
            let same = providers(&table).unwrap_or_else(|| vec![DEFAULT]) == list;
            (same && rest(&table) == rest(&self.table)).then_some(changed)
        })
    }

    /// Writes another text in its place, or takes it away where none is left and it was ours.
    ///
    /// # Errors
    /// [`Error::Foreign`] if it was changed meanwhile, [`Error::Io`].
    pub(super) fn replace(&self, text: Option<&str>) -> Result<(), Error> {
        settings_file::replace(&self.path, self.text.as_deref(), text)
    }
}

fn providers(table: &Table) -> Option<Vec<&str>> {
    let list = table.get("registry")?.get(KEY)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

/// Where in the text the setting stands.
#[derive(Deserialize)]
struct Layout {
    registry: Option<Spanned<Registry>>,
}

#[derive(Deserialize)]
struct Registry {
    #[serde(rename = "global-credential-providers")]
    providers: Option<Spanned<Vec<Spanned<String>>>>,
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
