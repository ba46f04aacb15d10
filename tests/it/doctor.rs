//! `doctor` on a real wallet that is damaged in every way that it can mend, and in some that it cannot.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::process::Output;
use crate::support::scene::Scene;

const URL: &str = "https://dev.azure.com/contoso";

/// A machine with one token, set up for every tool that is here.
fn scene() -> Scene {
    let scene = Scene::new();
    keyfob::tool::installed_links().for_each(|link| drop(scene.link(link)));
    fs::write(scene.home().join(".gitconfig"), "").unwrap();
    scene.keyfob(["setup", "--yes"]).succeeds();
    scene.keyfob_with(["add", URL], "t0ken").succeeds();
    scene
}

fn record(scene: &Scene) -> PathBuf {
    scene.home().join("keyfob/records/azure-devops+contoso.json")
}

fn token(scene: &Scene) -> String {
    scene.keyfob(["token", URL, "--as", "token", "--yes"]).stdout().trim().to_owned()
}

/// The lines of this level.
fn lines<'o>(output: &'o Output, level: &str) -> Vec<&'o str> {
    output.stdout().lines().filter(|line| line.starts_with(level)).collect()
}

#[test]
fn a_machine_in_order_gets_nothing_but_ok() {
    let doctor = scene().keyfob(["doctor"]).succeeds();
    assert_eq!(lines(&doctor, "ok").len(), doctor.stdout().lines().count(), "{doctor}");
    for word in ["git asks keyfob", "git sends the path", "1 account in 1 realm", "vault", "links"] {
        assert!(doctor.stdout().contains(word), "{word}: {doctor}");
    }
    assert!(!doctor.stdout().contains("t0ken"));
}

#[test]
fn a_fresh_machine_is_not_broken() {
    let scene = Scene::new();
    fs::write(scene.home().join(".gitconfig"), "").unwrap();
    let doctor = scene.keyfob(["doctor"]).succeeds();
    assert!(doctor.stdout().contains("git does not ask keyfob; fix: keyfob setup git"), "{doctor}");
    assert!(!scene.home().join("keyfob").exists(), "looking makes nothing");
}

#[test]
fn json_has_the_same_findings() {
    let scene = scene();
    scene.git(["config", "--global", "--add", "credential.helper", "cache"]).succeeds();
    let doctor = scene.keyfob(["doctor", "--json"]).succeeds();
    let rows: Vec<serde_json::Value> = serde_json::from_str(doctor.stdout()).unwrap();
    let hint = rows.iter().find(|row| row["level"] == "hint").unwrap();
    assert_eq!(hint["about"], "git");
    assert!(hint["text"].as_str().unwrap().starts_with("git also asks cache after keyfob"), "{hint}");
    assert!(hint["fix"].as_str().unwrap().contains("--only"));
    assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 4));
}

#[test]
fn a_helper_line_that_starts_nothing_is_broken() {
    let scene = scene();
    scene.git(["config", "--global", "credential.helper", "/gone/git-credential-keyfob"]).succeeds();
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    let broken = lines(&doctor, "broken");
    assert!(
        broken.len() == 1 && broken[0].contains("/gone/git-credential-keyfob does not exist"),
        "{doctor}"
    );
    assert!(doctor.stderr().contains("one thing is broken"), "{doctor}");
    // Its own fix mends it.
    assert!(broken[0].ends_with("; fix: keyfob setup git"), "{doctor}");
    scene.keyfob(["setup", "git", "--yes"]).succeeds();
    scene.keyfob(["doctor"]).succeeds();
}

#[test]
fn a_setup_that_somebody_undid_is_broken() {
    let scene = scene();
    scene.git(["config", "--global", "--unset-all", "credential.helper"]).succeeds();
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    assert!(lines(&doctor, "broken")[0].contains("does not ask keyfob any more"), "{doctor}");
}

#[test]
fn a_git_configuration_that_is_not_valid_is_broken_with_gits_reason() {
    let scene = scene();
    fs::write(scene.home().join(".gitconfig"), "[credential\n").unwrap();
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    assert!(lines(&doctor, "broken")[0].contains("bad config line 1"), "{doctor}");
}

#[test]
fn files_that_others_can_read_are_broken_with_the_command_that_mends_them() {
    let scene = scene();
    fs::set_permissions(record(&scene), fs::Permissions::from_mode(0o644)).unwrap();
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    assert!(lines(&doctor, "broken")[0].contains("; fix: chmod 600 "), "{doctor}");
}

#[test]
fn a_token_that_the_store_lost_is_broken() {
    let scene = scene();
    scene.keyfob_with(["add", "https://tfs.example.test/tfs/One", "--account", "me"], "onprem").succeeds();
    for entry in fs::read_dir(scene.home().join("keyfob/vault")).unwrap().flatten() {
        if entry.file_name() != "header.json" {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    let broken = lines(&doctor, "broken");
    assert!(
        broken[0].contains("azure-devops/contoso") && broken[0].contains("is not in the store"),
        "{doctor}"
    );
    assert!(broken[0].ends_with(&format!("; fix: keyfob add {URL}")), "{doctor}");
    // Without its name it would be another account.
    let named = "; fix: keyfob add https://tfs.example.test/tfs/One --account me";
    assert!(broken.iter().any(|line| line.ends_with(named)), "{doctor}");
    // Nothing is made up for it.
    scene.keyfob(["doctor", "--repair"]).fails();
}

#[test]
fn a_missing_record_is_made_again_from_the_store() {
    let scene = scene();
    scene.keyfob_with(["add", "https://tfs.example.test/tfs/One", "--account", "me"], "onprem").succeeds();
    for entry in fs::read_dir(scene.home().join("keyfob/records")).unwrap().flatten() {
        fs::remove_file(entry.path()).unwrap();
    }
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    assert!(lines(&doctor, "broken")[0].contains("2 tokens in it without a record"), "{doctor}");
    let repaired = scene.keyfob(["doctor", "--repair"]).succeeds();
    assert!(repaired.stdout().contains("made the record of azure-devops/contoso again"), "{repaired}");
    assert_eq!(token(&scene), "t0ken");
    let other = scene.keyfob([
        "token",
        "https://tfs.example.test/tfs/One/p/_git/r",
        "--account",
        "me",
        "--as",
        "token",
        "--yes",
    ]);
    assert_eq!(other.stdout().trim(), "onprem", "{other}");
}

#[test]
fn a_damaged_record_is_kept_beside_and_made_again() {
    let scene = scene();
    let record = record(&scene);
    fs::write(&record, "{ damaged").unwrap();
    assert_eq!(scene.keyfob(["doctor"]).code(), 6);
    scene.keyfob(["doctor", "--repair"]).succeeds();
    assert_eq!(token(&scene), "t0ken");
    let kept = fs::read_dir(record.parent().unwrap()).unwrap().flatten().map(|entry| entry.path());
    let kept: Vec<PathBuf> = kept.filter(|path| path.to_string_lossy().contains(".damaged-")).collect();
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "{ damaged");
}

#[test]
fn a_record_of_a_newer_version_is_not_touched() {
    let scene = scene();
    let newer = r#"{"version":99,"group":"azure-devops/contoso","realms":[]}"#;
    fs::write(record(&scene), newer).unwrap();
    scene.keyfob(["doctor", "--repair"]).fails();
    assert_eq!(fs::read_to_string(record(&scene)).unwrap(), newer);
}

#[test]
fn a_token_that_no_record_speaks_of_is_destroyed_only_after_an_hour() {
    let scene = scene();
    let sealed = || fs::read_dir(scene.home().join("keyfob/vault")).unwrap().count();
    // A second account, and then the record as it was before it: as if a crash had come between the two writes of `add`.
    let before = fs::read(record(&scene)).unwrap();
    scene.keyfob_with(["add", URL, "--account", "bob"], "other").succeeds();
    fs::write(record(&scene), before).unwrap();
    let doctor = scene.keyfob(["doctor"]).succeeds();
    assert!(lines(&doctor, "hint")[0].contains("1 token in it of no account"), "{doctor}");
    let count = sealed();
    scene.keyfob(["doctor", "--repair"]).succeeds();
    scene.keyfob(["doctor", "--repair"]).succeeds();
    assert_eq!(sealed(), count, "it may be one whose record is about to be written");
    let memory = scene.home().join("keyfob/doctor.json");
    let mut seen: serde_json::Value = serde_json::from_slice(&fs::read(&memory).unwrap()).unwrap();
    seen["orphans"][0]["since"] = (seen["orphans"][0]["since"].as_i64().unwrap() - 3601).into();
    fs::write(&memory, seen.to_string()).unwrap();
    let repaired = scene.keyfob(["doctor", "--repair"]).succeeds();
    assert!(repaired.stdout().contains("destroyed 1 token "), "{repaired}");
    assert_eq!(sealed(), count - 1);
    assert_eq!(token(&scene), "t0ken");
    assert!(!memory.exists());
}

#[test]
fn what_a_crash_left_is_swept_when_it_is_old() {
    let scene = scene();
    let folder = scene.home().join("keyfob/records");
    let named = |digit: &str| folder.join(format!(".new-{}", digit.repeat(32)));
    let (old, new) = (named("0"), named("1"));
    for path in [&old, &new] {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::options().write(true).open(&old).unwrap().set_modified(hours_ago).unwrap();
    let doctor = scene.keyfob(["doctor"]).succeeds();
    assert!(lines(&doctor, "hint")[0].contains("1 file left by a crash in"), "{doctor}");
    scene.keyfob(["doctor", "--repair"]).succeeds();
    assert!(!old.exists() && new.exists());
}

#[test]
fn tokens_that_end_soon_and_odd_variables_are_hints() {
    let mut scene = scene();
    scene.keyfob_with(["add", "https://github.com", "--expires", "3d"], "gh").succeeds();
    scene.set("KEYFOB_TOKEN", "s3cret");
    let doctor = scene.keyfob(["doctor"]).succeeds();
    let hints = lines(&doctor, "hint").join("\n");
    assert!(hints.contains("the token of github/github.com ends on"), "{doctor}");
    assert!(hints.contains("KEYFOB_TOKEN is ignored"), "{doctor}");
    assert!(!doctor.stdout().contains("s3cret"));
}

#[test]
fn an_old_git_is_a_hint_where_a_server_on_premises_needs_more() {
    let mut scene = scene();
    let git = scene.bin().join("git");
    let real = crate::support::scene::newest_git();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo git version 2.39.5; exit; }}\nexec '{}' \"$@\"\n",
        real.display()
    );
    fs::write(&git, script).unwrap();
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(lines(&scene.keyfob(["doctor"]), "hint").is_empty(), "nobody needs more");
    scene.keyfob_with(["add", "https://tfs.example.test/tfs/One"], "onprem").succeeds();
    let doctor = scene.keyfob(["doctor"]).succeeds();
    assert!(lines(&doctor, "hint")[0].contains("; fix: install git 2.46 or newer"), "{doctor}");
    let bin = scene.bin();
    scene.set("PATH", &bin);
    fs::remove_file(&git).unwrap();
    let doctor = scene.keyfob(["doctor"]);
    assert_eq!(doctor.code(), 6, "{doctor}");
    assert!(lines(&doctor, "broken")[0].contains("git is not here"), "{doctor}");
}
