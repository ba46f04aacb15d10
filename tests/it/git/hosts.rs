//! Every kind of host, by its real name: each gets its own token and no other.

use crate::fakes::forge::Profile;
use crate::fakes::log::Entry;
use crate::support::person::Add;
use crate::support::scene::{new_git, skip};

use super::{LARGE, OTHER, SMALL, Stage, TOKEN, ours, quiet};

const DEV: &str = "https://dev.azure.com/contoso/Project/_git/Repo";

#[test]
fn azure_devops_services_by_the_path() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.set("credential.https://dev.azure.com.useHttpPath", "true");
    stage.clone_fetch_push(DEV, "contoso/Project/Repo", LARGE);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["dev.azure.com"]);
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn azure_devops_services_by_the_user_name_of_the_clone_button() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add_with(DEV, TOKEN, Add { account: Some("alice"), ..Add::default() });
    let url = "https://contoso@dev.azure.com/contoso/Project/_git/Repo";
    stage.clone_fetch_push(url, "contoso/Project/Repo", SMALL);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["dev.azure.com"]);
    assert_eq!(stage.scene.held(), ["azure-devops/contoso alice person active"]);
}

#[test]
fn azure_devops_services_by_the_old_host_names() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("*.visualstudio.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    for url in [
        "https://contoso.visualstudio.com/Project/_git/Repo",
        "https://contoso.visualstudio.com/DefaultCollection/Project/_git/Repo",
        "https://alice@contoso.visualstudio.com/Project/_git/Repo",
    ] {
        stage.clone_fetch_push(url, "contoso/Project/Repo", SMALL);
    }
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["contoso.visualstudio.com"]);
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn two_organisations_get_their_own_tokens() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.scene.add("https://dev.azure.com/fabrikam", OTHER);
    let urls = |at: &str| {
        ["contoso", "fabrikam"]
            .map(|org| format!("https://{}dev.azure.com/{org}/Project/_git/Repo", at.replace("ORG", org)))
    };
    for (use_path, at) in [("false", "ORG@"), ("true", ""), ("true", "ORG@"), ("true", "git@")] {
        stage.set("credential.https://dev.azure.com.useHttpPath", use_path);
        let [contoso, fabrikam] = urls(at);
        stage.clone_fetch_push(&contoso, "contoso/Project/Repo", SMALL);
        stage.clone_fetch_push(&fabrikam, "fabrikam/Project/Repo", SMALL);
    }
    let entries = proxy.log().entries();
    assert!(
        entries.iter().any(|entry| entry.carries(TOKEN)) && entries.iter().any(|entry| entry.carries(OTHER))
    );
    for entry in entries {
        assert!(!entry.carries(TOKEN) || entry.target.starts_with("/contoso/"), "{entry:?}");
        assert!(!entry.carries(OTHER) || entry.target.starts_with("/fabrikam/"), "{entry:?}");
    }
    let held = ["azure-devops/contoso - person active", "azure-devops/fabrikam - person active"];
    assert_eq!(stage.scene.held(), held);
}

#[test]
fn without_path_and_user_name_no_token_is_guessed_and_one_hint_says_what_to_set() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    let output = stage.clone(DEV).fails();
    let hint = ours(&output).join("\n");
    let (_, command) = hint.split_once("send it: git ").unwrap_or_else(|| panic!("{output}"));
    assert_eq!(ours(&output).len(), 1, "{output}");
    assert!(proxy.log().hosts_that_saw(TOKEN).is_empty());
    // The hint is a command; it is the right one.
    stage.scene.git(command.split(' ')).succeeds();
    quiet(stage.clone(DEV));
}

#[test]
fn an_organisation_that_is_not_held_gets_nothing() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage
        .internet(vec![("dev.azure.com", services.handler()), ("*.visualstudio.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.set("credential.useHttpPath", "true");
    for url in [
        "https://dev.azure.com/fabrikam/Project/_git/Repo",
        "https://contoso@dev.azure.com/fabrikam/Project/_git/Repo",
        "https://fabrikam.visualstudio.com/Project/_git/Repo",
        "https://contosovisualstudio.example.test/contoso/Project/_git/Repo",
        "https://dev.azure.com.example.test/contoso/Project/_git/Repo",
        "https://contoso.visualstudio.com.example.test/Project/_git/Repo",
    ] {
        stage.clone(url).fails();
    }
    assert!(proxy.log().hosts_that_saw(TOKEN).is_empty(), "{:?}", proxy.log().entries());
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn github_and_gitlab_and_their_relatives() {
    for (add, url, host) in [
        ("https://github.com", "https://github.com/team/repo.git", "github.com"),
        ("https://github.com", "https://alice@gist.github.com/team/repo", "gist.github.com"),
        ("https://gitlab.com/team", "https://gitlab.com/team/repo.git", "gitlab.com"),
        ("https://gitlab.corp.example", "https://gitlab.corp.example/team/repo.git", "gitlab.corp.example"),
        ("https://codeberg.org/team/repo", "https://git@codeberg.org/team/repo.git", "codeberg.org"),
        ("https://bitbucket.org", "https://alice@bitbucket.org/team/repo.git", "bitbucket.org"),
    ] {
        let mut stage = Stage::new();
        let forge = stage.plain(Profile::AnyUser { realm: "site" });
        let names = [
            "github.com",
            "gist.github.com",
            "gitlab.com",
            "gitlab.corp.example",
            "codeberg.org",
            "bitbucket.org",
        ];
        let proxy = stage.internet(names.map(|name| (name, forge.handler())).to_vec());
        stage.scene.add(add, TOKEN);
        stage.clone_fetch_push(url, "team/repo", SMALL);
        assert_eq!(proxy.log().hosts_that_saw(TOKEN), [host]);
        for name in names.into_iter().filter(|name| !host.ends_with(name)) {
            let other = format!("https://{name}/team/repo.git");
            // One token opens all of GitHub's own hosts.
            if host == "github.com" && name == "gist.github.com" {
                quiet(stage.clone(&other));
            } else {
                stage.clone(&other).fails();
            }
        }
        assert!(proxy.log().hosts_that_saw(TOKEN).iter().all(|seen| seen.ends_with(host)));
    }
}

/// Whether the person said what it is, or the settings do.
#[test]
fn bitbucket_data_center_gets_its_token_as_bearer() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    for by_settings in [false, true] {
        let mut stage = Stage::new();
        stage.scene.use_git(git.clone());
        let forge = stage.plain(Profile::Bearer);
        let proxy = stage.internet(vec![("code.corp.example", forge.handler())]);
        if by_settings {
            let host = "[[host]]\nurl = \"https://code.corp.example\"\nforge = \"bitbucket-data-center\"\n";
            stage.scene.private_folder(&stage.scene.data());
            stage.scene.append("keyfob/config.toml", host);
            stage.scene.add("https://code.corp.example/scm/team", TOKEN);
        } else {
            let add = Add { forge: Some("bitbucket-data-center"), ..Add::default() };
            stage.scene.add_with("https://code.corp.example/scm/team", TOKEN, add);
        }
        stage.clone_fetch_push("https://code.corp.example/team/repo.git", "team/repo", SMALL);
        assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["code.corp.example"]);
        for entry in proxy.log().entries() {
            let expected = (entry.status == 200).then(|| format!("Bearer {TOKEN}"));
            assert_eq!(entry.authorization(), expected.as_deref(), "{entry:?}");
        }
    }
}

#[test]
fn a_plain_server_gets_user_name_and_password_as_they_are() {
    let mut stage = Stage::new();
    let forge = stage.plain(Profile::Basic);
    let proxy = stage.internet(vec![("git.corp.example", forge.handler())]);
    stage.scene.add_with("https://git.corp.example", TOKEN, Add { account: Some("alice"), ..Add::default() });
    stage.clone_fetch_push("https://git.corp.example/team/repo.git", "team/repo", LARGE);
    stage.clone_fetch_push("https://alice@git.corp.example/team/repo.git", "team/repo", SMALL);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["git.corp.example"]);
    // Another user of the same host is nobody that we know; curl tries the name with an empty password by itself.
    stage.clone("https://bob@git.corp.example/team/repo.git").fails();
    let bobs =
        |entry: &Entry| entry.basic().is_some_and(|(user, password)| user == "bob" && !password.is_empty());
    assert!(!proxy.log().entries().iter().any(bobs));
    assert_eq!(stage.scene.held(), ["generic/https://git.corp.example alice person active"]);
}
