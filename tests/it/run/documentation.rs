//! docs/tools/run.md: its tables are made of the records.

use std::fmt::Write as _;
use std::path::Path;

use keyfob::tool::client::variables::GENERAL;
use keyfob::tool::client::{Holds, Placeholder, all};
use keyfob::tool::profile::Form;

fn quoted(words: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn tool(name: &str) -> &'static keyfob::tool::Tool {
    keyfob::tool::by_name(name).unwrap()
}

/// Which commands are known, what names their places, and which publish.
fn clients() -> String {
    let mut table = String::from(
        "| tool | commands | places: every URL in | publishes, so it may write |\n|---|---|---|---|\n",
    );
    for (name, _, client) in all() {
        let settings = client.settings.iter().map(keyfob::tool::client::Settings::words).collect::<Vec<_>>();
        writeln!(
            table,
            "| `{name}`: {} | {} | {} | {} |",
            tool(name).title,
            quoted(client.programs),
            settings.join(", "),
            client.publishes.words()
        )
        .unwrap();
    }
    table
}

/// What the command's environment holds.
fn environment() -> String {
    let mut table = String::from("| read by | variable | holds |\n|---|---|---|\n");
    for (readers, variable) in GENERAL {
        writeln!(table, "| {readers} | `{}` | {} |", variable.name, variable.holds.words()).unwrap();
    }
    for (name, _, client) in all() {
        for variable in client.variables {
            writeln!(table, "| {} | `{}` | {} |", tool(name).title, variable.name, variable.holds.words())
                .unwrap();
        }
        let placeholder = match client.placeholder {
            Placeholder::None => continue,
            Placeholder::Npmrc => "| `npm_config_userconfig` | your file, and a placeholder for each registry of yours, to publish |".to_owned(),
            Placeholder::Pair(user, password) => format!("| `{user}`, `{password}` | a placeholder, to publish |"),
            Placeholder::Named(variable, _) => format!("| `{variable}` | a placeholder |"),
        };
        writeln!(table, "| {} {placeholder}", tool(name).title).unwrap();
    }
    table
}

/// What can be done by variable.
fn profiles() -> String {
    let mut table = String::from("| profile | variables |\n|---|---|\n");
    for (tool, profile) in keyfob::tool::ALL.iter().filter_map(|tool| Some((tool, tool.profile?))) {
        let variables = profile.variables.iter().map(|variable| {
            let form = match variable.form {
                Form::Word(word) => format!("`{word}`"),
                form => form.words().to_owned(),
            };
            format!("`{}`: {form}", variable.name)
        });
        let variables = variables.collect::<Vec<_>>().join("<br>");
        writeln!(table, "| `{}`: {} | {variables} |", tool.name, tool.title).unwrap();
    }
    table
}

#[test]
fn the_tables_in_the_documentation_are_the_records() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tools/run.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut expected = page.clone();
    for table in [clients(), environment(), profiles()] {
        let head = table.lines().next().unwrap();
        let (before, rest) = expected.split_once(head).unwrap_or_else(|| panic!("there is no table {head}"));
        let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
        expected = format!("{before}{table}\n{after}");
    }
    if std::env::var_os("KEYFOB_REVIEW").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert_eq!(page, expected, "on purpose? KEYFOB_REVIEW=1 cargo test --test it tables_in_the_doc");
}

#[test]
fn every_command_belongs_to_one_tool_and_every_variable_holds_one_thing() {
    let (mut programs, mut variables) =
        (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for (name, _, client) in all() {
        assert!(!client.settings.is_empty(), "{name}");
        for program in client.programs {
            assert_eq!(programs.insert(*program, name), None, "{program}");
        }
        for variable in client.variables.iter().chain(GENERAL.iter().map(|(_, variable)| variable)) {
            let before = variables.insert(variable.name, variable.holds);
            assert!(before.is_none_or(|before| before == variable.holds), "{}", variable.name);
        }
    }
    // What is set always is no placeholder: that is for the command's own client alone.
    assert!(GENERAL.iter().all(|(_, variable)| variable.holds != Holds::Placeholder));
}
