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

/// What is about to be written is remembered first; setup runs again, and remembers it once.
#[test]
fn a_setup_that_was_killed_before_git_wrote_is_taken_back_whole_after_the_next_one() {
    let scene = fresh();
    scene.add("https://dev.azure.com/contoso", "t0ken");
    let before = configured(&scene);
    setup(&scene, &[]).succeeds();
    fs::write(gitconfig(&scene), &before).unwrap();
    setup(&scene, &[]).succeeds();
    assert_eq!(helpers(&scene).len(), 1);
    let undone = scene.keyfob(["unsetup", "git"]).succeeds();
    assert_eq!(configured(&scene), before, "{undone}");
}

#[test]
fn an_unsetup_that_was_killed_before_it_forgot_puts_nothing_back_twice() {
    let scene = fresh();
    let old =
        "[credential]\n\thelper = /old/bin/git-credential-keyfob\n\thelper = cache\n[user]\n\tname = A\n";
    fs::write(gitconfig(&scene), old).unwrap();
    setup(&scene, &["--only"]).succeeds();
    let remembered = scene.data().join("setup.json");
    let memory = fs::read(&remembered).unwrap();
    assert!(String::from_utf8_lossy(&memory).contains("taken_out"), "{}", String::from_utf8_lossy(&memory));
    scene.keyfob(["unsetup", "git"]).succeeds();
    let (restored, held) = (configured(&scene), helpers(&scene));
    assert_eq!(held.iter().filter(|helper| helper.starts_with("/old/")).count(), 1, "{restored}");
    fs::write(&remembered, memory).unwrap();
    scene.keyfob(["unsetup", "git"]).succeeds();
    assert_eq!(configured(&scene), restored);
}
