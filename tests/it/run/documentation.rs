//! docs/tools/run.md: its table is made of the profiles.

use std::fmt::Write as _;
use std::path::Path;

use keyfob::tool::profile::Form;

/// The table as the profiles have it.
fn table() -> String {
    let mut table = String::from("| profile | for | places | variables |\n|---|---|---|---|\n");
    for (tool, profile) in keyfob::tool::ALL.iter().filter_map(|tool| Some((tool, tool.profile?))) {
        let programs = profile.programs.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let programs = if programs.is_empty() { "only by `--profile`".to_owned() } else { programs };
        let places = profile.discover.map_or("`--for` alone", |(words, _)| words);
        let variables = profile.variables.iter().map(|variable| {
            let form = match variable.form {
                Form::Word(word) => format!("`{word}`"),
                form => form.words().to_owned(),
            };
            format!("`{}`: {form}", variable.name)
        });
        let variables = variables.collect::<Vec<_>>().join("<br>");
        writeln!(table, "| `{}`: {} | {programs} | {places} | {variables} |", tool.name, tool.title).unwrap();
    }
    table
}

#[test]
fn the_table_of_profiles_in_the_documentation_is_the_profiles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tools/run.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("| profile |").expect("there is a table");
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    let expected = format!("{before}{}\n{after}", table());
    if std::env::var_os("KEYFOB_REVIEW").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        expected,
        "on purpose? KEYFOB_REVIEW=1 cargo test --test it page"
    );
}

#[test]
fn every_profile_has_its_programs_to_itself_but_those_that_are_two_things() {
    let mut seen = std::collections::BTreeMap::new();
    for (tool, profile) in keyfob::tool::ALL.iter().filter_map(|tool| Some((tool, tool.profile?))) {
        assert!(!profile.variables.is_empty(), "{}", tool.name);
        for program in profile.programs {
            seen.entry(*program).or_insert_with(Vec::new).push(tool.name);
        }
    }
    seen.retain(|_, tools| tools.len() > 1);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), ["yarn", "yarnpkg"]);
}
