//! By variable: what the command sees and what it does not, and how it ends.

use std::fs;

use crate::support::scene::Scene;

use super::{CONTOSO, NPM, OTHER, TOKEN, alice, call, run, seen};

/// Base64 of `contoso:` and [`TOKEN`], and of the token alone.
const BASIC: &str = "Y29udG9zbzpzM2NyZXQtdG9rZW4tZm9yLXBhY2thZ2VzLXRoYXQtb25seS10aGVzZS10ZXN0cy1rbm93";
const BASE64: &str = "czNjcmV0LXRva2VuLWZvci1wYWNrYWdlcy10aGF0LW9ubHktdGhlc2UtdGVzdHMta25vdw==";

fn scene() -> Scene {
    let scene = Scene::new();
    scene.add(CONTOSO, TOKEN);
    scene
}

#[test]
fn each_profile_sets_its_variables_and_no_other() {
    let scene = scene();
    for (words, expected) in [
        ("--profile az --for https://dev.azure.com/contoso", vec![format!("AZURE_DEVOPS_EXT_PAT={TOKEN}")]),
        (
            "--profile agent --for https://dev.azure.com/contoso",
            vec![
                "VSTS_AGENT_INPUT_AUTH=pat".to_owned(),
                format!("VSTS_AGENT_INPUT_TOKEN={TOKEN}"),
                "VSTS_AGENT_INPUT_URL=https://dev.azure.com/contoso".to_owned(),
            ],
        ),
        (
            "--profile gradle --for myFeed=https://pkgs.dev.azure.com/contoso/_packaging/feed/maven/v1",
            vec![
                format!("ORG_GRADLE_PROJECT_myFeedPassword={TOKEN}"),
                "ORG_GRADLE_PROJECT_myFeedUsername=contoso".to_owned(),
            ],
        ),
        (
            "--profile nuget --for my.feed=https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json",
            vec![format!(
                "NuGetPackageSourceCredentials_my.feed=Username=contoso;Password={TOKEN};ValidAuthenticationTypes=basic"
            )],
        ),
        (
            "--profile conan --profile poetry --for my-feed=https://dev.azure.com/contoso",
            vec![
                "CONAN_LOGIN_USERNAME_MY_FEED=contoso".to_owned(),
                format!("CONAN_PASSWORD_MY_FEED={TOKEN}"),
                format!("POETRY_HTTP_BASIC_MY_FEED_PASSWORD={TOKEN}"),
                "POETRY_HTTP_BASIC_MY_FEED_USERNAME=contoso".to_owned(),
            ],
        ),
        ("--env A=azure-devops/contoso", vec![format!("A={TOKEN}")]),
        (
            "--env A=basic:https://dev.azure.com/contoso --env B=header:https://dev.azure.com/contoso --env \
             C=user:https://bob@dev.azure.com/contoso",
            vec![format!("A={BASIC}"), format!("B=Basic {BASIC}"), "C=bob".to_owned()],
        ),
    ] {
        assert_eq!(seen(&scene, words), expected, "{words}");
        // The names alone, and no value.
        let dry = run(&scene, &format!("--dry-run {words}")).succeeds();
        let mut names: Vec<&str> =
            dry.stdout().lines().map(|line| line.rsplit_once(": ").unwrap().0).collect();
        names.sort_unstable();
        let expected: Vec<&str> = expected.iter().map(|line| line.split_once('=').unwrap().0).collect();
        assert_eq!(names, expected, "{dry}");
        assert!(!dry.stdout().contains(TOKEN) && !dry.stdout().contains(BASE64), "{dry}");
    }
}

#[test]
fn nothing_is_started_unless_every_place_has_its_token() {
    let scene = scene();
    for (words, hint) in [
        ("--profile az --for https://dev.azure.com/fabrikam", "keyfob add https://dev.azure.com/fabrikam"),
        ("--profile az --for https://feed.example.test/", "keyfob add https://feed.example.test"),
        (
            "--profile poetry --for a=https://dev.azure.com/contoso --for b=https://dev.azure.com/fabrikam",
            "fabrikam",
        ),
        ("--profile npm --for https://dev.azure.com/fabrikam", "keyfob add https://dev.azure.com/fabrikam"),
        ("--env A=https://dev.azure.com/contoso --env B=https://dev.azure.com/fabrikam", "fabrikam"),
        ("--profile az --for https://dev.azure.com/contoso --account bob", "bob"),
        ("--profile az --for http://dev.azure.com/contoso", "nothing for http://dev.azure.com/contoso"),
        ("--profile az --for https://dev.azure.com/contoso --for https://dev.azure.com/contoso/x https", "x"),
        ("--profile npm --for https://x1.blob.core.windows.net/contoso/x", "holds nothing"),
        ("--profile npm --for https://contoso.vsblob.vsassets.io/x", "holds nothing"),
        ("--profile az --for not-a-url", "https://"),
        ("--profile az --for https://dev.azure.com", "--for https://dev.azure.com/ORGANISATION"),
        ("--profile az --for https://a:s3cret@dev.azure.com/contoso", "password or token in it"),
        ("--profile gradle --for https://dev.azure.com/contoso", "--for NAME=https://dev.azure.com/contoso"),
        ("--profile nothing", "possible values"),
        ("--env A", "--env NAME=URL"),
        ("--env =https://dev.azure.com/contoso", "cannot stand in an environment"),
        ("--for NAME=https://dev.azure.com/contoso", "NAME is not what a place can be for"),
        ("", "keyfob run --for URL -- COMMAND"),
        ("--bogus", "--bogus"),
    ] {
        let words = words.strip_suffix(" https").unwrap_or(words);
        let output = run(&scene, &format!("{words} touch started"));
        if words.contains("contoso/x") && words.contains("az") {
            // One organisation, one token: no question.
            output.succeeds();
            fs::remove_file(scene.home().join("started")).unwrap();
            continue;
        }
        assert_eq!((output.code(), output.stdout()), (125, ""), "{output}");
        assert!(output.stderr().contains(hint) && !output.stderr().contains(TOKEN), "{output}");
        assert!(
            output.stderr().starts_with("keyfob: error: ") && !output.stderr().contains("s3cret"),
            "{output}"
        );
        assert!(!scene.home().join("started").exists(), "{words}");
    }
}

#[test]
fn it_becomes_the_command_and_ends_as_that_does() {
    let scene = scene();
    let run = |words: &str| run(&scene, &format!("--env A={CONTOSO} {words}"));
    assert_eq!(run("sh -c true").code(), 0);
    let script = scene.script("ends", "#!/bin/sh\ncat; exit 77\n");
    let output = call(&scene, &format!("--env A={CONTOSO} {}", script.display())).stdin("passed on").run();
    assert_eq!((output.code(), output.stdout()), (77, "passed on"));
    assert_eq!(run("no-such-program").code(), 127);
    assert_eq!(run("/etc/passwd").code(), 126);
    // The same process, and a signal ends it as it would end the command.
    let own = scene.script("own", "#!/bin/sh\nps -o comm= -p $PPID | grep -c keyfob\n");
    assert_eq!(run(&own.display().to_string()).stdout(), "0\n");
    let killed = scene.script("killed", "#!/bin/sh\nkill -TERM $$\n");
    assert!(!run(&killed.display().to_string()).ended_by_itself());
    // What looks like our option behind the command is its own.
    assert_eq!(run("echo --dry-run -- -n").stdout(), "--dry-run -- -n\n");
    assert_eq!(run("-- echo -- --version x").stdout(), "-- --version x\n");
}

#[test]
fn what_we_do_to_ourselves_is_not_done_to_the_command() {
    let scene = scene();
    let look = "ulimit -Sc; trap '' PIPE; grep -c '^SigIgn:.*[^0].*$' /proc/self/status; test -r /proc/self/environ && echo readable";
    let script = scene.script("look", &format!("#!/bin/sh\n{look}\n"));
    let start = format!("ulimit -Sc $(ulimit -Hc); exec keyfob run --env A={CONTOSO} {}", script.display());
    let through = scene.command("sh").args(["-c", &start]).run().succeeds();
    let direct =
        scene.command("sh").args(["-c", &format!("ulimit -Sc $(ulimit -Hc); exec {}", script.display())]);
    assert_eq!(through.stdout(), direct.run().succeeds().stdout());
}

#[test]
fn tokens_of_our_own_environment_are_not_passed_on() {
    let mut scene = scene();
    scene.set("KEYFOB_URL", "https://dev.azure.com/fabrikam").set("KEYFOB_TOKEN", OTHER);
    scene.set("KEYFOB_TOKENS", format!("[{{\"url\":\"https://one.example.test\",\"token\":\"{OTHER}-2\"}}]"));
    scene
        .set("AZURE_DEVOPS_EXT_PAT", "s3cret-old")
        .set("SYSTEM_ACCESSTOKEN", "s3cret-job")
        .set("PLAIN", "kept");
    let output = run(&scene, "--env A=https://dev.azure.com/fabrikam -- env").succeeds();
    let held: Vec<&str> = output.stdout().lines().filter(|line| line.contains("s3cret")).collect();
    assert_eq!(held, [format!("A={OTHER}")]);
    assert!(output.stdout().contains("PLAIN=kept\n") && output.stdout().contains("KEYFOB_URL="), "{output}");
    let output = run(&scene, "--profile az --for https://dev.azure.com/contoso -- env").succeeds();
    assert!(output.stdout().contains(&format!("AZURE_DEVOPS_EXT_PAT={TOKEN}\n")), "{output}");
}

#[test]
fn an_account_is_chosen_by_its_name_and_none_is_guessed() {
    let scene = Scene::new();
    scene.add_with(CONTOSO, TOKEN, alice());
    scene.add_with(CONTOSO, OTHER, crate::support::person::Add { account: Some("bob"), ..alice() });
    scene.keyfob(["prefer", CONTOSO, "--clear"]).succeeds();
    let output = run(&scene, "--env A=https://dev.azure.com/contoso -- env");
    assert_eq!(output.code(), 125, "{output}");
    assert!(output.stderr().contains("keyfob prefer https://dev.azure.com/contoso"), "{output}");
    assert_eq!(seen(&scene, "--account bob --env A=https://dev.azure.com/contoso"), [format!("A={OTHER}")]);
    assert_eq!(seen(&scene, "--env A=https://alice@dev.azure.com/contoso"), [format!("A={TOKEN}")]);
}

#[test]
fn the_tools_need_chooses_among_tokens_by_their_scopes() {
    let scene = Scene::new();
    let add = |account: &str, scopes: &str, token: &str| {
        scene.keyfob_with(["add", CONTOSO, "--account", account, "--scopes", scopes], token).succeeds();
    };
    add("code", "vso.code", OTHER);
    add("feeds", "vso.packaging", TOKEN);
    let dry = run(&scene, &format!("--dry-run --profile poetry --for feed={NPM}")).succeeds();
    assert!(dry.stdout().contains("account feeds") && !dry.stdout().contains("account code"), "{dry}");
}

#[test]
fn a_locked_wallet_starts_nothing() {
    let scene = scene();
    scene.protect_vault("s3cret horse");
    scene.keyfob(["lock"]).succeeds();
    let output = run(&scene, "--env A=https://dev.azure.com/contoso touch started");
    assert_eq!(output.code(), 125, "{output}");
    assert!(output.stderr().contains("locked") && output.stderr().contains("keyfob unlock"), "{output}");
    assert!(!scene.home().join("started").exists());
}

#[test]
fn composers_variable_keeps_what_is_in_it() {
    let mut scene = scene();
    scene.set(
        "COMPOSER_AUTH",
        r#"{"github-oauth":{"github.com":"x"},"http-basic":{"a.test":{"username":"u","password":"p"}}}"#,
    );
    let auth = |scene: &Scene| {
        let seen = seen(scene, "--profile composer --for https://pkgs.dev.azure.com/contoso/x");
        serde_json::from_str::<serde_json::Value>(seen[0].strip_prefix("COMPOSER_AUTH=").unwrap()).unwrap()
    };
    let expected = serde_json::json!({
        "github-oauth": { "github.com": "x" },
        "http-basic": {
            "a.test": { "username": "u", "password": "p" },
            "pkgs.dev.azure.com": { "username": "contoso", "password": TOKEN },
        },
    });
    assert_eq!(auth(&scene), expected);
    scene.set("COMPOSER_AUTH", "nonsense");
    let output = run(&scene, "--profile composer --for https://pkgs.dev.azure.com/contoso/x env");
    assert_eq!(output.code(), 125);
    assert!(output.stderr().contains("unset COMPOSER_AUTH"), "{output}");
    // One login for a host.
    scene.unset("COMPOSER_AUTH").add("https://dev.azure.com/fabrikam", OTHER);
    let two = "--for https://pkgs.dev.azure.com/contoso/x --for https://pkgs.dev.azure.com/fabrikam/x";
    assert_eq!(run(&scene, &format!("--profile composer {two} env")).code(), 125);
}
