//! Tokens stay where they belong (R11, R13): not in arguments, not in the environment of what keyfob starts, not in any output but
//! `token`'s, not in clear in any file, not in core dumps, not in `Debug`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use keyfob::environment::Environment;
use keyfob::secret::Secret;
use keyfob::store::payload::Payload;
use keyfob::wallet::NewCredential;

use crate::support::process::Output;
use crate::support::scene::{Scene, files_below, newest_git, tools_program_under_test};

/// The tokens of these tests: of a person, of a tool, of the environment, refused, replaced.
const TOKENS: [&str; 6] = [
    "the-persons-own-token-0001",
    "the-tools-own-token-0002",
    "the-environments-token-0003",
    "the-listed-environments-token-0004",
    "the-replaced-token-0005",
    "the-refresh-token-0006",
];
const CONTOSO: &str = "https://dev.azure.com/contoso";
const PLACE: &str = "protocol=https host=dev.azure.com path=contoso/Project/_git/Repo";

/// Whether any token stands in `bytes`, plain or as part of a Basic header.
fn tells(bytes: &[u8]) -> Option<&'static str> {
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let basic = |token: &str, user: &str| {
        // Without the end, which depends on what follows.
        let encoded = BASE64.encode(format!("{user}:{token}"));
        has(&encoded.as_bytes()[..encoded.len() - 4])
    };
    let users = ["", "alice", "contoso", "pat"];
    TOKENS.into_iter().find(|token| has(token.as_bytes()) || users.iter().any(|user| basic(token, user)))
}

/// A scene in which every kind of token has been through, with a git before the real one that writes down what it is given; and
/// what every command said.
fn after_everything() -> (Scene, Vec<Output>) {
    let mut scene = Scene::new();
    let spy = format!(
        "#!/bin/sh\n{{ printf '%s\\n' \"$0 $*\"; cat /proc/$$/environ 2>/dev/null || env; echo; }} >>'{}'\nexec '{}' \"$@\"\n",
        scene.home().join("children").display(),
        newest_git().display(),
    );
    fs::rename(scene.script("spy", &spy), scene.bin().join("git")).unwrap();
    scene.set("RUST_BACKTRACE", "full").set("RUST_LOG", "trace").set("KEYFOB_LOG", "trace");
    scene.set("KEYFOB_URL", "https://dev.azure.com/fabrikam").set("KEYFOB_TOKEN", TOKENS[2]);
    let listed = format!("[{{\"url\":\"https://gitlab.com\",\"token\":\"{}\"}}]", TOKENS[3]);
    scene.set("KEYFOB_TOKENS", listed);

    let mut said = Vec::new();
    let mut run = |args: &[&str], stdin: &str| {
        said.push(scene.keyfob_with(args, stdin));
    };
    run(&["add", CONTOSO, "--account", "alice", "--expires", "3d"], &format!("{}\n", TOKENS[4]));
    run(&["add", CONTOSO, "--account", "alice"], &format!("{}\n", TOKENS[0]));
    run(&["add", "https://tfs.corp.example/tfs/DefaultCollection"], &format!("{}\n", TOKENS[0]));
    run(&["add", &format!("https://alice:{}@dev.azure.com/contoso", TOKENS[0])], "");
    run(&["add", CONTOSO], &format!("{}\nand a second line\n", TOKENS[0]));
    run(&["setup", "git", "--yes"], "");
    run(&["setup", "git", "--dry-run"], "");
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["explain", CONTOSO],
        &["explain", CONTOSO, "--json"],
        &["explain", "https://dev.azure.com/fabrikam"],
        &["prefer", CONTOSO, "--account", "alice"],
        &["doctor"],
        &["doctor", "--json"],
        &["storage"],
        &["storage", "--json"],
        &["move", CONTOSO, "https://dev.azure.com/contoso2"],
        &["move", "https://dev.azure.com/contoso2", CONTOSO],
        &["token", CONTOSO],
        &["lock"],
        &["unlock"],
    ] {
        run(args, "");
    }
    let words =
        |token: &str| format!("{PLACE} username=bob password={token} oauth_refresh_token={}", TOKENS[5]);
    for (operation, request) in [
        ("store", words(TOKENS[1])),
        ("store", words("another")),
        ("store", words(TOKENS[1])),
        ("erase", format!("{PLACE} username=alice password={}", TOKENS[0])),
        ("erase", words(TOKENS[1])),
        // Bad input: what is refused is not repeated.
        ("get", format!("{PLACE} password={} {}", TOKENS[0], TOKENS[0])),
        ("store", format!("protocol=https host={0}\0 password={0}", TOKENS[0])),
        ("store", format!("protocol=https host=a host=b password={}", TOKENS[0])),
        ("erase", format!("protocol=https host=dev.azure.com path=../{0} password={0}", TOKENS[0])),
        ("store", format!("protocol={0}! host={0} password={0}", TOKENS[0])),
    ] {
        said.push(scene.helper(operation, &request));
    }
    // Other tools' protocols: what they store, what is refused of them, what they list.
    let login = |server: &str| {
        format!("{{\"ServerURL\":\"{server}\",\"Username\":\"bob\",\"Secret\":\"{}\"", TOKENS[1])
    };
    let crates = |token: &str| {
        format!(
            "{{\"v\":1,\"registry\":{{\"index-url\":\"sparse+https://c.example/\"}},\"kind\":\"login\",\"token\":\"{token}\"}}"
        )
    };
    let nuget = |method: &str, key: &str, value: &str| {
        format!(
            "{{\"RequestId\":\"r\",\"Type\":\"Request\",\"Method\":\"{method}\",\"Payload\":{{\"{key}\":\"{value}\"}}}}\n"
        )
    };
    let with_password = format!("https://me:{}@dev.azure.com/contoso", TOKENS[1]);
    for (program, word, request) in [
        ("docker-credential-keyfob", "store", login("r.example") + "}"),
        ("docker-credential-keyfob", "store", login("r.example")),
        ("docker-credential-keyfob", "store", login(TOKENS[0]) + ",}"),
        ("docker-credential-keyfob", "get", format!("https://me:{}@r.example", TOKENS[1])),
        ("docker-credential-keyfob", "list", String::new()),
        ("docker-credential-keyfob", TOKENS[1], String::new()),
        ("cargo-credential-keyfob", "--cargo-plugin", crates(TOKENS[1])),
        ("cargo-credential-keyfob", "--cargo-plugin", crates(&format!("x {}", TOKENS[1]))),
        ("cargo-credential-keyfob", "--cargo-plugin", crates(TOKENS[1]) + TOKENS[0]),
        ("cargo-credential-keyfob", TOKENS[1], String::new()),
        ("nuget-plugin-keyfob", "-Plugin", nuget("SetCredentials", "ProxyPassword", TOKENS[1])),
        ("nuget-plugin-keyfob", "-Plugin", nuget("GetAuthenticationCredentials", "Uri", &with_password)),
        ("nuget-plugin-keyfob", "-Plugin", TOKENS[0].to_owned() + "\n{\"RequestId\":\"" + TOKENS[1]),
        ("nuget-plugin-keyfob", TOKENS[1], String::new()),
    ] {
        said.push(scene.program(program).arg(word).stdin(request).run());
    }
    said.push(scene.keyfob(["restore", CONTOSO, "--account", "alice"]));
    said.push(scene.keyfob(["unsetup", "git", "--yes"]));
    (scene, said)
}

#[test]
#[cfg(unix)]
fn no_output_but_that_of_token_has_a_token_in_it() {
    let (scene, said) = after_everything();
    assert!(said.iter().filter(|output| output.code() == 0).count() > 20, "most of it worked");
    for output in &said {
        assert_eq!(tells(format!("{output}").replace(&line_of(output), "").as_bytes()), None, "{output}");
    }
    let token = scene.keyfob(["token", CONTOSO, "--account", "alice", "--as", "token", "--yes"]).succeeds();
    assert_eq!(token.stdout().trim_end(), TOKENS[0]);
    assert_eq!(token.stderr(), "");
}

/// The first line of an output as it is shown: the command, which the test itself made.
fn line_of(output: &Output) -> String {
    output.to_string().lines().next().unwrap().to_owned()
}

#[test]
#[cfg(unix)]
fn what_keyfob_starts_gets_no_token_as_argument_or_variable() {
    let (scene, _) = after_everything();
    let children = fs::read(scene.home().join("children")).unwrap();
    assert!(children.windows(6).any(|window| window == b"config"), "git was started");
    assert!(children.windows(11).any(|window| window == b"KEYFOB_HOME"), "its environment was seen");
    assert_eq!(tells(&children), None, "{}", String::from_utf8_lossy(&children));
}

/// git is also asked whether it forbids questions, when one is about to be asked: at a terminal, for a vault with a passphrase.
#[test]
#[cfg(target_os = "linux")]
fn git_gets_no_token_when_it_is_asked_whether_a_question_may_be_asked() {
    let mut scene = Scene::new();
    scene.add(CONTOSO, TOKENS[0]);
    scene.protect_vault("correct horse");
    let children = scene.home().join("children");
    let spy = format!("#!/bin/sh\n{{ echo \"$@\"; env; }} >>'{}'\necho false\n", children.display());
    fs::rename(scene.script("spy", &spy), scene.bin().join("git")).unwrap();
    scene
        .set("KEYFOB_URL", "https://dev.azure.com/fabrikam")
        .set("KEYFOB_TOKEN", TOKENS[2])
        .unset("GIT_TERMINAL_PROMPT");
    scene.append("request", &format!("{}\n\n", PLACE.replace(' ', "\n")));
    let line = "git-credential-keyfob get <request";
    let output = scene.command("script").args(["-q", "-e", "-c", line, "/dev/null"]).run().succeeds();
    assert!(output.stdout().contains("the vault store is locked"), "{output}");
    let children = fs::read(children).unwrap();
    assert!(children.starts_with(b"config --get credential.interactive\n"));
    assert_eq!(tells(&children), None, "{}", String::from_utf8_lossy(&children));
}

#[test]
#[cfg(unix)]
fn no_file_of_the_home_has_a_token_in_clear() {
    let (scene, _) = after_everything();
    fs::remove_file(scene.home().join("children")).unwrap();
    let files = files_below(&scene.home());
    assert!(files.iter().any(|(path, _)| path.starts_with(scene.data().join("vault"))), "there are some");
    for (path, bytes) in files {
        assert_eq!(tells(&bytes), None, "{}", path.display());
        assert_eq!(tells(path.to_string_lossy().as_bytes()), None);
        let private = path.starts_with(scene.data());
        assert!(!private || is_private(&path), "{}", path.display());
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    mode(path) == 0 && mode(path.parent().unwrap()) == 0
}

/// Seen on a process that waits for its input. As root, this runs as nobody: root's own processes look alike in `/proc`.
#[test]
#[cfg(target_os = "linux")]
fn it_dumps_no_core_and_others_cannot_look_into_it() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("git-credential-keyfob");
    fs::copy(tools_program_under_test(), &program).unwrap();
    let start = |line: &str| -> Child {
        let line = format!("ulimit -S -c \"$(ulimit -H -c)\"; exec {line}");
        let mut command = Command::new("sh");
        if rustix::process::geteuid().is_root() {
            command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
        }
        command.args(["-c", &line]).current_dir("/").env("KEYFOB_HOME", folder.path().join("none"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    // Who owns a process's files in /proc tells whether it may be traced and dumped (proc(5)).
    let look = |child: &Child| {
        let proc = format!("/proc/{}", child.id());
        let limits = fs::read_to_string(format!("{proc}/limits")).unwrap_or_default();
        let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
        let soft = core.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default().to_owned();
        let name = fs::read_to_string(format!("{proc}/comm")).unwrap_or_default();
        (name.trim().to_owned(), soft, fs::metadata(format!("{proc}/environ")).map_or(1, |about| about.uid()))
    };
    let wait_for = |child: &Child, done: &dyn Fn(&(String, String, u32)) -> bool| {
        let end = Instant::now() + crate::support::process::DEADLINE;
        while !done(&look(child)) {
            assert!(Instant::now() < end, "{:?}", look(child));
        }
    };
    let me = if rustix::process::geteuid().is_root() { 65_534 } else { rustix::process::geteuid().as_raw() };
    let mut other = start("cat");
    wait_for(&other, &|(name, _, owner)| name == "cat" && *owner == me);
    let mut ours = start(&format!("{} get", program.display()));
    wait_for(&ours, &|(name, soft, owner)| name.starts_with("git-credential") && soft == "0" && *owner == 0);
    for child in [&mut other, &mut ours] {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn debug_output_shows_no_token() {
    let secret = || Secret::copy_of(TOKENS[0].as_bytes());
    let payload =
        || Payload { token: secret(), refresh: Some(secret()), authtype: Some("Bearer".to_owned()) };
    let (refresh, authtype) = (Some(secret()), Some("Bearer".to_owned()));
    let new = NewCredential { token: secret(), refresh, authtype, expires: None };
    let environment = Environment::new([("KEYFOB_TOKEN".into(), TOKENS[0].into())]);
    for text in [
        format!("{:?} {:#?}", secret(), secret()),
        format!("{:?} {:#?}", payload(), payload()),
        format!("{new:?} {new:#?}"),
        format!("{environment:?} {environment:#?}"),
    ] {
        assert_eq!(tells(text.as_bytes()), None, "{text}");
        // Nor as a list of bytes.
        assert!(!text.contains("116, 104, 101"), "{text}");
    }
}
