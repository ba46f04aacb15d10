//! uv, twine, Poetry and Conan.

use std::fs;
use std::path::Path;

use crate::fakes::feed::Feed;
use crate::fakes::http::{Response, Server};
use crate::fakes::python_index::WHEEL;
use crate::support::npm_feed::{PKGS, TOKEN};
use crate::support::person::Add;
use crate::support::python_feed::PythonFeed;
use crate::support::scene::Scene;

use super::{call, client};

const CONTOSO: &str = "https://dev.azure.com/contoso";
const SIMPLE: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
const UPLOAD: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/";

/// A machine with a feed of Python packages, and a wheel.
fn feed() -> PythonFeed {
    let feed = PythonFeed::new(Path::new("python3"), &[("contoso", TOKEN)]);
    feed.scene.add(CONTOSO, TOKEN);
    feed
}

#[test]
fn uv_downloads_and_publishes() {
    let Some(uv) = client("uv/bin/uv") else { return };
    let mut feed = feed();
    let cache = feed.scene.home().join("uv-cache");
    feed.scene.set("UV_PYTHON_DOWNLOADS", "never").set("UV_CACHE_DIR", cache);
    let uv = uv.display();
    let install = format!("{uv} pip install --no-deps --target got --index-url {SIMPLE} greeting");
    call(&feed.scene, &install).run().succeeds();
    assert!(feed.scene.home().join("got/greeting.py").exists());
    call(&feed.scene, &format!("{uv} publish --publish-url {UPLOAD} {WHEEL}")).run().succeeds();
    assert_eq!(feed.index.uploads().len(), 1);
    feed.only_the_feed_saw(TOKEN);
}

#[test]
fn twine_uploads_to_a_place_of_ours_and_finds_no_login_for_another() {
    let Some(twine) = client("twine/bin/twine") else { return };
    let feed = feed();
    let twine = format!("{} upload --non-interactive --disable-progress-bar", twine.display());
    call(&feed.scene, &format!("{twine} --repository-url {UPLOAD} {WHEEL}")).run().succeeds();
    call(&feed.scene, &format!("{twine} {WHEEL}")).env("TWINE_REPOSITORY_URL", UPLOAD).run().succeeds();
    feed.scene
        .append(".pypirc", &format!("[distutils]\nindex-servers = feed\n[feed]\nrepository = {UPLOAD}\n"));
    call(&feed.scene, &format!("{twine} -r feed {WHEEL}")).run().succeeds();
    assert_eq!(feed.index.uploads().len(), 3);
    // For the public index there is neither a token nor a placeholder; the user's own login stays.
    let look =
        feed.scene.script("twine", "#!/bin/sh\nenv | grep -E '^TWINE_(USERNAME|PASSWORD)='; echo end\n");
    let shown = |words: &str| {
        call(&feed.scene, &format!("{} upload {words}", look.display())).run().succeeds().stdout().to_owned()
    };
    assert_eq!(shown("x.whl"), "end\n");
    assert_eq!(shown("--repository-url https://upload.pypi.org/legacy/ x.whl"), "end\n");
    assert!(shown("-r feed x.whl").contains(keyfob::tool::client::PLACEHOLDER));
    feed.only_the_feed_saw(TOKEN);
}

#[test]
fn poetry_locks_and_publishes() {
    let Some(poetry) = client("poetry/bin/poetry") else { return };
    let mut feed = feed();
    fs::create_dir(feed.scene.home().join("app")).unwrap();
    feed.scene.append(
        "app/pyproject.toml",
        &format!(
            "[project]\nname = \"app\"\nversion = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"greeting\"]\n\
             [tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = \"my.feed\"\nurl = \"{SIMPLE}\"\n"
        ),
    );
    feed.scene
        .set("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        .set("POETRY_VIRTUALENVS_CREATE", "false");
    let app = feed.scene.home().join("app");
    let poetry = poetry.display();
    feed.scene.command(poetry.to_string()).args(["lock", "--no-interaction"]).within(&app).run().fails();
    feed.proxy.log().take();
    call(&feed.scene, &format!("{poetry} lock --no-interaction")).within(&app).run().succeeds();
    assert!(fs::read_to_string(app.join("poetry.lock")).unwrap().contains("greeting"));
    feed.only_the_feed_saw(TOKEN);
    feed.scene.append("app/poetry.toml", &format!("[repositories.up]\nurl = \"{UPLOAD}\"\n"));
    fs::create_dir(app.join("dist")).unwrap();
    fs::copy(feed.scene.home().join(WHEEL), app.join("dist").join(WHEEL)).unwrap();
    let manifest = app.join("pyproject.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("name = \"app\"", "name = \"greeting\"");
    fs::write(&manifest, text.replace("package-mode = false", "package-mode = true")).unwrap();
    call(&feed.scene, &format!("{poetry} publish --no-interaction -r up")).within(&app).run().succeeds();
    assert_eq!(feed.index.uploads().len(), 1);
    assert_eq!(feed.proxy.log().hosts_that_saw(TOKEN), [PKGS]);
}

#[test]
fn conan_downloads() {
    let Some(conan) = client("conan/bin/conan") else { return };
    let scene = Scene::new();
    let feed = Feed::new("/feed", TOKEN);
    let (server, other) = (Server::start(feed.handler()), Server::start(Feed::public("").handler()));
    let alice = Add { account: Some("alice"), ..Add::default() };
    scene.add_with(&format!("{}/feed", server.url()), TOKEN, alice);
    let recipe =
        "from conan import ConanFile\nclass Greet(ConanFile):\n    name = 'greet'\n    version = '1.0'\n";
    let at = "/v2/conans/greet/1.0/_/_";
    let revision = "4d670581ccb765839f2239cc8dff8fbd";
    let about = format!("{{\"revision\":\"{revision}\",\"time\":\"2026-01-01T00:00:00.000+0000\"}}");
    feed.answer("/v1/ping", Response::new(200).header("X-Conan-Server-Capabilities", "revisions"));
    feed.hold(&format!("{at}/latest"), "application/json", about);
    let files = format!("{at}/revisions/{revision}/files");
    feed.hold(&files, "application/json", r#"{"files":{"conanfile.py":{},"conanmanifest.txt":{}}}"#);
    feed.hold(&format!("{files}/conanfile.py"), "text/plain", recipe);
    feed.hold(&format!("{files}/conanmanifest.txt"), "text/plain", "1700000000\nconanfile.py: x\n");
    let run = |words: &str| scene.command(&conan).args(words.split_whitespace()).run();
    run(&format!("remote add lab-1 {}/feed", server.url())).succeeds();
    run(&format!("remote add other {}", other.url())).succeeds();
    run("remote disable conancenter").succeeds();
    call(&scene, &format!("{} download greet/1.0 --only-recipe -r lab-1", conan.display())).run().succeeds();
    let entries = server.log().entries();
    assert!(entries.iter().any(|entry| entry.target.ends_with("conanfile.py") && entry.status == 200));
    // Both remotes are asked, and only one gets the token.
    call(&scene, &format!("{} search greet -r lab-1 -r other", conan.display())).run();
    assert!(other.log().hosts_that_saw(TOKEN).is_empty() && !other.log().entries().is_empty());
}
