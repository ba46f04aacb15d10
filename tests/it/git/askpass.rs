//! keyfob-askpass under the real git and the real wget, each without any other way to a token.
#![cfg(unix)]

use std::fs;

use crate::fakes::http::Request;
use crate::support::scene::skip;

use super::*;

const DEV: &str = "https://dev.azure.com/contoso/Project/_git/Repo";

impl Stage {
    /// Nobody but the askpass program is asked.
    fn only_askpass(&mut self) {
        self.set("credential.helper", "");
        let link = self.scene.link("keyfob-askpass");
        self.scene.set("GIT_ASKPASS", link);
    }

    fn wget(&self, url: &str) -> Option<Output> {
        let Some(wget) =
            ["/usr/bin/wget", "/usr/local/bin/wget"].into_iter().find(|path| fs::exists(path).unwrap())
        else {
            skip("wget");
            return None;
        };
        let askpass = format!("--use-askpass={}", self.scene.link("keyfob-askpass").display());
        let authority = format!("--ca-certificate={}", self.scene.home().join("authority.pem").display());
        let args = [&askpass, &authority, "--auth-no-challenge", "--tries=1", "-q", "-O", "-", url];
        Some(self.scene.command(wget).args(args).run())
    }
}

#[test]
fn git_clones_fetches_and_pushes_with_the_path_in_its_prompts_and_without() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.only_askpass();
    stage.clone_fetch_push(&DEV.replace("dev.", "contoso@dev."), "contoso/Project/Repo", SMALL);
    stage.set("credential.useHttpPath", "true");
    stage.clone_fetch_push(DEV, "contoso/Project/Repo", SMALL);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["dev.azure.com"]);
}

#[test]
fn git_gets_user_name_and_password_of_a_plain_server() {
    let mut stage = Stage::new();
    let forge = stage.plain(Profile::Basic);
    let proxy = stage.internet(vec![("git.corp.example", forge.handler())]);
    let add = crate::support::person::Add { account: Some("alice"), ..Default::default() };
    stage.scene.add_with("https://git.corp.example", TOKEN, add);
    stage.only_askpass();
    stage.clone_fetch_push("https://git.corp.example/team/repo.git", "team/repo", SMALL);
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["git.corp.example"]);
}

#[test]
fn git_gets_nothing_for_another_organisation_or_host() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    stage.only_askpass();
    stage.set("credential.useHttpPath", "true");
    for url in [
        "https://dev.azure.com/fabrikam/Project/_git/Repo",
        "https://dev.azure.com.example.test/contoso/Project/_git/Repo",
    ] {
        let output = stage.clone(url).fails();
        assert!(!output.stderr().contains("keyfob: "), "{output}");
    }
    assert!(proxy.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn wget_gets_the_token_of_the_organisation_that_its_user_name_tells() {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    let url = "https://dev.azure.com/contoso/_apis/connectionData?api-version=7.1-preview";
    let Some(output) = stage.wget(&url.replace("dev.", "contoso@dev.")) else { return };
    assert!(output.succeeds().stdout().contains("authenticatedUser"));
    // Its prompt has no path.
    stage.wget(url).unwrap().fails();
    let stranger = stage.wget("https://contoso@www.example.test/contoso").unwrap().fails();
    assert!(!stranger.stderr().contains("keyfob: "), "{stranger}");
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["dev.azure.com"]);
}

#[test]
fn wget_is_told_the_user_name_too() {
    let mut stage = Stage::new();
    let door = |request: &Request| match request.header("authorization").and_then(crate::fakes::log::basic) {
        Some((user, password)) if user == "alice" && password == TOKEN => match request.path() {
            "/moved" => Response::new(302).header("Location", "https://www.example.test/moved"),
            _ => Response::with(200, "text/plain", "the report\n"),
        },
        _ => stranger(request),
    };
    let proxy = stage.internet(vec![("reports.corp.example", Arc::new(door))]);
    let add = crate::support::person::Add { account: Some("alice"), ..Default::default() };
    stage.scene.add_with("https://reports.corp.example", TOKEN, add);
    let Some(output) = stage.wget("https://reports.corp.example/of/today") else { return };
    assert_eq!(output.succeeds().stdout(), "the report\n");
    // Where it is sent from there, the token does not go along.
    stage.wget("https://reports.corp.example/moved").unwrap().fails();
    assert!(proxy.log().entries().iter().any(|entry| entry.host == "www.example.test"));
    assert_eq!(proxy.log().hosts_that_saw(TOKEN), ["reports.corp.example"]);
}

#[test]
fn setup_shows_the_lines_and_doctor_looks_at_the_variables() {
    let mut stage = Stage::new();
    let before = crate::support::scene::files_below(&stage.scene.home());
    let link = stage.scene.link("keyfob-askpass");
    let said = stage.scene.keyfob(["setup", "askpass", "--dry-run"]).succeeds();
    assert!(said.stderr().contains(&format!("export GIT_ASKPASS={}", link.display())), "{said}");
    assert!(said.stderr().contains("nothing was written") && said.stdout().is_empty(), "{said}");
    assert_eq!(crate::support::scene::files_below(&stage.scene.home()), before);
    assert!(!stage.scene.keyfob(["doctor"]).stdout().contains("askpass:"));
    stage.scene.set("GIT_ASKPASS", &link).set("SSH_ASKPASS", &link);
    let doctor = stage.scene.keyfob(["doctor"]);
    let lines: Vec<&str> = doctor.stdout().lines().filter(|line| line.contains("askpass: ")).collect();
    assert!(lines.len() == 2 && lines[0].starts_with("ok") && lines[1].starts_with("hint"), "{lines:?}");
    assert!(lines[1].ends_with("fix: unset SSH_ASKPASS"), "{lines:?}");
}
