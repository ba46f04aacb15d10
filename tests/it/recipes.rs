//! CONTRIBUTING.md's recipes, carried out: what their blocks say is done to a copy of the sources, which is built, and the
//! commands of each recipe's last block are run with the programs that come of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::scene::Scene;

/// One recipe of the page.
#[derive(Debug, Default)]
struct Recipe {
    title: String,
    /// New files: where, and their text.
    files: Vec<(String, String)>,
    /// Changes: where, and the lines of a diff.
    changes: Vec<(String, String)>,
    /// Commands, each with the lines that it prints.
    commands: Vec<(String, Vec<String>)>,
    /// The unit tests that it names.
    unit_tests: Option<String>,
}

/// The recipes that have blocks, read from the page.
fn recipes(page: &str) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = Vec::new();
    let mut block: Option<(&str, String)> = None;
    for line in page.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (Some(_), Some(_)) => {
                if let (Some((kind, text)), Some(recipe)) = (block.take(), recipes.last_mut()) {
                    recipe.take(kind, &text);
                }
            }
            (None, Some(kind)) => block = Some((kind, String::new())),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {
                if let Some(title) = line.strip_prefix("### ") {
                    recipes.push(Recipe { title: title.to_owned(), ..Recipe::default() });
                }
                let named =
                    line.split_once("`cargo test --lib ").and_then(|(_, rest)| rest.split('`').next());
                if let (Some(named), Some(recipe)) = (named, recipes.last_mut()) {
                    recipe.unit_tests = Some(named.to_owned());
                }
            }
        }
    }
    recipes.retain(|recipe| !recipe.files.is_empty());
    recipes
}

impl Recipe {
    fn take(&mut self, kind: &str, text: &str) {
        let (first, rest) = text.split_once('\n').unwrap();
        match kind {
            "rust" => {
                let path = first.strip_prefix("// ").expect("a file's first line says where it is");
                self.files.push((path.to_owned(), rest.to_owned()));
            }
            "diff" => {
                let path = first.strip_prefix("--- ").expect("a change's first line says where it is");
                self.changes.push((path.to_owned(), rest.to_owned()));
            }
            "console" => {
                for line in text.lines() {
                    match line.strip_prefix("$ ") {
                        Some(command) => self.commands.push((command.to_owned(), Vec::new())),
                        None => self.commands.last_mut().unwrap().1.push(line.to_owned()),
                    }
                }
            }
            _ => panic!("{}: a block of an unknown kind: {kind}", self.title),
        }
    }

    /// Does what it says to the sources below `root`.
    fn apply(&self, root: &Path) {
        for (path, text) in &self.files {
            let path = root.join(path);
            assert!(!path.exists(), "{}: {} is there already", self.title, path.display());
            fs::write(path, text).unwrap();
        }
        for (path, change) in &self.changes {
            let path = root.join(path);
            let changed = patched(&fs::read_to_string(&path).unwrap(), change)
                .unwrap_or_else(|why| panic!("{}: {}: {why}", self.title, path.display()));
            fs::write(path, changed).unwrap();
        }
    }
}

/// A text with the lines of a diff added: each part, up to `@@`, stands at the one place that has its other lines.
fn patched(text: &str, change: &str) -> Result<String, String> {
    let mut lines: Vec<&str> = text.lines().collect();
    for part in change.split("@@\n") {
        let context: Vec<&str> = part.lines().filter_map(|line| line.strip_prefix(' ')).collect();
        let places: Vec<usize> = (0..lines.len()).filter(|&at| lines[at..].starts_with(&context)).collect();
        let [place] = places[..] else {
            return Err(format!("{} places have the lines\n{}", places.len(), context.join("\n")));
        };
        let new = part.lines().map(|line| &line[1..]);
        lines.splice(place..place + context.len(), new);
    }
    Ok(lines.join("\n") + "\n")
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).unwrap()
}

/// A fresh copy of what is built: the sources are copied, what they only refer to is linked to.
#[cfg(unix)]
fn copy_of_the_sources(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(root).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        match name.to_str().unwrap() {
            "src" => copy_folder(&path, &to.join(name)),
            "Cargo.toml" | "Cargo.lock" => fs::copy(&path, to.join(name)).map(drop).unwrap(),
            "target" => {}
            _ => std::os::unix::fs::symlink(path, to.join(name)).unwrap(),
        }
    }
}

#[cfg(unix)]
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &to),
            false => fs::copy(entry.path(), to).map(drop).unwrap(),
        }
    }
}

/// Cargo in the copy; returns standard output. Nothing of the cargo that started this test is passed on but what it needs.
#[cfg(unix)]
fn cargo(arguments: &[&str], behind: &[&str]) -> String {
    let (source, target) = (folder().join("keyfob"), folder().join("target"));
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).args(["--offline", "--locked", "--target-dir"]).arg(target);
    if !behind.is_empty() {
        command.arg("--").args(behind);
    }
    command.current_dir(&source);
    let inherited = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let foreign = |name: &String| {
        let of_build = name.starts_with("CARGO") || name.starts_with("KEYFOB_") || name.starts_with("GIT_");
        of_build && !["CARGO_HOME", "CARGO_NET_OFFLINE"].contains(&name.as_str())
    };
    inherited.filter(foreign).for_each(|name| {
        command.env_remove(name);
    });
    // No debug information, which nobody reads here.
    command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TERM_COLOR", "never");
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cargo {arguments:?} in {}:\n{out}{err}", source.display());
    out.into_owned()
}

/// Always the same folder: what was compiled the last time is not compiled again.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipes")
}

/// The folder of the programs that come of all recipes together; built once.
#[cfg(unix)]
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        copy_of_the_sources(&folder().join("keyfob"));
        recipes(&page()).iter().for_each(|recipe| recipe.apply(&folder().join("keyfob")));
        cargo(&["build", "--bins"], &[]);
        folder().join("target/debug")
    })
}

/// Runs what the recipe of this title shows, in a fresh home, and compares what is printed.
#[cfg(unix)]
fn follow(title: &str) {
    let recipes = recipes(&page());
    let recipe = recipes.iter().find(|recipe| recipe.title == title).unwrap();
    let mut scene = Scene::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [programs().to_owned()].into_iter().chain(std::env::split_paths(&path));
    scene.set("PATH", std::env::join_paths(path).unwrap());
    assert!(recipe.commands.iter().any(|(_, lines)| !lines.is_empty()), "{title} shows nothing");
    // In one shell, as in a terminal; a line of its own ends what each command prints.
    let mut script = String::from("set -e\n");
    for (command, _) in &recipe.commands {
        writeln!(script, "{command}\necho '--end--'").unwrap();
    }
    let output = scene.command("sh").args(["-c", &script]).run();
    let printed: Vec<&str> = output.stdout().split("--end--\n").collect();
    for ((command, lines), printed) in recipe.commands.iter().zip(&printed) {
        assert_eq!(printed.lines().collect::<Vec<_>>(), *lines, "{title}: {command}\n{output}");
    }
    assert_eq!(printed.len(), recipe.commands.len() + 1, "{title}\n{output}");
}

#[test]
fn the_page_has_a_recipe_for_each_kind_of_thing() {
    let recipes = recipes(&page());
    let titles: Vec<&str> = recipes.iter().map(|recipe| recipe.title.as_str()).collect();
    let expected = ["Add a service", "Add a tool", "Add a store", "Add an import source", "Add a command"];
    assert_eq!(titles, expected);
    for recipe in &recipes {
        // A file, and two lines in one file: `pub mod`, and the list.
        let lines = recipe.changes[0].1.lines().filter(|line| line.starts_with('+')).count();
        assert_eq!((recipe.files.len(), lines), (1, 2), "{}", recipe.title);
    }
}

#[test]
#[cfg(unix)]
fn the_unit_tests_that_the_page_names_pass_with_its_additions() {
    programs();
    let recipes = recipes(&page());
    let named: Vec<&str> = recipes.iter().filter_map(|recipe| recipe.unit_tests.as_deref()).collect();
    assert!(named.len() >= 3, "{named:?}");
    let out = cargo(&["test", "--lib"], &named);
    for name in named {
        assert!(
            out.lines().any(|line| line.starts_with(&format!("test {name}"))),
            "{name}: no such test\n{out}"
        );
    }
}

#[test]
fn a_change_that_has_no_place_any_more_is_noticed() {
    let text = "pub mod a;\npub mod c;\n\nlist = [\n    a,\n];\n";
    let change = " pub mod a;\n+pub mod b;\n@@\n list = [\n+    b,\n";
    assert_eq!(
        patched(text, change).unwrap(),
        "pub mod a;\npub mod b;\npub mod c;\n\nlist = [\n    b,\n    a,\n];\n"
    );
    assert!(patched(text, " pub mod b;\n+pub mod d;\n").is_err());
    assert!(patched("same\nsame\n", " same\n+new\n").is_err());
}

#[test]
#[cfg(unix)]
fn a_service_added_as_the_page_says_gets_its_token() {
    follow("Add a service");
}

#[test]
#[cfg(unix)]
fn a_tool_added_as_the_page_says_is_answered() {
    follow("Add a tool");
}

#[test]
#[cfg(unix)]
fn a_store_added_as_the_page_says_holds_tokens() {
    follow("Add a store");
}

#[test]
#[cfg(unix)]
fn a_source_added_as_the_page_says_is_imported() {
    follow("Add an import source");
}

#[test]
#[cfg(unix)]
fn a_command_added_as_the_page_says_answers() {
    follow("Add a command");
}
