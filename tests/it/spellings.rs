//! One place in several spellings that scripts and people write by mistake: every tool and every command reads them alike.
#![cfg(unix)]

use std::fs;

use crate::support::scene::Scene;

const TOKEN: &str = "a-token-for-one-place-in-many-spellings";

/// Each with a slash too many, as `$(System.CollectionUri)/$(System.TeamProject)` makes it.
const SLASHES: [&str; 3] = [
    "https://dev.azure.com/contoso//Project/_git/Repo",
    "https://dev.azure.com//contoso/Project/_git/Repo",
    "https://dev.azure.com/contoso///Project//_git/Repo/",
];

#[test]
fn a_slash_too_many_is_no_other_place_for_any_tool() {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    let pair = "Basic Y29udG9zbzphLXRva2VuLWZvci1vbmUtcGxhY2UtaW4tbWFueS1zcGVsbGluZ3M=";
    for url in SLASHES {
        let path = url.strip_prefix("https://dev.azure.com/").unwrap();
        let answer = scene.get(&format!("protocol=https host=dev.azure.com path={path}"));
        assert_eq!(answer, format!("username=contoso\npassword={TOKEN}\n"), "{url}");
        let said =
            |words: &[&str], stdin: &str| scene.keyfob_with(words, stdin).succeeds().stdout().to_owned();
        let request = serde_json::json!({ "uri": url }).to_string();
        assert!(said(&["bazel", "get"], &request).contains(pair), "bazel {url}");
        assert!(said(&["go", url], "").contains(pair), "go {url}");
        assert_eq!(said(&["keyring", "get", url, "me"], ""), format!("{TOKEN}\n"), "keyring {url}");
        let prompt = format!("Password for '{url}': ");
        assert_eq!(said(&["askpass", &prompt], ""), format!("{TOKEN}\n"), "askpass {url}");
        assert_eq!(said(&["token", url, "--as", "token"], ""), format!("{TOKEN}\n"), "token {url}");
        assert!(said(&["explain", url], "").contains("azure-devops/contoso"), "explain {url}");
        let run = ["run", "--env", &format!("X={url}"), "--", "sh", "-c", "echo $X"];
        assert_eq!(said(&run, ""), format!("{TOKEN}\n"), "run {url}");
        let index =
            format!("sparse+{}", url.replace("Project", "_packaging").replace("_git", "f/Cargo/index"));
        let asked = serde_json::json!({ "v": 1, "registry": { "index-url": index }, "kind": "get", "operation": "read" });
        let cargo = said(&["cargo", "--cargo-plugin"], &format!("{asked}\n"));
        assert!(cargo.contains("\"token\":\"Basic "), "cargo {url}: {cargo}");
    }
    fs::create_dir(scene.home().join("p")).unwrap();
    scene.append("p/.npmrc", "registry=https://pkgs.dev.azure.com/contoso//_packaging/f/npm/registry/\n");
    let npm = ["run", "--dry-run", "--", "npm", "install"];
    let npm =
        scene.command(scene.bin().join("keyfob")).args(npm).within(scene.home().join("p")).run().succeeds();
    assert!(npm.stdout().contains("azure-devops/contoso: packages (read)"), "{npm}");
}

#[test]
fn a_place_is_added_ruled_and_removed_with_a_slash_too_many() {
    let scene = Scene::new();
    for account in ["one", "two"] {
        let add = ["add", "https://dev.azure.com//contoso//", "--account", account];
        scene.keyfob_with(add, format!("{TOKEN}-{account}\n")).succeeds();
    }
    scene.keyfob(["prefer", "https://dev.azure.com/contoso//Project", "--account", "two"]).succeeds();
    let answer = scene.get("protocol=https host=dev.azure.com path=contoso/Project/_git/Repo");
    assert_eq!(answer, format!("username=two\npassword={TOKEN}-two\n"));
    scene.keyfob(["remove", "https://dev.azure.com///contoso", "--account", "two", "--yes"]).succeeds();
    assert_eq!(scene.held(), ["azure-devops/contoso one person active"]);
}

#[test]
fn a_server_of_ones_own_is_known_with_a_slash_too_many() {
    let scene = Scene::new();
    let add = ["add", "https://tfs.example/tfs/Main", "--forge", "azure-devops-server"];
    scene.keyfob_with(add, format!("{TOKEN}\n")).succeeds();
    for path in ["tfs//Main/_git/x", "/tfs/Main//P/_git/x", "tfs/Main"] {
        let answer = scene.get(&format!("protocol=https host=tfs.example path={path}"));
        assert!(answer.contains(TOKEN), "{path}: {answer}");
    }
    assert_eq!(scene.get("protocol=https host=tfs.example path=tfs//Mainly/_git/x"), "");
}

#[test]
fn an_empty_port_and_a_zone_are_kept_and_found_again_as_git_writes_them() {
    let scene = Scene::new();
    scene.keyfob_with(["add", "https://git.example", "--account", "bob"], format!("{TOKEN}\n")).succeeds();
    assert!(scene.get("protocol=https host=git.example:").contains(TOKEN));
    let place = "protocol=https host=[fe80::1%eth0]:8443";
    scene.helper("store", &format!("{place} username=bob password={TOKEN}-zone")).succeeds();
    assert_eq!(scene.get(place), format!("username=bob\npassword={TOKEN}-zone\n"));
    for other in ["[fe80::1]:8443", "[fe80::1%eth1]:8443", "[fe80::1%eth0]"] {
        assert_eq!(scene.get(&format!("protocol=https host={other}")), "", "{other}");
    }
    // A person reads the place in list, and means it by that.
    let list = scene.keyfob(["list"]).succeeds();
    let shown = "https://[fe80::1%25eth0]:8443";
    assert!(list.stdout().contains("fe80::1%"), "{list}");
    let token = scene.keyfob(["token", shown, "--as", "token"]).succeeds();
    assert_eq!(token.stdout(), format!("{TOKEN}-zone\n"));
    scene.keyfob(["remove", shown, "--yes"]).succeeds();
    assert_eq!(scene.get(place), "");
    assert!(scene.keyfob(["doctor"]).succeeds().stdout().contains("records: 1 account in 1 realm"));
}

#[test]
fn a_path_that_becomes_another_by_decoding_twice_gets_nothing_from_any_tool() {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    for path in
        ["contoso/%2e%2e/fabrikam/_git/x", "contoso/x%2f..%2f..%2ffabrikam", "contoso/%252e%252e/fabrikam"]
    {
        let git = scene.helper("get", &format!("protocol=https host=dev.azure.com path={path}"));
        assert_eq!((git.code(), git.stdout()), (0, ""), "{git}");
        assert!(git.stderr().contains("ignored a malformed request: the path is not plain"), "{git}");
    }
    // As a URL it is decoded once on the way in.
    let url = "https://dev.azure.com/contoso/%252e%252e/fabrikam/_git/x";
    for words in [&["token", url, "--as", "token"][..], &["go", url], &["keyring", "get", url, "me"]] {
        let refused = scene.keyfob(words);
        assert!(refused.code() != 0 && refused.stdout().is_empty(), "{refused}");
    }
}

#[test]
fn a_forge_by_its_name_with_www_is_that_forge() {
    for host in ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "huggingface.co"] {
        let scene = Scene::new();
        let add = ["add", &format!("https://www.{host}"), "--account", "bob", "--force"];
        scene.keyfob_with(add, format!("{TOKEN}\n")).succeeds();
        for asked in [host, &format!("www.{host}")] {
            assert!(scene.get(&format!("protocol=https host={asked} path=a/b")).contains(TOKEN), "{asked}");
        }
        assert_eq!(scene.get(&format!("protocol=https host=www.www.{host} path=a/b")), "");
    }
}
