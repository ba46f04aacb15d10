//! Tokens of environment variables, as pipelines have them: for every tool, without a home, and with what the log says where there is
//! none.
#![cfg(unix)]

use crate::support::process::Output;
use crate::support::scene::Scene;

const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json";
const TOKEN: &str = "environment-token";

/// No home, in each way that a container or a service has none.
const HOMES: [Option<&str>; 4] = [None, Some(""), Some("relative"), Some("/dev/null")];

fn without_a_home(home: Option<&str>) -> Scene {
    let mut scene = Scene::new();
    for name in ["KEYFOB_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"] {
        scene.unset(name);
    }
    if let Some(home) = home {
        scene.set("HOME", home);
    }
    scene
}

fn request(url: &str) -> String {
    let (host, path) = url.trim_start_matches("https://").split_once('/').unwrap();
    format!("protocol=https\nhost={host}\npath={path}\n\n")
}

/// What every tool that asks gets for a URL of its kind.
fn every_tool(scene: &Scene) -> Vec<(&'static str, Output)> {
    let call = |link: &str, args: &[&str], input: &str| scene.program(link).args(args).stdin(input).run();
    let cargo = r#"{"v":1,"registry":{"index-url":"sparse+https://pkgs.dev.azure.com/contoso/_packaging/f/Cargo/index/"},"kind":"get","operation":"read"}"#;
    let plugin = [
        r#"{"RequestId":"1","Type":"Request","Method":"Handshake","Payload":{"ProtocolVersion":"2.0.0","MinimumProtocolVersion":"1.0.0"}}"#.to_owned(),
        format!(r#"{{"RequestId":"2","Type":"Request","Method":"GetAuthenticationCredentials","Payload":{{"Uri":"{FEED}","IsNonInteractive":true}}}}"#),
    ];
    let shell = ["run", "--env", "T=https://dev.azure.com/contoso", "--", "sh", "-c", "printf %s \"$T\""];
    vec![
        ("git", call("git-credential-keyfob", &["get"], &request("https://dev.azure.com/contoso/p/_git/r"))),
        ("docker", call("docker-credential-keyfob", &["get"], "https://nexus.corp.example\n")),
        ("cargo", call("cargo-credential-keyfob", &["--cargo-plugin"], &format!("{cargo}\n"))),
        ("bazel", call("bazel-credential-keyfob", &["get"], &format!("{{\"uri\":\"{FEED}\"}}"))),
        ("go", call("git-credential-keyfob", &["go", "https://dev.azure.com/contoso/p"], "")),
        ("keyring", call("git-credential-keyfob", &["keyring", "get", FEED, "VssSessionToken"], "")),
        ("terraform", call("terraform-credentials-keyfob", &["get", "gitlab.com"], "")),
        ("pnpm", call("keyfob-pnpm", &["https://pkgs.dev.azure.com/contoso/_packaging/f/npm/registry/"], "")),
        ("-Uri", call("nuget-plugin-keyfob", &["-Uri", FEED, "-OutputFormat", "Json"], "")),
        ("plugin", call("nuget-plugin-keyfob", &["-Plugin"], &(plugin.join("\n") + "\n"))),
        ("token", scene.keyfob(["token", "https://dev.azure.com/contoso", "--as", "token"])),
        ("run", scene.keyfob(shell)),
        ("explain", scene.keyfob(["explain", FEED, "--tool", "nuget"])),
    ]
}

#[test]
fn a_token_of_a_variable_needs_no_home_for_any_tool() {
    let list = ["https://dev.azure.com/contoso", "https://nexus.corp.example", "https://gitlab.com"]
        .map(|url| format!(r#"{{"url":"{url}","token":"{TOKEN}","username":"bob"}}"#));
    for home in HOMES {
        let mut scene = without_a_home(home);
        scene.set("KEYFOB_TOKENS", format!("[{}]", list.join(",")));
        for (tool, output) in every_tool(&scene) {
            let token = if tool == "explain" { "KEYFOB_TOKENS" } else { TOKEN };
            let encoded = ["bob", "PAT"].map(|user| base64(&format!("{user}:{TOKEN}")));
            let shown = |text: &str| output.stdout().contains(text);
            let answers = shown(token) || encoded.iter().any(|text| shown(text));
            assert!(answers, "{home:?}, {tool}: {output}");
            assert!(!output.stderr().contains("home"), "{home:?}, {tool}: {output}");
        }
        // Without a token it is still said.
        scene.unset("KEYFOB_TOKENS");
        let output = scene
            .program("git-credential-keyfob")
            .arg("get")
            .stdin(request("https://dev.azure.com/contoso/p"))
            .run();
        assert_eq!(output.stdout(), "", "{output}");
        assert!(output.stderr().lines().count() == 1, "{home:?}: {output}");
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Each of the variables, with the tool that it is for.
#[test]
fn every_variable_answers_without_a_home() {
    let endpoints = format!(r#"{{"endpointCredentials":[{{"endpoint":"{FEED}","password":"{TOKEN}"}}]}}"#);
    let organisation = "https://dev.azure.com/contoso/";
    for (pairs, code) in [
        ([("KEYFOB_URL", organisation), ("KEYFOB_TOKEN", TOKEN)], true),
        ([("SYSTEM_COLLECTIONURI", organisation), ("SYSTEM_ACCESSTOKEN", TOKEN)], true),
        ([("AZURE_DEVOPS_ORG_URL", organisation), ("AZURE_DEVOPS_EXT_PAT", TOKEN)], true),
        (
            [("VSS_NUGET_URI_PREFIXES", "https://pkgs.dev.azure.com/"), ("VSS_NUGET_ACCESSTOKEN", TOKEN)],
            false,
        ),
        (
            [
                ("ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES", "https://pkgs.dev.azure.com/contoso/"),
                ("ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN", TOKEN),
            ],
            false,
        ),
        ([("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", &endpoints), ("", "")], false),
        ([("ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS", &endpoints), ("", "")], false),
    ] {
        let mut scene = without_a_home(None);
        for (name, value) in pairs.into_iter().filter(|(name, _)| !name.is_empty()) {
            scene.set(name, value);
        }
        let nuget = scene.program("nuget-plugin-keyfob").args(["-Uri", FEED, "-F", "Json"]).run();
        assert!(nuget.stdout().contains(TOKEN), "{pairs:?}: {nuget}");
        let git = scene
            .program("git-credential-keyfob")
            .arg("get")
            .stdin(request("https://dev.azure.com/contoso/p"))
            .run();
        assert_eq!(git.stdout().contains(TOKEN), code, "{pairs:?}: {git}");
    }
}

/// A refusal in a pipeline's log says where the token is to be renewed; a token that is stored meanwhile would be hidden by it.
#[test]
fn the_variable_of_a_refused_token_is_named() {
    let mut scene = Scene::new();
    scene.set(
        "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
        format!(
            r#"{{"endpointCredentials":[{{"endpoint":"{FEED}","username":"docker","password":"stale"}}]}}"#
        ),
    );
    let retry =
        scene.program("nuget-plugin-keyfob").args(["-Uri", FEED, "-IsRetry", "True", "-F", "Json"]).run();
    assert!(retry.stderr().contains("the token in VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"), "{retry}");
    assert!(!retry.stderr().contains("keyfob add"), "{retry}");
    let added = scene.keyfob_with(["add", "https://dev.azure.com/contoso"], format!("{TOKEN}\n")).succeeds();
    assert!(added.stderr().contains("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS answers first"), "{added}");
    scene.unset("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS");
    scene.set("KEYFOB_URL", "https://dev.azure.com/contoso").set("KEYFOB_TOKEN", "stale");
    let refused = format!(
        "{}username=contoso\npassword=stale\n\n",
        request("https://dev.azure.com/contoso/p").trim_end_matches('\n').to_owned() + "\n"
    );
    let git = scene.program("git-credential-keyfob").arg("erase").stdin(refused).run().succeeds();
    assert_eq!(
        git.stderr(),
        "keyfob: hint: the server refused the token in KEYFOB_TOKEN; renew it where KEYFOB_TOKEN is set, or unset the variable\n"
    );
}

/// What nobody can look up in a pipeline: neither explain nor doctor runs there.
#[test]
fn a_log_says_which_variable_has_no_token_and_why() {
    for (value, why) in [
        (r#"[{"url":"https://dev.azure.com/contoso","token":""}]"#, "it is empty"),
        (r#"[{"url":"https://dev.azure.com/contoso","token":"$(PAT)"}]"#, "that nothing replaced"),
        (r#"[{"url":"https://dev.azure.com/contoso""#, "it is not a JSON list"),
    ] {
        let mut scene = Scene::new();
        scene.set("KEYFOB_TOKENS", value);
        for (tool, output) in every_tool(&scene) {
            // These ask for another host, or have no words for it.
            if ["docker", "terraform", "pnpm", "cargo", "go", "bazel", "plugin"].contains(&tool) {
                continue;
            }
            let said = output.stderr();
            assert!(said.contains("KEYFOB_TOKENS") && said.contains(why), "{tool}: {output}");
            assert!(!said.contains("keyfob add"), "{tool}: {output}");
        }
    }
}
