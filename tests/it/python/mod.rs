//! The real pip, uv and twine with keyfob as their keyring command, against a feed under its real host name. tests/run.sh puts
//! them into target/test-tools; from then on nothing but loopback is needed.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;

use crate::fakes::python_index::WHEEL;
use crate::support::process::{Call, Output};
use crate::support::python_feed::PythonFeed;
use crate::support::scene::{Scene, installed, skip};

mod library;
mod setup;

const TOKEN: &str = "a-token-for-packages-that-only-these-tests-know";
const OTHER: &str = "another-token-for-packages";
const INDEX: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
const NAMED: &str = "https://VssSessionToken@pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
const UPLOAD: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/";

/// Every pip there is to try: today's, and the last that calls as all before 26.2 did.
const PIPS: [&str; 2] = ["pip-current", "pip-25"];

/// A client, if it is installed.
fn client(folder: &str, name: &str) -> Option<PathBuf> {
    installed(&format!("{folder}/bin/{name}"))
}

/// A machine with a feed within its reach, and keyfob as its keyring command; `None` where the clients are not installed.
fn with_feed() -> Option<PythonFeed> {
    let clients = ["pip-current/bin/pip", "pip-25/bin/pip", "uv/bin/uv", "twine/bin/twine"];
    if clients.iter().any(|path| installed(path).is_none()) {
        skip("pip, uv and twine in target/test-tools: tests/run.sh");
        return None;
    }
    let mut feed =
        PythonFeed::new(&client("pip-current", "python")?, &[("contoso", TOKEN), ("fabrikam", OTHER)]);
    feed.scene.set("UV_PYTHON_DOWNLOADS", "never").link("keyring");
    Some(feed)
}

impl PythonFeed {
    fn pip(&self, pip: &str, index: &str) -> Call {
        let call = self.scene.command(client(pip, "pip").unwrap());
        call.args([
            "download",
            "--no-deps",
            "--no-cache-dir",
            "--dest",
            "got",
            "--index-url",
            index,
            "greeting",
        ])
    }

    fn uv(&self, arguments: &[&str]) -> Call {
        let python = client("uv", "python").unwrap();
        let call = self.scene.command(client("uv", "uv").unwrap()).args(arguments);
        call.env("UV_PYTHON", python).env("UV_KEYRING_PROVIDER", "subprocess")
    }

    fn uv_install(&self, index: &str) -> Call {
        self.uv(&[
            "pip",
            "install",
            "--no-deps",
            "--no-cache",
            "--target",
            "got",
            "--default-index",
            index,
            "greeting",
        ])
    }

    /// It has come, and nobody but the feed itself has seen a token, and only its own.
    #[track_caller]
    fn arrived(&self, output: Output, file: &str) {
        let output = output.succeeds();
        assert!(self.scene.home().join("got").join(file).exists(), "{output}");
        assert!(!output.stderr().contains("keyfob: "), "{output}");
        self.only_the_feed_saw(TOKEN);
        assert!(self.proxy.log().entries().iter().any(|entry| entry.host.contains("blob")), "{output}");
        fs::remove_dir_all(self.scene.home().join("got")).unwrap();
        self.proxy.log().take();
    }
}

#[test]
fn todays_pip_needs_no_user_name_in_the_url() {
    let Some(feed) = with_feed() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    for index in [INDEX, NAMED] {
        let call = feed.pip("pip-current", index).env("PIP_KEYRING_PROVIDER", "subprocess");
        feed.arrived(call.env("PIP_NO_INPUT", "1").run(), WHEEL);
    }
}

#[test]
fn every_pip_asks_when_the_url_has_a_user_name() {
    let Some(feed) = with_feed() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    for pip in PIPS {
        // By its own choice, and when it is told to.
        feed.arrived(feed.pip(pip, NAMED).run(), WHEEL);
        let told = feed.pip(pip, NAMED).env("PIP_KEYRING_PROVIDER", "subprocess");
        feed.arrived(told.env("PIP_NO_INPUT", "1").run(), WHEEL);
    }
}

#[test]
fn uv_asks_when_the_url_has_a_user_name_or_the_index_always_authenticates() {
    let Some(feed) = with_feed() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    feed.arrived(feed.uv_install(NAMED).run(), "greeting.py");
    let settings = format!("[[index]]\nurl = \"{INDEX}\"\nauthenticate = \"always\"\ndefault = true\n");
    feed.scene.append("uv.toml", &settings);
    let always = [
        "pip",
        "install",
        "--no-deps",
        "--no-cache",
        "--target",
        "got",
        "--config-file",
        "uv.toml",
        "greeting",
    ];
    feed.arrived(feed.uv(&always).run(), "greeting.py");
}

#[test]
fn uv_and_twine_publish() {
    let Some(feed) = with_feed() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    let publish = ["publish", "--publish-url", UPLOAD, "--username", "VssSessionToken", WHEEL];
    feed.uv(&publish).run().succeeds();
    assert_eq!(feed.index.uploads().len(), 1);
    // twine imports Python's keyring and starts no program: a variable, filled by ours.
    let password = feed.scene.program("keyring").args(["get", UPLOAD, "VssSessionToken"]).run().succeeds();
    let upload = ["upload", "--non-interactive", "--disable-progress-bar", "--repository-url", UPLOAD, WHEEL];
    let twine = feed.scene.command(client("twine", "twine").unwrap()).args(upload);
    twine
        .env("TWINE_USERNAME", "VssSessionToken")
        .env("TWINE_PASSWORD", password.stdout().trim_end())
        .run()
        .succeeds();
    assert_eq!(feed.index.uploads().len(), 2);
    feed.only_the_feed_saw(TOKEN);
}

#[test]
fn two_organisations_get_their_own_tokens_and_a_third_gets_none() {
    let Some(feed) = with_feed() else { return };
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    feed.scene.add("https://dev.azure.com/fabrikam", OTHER);
    for organisation in ["contoso", "fabrikam"] {
        let index = INDEX.replace("contoso", organisation);
        let call = feed.pip("pip-current", &index).env("PIP_KEYRING_PROVIDER", "subprocess");
        call.env("PIP_NO_INPUT", "1").run().succeeds();
    }
    for entry in feed.proxy.log().take() {
        assert!(!entry.carries(TOKEN) || entry.target.starts_with("/contoso/"), "{entry:?}");
        assert!(!entry.carries(OTHER) || entry.target.starts_with("/fabrikam/"), "{entry:?}");
    }
    for pip in PIPS {
        let index = NAMED.replace("contoso", "northwind");
        let call = feed.pip(pip, &index).env("PIP_KEYRING_PROVIDER", "subprocess");
        let output = call.env("PIP_NO_INPUT", "1").run().fails();
        let said: Vec<&str> = output.stderr().lines().filter(|line| line.contains("keyfob: ")).collect();
        // Today's pip keeps what we say to itself. The second try, with the bare host, is answered in silence.
        assert_eq!(said.len(), usize::from(pip != "pip-current"), "{output}");
        let hint = "keyfob add https://dev.azure.com/northwind";
        assert!(said.iter().all(|line| line.contains(hint)), "{output}");
    }
    let log = feed.proxy.log();
    assert!(log.hosts_that_saw(TOKEN).is_empty() && log.hosts_that_saw(OTHER).is_empty());
}

#[test]
fn a_token_that_the_feed_refuses_is_lost_nowhere() {
    let Some(feed) = with_feed() else { return };
    feed.scene.add("https://dev.azure.com/contoso", "an-old-token");
    let call = feed.pip("pip-current", INDEX).env("PIP_KEYRING_PROVIDER", "subprocess");
    call.env("PIP_NO_INPUT", "1").run().fails();
    assert_eq!(feed.scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn without_a_home_the_command_fails_and_says_why() {
    let mut scene = Scene::new();
    scene.unset("HOME").unset("KEYFOB_HOME");
    let output = scene.program("keyring").args(["get", INDEX, "me"]).run();
    assert_eq!((output.code(), output.stdout()), (1, ""), "{output}");
    assert!(output.stderr().contains("HOME"), "{output}");
}
