//! Places that a tool's own settings name, and whose token may go where.

use std::fs;
use std::path::PathBuf;

use crate::support::scene::Scene;

use super::{CONTOSO, NPM, OTHER, TOKEN, call, run, seen};

fn scene() -> Scene {
    let scene = Scene::new();
    scene.add(CONTOSO, TOKEN);
    scene
}

/// A program of this name that prints the variables whose names begin so. No shell: dash drops names that it could not write.
fn prints(scene: &Scene, name: &str, beginning: &str) -> PathBuf {
    let perl =
        format!("for (sort keys %ENV) {{ print \"$_=$ENV{{$_}}\\n\" if index($_, '{beginning}') == 0 }}");
    scene.script(name, &format!("#!/usr/bin/perl\n{perl}\n"))
}

#[test]
fn found_places_that_are_not_ours_are_left_out_and_named_only_when_none_is_left() {
    let scene = scene();
    let npm = prints(&scene, "npm", "npm_config_//").display().to_string();
    scene.append(".npmrc", "registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken=theirs\n");
    let output = run(&scene, &npm);
    assert_eq!(output.stdout(), "");
    assert!(
        output.stderr().contains("no token is set") && output.stderr().contains("registry.npmjs.org"),
        "{output}"
    );
    scene.append(".npmrc", &format!("@contoso:registry={NPM}\n"));
    let output = run(&scene, &npm).succeeds();
    assert_eq!((output.stdout().lines().count(), output.stderr()), (2, ""));
    // A place of ours without a token is no foreign one.
    scene.append(".npmrc", &format!("@fabrikam:registry={}\n", NPM.replace("contoso", "fabrikam")));
    let output = run(&scene, &npm);
    assert_eq!(output.code(), 125, "{output}");
    assert!(output.stderr().contains("keyfob add https://dev.azure.com/fabrikam"), "{output}");
    // Where a token stands already, it stays.
    scene.append(
        ".npmrc",
        &format!("{}:_password=eA==\n", NPM.replace("contoso", "fabrikam").replace("https:", "")),
    );
    assert_eq!(run(&scene, &npm).succeeds().stdout().lines().count(), 2);
}

#[test]
fn a_projects_settings_cannot_hand_our_variables_to_another_host() {
    let scene = scene();
    let npm = prints(&scene, "npm", "KEYFOB_NPM").display().to_string();
    let place = NPM.trim_start_matches("https:");
    let ours = format!("@contoso:registry={NPM}\n{place}:_password=${{KEYFOB_NPM_PASSWORD}}\n");
    let npmrc = |more: &str| fs::write(scene.home().join(".npmrc"), format!("{ours}{more}")).unwrap();
    npmrc("registry=https://evil.example.test/\n");
    assert_eq!(run(&scene, &npm).succeeds().stdout().lines().count(), 1);
    for registry in ["registry=https://evil.example.test/\n", ""] {
        npmrc(&format!("{registry}//evil.example.test/:_password=${{KEYFOB_NPM_PASSWORD}}\n"));
        assert_eq!(run(&scene, &npm).succeeds().stdout(), "", "{registry}");
        let dry = run(&scene, &format!("--dry-run {npm}")).succeeds();
        assert!(dry.stderr().contains("would go to"), "{dry}");
        assert!(dry.stderr().contains("https://evil.example.test/"), "{dry}");
    }
    for line in [
        format!("//evil.example.test/:_password=${{npm_config_{place}:_password}}\n"),
        "//evil.example.test/:_authToken=${KEYFOB_NPM_PASSWORD}\n".to_owned(),
    ] {
        npmrc(&line);
        let output = run(&scene, &npm);
        assert_eq!((output.code(), output.stdout()), (125, ""), "{output}");
        assert!(output.stderr().contains(".npmrc sends on the variables"), "{output}");
    }
}

#[test]
fn one_name_for_two_places_is_refused() {
    let scene = scene();
    let poetry = prints(&scene, "poetry", "POETRY").display().to_string();
    let source =
        |name: &str, url: &str| format!("[[tool.poetry.source]]\nname = \"{name}\"\nurl = \"{url}\"\n");
    let ours = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
    scene.append("pyproject.toml", &source("my-feed", ours));
    assert!(
        run(&scene, &poetry)
            .succeeds()
            .stdout()
            .contains(&format!("POETRY_HTTP_BASIC_MY_FEED_PASSWORD={TOKEN}\n"))
    );
    // Poetry would send what belongs to `my-feed` to this one too.
    scene.append("pyproject.toml", &source("MY_FEED", "https://evil.example.test/simple/"));
    let output = run(&scene, &poetry);
    assert_eq!((output.code(), output.stdout()), (125, ""), "{output}");
    assert!(output.stderr().contains("evil.example.test"), "{output}");
    assert!(run(&scene, &format!("--for my-feed={ours} {poetry}")).succeeds().stdout().contains(TOKEN));
    // Nor is what stands beside a URL that cannot be read.
    let hidden = source("my-feed", ours) + &source("My_Feed", "https://me:x@evil.example.test/simple/");
    fs::write(scene.home().join("pyproject.toml"), hidden).unwrap();
    let output = run(&scene, &poetry);
    assert_eq!((output.code(), output.stdout()), (125, ""), "{output}");
    assert!(output.stderr().contains("is also the name of a place whose URL cannot be read"), "{output}");
    // Nor is one guessed from a file that Poetry may read otherwise.
    scene.append("pyproject.toml", "[[tool.poetry.source");
    let output = run(&scene, &poetry);
    assert_eq!((output.code(), output.stdout()), (125, ""), "{output}");
    assert!(output.stderr().contains("pyproject.toml: it is not well-formed"), "{output}");
}

#[test]
fn the_nearest_nuget_config_says_where_a_sources_token_goes() {
    let scene = scene();
    let dotnet = prints(&scene, "dotnet", "NuGet").display().to_string();
    let config = |name: &str, url: &str| {
        format!(
            "<configuration><packageSources><add key=\"{name}\" value=\"{url}\" /></packageSources></configuration>"
        )
    };
    fs::create_dir_all(scene.home().join("a/b")).unwrap();
    let feed = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";
    scene.append("nuget.config", &config("feed one", feed));
    let at = |folder: &str| call(&scene, &dotnet).within(scene.home().join(folder)).run();
    let expected = format!(
        "NuGetPackageSourceCredentials_feed one=Username=contoso;Password={TOKEN};ValidAuthenticationTypes=basic\n"
    );
    assert_eq!(at("a/b").succeeds().stdout(), expected);
    // Whoever writes the nearer file decides what the name means: then it is not our place any more.
    scene.append("a/NuGet.Config", &config("feed one", "https://evil.example.test/v3/index.json"));
    let output = at("a/b");
    assert_eq!(output.stdout(), "", "{output}");
    assert!(
        output.stderr().contains("no token is set") && output.stderr().contains("evil.example.test"),
        "{output}"
    );
    assert_eq!(at(".").succeeds().stdout(), expected);
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
