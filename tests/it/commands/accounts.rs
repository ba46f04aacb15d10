//! `keyfob remove`, `restore`, `prefer` and `move`.

use super::{CONTOSO, ends, holding, json, run, run_with, token_of};
use crate::support::scene::Scene;

fn two() -> Scene {
    holding(&[
        ("https://dev.azure.com/contoso --account alice", "s3cret-a"),
        ("https://dev.azure.com/contoso --account bob", "s3cret-b"),
    ])
}

/// The sealed files of the vault.
fn sealed(scene: &Scene) -> usize {
    let files = std::fs::read_dir(scene.home().join("keyfob/vault")).unwrap();
    files.filter(|file| file.as_ref().unwrap().file_name().len() == 32).count()
}

#[test]
fn without_a_terminal_remove_does_what_it_is_told_if_one_account_is_meant() {
    let scene = holding(&[(CONTOSO, "s3cret-1"), (CONTOSO, "s3cret-2")]);
    assert_eq!(sealed(&scene), 2);
    ends(
        &scene,
        "remove https://contoso.visualstudio.com/app",
        0,
        &["removed 2 tokens of the unnamed account"],
    );
    assert_eq!(sealed(&scene), 0);
    ends(&scene, "remove https://dev.azure.com/contoso", 1, &["holds nothing", "keyfob list"]);
}

#[test]
fn of_several_accounts_remove_wants_to_know_which() {
    let scene = two();
    ends(
        &scene,
        "remove https://dev.azure.com/contoso --yes",
        4,
        &["alice, bob", "--account NAME, or --all"],
    );
    ends(
        &scene,
        "remove https://dev.azure.com/contoso --account carol",
        1,
        &["no account carol", "it has: alice, bob"],
    );
    ends(
        &scene,
        "remove azure-devops/contoso --account alice",
        0,
        &["account alice of azure-devops/contoso"],
    );
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-b");
    run_with(&scene, "add https://dev.azure.com/contoso", "s3cret-c").succeeds();
    ends(&scene, "remove https://dev.azure.com/contoso --all", 0, &["2 accounts"]);
    assert_eq!((sealed(&scene), run(&scene, "list --json").stdout().trim()), (0, "[]"));
}

#[test]
fn restore_finds_the_one_account_that_has_something_to_restore() {
    let scene = two();
    ends(&scene, "restore https://dev.azure.com/contoso --account alice", 1, &["no token that is set aside"]);
    run_with(&scene, "add https://dev.azure.com/contoso --account bob", "s3cret-new").succeeds();
    ends(&scene, "restore https://dev.azure.com/contoso", 0, &["account bob"]);
    assert_eq!(token_of(&scene, "https://dev.azure.com/contoso --account bob"), "s3cret-b");
    run_with(&scene, "add https://dev.azure.com/contoso --account alice", "s3cret-new").succeeds();
    ends(&scene, "restore https://dev.azure.com/contoso", 4, &["alice, bob"]);
}

#[test]
fn a_refused_token_is_in_use_again_after_restore() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    let git = |operation: &str| {
        let request =
            "protocol=https\nhost=dev.azure.com\npath=contoso\nusername=contoso\npassword=s3cret-1\n\n";
        scene.keyfob_with(["git", operation], request).succeeds()
    };
    git("erase");
    ends(
        &scene,
        "explain https://dev.azure.com/contoso",
        5,
        &["refused", "keyfob restore https://dev.azure.com/contoso"],
    );
    ends(&scene, "list", 0, &["suspect", "refused for code"]);
    ends(&scene, "restore https://dev.azure.com/contoso", 0, &["in use again"]);
    ends(&scene, "explain https://dev.azure.com/contoso", 0, &[]);
}

#[test]
fn a_preference_holds_for_the_realm_or_below_a_path_and_can_be_forgotten() {
    let scene = two();
    let get = |path: &str| token_of(&scene, &format!("{CONTOSO}{path}"));
    assert_eq!(get(""), "s3cret-a", "the first goes on answering");
    ends(&scene, "prefer https://dev.azure.com/contoso --clear", 0, &[]);
    ends(&scene, "token https://dev.azure.com/contoso --as token", 4, &["alice, bob", "keyfob prefer"]);
    ends(&scene, "prefer https://dev.azure.com/contoso --account alice", 0, &["account alice is preferred"]);
    let rule = "https://contoso.visualstudio.com/DefaultCollection/website";
    ends(&scene, &format!("prefer {rule} --account bob"), 0, &["azure-devops/contoso below /website"]);
    assert_eq!([get(""), get("/website/_git/x"), get("/websites")], ["s3cret-a", "s3cret-b", "s3cret-a"]);
    ends(&scene, &format!("prefer {rule} --clear"), 0, &["no account is preferred any more"]);
    ends(&scene, &format!("prefer {rule} --clear"), 0, &["nothing was changed"]);
    assert_eq!(get("/website/_git/x"), "s3cret-a");
    ends(&scene, "prefer https://dev.azure.com/contoso --clear", 0, &[]);
    ends(&scene, "token https://dev.azure.com/contoso --as token", 4, &[]);
    ends(&scene, "prefer https://dev.azure.com/contoso --account carol", 1, &["it has: alice, bob"]);
    ends(&scene, "prefer https://dev.azure.com/contoso --clear --account bob", 2, &[]);
}

#[test]
fn a_renamed_organisation_takes_everything_along() {
    let scene = two();
    run_with(&scene, "add https://dev.azure.com/contoso --account bob --default", "s3cret-new").succeeds();
    ends(&scene, "prefer https://dev.azure.com/contoso/app --account alice", 0, &[]);
    ends(
        &scene,
        "move https://dev.azure.com/contoso https://dev.azure.com/fabrikam",
        0,
        &["2 accounts moved"],
    );
    let get = |path: &str| token_of(&scene, &format!("https://dev.azure.com/fabrikam{path}"));
    assert_eq!([get(""), get("/app")], ["s3cret-new", "s3cret-a"]);
    ends(&scene, "restore https://dev.azure.com/fabrikam --account bob", 0, &[]);
    assert_eq!(get(""), "s3cret-b");
    assert_eq!(sealed(&scene), 3, "no copy is left behind");
    ends(&scene, "token https://dev.azure.com/contoso --as token", 1, &[]);
    ends(&scene, "move https://dev.azure.com/contoso https://dev.azure.com/fabrikam", 1, &[]);
    ends(&scene, "move azure-devops/fabrikam https://fabrikam.visualstudio.com", 2, &["the same place"]);
}

#[test]
fn a_move_onto_an_account_of_the_same_name_changes_nothing() {
    let scene = two();
    run_with(&scene, "add https://dev.azure.com/fabrikam --account bob", "s3cret-f").succeeds();
    let before = json(&run(&scene, "list --json"));
    ends(
        &scene,
        "move https://dev.azure.com/contoso https://dev.azure.com/fabrikam",
        2,
        &["already has an account bob"],
    );
    assert_eq!((json(&run(&scene, "list --json")), sealed(&scene)), (before, 3));
}

#[test]
fn a_server_keeps_its_forge_under_a_new_name() {
    let scene = holding(&[("https://tfs.example.com/tfs/Main", "s3cret-1")]);
    ends(
        &scene,
        "move https://tfs.example.com/tfs/Main https://code.example.com/Main",
        0,
        &["1 account moved from tfs.example.com/tfs/Main to code.example.com/Main"],
    );
    let realm = json(&run(&scene, "list --json"))[0]["realm"].clone();
    assert_eq!(realm, "azure-devops-server/https://code.example.com/main");
    assert_eq!(token_of(&scene, "https://code.example.com/Main/app/_git/app"), "s3cret-1");
    ends(&scene, "move https://code.example.com/Main http://code.example.com/Main", 2, &["in clear text"]);
    ends(
        &scene,
        "move https://code.example.com/Main https://x.example --forge generic",
        2,
        &["--account NAME"],
    );
}

#[test]
fn a_realm_is_meant_by_its_whole_url_also_where_another_lies_below_it() {
    let scene = holding(&[
        ("https://git.example --account alice", "s3cret-a"),
        ("https://git.example/team --account bob --forge generic", "s3cret-b"),
    ]);
    ends(&scene, "remove https://git.example --yes", 0, &["account alice of generic/https://git.example"]);
    assert_eq!(json(&run(&scene, "list --json")).as_array().unwrap().len(), 1);
}

#[test]
fn a_hint_names_an_account_that_begins_with_a_dash_so_that_it_can_be_pasted() {
    let scene = holding(&[("https://git.example --account=-x", "s3cret-a")]);
    let erase = scene.program("docker-credential-keyfob").arg("erase").stdin("git.example").run().succeeds();
    let (_, hint) = erase.stderr().trim_end().split_once("; keyfob ").unwrap();
    ends(&scene, hint, 0, &["in use again"]);
}

#[test]
fn wide_names_leave_the_columns_of_a_list_under_each_other() {
    // In cells of the terminal: 6, 3 and, with a mark above the `e`, 4.
    let names = [("日本語", 6), ("bob", 3), ("rene\u{301}", 4)];
    let adds = names.map(|(name, _)| format!("https://dev.azure.com/contoso --account {name}"));
    let scene = holding(&adds.each_ref().map(|add| (add.as_str(), "s3cret")));
    let list = run(&scene, "list").succeeds().stdout().to_owned();
    for (name, cells) in names {
        let line = format!("dev.azure.com/contoso  {name}{}  active", " ".repeat(7 - cells));
        assert!(list.contains(&line), "ACCOUNT, the head, has 7 letters: {line:?} in\n{list}");
    }
}

#[test]
fn rotate_means_the_default_where_there_are_several_and_an_empty_paste_is_told_as_its_own() {
    let scene = holding(&[
        ("https://git.example --account alice", "s3cret-a"),
        ("https://git.example --account bob --default", "s3cret-b"),
    ]);
    let output = run(&scene, "rotate https://git.example");
    assert!(
        output.stderr().contains("rotating the token of account bob of ")
            && output.stderr().contains("which is the default"),
        "{output}"
    );
    assert!(
        output.stderr().contains("keyfob rotate https://git.example")
            && !output.stderr().contains("keyfob add URL"),
        "{output}"
    );
    run_with(&scene, "rotate https://git.example --unchecked", "s3cret-new").succeeds();
    assert_eq!(token_of(&scene, "https://git.example --account bob"), "s3cret-new");
    assert_eq!(token_of(&scene, "https://git.example --account alice"), "s3cret-a");
    run(&scene, "prefer https://git.example --clear").succeeds();
    ends(&scene, "rotate https://git.example", 4, &["alice, bob", "--account NAME"]);
}

#[test]
fn a_move_to_a_place_with_accounts_is_asked_for_and_the_printed_commands_undo_it() {
    let scene = two();
    run(&scene, "prefer https://dev.azure.com/contoso --account alice").succeeds();
    run_with(&scene, "add https://dev.azure.com/fabrikam --account fab", "s3cret-f").succeeds();
    let shown = |scene: &Scene| {
        ["https://dev.azure.com/contoso/p/_git/r", "https://dev.azure.com/fabrikam/p/_git/r"]
            .map(|url| token_of(scene, url))
    };
    let before = shown(&scene);
    let words = "move https://dev.azure.com/contoso https://dev.azure.com/fabrikam";
    ends(
        &scene,
        words,
        2,
        &["dev.azure.com/fabrikam already has 1 account (fab)", "--yes", "--account NAME"],
    );
    assert_eq!(shown(&scene), before);
    let moved = run(&scene, &format!("{words} --yes"));
    let moved = moved.says(
        0,
        &["2 accounts moved from dev.azure.com/contoso", "the default of dev.azure.com/fabrikam is fab"],
    );
    // Whoever names no account gets the same token as before.
    assert_eq!(token_of(&scene, "https://dev.azure.com/fabrikam/p/_git/r"), "s3cret-f");
    let undo = moved.stderr().lines().find_map(|line| line.split_once("to undo: ")).unwrap().1.to_owned();
    for command in undo.split(" && ") {
        run(&scene, command.strip_prefix("keyfob ").unwrap()).succeeds();
    }
    assert_eq!(shown(&scene), before);
}

#[test]
fn one_account_is_moved_by_its_name() {
    let scene = two();
    let words = "move https://dev.azure.com/contoso https://dev.azure.com/northwind --account bob";
    ends(&scene, words, 0, &["1 account moved from dev.azure.com/contoso to dev.azure.com/northwind"]);
    assert_eq!(token_of(&scene, "https://dev.azure.com/northwind/p/_git/r"), "s3cret-b");
    assert_eq!(token_of(&scene, "https://dev.azure.com/contoso/p/_git/r"), "s3cret-a");
}
