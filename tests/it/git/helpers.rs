//! keyfob among other helpers, and what becomes of a token that a server refuses.

use std::fs;

use crate::fakes::azure_answers as azure;
use crate::fakes::forge::{Condition, Forge};
use crate::fakes::proxy::Proxy;
use crate::support::process::Output;

use super::{LARGE, OTHER, SMALL, Stage, TOKEN, ours, quiet};

const DEV: &str = "https://dev.azure.com/contoso/Project/_git/Repo";
const NAME: &str = "contoso/Project/Repo";

/// A stage with Azure DevOps Services, and git sends the path.
fn stage() -> (Stage, Forge, Proxy) {
    let mut stage = Stage::new();
    let services = stage.services();
    let proxy = stage.internet(vec![("dev.azure.com", services.handler())]);
    stage.set("credential.useHttpPath", "true");
    (stage, services, proxy)
}

impl Stage {
    /// A person at the prompt who types this user name and token, and is counted.
    fn types(&mut self, user: &str, token: &str) {
        let script = format!(
            "#!/bin/sh\necho \"$1\" >>\"$HOME/prompts\"\ncase $1 in Username*) echo {user} ;; *) echo {token} ;; esac\n"
        );
        let path = self.scene.script("askpass", &script);
        self.scene.set("GIT_ASKPASS", path);
    }

    /// How many prompts there were since the last look.
    fn prompts(&self) -> usize {
        let file = self.scene.home().join("prompts");
        let count = fs::read_to_string(&file).unwrap_or_default().lines().count();
        let _ = fs::remove_file(file);
        count
    }

    /// Clones with these helpers in this order.
    fn clone_with(&self, helpers: &[&str], url: &str) -> Output {
        let _ = fs::remove_dir_all(self.work());
        let mut args = vec!["-c".to_owned(), "credential.helper=".to_owned()];
        args.extend(
            helpers.iter().flat_map(|helper| ["-c".to_owned(), format!("credential.helper={helper}")]),
        );
        args.extend(["clone", "--quiet", url, "work"].map(str::to_owned));
        self.scene.git(args)
    }
}

/// A helper that answers with a token and writes down what it is called for.
fn helper(token: &str) -> String {
    format!(
        "!f() {{ cat >/dev/null; echo \"$1\" >>\"$HOME/asked\"; \
         if test \"$1\" = get; then printf 'username=alice\\npassword={token}\\n'; fi; }}; f"
    )
}

#[test]
fn where_keyfob_has_nothing_the_next_helper_is_asked() {
    let (stage, _services, _proxy) = stage();
    let output = stage.clone_with(&["keyfob", &helper(TOKEN)], DEV).succeeds();
    assert_eq!(fs::read_to_string(stage.scene.home().join("asked")).unwrap(), "get\nstore\n");
    // A hint, because a token for this place is what a user of keyfob would want there.
    assert!(
        ours(&output).len() == 1 && ours(&output)[0].contains("keyfob add https://dev.azure.com/contoso"),
        "{output}"
    );
    // What worked was stored with every helper, as git has it.
    assert_eq!(stage.scene.held(), ["azure-devops/contoso alice tool active"]);
    quiet(stage.clone(DEV));
}

#[test]
fn on_a_host_that_is_nothing_to_keyfob_it_is_silent() {
    let mut stage = Stage::new();
    let forge = stage.plain(crate::fakes::forge::Profile::Basic);
    let _proxy = stage.internet(vec![("git.corp.example", forge.handler())]);
    quiet(stage.clone_with(&["keyfob", &helper(TOKEN)], "https://git.corp.example/team/repo"));
    // And knows it from then on.
    quiet(stage.clone("https://git.corp.example/team/repo"));
}

#[test]
fn what_keyfob_answers_no_later_helper_is_asked_for() {
    let (stage, _services, proxy) = stage();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    quiet(stage.clone_with(&["keyfob", &helper("not-a-good-one")], DEV));
    assert_eq!(fs::read_to_string(stage.scene.home().join("asked")).unwrap(), "store\n");
    quiet(stage.clone_with(&["keyfob", "store"], DEV));
    assert!(proxy.log().hosts_that_saw("not-a-good-one").is_empty());
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person active"]);
}

#[test]
fn a_refused_token_gives_way_to_what_is_typed_and_comes_back_when_it_is_restored() {
    let (mut stage, services, proxy) = stage();
    stage.types("alice", TOKEN);
    stage.scene.add("https://dev.azure.com/contoso", OTHER);
    // Refused: git fails, the token is suspect and withheld for a minute.
    stage.clone(DEV).fails();
    assert_eq!(stage.prompts(), 0);
    assert_eq!(stage.scene.held(), ["azure-devops/contoso - person suspect"]);
    // Now git asks, and what was typed is kept beside.
    let output = stage.clone(DEV).succeeds();
    assert_eq!(stage.prompts(), 2);
    assert!(ours(&output).len() == 1 && ours(&output)[0].contains("keyfob restore "), "{output}");
    let both = ["azure-devops/contoso - person suspect", "azure-devops/contoso alice tool active"];
    assert_eq!(stage.scene.held(), both);
    // From then on it is used.
    quiet(stage.clone(DEV));
    stage.scene.let_time_pass(61);
    // After a minute the person's is offered once more; refused again, it is set aside for good.
    stage.clone(DEV).fails();
    stage.scene.let_time_pass(3600);
    quiet(stage.clone(DEV));
    assert_eq!(stage.prompts(), 0);
    let both = ["azure-devops/contoso - person rejected", "azure-devops/contoso alice tool active"];
    assert_eq!(stage.scene.held(), both);
    // The administrator makes it good again, and the person says so.
    services.change(|state| state.token(OTHER).realm = "contoso".to_owned());
    stage.scene.restore("https://dev.azure.com/contoso", Some("-"));
    proxy.log().take();
    stage.clone_fetch_push(DEV, NAME, SMALL);
    assert!(proxy.log().hosts_that_saw(TOKEN).is_empty());
    assert_eq!(proxy.log().hosts_that_saw(OTHER), ["dev.azure.com"]);
}

#[test]
fn a_token_that_a_tool_stored_and_a_server_refuses_is_not_handed_out_again() {
    let (mut stage, services, proxy) = stage();
    stage.types("alice", TOKEN);
    stage.clone(DEV).succeeds();
    assert_eq!(stage.prompts(), 2);
    quiet(stage.clone(DEV));
    services.change(|state| state.token(TOKEN).condition = Condition::Revoked);
    stage.clone(DEV).fails();
    assert_eq!(stage.scene.held(), ["azure-devops/contoso alice tool rejected"]);
    proxy.log().take();
    stage.types("alice", "mistyped");
    stage.clone(DEV).fails();
    assert_eq!(stage.prompts(), 2);
    assert!(proxy.log().hosts_that_saw(TOKEN).is_empty());
    assert_eq!(stage.scene.held(), ["azure-devops/contoso alice tool rejected"]);
    services.change(|state| state.token(TOKEN).condition = Condition::Active);
    stage.types("alice", TOKEN);
    stage.clone(DEV).succeeds();
    assert_eq!(stage.scene.held(), ["azure-devops/contoso alice tool active"]);
}

#[test]
fn a_sign_in_page_that_looks_like_success_changes_nothing() {
    let (stage, services, _proxy) = stage();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    let before = stage.files();
    services.change(|state| state.after = Some(std::sync::Arc::new(azure::sign_in_page)));
    let output = stage.clone(DEV).fails();
    assert_eq!(ours(&output), Vec::<&str>::new());
    assert_eq!(stage.files(), before);
}

#[test]
fn trouble_that_is_not_the_tokens_changes_nothing() {
    let (stage, services, _proxy) = stage();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    let before = stage.files();
    for answer in [
        |_: &_| azure::push_refused(),
        |_: &_| azure::no_repository("Repo"),
        |request: &_| azure::rate_limited(request, 3),
        azure::broken,
    ] {
        services.change(|state| state.after = Some(std::sync::Arc::new(answer)));
        let output = stage.clone(DEV).fails();
        assert_eq!(ours(&output), Vec::<&str>::new());
        assert_eq!(stage.files(), before);
    }
}

#[test]
fn a_token_past_its_hard_date_is_not_handed_out_and_git_asks() {
    let (mut stage, _services, proxy) = stage();
    stage.scene.helper("store", &format!("protocol=https host=dev.azure.com path=contoso username=alice password={OTHER} password_expiry_utc=1000000000")).succeeds();
    stage.types("alice", TOKEN);
    let output = stage.clone(DEV).succeeds();
    assert_eq!(stage.prompts(), 2);
    assert!(ours(&output).len() == 1 && ours(&output)[0].contains("ended on 2001-09-09"), "{output}");
    assert!(proxy.log().hosts_that_saw(OTHER).is_empty());
    // What was typed took its place.
    stage.commit(LARGE);
    quiet(stage.git(["-C", "work", "push", "--quiet"]));
    assert_eq!(stage.prompts(), 0);
}

#[test]
fn in_the_good_case_nothing_of_ours_is_said_however_much_git_talks() {
    let (stage, _services, _proxy) = stage();
    stage.scene.add("https://dev.azure.com/contoso", TOKEN);
    for args in [
        vec!["clone", "--progress", DEV, "work"],
        vec!["-C", "work", "fetch", "--verbose"],
        vec!["-C", "work", "commit", "--allow-empty", "-m", "Nothing"],
        vec!["-C", "work", "push", "--progress"],
        vec!["ls-remote", DEV],
    ] {
        let output = stage.scene.git(args).succeeds();
        let all = format!("{}{}", output.stdout(), output.stderr());
        assert!(!all.contains("keyfob") && !all.contains(TOKEN), "{output}");
    }
}

#[test]
fn nobody_is_asked_and_nothing_hangs_without_a_terminal() {
    let (mut stage, _services, _proxy) = stage();
    stage.scene.unset("GIT_TERMINAL_PROMPT");
    stage.clone(DEV).fails();
    stage.set("credential.interactive", "false");
    stage.clone(DEV).fails();
}
