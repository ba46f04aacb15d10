//! git-lfs, which asks `git credential` itself, for its own URL (`…/info/lfs`).

use std::fs;

use crate::fakes::forge::{Forge, Token};
use crate::fakes::lfs::Objects;
use crate::support::scene::{new_git, skip};

use super::{Stage, TOKEN, ours, quiet};

fn has_lfs(stage: &Stage) -> bool {
    stage.git(["lfs", "version"]).code() == 0
}

/// Pushes a large file, and gets it back in a fresh clone.
fn push_and_pull(stage: &Stage, url: &str) {
    quiet(stage.clone(url));
    stage.git(["-C", "work", "lfs", "install", "--local"]).succeeds();
    stage.git(["-C", "work", "config", "lfs.locksverify", "false"]).succeeds();
    stage.git(["-C", "work", "lfs", "track", "*.bin"]).succeeds();
    let content = format!("large {url}\n");
    fs::write(stage.work().join("large.bin"), &content).unwrap();
    stage.git(["-C", "work", "add", "."]).succeeds();
    stage.git(["-C", "work", "commit", "--quiet", "-m", "Add a large file"]).succeeds();
    let output = stage.git(["-C", "work", "push", "--quiet"]).succeeds();
    assert!(ours(&output).is_empty(), "{output}");

    fs::remove_dir_all(stage.work()).unwrap();
    let filters = ["clean -- %f", "smudge -- %f", "filter-process"].map(|what| format!("git-lfs {what}"));
    for (key, value) in ["clean", "smudge", "process"].iter().zip(&filters) {
        stage.set(&format!("filter.lfs.{key}"), value);
    }
    let output = stage.clone(url).succeeds();
    assert!(ours(&output).is_empty(), "{output}");
    assert_eq!(fs::read_to_string(stage.work().join("large.bin")).unwrap(), content);
}

#[test]
fn large_files_go_and_come_with_the_same_token() {
    let mut stage = Stage::new();
    if !has_lfs(&stage) {
        return skip("git-lfs");
    }
    let services = stage.services();
    let objects = Objects::default();
    services.change(|state| state.behind = Some(objects.behind()));
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    push_and_pull(&stage, "https://contoso@dev.azure.com/contoso/Project/_git/Repo");
    assert_eq!(objects.count(), 1);
    stage.set("credential.useHttpPath", "true");
    push_and_pull(&stage, "https://dev.azure.com/contoso/Project/_git/Repo");
    assert_eq!(objects.count(), 2);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["dev.azure.com"]);
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}

/// git wants `authtype`, git-lfs before 3.6 user name and password; one entry serves both, and neither erases it.
#[test]
fn on_premises_git_and_its_large_files_share_one_token() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let mut stage = Stage::new();
    if !has_lfs(&stage) {
        return skip("git-lfs");
    }
    stage.scene.use_git(git);
    stage.repositories.create("DefaultCollection/Project/Repo");
    let forge = Forge::on_premises(&stage.repositories, "/tfs");
    forge.add(Token::new("DefaultCollection", "alice", TOKEN));
    let objects = Objects::default();
    forge.change(|state| state.behind = Some(objects.behind()));
    let server = forge.start();
    stage.scene.add(&format!("{}/tfs/DefaultCollection", server.url()), TOKEN);
    push_and_pull(&stage, &format!("{}/tfs/DefaultCollection/Project/_git/Repo", server.url()));
    assert_eq!(objects.count(), 1);
    assert!(stage.scene.held()[0].ends_with(" person active"));
}

#[test]
fn a_repository_that_names_another_host_for_its_large_files_gets_no_token_there() {
    let mut stage = Stage::new();
    if !has_lfs(&stage) {
        return skip("git-lfs");
    }
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    quiet(stage.clone("https://contoso@dev.azure.com/contoso/Project/_git/Repo"));
    for url in [
        "https://stranger.example.test/contoso/Project/_git/Repo/info/lfs",
        "https://contoso@stranger.example.test/contoso",
        "https://stranger.example.test%0ahost=dev.azure.com/contoso",
        "https://dev.azure.com%0d.example.test/contoso",
    ] {
        fs::write(stage.work().join(".lfsconfig"), format!("[lfs]\n\turl = \"{url}\"\n")).unwrap();
        let pointer =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n", "0".repeat(64));
        fs::write(stage.work().join("large.bin"), pointer).unwrap();
        stage.git(["-C", "work", "add", "."]).succeeds();
        stage.git(["-C", "work", "commit", "--quiet", "-m", "Point elsewhere"]).succeeds();
        stage.git(["-C", "work", "lfs", "fetch"]).fails();
    }
    let strange = |host: &String| host != "dev.azure.com";
    assert!(proxy.log().entries().iter().any(|entry| strange(&entry.host)), "the stranger was asked");
    assert!(!proxy.log().hosts_that_saw(TOKEN).iter().any(strange));
}
