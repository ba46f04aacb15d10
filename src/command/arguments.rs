//! The arguments that several commands take, each in the same words, and how their values are read.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches};

use crate::forge;
use crate::tool::Tool;

/// The argument for a place.
pub(super) fn url() -> Arg {
    Arg::new("URL").help("A URL of the host or organisation, or a host as list shows it").value_parser(filled)
}

/// The option for an account.
pub(super) fn account() -> Arg {
    option("account", "NAME")
        .value_parser(filled)
        .help("The account, as list shows it (- for the one without a name)")
}

/// The option for a forge; its help is the command's.
pub(super) fn forge() -> Arg {
    option("forge", "FORGE").value_parser(PossibleValuesParser::new(forge::ALL.iter().map(|forge| forge.id)))
}

/// The flag that answers questions.
pub(super) fn yes() -> Arg {
    flag("yes", "Do not ask").short('y')
}

/// The flag for programs.
pub(super) fn json() -> Arg {
    flag("json", "As JSON (keyfob help json)")
}

/// A flag, `--NAME`.
pub(super) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// An option, `--NAME VALUE`.
pub(super) fn option(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value)
}

/// That an argument is not empty, as a variable is that is not set: left out, many mean something else, or everything.
pub(super) fn filled(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it is empty; is a variable not set?") } else { Ok(text.to_owned()) }
}

/// The value of an argument, if it was given.
pub(super) fn text<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// The words of a list that a person typed, with blanks or commas between.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
}

/// The words of some tools; the names of their clients are taken too, where they are no tool's word.
pub(super) fn tool_words(tools: impl Iterator<Item = &'static Tool> + Clone) -> PossibleValuesParser {
    let words: Vec<PossibleValue> = tools
        .clone()
        .map(|tool| {
            let is_own = |client: &&&str| !tools.clone().any(|other| other.name == **client);
            PossibleValue::new(tool.name).aliases(tool.clients.iter().filter(is_own).copied())
        })
        .collect();
    PossibleValuesParser::new(words)
}
