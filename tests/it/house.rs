//! The order of the house, read off its sources: which shelf may use which, where secrets leave their wrapping, where there is
//! printing and networking, and that every thing on a shelf is in the shelf's list.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file, without its tests.
struct Source {
    /// Below the package, with forward slashes: `src/tool/git/mod.rs`.
    name: String,
    /// Code lines with their numbers; comments and tests are out.
    code: Vec<(usize, String)>,
    /// The whole text.
    text: String,
    /// Lines up to the tests.
    length: usize,
}

impl Source {
    /// The shelf or top-level module: `tool`, `wallet`, `remote`.
    fn module(&self) -> &str {
        let rest = self.name.trim_start_matches("src/");
        rest.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// Each place of one of these words, as `src/x.rs:12`.
    fn places<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = String> + 'a {
        let has = |line: &str| words.iter().any(|word| line.contains(word));
        self.code
            .iter()
            .filter(move |(_, line)| has(line))
            .map(|(number, line)| format!("{}:{number}: {}", self.name, line.trim()))
    }
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn name_of(path: &Path) -> String {
    let below = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    below.components().map(|part| part.as_os_str().to_str().unwrap()).collect::<Vec<_>>().join("/")
}

/// The program's sources: files that are tests as a whole are left out, and so are test modules at the ends of others.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for path in rust_files("src") {
        let name = name_of(&path);
        if name.contains("/tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let own = text.lines().take_while(|line| line.trim_start() != "mod tests {").count();
        let code = text.lines().take(own).enumerate();
        let code = code.filter(|(_, line)| !line.trim_start().starts_with("//"));
        let code = code.map(|(at, line)| (at + 1, line.to_owned())).collect();
        sources.push(Source { name, code, text, length: own });
    }
    assert!(sources.len() > 30, "the sources are not where this test looks for them");
    sources
}

fn none(problems: Vec<String>, rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n{}", problems.join("\n"));
}

/// How far up the house a module stands: it may use what stands lower. What is not named is at the ground.
fn height(module: &str) -> u8 {
    match module {
        "bin" => 7,
        "command" | "call" => 6,
        // Beside tools: neither knows the other.
        "tool" | "import" | "export" => 5,
        "wallet" => 4,
        "store" | "config" => 3,
        "forge" | "records" => 2,
        // Stands beside: it prints what it is given, notes and passphrase prompts included.
        "terminal" => 5,
        _ => 1,
    }
}

/// Top-level modules that a line names behind `crate::` (or `keyfob::` in the two programs).
fn used(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for beginning in ["crate::", "keyfob::"] {
        for (at, _) in line.match_indices(beginning) {
            let rest = &line[at + beginning.len()..];
            let words = rest.strip_prefix('{').map_or(vec![rest], |list| list.split(',').collect());
            for word in words {
                let word = word.trim_start();
                let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
                found.push(word[..end].to_owned());
            }
        }
    }
    found
}

#[test]
fn shelves_use_only_what_stands_below_them() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| source.name != "src/lib.rs") {
        let from = source.module();
        for (number, line) in &source.code {
            for to in used(line) {
                let ground = height(&to) == 1;
                if to != from && !ground && height(&to) >= height(from) {
                    problems.push(format!("{}:{number}: {from} uses {to}", source.name));
                }
            }
        }
    }
    none(
        problems,
        "command -> tool -> wallet -> {store, config} -> {forge, records} -> the rest; never back",
    );
}

#[test]
fn a_secret_is_exposed_only_where_it_leaves_the_house() {
    let may = |name: &str| {
        ["src/tool/", "src/store/", "src/import/", "src/export/", "src/formats/", "src/http/"]
            .iter()
            .any(|shelf| name.starts_with(shelf))
            // A shape is judged where it is described; nothing of the token leaves.
            || ["src/secret.rs", "src/forge/token_format.rs"].contains(&name)
            || ["run", "token", "export"].iter().any(|word| name == format!("src/command/{word}.rs"))
    };
    let sources = sources();
    let others = sources.iter().filter(|source| !may(&source.name));
    none(
        others.flat_map(|s| s.places(&[".expose()", "Secret::expose"])).collect(),
        "expose() is not for everyone",
    );
}

#[test]
fn only_the_terminal_and_the_programs_touch_the_standard_streams() {
    let may = [
        "src/terminal/mod.rs",
        "src/terminal/ask.rs",
        "src/terminal/hidden.rs",
        "src/terminal/stdin.rs",
        "src/bin/keyfob.rs",
        "src/bin/git-credential-keyfob.rs",
    ];
    let words = [
        "println!",
        "print!(",
        "eprint!(",
        "io::stdout()",
        "io::stderr()",
        "io::stdin()",
        "stdio::stdin()",
        "/dev/tty",
        "prompt_password",
    ];
    let sources = sources();
    let others = sources.iter().filter(|source| !may.contains(&source.name.as_str()));
    none(
        others.flat_map(|source| source.places(&words)).collect(),
        "only the terminal and the two programs print or ask",
    );
}

#[test]
fn only_the_programs_read_the_process_environment_and_exit() {
    let words = ["env::var", "env::args", "env::set_var", "env::remove_var"];
    let sources = sources();
    let others = sources.iter().filter(|source| source.module() != "bin");
    none(others.flat_map(|source| source.places(&words)).collect(), "the environment is passed in");
    // process.rs is what a process does to itself; it has one exit, for a conversation whose other end is gone.
    let others =
        sources.iter().filter(|source| !["src/bin/keyfob.rs", "src/process.rs"].contains(&&*source.name));
    none(others.flat_map(|source| source.places(&["process::exit"])).collect(), "only keyfob exits");
    let leaves = sources.iter().filter(|source| !source.name.starts_with("src/tool/nuget/"));
    none(
        leaves.flat_map(|source| source.places(&["process::leave"])).collect(),
        "only NuGet's plugin leaves",
    );
}

#[test]
fn other_programs_are_started_without_our_tokens() {
    let may = ["src/process.rs"];
    let sources = sources();
    let others = sources.iter().filter(|source| !may.contains(&source.name.as_str()));
    let places = others.flat_map(|source| source.places(&["Command::new("]));
    none(
        places.filter(|place| !place.contains("clap::Command::new(")).collect(),
        "a program is started by process::child (R13)",
    );
}

#[test]
fn only_http_opens_network_connections_and_only_stores_open_local_sockets() {
    let sources = sources();
    let network = ["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "std::net::*"];
    let others = sources.iter().filter(|source| !source.name.starts_with("src/http/"));
    none(
        others.flat_map(|source| source.places(&network)).collect(),
        "get, store and erase never use the network",
    );
    let local = ["UnixStream", "UnixListener", "UnixDatagram", "rustix::net", "zbus", "dbus"];
    let others = sources.iter().filter(|source| !source.name.starts_with("src/store/"));
    none(
        others.flat_map(|source| source.places(&local)).collect(),
        "only stores talk to other processes by socket",
    );
}

#[test]
fn tools_and_the_wallet_never_reach_the_network() {
    let sources = sources();
    // The one way to it, and who may take that way: commands that say so in their help.
    let way = ["crate::http::", "crate::http;", "keyfob::http::", "super::http::", "http::Client"];
    let others = sources
        .iter()
        .filter(|source| !source.name.starts_with("src/http/") && source.name != "src/command/online.rs");
    none(
        others.flat_map(|s| s.places(&way)).collect(),
        "the network is reached through command/online.rs only",
    );
    let library = ["ureq", "rustls"];
    let others = sources.iter().filter(|source| !source.name.starts_with("src/http/"));
    none(others.flat_map(|s| s.places(&library)).collect(), "only http knows what it is made of");
    let users = sources.iter().filter(|source| source.places(&["online::"]).next().is_some());
    let mut names: Vec<&str> = users.map(|source| source.name.as_str()).collect();
    names.retain(|name| *name != "src/command/online.rs");
    // sign_in and token_service are what pat and rotate share; with unfinished, doctor finishes what a rotation began.
    let known = ["add", "check", "rotate/by_hand", "rotate/mod", "sign_in", "token_service", "unfinished"]
        .map(|name| format!("src/command/{name}.rs"));
    assert_eq!(names, known, "who uses the network says so here");
    for name in ["add", "check", "pat", "rotate", "doctor"] {
        let command = keyfob::command::ALL.iter().find(|command| command.name == name).unwrap();
        assert!(
            command.details.contains("KEYFOB_OFFLINE=1"),
            "{name} does not say how it is kept from the network"
        );
    }
}

/// Parts of a shelf that are no thing of their own.
const HELPERS: &[&str] = &[
    "forge::verify",
    "forge::lifecycle",
    "forge::place",
    "forge::token_format",
    "import::decide",
    "import::file",
    "import::ini",
    "import::keyrings",
    "store::memory",
    "store::payload",
    "tool::installation",
    "tool::links",
    "tool::profile",
    "tool::setup",
];

#[test]
fn everything_on_a_shelf_is_in_its_list() {
    let sources = sources();
    let mut problems = Vec::new();
    for (shelf, record) in [
        ("tool", "TOOL"),
        ("forge", "FORGE"),
        ("store", "STORE"),
        ("import", "SOURCE"),
        ("command", "COMMAND"),
    ] {
        let list = sources.iter().find(|source| source.name == format!("src/{shelf}/mod.rs")).unwrap();
        let all = list.text.split_once("pub static ALL").unwrap().1.split_once("];").unwrap().0;
        let modules =
            list.code.iter().filter_map(|(_, line)| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        for thing in modules.filter(|thing| !HELPERS.contains(&format!("{shelf}::{thing}").as_str())) {
            let line = format!("&{thing}::{record}");
            if !all.contains(&line) {
                problems.push(format!("src/{shelf}/mod.rs: ALL needs the line: {line},"));
            }
        }
        for source in sources.iter().filter(|source| source.name.starts_with(&format!("src/{shelf}/"))) {
            let thing = source.name.trim_start_matches(&format!("src/{shelf}/"));
            let thing = thing.trim_end_matches(".rs").trim_end_matches("/mod");
            let has = source.code.iter().any(|(_, line)| line.starts_with(&format!("pub static {record}: ")));
            let thing = thing.replace('/', "::");
            if has && !all.contains(&format!("&{thing}::{record}")) {
                problems.push(format!("src/{shelf}/mod.rs: ALL needs the line: &{thing}::{record},"));
            }
        }
    }
    problems.dedup();
    none(problems, "a file on a shelf has one line in the shelf's list");
}

/// "About 400 lines."
const LONGEST: usize = 420;

/// Files that are tables: one thing after the other, each short.
const TABLES: &[&str] = &["src/error/mod.rs"];

#[test]
fn files_are_of_a_length_that_can_be_read() {
    let mut lengths: Vec<(String, usize)> =
        sources().iter().map(|source| (source.name.clone(), source.length)).collect();
    let tests = rust_files("tests").into_iter().chain(rust_files("src"));
    for path in tests.filter(|path| name_of(path).contains("tests/")) {
        lengths.push((name_of(&path), fs::read_to_string(&path).unwrap().lines().count()));
    }
    let long =
        lengths.into_iter().filter(|(name, length)| *length > LONGEST && !TABLES.contains(&name.as_str()));
    none(
        long.map(|(name, length)| format!("{name}: {length} lines")).collect(),
        "at most about 400 lines, or it is two things",
    );
}

#[test]
fn nothing_is_left_half_built_and_nothing_stops_the_program() {
    let words = [
        "todo!",
        "unimplemented!",
        "unreachable!",
        "panic!",
        "assert!",
        "assert_eq!",
        "dbg!",
        ".unwrap()",
        ".expect(",
        ".unwrap_err()",
        "unsafe {",
        "unsafe fn",
    ];
    none(
        sources().iter().flat_map(|s| s.places(&words).collect::<Vec<_>>()).collect(),
        "errors are values here",
    );
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    none(silent.map(|source| source.name).collect(), "a file begins with a header in prose");
}
