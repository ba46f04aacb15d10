//! `keyfob explain`.

use super::{CONTOSO, ends, holding, json, keys, run};
use crate::support::scene::Scene;

#[test]
fn a_decision_is_told_step_by_step_and_changes_nothing() {
    let scene = holding(&[
        ("https://dev.azure.com/contoso --account alice --scopes vso.packaging", "s3cret-a"),
        ("https://dev.azure.com/contoso --account bob --expires 3d", "s3cret-b"),
    ]);
    let before = std::fs::read(scene.home().join("keyfob/records/azure-devops+contoso.json")).unwrap();
    let output = ends(
        &scene,
        "explain https://contoso.visualstudio.com/app/_git/app",
        0,
        &[
            "belongs to azure-devops/contoso",
            "no user name was asked for",
            "account alice is out: its recorded scopes do not cover code",
            "account bob is the only one",
            "answer: account bob of azure-devops/contoso, from the vault store",
            "with user name bob, as Basic",
        ],
    );
    assert_eq!(output.stderr(), "");
    let after = std::fs::read(scene.home().join("keyfob/records/azure-devops+contoso.json")).unwrap();
    assert!(before == after, "the daily hint is not used up");
    ends(&scene, "explain https://dev.azure.com/contoso --user alice", 0, &["account alice is the one"]);
    ends(&scene, "explain azure-devops/contoso --tool git", 0, &["account bob"]);
}

#[test]
fn no_answer_is_told_with_the_reason_the_way_on_and_the_code_of_its_kind() {
    let scene = holding(&[
        ("https://dev.azure.com/contoso --account alice", "s3cret-a"),
        ("https://dev.azure.com/contoso --account bob", "s3cret-b"),
        ("https://git.example.com --account alice", "s3cret-c"),
    ]);
    ends(&scene, "prefer https://dev.azure.com/contoso --clear", 0, &[]);
    for (words, code, texts) in [
        (
            "https://dev.azure.com/contoso/app",
            4,
            ["alice, bob", "keyfob prefer https://dev.azure.com/contoso --account NAME"],
        ),
        ("https://dev.azure.com/fabrikam", 1, ["no account of", "keyfob add https://dev.azure.com/fabrikam"]),
        ("https://fabrikam@dev.azure.com", 1, ["no account of", "keyfob add https://dev.azure.com/fabrikam"]),
        ("https://dev.azure.com", 1, ["does not tell the organisation", "useHttpPath"]),
        ("https://unknown.example", 1, ["holds nothing", "keyfob add https://unknown.example"]),
        (
            "https://git.example.com --user bob",
            1,
            ["no account has that name", "keyfob add https://git.example.com --account bob"],
        ),
        ("http://git.example.com", 1, ["holds nothing", "keyfob add"]),
    ] {
        let output = ends(&scene, &format!("explain {words}"), code, &texts);
        assert!(output.stdout().ends_with("no answer\n"), "{output}");
    }
}

#[test]
fn a_token_of_the_environment_is_seen_to_win() {
    let mut scene = holding(&[("https://github.com --account alice", "s3cret-a")]);
    scene.set("KEYFOB_URL", "https://github.com").set("KEYFOB_TOKEN", "s3cret-e");
    ends(
        &scene,
        "explain https://github.com/a/b",
        0,
        &["KEYFOB_TOKEN has a token for it", "from the environment store"],
    );
    ends(
        &scene,
        "explain https://github.com/a/b --user alice",
        0,
        &["user name picks account alice", "the vault store"],
    );
    scene.unset("KEYFOB_URL");
    ends(&scene, "explain https://github.com/a/b", 0, &["KEYFOB_TOKEN is ignored", "the vault store"]);
}

#[test]
fn a_locked_store_is_not_an_absent_token_and_the_steps_so_far_are_told() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    scene.protect_vault("s3cret horse");
    let output = ends(
        &scene,
        "explain https://dev.azure.com/contoso",
        3,
        &["is the only one", "locked", "keyfob unlock"],
    );
    assert!(output.stdout().contains("3. "), "{output}");
    let told = json(&ends(&scene, "explain https://dev.azure.com/contoso --json", 3, &[]));
    assert_eq!((&told["outcome"], &told["hint"]), (&"error".into(), &"keyfob unlock".into()));
    ends(&scene, "token https://dev.azure.com/contoso --as token", 3, &["locked"]);
    ends(&scene, "list", 0, &["dev.azure.com/contoso"]);
}

#[test]
fn json_tells_the_same_in_one_shape() {
    let scene = holding(&[("https://tfs.example.com/tfs/Main --account alice", "s3cret-1")]);
    let interface = [
        "account",
        "expires",
        "hint",
        "need",
        "outcome",
        "presentation",
        "realm",
        "reason",
        "steps",
        "store",
        "tool",
        "url",
        "user",
        "username",
    ];
    let hit = json(&run(&scene, "explain https://tfs.example.com/tfs/Main/app --json").succeeds());
    assert_eq!(keys(&hit), interface);
    let facts = ["outcome", "realm", "account", "store", "username", "presentation", "need", "tool"]
        .map(|key| hit[key].as_str().unwrap());
    let expected = [
        "answer",
        "azure-devops-server/https://tfs.example.com/tfs/main",
        "alice",
        "vault",
        "alice",
        "forced-basic",
        "code",
        "git",
    ];
    assert_eq!(facts, expected);
    let miss = json(&ends(&scene, "explain https://github.com --json", 1, &[]));
    assert_eq!(keys(&miss), interface);
    assert_eq!((&miss["outcome"], &miss["realm"]), (&"none".into(), &serde_json::Value::Null));
}

#[test]
fn hints_can_be_pasted_whatever_the_url_holds() {
    let scene = Scene::new();
    let output = ends(
        &scene,
        "explain https://git.example.com/a/$(touch${IFS}x)/b;c",
        1,
        &["keyfob add https://git.example.com/a/"],
    );
    assert!(!output.stderr().contains(['$', ';', '(']), "{output}");
    let scene = holding(&[("https://git.example.com --account alice", "s3cret-1")]);
    ends(
        &scene,
        "explain https://git.example.com --user $(x);y",
        1,
        &["keyfob add https://git.example.com --account '$(x);y'"],
    );
}

#[test]
fn of_two_tokens_of_one_organisation_the_scopes_pick_the_one_for_each_tool() {
    let scene = holding(&[
        ("https://dev.azure.com/contoso --account code --scopes vso.code_write", "s3cret-code"),
        ("https://dev.azure.com/contoso --account feeds --scopes vso.packaging", "s3cret-feeds"),
    ]);
    let feed = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";
    let crates = "https://pkgs.dev.azure.com/contoso/_packaging/feed/Cargo/index/";
    let others = ["nuget", "keyring", "python", "npm", "pnpm"].map(|tool| (tool, feed));
    for (tool, feed) in others.into_iter().chain([("cargo", crates)]) {
        let texts =
            ["account code is out: its recorded scopes do not cover packages", "answer: account feeds"];
        let output = ends(&scene, &format!("explain {feed} --tool {tool}"), 0, &texts);
        assert!(!output.stdout().contains("git 2.46"), "that is for git alone: {output}");
    }
    let texts = ["account feeds is out: its recorded scopes do not cover code", "answer: account code"];
    ends(&scene, &format!("explain {CONTOSO}/Project/_git/Repo"), 0, &texts);
    // And so it is when they ask.
    let asked = scene.command("keyfob").args(["keyring", "--mode", "creds", "get", feed]).run().succeeds();
    assert!(asked.stdout().ends_with("s3cret-feeds\n"), "{asked}");
    let asked =
        scene.command("keyfob").args(["nuget", "-Uri", feed, "-OutputFormat", "Json"]).run().succeeds();
    assert!(asked.stdout().contains("s3cret-feeds") && !asked.stdout().contains("s3cret-code"), "{asked}");
    let request = "protocol=https\nhost=dev.azure.com\npath=contoso/Project/_git/Repo\n\n";
    let asked = scene.command("keyfob").args(["git", "get"]).stdin(request).run().succeeds();
    assert!(asked.stdout().contains("password=s3cret-code\n"), "{asked}");
}

#[test]
fn it_tells_what_the_tool_that_is_named_would_really_get() {
    let scene = holding(&[
        ("https://github.com", "s3cret-hub"),
        ("https://gitlab.com", "s3cret-lab"),
        ("https://docker.io --account me", "s3cret-docker"),
    ]);
    let stored = "protocol=https\nhost=git.example\nusername=me\npassword=s3cret-pair\n\n";
    scene.command("keyfob").args(["git", "store"]).stdin(stored).run().succeeds();
    ends(&scene, "explain https://git.example/index/ --tool cargo", 1, &["no token for crates"]);
    // terraform would send it as Bearer, so it gets none.
    let helper = |host: &str| scene.program("terraform-credentials-keyfob").args(["get", host]).run();
    assert_eq!(helper("github.com").stdout(), "{}\n");
    let words = "the token of github/github.com is no Bearer token, which terraform would make of it";
    ends(&scene, "explain https://github.com --tool terraform", 1, &[words]);
    let told = json(&run(&scene, "explain https://github.com --tool terraform --json"));
    assert_eq!((&told["outcome"], &told["reason"]), (&"none".into(), &words.into()));
    assert!(helper("gitlab.com").stdout().contains("s3cret-lab"));
    ends(&scene, "explain https://gitlab.com --tool terraform", 0, &["answer: the unnamed account"]);
    let words = "cargo gets a token of gitlab for its own registries";
    ends(&scene, "explain https://gitlab.com/evil/index/-/raw/main/ --tool cargo", 1, &[words]);
    let registry = "https://gitlab.com/api/v4/projects/1/packages/cargo/";
    ends(&scene, &format!("explain {registry} --tool cargo"), 0, &["answer: the unnamed account"]);
    // docker has its own name for the Hub.
    let hub = "https://index.docker.io/v1/";
    let docker = scene.program("docker-credential-keyfob").args(["get"]).stdin(hub).run();
    assert!(docker.stdout().contains("s3cret-docker"), "{docker}");
    let told =
        ["https://index.docker.io/v1, asked by Docker", "answer: account me of generic/https://docker.io"];
    ends(&scene, &format!("explain {hub} --tool docker"), 0, &told);
    ends(&scene, &format!("explain {hub}"), 1, &["holds nothing"]);
}

/// People know tools by the programs that they type.
#[test]
fn a_clients_name_stands_for_its_tool() {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", "token-of-contoso");
    let url = "https://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json";
    for (client, title) in [
        ("dotnet", "NuGet"),
        ("msbuild", "NuGet"),
        ("podman", "Docker"),
        ("pip", "pip"),
        ("twine", "twine"),
        ("mvn", "Maven"),
    ] {
        let said = scene.keyfob(["explain", url, "--tool", client]).succeeds();
        let first = said.stdout().lines().next().unwrap().to_owned();
        assert!(first.to_lowercase().contains(&title.to_lowercase()), "{client}: {first}");
    }
    let setup = scene.keyfob(["setup", "dotnet", "--dry-run"]);
    assert!(!setup.stderr().contains("invalid value"), "{setup}");
    assert_eq!(scene.keyfob(["explain", url, "--tool", "nothing"]).code(), 2);
}
