//! Readers of other programs' files, beside the programs that own them: what the program would send for a URL is what keyfob
//! answers after an import, or the entry is left.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::programs::is_here;
use crate::fakes::http::{Handler, Request, Response, Server};
use crate::support::scene::Scene;

/// `USER:TOKEN` that git's helper gives for a host after the import; `None` for no answer.
fn held(scene: &Scene, host: &str) -> Option<String> {
    let answer = scene.get(&format!("protocol=https host={host}"));
    let value = |key: &str| answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Some(format!("{}:{}", value("username")?, value("password")?))
}

fn host(number: usize) -> String {
    format!("h{number}.example")
}

/// Imports `text` and compares each host. What keyfob leaves has to be among `left`.
#[track_caller]
fn compare(source: &str, text: &str, theirs: &[Option<String>], left: &[usize]) {
    let scene = Scene::new();
    fs::write(scene.home().join("file"), text).unwrap();
    let shown = scene.keyfob(["import", source, "--file", "file", "--yes", "--force"]).succeeds();
    for (number, theirs) in theirs.iter().enumerate() {
        let ours = held(&scene, &host(number));
        if left.contains(&number) {
            assert_eq!(ours, None, "{source} {number}: {theirs:?}\n{shown}");
            let named =
                shown.stdout().lines().any(|line| line.starts_with("leave") && line.contains(&host(number)));
            assert!(named || theirs.is_none(), "{source} {number} is not named: {shown}");
        } else {
            assert_eq!(ours, *theirs, "{source} {number}\n{shown}");
            assert!(ours.is_some(), "{source} {number}: nobody answers, so nothing is compared");
        }
    }
}

#[test]
fn a_line_of_git_credential_store_is_read_as_git_reads_it() {
    let pairs = [
        ("bob", "100%sure"),
        ("bob", "a%zz%2"),
        ("b%4", "p%"),
        ("bob", "%"),
        ("bob", "a%20b"),
        ("bob", "caf%C3%A9"),
        ("bob", "a:b:c"),
        ("b%3Ab", "x%40y"),
        ("bob", "a%00b"),
        ("bob", "%2525"),
        ("bob", "a+b"),
        ("me%40mail.example", "a!$&'()*,;="),
    ];
    let line = |(number, (user, token)): (usize, &(&str, &str))| {
        format!("https://{user}:{token}@{}\n", host(number))
    };
    let text: String = pairs.iter().enumerate().map(line).collect();
    let scene = Scene::new();
    let file = scene.home().join("store");
    fs::write(&file, &text).unwrap();
    let git = |number: usize| {
        let asked = format!("protocol=https\nhost={}\n\n", host(number));
        let file = format!("--file={}", file.display());
        let ran = scene.command(crate::support::scene::newest_git()).args(["credential-store", &file, "get"]);
        let ran = ran.stdin(asked).run().succeeds();
        let value =
            |key: &str| ran.stdout().lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        Some(format!("{}:{}", value("username")?, value("password")?))
    };
    let theirs: Vec<Option<String>> = (0..pairs.len()).map(git).collect();
    assert_eq!(theirs[0].as_deref(), Some("bob:100%sure"), "git itself");
    // A token has no space in it.
    compare("git-store", &text, &theirs, &[4]);
}

#[test]
fn a_netrc_is_read_as_curl_and_with_it_git_reads_it() {
    if !is_here("curl") {
        return;
    }
    // Everything behind the host.
    let entries = [
        r"login CONTOSO\bob password back\slash",
        r#"login "CONTOSO\\bob" password "q\"uo\\te""#,
        r#"login bob password mid"quote"#,
        r"login bob\ password \x",
        "\n\tlogin bob\n\tpassword lines",
        "password first login bob",
        "LOGIN bob PassWord capitals",
        r#"login "bob" password "plain""#,
        r#"login bob password "t\x""#,
        "login bob password p#q # a comment",
        r##"login bob password "#quoted""##,
        "login bob\r\npassword crlf\r",
        r#"login bob password "a\tb""#,
        r#"login "al ice" password blank-in-name"#,
    ];
    let entry = |(number, rest): (usize, &&str)| {
        let word = if number == 6 { "MACHINE" } else { "machine" };
        format!("{word} {} {rest}\n", host(number))
    };
    let text: String = entries.iter().enumerate().map(entry).collect();
    let seen: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let handler: Handler = Arc::new(move |request: &Request| {
        let pair = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        let pair = pair.map(|pair| String::from_utf8(BASE64.decode(pair).unwrap()).unwrap());
        log.lock().unwrap().extend(pair.map(|pair| (request.host_name().to_owned(), pair)));
        Response::new(200)
    });
    let server = Server::start(handler);
    let scene = Scene::new();
    fs::write(scene.home().join("netrc"), &text).unwrap();
    let urls = (0..entries.len()).map(|number| format!("http://{}/", host(number)));
    let through = format!("::127.0.0.1:{}", server.port());
    let curl = scene.command("curl").args(["-s", "--netrc-file", "netrc", "--connect-to", &through]);
    curl.args(urls.collect::<Vec<_>>()).run().succeeds();
    let seen = seen.lock().unwrap();
    let theirs: Vec<Option<String>> =
        (0..entries.len()).map(|number| seen.get(&host(number)).cloned()).collect();
    assert_eq!(theirs[0].as_deref(), Some(r"CONTOSO\bob:back\slash"), "curl itself");
    // A token has no control character in it.
    compare("netrc", &text, &theirs, &[12]);
}

#[test]
fn an_open_quote_in_a_netrc_ends_with_its_line_and_what_comes_after_is_read() {
    let text = "machine h0.example login a password \"open\nmachine h1.example login \"al\npassword two\nmachine h2.example login c \
                password three\n";
    let scene = Scene::new();
    fs::write(scene.home().join("file"), text).unwrap();
    let shown = scene.keyfob(["import", "netrc", "--file", "file", "--yes", "--move"]).succeeds();
    for host in [" h0.example", " h1.example"] {
        let is_said = |line: &str| {
            line.starts_with("leave")
                && line.contains(host)
                && line.ends_with("a quotation mark in it is not closed")
        };
        assert!(shown.stdout().lines().any(is_said), "{host}: {shown}");
    }
    assert_eq!(held(&scene, "h2.example").as_deref(), Some("c:three"));
    let left = fs::read_to_string(scene.home().join("file")).unwrap();
    assert_eq!(left, text.split_once("machine h2").unwrap().0, "only what is in the wallet was taken out");
}

/// What npm sends, by its own code: the `ini` package and npm-registry-fetch's `auth`.
const NPM: &str = "const [modules, file, count] = process.argv.slice(2);\n\
    const options = require(modules + '/npm/node_modules/ini').decode(require('fs').readFileSync(file, 'utf8'));\n\
    const auth = require(modules + '/npm/node_modules/npm-registry-fetch/lib/auth.js');\n\
    for (let n = 0; n < count; n++) console.log(auth(`https://h${n}.example/`, options).auth || '-');\n";

#[test]
fn a_npmrc_is_read_as_npm_reads_it() {
    if !(is_here("npm") && is_here("node")) {
        return;
    }
    let entries: [&[&str]; 17] = [
        &["username=alice ; mine", "_password=c2VrcmV0 ; until May"],
        &["username=alice # mine", "_password=c2VrcmV0#x"],
        &["username='alice'", "_password='c2VrcmV0'"],
        &["username=\"alice\"", "_password=\"c2VrcmV0\""],
        &["username=al\\;ice", "_password=c2VrcmV0"],
        &["username=alice", "_password=c2VrcmV0MQ"],
        &["username=alice", "_password=PDw_Pz8-Pg"],
        &["username=alice", "_password=c2Vr cmV0"],
        &["username = alice", "_password = c2VrcmV0MQ=="],
        &["username=first", "username=alice", "_password=eA==", "_password=c2VrcmV0"],
        &["_auth=YWxpY2U6c2VrcmV0"],
        &["_auth=\"YWxpY2U6c2VrcmV0\" ", "username=bob", "_password=eA=="],
        &["username=CONTOSO\\bob", "_password=c2VrcmV0"],
        &["_password=c2VrcmV0"],
        &["username=", "_password=c2VrcmV0"],
        &["username=alice", "_password="],
        &["username=alice", "_password=c2VrcmV0", "[section]", "_password=eA=="],
    ];
    let mut text = String::new();
    for (number, lines) in entries.iter().enumerate() {
        for line in *lines {
            let key = if line.starts_with('[') { String::new() } else { format!("//{}/:", host(number)) };
            text.push_str(&format!("{key}{line}\n"));
        }
    }
    let scene = Scene::new();
    fs::write(scene.home().join("npmrc"), &text).unwrap();
    fs::write(scene.home().join("npm.js"), NPM).unwrap();
    let modules = scene.command("npm").args(["root", "-g"]).run().succeeds();
    let count = entries.len().to_string();
    let node =
        scene.command("node").args(["npm.js", modules.stdout().trim(), "npmrc", &count]).run().succeeds();
    let pair = |line: &str| (line != "-").then(|| String::from_utf8(BASE64.decode(line).unwrap()).unwrap());
    let theirs: Vec<Option<String>> = node.stdout().lines().map(pair).collect();
    assert_eq!(theirs[0].as_deref(), Some("alice:sekret"), "npm itself");
    compare("npm", &text, &theirs, &[13, 14, 15]);
}

/// Whether git's own helper answers from `file`: for a path that was kept, else for the host alone, as git asks it by default.
fn git_store_answers(scene: &Scene, place: &str, user: Option<&str>) -> bool {
    let (host, path) = place.split_once('/').unwrap();
    let user = user.map(|user| format!("username={user}\n")).unwrap_or_default();
    let ask = |file: &str, path: &str| {
        let asked = format!("protocol=https\nhost={host}\n{path}{user}\n");
        let file = format!("--file={file}");
        let call =
            scene.command(crate::support::scene::newest_git()).args(["credential-store", &file, "get"]);
        !call.stdin(asked).run().succeeds().stdout().is_empty()
    };
    // Lines with a path were kept with useHttpPath, and are asked for with it; the others are asked for without.
    let text = fs::read_to_string(scene.home().join("file")).unwrap();
    let whole = text.lines().filter(|line| line.ends_with(&format!("@{host}")));
    fs::write(scene.home().join("whole"), whole.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    ask("file", &format!("path={path}\n")) || ask("whole", "")
}

#[test]
fn after_an_import_with_move_every_url_that_was_answered_is_still_answered() {
    let users = ["anything", "PersonalAccessToken", "contoso", "bob", "me", "pat"];
    let places = [
        "dev.azure.com",
        "dev.azure.com/contoso/P/_git/R",
        "dev.azure.com/fabrikam/P/_git/R",
        "pkgs.dev.azure.com",
        "contoso.visualstudio.com",
        "github.com",
        "gitlab.com/group/p.git",
        "git.example",
    ];
    let asked = ["dev.azure.com/contoso/P/_git/R", "dev.azure.com/fabrikam/P/_git/R", "github.com/a/b"];
    let asked =
        asked.iter().chain(&["gitlab.com/group/p.git", "git.example/x", "contoso.visualstudio.com/P/_git/R"]);
    let questions: Vec<(&str, Option<&str>)> = asked
        .flat_map(|place| [None, Some("bob"), Some("contoso"), Some("anything")].map(|user| (*place, user)))
        .collect();
    let mut roll = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |most: usize| {
        roll ^= roll << 13;
        roll ^= roll >> 7;
        roll ^= roll << 17;
        usize::try_from(roll % most as u64).unwrap()
    };
    let (mut moved, mut answered) = (0, 0);
    for round in 0..12 {
        let scene = Scene::new();
        let mut text = String::new();
        for _ in 0..1 + below(5) {
            let (user, place) = (users[below(users.len())], places[below(places.len())]);
            text.push_str(&format!("https://{user}:token-{}@{place}\n", below(3)));
        }
        fs::write(scene.home().join("file"), &text).unwrap();
        if round % 3 == 0 {
            // A wallet that holds one of them already, for another account.
            let add = ["add", "https://github.com", "--account", "earlier", "--force"];
            scene.keyfob_with(add, "token-0\n").succeeds();
        }
        let before: Vec<bool> =
            questions.iter().map(|(place, user)| git_store_answers(&scene, place, *user)).collect();
        let mut words = vec!["import", "git-store", "--file", "file", "--yes", "--move"];
        words.extend((round % 2 == 1).then_some("--force"));
        let done = scene.keyfob(words).succeeds();
        let left = fs::read_to_string(scene.home().join("file")).unwrap();
        moved += text.lines().count() - left.lines().count();
        for ((place, user), before) in questions.iter().zip(before) {
            if !before {
                continue;
            }
            answered += 1;
            let (host, path) = place.split_once('/').unwrap();
            let user_line = user.map(|user| format!(" username={user}")).unwrap_or_default();
            let ours = scene.helper("get", &format!("protocol=https host={host} path={path}{user_line}"));
            assert!(
                !ours.stdout().is_empty() || git_store_answers(&scene, place, *user),
                "{place} as {user:?} was answered.\n{text}left:\n{left}{done}"
            );
        }
    }
    assert!(moved > 10 && answered > 40, "{moved} {answered}");
}
