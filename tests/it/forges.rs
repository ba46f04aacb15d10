//! A forge is one file and one line: no source outside `src/forge/` knows one by its id, its name or its module. (That a new one
//! is served by every tool, the unit test of the made-up forge shows.)

use std::fs;
use std::path::{Path, PathBuf};

use keyfob::forge::ALL;

use crate::house::tokens::{Kind, Token, tokens};

/// The modules that hold a forge's record, but for the one of hosts that nobody described.
fn modules() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/forge");
    let mut names = Vec::new();
    for path in rust_files(&folder) {
        let holds_one = fs::read_to_string(&path).unwrap().contains("\npub static FORGE: Forge");
        let below = path.strip_prefix(&folder).unwrap();
        if holds_one {
            let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
            names.push(first.trim_end_matches(".rs").to_owned());
        }
    }
    names.retain(|name| name != "generic");
    names.sort();
    names.dedup();
    assert!(names.len() >= 7, "{names:?}");
    names
}

/// Where a source knows a forge: what, with its line.
fn knows(source: &str, modules: &[String]) -> Vec<(usize, String)> {
    let tokens = tokens(source);
    let of_kind = |at: usize, kind: Kind| {
        tokens.get(at).filter(|token| token.kind == kind).map_or("", |token| token.text.as_str())
    };
    let (word, sign) = (|at: usize| of_kind(at, Kind::Word), |at: usize| of_kind(at, Kind::Sign));
    // `==` and `!=` are two signs; a `!` before a macro's bracket is one.
    let is_comparison = |at: usize| ["=", "!"].contains(&sign(at)) && sign(at + 1) == "=";
    let mut found = Vec::new();
    for (at, Token { kind, text, line }) in tokens.iter().enumerate() {
        let what = match kind {
            Kind::Text => {
                let is_of = |forge: &&&keyfob::forge::Forge| {
                    text == forge.id
                        || text == forge.name
                        || text.starts_with(&format!("{}/", forge.id))
                        // Its places: segments of paths, and domains.
                        || forge.path_markers.contains(&text.as_str())
                        || forge.ignored_segments.contains(&text.as_str())
                        || forge.domains.contains(&text.as_str())
                };
                ALL.iter().find(is_of).map(|forge| format!("the text of {}", forge.id))
            }
            Kind::Word if modules.contains(text) => Some(format!("the module {text}")),
            // `forge.id`, `FORGE.id`, `realm.forge()`: compared, in whatever way.
            Kind::Word if text == "forge" || text == "FORGE" => {
                let end = match (sign(at + 1), word(at + 2)) {
                    (".", "id" | "name") => Some(at + 3),
                    ("(", _) if sign(at.wrapping_sub(1)) == "." && sign(at + 2) == ")" => Some(at + 3),
                    _ => None,
                };
                // Back to where the expression begins.
                let mut begin = at;
                while begin > 1 && [".", "::"].contains(&sign(begin - 1)) {
                    begin -= 2;
                }
                let before = begin.checked_sub(1);
                let before = before.filter(|&at| sign(at) == "&").map_or(before, |at| at.checked_sub(1));
                let is_compared = |end: usize| {
                    let by_method = sign(end) == "."
                        && [
                            "starts_with",
                            "ends_with",
                            "contains",
                            "eq",
                            "ne",
                            "eq_ignore_ascii_case",
                            "cmp",
                        ]
                        .contains(&word(end + 1));
                    let by_sign = is_comparison(end)
                        || before.and_then(|at| at.checked_sub(1)).is_some_and(is_comparison);
                    let by_match = before.is_some_and(|before| {
                        word(before) == "match"
                            || (sign(before) == "("
                                && sign(before - 1) == "!"
                                && word(before - 2) == "matches")
                    });
                    let in_list =
                        before.is_some_and(|before| sign(before) == "(" && word(before - 1) == "contains");
                    by_method || by_sign || by_match || in_list
                };
                end.filter(|&end| is_compared(end)).map(|_| "the id or name of a forge, compared".to_owned())
            }
            _ => None,
        };
        found.extend(what.map(|what| (*line, what)));
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn no_source_outside_the_shelf_knows_a_forge() {
    let (sources, modules) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), modules());
    let mut known = Vec::new();
    let mut read = 0;
    for path in rust_files(&sources) {
        let name = path.strip_prefix(&sources).unwrap().to_str().unwrap().replace('\\', "/");
        if name.starts_with("forge/") || name.contains("/tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let own = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let all = knows(own, &modules).into_iter();
        known.extend(all.map(|(line, what)| format!("src/{name}:{line}: {what}")));
        read += 1;
    }
    assert!(read > 150, "the sources are not where this test looks for them");
    assert!(known.is_empty(), "what is known of a forge is a field of its record:\n{}", known.join("\n"));
}

#[test]
fn a_source_that_knows_a_forge_is_found() {
    let modules = modules();
    for source in [
        "match id { \"azure-devops\" => 1, _ => 2 }",
        "const LIST: &[&str] = &[r#\"github\"#];",
        "if segment == \"_packaging\" {}",
        "host.ends_with(\"visualstudio.com\")",
        "if name == \"Azure DevOps Services\" {}",
        "let group = \"azure-devops-server/x\";",
        "use crate::forge::{self, gitlab};",
        "let it = &forge::azure::server::FORGE;",
        "if known.forge.id == other {}",
        "if other != planned.forge.name {}",
        "if forge == crate::forge::generic::FORGE.id {}",
        "if LIST.contains(&answer.realm.forge()) {}",
        "if answer.realm.forge().starts_with(word) {}",
        "match realm.forge() { _ => {} }",
        "if matches!(held.forge.id, \"x\") {}",
    ] {
        assert_eq!(knows(source, &modules).len(), 1, "{source}");
    }
    for source in [
        "// \"azure-devops\" in a comment",
        "let x = '\"'; let y = \"keyfob add https://github.com\";",
        "fn of<'a>(forge: &'a Forge) -> String { format!(\"{}\", forge.id) }",
        "let groups = records.of_forge(known.forge.id)?;",
        "if planned.forge != forge {}",
        "let c = '\\''; let d = 'x';",
    ] {
        assert_eq!(knows(source, &modules), [], "{source}");
    }
}
