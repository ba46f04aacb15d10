//! What the pages in the root and in docs/ say of the project is so: the files that they name are there, and no command is left out.

use std::fs;
use std::path::{Path, PathBuf};

/// The pages of the root, and every page of docs/.
fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)).to_vec();
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Paths as they stand in prose: `src/files/mod.rs`, `docs/tools/`; not patterns such as `instructions-*.txt`.
fn named(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-*".contains(c)));
    let words = words.map(|word| word.trim_end_matches('.'));
    let below = ["src/", "tests/", "install/", "docs/"];
    words.filter(|word| below.iter().any(|folder| word.starts_with(folder)) && !word.contains('*')).collect()
}

#[test]
fn the_map_of_the_source_names_each_shelf_and_what_is_on_most() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let design = fs::read_to_string(root.join("docs/design.md")).unwrap();
    let (_, map) = design.split_once("\n    src/\n").unwrap();
    let (map, _) = map.split_once("\n    tests/").unwrap();
    let words: Vec<&str> = map.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    let mut missing = Vec::new();
    for shelf in ["", "tool", "forge", "store", "import", "wallet", "formats"] {
        for entry in fs::read_dir(root.join("src").join(shelf)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if !["mod", "tests"].contains(&name.as_str()) && !words.contains(&name.as_str()) {
                missing.push(format!("{shelf}/{name}"));
            }
        }
    }
    missing.sort();
    assert!(
        missing.is_empty(),
        "docs/design.md section 3 does not say where these are: {}",
        missing.join(", ")
    );
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked = 0;
    for (path, text) in documents() {
        // The recipes' blocks make files; tests/it/recipes.rs reads them.
        let prose: String = match path.ends_with("CONTRIBUTING.md") {
            true => text.split("\n```").step_by(2).collect(),
            false => text.clone(),
        };
        for name in named(&prose) {
            looked += 1;
            assert!(root.join(name).exists(), "{} names {name}, which is not there", path.display());
        }
        // Links, from where the page lies.
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let there = file.is_empty() || file.contains("://") || path.with_file_name(file).exists();
            assert!(there, "{} links to {link}, which is not there", path.display());
            looked += 1;
        }
    }
    assert!(looked > 50, "{looked}");
}

#[test]
fn the_page_of_commands_has_every_word_that_a_person_types() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for command in keyfob::command::ALL {
        let word = format!("`{}`", command.name);
        let family = format!("`{} ", command.name);
        let has = |row: &&str| {
            let first = row.split(" | ").next().unwrap();
            first.contains(&word) || first.contains(&family)
        };
        assert!(rows.iter().any(has), "docs/commands.md has no row for {}", command.name);
    }
}

#[test]
fn every_name_of_the_glossary_is_defined_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let design = fs::read_to_string(root.join("docs/design.md")).unwrap();
    let words = design.split("\n## 2. Words").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut found = 0;
    for row in words.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let source = text_below(&root.join(cells[2]));
        for name in cells[1].split('`').skip(1).step_by(2) {
            let is_defined = ["struct", "enum", "trait", "type"].iter().any(|kind| {
                source.match_indices(&format!("pub {kind} {name}")).any(|(at, text)| {
                    !source[at + text.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            });
            assert!(is_defined, "docs/design.md explains {name}, which {} does not define", cells[2]);
            found += 1;
        }
    }
    assert!(found > 50, "{found}");
}

/// The text of a source, or of all sources of a folder.
fn text_below(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    fs::read_dir(path).unwrap().map(|entry| text_below(&entry.unwrap().path())).collect()
}

#[test]
fn every_decision_is_numbered_and_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/decisions");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name != "README.md");
    names.sort();
    for (at, name) in names.iter().enumerate() {
        let (number, text) = (at + 1, fs::read_to_string(folder.join(name)).unwrap());
        assert!(name.starts_with(&format!("{number:04}-")), "{name} should be number {number}");
        let title = text.lines().next().unwrap().strip_prefix(&format!("# {number}. ")).unwrap();
        assert!(list.contains(&format!("\n{number}. [{title}]({name})\n")), "{name} is not in the list");
    }
    assert_eq!(list.matches("](0").count(), names.len());
}
