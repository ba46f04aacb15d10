//! Other helpers that git asks beside keyfob: what git does with the wallet's tokens when setup is done, seen with real git and
//! its own `store`.

use std::fs;

use super::{asked, configured, fresh, gitconfig, helpers, other_helper, setup, spy_on_keyfob};
use crate::support::process::Output;
use crate::support::scene::{Scene, newest_git};

const GITHUB: &str = "https://github.com/acme/site.git";
const TOKEN: &str = "thetokenofthewallet";

/// A machine on which git keeps what it is told in plain text.
fn with_store(helper: &str) -> Scene {
    let scene = fresh();
    scene.append(".gitconfig", &format!("[credential]\n\thelper = {helper}\n"));
    scene
}

fn add(scene: &Scene) {
    scene.keyfob_with(["add", "https://github.com", "--account", "work"], TOKEN).succeeds();
}

fn git(scene: &Scene, verb: &str, stdin: String) -> Output {
    scene.command(newest_git()).args(["credential", verb]).env("GIT_ASKPASS", "true").stdin(stdin).run()
}

/// As after a request that the server answered: git asks, and tells every helper that it worked.
fn fill_and_approve(scene: &Scene, url: &str) -> Output {
    let filled = git(scene, "fill", format!("url={url}\n\n"));
    git(scene, "approve", filled.stdout().to_owned());
    filled
}

fn plain_text(scene: &Scene, file: &str) -> String {
    fs::read_to_string(scene.home().join(file)).unwrap_or_default()
}

#[test]
fn no_token_of_the_wallet_reaches_a_helper_that_writes_in_clear() {
    for (helper, file) in [
        ("store", ".git-credentials"),
        ("store --file ~/own", "own"),
        ("!git credential-store", ".git-credentials"),
    ] {
        for first in ["setup", "add"] {
            let scene = with_store(helper);
            let done = match first {
                "setup" => {
                    let done = setup(&scene, &[]).succeeds();
                    add(&scene);
                    done
                }
                _ => {
                    add(&scene);
                    setup(&scene, &[]).succeeds()
                }
            };
            assert!(done.stderr().contains("which keeps tokens in plain text in ~/"), "{helper} {done}");
            let filled = fill_and_approve(&scene, GITHUB);
            assert!(filled.stdout().contains(&format!("password={TOKEN}")), "{helper} {first} {filled}");
            assert_eq!(plain_text(&scene, file), "", "{helper} {first}: {}", configured(&scene));
        }
    }
}

#[test]
fn hosts_that_the_wallet_does_not_hold_are_still_answered_by_the_other_helper() {
    let scene = with_store("store");
    add(&scene);
    setup(&scene, &[]).succeeds();
    let pair = "protocol=https\nhost=git.example\nusername=me\npassword=mine\n\n";
    git(&scene, "approve", pair.to_owned());
    assert_eq!(plain_text(&scene, ".git-credentials"), "https://me:mine@git.example\n");
    assert!(fill_and_approve(&scene, "https://git.example").stdout().contains("password=mine"));
}

#[test]
fn a_helper_that_signs_in_by_itself_is_not_asked_for_a_host_of_the_wallet() {
    let mut scene = fresh();
    other_helper(&scene, "manager");
    let system = scene.append("system", "[credential]\n\thelper = manager\n");
    scene.unset("GIT_CONFIG_NOSYSTEM").set("GIT_CONFIG_SYSTEM", &system);
    add(&scene);
    let done = setup(&scene, &[]).succeeds();
    assert!(done.stderr().contains("git asks keyfob alone: github.com"), "{done}");
    assert!(done.stderr().contains("git asks manager first, then keyfob"), "{done}");
    assert!(!done.stderr().contains("keyfob from now on"), "it is not so for every host: {done}");
    spy_on_keyfob(&scene);
    assert_eq!(asked(&scene, GITHUB), "keyfob");
    assert_eq!(asked(&scene, "https://git.example"), "manager keyfob");
}

#[test]
fn every_host_of_an_organisation_of_azure_is_asked_of_keyfob_alone() {
    let scene = with_store("store");
    scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
    setup(&scene, &[]).succeeds();
    for url in ["https://dev.azure.com/contoso/p/_git/r", "https://contoso.visualstudio.com/p/_git/r"] {
        assert!(fill_and_approve(&scene, url).stdout().contains("password=t0ken"), "{url}");
    }
    assert_eq!(plain_text(&scene, ".git-credentials"), "");
}

#[test]
fn what_store_holds_for_a_host_whose_path_is_sent_from_now_on_is_named() {
    let scene = with_store("store");
    scene.append(".git-credentials", "https://me:hidden-token@dev.azure.com\nhttps://me:mine@git.example\n");
    let done = setup(&scene, &[]).succeeds();
    let line = "what store keeps for dev.azure.com is not found any more once git sends the path (1 entry); keyfob import git-store";
    assert!(done.stderr().contains(line), "{done}");
    assert!(!done.stderr().contains("hidden-token"), "{done}");
    // Once is enough.
    assert!(!setup(&scene, &[]).succeeds().stderr().contains("not found any more"));
}

#[test]
fn keep_others_leaves_them_where_they_are_also_for_hosts_that_come_later() {
    let scene = with_store("store");
    setup(&scene, &["--keep-others"]).succeeds();
    add(&scene);
    assert!(!configured(&scene).contains("github.com"), "{}", configured(&scene));
    let found = scene.keyfob(["doctor"]);
    assert!(
        found.stdout().contains("hint    git: git also tells store, which keeps tokens in plain text"),
        "{found}"
    );
    // Until a setup that says otherwise.
    setup(&scene, &["--only"]).succeeds();
    fill_and_approve(&scene, GITHUB);
    assert_eq!(plain_text(&scene, ".git-credentials"), "");
}

#[test]
fn a_host_that_left_the_wallet_is_asked_of_the_others_again() {
    let scene = with_store("store");
    setup(&scene, &[]).succeeds();
    let before = configured(&scene);
    add(&scene);
    assert!(configured(&scene).contains("[credential \"https://github.com\"]"), "{}", configured(&scene));
    scene.keyfob(["remove", "https://github.com", "--yes"]).succeeds();
    assert_eq!(configured(&scene), before);
}

#[test]
fn unsetup_leaves_git_as_it_was() {
    let scene = with_store("store");
    let before = configured(&scene);
    setup(&scene, &[]).succeeds();
    add(&scene);
    scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
    scene.keyfob(["unsetup", "git"]).succeeds();
    assert_eq!(configured(&scene), before);
}

#[test]
fn a_second_setup_finds_nothing_to_do_and_the_printed_commands_do_the_same() {
    let scene = with_store("store");
    add(&scene);
    let before = configured(&scene);
    let dry = scene.keyfob(["setup", "git", "--dry-run"]).succeeds();
    setup(&scene, &[]).succeeds();
    let after = configured(&scene);
    let again = setup(&scene, &[]).succeeds();
    assert!(again.stderr().contains("nothing to do"), "{again}");
    assert_eq!(configured(&scene), after);
    fs::write(gitconfig(&scene), before).unwrap();
    scene.command("/bin/sh").args(["-c", dry.stdout()]).run().succeeds();
    assert_eq!(configured(&scene), after);
}

#[test]
fn doctor_calls_a_helper_that_is_told_tokens_in_clear_broken_and_names_the_way_out() {
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    add(&scene);
    scene.append(".gitconfig", "[credential]\n\thelper = store\n");
    let found = scene.keyfob(["doctor"]);
    assert_eq!(found.code(), 6, "{found}");
    assert!(
        found.stdout().contains(
            "broken  git: git also tells store, which keeps tokens in plain text in ~/.git-credentials"
        ),
        "{found}"
    );
    setup(&scene, &[]).succeeds();
    let found = scene.keyfob(["doctor"]);
    assert!(!found.stdout().contains("also tells"), "{found}");
    fill_and_approve(&scene, GITHUB);
    assert_eq!(plain_text(&scene, ".git-credentials"), "");
    assert_eq!(helpers(&scene).len(), 2);
}

#[test]
fn doctor_finds_tokens_of_the_wallet_in_plain_text_files() {
    let scene = with_store("store --file ~/own");
    add(&scene);
    for file in [".git-credentials", ".config/git/credentials", "own"] {
        let path = scene.home().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("https://work:{TOKEN}@github.com\n")).unwrap();
        let found = scene.keyfob(["doctor"]);
        let line = format!("broken  plain text: {} holds 1 token of your wallet, in clear", path.display());
        assert!(found.stdout().contains(&line), "{file} {found}");
        assert!(!found.stdout().contains(TOKEN) && !found.stderr().contains(TOKEN), "{found}");
        // The named command mends it.
        let fix = format!("import git-store --file {} --move --yes", path.display());
        scene.keyfob(fix.split(' ')).succeeds();
        assert_eq!(fs::read_to_string(&path).unwrap_or_default().matches(TOKEN).count(), 0, "{file}");
        assert!(!scene.keyfob(["doctor"]).stdout().contains("in clear"), "{file}");
    }
}
