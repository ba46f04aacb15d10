//! The order of the house, read off its sources: which shelf may use which, that nothing goes in circles, where secrets leave their
//! wrapping, where there is printing and networking, and that every thing on a shelf is in the shelf's list.

mod modules;
mod seeded;
pub(crate) mod tokens;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use modules::{Module, Tree};
use tokens::{Kind, tokens};

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

/// Below the package, with forward slashes: `src/tool/git/mod.rs`.
fn name_of(path: &Path) -> String {
    let below = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    below.components().map(|part| part.as_os_str().to_str().unwrap()).collect::<Vec<_>>().join("/")
}

/// The library and the programs, without what only tests have; read once.
fn house() -> &'static Tree {
    static HOUSE: OnceLock<Tree> = OnceLock::new();
    HOUSE.get_or_init(read_house)
}

fn read_house() -> Tree {
    let files: BTreeMap<String, String> =
        rust_files("src").iter().map(|path| (name_of(path), fs::read_to_string(path).unwrap())).collect();
    let programs = files.keys().filter(|name| *name == "src/main.rs" || name.starts_with("src/bin/"));
    let roots: Vec<&str> = ["src/lib.rs"].into_iter().chain(programs.map(String::as_str)).collect();
    let tree = Tree::read(&files, &roots);
    assert!(
        tree.modules.len() > 100 && roots.len() > 1,
        "the sources are not where this test looks for them"
    );
    tree
}

impl Module {
    /// Whether it belongs to a program and not to the library.
    fn is_program(&self) -> bool {
        self.file == "src/main.rs" || self.file.starts_with("src/bin/")
    }

    /// The shelf or top-level module: `tool`, `wallet`, `remote`.
    fn shelf(&self) -> &str {
        self.path.split("::").next().unwrap_or_default()
    }

    /// Each place of one of these pieces of code, as `src/x.rs:12: piece`.
    fn places(&self, pieces: &[&str]) -> Vec<String> {
        let mut places = Vec::new();
        for piece in pieces {
            let wanted = tokens(piece);
            let same = |window: &[tokens::Token]| {
                window
                    .iter()
                    .zip(&wanted)
                    .all(|(one, other)| (one.kind, &one.text) == (other.kind, &other.text))
            };
            let found = self.code.windows(wanted.len()).filter(|window| same(window));
            places.extend(found.map(|window| format!("{}:{}: {piece}", self.file, window[0].line)));
        }
        places
    }
}

/// Each place of these pieces of code outside of the modules that may have them.
fn elsewhere(may: impl Fn(&Module) -> bool, pieces: &[&str]) -> Vec<String> {
    let house = house();
    let others = house.modules.iter().filter(|module| !may(module));
    others.flat_map(|module| module.places(pieces)).collect()
}

fn none(problems: Vec<String>, rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n{}", problems.join("\n"));
}

#[test]
fn nothing_goes_in_circles() {
    none(house().circles(), "neither shelves nor the files of a shelf use each other in circles");
}

#[test]
fn no_type_has_methods_in_more_than_three_files() {
    let found = house().files_with_methods();
    assert!(found.len() > 30, "the types are not where this test looks for them");
    let spread = found.iter().filter(|(_, files)| files.len() > 3);
    none(
        spread.map(|(name, files)| format!("{name}: {files:?}")).collect(),
        "a type is not a shelf: write functions",
    );
}

#[test]
fn no_use_is_hidden_from_this_test() {
    // A macro can put a path together from its parts.
    let pages = |module: &Module| module.path == "command::manual";
    none(elsewhere(pages, &["macro_rules!"]), "a path is written whole");
    none(elsewhere(|_| false, &["include!", "extern crate"]), "a path is written whole");
    // All modules lie below the crate's own, so what that does itself would count as theirs.
    let map = &house().modules[0];
    let own: Vec<&String> = map.items.iter().filter(|item| !map.children.contains_key(*item)).collect();
    assert_eq!(own, ["ALLOCATOR"], "{} is a map", map.file);
    assert!(map.imports.is_empty() && map.globs.is_empty(), "{} is a map", map.file);
}

/// The floors of the house, from the top. A module uses only what stands below its floor; on the ground, each other.
const FLOORS: &[&[&str]] = &[
    &["command", "call"],
    &["proxy"],
    // Neither knows the others.
    &["tool", "import", "export", "terminal", "http"],
    &["wallet"],
    &["store", "config"],
    &["forge", "records"],
];

#[test]
fn shelves_use_only_what_stands_below_them() {
    let house = house();
    let floor = |module: usize| {
        let module = &house.modules[module];
        match module.is_program() {
            true => Some(0),
            false => FLOORS.iter().position(|floor| floor.contains(&module.shelf())).map(|at| at + 1),
        }
    };
    let shelves: BTreeSet<&str> = house.modules.iter().map(Module::shelf).collect();
    for shelf in FLOORS.concat() {
        assert!(shelves.contains(shelf), "there is no {shelf} any more");
    }
    let mut problems = Vec::new();
    for used in house.uses() {
        let same = house.modules[used.from].shelf() == house.modules[used.to].shelf();
        let goes_down = match (floor(used.from), floor(used.to)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(from), Some(to)) => from < to,
        };
        // The map of the crate uses nothing.
        let within = same || house.modules[used.from].path.is_empty();
        if !goes_down && !within {
            problems.push(used.place);
        }
    }
    none(
        problems,
        "command -> {tool, import, export} -> wallet -> {store, config} -> {forge, records} -> ground",
    );
}

#[test]
fn a_secret_is_exposed_only_where_it_leaves_the_house() {
    let may = |module: &Module| {
        ["tool", "store", "import", "export", "formats", "http"].contains(&module.shelf())
            // A token is judged by its format there; nothing of it leaves.
            || ["secret", "forge::token"].contains(&module.path.as_str())
            || ["run", "token", "export"].iter().any(|word| module.path == format!("command::{word}"))
    };
    none(elsewhere(may, &[".expose(", "Secret::expose"]), "expose() is not for everyone");
}

#[test]
fn only_the_terminal_and_the_programs_touch_the_standard_streams() {
    let may = |module: &Module| module.shelf() == "terminal" || module.is_program();
    let pieces = [
        "println!",
        "print!",
        "eprintln!",
        "eprint!",
        "io::stdout",
        "io::stderr",
        "io::stdin",
        "stdio::stdin",
        "\"/dev/tty\"",
        "prompt_password",
    ];
    none(elsewhere(may, &pieces), "only the terminal and the programs print or ask");
}

#[test]
fn only_the_programs_read_the_process_environment_and_exit() {
    let reads =
        ["env::var", "env::var_os", "env::vars", "env::vars_os", "env::args", "env::args_os", "env::set_var"];
    none(elsewhere(Module::is_program, &reads), "the environment is passed in");
    // process is what a process does to itself; it has one exit, for a conversation whose other end is gone.
    let may = |module: &Module| module.is_program() || module.path == "process";
    none(elsewhere(may, &["process::exit", "process::abort"]), "only programs exit");
    let may = |module: &Module| module.path.starts_with("tool::nuget");
    none(elsewhere(may, &["process::leave"]), "only NuGet's plugin leaves");
}

#[test]
fn other_programs_are_started_without_our_tokens() {
    // clap has a type of that name, too.
    let may = |module: &Module| module.path == "process" || module.shelf() == "command";
    none(elsewhere(may, &["Command::new"]), "a program is started by process::child (R13)");
    let commands = |module: &Module| module.shelf() != "command";
    none(elsewhere(commands, &["process::Command::new"]), "a program is started by process::child (R13)");
}

#[test]
fn only_http_and_the_proxy_open_network_connections_and_only_stores_open_local_sockets() {
    let http = |module: &Module| ["http", "proxy"].contains(&module.shelf());
    let network = [
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "net::*",
        "ureq",
        "rustls",
        "hyper",
        "tokio",
    ];
    none(elsewhere(http, &network), "get, store and erase never use the network");
    let local = ["UnixStream", "UnixListener", "UnixDatagram", "rustix::net"];
    // The proxy asks the kernel whose a connection is.
    let may =
        |module: &Module| ["store", "dbus"].contains(&module.shelf()) || module.path == "proxy::sock_diag";
    none(elsewhere(may, &local), "only stores talk to other processes by socket");
}

#[test]
fn tools_and_the_wallet_never_reach_the_network() {
    let house = house();
    // The one way to it, and who may take that way: commands that say so in their help.
    let users = |network: &str| {
        let outside = |module: usize| !["http", "proxy"].contains(&house.modules[module].shelf());
        let uses = house.uses().into_iter().filter(|used| used.direct && outside(used.from));
        let uses = uses.filter(|used| {
            let to = &house.modules[used.to].path;
            to == network || to.starts_with(&format!("{network}::"))
        });
        uses.map(|used| house.modules[used.from].path.clone()).collect::<BTreeSet<String>>()
    };
    assert_eq!(users("http"), BTreeSet::from(["command::network".to_owned()]));
    let others: Vec<String> =
        users("proxy").into_iter().filter(|user| !user.starts_with("command::run")).collect();
    none(others, "the proxy is run's");
    // token_service and sign_in are what pat and rotate share; with resume, doctor finishes what a rotation began.
    // The proxy of run goes the same ways.
    let known = [
        "add",
        "check",
        "resume",
        "rotate",
        "rotate::by_hand",
        "run::environment",
        "run::upstream",
        "sign_in",
        "token_service",
    ]
    .map(|name| format!("command::{name}"));
    assert_eq!(users("command::network"), BTreeSet::from(known), "who uses the network says so here");
    for name in ["add", "check", "pat", "rotate", "doctor"] {
        let command = keyfob::command::ALL.iter().find(|command| command.name == name).unwrap();
        assert!(
            command.details.contains("KEYFOB_OFFLINE=1"),
            "{name} does not say how it is kept from the network"
        );
    }
}

#[test]
fn everything_on_a_shelf_is_in_its_list() {
    let house = house();
    let mut problems = Vec::new();
    for (shelf, record) in [
        ("tool", "TOOL"),
        ("forge", "FORGE"),
        ("store", "STORE"),
        ("import", "SOURCE"),
        ("command", "COMMAND"),
    ] {
        let front = house.modules.iter().find(|module| module.path == shelf).unwrap();
        let things =
            house.modules.iter().filter(|module| module.shelf() == shelf && module.items.contains(record));
        let things: Vec<&str> = things.map(|module| &module.path[shelf.len() + 2..]).collect();
        assert!(things.len() > 2, "{shelf}: {things:?}");
        for thing in things {
            let line = format!("&{thing}::{record}");
            if front.places(&[&line]).is_empty() {
                problems.push(format!("{}: ALL needs the line: {line},", front.file));
            }
        }
    }
    none(problems, "a file on a shelf has one line in the shelf's list");
}

/// "About 400 lines."
const LONGEST: usize = 420;

#[test]
fn files_are_of_a_length_that_can_be_read() {
    let mut long = Vec::new();
    for path in rust_files("tests").into_iter().chain(rust_files("src")) {
        let (name, text) = (name_of(&path), fs::read_to_string(&path).unwrap());
        let is_test = name.starts_with("tests/") || name.contains("/tests/");
        // The tests at the end of a file are not counted.
        let length = text.lines().take_while(|line| is_test || line.trim_start() != "mod tests {").count();
        if length > LONGEST {
            long.push(format!("{name}: {length} lines"));
        }
    }
    none(long, "at most about 400 lines, or it is two things");
}

#[test]
fn nothing_is_left_half_built_and_nothing_stops_the_program() {
    let pieces = [
        "todo!",
        "unimplemented!",
        "unreachable!",
        "panic!",
        "assert!",
        "assert_eq!",
        "assert_ne!",
        "dbg!",
        ".unwrap()",
        ".expect(",
        ".unwrap_err()",
        ".expect_err(",
        "unsafe",
    ];
    none(elsewhere(|_| false, &pieces), "errors are values here");
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent = rust_files("src").into_iter().filter(|path| {
        let text = fs::read_to_string(path).unwrap();
        !text.starts_with("//! ") && tokens(&text).iter().any(|token| token.kind == Kind::Word)
    });
    none(silent.map(|path| name_of(&path)).collect(), "a file begins with a header in prose");
}
