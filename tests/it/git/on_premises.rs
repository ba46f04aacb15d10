//! Azure DevOps Server, which offers NTLM and Negotiate beside Basic. curl prefers those, so user name and password never arrive
//! as Basic; with git 2.46 or newer keyfob says `authtype=Basic`.

use crate::fakes::forge::{Forge, Token};
use crate::fakes::http::Server;
use crate::fakes::log::Entry;
use crate::support::scene::{new_git, old_git, skip};

use super::{LARGE, SMALL, Stage, TOKEN, ours};

const REPO: &str = "/tfs/DefaultCollection/Project/_git/Repo";
const NAME: &str = "DefaultCollection/Project/Repo";

/// A stage with that git, and a server of whose collection alice has a token in the wallet.
fn on_premises(git: std::path::PathBuf) -> (Stage, Forge, Server) {
    let mut stage = Stage::new();
    stage.scene.use_git(git);
    stage.repositories.create(NAME);
    let forge = Forge::on_premises(&stage.repositories, "/tfs");
    forge.add(Token::new("DefaultCollection", "alice", TOKEN));
    let server = forge.start();
    stage.scene.add(&format!("{}/tfs/DefaultCollection", server.url()), TOKEN);
    (stage, forge, server)
}

fn held(server: &Server, state: &str) -> Vec<String> {
    vec![format!("azure-devops-server/{}/tfs/defaultcollection - person {state}", server.url())]
}

#[test]
fn clone_fetch_and_push_work_where_user_name_and_password_alone_fail() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let (stage, _forge, server) = on_premises(git);
    let url = format!("{}{REPO}", server.url());
    // The same git with a helper that knows the same token but only user name and password.
    let helper = format!("!f() {{ test \"$1\" = get && printf 'username=alice\\npassword={TOKEN}\\n'; }}; f");
    let helper = format!("credential.helper={helper}");
    stage.git(["-c", "credential.helper=", "-c", &helper, "clone", "--quiet", &url, "other"]).fails();
    let ntlm = |entry: &Entry| entry.authorization().is_some_and(|value| value.starts_with("NTLM "));
    assert!(server.log().take().iter().any(ntlm), "git took NTLM: this proves that it would");

    for use_path in ["false", "true"] {
        stage.set("credential.useHttpPath", use_path);
        stage.clone_fetch_push(&url, NAME, SMALL);
    }
    // IIS folds letter case.
    let folded = format!("{}/TFS/defaultcollection/Project/_git/repo", server.url());
    stage.clone_fetch_push(&folded, NAME, SMALL);
    assert!(!server.log().entries().iter().any(ntlm));
    assert_eq!(stage.scene.held(), held(&server, "active"));
}

#[test]
fn a_server_that_demands_an_empty_user_name_gets_one() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let (stage, forge, server) = on_premises(git);
    forge.change(|state| state.empty_user_only = true);
    stage.clone_fetch_push(&format!("{}{REPO}", server.url()), NAME, SMALL);
    for entry in server.log().entries().iter().filter(|entry| entry.status == 200) {
        assert_eq!(entry.basic(), Some((String::new(), TOKEN.to_owned())), "{entry:?}");
    }
}

#[test]
fn another_collection_of_the_same_server_gets_nothing() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let (stage, _forge, server) = on_premises(git);
    stage.repositories.create("Other/Project/Repo");
    stage.set("credential.useHttpPath", "true");
    stage.clone(&format!("{}/tfs/Other/Project/_git/Repo", server.url())).fails();
    assert!(server.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn a_large_push_works_with_proactive_basic() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let (stage, _forge, server) = on_premises(git);
    stage.set(&format!("http.{}.proactiveAuth", server.url()), "basic");
    stage.clone_fetch_push(&format!("{}{REPO}", server.url()), NAME, LARGE);
    let entries = server.log().entries();
    assert!(entries.iter().all(|entry| entry.basic().is_some()), "never without the token: {entries:?}");
    assert!(entries.iter().all(|entry| entry.basic().is_none_or(|(user, _)| !user.is_empty())));
    assert_eq!(stage.scene.held(), held(&server, "active"));
}

/// Up to 2.52 git forgets the credential on the probe before a large push, and reports it as refused. That must not cost the
/// person the token.
#[test]
fn a_large_push_that_fails_for_gits_own_fault_does_not_lose_the_token() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let (stage, _forge, server) = on_premises(git);
    let url = format!("{}{REPO}", server.url());
    stage.clone(&url).succeeds();
    stage.commit(LARGE);
    let output = stage.git(["-C", "work", "push", "--quiet"]);
    if output.code() == 0 {
        assert_eq!(stage.scene.held(), held(&server, "active"));
        return;
    }
    assert_eq!(stage.scene.held(), held(&server, "suspect"));
    stage.scene.restore(&url, None);
    assert_eq!(stage.scene.held(), held(&server, "active"));
    stage.set(&format!("http.{}.proactiveAuth", server.url()), "basic");
    stage.git(["-C", "work", "push", "--quiet"]).succeeds();
}

#[test]
fn an_older_git_gets_one_hint_that_says_what_to_do_and_the_token_is_not_blamed() {
    let Some(git) = old_git() else { return skip("git < 2.46") };
    let (stage, _forge, server) = on_premises(git);
    let url = format!("{}{REPO}", server.url());
    for _ in 0..2 {
        let output = stage.clone(&url).fails();
        let ours = ours(&output);
        assert!(ours.len() == 1 && ours[0].starts_with("keyfob: hint: "), "{output}");
        assert!(ours[0].contains("install git 2.46 or newer"), "{output}");
        assert_eq!(stage.scene.held(), held(&server, "active"));
    }
}

#[test]
fn a_revoked_token_is_suspect_and_then_rejected_and_never_destroyed() {
    let Some(git) = new_git() else { return skip("git >= 2.46") };
    let (stage, forge, server) = on_premises(git);
    let url = format!("{}{REPO}", server.url());
    forge.change(|state| state.token(TOKEN).condition = crate::fakes::forge::Condition::Revoked);
    stage.clone(&url).fails();
    assert_eq!(stage.scene.held(), held(&server, "suspect"));
    // Within the minute it is withheld, and that is said.
    let output = stage.clone(&url).fails();
    assert_eq!(ours(&output).len(), 1, "{output}");
    assert!(ours(&output)[0].contains("keyfob restore "), "{output}");
    stage.scene.let_time_pass(61);
    stage.clone(&url).fails();
    assert_eq!(stage.scene.held(), held(&server, "rejected"));
    forge.change(|state| state.token(TOKEN).condition = crate::fakes::forge::Condition::Active);
    stage.scene.let_time_pass(3600);
    stage.clone(&url).fails();
    stage.scene.restore(&url, None);
    stage.clone_fetch_push(&url, NAME, SMALL);
}
