//! `keyfob edit`, and `keyfob prefer URL` alone: what a person says of an account, without its token.

use super::{CONTOSO, ends, holding, json, run, run_with, token_of};
use crate::support::faults::{is_sound, with_fault};
use crate::support::scene::Scene;

fn two() -> Scene {
    let scene = holding(&[
        (
            "https://dev.azure.com/contoso --account alice --label old --expires 30d --scopes vso.code --default",
            "s3cret-a",
        ),
        ("https://dev.azure.com/contoso --account bob", "s3cret-b"),
    ]);
    run(&scene, "prefer https://dev.azure.com/contoso/website --account alice").succeeds();
    scene
}

fn row(scene: &Scene, account: &str) -> serde_json::Value {
    let rows = json(&run(scene, "list --json"));
    rows.as_array().unwrap().iter().find(|row| row["account"] == account).unwrap().clone()
}

#[test]
fn what_is_known_of_an_account_is_changed_without_its_token() {
    let scene = two();
    let edit = |more: &str| run(&scene, &format!("edit {CONTOSO} --account alice {more}")).succeeds();
    edit("--label build-server");
    edit("--expires 2099-03-01");
    edit("--scopes vso.packaging,vso.code");
    let now = row(&scene, "alice");
    assert_eq!(
        (&now["label"], &now["expires"], &now["scopes"]),
        (
            &"build-server".into(),
            &"2099-03-01T23:59:59Z".into(),
            &serde_json::json!(["vso.packaging", "vso.code"])
        )
    );
    // What was not named stays.
    assert_eq!((&now["default"], &now["rules"]), (&true.into(), &serde_json::json!(["website"])));
    edit("--label - --expires - --scopes -");
    let now = row(&scene, "alice");
    assert!(
        now["label"].is_null() && now["expires"].is_null() && now["scopes"] == serde_json::json!([]),
        "{now}"
    );
    assert_eq!(token_of(&scene, "https://dev.azure.com/contoso --account alice"), "s3cret-a");
    assert!(row(&scene, "bob")["label"].is_null());
}

#[test]
fn a_renamed_account_keeps_its_tokens_its_default_and_its_rules() {
    let scene = two();
    run_with(&scene, "add https://dev.azure.com/contoso --account alice", "s3cret-new").succeeds();
    let before = row(&scene, "alice");
    ends(
        &scene,
        "edit https://dev.azure.com/contoso --account alice --rename carol",
        0,
        &["account carol of azure-devops/contoso"],
    );
    let now = row(&scene, "carol");
    for key in before.as_object().unwrap().keys().filter(|key| *key != "account") {
        assert_eq!(now[key], before[key], "{key}");
    }
    assert_eq!(token_of(&scene, "https://dev.azure.com/contoso/website --account carol"), "s3cret-new");
    assert_eq!(token_of(&scene, "https://dev.azure.com/contoso/website"), "s3cret-new");
    ends(&scene, "token https://dev.azure.com/contoso --account alice --as token", 1, &[]);
    // The earlier token came along, and no copy of any stayed behind.
    run(&scene, "restore https://dev.azure.com/contoso --account carol").succeeds();
    assert_eq!(token_of(&scene, "https://dev.azure.com/contoso --account carol"), "s3cret-a");
    let sealed = std::fs::read_dir(scene.home().join("keyfob/vault")).unwrap();
    assert_eq!(sealed.filter(|file| file.as_ref().unwrap().file_name().len() == 32).count(), 3);
    run(&scene, "doctor").succeeds();
    // Without a name, and back.
    ends(
        &scene,
        "edit https://dev.azure.com/contoso --account carol --rename -",
        0,
        &["the unnamed account"],
    );
    ends(
        &scene,
        "edit https://dev.azure.com/contoso --account - --rename alice --label again",
        0,
        &["account alice"],
    );
    assert_eq!(
        (&row(&scene, "alice")["label"], &row(&scene, "alice")["default"]),
        (&"again".into(), &true.into())
    );
    // To its own name: nothing to do, and the rest is done.
    run(&scene, "edit https://dev.azure.com/contoso --account alice --rename alice --label same").succeeds();
    assert_eq!(row(&scene, "alice")["label"], "same");
}

#[test]
fn a_name_that_cannot_be_changes_nothing() {
    let scene = two();
    run_with(&scene, "add https://git.example --account x", "s3cret-x").succeeds();
    let request = "protocol=https\nhost=tool.example\nusername=y\npassword=s3cret-y\n\n";
    scene.keyfob_with(["git", "store"], request).succeeds();
    let before = run(&scene, "list --json").stdout().to_owned();
    for (words, code, text) in [
        ("edit https://dev.azure.com/contoso --account alice", 2, "keyfob edit needs "),
        ("edit https://dev.azure.com/contoso --label x", 4, "alice, bob"),
        ("edit https://dev.azure.com/contoso --account nobody --label x", 1, "it has: alice, bob"),
        ("edit https://dev.azure.com/contoso --account alice --rename bob", 2, "already has an account bob"),
        ("edit https://dev.azure.com/contoso --account alice --rename pat", 2, "selects no account"),
        ("edit https://git.example --rename -", 2, "the user name counts"),
        ("edit https://tool.example --rename z", 2, "stored by a tool"),
        ("edit https://dev.azure.com/contoso --account alice --expires soon", 2, "a day, a time or a span"),
        ("edit https://dev.azure.com/contoso --account alice --expires 2020-01-01", 2, "in the past"),
        ("edit https://fabrikam.example --label x", 1, "holds nothing"),
    ] {
        ends(&scene, words, code, &[text]);
    }
    let control = ["edit", CONTOSO, "--account", "alice", "--rename", "a\nb"];
    assert_eq!(scene.keyfob(control).code(), 2);
    let empty = ["edit", CONTOSO, "--account", "alice", "--label", ""];
    assert_eq!(scene.keyfob(empty).code(), 2, "a variable that is not set");
    assert_eq!(run(&scene, "list --json").stdout(), before);
}

/// Killed, with a full disk, with a broken one and with the power cut before each call that changes files.
#[test]
fn a_renaming_that_ends_anywhere_leaves_the_account_whole_under_one_of_its_names() {
    for fault in ["crash", "full", "broken", "power ?", "power /", "power vault", "power records"] {
        let mut through = false;
        for at in 1..200 {
            let scene = two();
            run_with(&scene, "add https://dev.azure.com/contoso --account alice", "s3cret-new").succeeds();
            let rename =
                || scene.program("keyfob").args(["edit", CONTOSO, "--account", "alice", "--rename", "carol"]);
            let output = with_fault(rename(), fault, at).run();
            is_sound(&scene);
            let rows = json(&run(&scene, "list --json"));
            let names: Vec<&str> =
                rows.as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap()).collect();
            assert!(
                names == ["alice", "bob"] || names == ["bob", "carol"],
                "{fault} {at}: {names:?} {output}"
            );
            let name = names.iter().find(|name| **name != "bob").unwrap();
            let now = row(&scene, name);
            assert_eq!(
                (&now["default"], &now["rules"], &now["set_aside"]),
                (&true.into(), &serde_json::json!(["website"]), &1.into())
            );
            assert_eq!(
                token_of(&scene, &format!("{CONTOSO} --account {name}")),
                "s3cret-new",
                "{fault} {at}"
            );
            through = output.ended_by_itself() && output.code() == 0;
            if *name == "alice" {
                assert!(!through, "{fault} {at}: {output}");
                rename().run().succeeds();
            }
            run(&scene, "restore https://dev.azure.com/contoso --account carol").succeeds();
            assert_eq!(
                token_of(&scene, "https://dev.azure.com/contoso --account carol"),
                "s3cret-a",
                "{fault} {at}"
            );
            if through {
                assert!(at > 8, "{fault}: the faults were seen");
                break;
            }
        }
        assert!(through, "{fault}: it never got through");
    }
}

#[test]
fn prefer_with_a_url_alone_shows_what_is_preferred_and_who_answers_there() {
    let scene = two();
    let whole = run(&scene, "prefer https://dev.azure.com/contoso").succeeds();
    assert_eq!(
        whole.stdout(),
        "HOST                           ACCOUNT  BY\n\
         dev.azure.com/contoso          alice    default\n\
         dev.azure.com/contoso/website  alice    rule\n\
         https://dev.azure.com/contoso: account alice answers\n"
    );
    run(&scene, "prefer https://dev.azure.com/contoso --account bob").succeeds();
    for (url, who) in [
        ("https://dev.azure.com/contoso/website/_git/x", "account alice answers"),
        ("https://dev.azure.com/contoso/other", "account bob answers"),
        ("https://contoso.visualstudio.com/website", "account alice answers"),
        ("azure-devops/contoso", "account bob answers"),
    ] {
        run(&scene, &format!("prefer {url}")).says(0, &[who]);
    }
    run(&scene, "prefer https://dev.azure.com/contoso --clear").succeeds();
    run(&scene, "prefer https://dev.azure.com/contoso/website --clear").succeeds();
    let nobody = run(&scene, "prefer https://dev.azure.com/contoso");
    nobody.says(0, &["no account is preferred", "no account answers", "keyfob prefer "]);
    // No store is opened for that.
    scene.protect_vault("s3cret horse");
    run(&scene, "prefer https://dev.azure.com/contoso").says(0, &["no account answers"]);
    ends(&scene, "prefer https://fabrikam.example", 1, &["holds nothing"]);
}
