//! What belongs to another user, and what root may do in somebody's home.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use super::{PLACE, TOKEN, USER, helps, is_root, one_line, record, refuses, scene, sealed};
use crate::support::scene::{Scene, files_below};

/// As root (`sudo git`, a container) with the wallet of somebody else; as anybody else, with a folder of root's.
#[test]
fn the_wallet_of_another_user_is_not_touched() {
    let mut scene = scene();
    if is_root() {
        give_away(&scene.home());
    } else {
        scene.set("KEYFOB_HOME", "/usr/lib");
    }
    let before = (files_below(&scene.data()), fs::metadata(scene.data()).unwrap().mtime_nsec());
    let line = one_line(&scene.helper("get", PLACE));
    for operation in ["store", "erase"] {
        let request = format!("{PLACE} username=contoso password={TOKEN}");
        assert_eq!(one_line(&scene.helper(operation, &request)), line);
    }
    assert!(line.contains("it belongs to user "), "{line}");
    assert!(
        line.contains(if is_root() { "without sudo; or give root a wallet" } else { "set KEYFOB_HOME to a" }),
        "{line}"
    );
    assert!(!line.contains("chown"), "it is theirs: {line}");
    assert_eq!((files_below(&scene.data()), fs::metadata(scene.data()).unwrap().mtime_nsec()), before);
    if is_root() {
        // The hint's own way.
        scene.set("KEYFOB_HOME", scene.home().parent().unwrap().join("root"));
        scene.add("https://dev.azure.com/contoso", TOKEN);
        assert!(scene.get(PLACE).contains(TOKEN));
    }
}

/// Whatever folders in between are root's since an earlier `sudo`: the wallet of another user is never to be taken from them.
#[test]
fn root_is_never_told_to_take_the_wallet_of_another_user() {
    if !is_root() {
        return; // It is about root.
    }
    for what in ["a home", "a data folder", "settings"] {
        let mut scene = scene();
        let home = scene.home();
        scene.unset("KEYFOB_HOME").set("XDG_DATA_HOME", home.join("share"));
        scene.set("XDG_CONFIG_HOME", home.join("config"));
        fs::create_dir_all(home.join("config/keyfob")).unwrap();
        let settings = scene.append("config/keyfob/config.toml", "");
        fs::create_dir(home.join("share")).unwrap();
        fs::rename(scene.data(), home.join("share/keyfob")).unwrap();
        let asked = match what {
            "a home" => {
                give_away(&home);
                chown(home.join("share"), Some(0), Some(0)).unwrap();
                PLACE
            }
            "a data folder" => {
                give_away(&home.join("share/keyfob"));
                PLACE
            }
            _ => {
                chown(&home, Some(USER), None).unwrap();
                chown(&settings, Some(USER), None).unwrap();
                "protocol=https host=git.corp.example path=x"
            }
        };
        let output = scene.helper("get", asked);
        let line = one_line(&output);
        assert!(line.contains("it belongs to user 65534"), "{what}: {line}");
        assert!(!line.contains("chown"), "{what}: {line}");
        assert!(line.contains("run it as that user, without sudo"), "{what}: {line}");
        let doctor = scene.keyfob(["doctor"]);
        assert!(!doctor.stdout().contains("chown"), "{what}: {doctor}");
    }
}

/// Gives a folder and all that is in it to another user.
fn give_away(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { give_away(&path) } else { chown(path, Some(USER), Some(USER)).unwrap() }
    }
    chown(folder, Some(USER), Some(USER)).unwrap();
}

/// A backup that was restored by another user, for example: what is in a folder of ours is to become ours.
#[test]
fn one_file_of_another_user_is_not_used() {
    if !is_root() {
        return; // Only root can give files away; the tests run as root where no skip is allowed.
    }
    for place in [record, sealed, |scene: &Scene| scene.data().join("vault.key"), Scene::data] {
        let scene = scene();
        chown(place(&scene), Some(USER), None).unwrap();
        let line = refuses(&scene);
        assert!(line.contains("it belongs to user 65534, and we run as user 0; "), "{line}");
        helps(&scene, &line);
    }
}

/// `sudo git push` with the caller's HOME and no wallet yet: root's folder there would lock its owner out for good.
#[test]
fn root_begins_no_wallet_in_somebody_elses_home() {
    if !is_root() {
        return; // It is about root.
    }
    for sub in ["", "/deep/below"] {
        let mut scene = Scene::new();
        scene.set("KEYFOB_HOME", scene.home().join(format!("alice{sub}")));
        fs::create_dir(scene.home().join("alice")).unwrap();
        chown(scene.home().join("alice"), Some(USER), Some(USER)).unwrap();
        if sub.is_empty() {
            scene.set("KEYFOB_HOME", scene.home().join("alice/.keyfob"));
        }
        let line = one_line(&scene.helper("store", &format!("{PLACE} username=contoso password={TOKEN}")));
        assert!(
            line.contains("belongs to user 65534")
                && line.contains("KEYFOB_HOME=/root/.keyfob")
                && !line.contains("chown"),
            "{line}"
        );
        assert_eq!(fs::read_dir(scene.home().join("alice")).unwrap().count(), 0);
        let add = scene.keyfob_with(["add", "https://dev.azure.com/contoso"], format!("{TOKEN}\n")).fails();
        assert!(add.stderr().contains("belongs to user 65534"), "{add}");
        assert_eq!(fs::read_dir(scene.home().join("alice")).unwrap().count(), 0);
        // A question is no harm.
        assert_eq!(scene.helper("get", "protocol=https host=git.corp.example").succeeds().stderr(), "");
    }
}
