//! What calls Microsoft's provider by its command line, with keyfob in its place: the real artifacts-keyring, for pip and twine, under
//! the real host names.

use super::*;
use crate::fakes::python_index::{PythonIndex, WHEEL};
use crate::python::wheel;

const PIP: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
const UPLOAD: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/";

fn client(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/artifacts/bin").join(name)
}

/// A machine with artifacts-keyring that is told of keyfob, and a feed within its reach.
struct Feed {
    scene: Scene,
    index: PythonIndex,
    proxy: Proxy,
}

impl Feed {
    /// `None` where the clients are not installed.
    fn new() -> Option<Feed> {
        let mut scene = Scene::new();
        if !client("twine").exists() {
            skip("artifacts-keyring in target/test-tools: tests/run.sh");
            return None;
        }
        let index = PythonIndex::new(wheel(&scene, &client("python")), &[("contoso", TOKEN)]);
        let rows =
            vec![("pkgs.dev.azure.com", index.handler()), ("*.blob.core.windows.net", index.storage())];
        let authority = Authority::new();
        let proxy = Proxy::start(&authority, rows);
        scene.use_proxy(&proxy.url(), authority.pem());
        let pem = scene.home().join("authority.pem");
        scene
            .set("PIP_CERT", pem)
            .set("PIP_CONFIG_FILE", "/dev/null")
            .set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        scene.set("PYTHONDONTWRITEBYTECODE", "1");
        let keyfob = scene.link("keyfob");
        scene.set("ARTIFACTS_KEYRING_CREDENTIALPROVIDER_PATH", keyfob);
        Some(Feed { scene, index, proxy })
    }

    fn twine(&self) -> Call {
        let upload = ["upload", "--disable-progress-bar", "--repository-url", UPLOAD, WHEEL];
        self.scene.command(client("twine")).args(upload)
    }

    fn pip(&self) -> Call {
        let call = self.scene.command(client("pip")).args([
            "download",
            "--no-deps",
            "--no-cache-dir",
            "--dest",
            "got",
        ]);
        call.args(["--keyring-provider", "import", "--index-url", PIP, "greeting"])
    }

    #[track_caller]
    fn only_the_feed_saw_the_token(&self) {
        assert_eq!(self.proxy.log().hosts_that_saw(TOKEN), ["pkgs.dev.azure.com"]);
    }
}

#[test]
fn twine_and_pip_get_the_token_through_artifacts_keyring() {
    let Some(feed) = Feed::new() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    feed.twine().run().succeeds();
    assert_eq!(feed.index.uploads().len(), 1);
    feed.pip().run().succeeds();
    assert!(feed.scene.home().join("got").join(WHEEL).exists());
    assert!(feed.proxy.log().entries().iter().any(|entry| entry.host.contains("blob")));
    feed.only_the_feed_saw_the_token();
}

#[test]
fn without_a_token_people_are_told_what_to_run() {
    let Some(feed) = Feed::new() else { return };
    let output = feed.twine().arg("--non-interactive").run().fails();
    let said = format!("{output}");
    assert!(said.contains("keyfob add https://dev.azure.com/contoso"), "{output}");
    assert!(feed.index.uploads().is_empty());
}

#[test]
fn a_token_that_is_refused_is_kept_and_said() {
    let Some(feed) = Feed::new() else { return };
    feed.scene.add("https://dev.azure.com/contoso", OTHER);
    let output = feed.pip().env("PIP_NO_INPUT", "1").run().fails();
    assert!(output.stderr().contains("refuses the token"), "{output}");
    assert_eq!(feed.scene.held(), ["azure-devops/contoso - person active"]);
}
