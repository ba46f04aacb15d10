//! `keyfob check`, and `add` where it asks the service: against fakes of the services under their real names, behind a proxy with a
//! certificate authority of its own. What each server was sent is kept, so that where a token went is an assertion.

use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use crate::fakes::azure_answers as azure;
use crate::fakes::forge::{Condition, Forge, Token};
use crate::fakes::git_backend::Repositories;
use crate::fakes::http::{Handler, Request, Response, Server};
use crate::fakes::proxy::Proxy;
use crate::fakes::rest_answers as rest;
use crate::fakes::tls::Authority;
use crate::support::process::Output;
use crate::support::scene::Scene;

mod add;
mod certificates;
mod global_tokens;
mod hostile;
mod http_responses;
mod many;
mod proxies;
mod rate_limit;
#[cfg(target_os = "linux")]
mod terminal;

const CONTOSO: &str = "https://dev.azure.com/contoso";

/// Of no known shape, so that nobody takes them for damaged.
const TOKEN: &str = "s3cret-of-contoso";
const OTHER: &str = "s3cret-of-fabrikam";

/// A person's machine, and an internet with Azure DevOps Services in it.
struct Stage {
    scene: Scene,
    services: Forge,
    proxy: Proxy,
    _folder: TempDir,
}

impl Stage {
    fn new() -> Stage {
        Stage::with(Vec::new())
    }

    /// With more hosts, which come first.
    fn with(mut rows: Vec<(&'static str, Handler)>) -> Stage {
        let folder = TempDir::new().unwrap();
        let services = Forge::services(&Repositories::new(folder.path().join("repositories")));
        services.add(Token::new("contoso", "alice@contoso.test", TOKEN));
        rows.push(("dev.azure.com", services.handler()));
        rows.push(("*.visualstudio.com", services.handler()));
        // Wherever something else is asked, it is seen.
        rows.push(("*.test", Arc::new(|_: &Request| Response::with(200, "text/plain", "evil"))));
        let authority = Authority::new();
        let proxy = Proxy::start(&authority, rows);
        let mut scene = Scene::new();
        scene.use_proxy(&proxy.url(), authority.pem());
        Stage { scene, services, proxy, _folder: folder }
    }

    /// Adds without asking anybody.
    fn holds(&self, words: &str, token: &str) {
        let words = format!("add {words}");
        self.scene.keyfob_with(words.split(' '), token).succeeds();
    }

    /// With the network, and sees to it that no token is shown.
    #[track_caller]
    fn run(&self, words: &str, stdin: &str) -> Output {
        let call = self.scene.program("keyfob").args(words.split(' ')).stdin(stdin);
        let output = call.env("KEYFOB_OFFLINE", "").run();
        let all = format!("{}{}", output.stdout(), output.stderr());
        assert!(!all.contains("s3cret"), "{output}");
        output
    }

    /// `keyfob check …`: the exit code and the rows.
    #[track_caller]
    fn check(&self, words: &str) -> (i32, Vec<Value>) {
        let output = self.run(format!("check {words} --json").replace("  ", " ").as_str(), "");
        let rows: Value = serde_json::from_str(output.stdout()).unwrap_or_else(|_| panic!("{output}"));
        (output.code(), rows.as_array().unwrap().clone())
    }

    /// `keyfob check CONTOSO`: exit code, result and problem.
    #[track_caller]
    fn verdict(&self) -> (i32, String, String) {
        let (code, rows) = self.check(CONTOSO);
        let word = |name: &str| rows[0][name].as_str().unwrap_or("-").to_owned();
        (code, word("result"), word("problem"))
    }

    fn state(&self) -> String {
        let list = self.scene.keyfob(["list", "--json"]).succeeds();
        let rows: Value = serde_json::from_str(list.stdout()).unwrap();
        rows[0]["state"].as_str().unwrap().to_owned()
    }
}

/// As where a machine allows no more threads. Stacks larger than any memory are refused alike, without a limit that root is above.
#[test]
#[cfg(target_os = "linux")]
fn where_no_thread_can_be_had_one_is_asked_after_the_other() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    stage.holds("https://dev.azure.com/fabrikam", OTHER);
    let call = stage.scene.program("keyfob").args(["check"]).env("RUST_MIN_STACK", "1000000000000000");
    let output = call.env("KEYFOB_OFFLINE", "").run();
    output.says(5, &["dev.azure.com/contoso", "accepted", "dev.azure.com/fabrikam", "refused"]);
}

#[test]
fn an_accepted_token_is_shown_with_whose_it_is() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let output = stage.run(&format!("check {CONTOSO}"), "");
    let output = output.says(0, &["dev.azure.com/contoso", "accepted", "alice@contoso.test"]);
    assert_eq!(output.stderr(), "");
    let entries = stage.proxy.log().take();
    assert_eq!(entries.len(), 1, "one request for a token");
    assert_eq!(entries[0].basic(), Some((String::new(), TOKEN.to_owned())));
    assert_eq!(entries[0].target, "/contoso/_apis/connectionData?api-version=7.1-preview.1");
}

#[test]
fn the_shape_of_the_json_is_kept() {
    let stage = Stage::new();
    stage.holds(&format!("{CONTOSO} --account alice"), TOKEN);
    let (code, rows) = stage.check("");
    let expected = serde_json::json!([{
        "realm": "azure-devops/contoso",
        "account": "alice",
        "url": CONTOSO,
        "store": "vault",
        "result": "accepted",
        "problem": null,
        "reason": null,
        "as": "alice@contoso.test",
        "expires": null,
        "scopes": [],
        "restored": false,
    }]);
    assert_eq!((code, Value::Array(rows)), (0, expected));
}

#[test]
fn each_way_in_which_azure_says_no_is_a_no_with_its_reason() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let now = |change: &dyn Fn(&mut crate::fakes::forge::State)| {
        stage.services.change(|state| {
            state.tokens = vec![Token::new("contoso", "alice@contoso.test", TOKEN)];
            (state.sign_in_page, state.answers_strangers) = (false, false);
            change(state);
        });
        stage.verdict()
    };
    let refused = |problem: &str| (5, "refused".to_owned(), problem.to_owned());
    assert_eq!(now(&|state| state.token(TOKEN).condition = Condition::Revoked), refused("not-accepted"));
    assert_eq!(now(&|state| state.token(TOKEN).condition = Condition::Expired), refused("expired"));
    assert_eq!(now(&|state| state.token(TOKEN).realm = "other".to_owned()), refused("not-accepted"));
    let page = now(&|state| {
        state.sign_in_page = true;
        state.tokens.clear();
    });
    assert_eq!(page, refused("sign-in-page"));
    let stranger = now(&|state| {
        state.answers_strangers = true;
        state.tokens.clear();
    });
    assert_eq!(stranger, refused("anonymous"));
    // A no changes nothing: tools' own refusals do.
    assert_eq!(stage.state(), "active");

    stage.services.change(|state| {
        (state.sign_in_page, state.answers_strangers) = (false, false);
        state.tokens = vec![Token { condition: Condition::Expired, ..Token::new("contoso", "a", TOKEN) }];
    });
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(5,
        &[
            "keyfob: error: dev.azure.com says that the token has ended; it says: Access Denied: The Personal Access Token",
            "keyfob: hint: make a new one",
        ]);
}

#[test]
fn a_token_that_lacks_the_scope_is_accepted_with_a_word_about_it() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    stage.services.change(|state| state.token(TOKEN).rest = false);
    for in_words in [false, true] {
        stage.services.change(|state| state.forbids_in_words = in_words);
        assert_eq!(stage.verdict(), (0, "accepted".to_owned(), "missing-scope".to_owned()));
    }
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(0, &["lacks the scope", "alice@contoso.test"]);
}

#[test]
fn accepted_again_a_set_aside_token_is_in_use_again() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let erase = format!("protocol=https host=dev.azure.com path=contoso/p username=a password={TOKEN}");
    stage.scene.helper("erase", &erase).succeeds();
    assert_eq!(stage.state(), "suspect");
    stage.scene.let_time_pass(100);
    stage.scene.helper("erase", &erase).succeeds();
    assert_eq!(stage.state(), "rejected");
    stage.services.change(|state| state.token(TOKEN).condition = Condition::Revoked);
    assert_eq!(stage.verdict().0, 5);
    assert_eq!(stage.state(), "rejected");
    stage.services.change(|state| state.token(TOKEN).condition = Condition::Active);
    let output = stage.run("check", "");
    output.says(0, &["the token of azure-devops/contoso is in use again"]);
    assert_eq!(stage.state(), "active");
}

#[test]
fn end_and_scopes_are_recorded_where_the_service_tells_them() {
    let stage = Stage::with(vec![
        ("api.github.com", rest::github("s3cret-of-github")),
        ("gitlab.com", rest::gitlab("s3cret-of-gitlab")),
        ("codeberg.org", rest::gitea("s3cret-of-codeberg")),
        ("api.bitbucket.org", rest::bitbucket("me@example.com", "s3cret-of-bitbucket")),
    ]);
    stage.holds("https://github.com --expires 10d", "s3cret-of-github");
    stage.holds("https://gitlab.com", "s3cret-of-gitlab");
    stage.holds("https://codeberg.org", "s3cret-of-codeberg");
    stage.holds("https://bitbucket.org --account me@example.com", "s3cret-of-bitbucket");
    let (code, rows) = stage.check("");
    assert_eq!(code, 0, "{rows:?}");
    let told: Vec<_> = rows.iter().map(|row| (row["result"].as_str(), row["as"].as_str())).collect();
    let accepted = |who| (Some("accepted"), Some(who));
    assert_eq!(told, [accepted("alice"), accepted("alice"), accepted("alice"), accepted("user 42")]);
    let list = stage.scene.keyfob(["list", "--json", "https://github.com"]).succeeds();
    let list: Value = serde_json::from_str(list.stdout()).unwrap();
    assert_eq!(list[0]["expires"], "2099-01-31T12:00:00Z");
    assert_eq!((&list[0]["expires_certain"], &list[0]["scopes"][0]), (&true.into(), &"repo".into()));
    // Every token went to its own service and nowhere else.
    let saw = |token: &str| stage.proxy.log().hosts_that_saw(token);
    assert_eq!(saw("s3cret-of-github"), ["api.github.com"]);
    assert_eq!(saw("s3cret-of-gitlab"), ["gitlab.com"]);
    assert_eq!(saw("s3cret-of-codeberg"), ["codeberg.org"]);
    assert_eq!(saw("s3cret-of-bitbucket"), ["api.bitbucket.org"]);
}

#[test]
fn all_are_asked_once_and_the_exit_code_is_the_worst() {
    let stage = Stage::new();
    for n in 0..9 {
        let (organisation, token) = (format!("org{n}"), format!("s3cret-number-{n}"));
        stage.services.add(Token::new(&organisation, "alice", &token));
        stage.holds(&format!("https://dev.azure.com/{organisation}"), &token);
    }
    stage.holds("https://git.example.com --account a", "s3cret-of-nobody-knows-what");
    let (code, rows) = stage.check("");
    assert_eq!((code, rows.len()), (0, 10));
    assert_eq!(rows[9]["result"], "unknown");
    assert_eq!(stage.proxy.log().take().len(), 9);
    stage.services.change(|state| state.token("s3cret-number-3").condition = Condition::Revoked);
    let output = stage.run("check", "");
    output.says(5, &["azure-devops/org3: dev.azure.com does not accept", "1 token was not accepted"]);
}

#[test]
fn at_most_four_are_asked_at_a_time() {
    use std::sync::{Condvar, Mutex};
    // How many are being asked now, and the most that ever were.
    let asked = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let shared = asked.clone();
    let slow: Handler = Arc::new(move |request| {
        let (counts, changed) = &*shared;
        let mut count = counts.lock().unwrap();
        count.0 += 1;
        count.1 = count.0.max(count.1);
        changed.notify_all();
        // A fifth would come now.
        let patience = std::time::Duration::from_millis(700);
        let (mut count, _) = changed.wait_timeout_while(count, patience, |count| count.1 < 5).unwrap();
        count.0 -= 1;
        drop(count);
        azure::connection_data(request, Some("alice@contoso.test"), true)
    });
    let stage = Stage::with(vec![("dev.azure.com", slow)]);
    for n in 0..6 {
        stage.holds(&format!("https://dev.azure.com/org{n}"), &format!("s3cret-number-{n}"));
    }
    assert_eq!(stage.check("").0, 0);
    assert_eq!(asked.0.lock().unwrap().1, 4);
}

#[test]
fn a_service_that_wants_to_be_left_alone_is() {
    let stage = Stage::new();
    stage.services.add(Token::new("fabrikam", "bob", OTHER));
    stage.holds(CONTOSO, TOKEN);
    stage.services.change(|state| state.rate_limit = Some(3600));
    let output = stage.run(&format!("check {CONTOSO}"), "");
    output.says(6, &["too many requests", "left alone for 3600 s", "later: keyfob check"]);
    // An answer may ask for it, too; what comes after it is not asked.
    stage.services.change(|state| {
        state.rate_limit = None;
        state.more_headers = vec![("Retry-After".to_owned(), "3600".to_owned())];
    });
    for n in 0..12 {
        stage.holds(&format!("https://dev.azure.com/fabrikam --account a{n:02}"), OTHER);
    }
    stage.proxy.log().take();
    let (code, rows) = stage.check("");
    assert_eq!(code, 6);
    let limited = rows.iter().filter(|row| row["problem"] == "rate-limit").count();
    // Four may be under way when the first answer comes.
    assert!((1..=4).contains(&stage.proxy.log().entries().len()) && limited >= 9, "{rows:?}");
    assert_eq!(stage.state(), "active");
}

#[test]
fn servers_on_premises_are_asked_below_their_collection() {
    let folder = TempDir::new().unwrap();
    let server = Forge::on_premises(&Repositories::new(folder.path().join("r")), "/tfs");
    server.add(Token::new("Main", "CORP\\alice", TOKEN));
    let stage = Stage::new();
    let at = server.start();
    let url = format!("{}/tfs/Main", at.url());
    stage.holds(&url, TOKEN);
    let (code, rows) = stage.check(&url);
    assert_eq!((code, rows[0]["as"].as_str()), (0, Some("CORP\\alice")));
    server.change(|state| state.iis_basic = true);
    let output = stage.run(&format!("check {url}"), "");
    output.says(6, &["takes the token for a Windows password", "switch Basic authentication off in IIS"]);
    assert_eq!(stage.proxy.tunnels(), [], "loopback is never reached through a proxy");
}

#[test]
fn what_is_in_the_way_of_a_good_token_has_a_sentence_and_a_hint_of_its_own() {
    for (host, url, header, message, code, texts) in [
        (
            "api.github.com",
            "https://github.com",
            "",
            "Sorry. Your account was suspended.",
            5,
            ["api.github.com knows the token, but does not let its account in", "a new token would not help"],
        ),
        (
            "api.github.com",
            "https://github.com",
            "required; url=https://github.com/orgs/o/sso?authorization_request=s3cret",
            "Resource protected by organization SAML enforcement.",
            6,
            ["it is not authorised for the single sign-on", "Configure SSO"],
        ),
        (
            "gitlab.com",
            "https://gitlab.com",
            "",
            "403 Forbidden - You (@alice) must accept the Terms of Service in order to perform this action.",
            6,
            ["wants something of the account first", "sign in there with a browser"],
        ),
        (
            "dev.azure.com",
            CONTOSO,
            "",
            "VS403463: The conditional access policy defined by your Microsoft Entra administrator has failed.",
            6,
            ["does not let the token in from here", "a network that is allowed"],
        ),
    ] {
        let body = serde_json::json!({ "message": message }).to_string();
        let answer: Handler = Arc::new(move |_| {
            Response::with(403, "application/json", body.clone()).header("X-GitHub-SSO", header)
        });
        let stage = Stage::with(vec![(host, answer)]);
        stage.holds(url, TOKEN);
        let output = stage.run(&format!("check {url}"), "");
        let output = output.says(code, &texts).says(code, &[&format!("it says: {message}")]);
        assert!(!output.stderr().contains("lacks the scope"), "{output}");
        assert_eq!(stage.state(), "active");
    }
}

#[test]
fn where_the_network_is_forbidden_nothing_is_asked() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let output = stage.scene.keyfob(["check"]);
    output.says(2, &["KEYFOB_OFFLINE"]);
    assert_eq!(stage.proxy.log().entries().len(), 0);
}

#[test]
fn a_locked_store_is_said_and_nothing_is_asked() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    stage.scene.protect_vault("correct horse");
    stage.run(&format!("check {CONTOSO}"), "").says(3, &["is locked", "keyfob unlock"]);
    assert_eq!(stage.proxy.log().entries().len(), 0);
}

#[test]
fn what_was_heard_is_told_even_where_it_cannot_be_written_down() {
    let stage = Stage::new();
    stage.holds(CONTOSO, TOKEN);
    let records = stage.scene.data().join("records");
    let locks = std::fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path());
    for lock in locks.filter(|path| path.to_string_lossy().contains(".lock-")) {
        std::fs::remove_file(&lock).unwrap();
        std::fs::create_dir(&lock).unwrap();
    }
    stage.run("check", "").says(6, &["alice@contoso.test", "accepted", "cannot open", ".lock-"]);
}
