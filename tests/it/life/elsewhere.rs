//! `keyfob rotate` and `keyfob add --open` for the other services.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Stage, shown};
use crate::loopback::http::{Handler, Request, Response};

pub const GITLAB: &str = "https://gitlab.com";
pub const GITHUB: &str = "https://github.com";

fn answer(status: u16, body: &serde_json::Value) -> Response {
    Response::with(status, "application/json", body.to_string())
}

/// gitlab.com with one token, which renews itself; a second try with the old one revokes the new one, too.
pub struct GitLab {
    /// The token that works.
    token: String,
    /// The one before.
    old: String,
    /// Renewals so far.
    renewed: usize,
    /// A renewal happens and this is its answer.
    says: Option<Response>,
    /// The account is blocked: every token of it gets this.
    blocked: bool,
    /// A renewal is refused with this status.
    refuses: Option<u16>,
    /// What the renewals asked for.
    bodies: Vec<String>,
}

impl GitLab {
    /// With this token.
    pub fn new(token: &str) -> Arc<Mutex<GitLab>> {
        let (token, old) = (token.to_owned(), String::new());
        Arc::new(Mutex::new(GitLab {
            token,
            old,
            renewed: 0,
            says: None,
            refuses: None,
            bodies: Vec::new(),
            blocked: false,
        }))
    }

    /// Whether a token works.
    pub fn works(&self, token: &str) -> bool {
        self.token == token
    }

    /// How often it was renewed.
    pub fn renewed(&self) -> usize {
        self.renewed
    }

    /// It, as a handler for gitlab.com.
    pub fn handler(this: &Arc<Mutex<GitLab>>) -> Handler {
        let this = Arc::clone(this);
        Arc::new(move |request| this.lock().unwrap().answer(request))
    }

    fn answer(&mut self, request: &Request) -> Response {
        let shown = request.header("private-token").unwrap_or_default().to_owned();
        if !shown.is_empty() && shown == self.old {
            // Taken for stolen.
            self.token.clear();
        }
        if shown != self.token || shown.is_empty() {
            return answer(401, &json!({ "message": "401 Unauthorized" }));
        }
        if self.blocked {
            return answer(403, &json!({ "message": "403 Forbidden - Your account has been blocked." }));
        }
        let about = json!({
            "id": 7, "user_id": 42, "active": true, "revoked": false, "scopes": ["api"], "expires_at": "2099-01-31",
            "created_at": "2098-12-02T00:00:00.000Z",
        });
        match (request.method.as_str(), request.path()) {
            ("GET", "/api/v4/personal_access_tokens/self") => answer(200, &about),
            ("POST", "/api/v4/personal_access_tokens/self/rotate") => {
                self.bodies.push(String::from_utf8(request.body.clone()).unwrap());
                if let Some(status) = self.refuses {
                    return answer(status, &json!({ "error": "no", "message": "not that day" }));
                }
                self.renewed += 1;
                self.old = std::mem::replace(&mut self.token, format!("s3cret-renewed-{}", self.renewed));
                let mut about = about;
                about["token"] = json!(self.token);
                self.says.clone().unwrap_or_else(|| answer(200, &about))
            }
            _ => answer(404, &json!({})),
        }
    }
}

pub fn gitlab() -> (Stage, Arc<Mutex<GitLab>>) {
    let fake = GitLab::new("s3cret-first");
    let stage = Stage::with(vec![("gitlab.com", GitLab::handler(&fake))]);
    stage.holds(GITLAB, "s3cret-first");
    (stage, fake)
}

#[test]
fn a_token_of_gitlab_renews_itself_and_is_kept_before_anything_else() {
    let (stage, fake) = gitlab();
    stage.ends(
        &format!("rotate {GITLAB} --expires 2099-01-31"),
        0,
        &["was renewed and is in the vault store, until 2099-01-31"],
    );
    assert_eq!((stage.in_force(GITLAB), fake.lock().unwrap().renewed), ("s3cret-renewed-1".to_owned(), 1));
    assert_eq!(fake.lock().unwrap().bodies, ["{\"expires_at\":\"2099-01-31\"}"]);
    let row = stage.list().remove(0);
    assert_eq!(
        (&row["expires_certain"], &row["set_aside"], &row["scopes"]),
        (&true.into(), &0.into(), &json!(["api"]))
    );
    assert!(stage.is_done());
    assert_eq!(stage.proxy.log().hosts_that_saw("s3cret-first"), ["gitlab.com"]);
}

#[test]
fn a_token_that_came_late_into_the_wallet_is_renewed_for_as_long_as_it_was_made_for() {
    let (stage, fake) = gitlab();
    stage.ends(&format!("rotate {GITLAB}"), 0, &["was renewed"]);
    let asked = fake.lock().unwrap().bodies.remove(0);
    let days = |at: i64| format!("{{\"expires_at\":\"{}\"}}", keyfob::text::date(at));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Made for sixty days, whenever it was added here. The day may change meanwhile.
    let end = i64::try_from(now).unwrap() + 60 * 86_400;
    assert!([days(end), days(end - 60)].contains(&asked), "{asked}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_key_that_interrupts_does_not_cost_the_token_that_is_just_renewed() {
    use crate::commands::terminal::Talk;
    let fake = GitLab::new("s3cret-first");
    let (asked, is_asked) = std::sync::mpsc::channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let (handler, gates) = (GitLab::handler(&fake), Mutex::new((asked, may_go)));
    let slow: Handler = Arc::new(move |request| {
        let response = handler(request);
        if request.method == "POST" {
            let gates = gates.lock().unwrap();
            gates.0.send(()).unwrap();
            gates.1.recv().unwrap();
        }
        response
    });
    let mut stage = Stage::with(vec![("gitlab.com", slow)]);
    stage.holds(GITLAB, "s3cret-first");
    stage.scene.set("TERM", "dumb");
    let mut talk = Talk::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {GITLAB}"));
    is_asked.recv().unwrap();
    talk.keys("\u{3}").sees("^C");
    go.send(()).unwrap();
    let (code, screen) = talk.end();
    assert!(code == 0 && fake.lock().unwrap().works(&stage.in_force(GITLAB)), "{screen}");
}

#[test]
fn a_refused_renewal_is_explained_and_changes_nothing() {
    let (stage, fake) = gitlab();
    for (status, text) in [
        (403, "it needs api or self_rotate"),
        (404, "cannot renew tokens yet"),
        (400, "does not take this end; it says: not that day"),
        (429, "wants to be left alone"),
    ] {
        fake.lock().unwrap().refuses = Some(status);
        stage.ends(&format!("rotate {GITLAB}"), 6, &[text]);
        assert!(stage.is_done(), "{status}");
    }
    assert_eq!(stage.in_force(GITLAB), "s3cret-first");
}

#[test]
fn a_renewal_whose_answer_was_lost_is_never_tried_again_blindly() {
    for lost in
        [Response::verbatim(200, "HTTP/1.1 200 OK\r\nConte"), answer(200, &json!({})), Response::new(502)]
    {
        let (stage, fake) = gitlab();
        fake.lock().unwrap().says = Some(lost);
        stage.ends(&format!("rotate {GITLAB}"), 6, &["not known"]);
        assert!(!stage.is_done());
        stage.ends(
            &format!("rotate {GITLAB}"),
            5,
            &["the answer with the new one was lost", "by hand: keyfob add"],
        );
        assert_eq!(fake.lock().unwrap().renewed, 1, "the rotation was not repeated");
        assert!(stage.is_done());
    }
    // One of which nothing came is found out, too, and then it is renewed.
    let (stage, fake) = gitlab();
    fake.lock().unwrap().refuses = Some(502);
    stage.ends(&format!("rotate {GITLAB}"), 6, &["not known"]);
    fake.lock().unwrap().refuses = None;
    stage.ends(
        &format!("rotate {GITLAB}"),
        0,
        &["was not renewed before: it is accepted as it is", "was renewed and is in"],
    );
    assert_eq!(stage.in_force(GITLAB), "s3cret-renewed-1");
}

#[test]
fn a_blocked_account_neither_renews_nor_passes_for_a_renewal_that_was_lost() {
    let (stage, fake) = gitlab();
    fake.lock().unwrap().blocked = true;
    let said = "does not let its account in; it says: 403 Forbidden - Your account has been blocked.";
    stage.ends(&format!("rotate {GITLAB}"), 6, &[said]);
    assert!(stage.is_done(), "nothing happened");
    // Nothing came of this one either, but that is not known.
    (fake.lock().unwrap().blocked, fake.lock().unwrap().refuses) = (false, Some(502));
    stage.ends(&format!("rotate {GITLAB}"), 6, &["not known"]);
    (fake.lock().unwrap().blocked, fake.lock().unwrap().refuses) = (true, None);
    let texts = ["was renewed cannot be found out now", "keyfob check https://gitlab.com says why"];
    stage.ends(&format!("rotate {GITLAB}"), 6, &texts);
    assert!(!stage.is_done());
    fake.lock().unwrap().blocked = false;
    stage.ends(&format!("rotate {GITLAB}"), 0, &["was not renewed before", "was renewed and is in"]);
    assert_eq!((stage.in_force(GITLAB), fake.lock().unwrap().renewed), ("s3cret-renewed-1".to_owned(), 1));
}

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
    use crate::commands::terminal::Talk;
    let revoked = Arc::default();
    let mut stage = Stage::with(vec![("api.github.com", github(&revoked))]);
    stage.holds(GITHUB, "s3cret-first");
    stage.scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    for (answer, token) in [("n", "s3cret-second"), ("y", "s3cret-first")] {
        let mut talk = Talk::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {GITHUB}"));
        talk.sees("token for github/github.com (made at https://github.com/settings/tokens): ").types(token);
        talk.sees("revoke the earlier token? It cannot be taken back [y/N] ").types(answer);
        let (code, screen) = talk.end();
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
    use crate::commands::terminal::Talk;
    let revoked = Arc::default();
    let mut stage = Stage::with(vec![("api.github.com", github(&revoked))]);
    let log = browser(&mut stage);
    stage.holds(GITHUB, "s3cret-first");
    stage.holds("https://tfs.corp.example/tfs/Main", "s3cret-of-main");
    stage.scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    for (words, page) in [
        (GITHUB, "https://github.com/settings/tokens/new?description=keyfob&scopes=repo"),
        (
            "https://tfs.corp.example/tfs/Main --unchecked",
            "https://tfs.corp.example/tfs/Main/_usersSettings/tokens",
        ),
    ] {
        let mut talk =
            Talk::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {words} --keep-old"));
        talk.sees("for git tick: ").sees(&format!("opened {page}")).sees("token for ").types("s3cret-second");
        let (code, screen) = talk.end();
        assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("{page}\n"));
        std::fs::remove_file(&log).unwrap();
    }
    // Not where the token is piped in, and not where it is not wanted.
    stage.run(&format!("rotate {GITHUB} --keep-old"), "s3cret-first").says(0, &["is in the vault store"]);
    let words = format!("KEYFOB_OFFLINE= keyfob rotate {GITHUB} --keep-old --no-open");
    let mut talk = Talk::begin_shell(&stage.scene, &words);
    talk.sees("token for github/github.com (made at https://github.com/settings/tokens): ")
        .types("s3cret-second");
    assert_eq!(talk.end().0, 0);
    assert!(!log.exists());
}

#[test]
#[cfg(unix)]
fn without_a_browser_the_page_is_named() {
    let mut stage = Stage::new();
    for browser in ["/nonexistent", "false"] {
        stage.scene.set("KEYFOB_BROWSER", browser);
        let call = stage.scene.program("keyfob").args(["add", GITHUB, "--open"]).stdin("s3cret-x");
        shown(call.run()).says(0, &["keyfob: hint: open https://github.com/settings/tokens/new?"]);
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
