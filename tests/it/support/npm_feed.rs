//! A machine with a feed of npm packages within its reach under the real host names, beside the public registry, storage and the
//! rest of the service; and a project that depends on a package of each. Behind it all is a proxy, as a company has one.
#![allow(dead_code, reason = "each test takes a part")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha512};

use super::process::Call;
use super::scene::{Scene, files_below};
use crate::fakes::feed::Feed;
use crate::fakes::http::Response;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;

/// The registry.
pub const NPM: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/npm/registry/";
/// Its host.
pub const PKGS: &str = "pkgs.dev.azure.com";
/// The token of contoso.
pub const TOKEN: &str = "s3cret-token-for-packages-that-only-these-tests-know";
/// The token of fabrikam, which the project does not name.
pub const OTHER: &str = "s3cret-other-token-that-only-these-tests-know";
const PUBLIC: [&str; 2] = ["registry.npmjs.org", "registry.yarnpkg.com"];

/// The machine.
pub struct NpmFeed {
    pub scene: Scene,
    pub proxy: Proxy,
}

impl NpmFeed {
    /// With tokens for contoso and fabrikam in the wallet.
    pub fn new() -> NpmFeed {
        let mut scene = Scene::new();
        let feed = Feed::new("/contoso/_packaging/feed/npm/registry", TOKEN);
        let (storage, rest) = (Feed::public(""), Feed::new("", TOKEN));
        let path = "/@contoso/greeting/-/greeting-1.0.0.tgz";
        let tarball = format!("{}{}", NPM.trim_end_matches('/'), path);
        let (greeting, open) = (archive(&scene, "@contoso/greeting"), archive(&scene, "open"));
        feed.hold("/@contoso/greeting", "application/json", about("@contoso/greeting", &tarball, &greeting));
        let moved =
            Response::new(303).header("Location", "https://x1.blob.core.windows.net/b-1/greeting.tgz");
        feed.answer(path, moved);
        storage.hold("/b-1/greeting.tgz", "application/octet-stream", greeting);
        let mut rows = vec![
            (PKGS, feed.handler()),
            ("*.blob.core.windows.net", storage.handler()),
            ("dev.azure.com", rest.handler()),
        ];
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
        scene.add("https://dev.azure.com/contoso", TOKEN);
        scene.add("https://dev.azure.com/fabrikam", OTHER);
        NpmFeed { scene, proxy }
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.scene.home().join("project")
    }

    /// `keyfob run -- PROGRAM WORDS` in the project.
    pub fn keyfob_run(&self, program: impl AsRef<Path>, words: &str) -> Call {
        let call = self.scene.program("keyfob").args(["run", "--"]).arg(program.as_ref());
        call.args(words.split_whitespace()).within(self.project())
    }

    /// Both packages have come; the feed alone has seen the token, for itself.
    #[track_caller]
    pub fn arrived(&self) {
        for package in ["@contoso/greeting", "open"] {
            let file = self.project().join("node_modules").join(package).join("index.js");
            assert!(file.exists(), "{package}");
        }
        let log = self.proxy.log();
        assert_eq!(log.hosts_that_saw(TOKEN), [PKGS]);
        assert!(log.hosts_that_saw(OTHER).is_empty());
        assert!(log.entries().iter().any(|entry| entry.host.contains("blob")), "storage was asked");
        assert!(log.entries().iter().any(|entry| PUBLIC.iter().any(|host| entry.host.starts_with(host))));
    }

    /// A package of the project that is to be published to the feed.
    pub fn own_package(&self) -> PathBuf {
        let own = self.project().join("own");
        fs::create_dir(&own).unwrap();
        let publishing = serde_json::json!({
            "name": "@contoso/own", "version": "1.0.0", "publishConfig": { "@contoso:registry": NPM, "registry": NPM },
        });
        self.scene.append("project/own/package.json", &publishing.to_string());
        own
    }

    /// The package was published with the token, and no one else saw it.
    #[track_caller]
    pub fn published(&self) {
        let log = self.proxy.log();
        let entries = log.entries();
        let put = entries.iter().find(|entry| entry.method == "PUT").expect("it was sent");
        assert_eq!(
            (put.basic(), put.status),
            (Some(("contoso".to_owned(), TOKEN.to_owned())), 201),
            "{put:?}"
        );
        assert_eq!(log.hosts_that_saw(TOKEN), [PKGS]);
    }

    /// No file of the machine has the token in clear, and the folder of the run is gone.
    #[track_caller]
    pub fn left_nothing(&self) {
        let temporary = self.scene.home().join("../tmp");
        for (path, bytes) in files_below(&self.scene.home()).into_iter().chain(files_below(&temporary)) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(TOKEN) && !text.contains(&BASE64.encode(TOKEN)), "{}", path.display());
            assert!(!path.display().to_string().contains("keyfob-run-"), "{}", path.display());
        }
    }

    /// A script of the project that tries what a package worm would: publish, read another organisation, use the REST interface; and
    /// looks at what it was given. What came of it is in the file `tried`.
    pub fn hostile_script(&self) -> PathBuf {
        let status = "curl -s -o /dev/null -w '%{http_code}\\n'";
        let script = format!(
            "#!/bin/sh\n{{ {status} -X PUT -d x {NPM}worm\n{status} {other}\n{status} https://dev.azure.com/contoso/_apis/projects\n\
             {status} -X POST -d x https://dev.azure.com/contoso/_apis/projects\n{status} {NPM}@contoso%2fgreeting\n}} >'{tried}' 2>&1\n\
             env >'{seen}'\ncat /proc/$$/cmdline /proc/$PPID/cmdline >>'{seen}'\n",
            other = "https://pkgs.dev.azure.com/fabrikam/_packaging/feed/npm/registry/x",
            tried = self.scene.home().join("tried").display(),
            seen = self.scene.home().join("seen").display(),
        );
        self.scene.script("hostile", &script)
    }

    /// What came of it: refused by the proxy, by the service because no login came along, and reading the feed itself.
    #[track_caller]
    pub fn the_script_got_nowhere(&self) {
        let tried = fs::read_to_string(self.scene.home().join("tried")).expect("the script ran");
        assert_eq!(tried, "403\n401\n401\n401\n200\n");
        let seen = fs::read_to_string(self.scene.home().join("seen")).unwrap();
        assert!(!seen.contains("s3cret") && !seen.contains(&BASE64.encode(TOKEN)[..40]), "{seen}");
        let log = self.proxy.log();
        let dangerous =
            log.entries().into_iter().filter(|entry| entry.method != "GET" || !entry.host.starts_with(PKGS));
        for entry in dangerous {
            assert!(!entry.carries(TOKEN) && !entry.carries(OTHER), "{entry:?}");
        }
    }
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
