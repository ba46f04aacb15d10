//! Composer and Go, which send a request without a login.

use std::fs;

use crate::fakes::feed::Feed;
use crate::fakes::go_proxy::go_proxy;
use crate::fakes::http::Server;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::npm_feed::TOKEN;
use crate::support::person::Add;
use crate::support::scene::Scene;

use super::{call, client};

fn alice() -> Add<'static> {
    Add { account: Some("alice"), ..Add::default() }
}

#[test]
fn composer_installs() {
    let mut scene = Scene::new();
    let (ours, theirs) = (Feed::new("/feed", TOKEN), Feed::public(""));
    let (server, other) = (Server::start(ours.handler()), Server::start(theirs.handler()));
    scene.add_with(&format!("{}/feed", server.url()), TOKEN, alice());
    fs::create_dir_all(scene.home().join("packing")).unwrap();
    scene.append("packing/greeting.php", "<?php\n");
    scene.append("packing/composer.json", r#"{"name":"contoso/greeting"}"#);
    let pack = ["-cf", "greeting.tar", "-C", "packing", "composer.json", "greeting.php"];
    scene.command("tar").args(pack).run().succeeds();
    let archive = fs::read(scene.home().join("greeting.tar")).unwrap();
    let package = |name: &str, url: String| {
        let version =
            serde_json::json!({ "name": name, "version": "1.0.0", "dist": { "type": "tar", "url": url } });
        serde_json::json!({ "packages": { name: { "1.0.0": version } } }).to_string()
    };
    let dist = format!("{}/feed/greeting.tar", server.url());
    ours.hold("/packages.json", "application/json", package("contoso/greeting", dist));
    ours.hold("/greeting.tar", "application/x-tar", archive.clone());
    let thing = package("open/thing", format!("{}/thing.tar", other.url()));
    theirs.hold("/packages.json", "application/json", thing);
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
    assert!(!other.log().entries().is_empty() && other.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn go_downloads_through_a_module_proxy_without_goauth() {
    let Some(go) = client("go/bin/go") else { return };
    let mut scene = Scene::new();
    let authority = Authority::new();
    let rows = vec![("modules.example.test", go_proxy("/go", "alice", TOKEN))];
    let proxy = Proxy::start(&authority, rows);
    scene.use_proxy(&proxy.url(), authority.pem());
    scene.add_with("https://modules.example.test/go", TOKEN, alice());
    let home = scene.home();
    scene
        .set("GOPROXY", "https://modules.example.test/go")
        .set("GONOSUMDB", "*")
        .set("GOFLAGS", "-modcacherw -mod=mod");
    scene.set("GOPATH", home.join("go")).set("GOCACHE", home.join("go-cache")).set("GOTOOLCHAIN", "local");
    scene.set("GOAUTH", "off").set("GOENV", "off");
    let download = ["mod", "download", "example.test/greeting@v1.0.0"];
    scene.command(&go).args(download).run().fails();
    proxy.log().take();
    call(&scene, &format!("{} {}", go.display(), download.join(" "))).run().succeeds();
    assert_eq!(proxy.log().hosts_that_saw(TOKEN).len(), 1);
    assert!(home.join("go/pkg/mod/example.test/greeting@v1.0.0/greeting.go").exists());
}
