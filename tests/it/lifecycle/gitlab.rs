//! `keyfob rotate` for GitLab, whose tokens renew themselves.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Stage, answer};
use crate::fakes::http::{Handler, Request, Response};

pub const GITLAB: &str = "https://gitlab.com";

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
    use crate::support::terminal::Terminal;
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
    let mut terminal =
        Terminal::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {GITLAB}"));
    is_asked.recv().unwrap();
    terminal.keys("\u{3}").sees("^C");
    go.send(()).unwrap();
    let (code, screen) = terminal.end();
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
