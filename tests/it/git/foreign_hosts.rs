//! Where a token must not go: to the host of a submodule, after a redirect, to whoever the request only looks like.

use std::sync::Arc;

use crate::fakes::http::{Request, Response};
use crate::fakes::log::Log;

use super::{Stage, TOKEN, quiet};

const DEV: &str = "https://contoso@dev.azure.com/contoso/Project/_git/Repo";

/// A stage with alice's token for contoso.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage
}

fn seen_only_by_dev_azure_com(log: &Log) {
    assert_eq!(log.hosts_that_saw(TOKEN), ["dev.azure.com"], "{:?}", log.entries());
}

#[test]
fn the_host_of_a_submodule_gets_nothing() {
    let mut stage = stage();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    quiet(stage.clone(DEV));
    let commit = stage.git(["-C", "work", "rev-parse", "HEAD"]).succeeds().stdout().trim().to_owned();
    let foreign = [
        "https://submodules.example.test/contoso/Project/_git/Repo",
        "https://dev.azure.com.example.test/contoso/Project/_git/Repo",
        "https://contoso@dev.azure.com@submodules.example.test/contoso",
    ];
    for (at, url) in foreign.iter().enumerate() {
        let name = format!("sub{at}");
        let modules = ["path", "url"].map(|key| format!("submodule.{name}.{key}"));
        stage.git(["-C", "work", "config", "-f", ".gitmodules", &modules[0], &name]).succeeds();
        stage.git(["-C", "work", "config", "-f", ".gitmodules", &modules[1], url]).succeeds();
        let link = format!("160000,{commit},{name}");
        stage.git(["-C", "work", "update-index", "--add", "--cacheinfo", &link]).succeeds();
    }
    stage.git(["-C", "work", "add", ".gitmodules"]).succeeds();
    stage.git(["-C", "work", "commit", "--quiet", "-m", "Add submodules"]).succeeds();
    quiet(stage.git(["-C", "work", "push", "--quiet"]));

    let asked = |log: &Log| log.entries().iter().any(|entry| entry.host == "submodules.example.test");
    assert!(!asked(proxy.log()));
    std::fs::remove_dir_all(stage.work()).unwrap();
    stage.git(["clone", "--quiet", "--recurse-submodules", DEV, "work"]).fails();
    for at in 0..foreign.len() {
        stage.git(["-C", "work", "submodule", "update", "--init", &format!("sub{at}")]).fails();
    }
    assert!(asked(proxy.log()), "the stranger was asked, and asked for a password");
    seen_only_by_dev_azure_com(proxy.log());
}

#[test]
fn the_target_of_a_redirect_gets_nothing() {
    // Before any token is asked for, and with the token in hand.
    for after in [false, true] {
        for to in
            ["https://stranger.example.test", "https://dev.azure.com.example.test", "http://127.0.0.1:9"]
        {
            let mut stage = stage();
            let services = stage.services();
            let handler = Arc::new(move |request: &Request| {
                Response::new(302).header("Location", format!("{to}{}", request.target))
            });
            services.change(
                |state| if after { state.after = Some(handler) } else { state.before = Some(handler) },
            );
            let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
            stage.set("http.followRedirects", "true");
            stage.clone(DEV).fails();
            let saw = proxy.log().hosts_that_saw(TOKEN);
            assert_eq!(saw, if after { vec!["dev.azure.com"] } else { vec![] });
            assert_eq!(
                proxy.log().entries().iter().any(|entry| entry.host.ends_with(".example.test")),
                to.ends_with(".test")
            );
        }
    }
}

#[test]
fn a_server_that_names_another_organisation_in_its_challenge_changes_nothing() {
    let mut stage = stage();
    for realm in [
        "https://dev.azure.com/contoso",
        "x\\\", host=\\\"dev.azure.com",
        &"dev.azure.com/contoso ".repeat(500),
    ] {
        let challenge = format!("Basic realm=\"{realm}\"");
        let handler = move |_: &Request| Response::new(401).header("WWW-Authenticate", challenge.clone());
        let proxy = stage.internet(vec![("evil.corp.example", Arc::new(handler))]);
        stage.clone("https://evil.corp.example/contoso/Project/_git/Repo").fails();
        assert!(!proxy.log().entries().is_empty());
        assert!(proxy.log().hosts_that_saw(TOKEN).is_empty());
    }
}
