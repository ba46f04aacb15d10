//! What `add` does with a token before it stores it: it looks at it, and asks the service.

use super::*;

const AZURE: &str = "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq";
const GITHUB: &str = "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";

fn held(stage: &Stage) -> usize {
    let list = stage.scene.keyfob(["list", "--json"]).succeeds();
    serde_json::from_str::<Value>(list.stdout()).unwrap().as_array().unwrap().len()
}

#[test]
fn a_damaged_token_is_refused_with_the_reason_before_it_is_stored() {
    let stage = Stage::new();
    let scene = &stage.scene;
    for (url, token, why) in [
        (CONTOSO, &AZURE[1..], "has 51 characters where those have 52"),
        (CONTOSO, &AZURE.replace('y', "x"), "its checksum does not fit"),
        ("https://github.com", &GITHUB[..39], "has 39 characters where those have 40"),
        ("https://github.com", &GITHUB.replace('z', "Z"), "its checksum does not fit"),
        ("https://gitlab.com", "glpat-short", "has 11 characters where those have 26, or at least 43"),
        ("https://huggingface.co", "hf_short", "has 8 characters"),
    ] {
        let output =
            scene.keyfob_with(["add", url], token).says(2, &["that is not a whole token", why, "--force"]);
        assert!(!output.stderr().contains(token), "{output}");
    }
    assert_eq!(held(&stage), 0);
    scene.keyfob_with(["add", CONTOSO, "--force"], &AZURE[1..]).succeeds();
    // A password may look like anything.
    scene.keyfob_with(["add", "https://git.example.com", "--account", "a"], "hf_short").succeeds();
    assert_eq!(held(&stage), 2);
}

#[test]
fn a_token_of_another_service_is_questioned() {
    let stage = Stage::new();
    let output = stage.scene.keyfob_with(["add", CONTOSO], GITHUB);
    let texts = [
        "that is a personal access token of GitHub, and azure-devops/contoso belongs to Azure DevOps Services",
        "keyfob add https://github.com if it is for that; --force keeps it here",
    ];
    output.says(2, &texts);
    // Cut off, too: it would only look like nothing that is known.
    stage.scene.keyfob_with(["add", CONTOSO], &GITHUB[..20]).says(2, &texts);
    assert_eq!(held(&stage), 0);
    stage.scene.keyfob_with(["add", CONTOSO, "--force"], GITHUB).succeeds();
    let output = stage.scene.keyfob_with(["add", "https://github.com"], AZURE);
    output.says(2, &["keyfob add https://dev.azure.com/ORGANISATION if it is for that"]);
}

#[test]
fn what_has_ended_for_good_is_not_stored() {
    let stage = Stage::new();
    let password = format!("ATBB{}", "a".repeat(32));
    let output = stage.scene.keyfob_with(["add", "https://bitbucket.org", "--account", "a"], password);
    output.says(2, &["app passwords of Bitbucket stopped working on 2026-06-09", "api-tokens"]);
    assert_eq!(held(&stage), 0);
}

#[test]
fn a_new_azure_token_tells_how_long_it_can_last() {
    let stage = Stage::new();
    let token = format!("{}JQQJ99CKAC{}AZDO1aB2", "0aB".repeat(17) + "x", "A".repeat(14));
    stage.scene.keyfob_with(["add", CONTOSO], &token).succeeds();
    let list = stage.scene.keyfob(["list", "--json"]).succeeds();
    let list: Value = serde_json::from_str(list.stdout()).unwrap();
    assert_eq!(list[0]["expires"], "2027-11-30T23:59:59Z");
    assert_eq!(list[0]["expires_certain"], false);
    // What the person says counts more.
    stage.scene.keyfob_with(["add", CONTOSO, "--expires", "2027-03-01"], &token).succeeds();
    let list = stage.scene.keyfob(["list", "--json"]).succeeds();
    assert!(list.stdout().contains("2027-03-01"), "{list}");
}

#[test]
fn an_accepted_token_is_stored_with_what_the_service_tells() {
    let stage = Stage::with(vec![("gitlab.com", rest::gitlab("s3cret-of-gitlab"))]);
    let output = stage.run(&format!("add {CONTOSO}"), TOKEN);
    output.says(0, &["dev.azure.com accepts it, as alice@contoso.test"]);
    let output = stage.run("add https://gitlab.com", "s3cret-of-gitlab");
    output.says(0, &["gitlab.com accepts it, as user 42, until 2099-01-31"]);
    let list = stage.scene.keyfob(["list", "--json", "https://gitlab.com"]).succeeds();
    assert!(list.stdout().contains("\"expires_certain\": true") && list.stdout().contains("read_repository"));
}

#[test]
fn a_token_that_is_not_accepted_never_takes_the_place_of_one_that_is() {
    let stage = Stage::new();
    stage.run(&format!("add {CONTOSO}"), TOKEN).succeeds();
    let output = stage.run(&format!("add {CONTOSO}"), "s3cret-that-nobody-knows");
    output.says(5, &["dev.azure.com does not accept the token", "it says: TF400813", "nothing was stored"]);
    assert_eq!(stage.verdict().1, "accepted");
    let list = stage.scene.keyfob(["list", "--json"]).succeeds();
    assert!(list.stdout().contains("\"set_aside\": 0"), "{list}");
    stage.run(&format!("add {CONTOSO} --force"), "s3cret-that-nobody-knows").succeeds();
    assert_eq!(stage.verdict().1, "refused");
    // The earlier one is not lost.
    stage.scene.restore(CONTOSO, None);
    assert_eq!(stage.verdict().1, "accepted");
}

#[test]
fn a_service_that_cannot_be_asked_keeps_no_token_out() {
    let mut stage = Stage::new();
    stage.services.change(|state| state.before = Some(Arc::new(azure::broken)));
    let output = stage.run(&format!("add {CONTOSO}"), TOKEN);
    output.says(0, &["is in the vault store", "has trouble of its own (500)"]);
    stage.scene.set("HTTPS_PROXY", "http://127.0.0.1:1").set("https_proxy", "http://127.0.0.1:1");
    let output = stage.run("add https://dev.azure.com/fabrikam", OTHER);
    output.says(
        0,
        &[
            "it was not checked: cannot ask dev.azure.com: the proxy http://127.0.0.1:1 is in the way",
            "keyfob check",
        ],
    );
    assert_eq!(held(&stage), 2);
}

#[test]
fn offline_asks_nobody() {
    let stage = Stage::new();
    stage.run(&format!("add {CONTOSO} --offline"), "s3cret-that-nobody-knows").succeeds();
    assert_eq!((held(&stage), stage.proxy.tunnels().len()), (1, 0));
}

/// Whoever pipes it in reads the log of the job, and a note is all that tells a wrong variable from a token.
#[test]
fn a_token_of_no_known_look_is_kept_with_a_note_where_nobody_sits_at_a_terminal_too() {
    let stage = Stage::new();
    let output = stage.scene.keyfob_with(["add", CONTOSO], "present-token");
    assert_eq!(
        output.stderr(),
        "keyfob: note: the token looks like none of Azure DevOps Services that keyfob knows; it is not refused for that\n\
         keyfob: note: the token of azure-devops/contoso is in the vault store\n"
    );
    // Where nothing is known of looks, there is nothing to say.
    let output =
        stage.scene.keyfob_with(["add", "https://git.example.com", "--account", "a"], "present-token");
    assert!(!output.stderr().contains("looks like"), "{output}");
}

#[test]
fn a_month_that_is_long_past_or_yet_to_come_is_said_and_not_recorded() {
    let stage = Stage::new();
    for (month, text) in [
        // Made in January 2024, and in May 2049.
        ("AA", "by its look it was to end on 2025-01-31 at the latest"),
        ("ZE", "which is yet to come: a character in it is wrong, or the clock"),
    ] {
        let token = format!("{}JQQJ99{month}AC{}AZDO1aB2", "0aB".repeat(17) + "x", "A".repeat(14));
        let output = stage.scene.keyfob_with(["add", CONTOSO], &token);
        output.says(0, &[text, "keyfob check https://dev.azure.com/contoso asks the service"]);
        let list = stage.scene.keyfob(["list", "--json"]).succeeds();
        let list: Value = serde_json::from_str(list.stdout()).unwrap();
        assert_eq!((&list[0]["expires"], &list[0]["state"]), (&Value::Null, &"active".into()), "{month}");
    }
}
