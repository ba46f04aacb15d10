//! Yarn 1, Yarn 4 and pnpm, with a feed beside the public registry.

use std::fs;

use crate::support::npm_feed::{NPM, NpmFeed};

use super::client;

const YARN_1: &str = "yarn-1/node_modules/.bin/yarn";
const YARN_4: &str = "yarn-4/node_modules/.bin/yarn";
const PNPM: [&str; 2] = ["pnpm-10/node_modules/.bin/pnpm", "pnpm-current/node_modules/.bin/pnpm"];

/// Yarn 4's settings: what every test needs, and these.
fn yarnrc(feed: &NpmFeed, settings: &str) {
    let (proxy, pem) = (feed.proxy.url(), feed.scene.home().join("authority.pem"));
    let basics = "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\n";
    let network = format!("httpsProxy: \"{proxy}\"\nhttpsCaFilePath: \"{}\"\n", pem.display());
    feed.scene.append("project/.yarnrc.yml", &format!("{basics}{network}{settings}"));
}

/// The project depends on the feed's package and has a hostile script.
fn with_a_hostile_script(feed: &NpmFeed) {
    let manifest = serde_json::json!({
        "name": "app", "version": "1.0.0", "dependencies": { "@contoso/greeting": "1.0.0" },
        "scripts": { "postinstall": feed.hostile_script() },
    });
    fs::write(feed.project().join("package.json"), manifest.to_string()).unwrap();
}

#[test]
fn yarn_1_installs_and_publishes() {
    let Some(yarn) = client(YARN_1) else { return };
    let feed = NpmFeed::new();
    feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
    feed.keyfob_run(&yarn, "install --non-interactive").run().succeeds();
    feed.arrived();
    let own = feed.own_package();
    feed.proxy.log().take();
    feed.keyfob_run(&yarn, "publish --non-interactive --new-version 1.0.0").within(&own).run().succeeds();
    feed.published();
    feed.left_nothing();
}

#[test]
fn yarn_4_installs_and_publishes() {
    let Some(yarn) = client(YARN_4) else { return };
    for always in ["", "    npmAlwaysAuth: true\n"] {
        let feed = NpmFeed::new();
        yarnrc(&feed, &format!("npmScopes:\n  contoso:\n    npmRegistryServer: \"{NPM}\"\n{always}"));
        feed.keyfob_run(&yarn, "install --no-immutable").run().succeeds();
        feed.arrived();
        let own = feed.own_package();
        fs::write(own.join("yarn.lock"), "").unwrap();
        feed.proxy.log().take();
        feed.keyfob_run(&yarn, "install --no-immutable").within(&own).run().succeeds();
        feed.keyfob_run(&yarn, "npm publish").within(&own).run().succeeds();
        feed.published();
        feed.left_nothing();
    }
}

#[test]
fn pnpm_installs_and_publishes_without_its_helper() {
    for pnpm in PNPM {
        let Some(pnpm) = client(pnpm) else { return };
        let feed = NpmFeed::new();
        feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
        feed.keyfob_run(&pnpm, "install").run().succeeds();
        feed.arrived();
        let own = feed.own_package();
        feed.proxy.log().take();
        feed.keyfob_run(&pnpm, "publish --no-git-checks").within(&own).run().succeeds();
        feed.published();
        feed.left_nothing();
    }
}

#[test]
fn scripts_that_each_client_runs_get_nowhere() {
    let settings = format!("npmScopes:\n  contoso:\n    npmRegistryServer: \"{NPM}\"\n");
    for (path, words) in [
        (YARN_1, "install --non-interactive"),
        (YARN_4, "install --no-immutable"),
        (PNPM[0], "install"),
        (PNPM[1], "install"),
    ] {
        let Some(program) = client(path) else { return };
        let feed = NpmFeed::new();
        with_a_hostile_script(&feed);
        feed.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
        if path == YARN_4 {
            yarnrc(&feed, &settings);
        }
        feed.keyfob_run(&program, words).run().succeeds();
        feed.the_script_got_nowhere();
    }
}
