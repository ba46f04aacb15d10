//! The pipeline page, by its own lines: each block is run in a shell, and tools then get the token or say what the page says.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use crate::support::process::Output;
use crate::support::scene::Scene;

const TOKEN: &str = "pipeline-secret";

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pipelines.md")).unwrap()
}

/// The blocks of shell lines.
fn blocks() -> Vec<String> {
    let page = page();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// A job: no home, no wallet, and the secret as `$PAT`.
fn job() -> Scene {
    let mut scene = Scene::new();
    for name in ["KEYFOB_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"] {
        scene.unset(name);
    }
    scene.set("CI", "true").set("TF_BUILD", "True").set("PAT", TOKEN);
    scene
}

/// Runs a block, and then a tool's question.
fn after(scene: &Scene, block: &str, question: &str) -> Output {
    scene.link("nuget-plugin-keyfob");
    scene.command("sh").args(["-c", &format!("{block}\n{question}")]).run()
}

fn nuget(url: &str) -> String {
    format!("nuget-plugin-keyfob -Uri {url} -NonInteractive True -OutputFormat Json")
}

fn git(url: &str) -> String {
    format!("printf 'url={url}\\n\\n' | git-credential-keyfob get")
}

#[test]
fn every_block_of_the_page_gives_the_token() {
    let feed = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";
    let code = git("https://dev.azure.com/contoso/p/_git/r");
    let blocks = blocks();
    assert_eq!(blocks.len(), 8);
    for block in &blocks {
        let http = "http://tfs.example:8080/tfs/DefaultCollection/_packaging/feed/nuget/v3/index.json";
        let (feed, code) = match block.contains("tfs.example") {
            true => (http, git("http://tfs.example:8080/tfs/DefaultCollection/p/_git/r")),
            false => (feed, code.clone()),
        };
        let answer = after(&job(), block, &nuget(feed)).succeeds();
        assert!(answer.stdout().contains(TOKEN), "{block}: {answer}");
        let answer = after(&job(), block, &code).succeeds();
        let for_packages = block.contains("VSS_NUGET");
        assert_eq!(answer.stdout().contains(TOKEN), !for_packages, "{block}: {answer}");
    }
}

#[test]
fn a_job_with_a_home_that_it_cannot_use_gets_the_token_all_the_same() {
    let feed = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";
    for home in ["", "/dev/null", "relative", "/proc", "/nowhere/at/all"] {
        let mut scene = job();
        scene.set("HOME", home);
        for question in [nuget(feed), git("https://build@dev.azure.com/contoso/p/_git/r")] {
            let answer = after(&scene, &blocks()[0], &question).succeeds();
            assert!(answer.stdout().contains(TOKEN), "{home}: {answer}");
        }
    }
}

/// Each row of the page's table: what happens, what is asked, and that the page's words come.
#[test]
fn the_log_says_what_the_page_says() {
    let feed = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";
    let page = page();
    let url = "export KEYFOB_URL=https://dev.azure.com/contoso";
    let refuse =
        "printf 'url=https://x:pipeline-secret@dev.azure.com/contoso\\n\\n' | git-credential-keyfob erase";
    let rows = [
        (format!("{url} KEYFOB_TOKEN="), nuget(feed), "KEYFOB_TOKEN is set, but it is empty"),
        (
            format!("{url} KEYFOB_TOKEN='$(PAT)'"),
            nuget(feed),
            "it holds the name of a variable, such as $(PAT), that nothing replaced",
        ),
        (
            "export KEYFOB_TOKEN=x".to_owned(),
            nuget(feed),
            "KEYFOB_URL, which says where it belongs, is not set",
        ),
        (
            "export KEYFOB_TOKENS='[{'".to_owned(),
            nuget(feed),
            "it is not a JSON list of objects with url and token",
        ),
        (
            "export KEYFOB_URL=http://tfs.example/tfs/One KEYFOB_TOKEN=x".to_owned(),
            nuget("http://tfs.example/tfs/One/_packaging/f/nuget/v3/index.json"),
            "its URL is plain http",
        ),
        (
            format!("{url} KEYFOB_TOKEN=pipeline-secret"),
            refuse.to_owned(),
            "renew it where KEYFOB_TOKEN is set, or unset the variable",
        ),
    ];
    for (block, question, words) in rows {
        assert!(page.contains(&format!("`{words}`")), "the page lacks: {words}");
        let answer = after(&job(), &block, &question);
        assert!(answer.stderr().contains(words), "{block}: {answer}");
        assert!(!answer.stdout().contains("pipeline-secret"), "{block}: {answer}");
    }
}
