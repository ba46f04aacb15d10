//! `keyfob pat` where something is not as it should be: an argument, an answer, the token in force.

use super::{CONTOSO, Stage};

#[test]
fn an_empty_argument_is_a_mistake_and_never_means_the_wallets_own_token() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git --expires 2098-01-01", 0, &[]);
    stage.proxy.log().take();
    for words in [
        &["pat", "extend", "contoso", ""][..],
        &["pat", "extend", "contoso", " "],
        &["pat", "extend", "contoso", "--expires", ""],
        &["pat", "extend", ""],
        &["pat", "extend", "contoso", "--account", ""],
        &["pat", "revoke", "contoso", ""],
        &["pat", "revoke", "contoso", "git", ""],
        &["pat", "revoke", "", "git"],
        &["pat", "list", ""],
        &["pat", "create", "", "--for", "git"],
        &["pat", "create", "contoso", "--for", ""],
        &["pat", "create", "contoso", "--for", "git", "--account", ""],
        &["rotate", ""],
        &["rotate", CONTOSO, "--pat", ""],
        &["rotate", CONTOSO, "--account", ""],
        &["rotate", CONTOSO, "--expires", ""],
        &["check", ""],
        &["check", "\t"],
        &["check", CONTOSO, "--account", ""],
        &["add", ""],
        &["add", CONTOSO, "--account", ""],
        &["add", CONTOSO, "--expires", ""],
    ] {
        let call = stage.scene.program("keyfob").args(words).env("KEYFOB_OFFLINE", "").stdin("s3cret-x");
        call.run().says(2, &["keyfob: "]);
    }
    assert!(stage.proxy.log().entries().is_empty(), "nobody was asked");
    assert_eq!((stage.pats.working().len(), &stage.list()[0]["state"]), (1, &"active".into()));
}

#[test]
fn an_answer_that_is_neither_a_token_nor_a_refusal_leaves_nothing_half_done_if_nothing_was_made() {
    let stage = Stage::new();
    stage.pats.change(|state| state.refuses = Some("none"));
    let output = stage.ends("pat create contoso --for git", 6, &["without a token, and gave no reason"]);
    assert!(!output.stderr().contains("not known"), "{output}");
    assert!(stage.is_done() && stage.list().is_empty());
    // Its list has the last word: one that is there after all has nobody who holds it.
    stage.pats.change(|state| (state.refuses, state.denies_making) = (None, true));
    stage.ends(
        "pat create contoso --for git",
        6,
        &["whether a token was made before that is not known", "--repair"],
    );
    assert!(!stage.is_done() && stage.pats.working().len() == 1);
    let repair = stage.call("doctor --repair").run();
    assert!(stage.is_done() && stage.pats.working().is_empty(), "{repair}");
    assert!(repair.stdout().contains("that nobody had") && !repair.stdout().contains("goes on"), "{repair}");
}

#[test]
fn what_was_revoked_before_is_not_said_to_work() {
    let stage = Stage::new();
    stage.ends("pat create contoso --for git", 0, &[]);
    stage.ends("pat revoke contoso --yes", 0, &["is revoked"]);
    let output = stage.ends(
        "pat create contoso --for git",
        0,
        &["the earlier one, which was not taken any more, is set aside"],
    );
    assert!(!output.stderr().contains("works until"), "{output}");
    // One that works is said to.
    stage.ends("pat create contoso --for git", 0, &["is set aside, and works until it is revoked"]);
}
