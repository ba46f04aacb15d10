//! A rotation by hand that breaks off, and accounts that are removed in the middle of a rotation: the earlier token still works at the
//! service, and is named until a person has seen to it.

use std::sync::{Arc, Mutex};

use super::other_forges::{GITHUB, github};
use super::{CONTOSO, Stage, shown};
use crate::support::faults::{is_sound, with_fault};
use crate::support::terminal::Terminal;

const PAGE: &str = "https://github.com/settings/tokens";

fn holding() -> (Stage, Arc<Mutex<Vec<String>>>) {
    let revoked = Arc::default();
    let stage = Stage::with(vec![("api.github.com", github(&revoked))]);
    stage.holds(GITHUB, "s3cret-first");
    (stage, revoked)
}

/// A rotation that was killed when the new token was in force and nobody had heard of the earlier one.
fn killed() -> (Stage, Arc<Mutex<Vec<String>>>) {
    for at in 1..200 {
        let (stage, revoked) = holding();
        let call = stage.call(&format!("rotate {GITHUB}")).stdin("s3cret-second");
        let output = with_fault(call, "crash", at).run();
        is_sound(&stage.scene);
        if stage.in_force(GITHUB) == "s3cret-second" && !output.stderr().contains("works until it is revoked")
        {
            return (stage, revoked);
        }
    }
    panic!("it was never killed in that moment");
}

#[test]
fn a_rotation_by_hand_may_be_killed_at_any_call_and_the_earlier_token_is_named() {
    let mut named = 0;
    for at in 1..200 {
        let (stage, revoked) = holding();
        let call = stage.call(&format!("rotate {GITHUB}")).stdin("s3cret-second");
        let output = with_fault(call, "crash", at).run();
        is_sound(&stage.scene);
        let told = output.stderr().contains("works until it is revoked");
        let swapped = stage.in_force(GITHUB) == "s3cret-second";
        let doctor = stage.scene.keyfob(["doctor"]).stdout().to_owned();
        if swapped && !told {
            named += 1;
            assert!(
                doctor.contains(PAGE) && doctor.contains("rotate https://github.com --settled"),
                "{at}: {doctor}"
            );
        }
        // Where nothing was swapped, or the earlier one does not work any more, doctor finds out and says no more.
        let repair = shown(stage.call("doctor --repair").run());
        if !swapped {
            assert!(stage.is_done(), "{at}: {repair}");
        }
        assert!(revoked.lock().unwrap().is_empty(), "{at}: revoked unasked");
        if output.ended_by_itself() {
            assert!(told && stage.is_done() && named > 0, "{at} {named}");
            return;
        }
    }
    panic!("it never got through");
}

#[test]
fn what_a_rotation_by_hand_left_is_finished_by_the_next_or_when_a_person_says_so() {
    // Revoked elsewhere meanwhile, as far as the service is concerned: doctor asks, and that is all.
    let (stage, revoked) = killed();
    let output = shown(stage.call(&format!("rotate {GITHUB} --yes")).stdin("s3cret-second").run());
    output.says(2, &["the earlier one is revoked", "holds already"]);
    assert_eq!(*revoked.lock().unwrap(), ["{\"credentials\":[\"s3cret-first\"]}"]);
    assert!(stage.is_done() && stage.list()[0]["set_aside"] == 0);
    // A person at a terminal is asked, and has no new token to give for it.
    let (mut stage, revoked) = killed();
    stage.scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    let mut terminal =
        Terminal::begin_shell(&stage.scene, &format!("KEYFOB_OFFLINE= keyfob rotate {GITHUB}"));
    terminal.sees("revoke the earlier token? It cannot be taken back [y/N] ").types("y");
    let (code, screen) = terminal.end();
    assert!(code == 0 && screen.contains("the rotation that was begun before is finished"), "{screen}");
    assert!(revoked.lock().unwrap().len() == 1 && stage.is_done(), "{screen}");
    // Who has seen to it says so, and nothing is revoked, whatever is left of the account.
    for removed in [false, true] {
        let (stage, revoked) = killed();
        if removed {
            let remove = stage.scene.keyfob(["remove", GITHUB, "--yes"]).succeeds();
            remove.says(0, &["the earlier one may still work", PAGE]);
            let doctor = stage.scene.keyfob(["doctor"]).succeeds();
            assert!(
                doctor.stdout().contains(PAGE) && !doctor.stdout().contains("fix: keyfob rotate"),
                "{doctor}"
            );
        }
        stage.call("doctor --repair").run();
        assert!(!stage.is_done(), "it still works");
        stage.ends(
            &format!("rotate {GITHUB} --settled"),
            0,
            &["is not spoken of any more; nothing was revoked"],
        );
        assert!(stage.is_done() && revoked.lock().unwrap().is_empty());
        stage.ends(&format!("rotate {GITHUB} --settled"), 1, &["nothing is half done there"]);
    }
}

#[test]
fn a_revocation_that_failed_stays_on_the_list_and_one_that_was_declined_does_not() {
    let refusing: crate::fakes::http::Handler = {
        let inner = github(&Arc::default());
        Arc::new(move |request| match request.path() {
            "/credentials/revoke" => crate::fakes::http::Response::new(503),
            _ => inner(request),
        })
    };
    let stage = Stage::with(vec![("api.github.com", refusing)]);
    stage.holds(GITHUB, "s3cret-first");
    let texts = ["did not revoke the earlier one (503)", "works until it is revoked", "--settled"];
    stage.run(&format!("rotate {GITHUB} --yes"), "s3cret-second").says(0, &texts);
    assert!(!stage.is_done());
    let (stage, _) = holding();
    stage.run(&format!("rotate {GITHUB} --keep-old"), "s3cret-second").says(0, &[]);
    assert!(stage.is_done());
}

#[test]
fn an_account_that_is_removed_in_the_middle_of_a_rotation_leaves_its_old_token_named() {
    let (stage, id) = Stage::holding("git");
    stage.pats.change(|state| state.cannot_revoke = true);
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &["the old one is not revoked yet"]);
    let remove = stage.scene.keyfob(["remove", CONTOSO, "--yes"]).succeeds();
    remove.says(0, &["a new token of azure-devops/contoso was begun", "doctor --repair"]);
    stage.pats.change(|state| state.cannot_revoke = false);
    let revoke = format!("keyfob pat revoke contoso {}", &id[..8]);
    let repair = stage.call("doctor --repair").run();
    repair.says(0, &["has a token whose name ends with", &revoke]);
    let doctor = stage.scene.keyfob(["doctor"]).succeeds();
    assert!(doctor.stdout().contains(&revoke), "{doctor}");
    assert_eq!(stage.pats.working().len(), 2, "nothing is revoked that somebody may have");
    // What is said to do, does it; and it is seen.
    stage.ends(&format!("pat revoke contoso {} --yes", &id[..8]), 0, &["is revoked"]);
    stage
        .call("doctor --repair")
        .run()
        .says(0, &["the earlier token of azure-devops/contoso does not work any more"]);
    assert!(stage.is_done());
}

#[test]
fn a_clock_that_is_ahead_costs_nothing_that_is_half_done() {
    let (stage, _) = Stage::holding("git");
    stage.pats.change(|state| state.cannot_revoke = true);
    stage.ends(&format!("rotate {CONTOSO} --pat git"), 6, &["the old one is not revoked yet"]);
    // As if it had begun in 2001.
    let path = stage.scene.data().join("pending.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut list: serde_json::Value = serde_json::from_str(&text).unwrap();
    list["pending"][0]["since"] = 1_000_000_000.into();
    std::fs::write(&path, list.to_string()).unwrap();
    stage.call("doctor --repair").run();
    assert!(!stage.is_done(), "dropped unasked");
    let doctor = stage.scene.keyfob(["doctor"]).succeeds();
    doctor.says(
        0,
        &["if nothing can come of that any more: keyfob rotate https://dev.azure.com/contoso --settled"],
    );
    stage.pats.change(|state| state.cannot_revoke = false);
    stage.ends(&format!("rotate {CONTOSO}"), 0, &["is verified, and the earlier one is revoked"]);
    assert!(stage.is_done());
}
