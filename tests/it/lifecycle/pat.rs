//! `keyfob pat`.

use super::{CONTOSO, Stage, TOKEN};
use crate::fakes::azure_pats::{Refusal, made};
use serde_json::Value;

#[test]
fn a_new_token_goes_into_the_wallet_and_is_never_shown() {
    let stage = Stage::new();
    let words = "pat create contoso --for git,nuget --expires 2099-01-31 --name laptop --account alice --label work --default";
    stage.ends(
        words,
        0,
        &["the token \"laptop #", "of account alice of azure-devops/contoso", "until 2099-01-31"],
    );
    assert_eq!(stage.in_force(CONTOSO), made(1));
    let row = stage.list().remove(0);
    assert_eq!(row["scopes"], serde_json::json!(["vso.code_write", "vso.packaging"]));
    assert_eq!((&row["expires"], &row["expires_certain"]), (&"2099-01-31T23:59:59Z".into(), &true.into()));
    assert_eq!(
        (&row["account"], &row["label"], &row["default"]),
        (&"alice".into(), &"work".into(), &true.into())
    );
    // Verified as it came out of the store, once.
    let asked: Vec<String> = stage
        .proxy
        .log()
        .entries()
        .iter()
        .map(|entry| format!("{} {} {}", entry.method, entry.host, entry.status))
        .collect();
    assert_eq!(asked, ["POST vssps.dev.azure.com 200", "GET dev.azure.com 200"]);
    assert!(stage.is_done());
}

#[test]
fn a_wallet_that_begins_with_a_token_made_says_which_store_it_chose() {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_STORE");
    let said = "tokens are kept in the vault store from now on";
    stage.ends("pat create contoso --for git", 0, &[said]);
    let second = stage.ends("pat create contoso --for nuget --account other", 0, &[]);
    assert!(!second.stderr().contains(said), "{second}");
}

#[test]
fn a_second_token_without_a_name_says_how_to_keep_both() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git", 0, &[]);
    stage.ends("pat create contoso --for nuget", 0, &["is set aside", "--account NAME keeps both"]);
    let output = stage.ends("pat create contoso --for nuget --account other", 0, &[]);
    assert!(!output.stderr().contains("keeps both"), "{output}");
    assert!(output.stderr().contains("the unnamed account is the default"), "{output}");
}

#[test]
fn mistakes_are_found_before_anybody_is_asked() {
    let stage = Stage::new();
    for (words, code, text) in [
        ("pat create contoso --for gti", 2, "--for does not know gti"),
        ("pat create contoso --for ,", 2, "at least one task"),
        ("pat create contoso", 2, "--for"),
        ("pat create contoso --for git --expires soon", 2, "a day, a time or a span"),
        ("pat create contoso --for git --account -", 2, "--account takes a name"),
        ("pat create https://github.com --for git", 2, "is no organisation of Azure DevOps Services"),
        ("pat list tfs.example.com", 2, "is no organisation of Azure DevOps Services"),
        ("pat list https://tfs.example.com/tfs/main", 2, "is no organisation of Azure DevOps Services"),
        ("pat", 2, ""),
        ("pat frobnicate contoso", 2, "unrecognized"),
        ("pat extend contoso", 1, "holds nothing"),
        ("rotate https://dev.azure.com/contoso", 1, "holds nothing"),
    ] {
        stage.ends(words, code, &[text]);
    }
    assert!(stage.proxy.log().hosts_that_saw("s3cret").is_empty());
    let offline = stage.scene.keyfob(["pat", "list", "contoso"]);
    assert!(offline.code() == 2 && offline.stderr().contains("KEYFOB_OFFLINE"), "{offline}");
}

#[test]
fn every_word_below_pat_has_an_example() {
    let stage = Stage::new();
    for word in ["list", "create", "extend", "revoke"] {
        let help = stage.ends(&format!("pat {word} --help"), 0, &[]);
        let last = help.stdout().trim_end().lines().last().unwrap();
        assert!(last.starts_with(&format!("Example: keyfob pat {word} contoso")), "{help}");
    }
}

#[test]
fn every_spelling_of_the_organisation_will_do() {
    let stage = Stage::new();
    stage.pats.add("git", TOKEN);
    for organisation in [
        "contoso",
        "CONTOSO",
        CONTOSO,
        "https://contoso.visualstudio.com",
        "https://contoso@dev.azure.com/contoso/p/_git/r",
    ] {
        stage.ends(&format!("pat list {organisation}"), 0, &["git"]);
    }
}

#[test]
fn the_list_is_sorted_and_paged_and_says_what_the_wallet_holds() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git --name mine", 0, &[]);
    for name in ["zebra", "\u{1b}[2Jodd", "ant"] {
        stage.pats.add(name, &format!("s3cret-{name}"));
    }
    let ids = stage.pats.change(|state| {
        state.page = 1;
        state.pats[1].valid_to = "2098-01-01T00:00:00Z".to_owned();
        state.pats[2].state = "revoked";
        state.pats[3].state = "expired";
        state.pats.iter().map(|pat| pat.id.clone()).collect::<Vec<_>>()
    });
    let names = |words: &str| {
        let output = stage.ends(words, 0, &[]);
        let rows: Vec<Value> = serde_json::from_str(output.stdout()).unwrap();
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().split(" #").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("pat list contoso --json"), ["mine", "zebra"]);
    assert_eq!(names("pat list contoso --json --sort name --all"), ["\u{1b}[2Jodd", "ant", "mine", "zebra"]);
    assert_eq!(names("pat list contoso --json --revoked"), ["\u{1b}[2Jodd"]);
    assert_eq!(names("pat list contoso --json --expired"), ["ant"]);
    let table =
        stage.ends("pat list contoso --all", 0, &["in the wallet", "code_write", "revoked", &ids[0][..8]]);
    assert!(!table.stdout().contains('\u{1b}'), "{table}");
    let row: Vec<Value> =
        serde_json::from_str(stage.ends("pat list contoso --json", 0, &[]).stdout()).unwrap();
    let mut keys: Vec<&String> = row[0].as_object().unwrap().keys().collect();
    keys.sort();
    let interface =
        ["account", "all_organisations", "created", "expires", "held", "id", "name", "scopes", "state"];
    assert_eq!(keys, interface);
    assert_eq!((&row[0]["held"], &row[0]["account"]), (&true.into(), &Value::Null));
}

#[test]
fn entries_of_the_list_that_cannot_be_read_are_counted_and_hide_no_others() {
    let stage = Stage::new();
    stage.pats.add("git", TOKEN);
    for (garbled, words) in
        [(1, "1 more token of contoso cannot be read"), (3, "3 more tokens of contoso cannot be read")]
    {
        stage.pats.change(|state| state.garbled = garbled);
        stage.ends("pat list contoso", 0, &["git", words, "_usersSettings/tokens"]);
        let json = stage.ends("pat list contoso --json", 0, &[words]);
        let rows: Vec<Value> = serde_json::from_str(json.stdout()).unwrap();
        assert_eq!(rows.len(), 1);
    }
    // None that can be read is not the same as none.
    stage.pats.change(|state| state.pats.clear());
    let output = stage.ends("pat list contoso", 0, &["3 more tokens"]);
    assert!(!output.stderr().contains("no such token"), "{output}");
    stage.ends("pat revoke contoso git --yes", 1, &["contoso has no token git"]);
}

#[test]
fn a_name_that_would_push_the_mark_out_of_sight_is_refused_before_anybody_is_asked() {
    let stage = Stage::new();
    for name in ["x".repeat(101), "ü".repeat(51), "🔑".repeat(300)] {
        let words = format!("pat create contoso --for git --name {name}");
        stage.ends(
            &words,
            2,
            &["--name takes at most 100 bytes", "by which a token is found again", "--label"],
        );
    }
    assert!(stage.proxy.log().take().is_empty());
    stage.ends(
        &format!("pat create contoso --for git --name {}", "ü".repeat(50)),
        0,
        &["is in the vault store"],
    );
    // The machine's own name may be long, too; nobody gave that to us.
    let call = stage.call("pat create contoso --for git --account b").env("HOSTNAME", "h".repeat(253)).run();
    call.says(0, &["is in the vault store"]);
    let marks = stage.pats.change(|state| {
        state
            .pats
            .iter()
            .map(|pat| pat.name.rsplit_once(" #").map_or(0, |(_, mark)| mark.len()))
            .collect::<Vec<_>>()
    });
    assert_eq!(marks, [8, 8]);
}

#[test]
fn a_list_that_leads_to_itself_ends() {
    let stage = Stage::new();
    stage.pats.add("git", TOKEN);
    stage.pats.change(|state| state.page = 0);
    stage.ends("pat list contoso", 6, &["an answer that keyfob cannot read"]);
}

#[test]
fn tokens_for_all_organisations_are_recognised_and_explained() {
    let stage = Stage::new();
    stage.pats.add("old one", TOKEN);
    stage.pats.change(|state| state.pats[0].global = true);
    let texts = [
        "all organisations",
        "1 token is for all organisations",
        "2026-12-01",
        "keyfob pat create contoso --for",
    ];
    stage.ends("pat list contoso", 0, &texts);
}

#[test]
fn a_global_token_that_the_wallet_holds_ends_there_when_those_do() {
    // From the list, and from the answer about the old one in a rotation.
    for (words, aside) in [("pat list contoso", false), ("rotate https://dev.azure.com/contoso", true)] {
        let stage = Stage::new();
        stage.ends("pat create contoso --for git --expires 2099-01-31", 0, &[]);
        stage.pats.change(|state| state.pats[0].global = true);
        stage.ends(words, 0, &["2026-12-01"]);
        if aside {
            stage.scene.restore(CONTOSO, None);
        }
        assert_eq!(stage.list()[0]["expires"], "2026-12-01T00:00:00Z", "{words}");
    }
}

#[test]
fn a_refusal_is_said_in_words_with_the_way_out_and_nothing_changes() {
    let stage = Stage::new();
    for (policy, text, hint) in [
        ("patLifespanPolicyViolation", "allow no token that lasts as long", "--expires 30d"),
        ("fullScopePatPolicyViolation", "allow no token with full access", "--for git,packages"),
        ("globalPatPolicyViolation", "allow no token for all organisations", "keyfob pat create"),
        ("somethingNew", "Azure DevOps refused: somethingNew", "_usersSettings/tokens"),
    ] {
        stage.pats.change(|state| state.refuses = Some(policy));
        stage.ends("pat create contoso --for git", 6, &[text, hint]);
    }
    stage.pats.change(|state| state.refuses = None);
    for ((refusal, name), text) in [
        ((Refusal::BadRequest, "FailedToReadTenantPolicy"), "could not find out what the rules"),
        ((Refusal::Forbidden, "x"), "may not manage tokens in contoso"),
        (
            (Refusal::BadRequest, "You cannot, s3cret-bearer-of-alice."),
            "Azure DevOps refused: You cannot, (token)",
        ),
    ] {
        stage.pats.change(|state| (state.refusal, state.refuses) = (refusal, Some(name)));
        stage.ends("pat create contoso --for git", 6, &[text]);
        assert!(stage.is_done(), "nothing happened, so nothing is half done");
    }
    assert!(stage.list().is_empty() && stage.pats.working().is_empty());
}

#[test]
fn whoever_may_not_manage_tokens_is_told_why() {
    let stage = Stage::new();
    stage.pats.change(|state| {
        state.bearer = "s3cret-bearer-of-bob".to_owned();
        state.application = "s3cret-bearer-of-alice".to_owned();
    });
    for words in ["pat list contoso", "pat create contoso --for git"] {
        stage.ends(words, 6, &["does not take this sign-in", "service principal", "az login"]);
    }
    stage.pats.change(|state| state.application.clear());
    stage.ends("pat list contoso", 6, &["does not take this sign-in"]);
    stage.pats.change(|state| state.no_tenant = true);
    stage.ends("pat list contoso", 6, &["belongs to personal Microsoft accounts", "--open"]);
    // The sign-in page of another host was not asked.
}

#[test]
fn an_extended_token_stays_the_same_and_the_wallet_knows_its_end() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git --name mine --expires 2098-01-01", 0, &[]);
    stage.ends(
        "pat extend contoso mine --expires 2099-06-30",
        0,
        &["ends on 2099-06-30", "the wallet now knows"],
    );
    assert_eq!(stage.list()[0]["expires"], "2099-06-30T23:59:59Z");
    assert_eq!(stage.in_force(CONTOSO), made(1));
    // The one that the wallet holds needs no name; one that has ended works again.
    stage.pats.change(|state| state.pats[0].state = "expired");
    stage.ends("pat extend contoso --expires 2099-07-31", 0, &["ends on 2099-07-31"]);
    assert_eq!(stage.pats.working(), [made(1)]);
    stage.ends("pat extend contoso unknown", 1, &["contoso has no token unknown"]);
}

#[test]
fn a_first_token_that_is_not_taken_is_out_of_the_wallet_again() {
    let stage = Stage::new();
    stage.pats.change(|state| state.makes_duds = true);
    let texts =
        ["does not take the token that it has just made", "revoked and out of the wallet", "keyfob add"];
    stage.ends("pat create contoso --for git", 6, &texts);
    assert!(stage.list().is_empty() && stage.pats.working().is_empty() && stage.is_done());
    let doctor = stage.scene.keyfob(["doctor"]).succeeds();
    assert!(
        !doctor.stdout().contains("token of azure-devops") && !doctor.stdout().contains("repair"),
        "{doctor}"
    );
    // As if nothing had been: the next one is the first.
    stage.pats.change(|state| state.makes_duds = false);
    stage.ends("pat create contoso --for git", 0, &["is in the vault store"]);
    assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)]);
}

#[test]
fn a_first_token_that_is_not_taken_and_cannot_be_revoked_is_kept_but_not_handed_out() {
    let stage = Stage::new();
    stage.pats.change(|state| (state.makes_duds, state.cannot_revoke) = (true, true));
    let texts = ["is kept, but not handed out", "keyfob pat revoke contoso revokes it"];
    stage.ends("pat create contoso --for git", 6, &texts);
    assert_eq!((stage.list()[0]["state"].clone(), stage.is_done()), ("rejected".into(), true));
    let git = stage.scene.helper("get", "protocol=https host=dev.azure.com path=contoso/p").succeeds();
    assert_eq!(git.stdout(), "");
    let doctor = stage.scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains("the server refused the token of azure-devops/contoso"), "{doctor}");
    // What is said to do, does it.
    stage.pats.change(|state| state.cannot_revoke = false);
    stage.ends("pat revoke contoso --yes", 0, &["is revoked"]);
    assert!(stage.pats.working().is_empty());
}

#[test]
fn a_revoked_token_is_handed_out_no_more() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git --name mine", 0, &[]);
    let other = stage.pats.add("other", "s3cret-other");
    stage.pats.add("other", "s3cret-third");
    stage.ends("pat revoke contoso other --yes", 4, &["2 tokens named other"]);
    stage.ends(
        &format!("pat revoke contoso {} mine --yes", &other[..8]),
        0,
        &["\"other\" is revoked", "\"mine #"],
    );
    assert_eq!(stage.pats.working(), ["s3cret-third"]);
    assert_eq!(stage.list()[0]["state"], "rejected");
    stage.ends("pat revoke contoso --yes", 0, &["is revoked"]);
}

#[test]
fn a_service_that_wants_a_pause_between_pages_gets_it_and_the_person_is_told() {
    let stage = Stage::new();
    for n in 0..3 {
        stage.pats.add(&format!("t{n}"), &format!("s3cret-number-{n}"));
    }
    stage.pats.change(|state| (state.page, state.retry_after) = (1, Some(1)));
    let begun = std::time::Instant::now();
    let output = stage.ends("pat list contoso", 0, &["t0", "t1", "t2"]);
    assert!(begun.elapsed() >= std::time::Duration::from_secs(2), "{output}");
    let told = "keyfob: note: vssps.dev.azure.com wants to be left alone for 1 s; waiting\n";
    assert_eq!(output.stderr(), told.repeat(2));
    // Too long for a person who waits.
    stage.pats.change(|state| state.retry_after = Some(3600));
    let output =
        stage.ends("pat list contoso", 6, &["vssps.dev.azure.com: it wants to be left alone for 3600 s"]);
    assert!(output.stdout().is_empty(), "half a list is none: {output}");
}
