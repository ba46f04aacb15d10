//! `keyfob add` and `keyfob list`.

use super::{CONTOSO, ends, holding, json, keys, run, run_with, token_of};
use crate::support::scene::Scene;

#[test]
fn a_token_comes_in_by_a_pipe_and_list_shows_all_but_the_token() {
    let scene = Scene::new();
    let words = "add https://dev.azure.com/contoso/app/_git/app --account alice --expires 2099-03-01 \
                 --scopes vso.code,vso.packaging --label work --default --offline";
    let output = run_with(&scene, words, "s3cret-1\r\n").succeeds();
    assert_eq!(output.stdout(), "");
    assert_eq!(
        output.stderr(),
        "keyfob: note: the token looks like none of Azure DevOps Services that keyfob knows; it is not refused for that\n\
         keyfob: note: the token of account alice of azure-devops/contoso is in the vault store\n"
    );
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");

    let list = json(&run(&scene, "list --json").succeeds());
    let expected = serde_json::json!([{
        "realm": "azure-devops/contoso",
        "account": "alice",
        "url": "https://dev.azure.com/contoso",
        "store": "vault",
        "state": "active",
        "since": null,
        "reason": null,
        "refused_for": [],
        "expires": "2099-03-01T23:59:59Z",
        "expires_certain": false,
        "scopes": ["vso.code", "vso.packaging"],
        "label": "work",
        "default": true,
        "source": "person",
        "path": null,
        "set_aside": 0,
        "refresh_token": false,
        "rules": [],
    }]);
    assert_eq!(list, expected);
    let table = run(&scene, "list").succeeds();
    for text in ["dev.azure.com/contoso", "alice", "active", "~2099-03-01", "vault", "default, work"] {
        assert!(table.stdout().contains(text), "{table}");
    }
}

#[test]
fn mistakes_are_found_before_the_token_is_asked_for() {
    let scene = Scene::new();
    for (words, text) in [
        ("add https://dev.azure.com", "does not tell the organisation"),
        ("add https://marketplace.visualstudio.com", "never gets a token"),
        ("add http://git.example.com --account a", "in clear text"),
        ("add http://dev.azure.com/contoso --allow-http", "in clear text"),
        ("add contoso", "must begin with https://"),
        ("add https://dev.azure.com/contoso --expires 2020-01-01", "in the past"),
        ("add https://dev.azure.com/contoso --expires soon", "a day, a time or a span"),
        ("add https://github.com --forge gitlab", "belongs to GitHub"),
        ("add https://git.example.com", "the user name counts"),
        ("add https://dev.azure.com/contoso --account -", "--account takes a name"),
        ("add https://dev.azure.com/contoso --forge svn", "invalid value"),
    ] {
        // Nothing comes in on stdin; that it would be empty is not what is complained of.
        let output = ends(&scene, words, 2, &["keyfob: error: ", text]);
        assert!(!output.stderr().contains("token: it is empty"), "{output}");
    }
    assert!(!scene.home().join("keyfob").exists(), "nothing was made");
}

#[test]
fn what_cannot_be_a_token_is_refused_with_the_reason() {
    let scene = Scene::new();
    for (stdin, why) in [
        ("", "empty"),
        ("\n", "empty"),
        ("Bearer s3cret", "a blank in it"),
        ("s3cret\ns3cret\n", "more than one line"),
        ("\"s3cret\"\n", "quotes around it"),
        ("s3cret\u{7}", "a control character"),
        ("\u{feff}s3cret", "cannot be seen"),
    ] {
        let output = run_with(&scene, &format!("add {CONTOSO}"), stdin);
        output.says(2, &["keyfob: error: that is not a token", why, "keyfob: hint: "]);
    }
    let output = run_with(&scene, &format!("add {CONTOSO}"), "s".repeat(70_000));
    output.says(2, &["more than 64 KiB"]);
    assert_eq!(json(&run(&scene, "list --json")), serde_json::json!([]));
}

#[test]
fn a_second_unnamed_token_sets_the_first_aside_and_names_keep_both() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    let output = run_with(&scene, &format!("add {CONTOSO}"), "s3cret-2");
    output.says(0, &["the earlier one is set aside", "--account NAME keeps both"]);
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-2");
    ends(&scene, &format!("restore {CONTOSO}"), 0, &["the earlier token"]);
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
    let output = run_with(&scene, &format!("add {CONTOSO} --account alice"), "s3cret-3");
    assert!(!output.says(0, &[]).stderr().contains("set aside"));
    assert_eq!(token_of(&scene, &format!("{CONTOSO} --account alice")), "s3cret-3");
    assert_eq!(token_of(&scene, &format!("{CONTOSO} --account -")), "s3cret-1");
}

#[test]
fn the_same_token_again_changes_only_what_is_said_of_it() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    let output = run_with(&scene, &format!("add {CONTOSO} --label spare"), "s3cret-1");
    output.says(0, &["holds this token already"]);
    let list = json(&run(&scene, "list --json"));
    assert_eq!((&list[0]["set_aside"], &list[0]["label"]), (&0.into(), &"spare".into()));
}

#[test]
fn what_an_unknown_host_is_taken_for_is_said_and_can_be_told() {
    let scene = Scene::new();
    let say = |words: &str| run_with(&scene, words, "s3cret-1");
    let guessed = "tfs.example.com is taken for Azure DevOps Server; --forge generic if it is not";
    say("add https://git@tfs.example.com/tfs/Main/app/_git/app").says(0, &[guessed]);
    let told =
        say("add https://git.example.com/a/b --forge gitea").says(0, &["gitea/https://git.example.com"]);
    assert!(!told.stderr().contains("taken for"), "{told}");
    say("add https://bob@code.example.com/team/app.git")
        .says(0, &["account bob of generic/https://code.example.com"]);
    let list = json(&run(&scene, "list --json"));
    let shown: Vec<_> = list.as_array().unwrap().iter().map(|row| (&row["realm"], &row["account"])).collect();
    let text = format!("{shown:?}");
    assert!(text.contains("azure-devops-server/https://tfs.example.com/tfs/main"), "{text}");
    // `git@` in a copied URL is no account.
    assert!(!text.contains("\"git\""), "{text}");
}

#[test]
fn a_name_that_means_nothing_in_particular_is_said_to_be_left_out() {
    let scene = Scene::new();
    let output = run_with(&scene, "add https://git@dev.azure.com/contoso/app/_git/app", "s3cret-1");
    output.says(0, &["the name git means no account in particular"]);
    // What the Clone button gives is no news.
    let output = run_with(&scene, "add https://contoso@dev.azure.com/contoso/app/_git/app", "s3cret-2");
    assert!(!output.stderr().contains("the name contoso"), "{output}");
    assert_eq!(json(&run(&scene, "list --json"))[0]["account"], serde_json::Value::Null);
}

#[test]
fn the_store_is_chosen_once_and_said_with_what_it_protects() {
    let mut scene = Scene::new();
    scene.unset("KEYFOB_STORE").set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    let first = run_with(&scene, &format!("add {CONTOSO}"), "s3cret-1");
    if cfg!(target_os = "linux") {
        first.says(0, &["tokens are kept in the vault store from now on", "key file"]);
    }
    let second = run_with(&scene, "add https://github.com", "s3cret-2");
    assert!(!second.says(0, &[]).stderr().contains("from now on"));
}

#[test]
fn a_realm_is_listed_by_its_name_also_if_only_the_environment_has_it_and_one_that_is_empty_is_no_wrong_usage()
{
    let mut scene = holding(&[(CONTOSO, "s3cret-1")]);
    ends(&scene, "list github/github.com", 1, &["the wallet holds nothing for github/github.com"]);
    scene.set("KEYFOB_URL", "https://github.com").set("KEYFOB_TOKEN", "s3cret-e");
    let listed = json(&ends(&scene, "list github/github.com --json", 0, &[]));
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["source"]), (1, &"environment".into()));
}

#[test]
fn list_can_be_narrowed_and_its_exit_code_can_warn() {
    let scene = holding(&[
        ("https://dev.azure.com/contoso --expires 10d", "s3cret-1"),
        ("https://github.com --expires 90d", "s3cret-2"),
        ("https://gitlab.com", "s3cret-3"),
    ]);
    let realms = |words: &str, code: i32| {
        let list = json(&ends(&scene, words, code, &[]));
        let rows = list.as_array().unwrap().iter();
        rows.map(|row| row["realm"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(realms("list --json --expiring 14d", 0), ["azure-devops/contoso"]);
    assert_eq!(realms("list --json --expiring 14d --exit-code", 5), ["azure-devops/contoso"]);
    assert_eq!(realms("list --json --expiring 1w --exit-code", 0), [""; 0]);
    assert_eq!(realms("list --json --exit-code", 0).len(), 3);
    assert_eq!(realms("list --json https://gist.github.com", 0), ["github/github.com"]);
    assert_eq!(realms("list --json github/github.com", 0), ["github/github.com"]);
    ends(&scene, "list https://bitbucket.org", 1, &["holds nothing"]);
    let row = json(&run(&scene, "list --json gitlab/gitlab.com"))[0].clone();
    let interface = [
        "account",
        "default",
        "expires",
        "expires_certain",
        "label",
        "path",
        "realm",
        "reason",
        "refresh_token",
        "refused_for",
        "rules",
        "scopes",
        "set_aside",
        "since",
        "source",
        "state",
        "store",
        "url",
    ];
    assert_eq!(keys(&row), interface);
}

#[test]
fn beside_a_second_account_the_first_goes_on_answering_and_it_is_said() {
    let scene = Scene::new();
    let add = |account: &str, more: &[&str]| {
        let args = [&["add", "https://github.com", "--account", account][..], more].concat();
        scene.command("keyfob").args(args).stdin("t0ken").run().succeeds()
    };
    assert!(!add("alice", &[]).stderr().contains("several"));
    let second = add("bob", &[]);
    assert!(second.stderr().contains("account alice is the default of github.com"), "{second}");
    assert!(second.stderr().contains("keyfob prefer https://github.com --account NAME"), "{second}");
    let asked = "protocol=https\nhost=github.com\npath=acme/site\n\n";
    let answer = scene.command("git-credential-keyfob").args(["get"]).stdin(asked).run().succeeds();
    assert!(answer.stdout().contains("username=alice"), "{answer}");
    // A new token for one that is there changes nothing of that, and a default account is an answer.
    assert!(!add("bob", &["--force"]).stderr().contains("several"));
    assert!(!add("carol", &["--default"]).stderr().contains("several"));
    assert!(!add("dave", &[]).stderr().contains("several"));
}

#[test]
fn a_second_account_for_other_tools_by_its_scopes_leaves_each_tool_its_token() {
    let scene = Scene::new();
    for (account, scopes, said) in
        [("code", "vso.code", false), ("feeds", "vso.packaging", true), ("more", "vso.wiki", false)]
    {
        let args = ["add", "https://dev.azure.com/contoso", "--account", account, "--scopes", scopes];
        let done = scene.command("keyfob").args(args).stdin(format!("t0ken-{account}")).run().succeeds();
        assert_eq!(done.stderr().contains("account code is the default"), said, "{done}");
    }
    for (tool, account) in [("git", "code"), ("nuget", "feeds"), ("askpass", "code")] {
        let explained = run(&scene, &format!("explain https://dev.azure.com/contoso --tool {tool} --json"));
        assert_eq!(json(&explained.succeeds())["account"], account, "{tool}");
    }
}
