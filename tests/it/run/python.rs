//! The real twine, Poetry and Conan.

use std::fs;
use std::path::Path;

use crate::fakes::feed::Feed;
use crate::fakes::http::{Response, Server};
use crate::fakes::proxy::Proxy;
use crate::fakes::python_index::{PythonIndex, WHEEL};
use crate::support::python_feed::PythonFeed;
use crate::support::scene::Scene;

use super::{CONTOSO, TOKEN, alice, call, client};

const PKGS: &str = "pkgs.dev.azure.com";

/// A machine with a feed of Python packages, and a wheel.
fn feed() -> (Scene, PythonIndex, Proxy) {
    let PythonFeed { scene, index, proxy } = PythonFeed::new(Path::new("python3"), &[("contoso", TOKEN)]);
    scene.add(CONTOSO, TOKEN);
    (scene, index, proxy)
}

#[test]
fn twine_uploads_to_the_place_that_was_said_and_not_to_the_public_index() {
    let Some(twine) = client("twine/bin/twine") else { return };
    let (scene, index, proxy) = feed();
    let url = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/";
    let upload = format!("{} upload --non-interactive --disable-progress-bar {WHEEL}", twine.display());
    call(&scene, &format!("--for {url} {upload}")).run().succeeds();
    call(&scene, &upload).env("TWINE_REPOSITORY_URL", url).run().succeeds();
    assert_eq!(index.uploads().len(), 2);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), [PKGS]);
}

#[test]
fn poetry_locks_and_publishes() {
    let Some(poetry) = client("poetry/bin/poetry") else { return };
    let (mut scene, index, proxy) = feed();
    let source = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
    fs::create_dir(scene.home().join("app")).unwrap();
    scene.append(
        "app/pyproject.toml",
        &format!(
            "[project]\nname = \"app\"\nversion = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"greeting\"]\n\
             [tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = \"my-feed\"\nurl = \"{source}\"\n"
        ),
    );
    scene
        .set("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        .set("POETRY_VIRTUALENVS_CREATE", "false");
    let app = scene.home().join("app");
    let poetry = poetry.display();
    scene.command(poetry.to_string()).args(["lock", "--no-interaction"]).within(&app).run().fails();
    proxy.log().take();
    call(&scene, &format!("{poetry} lock --no-interaction")).within(&app).run().succeeds();
    assert!(fs::read_to_string(app.join("poetry.lock")).unwrap().contains("greeting"));
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), [PKGS]);
    // Publishing goes to a repository, which is named elsewhere.
    let upload = source.replace("simple", "upload");
    scene.append("app/poetry.toml", &format!("[repositories.up]\nurl = \"{upload}\"\n"));
    fs::create_dir(app.join("dist")).unwrap();
    fs::copy(scene.home().join(WHEEL), app.join("dist").join(WHEEL)).unwrap();
    let manifest = app.join("pyproject.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("name = \"app\"", "name = \"greeting\"");
    fs::write(&manifest, text.replace("package-mode = false", "package-mode = true")).unwrap();
    call(&scene, &format!("{poetry} publish --no-interaction -r up")).within(&app).run().succeeds();
    assert_eq!(index.uploads().len(), 1);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), [PKGS]);
}

#[test]
fn conan_downloads() {
    let Some(conan) = client("conan/bin/conan") else { return };
    let scene = Scene::new();
    let feed = Feed::new("/feed", TOKEN).session("a-session");
    let (server, other) = (Server::start(feed.handler()), Server::start(Feed::public("").handler()));
    scene.add_with(&format!("{}/feed", server.url()), TOKEN, alice());
    let recipe =
        "from conan import ConanFile\nclass Greet(ConanFile):\n    name = 'greet'\n    version = '1.0'\n";
    let at = "/v2/conans/greet/1.0/_/_";
    let revision = "4d670581ccb765839f2239cc8dff8fbd";
    let about = format!("{{\"revision\":\"{revision}\",\"time\":\"2026-01-01T00:00:00.000+0000\"}}");
    feed.answer("/v1/ping", Response::new(200).header("X-Conan-Server-Capabilities", "revisions"));
    feed.hold("/v2/users/authenticate", "text/plain", "a-session");
    feed.hold("/v2/users/check_credentials", "text/plain", "alice");
    feed.hold(&format!("{at}/latest"), "application/json", about);
    let files = format!("{at}/revisions/{revision}/files");
    feed.hold(&files, "application/json", r#"{"files":{"conanfile.py":{},"conanmanifest.txt":{}}}"#);
    feed.hold(&format!("{files}/conanfile.py"), "text/plain", recipe);
    feed.hold(&format!("{files}/conanmanifest.txt"), "text/plain", "1700000000\nconanfile.py: x\n");
    let run = |words: &str| scene.command(&conan).args(words.split_whitespace()).run();
    run(&format!("remote add lab-1 {}/feed", server.url())).succeeds();
    run(&format!("remote add other {}", other.url())).succeeds();
    run("remote disable conancenter").succeeds();
    let download = "download greet/1.0 --only-recipe -r lab-1";
    scene.command(&conan).args(download.split_whitespace()).env("CONAN_NON_INTERACTIVE", "1").run().fails();
    server.log().take();
    call(&scene, &format!("{} {download}", conan.display())).run().succeeds();
    let entries = server.log().entries();
    let login = entries.iter().find(|entry| entry.target.ends_with("authenticate")).expect("it logged in");
    assert_eq!(login.basic(), Some(("alice".to_owned(), TOKEN.to_owned())));
    assert!(entries.iter().any(|entry| entry.target.ends_with("conanfile.py") && entry.status == 200));
    // Both remotes are asked, and only one gets the token.
    call(&scene, &format!("{} search greet -r lab-1 -r other", conan.display())).run();
    assert!(other.log().hosts_that_saw(TOKEN).is_empty() && !other.log().entries().is_empty());
}
