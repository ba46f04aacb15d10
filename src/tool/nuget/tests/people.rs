//! What people are told through NuGet: once, at once where they wait, and nothing where another plugin may still answer.

use super::super::lookup::Reply;
use super::super::session::Effect;
use super::session::{Talk, credential, said};
use super::{FEED, question, request};

#[test]
fn a_warning_is_said_once_however_often_nuget_asks() {
    let mut talk = Talk::with_log();
    let mut logs = 0;
    for (id, url) in
        [("1", FEED), ("2", FEED), ("3", "https://pkgs.dev.azure.com/contoso/other"), ("4", FEED)]
    {
        let question = talk.asked(&question(id, url, false));
        let words = "no token for azure-devops/contoso".to_owned();
        let effects = talk.reply(&question, &Reply::Nothing(Some(words)));
        logs += said(&effects).iter().filter(|line| line["Method"] == "Log").count();
        // What was said before keeps no answer waiting.
        assert!(logs == 1 && (id == "1" || said(&effects)[0]["Type"] == "Response"), "{id}: {effects:?}");
    }
    let other = talk.asked(&question("5", FEED, false));
    let effects = talk.reply(&other, &Reply::Nothing(Some("another reason".to_owned())));
    assert_eq!(said(&effects)[0]["Method"], "Log");
}

#[test]
fn where_another_plugin_is_asked_next_nothing_is_warned_of() {
    let mut talk = Talk::with_log();
    let asked = talk.asked(&question("1", FEED, false));
    let nothing = || Reply::Nothing(Some("no token".to_owned()));
    let mut effects = talk.reply(&asked, &nothing().beside(|| true));
    effects.extend(talk.tick(2.0));
    let lines = said(&effects);
    assert_eq!(lines[0]["Payload"]["LogLevel"], "Verbose");
    assert_eq!(lines[1]["Payload"]["ResponseCode"], "Error", "NuGet would warn by itself after NotFound");
    assert!(matches!(nothing().beside(|| false), Reply::Nothing(_)));
    assert!(matches!(Reply::NotOurs.beside(|| true), Reply::NotOurs));
}

/// .NET's terminal shows at once only what bears this mark.
#[test]
fn what_a_person_waits_for_is_marked_and_nothing_else_is() {
    let silent = question("1", FEED, false);
    let interactive = silent.replace("\"IsNonInteractive\":true", "\"IsNonInteractive\":false");
    let locked = || Reply::Failed("the vault store is locked; keyfob unlock".to_owned());
    let message = |effects: &[Effect]| said(effects)[0]["Payload"]["Message"].as_str().unwrap().to_owned();
    let mut talk = Talk::with_log();
    let asked = talk.asked(&interactive);
    let waiting = talk.tick(3.0);
    assert_eq!(said(&waiting)[0]["Type"], "Progress");
    let words = message(&waiting[1..]);
    assert!(words.starts_with("    [CredentialProvider]keyfob: waiting for the store"), "{words}");
    assert!(said(&talk.tick(6.0)).iter().all(|line| line["Method"] != "Log"), "once");
    let words = message(&talk.reply(&asked, &locked()));
    assert!(words.starts_with("    [CredentialProvider]keyfob: the vault"), "{words}");
    let mut talk = Talk::with_log();
    let asked = talk.asked(&silent);
    assert!(said(&talk.tick(3.0)).iter().all(|line| line["Method"] != "Log"), "nobody waits");
    let words = message(&talk.reply(&asked, &locked()));
    assert!(words.starts_with("keyfob: the vault"), "{words}");
}

/// NuGet gives a feed's token to these hosts, and asks keyfob for the feed alone.
#[test]
fn hosts_that_a_feed_names_and_that_are_not_its_own_are_named_once() {
    let index = format!("{{\"PackageSourceRepository\":\"{FEED}\",\"ServiceIndex\":{{}}}}");
    let own = ["https://pkgs.dev.azure.com/contoso/x", "https://contoso.pkgs.visualstudio.com/x"]
        .map(str::to_owned);
    let urls: Vec<String> = own.iter().cloned().chain(["https://evil.example/x".to_owned()]).collect();
    let claims = |talk: &mut Talk, id: &str, urls: &[String]| {
        let line = request(id, "GetOperationClaims", &index);
        let lines = said(&talk.session.on_line(line.as_bytes(), urls, talk.start));
        assert_eq!(lines[0]["Payload"]["Claims"], serde_json::json!([]));
        lines.get(1).map(|line| line["Payload"]["Message"].as_str().unwrap().to_owned())
    };
    let mut talk = Talk::with_log();
    assert_eq!(claims(&mut talk, "1", &urls), None, "keyfob gave that feed nothing");
    let asked = talk.asked(&question("2", FEED, false));
    talk.reply(&asked, &credential(None));
    let message = claims(&mut talk, "3", &urls).unwrap();
    assert!(message.contains("sends NuGet to evil.example;"), "{message}");
    assert_eq!(claims(&mut talk, "4", &urls), None, "once");
    assert_eq!(claims(&mut talk, "5", &own), None);
}
