//! `unsetup`: what setup wrote goes, what it took out comes back, what the person changed stays.

use super::*;

#[test]
fn unsetup_restores_the_file_byte_for_byte() {
    let scene = fresh();
    scene.append(
        ".gitconfig",
        "# mine\n[credential]\n\thelper = cache --timeout=1 ; short\n\n[alias]\n\tst = status\n",
    );
    let before = configured(&scene);
    for args in [&[][..], &["--only"], &["--by-name"]] {
        setup(&scene, args).succeeds();
        assert_ne!(configured(&scene), before);
        scene.keyfob(["unsetup", "git"]).succeeds();
        assert_eq!(configured(&scene), before, "{args:?}");
    }
    let nothing = scene.keyfob(["unsetup", "git"]).succeeds();
    assert!(nothing.stderr().contains("nothing"), "{nothing}");
}

#[test]
fn what_the_person_changed_since_survives_unsetup() {
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    scene.git(["config", "--global", "credential.https://dev.azure.com.useHttpPath", "false"]).succeeds();
    scene.git(["config", "--global", "--add", "credential.helper", "cache"]).succeeds();
    let undone = scene.keyfob(["unsetup", "git"]).succeeds();
    assert!(undone.stderr().contains("useHttpPath = true was changed or removed"), "{undone}");
    assert_eq!(helpers(&scene), ["cache"]);
    let kept = scene.git(["config", "--global", "credential.https://dev.azure.com.useHttpPath"]);
    assert_eq!(kept.stdout(), "false\n");
}

#[test]
fn a_changed_helper_line_of_ours_is_left_and_said() {
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    scene.git(["config", "--global", "credential.helper", "/elsewhere/git-credential-keyfob"]).succeeds();
    let undone = scene.keyfob(["unsetup", "git"]).succeeds();
    assert_eq!(helpers(&scene), ["/elsewhere/git-credential-keyfob"], "{undone}");
    assert!(undone.stderr().contains("was not written by setup, so it is left"), "{undone}");
}

#[test]
fn one_tool_whose_settings_cannot_be_read_does_not_keep_unsetup_from_the_others() {
    let scene = fresh();
    scene.add("https://dev.azure.com/contoso", "t0ken");
    scene.keyfob(["setup", "pnpm", "bazel", "--yes"]).succeeds();
    let (npmrc, bazelrc) = (scene.home().join(".npmrc"), scene.home().join(".bazelrc"));
    let written = std::fs::read(&npmrc).unwrap();
    std::fs::remove_file(&npmrc).unwrap();
    std::fs::create_dir(&npmrc).unwrap();
    let undone = scene.keyfob(["unsetup"]).fails();
    assert!(undone.stderr().contains("what setup wrote for pnpm is not taken back"), "{undone}");
    assert!(undone.stderr().contains(".npmrc: it is not a regular file"), "{undone}");
    assert!(!bazelrc.exists(), "{undone}");
    // It is still remembered, and goes when it can.
    std::fs::remove_dir(&npmrc).unwrap();
    std::fs::write(&npmrc, written).unwrap();
    scene.keyfob(["unsetup"]).succeeds();
    assert!(!npmrc.exists());
}

#[test]
fn unsetup_puts_back_what_setup_replaced() {
    let scene = fresh();
    let old = "[credential]\n\thelper = /old/bin/git-credential-keyfob\n[credential \"https://dev.azure.com\"]\n\tuseHttpPath = false\n";
    scene.append(".gitconfig", old);
    let before = configured(&scene);
    setup(&scene, &[]).succeeds();
    assert_eq!(helpers(&scene), [scene.bin().join("git-credential-keyfob").to_str().unwrap()]);
    assert!(!configured(&scene).contains("false"));
    scene.keyfob(["unsetup", "git"]).succeeds();
    assert_eq!(configured(&scene), before);
}
