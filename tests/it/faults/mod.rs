//! What goes wrong on people's machines: git's helper says in one line what, why and how to go on, answers nothing, changes
//! nothing, and the next helper is asked. Where the line has a command, the test pastes it, and it has to help.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::support::process::Output;
use crate::support::scene::{Scene, files_below};

mod another_user;
#[cfg(target_os = "linux")]
pub mod crash;
#[cfg(target_os = "linux")]
pub mod disk;
mod environment;
#[cfg(target_os = "linux")]
mod import;
mod records;
#[cfg(target_os = "linux")]
mod reseal;
mod settings;

const TOKEN: &str = "a-token-that-only-these-tests-know";
const PLACE: &str = "protocol=https host=dev.azure.com path=contoso/Project/_git/Repo";
const USER: u32 = 65_534;

/// A scene with one token of a person's.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    scene
}

/// Where things are.
fn record(scene: &Scene) -> PathBuf {
    scene.data().join("records/azure-devops+contoso.json")
}

fn sealed(scene: &Scene) -> PathBuf {
    let files = files_below(&scene.data().join("vault"));
    files.into_iter().map(|(path, _)| path).find(|path| path.extension().is_none()).unwrap()
}

/// The one line that `output` has on stderr; stdout is empty and the exit code 0.
#[track_caller]
fn one_line(output: &Output) -> String {
    assert_eq!((output.code(), output.stdout()), (0, ""), "{output}");
    let said: Vec<&str> = output.stderr().lines().collect();
    let [line] = said[..] else { panic!("not one line: {output}") };
    let line = line.strip_prefix("keyfob: error: ").unwrap_or_else(|| panic!("{output}"));
    assert!(!line.contains(TOKEN) && !line.ends_with('.'), "{output}");
    line.to_owned()
}

/// Nothing answers, nothing changes, each operation says one line, and git asks its next helper. Returns what get says.
#[track_caller]
fn refuses(scene: &Scene) -> String {
    // Lock files are empty, and are made to be able to look.
    let content = || {
        let mut files = files_below(&scene.data());
        files.retain(|(path, _)| !path.to_string_lossy().contains(".lock"));
        files
    };
    let before = content();
    let line = one_line(&scene.helper("get", PLACE));
    one_line(&scene.helper("store", &format!("{PLACE} username=contoso password=another-one")));
    one_line(&scene.helper("erase", &format!("{PLACE} username=contoso password={TOKEN}")));
    assert!(content() == before, "something was written");

    let next = "!f() { echo username=next; echo password=in-line; }; f";
    let config = ["credential.helper=", "credential.helper=keyfob", &format!("credential.helper={next}")];
    let config = config.iter().flat_map(|line| ["-c", line]);
    let fill = scene
        .command(crate::support::scene::newest_git())
        .args(config)
        .args(["-c", "credential.useHttpPath=true"]);
    let fill =
        fill.args(["credential", "fill"]).stdin("url=https://dev.azure.com/contoso/Project/_git/Repo\n\n");
    let filled = fill.run().succeeds();
    assert!(filled.stdout().contains("username=next\npassword=in-line\n"), "{filled}");
    assert_eq!(one_line_of(filled.stderr()), line);
    line
}

#[track_caller]
fn one_line_of(text: &str) -> &str {
    text.trim_end().strip_prefix("keyfob: error: ").unwrap_or_else(|| panic!("{text}"))
}

/// The hint of a line, pasted into a shell, helps.
#[track_caller]
fn helps(scene: &Scene, line: &str) {
    let (_, command) = line.rsplit_once("; ").unwrap_or_else(|| panic!("no hint: {line}"));
    scene.command("sh").args(["-c", command]).run().succeeds();
    assert_eq!(scene.get(PLACE), format!("username=contoso\npassword={TOKEN}\n"), "{line}");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where something of the wallet lies.
type Place = fn(&Scene) -> PathBuf;

#[test]
fn what_others_can_reach_is_not_used_and_the_hint_mends_it() {
    let places: [(Place, u32); 7] = [
        (Scene::data, 0o755),
        (|scene| scene.data().join("records"), 0o755),
        (record, 0o640),
        (|scene| scene.data().join("vault"), 0o750),
        (|scene| scene.data().join("vault/header.json"), 0o604),
        (sealed, 0o644),
        (|scene| scene.data().join("vault.key"), 0o640),
    ];
    for (place, bad) in places {
        let scene = scene();
        let path = place(&scene);
        mode(&path, bad);
        let line = refuses(&scene);
        let expected =
            format!("{} is not safe to use: its mode is {bad:o}, so others can reach it; ", path.display());
        assert!(line.starts_with(&expected), "{line}");
        helps(&scene, &line);
    }
}

#[test]
fn what_goes_through_all_records_refuses_a_folder_that_others_can_reach_too() {
    for place in [Scene::data as Place, |scene| scene.data().join("records")] {
        let scene = scene();
        mode(&place(&scene), 0o755);
        let listed = scene.keyfob(["list"]).says(6, &["is not safe to use: its mode is 755"]);
        assert_eq!(listed.stdout(), "");
        let doctor = scene.keyfob(["doctor"]);
        assert!(doctor.stdout().contains("chmod 700 "), "{doctor}");
    }
}

#[test]
fn symbolic_links_are_not_followed() {
    for place in [record, sealed, |scene: &Scene| scene.data().join("vault.key")] {
        let scene = scene();
        let (path, elsewhere) = (place(&scene), scene.home().join("elsewhere"));
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        let line = refuses(&scene);
        let expected = format!(
            "{} is not safe to use: it is a symbolic link; put the file itself in its place",
            path.display()
        );
        assert!(line.starts_with(&expected), "{line}");
        fs::rename(&elsewhere, &path).unwrap();
        assert!(scene.get(PLACE).contains(TOKEN));
    }
    let mut scene = scene();
    let elsewhere = scene.home().join("elsewhere");
    fs::rename(scene.data(), &elsewhere).unwrap();
    symlink(&elsewhere, scene.data()).unwrap();
    let line = refuses(&scene);
    assert!(line.contains("it is a symbolic link; set KEYFOB_HOME to the folder it points to"), "{line}");
    scene.set("KEYFOB_HOME", &elsewhere);
    assert!(scene.get(PLACE).contains(TOKEN));
}

#[test]
fn a_record_of_a_later_keyfob_is_left_alone() {
    let scene = scene();
    let text = fs::read_to_string(record(&scene)).unwrap();
    for later in
        [text.replacen("\"version\":1", "\"version\":2", 1), "{\"version\": 7, \"all\": \"new\"}".to_owned()]
    {
        fs::write(record(&scene), &later).unwrap();
        let line = refuses(&scene);
        assert!(line.contains(" and this keyfob knows formats up to 1; use a newer keyfob"), "{line}");
    }
    let header = scene.data().join("vault/header.json");
    fs::write(record(&scene), &text).unwrap();
    let before = fs::read_to_string(&header).unwrap();
    fs::write(&header, before.replacen("\"version\":2", "\"version\":3", 1)).unwrap();
    assert_ne!(fs::read_to_string(&header).unwrap(), before);
    let line = refuses(&scene);
    assert!(line.contains("use a newer keyfob"), "{line}");
}

#[test]
fn damage_is_named_and_left_as_it_is() {
    type Damage = fn(&Scene);
    let cases: [(&str, Damage, &str, &str); 8] = [
        ("half a record", |s| cut(&record(s)), "cannot be read: line ", "nothing was changed"),
        ("an empty record", |s| fs::write(record(s), "").unwrap(), "cannot be read: ", "nothing was changed"),
        (
            "half a sealed file",
            |s| cut(&sealed(s)),
            "is damaged or was tampered with: ",
            "restore the file from a backup",
        ),
        (
            "a flipped bit",
            |s| flip(&sealed(s)),
            "is damaged or was tampered with: ",
            "restore the file from a backup",
        ),
        (
            "no sealed file",
            |s| fs::remove_file(sealed(s)).unwrap(),
            "no longer holds the token of azure-devops/contoso",
            "keyfob add",
        ),
        (
            "half a header",
            |s| cut(&s.data().join("vault/header.json")),
            "vault/header.json is damaged",
            "restore",
        ),
        (
            "no header",
            |s| fs::remove_file(s.data().join("vault/header.json")).unwrap(),
            "vault/header.json is damaged",
            "restore",
        ),
        (
            "no key file",
            |s| fs::remove_file(s.data().join("vault.key")).unwrap(),
            "it is missing",
            "from a backup",
        ),
    ];
    for (what, damage, why, how) in cases {
        let scene = scene();
        damage(&scene);
        let line = match what {
            // A pair that a tool stores anew is welcome then.
            "no sealed file" => one_line(&scene.helper("get", PLACE)),
            _ => refuses(&scene),
        };
        let (said, hint) = line.split_once("; ").unwrap_or_else(|| panic!("{what}: {line}"));
        assert!(said.contains(why) && hint.contains(how), "{what}: {line}");
        // Without a backup, the way out that the hint names is one.
        if let Some((_, command)) = hint.split_once("none: ").or(hint.split_once("lost: ")) {
            let command = command.strip_suffix(", and add the tokens again").unwrap();
            scene.command("sh").args(["-c", command]).run().succeeds();
        } else if hint.contains("remove the token and add it again") {
            scene.keyfob(["remove", "https://dev.azure.com/contoso", "--yes"]).succeeds();
        } else if !hint.contains("keyfob add") {
            continue;
        }
        scene.add("https://dev.azure.com/contoso", TOKEN);
        assert_eq!(scene.get(PLACE), format!("username=contoso\npassword={TOKEN}\n"), "{what}");
    }
}

/// One damaged record does not hide the others, and a person sees it.
#[test]
fn list_shows_what_can_be_read_and_names_what_cannot() {
    let scene = scene();
    scene.add("https://dev.azure.com/fabrikam", "another");
    cut(&record(&scene));
    let list = scene.keyfob(["list"]);
    assert_eq!(list.code(), 6, "{list}");
    assert!(
        list.stdout().contains("dev.azure.com/fabrikam")
            && list.stderr().contains("azure-devops+contoso.json"),
        "{list}"
    );
}

#[test]
fn a_locked_vault_is_not_an_empty_one() {
    let scene = scene();
    scene.protect_vault("correct horse");
    let before = files_below(&scene.data());
    let said = "keyfob: error: the vault store is locked; keyfob unlock\n";
    for (operation, answer, password) in
        [("get", "quit=1\n", ""), ("store", "", "another-one"), ("erase", "", TOKEN)]
    {
        let output = scene.helper(operation, &format!("{PLACE} username=contoso password={password}"));
        assert_eq!((output.code(), output.stdout(), output.stderr()), (0, answer, said), "{output}");
    }
    let locks = |files: Vec<(PathBuf, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|(path, _)| !path.to_string_lossy().contains(".lock")).collect()
    };
    assert!(locks(files_below(&scene.data())) == locks(before), "something was written");
    // In a person's command it is exit code 3, and the way out does not lead in a circle where nobody can type.
    let token = scene.keyfob(["token", "https://dev.azure.com/contoso", "--as", "token", "--yes"]).fails();
    assert_eq!((token.code(), token.stdout()), (3, ""), "{token}");
    let unlock = scene.keyfob(["unlock"]).fails();
    assert_eq!(unlock.code(), 3, "{unlock}");
    assert!(unlock.stderr().contains("run keyfob unlock in a terminal"), "{unlock}");
    // What is known without the secret is still shown.
    assert_eq!(scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn mistakes_in_the_settings_are_named_with_their_line() {
    let scene = scene();
    scene.append("keyfob/config.toml", "store = \"vault\"\n[[host]]\nurl = 1\n");
    let output = scene.helper("get", "protocol=https host=git.corp.example");
    assert!(one_line(&output).contains("config.toml is not valid: line 3: "), "{output}");
    // A cloud service's answer does not need them.
    assert!(scene.get(PLACE).contains(TOKEN));
}

/// Halves a file.
fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}
