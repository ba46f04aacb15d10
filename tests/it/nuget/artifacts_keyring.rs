//! What calls Microsoft's provider by its command line, with keyfob in its place: the real artifacts-keyring, for pip and twine, under
//! the real host names.

use super::*;
use crate::fakes::python_index::WHEEL;
use crate::support::python_feed::PythonFeed;

const PIP: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
const UPLOAD: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/";

fn client(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/artifacts/bin").join(name)
}

/// A machine with artifacts-keyring that is told of keyfob, and a feed within its reach; `None` where the clients are not installed.
fn machine() -> Option<PythonFeed> {
    if !client("twine").exists() {
        skip("artifacts-keyring in target/test-tools: tests/run.sh");
        return None;
    }
    let mut feed = PythonFeed::new(&client("python"), &[("contoso", TOKEN)]);
    let program = feed.scene.link("git-credential-keyfob");
    feed.scene.set("ARTIFACTS_KEYRING_CREDENTIALPROVIDER_PATH", program);
    Some(feed)
}

fn twine(feed: &PythonFeed) -> Call {
    let upload = ["upload", "--disable-progress-bar", "--repository-url", UPLOAD, WHEEL];
    feed.scene.command(client("twine")).args(upload)
}

fn pip(feed: &PythonFeed) -> Call {
    let call =
        feed.scene.command(client("pip")).args(["download", "--no-deps", "--no-cache-dir", "--dest", "got"]);
    call.args(["--keyring-provider", "import", "--index-url", PIP, "greeting"])
}

#[test]
fn twine_and_pip_get_the_token_through_artifacts_keyring() {
    let Some(feed) = machine() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    twine(&feed).run().succeeds();
    assert_eq!(feed.index.uploads().len(), 1);
    pip(&feed).run().succeeds();
    assert!(feed.scene.home().join("got").join(WHEEL).exists());
    assert!(feed.proxy.log().entries().iter().any(|entry| entry.host.contains("blob")));
    feed.only_the_feed_saw(TOKEN);
}

#[test]
fn without_a_token_people_are_told_what_to_run() {
    let Some(feed) = machine() else { return };
    let output = twine(&feed).arg("--non-interactive").run().fails();
    let said = format!("{output}");
    assert!(said.contains("keyfob add https://dev.azure.com/contoso"), "{output}");
    assert!(feed.index.uploads().is_empty());
}

#[test]
fn a_token_that_is_refused_is_kept_and_said() {
    let Some(feed) = machine() else { return };
    feed.scene.add("https://dev.azure.com/contoso", OTHER);
    let output = pip(&feed).env("PIP_NO_INPUT", "1").run().fails();
    assert!(output.stderr().contains("refuses the token"), "{output}");
    assert_eq!(feed.scene.held(), ["azure-devops/contoso - person active"]);
}
