//! The real npm under the real host names: a feed, the public registry and storage, and only the feed ever sees the token.

use std::fs;

use crate::support::npm_feed::{NPM, NpmFeed, PKGS, TOKEN};

use super::program;

#[test]
fn npm_installs_and_publishes() {
    let Some(()) = program("npm") else { return };
    let feed = NpmFeed::new();
    feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
    // Without us it is refused.
    feed.scene.command("npm").arg("install").within(feed.project()).run().fails();
    feed.proxy.log().take();
    let installed = feed.keyfob_run("npm", "install").run().succeeds();
    assert_eq!(installed.stderr(), "", "{installed}");
    feed.arrived();
    let own = feed.own_package();
    feed.proxy.log().take();
    feed.keyfob_run("npm", "publish").within(&own).run().succeeds();
    feed.published();
    feed.left_nothing();
}

#[test]
fn a_script_of_a_package_cannot_publish_nor_read_elsewhere_nor_find_a_token() {
    let Some(()) = program("npm") else { return };
    let feed = NpmFeed::new();
    let script = feed.hostile_script();
    feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
    let manifest = serde_json::json!({
        "name": "app", "version": "1.0.0", "dependencies": { "@contoso/greeting": "1.0.0" },
        "scripts": { "postinstall": script },
    });
    fs::write(feed.project().join("package.json"), manifest.to_string()).unwrap();
    feed.keyfob_run("npm", "install").run().succeeds();
    feed.the_script_got_nowhere();
}

#[test]
fn what_a_script_may_not_publish_the_user_may_let_it() {
    let Some(()) = program("npm") else { return };
    let feed = NpmFeed::new();
    feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
    let own = feed.own_package();
    let manifest =
        serde_json::json!({ "name": "app", "version": "1.0.0", "scripts": { "ship": "npm publish ./own" } });
    fs::write(feed.project().join("package.json"), manifest.to_string()).unwrap();
    // npm has no login by itself, and says so before any request.
    let refused = feed.keyfob_run("npm", "run ship").run().fails();
    assert!(refused.stderr().contains("ENEEDAUTH"), "{refused}");
    // One that tries all the same is told by the proxy what is missing.
    let placeholder = format!("{}:_authToken=x\n", NPM.trim_start_matches("https:"));
    let login = placeholder.replace("=x", &format!("={}", keyfob::tool::client::PLACEHOLDER));
    feed.scene.append("project/own/.npmrc", &login);
    feed.scene.append("project/.npmrc", &login);
    let refused = feed.keyfob_run("npm", "run ship").run().fails();
    assert!(refused.stderr().contains("keyfob run --write"), "{refused}");
    assert!(feed.proxy.log().entries().iter().all(|entry| entry.method != "PUT"));
    fs::write(feed.project().join(".npmrc"), format!("@contoso:registry={NPM}\n")).unwrap();
    fs::remove_file(own.join(".npmrc")).unwrap();
    feed.proxy.log().take();
    let call = feed.scene.program("keyfob").args(["run", "--write", "--", "npm", "run", "ship"]);
    call.within(feed.project()).run().succeeds();
    feed.published();
    feed.left_nothing();
}

#[test]
fn a_refused_token_is_said_at_once_with_tool_and_account() {
    let Some(()) = program("npm") else { return };
    let feed = NpmFeed::new();
    feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
    feed.scene
        .keyfob_with(
            ["add", "https://dev.azure.com/contoso", "--force", "--account", "ci"],
            "s3cret-that-expired-some-time-ago",
        )
        .succeeds();
    feed.scene.keyfob(["prefer", "https://dev.azure.com/contoso", "--account", "ci"]).succeeds();
    let output = feed.keyfob_run("npm", "install").run().fails();
    let said: Vec<&str> = output.stderr().lines().filter(|line| line.starts_with("keyfob: ")).collect();
    assert_eq!(said.len(), 1, "{output}");
    assert!(
        said[0].starts_with("keyfob: hint: npm: dev.azure.com/contoso refused the token of account ci"),
        "{output}"
    );
    assert!(said[0].contains("keyfob rotate"), "{output}");
}

#[test]
fn settings_of_a_project_lead_no_token_elsewhere() {
    let Some(()) = program("npm") else { return };
    let feed = NpmFeed::new();
    let key = NPM.trim_start_matches("https:");
    for (name, hostile) in [
        (
            "its own proxy, unchecked",
            "https-proxy=http://127.0.0.1:9\nstrict-ssl=false\nnoproxy=pkgs.dev.azure.com\n".to_owned(),
        ),
        (
            "another registry with variables",
            format!(
                "@evil:registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken=${{npm_config_{key}:_password}}\n"
            ),
        ),
        ("its own authorities", "cafile=./none.pem\n".to_owned()),
    ] {
        feed.proxy.log().take();
        fs::write(feed.project().join(".npmrc"), format!("@contoso:registry={NPM}\n{hostile}")).unwrap();
        let _ = fs::remove_dir_all(feed.project().join("node_modules"));
        let _ = fs::remove_dir_all(feed.scene.home().join(".npm"));
        feed.keyfob_run("npm", "install").run();
        let saw = feed.proxy.log().hosts_that_saw(TOKEN);
        assert!(saw.is_empty() || saw == [PKGS], "{name}: {saw:?}");
        assert_eq!(saw, [PKGS], "{name}: the variables go before the project's settings");
    }
}
