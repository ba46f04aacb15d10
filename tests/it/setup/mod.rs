//! `setup` and `unsetup` with the real git: what it is made to ask is found out by asking it.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::process::Output;
use crate::support::scene::{Scene, program_under_test};

mod company;
mod devices;
mod installer;
mod links;
mod undo;

/// A machine on which git asks nobody yet.
fn fresh() -> Scene {
    let scene = Scene::new();
    fs::write(gitconfig(&scene), "[user]\n\tname = Alice\n").unwrap();
    scene
}

fn gitconfig(scene: &Scene) -> PathBuf {
    scene.home().join(".gitconfig")
}

fn configured(scene: &Scene) -> String {
    fs::read_to_string(gitconfig(scene)).unwrap()
}

/// A helper that only writes down that it was asked, as a program in PATH.
fn other_helper(scene: &Scene, name: &str) {
    let path = scene.bin().join(format!("git-credential-{name}"));
    let log = scene.home().join("asked");
    fs::write(&path, format!("#!/bin/sh\ncat >/dev/null\necho {name} $1 >> '{}'\n", log.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Puts a program that writes down that it was asked in place of the link, so that the order of all helpers shows.
fn spy_on_keyfob(scene: &Scene) {
    let link = scene.bin().join("git-credential-keyfob");
    fs::remove_file(&link).unwrap();
    other_helper(scene, "keyfob");
}

/// Who is asked for a URL, in order: by real `git credential fill`.
fn asked(scene: &Scene, url: &str) -> String {
    let log = scene.home().join("asked");
    let _ = fs::remove_file(&log);
    let call = scene.command(crate::support::scene::newest_git()).args(["credential", "fill"]);
    call.env("GIT_ASKPASS", "true").stdin(format!("url={url}\n\n")).run();
    let names = fs::read_to_string(log).unwrap_or_default();
    names.lines().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>().join(" ")
}

fn setup(scene: &Scene, args: &[&str]) -> Output {
    scene.keyfob(["setup", "git", "--yes"].iter().chain(args))
}

fn helpers(scene: &Scene) -> Vec<String> {
    let out = scene.git(["config", "--global", "--get-all", "credential.helper"]);
    out.stdout().lines().map(str::to_owned).collect()
}

#[test]
fn after_setup_git_gets_the_token_that_was_added() {
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
    let call = scene.command(crate::support::scene::newest_git()).args(["credential", "fill"]);
    let filled = call.stdin("url=https://dev.azure.com/contoso/p/_git/r\n\n").run().succeeds();
    assert!(filled.stdout().contains("password=t0ken\n"), "{filled}");
    let link = scene.bin().join("git-credential-keyfob");
    assert_eq!(helpers(&scene), [link.to_str().unwrap()]);
    let sent = scene.git(["config", "--global", "credential.https://dev.azure.com.useHttpPath"]);
    assert_eq!(sent.stdout(), "true\n");
}

#[test]
fn a_second_setup_writes_nothing() {
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    let before = configured(&scene);
    let again = setup(&scene, &[]).succeeds();
    assert!(again.stderr().contains("nothing to do"), "{again}");
    assert_eq!(configured(&scene), before);
    let again = setup(&scene, &["--only"]).succeeds();
    assert_eq!(configured(&scene), before, "nobody else is asked, so no empty line is needed: {again}");
}

#[test]
fn a_dry_run_prints_the_commands_and_changes_nothing() {
    let scene = fresh();
    let before = configured(&scene);
    let dry = scene.keyfob(["setup", "git", "--dry-run"]).succeeds();
    let link = scene.bin().join("git-credential-keyfob");
    let expected = format!(
        "git config --global --add credential.helper {}\n\
         git config --global --add credential.https://dev.azure.com.useHttpPath true\n",
        link.display()
    );
    assert_eq!(dry.stdout(), expected);
    assert_eq!(configured(&scene), before);
    assert!(!scene.home().join("keyfob").exists(), "not even a folder is made");
    // And the printed commands do what setup does.
    scene.command("/bin/sh").args(["-c", dry.stdout()]).run().succeeds();
    let by_hand = configured(&scene);
    fs::write(gitconfig(&scene), before).unwrap();
    setup(&scene, &[]).succeeds();
    assert_eq!(configured(&scene), by_hand);
}

#[cfg(unix)]
#[test]
fn uninstall_takes_the_lines_and_the_program_and_keeps_the_wallet() {
    let scene = fresh();
    let before = configured(&scene);
    let bin = scene.home().join("my tools/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(program_under_test(), bin.join("keyfob")).unwrap();
    std::os::unix::fs::symlink("keyfob", bin.join("git-credential-keyfob")).unwrap();
    scene.command(bin.join("keyfob")).args(["setup", "git", "--yes"]).run().succeeds();
    assert!(configured(&scene).contains("keyfob"));
    fs::create_dir_all(scene.home().join("my tools/share/zsh/site-functions")).unwrap();
    for name in ["_keyfob", "_other"] {
        scene.append(&format!("my tools/share/zsh/site-functions/{name}"), "#compdef");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install/uninstall.sh");
    let done = scene.command(script).args([scene.home().join("my tools")]).run().succeeds();
    assert_eq!(configured(&scene).replace("[credential]\n", ""), before, "{done}");
    assert!(fs::read_dir(&bin).unwrap().next().is_none(), "{done}");
    let left = fs::read_dir(scene.home().join("my tools/share/zsh/site-functions")).unwrap();
    assert_eq!(left.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["_other"], "{done}");
    assert!(done.stderr().contains("your wallet is kept in"), "{done}");
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_done() {
    let scene = fresh();
    let before = configured(&scene);
    let refused = scene.keyfob(["setup", "git"]);
    assert_eq!(refused.code(), 2, "{refused}");
    assert!(refused.stderr().contains("keyfob setup git --yes"), "{refused}");
    assert_eq!(configured(&scene), before);
}

#[test]
fn setup_without_a_tool_finds_git() {
    let scene = fresh();
    let done = scene.keyfob(["setup", "--yes"]).succeeds();
    assert!(done.stderr().contains("found git 2."), "{done}");
    assert_eq!(helpers(&scene).len(), 1);
}

#[test]
fn other_helpers_are_kept_and_named_and_keyfob_is_asked_last() {
    let scene = fresh();
    other_helper(&scene, "one");
    scene.append(
        ".gitconfig",
        "[credential]\n\thelper = one\n[credential \"https://github.com\"]\n\thelper = one\n",
    );
    let done = setup(&scene, &[]).succeeds();
    assert!(done.stderr().contains("also asks: one ("), "{done}");
    assert!(done.stderr().contains("one for https://github.com ("), "{done}");
    assert!(done.stderr().contains("keyfob setup git --only stops that"), "{done}");
    spy_on_keyfob(&scene);
    assert_eq!(asked(&scene, "https://dev.azure.com/contoso/x"), "one keyfob");
    assert_eq!(asked(&scene, "https://github.com/a/b"), "one one keyfob");
}

#[test]
fn a_helper_list_that_was_emptied_for_one_host_still_gets_keyfob() {
    let scene = fresh();
    other_helper(&scene, "one");
    other_helper(&scene, "gh");
    let gh =
        "[credential]\n\thelper = one\n[credential \"https://github.com\"]\n\thelper = \n\thelper = gh\n";
    scene.append(".gitconfig", gh);
    setup(&scene, &[]).succeeds();
    spy_on_keyfob(&scene);
    assert_eq!(asked(&scene, "https://github.com/a/b"), "gh keyfob");
    assert_eq!(asked(&scene, "https://example.test/a"), "one keyfob");
}

#[test]
fn with_only_nobody_else_is_asked_wherever_the_others_stand() {
    for config in [
        "[credential]\n\thelper = one\n",
        "[credential]\n\thelper = one\n[credential \"https://github.com\"]\n\thelper = \n\thelper = gh\n",
        "[credential \"https://github.com\"]\n\thelper = gh\n[user]\n\temail = x\n[credential]\n\thelper =\n\thelper = one\n",
        "[credential]\n\thelper = one\n[include]\n\tpath = more\n",
    ] {
        let scene = fresh();
        other_helper(&scene, "one");
        other_helper(&scene, "gh");
        scene.append("more", "[credential]\n\thelper = gh\n");
        scene.append(".gitconfig", config);
        let before = configured(&scene);
        let done = setup(&scene, &["--only"]).succeeds();
        assert!(done.stderr().contains("not asked any more: one ("), "{done}");
        let ours = setup(&scene, &["--only"]).succeeds();
        assert!(ours.stderr().contains("nothing to do"), "{config}{ours}");
        let kept = configured(&scene);
        let link = fs::read_link(scene.bin().join("git-credential-keyfob")).unwrap();
        spy_on_keyfob(&scene);
        for url in ["https://github.com/a/b", "https://dev.azure.com/contoso/x", "https://example.test"] {
            assert_eq!(asked(&scene, url), "keyfob", "{config}{kept}");
        }
        fs::remove_file(scene.bin().join("git-credential-keyfob")).unwrap();
        symlink(link, scene.bin().join("git-credential-keyfob")).unwrap();
        scene.keyfob(["unsetup", "git"]).succeeds();
        assert_eq!(configured(&scene), before, "{kept}");
    }
}

#[test]
fn a_configuration_behind_a_symbolic_link_stays_behind_it() {
    let scene = fresh();
    let shared = scene.append("dotfiles", "[credential]\n\thelper =\n\thelper = one\n");
    fs::remove_file(gitconfig(&scene)).unwrap();
    symlink(&shared, gitconfig(&scene)).unwrap();
    let before = configured(&scene);
    setup(&scene, &["--only"]).succeeds();
    assert_eq!(helpers(&scene).len(), 4);
    scene.keyfob(["unsetup", "git"]).succeeds();
    assert!(fs::symlink_metadata(gitconfig(&scene)).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(shared).unwrap(), before);
}

#[test]
fn a_helper_of_the_system_stops_being_asked_with_only() {
    let mut scene = fresh();
    other_helper(&scene, "one");
    let system = scene.append("system", "[credential]\n\thelper = one\n");
    scene.unset("GIT_CONFIG_NOSYSTEM").set("GIT_CONFIG_SYSTEM", &system);
    let done = setup(&scene, &["--only"]).succeeds();
    assert!(done.stderr().contains(system.to_str().unwrap()), "{done}");
    assert_eq!(helpers(&scene).len(), 2);
    spy_on_keyfob(&scene);
    assert_eq!(asked(&scene, "https://dev.azure.com/contoso/x"), "keyfob");
}

#[test]
fn a_helper_that_came_later_stops_being_asked_when_setup_runs_again_with_only() {
    let scene = fresh();
    other_helper(&scene, "one");
    scene.append(".gitconfig", "[credential]\n\thelper = one\n");
    setup(&scene, &["--only"]).succeeds();
    scene.append(".gitconfig", "[credential]\n\thelper = one\n");
    setup(&scene, &["--only"]).succeeds();
    assert_eq!(helpers(&scene).iter().filter(|line| line.is_empty()).count(), 1, "{}", configured(&scene));
    spy_on_keyfob(&scene);
    assert_eq!(asked(&scene, "https://dev.azure.com/contoso/x"), "keyfob");
}

#[test]
fn a_program_that_moved_updates_its_line() {
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    let moved = scene.home().join("new place");
    fs::rename(scene.bin(), &moved).unwrap();
    let path = std::env::join_paths(
        [moved.clone()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut scene = scene;
    scene.set("PATH", path);
    let run = |args: &[&str]| scene.command(moved.join("keyfob")).args(args).run().succeeds();
    run(&["setup", "git", "--yes"]);
    let expected = moved.join("git-credential-keyfob").display().to_string().replace(' ', "\\ ");
    assert_eq!(helpers(&scene), [expected]);
    run(&["unsetup", "git"]);
    assert!(!configured(&scene).contains("keyfob"), "{}", configured(&scene));
}

#[test]
fn a_path_with_blanks_and_quotes_is_one_that_git_can_start() {
    let scene = fresh();
    let odd = scene.home().join("my \"odd\" tool's; $(rm) folder");
    fs::create_dir(&odd).unwrap();
    for name in ["keyfob", "git-credential-keyfob"] {
        symlink(program_under_test(), odd.join(name)).unwrap();
    }
    let mut scene = scene;
    scene.set("PATH", std::env::var_os("PATH").unwrap());
    let run = |args: &[&str], stdin: &str| {
        scene.command(odd.join("keyfob")).args(args).stdin(stdin).run().succeeds()
    };
    run(&["add", "https://dev.azure.com/contoso"], "t0ken");
    run(&["setup", "git", "--yes"], "");
    assert!(helpers(&scene)[0].starts_with('/'), "git takes it as a path");
    let call = scene.command(crate::support::scene::newest_git()).args(["credential", "fill"]);
    let filled = call.stdin("url=https://dev.azure.com/contoso/p/_git/r\n\n").run().succeeds();
    assert!(filled.stdout().contains("password=t0ken\n"), "{filled}");
}

#[test]
fn without_the_link_git_starts_the_program_itself() {
    let scene = fresh();
    fs::remove_file(scene.bin().join("git-credential-keyfob")).unwrap();
    scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
    setup(&scene, &[]).succeeds();
    assert_eq!(helpers(&scene), [format!("{} git", scene.bin().join("keyfob").display())]);
    let call = scene.command(crate::support::scene::newest_git()).args(["credential", "fill"]);
    let filled = call.stdin("url=https://dev.azure.com/contoso/p/_git/r\n\n").run().succeeds();
    assert!(filled.stdout().contains("password=t0ken\n"), "{filled}");
}

#[test]
fn the_stable_link_is_written_and_not_the_folder_of_one_version() {
    let mut scene = fresh();
    let prefix = scene.home().join("brew");
    let version = prefix.join("Cellar/keyfob/1.2.3/bin");
    fs::create_dir_all(&version).unwrap();
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::copy(program_under_test(), version.join("keyfob")).unwrap();
    symlink("keyfob", version.join("git-credential-keyfob")).unwrap();
    for name in ["keyfob", "git-credential-keyfob"] {
        symlink(format!("../Cellar/keyfob/1.2.3/bin/{name}"), prefix.join("bin").join(name)).unwrap();
    }
    let path = |folder: &Path| {
        let rest = std::env::var_os("PATH").unwrap();
        std::env::join_paths([folder.to_owned()].into_iter().chain(std::env::split_paths(&rest))).unwrap()
    };
    scene.set("PATH", path(&prefix.join("bin")));
    scene.command("keyfob").args(["setup", "git", "--yes"]).run().succeeds();
    let stable = prefix.join("bin/git-credential-keyfob");
    assert_eq!(helpers(&scene), [stable.to_str().unwrap()]);
    // Started by the path of its version, it still finds the link.
    scene.command(version.join("keyfob")).args(["setup", "git", "--yes"]).run().succeeds();
    assert_eq!(helpers(&scene), [stable.to_str().unwrap()]);
    // And where there is none, it says what that means.
    scene.set("PATH", std::env::var_os("PATH").unwrap());
    let said = scene.command(version.join("keyfob")).args(["setup", "git", "--yes"]).run().succeeds();
    assert!(said.stderr().contains("the path of one version"), "{said}");
}

#[test]
fn by_name_writes_the_name_and_checks_that_git_will_find_it() {
    let mut scene = fresh();
    setup(&scene, &["--by-name"]).succeeds();
    assert_eq!(helpers(&scene), ["keyfob"]);
    scene.keyfob(["unsetup", "git"]).succeeds();
    scene.set("PATH", std::env::var_os("PATH").unwrap());
    let refused = setup(&scene, &["--by-name"]);
    assert_eq!(refused.code(), 2, "{refused}");
    assert!(refused.stderr().contains("no folder of PATH has git-credential-keyfob"), "{refused}");
    assert!(helpers(&scene).is_empty());
}

#[test]
fn a_server_that_needs_the_path_gets_its_line_at_setup_and_at_add() {
    let scene = fresh();
    scene.keyfob_with(["add", "https://tfs.example.test:8443/tfs/One"], "t0ken").succeeds();
    assert!(!configured(&scene).contains("tfs"), "add writes nothing before setup did");
    setup(&scene, &[]).succeeds();
    let sends = |origin: &str| {
        scene.git(["config", "--global", &format!("credential.{origin}.useHttpPath")]).stdout() == "true\n"
    };
    assert!(sends("https://tfs.example.test:8443"));
    let added = scene.keyfob_with(["add", "https://ado.example.test/Two"], "t0ken").succeeds();
    assert!(added.stderr().contains("credential.https://ado.example.test.useHttpPath"), "{added}");
    assert!(sends("https://ado.example.test"));
    scene.keyfob_with(["add", "https://github.com"], "t0ken").succeeds();
    assert!(!sends("https://github.com"), "one token opens all of it");
    scene.keyfob(["prefer", "https://github.com/acme", "--account", "-"]).succeeds();
    assert!(sends("https://github.com"), "a rule for a path needs the path");
    scene.keyfob(["unsetup", "git"]).succeeds();
    assert!(!configured(&scene).contains("example.test"), "{}", configured(&scene));
}

#[test]
fn without_git_it_says_so() {
    let mut scene = fresh();
    let bin = scene.bin();
    scene.set("PATH", &bin);
    let failed = scene.command(bin.join("keyfob")).args(["setup", "git", "--yes"]).run();
    assert_eq!(failed.code(), 6, "{failed}");
    assert!(failed.stderr().contains("git is not here"), "{failed}");
    let none = scene.command(bin.join("keyfob")).args(["setup", "--yes"]).run().succeeds();
    assert!(none.stderr().contains("Git is not here"), "{none}");
}

#[test]
fn a_configuration_that_is_not_valid_or_not_writable_is_an_error_with_gits_reason() {
    let scene = fresh();
    fs::write(gitconfig(&scene), "[user\nname = x\n").unwrap();
    let failed = setup(&scene, &[]);
    assert_eq!(failed.code(), 6, "{failed}");
    assert!(failed.stderr().contains("bad config line 1"), "{failed}");
    assert_eq!(configured(&scene), "[user\nname = x\n");

    fs::write(gitconfig(&scene), "[user]\n\tname = x\n").unwrap();
    // What an editor of the same file that is at work looks like, to root too.
    fs::write(scene.home().join(".gitconfig.lock"), "").unwrap();
    let failed = setup(&scene, &[]);
    assert_eq!(failed.code(), 6, "{failed}");
    assert!(failed.stderr().contains("could not lock config file"), "{failed}");
    assert_eq!(configured(&scene), "[user]\n\tname = x\n");
    let memory = fs::read_to_string(scene.home().join("keyfob/setup.json")).unwrap();
    assert!(!memory.contains("credential.helper"), "nothing is remembered that was not written: {memory}");
}

#[test]
fn tokens_of_the_environment_do_not_reach_git() {
    let mut scene = fresh();
    let spy = scene.bin().join("git");
    let log = scene.home().join("environment");
    let git = crate::support::scene::newest_git();
    let script = format!("#!/bin/sh\nenv >> '{}'\nexec '{}' \"$@\"\n", log.display(), git.display());
    fs::write(&spy, script).unwrap();
    fs::set_permissions(&spy, fs::Permissions::from_mode(0o755)).unwrap();
    scene.set("KEYFOB_URL", "https://dev.azure.com/contoso").set("KEYFOB_TOKEN", "s3cret");
    setup(&scene, &[]).succeeds();
    let seen = fs::read_to_string(log).unwrap();
    assert!(seen.contains("KEYFOB_URL=") && !seen.contains("s3cret"), "{seen}");
}
