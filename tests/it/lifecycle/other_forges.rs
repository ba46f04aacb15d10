//! `keyfob rotate` by hand and `keyfob add --open` for the services whose tokens only a person makes.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Stage, answer, shown};
use crate::fakes::http::{Handler, Request, Response};

pub const GITHUB: &str = "https://github.com";

/// github.com's interface with two tokens, of which any can be revoked by whoever has it.
pub fn github(revoked: &Arc<Mutex<Vec<String>>>) -> Handler {
    let revoked = Arc::clone(revoked);
    Arc::new(move |request: &Request| {
        let shown = request.header("authorization").unwrap_or_default();
        match (request.method.as_str(), request.path()) {
            ("GET", "/user") if ["Bearer s3cret-first", "Bearer s3cret-second"].contains(&shown) => {
                answer(200, &json!({ "login": "alice" })).header("X-OAuth-Scopes", "repo")
            }
            ("GET", "/user") => answer(401, &json!({ "message": "Bad credentials" })),
            ("POST", "/credentials/revoke") if shown.is_empty() => {
                revoked.lock().unwrap().push(String::from_utf8(request.body.clone()).unwrap());
                Response::new(202)
            }
            _ => answer(403, &json!({})),
        }
    })
}

#[test]
fn a_token_of_github_is_made_by_hand_verified_swapped_and_the_old_one_revoked_on_request() {
    let revoked = Arc::default();
    let stage = Stage::with(vec![("api.github.com", github(&revoked))]);
    stage.holds(GITHUB, "s3cret-first");
    // Refused: nothing is swapped.
    stage
        .run(&format!("rotate {GITHUB}"), "s3cret-wrong")
        .says(5, &["does not accept the token", "nothing was stored"]);
    assert_eq!(stage.in_force(GITHUB), "s3cret-first");
    // The same again is no new one.
    stage.run(&format!("rotate {GITHUB}"), "s3cret-first").says(2, &["holds already"]);
    // Without a yes, the old one is only set aside.
    let texts = [
        "is in the vault store",
        "accepts it, as alice",
        "works until it is revoked: https://github.com/settings/tokens",
    ];
    stage.run(&format!("rotate {GITHUB}"), "s3cret-second").says(0, &texts);
    assert_eq!(
        (stage.in_force(GITHUB), stage.list()[0]["set_aside"].clone()),
        ("s3cret-second".to_owned(), 1.into())
    );
    assert!(revoked.lock().unwrap().is_empty());
    stage.run(&format!("rotate {GITHUB} --yes"), "s3cret-first").says(0, &["the earlier one is revoked"]);
    assert_eq!(*revoked.lock().unwrap(), ["{\"credentials\":[\"s3cret-second\"]}"]);
    assert_eq!(stage.list()[0]["set_aside"], 1);
    assert_eq!(stage.proxy.log().hosts_that_saw("s3cret-second"), ["api.github.com"]);
}

#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_the_new_token_is_typed_hidden_and_the_old_one_revoked_after_a_yes() {
    use crate::support::terminal::Terminal;
    let revoked = Arc::default();
    let mut stage = Stage::with(vec![("api.github.com", github(&revoked))]);
    stage.holds(GITHUB, "s3cret-first");
    stage.scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    for (answer, token) in [("n", "s3cret-second"), ("y", "s3cret-first")] {
        let mut terminal =
            Terminal::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {GITHUB}"));
        terminal
            .sees("token for github/github.com (made at https://github.com/settings/tokens): ")
            .types(token);
        terminal.sees("revoke the earlier token? It cannot be taken back [y/N] ").types(answer);
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
        assert_eq!(stage.in_force(GITHUB), token);
        assert_eq!(revoked.lock().unwrap().len(), usize::from(answer == "y"), "{screen}");
    }
}

/// A browser that writes down what it is to open.
#[cfg(unix)]
fn browser(stage: &mut Stage) -> std::path::PathBuf {
    let log = stage.scene.home().join("browser.log");
    let script =
        format!("#!/bin/sh\necho \"$@\" >> {0}\nenv | grep KEYFOB_ENTRA >> {0}\nexit 0\n", log.display());
    let program = stage.scene.script("browser", &script);
    stage.scene.set("KEYFOB_BROWSER", program);
    log
}

#[test]
#[cfg(unix)]
fn the_right_page_is_opened_and_what_to_tick_there_is_said() {
    let mut stage = Stage::new();
    let log = browser(&mut stage);
    for (words, page, tick) in [
        (
            "https://dev.azure.com/contoso",
            "https://dev.azure.com/contoso/_usersSettings/tokens",
            "for git tick: Code: Read & write",
        ),
        (
            "https://github.com --for git,packages",
            "https://github.com/settings/tokens/new?description=keyfob&scopes=repo,read:packages",
            "for packages tick: classic: read:packages",
        ),
        (
            "https://dev.azure.com/contoso --for nuget,npm",
            "https://dev.azure.com/contoso/_usersSettings/tokens",
            "for packages tick: Packaging: Read",
        ),
        (
            "https://gitlab.corp.example --for git",
            "https://gitlab.corp.example/-/user_settings/personal_access_tokens?name=keyfob&scopes=read_repository,write_repository",
            "for git tick: read_repository, write_repository",
        ),
        (
            "https://tfs.corp.example/tfs/Main",
            "https://tfs.corp.example/tfs/Main/_usersSettings/tokens",
            "for packages tick: Packaging: Read",
        ),
        (
            "https://codeberg.org",
            "https://codeberg.org/user/settings/applications",
            "for git tick: repository: Read and write",
        ),
        (
            "https://bitbucket.org",
            "https://id.atlassian.com/manage-profile/security/api-tokens",
            "write:repository:bitbucket",
        ),
    ] {
        let call =
            stage.scene.program("keyfob").args(format!("add {words} --open").split(' ')).stdin("s3cret-x");
        shown(call.run()).says(0, &[tick, &format!("opened {page}")]);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("{page}\n"));
        std::fs::remove_file(&log).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_rotation_by_hand_opens_the_page_where_a_person_sits_and_asks_for_the_token_in_one_go() {
    use crate::support::terminal::Terminal;
    let revoked = Arc::default();
    let mut stage = Stage::with(vec![("api.github.com", github(&revoked))]);
    let log = browser(&mut stage);
    stage.holds(GITHUB, "s3cret-first");
    stage.holds("https://tfs.corp.example/tfs/Main", "s3cret-of-main");
    stage.scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    for (words, page) in [
        (GITHUB, "https://github.com/settings/personal-access-tokens/new?name=keyfob&contents=write"),
        (
            "https://tfs.corp.example/tfs/Main --unchecked",
            "https://tfs.corp.example/tfs/Main/_usersSettings/tokens",
        ),
    ] {
        let mut terminal =
            Terminal::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {words} --keep-old"));
        terminal
            .sees("for git tick: ")
            .sees(&format!("opened {page}"))
            .sees("token for ")
            .types("s3cret-second");
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("{page}\n"));
        std::fs::remove_file(&log).unwrap();
    }
    // Not where the token is piped in, and not where it is not wanted.
    stage.run(&format!("rotate {GITHUB} --keep-old"), "s3cret-first").says(0, &["is in the vault store"]);
    let words = format!("KEYFOB_OFFLINE= keyfob rotate {GITHUB} --keep-old --no-open");
    let mut terminal = Terminal::begin_shell(&stage.scene, &words);
    terminal
        .sees("token for github/github.com (made at https://github.com/settings/tokens): ")
        .types("s3cret-second");
    assert_eq!(terminal.end().0, 0);
    assert!(!log.exists());
}

#[test]
#[cfg(unix)]
fn without_a_browser_the_page_is_named() {
    let mut stage = Stage::new();
    for browser in ["/nonexistent", "false"] {
        stage.scene.set("KEYFOB_BROWSER", browser);
        let call = stage.scene.program("keyfob").args(["add", GITHUB, "--open"]).stdin("s3cret-x");
        shown(call.run())
            .says(0, &["keyfob: hint: open https://github.com/settings/personal-access-tokens/new?"]);
    }
}

#[test]
fn on_premises_a_token_is_rotated_by_hand() {
    let stage = Stage::new();
    stage.holds("https://tfs.corp.example/tfs/Main", "s3cret-first");
    let words = "rotate https://tfs.corp.example/tfs/Main --unchecked --expires 2099-01-31 --for git";
    let texts = [
        "for git tick: Code: Read & write",
        "open https://tfs.corp.example/tfs/Main/_usersSettings/tokens",
        "works until it is revoked",
    ];
    stage.run(words, "s3cret-second").says(0, &texts);
    assert_eq!(stage.in_force("https://tfs.corp.example/tfs/Main"), "s3cret-second");
    assert_eq!(stage.list()[0]["expires"], "2099-01-31T23:59:59Z");
}
