//! The real Maven under the real host name: it downloads from a feed, and no one else sees the token.

use std::fs;

use crate::fakes::feed::Feed;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::npm_feed::{PKGS, TOKEN};
use crate::support::scene::Scene;

use super::{CONTOSO, call, program};

const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/maven/v1";

#[test]
fn maven_downloads_a_parent_and_gives_a_namesake_elsewhere_nothing() {
    let Some(()) = program("mvn") else { return };
    let mut scene = Scene::new();
    let ours = Feed::new("/contoso/_packaging/feed/maven/v1", TOKEN);
    let other = Feed::public("");
    let coordinates = "<groupId>test.contoso</groupId><artifactId>parent</artifactId><version>1</version>";
    let model = "<modelVersion>4.0.0</modelVersion>";
    let parent = format!("<project>{model}{coordinates}<packaging>pom</packaging></project>");
    ours.hold("/test/contoso/parent/1/parent-1.pom", "text/xml", parent);
    let authority = Authority::new();
    let rows = vec![
        (PKGS, ours.handler()),
        ("repo.example.test", other.handler()),
        ("repo.maven.apache.org", other.handler()),
    ];
    let proxy = Proxy::start(&authority, rows);
    scene.use_proxy(&proxy.url(), authority.pem());
    scene.add(CONTOSO, TOKEN);
    let repository = |id: &str, url: &str| format!("<repository><id>{id}</id><url>{url}</url></repository>");
    // Maven binds a login to an id, whatever the URL: here two places have one.
    let repositories = repository("my-feed", "https://repo.example.test/m") + &repository("feed-2", FEED);
    fs::create_dir_all(scene.home().join(".m2")).unwrap();
    scene.append(
        ".m2/settings.xml",
        "<settings><servers><server><id>my-feed</id><username>${env.MAVEN_MY_FEED_USERNAME}</username>\
         <password>${env.MAVEN_MY_FEED_TOKEN}</password></server></servers></settings>",
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
    proxy.log().take();
    let _ = fs::remove_dir_all(scene.home().join(".m2/repository"));
    call(&scene, &words).run().succeeds();
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), [PKGS]);
    assert!(
        proxy.log().entries().iter().any(|entry| entry.host.starts_with("repo.example")),
        "the other was asked"
    );
}
