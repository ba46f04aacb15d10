//! The real npm, Yarn 1 and Yarn 4 under the real host names: an own feed, the public registry and storage, and only the feed ever
//! sees the token.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha512};

use crate::fakes::feed::Feed;
use crate::fakes::http::Response;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::process::Call;
use crate::support::scene::Scene;

use super::{CONTOSO, NPM, TOKEN, client, program};

const PKGS: &str = "pkgs.dev.azure.com";
const PUBLIC: [&str; 2] = ["registry.npmjs.org", "registry.yarnpkg.com"];

struct Stage {
    scene: Scene,
    proxy: Proxy,
}

impl Stage {
    /// A project that depends on `@contoso/greeting` of the feed and on `open` of the public registry.
    fn new() -> Stage {
        let mut scene = Scene::new();
        let feed = Feed::new("/contoso/_packaging/feed/npm/registry", TOKEN);
        let storage = Feed::public("");
        let path = "/@contoso/greeting/-/greeting-1.0.0.tgz";
        let tarball = format!("{}{}", NPM.trim_end_matches('/'), path);
        let (greeting, open) = (archive(&scene, "@contoso/greeting"), archive(&scene, "open"));
        feed.hold("/@contoso/greeting", "application/json", about("@contoso/greeting", &tarball, &greeting));
        let moved =
            Response::new(303).header("Location", "https://x1.blob.core.windows.net/b-1/greeting.tgz");
        feed.answer(path, moved);
        storage.hold("/b-1/greeting.tgz", "application/octet-stream", greeting);
        let mut rows = vec![(PKGS, feed.handler()), ("*.blob.core.windows.net", storage.handler())];
        for host in PUBLIC {
            let public = Feed::public("");
            let tarball = format!("https://{host}/open/-/open-1.0.0.tgz");
            public.hold("/open", "application/json", about("open", &tarball, &open));
            public.hold("/open/-/open-1.0.0.tgz", "application/octet-stream", open.clone());
            rows.push((host, public.handler()));
        }
        let authority = Authority::new();
        let proxy = Proxy::start(&authority, rows);
        scene.use_proxy(&proxy.url(), authority.pem());
        scene
            .set("npm_config_audit", "false")
            .set("npm_config_fund", "false")
            .set("npm_config_update_notifier", "false");
        // The machine's own settings are none of a scene's.
        let none = scene.home().join("none");
        scene.set("npm_config_globalconfig", none).set("npm_config_fetch_retries", "0");
        // For root, Yarn 1 would have them outside of the home.
        let (cache, global) = (scene.home().join("yarn-cache"), scene.home().join("yarn-global"));
        scene.set("YARN_CACHE_FOLDER", cache).set("YARN_GLOBAL_FOLDER", global);
        fs::create_dir(scene.home().join("project")).unwrap();
        let manifest =
            r#"{"name":"app","version":"1.0.0","dependencies":{"@contoso/greeting":"1.0.0","open":"1.0.0"}}"#;
        scene.append("project/package.json", manifest);
        scene.add(CONTOSO, TOKEN);
        Stage { scene, proxy }
    }

    /// Yarn 4's settings: what every test needs, and these.
    fn yarnrc(&self, settings: &str) {
        let (proxy, pem) = (self.proxy.url(), self.scene.home().join("authority.pem"));
        let basics = "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\nenableScripts: false\n";
        let network = format!("httpsProxy: \"{proxy}\"\nhttpsCaFilePath: \"{}\"\n", pem.display());
        self.scene.append("project/.yarnrc.yml", &format!("{basics}{network}{settings}"));
    }

    fn keyfob_run(&self, program: impl AsRef<Path>, words: &str) -> Call {
        let call = self.scene.program("keyfob").args(["run", "--"]).arg(program.as_ref());
        call.args(words.split_whitespace()).within(self.scene.home().join("project"))
    }

    /// Both packages have come; the feed alone has seen the token, for itself.
    #[track_caller]
    fn arrived(&self) {
        for package in ["@contoso/greeting", "open"] {
            let file = self.scene.home().join("project/node_modules").join(package).join("index.js");
            assert!(file.exists(), "{package}");
        }
        let log = self.proxy.log();
        assert_eq!(log.hosts_that_saw(TOKEN), [PKGS]);
        assert!(log.entries().iter().any(|entry| entry.host.contains("blob")), "storage was asked");
        assert!(log.entries().iter().any(|entry| PUBLIC.iter().any(|host| entry.host.starts_with(host))));
    }
}

/// The feed for one scope, with this besides.
fn scope(more: &str) -> String {
    format!("npmScopes:\n  contoso:\n    npmRegistryServer: \"{NPM}\"\n    npmAlwaysAuth: true\n{more}")
}

fn about(name: &str, tarball: &str, archive: &[u8]) -> String {
    let integrity = format!("sha512-{}", BASE64.encode(Sha512::digest(archive)));
    let dist = serde_json::json!({ "tarball": tarball, "integrity": integrity });
    let version = serde_json::json!({ "name": name, "version": "1.0.0", "dist": dist });
    serde_json::json!({
        "name": name,
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": version },
        // Yarn 4 takes nothing that is younger than a day.
        "time": { "1.0.0": "2020-01-01T00:00:00.000Z" },
    })
    .to_string()
}

/// A package as npm packs it.
fn archive(scene: &Scene, name: &str) -> Vec<u8> {
    let folder = scene.home().join("packing/package");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("package.json"), format!("{{\"name\":\"{name}\",\"version\":\"1.0.0\"}}")).unwrap();
    fs::write(folder.join("index.js"), "module.exports = 'hello'\n").unwrap();
    let tar = scene.command("tar").args(["-czf", "packing/package.tgz", "-C", "packing", "package"]);
    tar.run().succeeds();
    fs::read(scene.home().join("packing/package.tgz")).unwrap()
}

#[test]
fn npm_installs_and_publishes() {
    let Some(()) = program("npm") else { return };
    let stage = Stage::new();
    stage.scene.append("project/.npmrc", &format!("@contoso:registry={NPM}\n"));
    // Without us it is refused.
    let project = stage.scene.home().join("project");
    stage.scene.command("npm").arg("install").within(&project).run().fails();
    stage.proxy.log().take();
    let installed = stage.keyfob_run("npm", "install").run().succeeds();
    assert_eq!(installed.stderr(), "", "{installed}");
    stage.arrived();
    let own = project.join("own");
    fs::create_dir(&own).unwrap();
    let publishing = serde_json::json!({
        "name": "@contoso/own", "version": "1.0.0", "publishConfig": { "@contoso:registry": NPM },
    });
    stage.scene.append("project/own/package.json", &publishing.to_string());
    stage.proxy.log().take();
    stage.keyfob_run("npm", "publish").within(&own).run().succeeds();
    let log = stage.proxy.log();
    let entries = log.entries();
    let put = entries.iter().find(|entry| entry.method == "PUT").expect("it was sent");
    assert_eq!(put.basic(), Some(("contoso".to_owned(), TOKEN.to_owned())), "{put:?}");
    assert_eq!(log.hosts_that_saw(TOKEN), [PKGS]);
    // Nothing of it is on disk.
    for (path, bytes) in crate::support::scene::files_below(&stage.scene.home()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(TOKEN), "{}", path.display());
    }
}

#[test]
fn yarn_1_installs_with_a_variable_in_its_npmrc() {
    let Some(yarn) = client("yarn-1/node_modules/.bin/yarn") else { return };
    let stage = Stage::new();
    let key = NPM.trim_start_matches("https:");
    let npmrc = format!(
        "@contoso:registry={NPM}\n{key}:username=any\n{key}:_password=${{KEYFOB_NPM_PASSWORD}}\n{key}:always-auth=true\ncafile={}\n",
        stage.scene.home().join("authority.pem").display()
    );
    stage.scene.append("project/.npmrc", &npmrc);
    stage.keyfob_run(yarn, "install --non-interactive").run().succeeds();
    stage.arrived();
}

#[test]
fn yarn_4_installs_from_a_feed_beside_the_public_registry() {
    let Some(yarn) = client("yarn-4/node_modules/.bin/yarn") else { return };
    let stage = Stage::new();
    stage.yarnrc(&scope("    npmAuthIdent: \"${KEYFOB_YARN_IDENT:-}\"\n"));
    stage.keyfob_run(&yarn, "install --no-immutable").run().succeeds();
    stage.arrived();
}

#[test]
fn yarn_4_gets_no_login_for_all_registries_where_one_is_the_public_one() {
    let Some(yarn) = client("yarn-4/node_modules/.bin/yarn") else { return };
    let stage = Stage::new();
    stage.yarnrc(&scope(""));
    stage.keyfob_run(&yarn, "install --no-immutable").run().fails();
    let log = stage.proxy.log();
    assert!(
        log.entries().iter().any(|entry| entry.host.starts_with(PKGS))
            && log.hosts_that_saw(TOKEN).is_empty()
    );
}

#[test]
fn yarn_4_needs_nothing_in_its_settings_where_all_registries_are_ours() {
    let Some(yarn) = client("yarn-4/node_modules/.bin/yarn") else { return };
    let stage = Stage::new();
    stage.yarnrc(&format!("npmRegistryServer: \"{NPM}\"\n"));
    let manifest = r#"{"name":"app","version":"1.0.0","dependencies":{"@contoso/greeting":"1.0.0"}}"#;
    fs::write(stage.scene.home().join("project/package.json"), manifest).unwrap();
    stage.keyfob_run(&yarn, "install --no-immutable").run().succeeds();
    assert!(stage.scene.home().join("project/node_modules/@contoso/greeting/index.js").exists());
    assert_eq!(stage.proxy.log().hosts_that_saw(TOKEN), [PKGS]);
}
