//! The settings decide where tokens go and what is run for a sign-in: what another user could have written is not believed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{TOKEN, USER, is_root, mode, one_line, scene};
use crate::support::scene::Scene;

const HOST: &str = "[[host]]\nurl = \"https://git.corp.example\"\nforge = \"azure-devops-server\"\nrealm = \"azure-devops/contoso\"\n";
const ASKED: &str = "protocol=https host=git.corp.example path=x/_git/y";

/// A wallet in one place and settings in another, which send the token of contoso to a host of the user's own.
fn with_settings() -> (Scene, PathBuf) {
    let mut scene = scene();
    let (data, config) = (scene.home().join("data"), scene.home().join("config"));
    fs::create_dir(&data).unwrap();
    fs::rename(scene.data(), data.join("keyfob")).unwrap();
    fs::create_dir_all(config.join("keyfob")).unwrap();
    mode(&config.join("keyfob"), 0o755);
    scene.unset("KEYFOB_HOME").set("XDG_DATA_HOME", data).set("XDG_CONFIG_HOME", &config);
    let file = scene.append("config/keyfob/config.toml", HOST);
    mode(&file, 0o644);
    assert!(answers(&scene));
    (scene, file)
}

fn answers(scene: &Scene) -> bool {
    scene.get(ASKED).contains(TOKEN)
}

/// git gets no answer but one line, other commands stop at the settings, too, and doctor has the same fix. Returns the line.
#[track_caller]
fn refuses(scene: &Scene) -> String {
    let line = one_line(&scene.helper("get", ASKED));
    let (problem, fix) = line.split_once("; ").unwrap();
    scene.keyfob(["token", "https://git.corp.example/x", "--as", "token"]).says(6, &[problem]);
    let doctor = scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains(&format!("broken  settings: {problem}; fix: {fix}")), "{doctor}");
    // A cloud service's answer does not need them.
    assert!(scene.get(super::PLACE).contains(TOKEN));
    line
}

#[track_caller]
fn is_mended_by(scene: &Scene, line: &str) {
    let (_, command) = line.rsplit_once("; ").unwrap();
    scene.command("sh").args(["-c", command]).run().succeeds();
    assert!(answers(scene), "{line}");
}

#[test]
fn settings_that_every_user_can_write_are_not_believed_and_the_hint_mends_it() {
    for bad in [0o666, 0o646, 0o602, 0o777] {
        let (scene, file) = with_settings();
        mode(&file, bad);
        let line = refuses(&scene);
        let file = file.display();
        assert!(
            line.starts_with(&format!("{file} is not safe to use: its mode is {bad:o}, so every user can")),
            "{line}"
        );
        is_mended_by(&scene, &line);
    }
    let (scene, file) = with_settings();
    let folder = file.parent().unwrap();
    mode(folder, 0o777);
    let line = refuses(&scene);
    assert!(line.starts_with(&format!("{} is not safe to use: its mode is 777", folder.display())), "{line}");
    is_mended_by(&scene, &line);
}

#[test]
fn settings_that_a_shared_group_can_write_are_not_believed() {
    if !is_root() {
        return; // Only root can give files to any group; the tests run as root where no skip is allowed.
    }
    for of_folder in [false, true] {
        let (scene, file) = with_settings();
        let part = if of_folder { file.parent().unwrap() } else { &file };
        chown(part, None, Some(4_000_000)).unwrap();
        mode(part, 0o775);
        let line = refuses(&scene);
        assert!(line.contains("its mode is 775, so group 4000000 can change it; chmod go-w "), "{line}");
        is_mended_by(&scene, &line);
    }
}

/// As systems with a group for each user create files (umask 002).
#[test]
fn settings_that_the_users_own_group_can_write_work_and_doctor_names_them() {
    if !is_root() {
        return; // The first group of whoever runs this may be a shared one; root's is its own.
    }
    let (scene, file) = with_settings();
    assert!(!scene.keyfob(["doctor"]).stdout().contains("settings"), "nothing to say");
    mode(&file, 0o664);
    mode(file.parent().unwrap(), 0o775);
    assert!(answers(&scene));
    let doctor = scene.keyfob(["doctor"]);
    for part in [file.parent().unwrap(), &file] {
        let expected = format!(
            "hint    settings: the users of your group can change {part}, which decides where tokens go; fix: chmod g-w {part}",
            part = part.display()
        );
        assert!(doctor.stdout().contains(&expected), "{doctor}");
    }
}

#[test]
fn settings_of_another_user_are_not_believed() {
    if !is_root() {
        return; // Only root can give files away; the tests run as root where no skip is allowed.
    }
    for of_folder in [false, true] {
        let (scene, file) = with_settings();
        chown(if of_folder { file.parent().unwrap() } else { &file }, Some(USER), None).unwrap();
        let line = refuses(&scene);
        assert!(
            line.contains("is not safe to use: it belongs to user 65534, and we run as user 0; "),
            "{line}"
        );
        is_mended_by(&scene, &line);
    }
    // `sudo -E`: the caller's settings are not root's.
    let (scene, file) = with_settings();
    let config = file.parent().unwrap().parent().unwrap();
    for path in [config, file.parent().unwrap(), &file] {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
    let line = refuses(&scene);
    assert!(line.contains("without sudo; or give root a wallet") && !line.contains("chown"), "{line}");
}

/// Two real users: what one appends to the other's file sends no token to a host and starts no program.
#[test]
fn what_another_user_writes_into_the_settings_does_nothing() {
    if !is_root() {
        return; // Only root can act as another user.
    }
    let (mut scene, file) = with_settings();
    scene.unset("KEYFOB_OFFLINE");
    for folder in file.ancestors().skip(1).take(4) {
        mode(folder, 0o755);
    }
    mode(&file, 0o666);
    let proof = scene.home().join("proof");
    let attack = format!(
        "printf '%s\\n' '{}' '[entra]' 'command = [\"/bin/sh\", \"-c\", \"echo run > {}; false\"]' >> {}",
        HOST.replace("corp", "evil").trim_end(),
        proof.display(),
        file.display()
    );
    let done = Command::new("sh").args(["-c", &attack]).uid(USER).gid(USER).status().unwrap();
    assert!(done.success() && fs::read_to_string(&file).unwrap().contains("evil"));

    let line = one_line(&scene.helper("get", "protocol=https host=git.evil.example path=x/_git/y"));
    assert!(line.contains("so every user can change it; chmod go-w "), "{line}");
    scene.keyfob(["pat", "list", "https://dev.azure.com/contoso"]).says(6, &["every user can change it"]);
    assert!(!proof.exists(), "the attacker's program ran");
}

/// People keep their settings elsewhere and link to them.
#[test]
fn linked_settings_are_judged_where_they_are_and_where_the_links_are() {
    let (scene, file) = with_settings();
    let dotfiles = scene.home().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    mode(&dotfiles, 0o755);
    let [real, step] = ["real.toml", "step"].map(|name| dotfiles.join(name));
    fs::rename(&file, &real).unwrap();
    symlink("real.toml", &step).unwrap();
    symlink("../../dotfiles/step", &file).unwrap();
    assert!(answers(&scene));
    for (part, bad) in [(&real, 0o666), (&dotfiles, 0o777), (&file.parent().unwrap().to_owned(), 0o777)] {
        mode(part, bad);
        let line = refuses(&scene);
        let said = line.split_once(" is not safe").unwrap().0;
        assert_eq!(fs::canonicalize(Path::new(said)).unwrap(), fs::canonicalize(part).unwrap(), "{line}");
        is_mended_by(&scene, &line);
    }
    if is_root() {
        std::os::unix::fs::lchown(&step, Some(USER), None).unwrap();
        assert!(refuses(&scene).contains("step is not safe to use: it belongs to user 65534"));
    }
}

/// Nix links settings into a folder that its builders can write names into; none of them can replace what is there.
#[test]
fn a_sticky_folder_is_no_danger_to_files_of_the_user() {
    let (scene, file) = with_settings();
    fs::set_permissions(file.parent().unwrap(), fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(answers(&scene));
}
