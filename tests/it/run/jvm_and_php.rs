//! The real Maven and Composer against feeds on loopback, with a foreign one beside.

use std::fs;

use crate::fakes::feed::Feed;
use crate::fakes::http::Server;
use crate::support::scene::Scene;

use super::{TOKEN, alice, call, program};

/// A feed of ours and a foreign one.
fn feeds(scene: &Scene) -> (Feed, Server, Feed, Server) {
    let (ours, theirs) = (Feed::new("/feed", TOKEN), Feed::public(""));
    let (server, other) = (Server::start(ours.handler()), Server::start(theirs.handler()));
    scene.add_with(&format!("{}/feed", server.url()), TOKEN, alice());
    (ours, server, theirs, other)
}

#[track_caller]
fn only_ours_saw_it(server: &Server, other: &Server) {
    let asked = server.log().entries();
    assert!(
        asked.iter().any(|entry| entry.basic() == Some(("alice".to_owned(), TOKEN.to_owned()))),
        "{asked:?}"
    );
    assert!(!other.log().entries().is_empty(), "the other was asked");
    assert!(other.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn maven_downloads() {
    let Some(()) = program("mvn") else { return };
    let scene = Scene::new();
    let (ours, server, _, other) = feeds(&scene);
    let coordinates = "<groupId>test.contoso</groupId><artifactId>parent</artifactId><version>1</version>";
    let model = "<modelVersion>4.0.0</modelVersion>";
    let parent = format!("<project>{model}{coordinates}<packaging>pom</packaging></project>");
    ours.hold("/test/contoso/parent/1/parent-1.pom", "text/xml", parent);
    fs::create_dir_all(scene.home().join(".m2")).unwrap();
    scene.append(
        ".m2/settings.xml",
        "<settings><servers><server><id>my-feed</id><username>${env.MAVEN_MY_FEED_USERNAME}</username>\
         <password>${env.MAVEN_MY_FEED_TOKEN}</password></server></servers></settings>",
    );
    let repository =
        |id: &str, url: String| format!("<repository><id>{id}</id><url>{url}</url></repository>");
    // The foreign one is asked first, and has it not.
    let repositories = format!(
        "{}{}",
        repository("other", other.url()),
        repository("my-feed", format!("{}/feed", server.url()))
    );
    scene.append(
        "pom.xml",
        &format!(
            "<project>{model}<parent>{coordinates}<relativePath/></parent><artifactId>app</artifactId><packaging>pom</packaging>\
             <repositories>{repositories}</repositories></project>"
        ),
    );
    // Where Java has its home is said by the account's entry, not by HOME.
    let words = format!("mvn --batch-mode -Duser.home={} validate", scene.home().display());
    scene.command("mvn").args(words.split_whitespace().skip(1)).run().fails();
    server.log().take();
    let _ = fs::remove_dir_all(scene.home().join(".m2/repository"));
    call(&scene, &words).run().succeeds();
    only_ours_saw_it(&server, &other);
}

#[test]
fn composer_installs() {
    let Some(()) = program("composer") else { return };
    let mut scene = Scene::new();
    let (ours, server, theirs, other) = feeds(&scene);
    fs::create_dir_all(scene.home().join("packing")).unwrap();
    scene.append("packing/greeting.php", "<?php\n");
    scene.append("packing/composer.json", r#"{"name":"contoso/greeting"}"#);
    scene
        .command("tar")
        .args(["-cf", "greeting.tar", "-C", "packing", "composer.json", "greeting.php"])
        .run()
        .succeeds();
    let archive = fs::read(scene.home().join("greeting.tar")).unwrap();
    let package = |name: &str, url: String| {
        let version =
            serde_json::json!({ "name": name, "version": "1.0.0", "dist": { "type": "tar", "url": url } });
        serde_json::json!({ "packages": { name: { "1.0.0": version } } }).to_string()
    };
    let dist = format!("{}/feed/greeting.tar", server.url());
    ours.hold("/packages.json", "application/json", package("contoso/greeting", dist));
    ours.hold("/greeting.tar", "application/x-tar", archive.clone());
    theirs.hold(
        "/packages.json",
        "application/json",
        package("open/thing", format!("{}/thing.tar", other.url())),
    );
    theirs.hold("/thing.tar", "application/x-tar", archive);
    let repository = |url: String| serde_json::json!({ "type": "composer", "url": url });
    let manifest = serde_json::json!({
        "require": { "contoso/greeting": "1.0.0", "open/thing": "1.0.0" },
        "repositories": [
            repository(format!("{}/feed", server.url())), repository(other.url()), { "packagist.org": false },
        ],
        "config": { "secure-http": false },
    });
    scene.append("composer.json", &manifest.to_string());
    let home = scene.home().join(".composer");
    scene.set("COMPOSER_ALLOW_SUPERUSER", "1").set("COMPOSER_HOME", home);
    scene.command("composer").args(["install", "--no-interaction", "--no-progress"]).run().fails();
    server.log().take();
    call(&scene, "composer install --no-interaction --no-progress").run().succeeds();
    assert!(scene.home().join("vendor/contoso/greeting/greeting.php").exists());
    only_ours_saw_it(&server, &other);
}
