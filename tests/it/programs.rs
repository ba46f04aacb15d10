//! The two programs: what is linked into the one for tools, and what it does when it answers. That no network is used to answer a tool
//! is seen twice: nothing that could is in the program, and no call of the system's says otherwise.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bus::{Desktop, Provider};
use crate::support::process::Output;
use crate::support::scene::{Scene, skip};

/// What only `keyfob` has, by the paths of its functions.
const FOR_PEOPLE: &[&[&str]] = &[
    &["rustls"],
    &["ureq"],
    &["ureq_proto"],
    &["clap_builder"],
    &["hyper"],
    &["tokio"],
    &["rcgen"],
    &["keyfob", "http"],
    &["keyfob", "proxy"],
    &["keyfob", "command"],
    &["keyfob", "import"],
    &["keyfob", "export"],
    &["keyfob", "tool", "git", "setup"],
    &["keyfob", "tool", "nuget", "check"],
    &["keyfob", "tool", "profile"],
];

/// What both have, so that it shows that the search finds.
const FOR_BOTH: &[&[&str]] =
    &[&["keyfob", "tool", "git"], &["keyfob", "store", "vault"], &["keyfob", "wallet"]];

/// Whether a symbol is a function below this path: as both ways of writing paths in symbols have it, and as the older one writes
/// it in the names of a trait's functions.
fn is_below(symbol: &str, path: &[&str]) -> bool {
    let counted: String = path.iter().map(|part| format!("{}{part}", part.len())).collect();
    // At its end a symbol may name a crate for which a function of another one was compiled.
    let is_whole =
        |at: usize| !symbol[..at].ends_with(|c: char| c.is_ascii_digit()) && !symbol[at..].eq(&counted);
    symbol.match_indices(&counted).any(|(at, _)| is_whole(at))
        || symbol.contains(&format!("${}..", path.join("..")))
}

/// The symbols of both programs, of `keyfob` first: of cargo's, or of those in the folder that `KEYFOB_TEST_UNSTRIPPED` names
/// (tests/programs.sh has those of the release looked through, too).
fn symbols() -> [Vec<String>; 2] {
    let built = [env!("CARGO_BIN_EXE_keyfob"), env!("CARGO_BIN_EXE_git-credential-keyfob")];
    let folder = std::env::var_os("KEYFOB_TEST_UNSTRIPPED").map(PathBuf::from);
    built.map(|program| {
        let program = Path::new(program);
        let program = match &folder {
            Some(folder) => folder.join(program.file_name().unwrap()),
            None => program.to_owned(),
        };
        let listed = Command::new("nm").arg(&program).output().unwrap();
        assert!(listed.status.success(), "nm {}", program.display());
        let lines: Vec<String> =
            String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect();
        assert!(lines.len() > 1000, "{} is stripped", program.display());
        lines
    })
}

#[test]
fn the_program_for_tools_has_no_argument_parser_no_http_client_no_tls_no_importer_and_no_exporter() {
    if Command::new("nm").arg("--version").output().is_err() {
        return skip("nm");
    }
    let [people, tools] = symbols();
    let below = |symbols: &[String], path: &[&str]| -> Option<String> {
        symbols.iter().find(|symbol| is_below(symbol, path)).cloned()
    };
    for path in FOR_PEOPLE {
        assert!(below(&people, path).is_some(), "{path:?} is not found where it is");
        assert_eq!(below(&tools, path), None, "{path:?}");
    }
    for path in FOR_BOTH {
        assert!(below(&people, path).is_some() && below(&tools, path).is_some(), "{path:?}");
    }
    // What turns names of hosts into addresses.
    let resolves = |symbols: &[String]| symbols.iter().any(|symbol| symbol.contains("getaddrinfo"));
    assert!(resolves(&people) && !resolves(&tools));
}

#[test]
fn a_function_is_found_by_its_path_however_that_is_written_in_its_symbol() {
    for symbol in [
        "0000000000401000 t _RNvNtCs8xQLoxq7jkC_6rustls6client3new",
        "0000000000401000 t _ZN6rustls6client3new17h0123456789abcdefE",
        "0000000000401000 t _ZN56_$LT$rustls..client..Config$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
    ] {
        assert!(is_below(symbol, &["rustls"]) && is_below(symbol, &["rustls", "client"]), "{symbol}");
        assert!(!is_below(symbol, &["rustls", "server"]) && !is_below(symbol, &["ustls"]), "{symbol}");
    }
    let for_rustls = "00000000005a25e0 T _RINvCsejamGXmqD49_6subtle9black_boxhECs9zYpSkvC8xS_6rustls";
    let longer = "00000000005ac620 T _RNvNtCs9HWRADKzfCa_16rustls_pki_types3foo";
    assert!(!is_below(longer, &["rustls"]) && is_below(longer, &["rustls_pki_types"]));
    assert!(!is_below(for_rustls, &["rustls"]) && is_below(for_rustls, &["subtle"]));
}

/// Runs a program of ours under strace; what it said, and each call by which it got a socket.
fn traced(scene: &Scene, program: &str, args: &[&str], stdin: &str) -> (Output, Vec<String>) {
    let log = scene.home().join("trace");
    let mut call = scene.command("strace").args(["-f", "-qq", "-e", "trace=socket,socketpair", "-o"]);
    call = call.arg(&log).arg(scene.link(program)).args(args);
    let output = call.stdin(stdin).run();
    let text = std::fs::read_to_string(&log).unwrap();
    let calls = text.lines().filter(|line| line.contains("socket"));
    (output, calls.map(str::to_owned).collect())
}

const ADDED: &str = "protocol=https\nhost=dev.azure.com\npath=contoso/p/_git/r\n";
const STORED: &str = "protocol=https\nhost=git.example.test\nusername=bob\npassword=pa55\n";

#[test]
fn to_get_store_and_erase_with_each_store_no_socket_is_opened_but_one_of_this_machine() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace");
    }
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    for store in ["vault", "secret-service", "environment"] {
        let mut scene = Scene::new();
        scene.set("KEYFOB_STORE", if store == "environment" { "vault" } else { store });
        scene.set("DBUS_SESSION_BUS_ADDRESS", desktop.address());
        if store == "environment" {
            scene.set("KEYFOB_URL", "https://dev.azure.com/contoso").set("KEYFOB_TOKEN", "t0ken");
        } else {
            scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
        }
        let mut all = Vec::new();
        let mut ask = |operation: &str, request: &str| {
            let tool = "git-credential-keyfob";
            let (output, sockets) = traced(&scene, tool, &[operation], &format!("{request}\n"));
            all.extend(sockets);
            output.succeeds().stdout().to_owned()
        };
        assert!(ask("get", ADDED).contains("password=t0ken\n"), "{store}");
        ask("store", STORED);
        assert!(ask("get", &STORED.replace("password=pa55\n", "")).contains("password=pa55\n"), "{store}");
        ask("erase", STORED);
        assert_eq!(ask("get", &STORED.replace("password=pa55\n", "")), "", "{store}");
        ask("erase", &format!("{ADDED}password=t0ken\n"));
        let foreign: Vec<&String> = all.iter().filter(|call| !call.contains("(AF_UNIX, ")).collect();
        assert!(foreign.is_empty(), "{store}: {foreign:?}");
        // The trace shows what there is.
        assert_eq!(all.is_empty(), store != "secret-service", "{store}: {all:?}");
    }
}

#[test]
fn a_socket_that_a_command_opens_is_seen_in_its_trace() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace");
    }
    let mut scene = Scene::new();
    scene.keyfob_with(["add", "http://127.0.0.1:1/tfs/One", "--allow-http"], "t0ken").succeeds();
    scene.unset("KEYFOB_OFFLINE");
    let (output, sockets) = traced(&scene, "keyfob", &["check"], "");
    assert!(sockets.iter().any(|call| call.contains("(AF_INET")), "{sockets:?}{output}");
}
