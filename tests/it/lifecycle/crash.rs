//! A rotation that is killed before each call that changes files, and in the middle of each write: the token in force works, and
//! what was half done is made good without a token that nobody has.

use super::{BEARER, CONTOSO, Stage};
use crate::support::faults::{is_sound, with_fault};

/// Kills `words` at each call in turn until it gets through; `check` sees what is left.
fn killed_at_each_call(begin: fn() -> Stage, words: &str, repair: &str) -> usize {
    for at in 1..200 {
        let stage = begin();
        let alive = with_fault(stage.call(words), "crash", at).run().ended_by_itself();
        is_sound(&stage.scene);
        let in_force = stage.scene.keyfob(["token", CONTOSO, "--as", "token", "--yes"]);
        let in_force = in_force.stdout().trim_end().to_owned();
        if !in_force.is_empty() {
            assert!(stage.pats.working().contains(&in_force), "killed at {at}: {in_force} does not work");
        }
        // Undisturbed, everything is made good.
        stage.call(repair).run();
        assert!(stage.is_done(), "killed at {at}");
        let in_force = stage.in_force(CONTOSO);
        assert_eq!(stage.pats.working(), [in_force], "killed at {at}: a token that nobody has");
        is_sound(&stage.scene);
        if alive {
            return at;
        }
    }
    panic!("it never got through");
}

fn rotating() -> Stage {
    let (stage, _) = Stage::holding("git");
    stage
}

#[test]
fn a_rotation_may_be_killed_at_any_call_and_doctor_makes_it_good() {
    let words = format!("rotate {CONTOSO} --pat git");
    let calls = killed_at_each_call(rotating, &words, "doctor --repair");
    assert!(calls > 30, "{calls}");
}

#[test]
fn a_first_token_may_be_killed_at_any_call_and_the_next_makes_it_good() {
    let words = "pat create contoso --for git";
    // One that was stored before the kill is replaced by the next; what it replaces is the person's to revoke.
    for at in [1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45] {
        let stage = Stage::new();
        with_fault(stage.call(words), "crash", at).run();
        is_sound(&stage.scene);
        stage.call("doctor --repair").run();
        assert!(stage.is_done(), "killed at {at}");
        let held: Vec<String> = match stage.list().len() {
            0 => Vec::new(),
            _ => vec![stage.in_force(CONTOSO)],
        };
        assert_eq!(stage.pats.working(), held, "killed at {at}");
        assert!(!stage.proxy.log().hosts_that_saw(BEARER).iter().any(|host| host != "vssps.dev.azure.com"));
    }
}

#[test]
fn a_first_token_that_is_not_taken_may_be_killed_at_any_call_and_is_never_left_in_force() {
    let mut rebuilt = 0;
    for at in 1..200 {
        let stage = Stage::new();
        stage.pats.change(|state| state.makes_duds = true);
        let call = stage.call("pat create contoso --for git");
        let alive = with_fault(call, "crash", at).run().ended_by_itself();
        is_sound(&stage.scene);
        let repair = stage.call("doctor --repair").run();
        assert!(stage.is_done(), "killed at {at}");
        // Of a token that was stored and not yet recorded nobody knows any more which one it is, so it is kept.
        if repair.stdout().contains("made the record of") {
            assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)], "killed at {at}");
            rebuilt += 1;
            continue;
        }
        assert!(stage.pats.working().is_empty(), "killed at {at}: a token that nobody has");
        let rows = stage.list();
        assert!(rows.iter().all(|row| row["state"] == "rejected"), "killed at {at}: {rows:?}");
        let get = stage.scene.helper("get", "protocol=https host=dev.azure.com path=contoso/p").succeeds();
        assert_eq!(get.stdout(), "", "killed at {at}");
        is_sound(&stage.scene);
        if alive {
            assert!(rows.is_empty() && at > 30 && rebuilt < 9, "{at}: {rows:?}");
            return;
        }
    }
    panic!("it never got through");
}

#[test]
fn a_renewal_may_be_killed_at_any_call_and_is_never_tried_again_blindly() {
    use super::gitlab::{GITLAB, gitlab};
    let words = format!("rotate {GITLAB}");
    for at in 1..200 {
        let (stage, fake) = gitlab();
        let alive = with_fault(stage.call(&words), "crash", at).run().ended_by_itself();
        is_sound(&stage.scene);
        let (works, renewed) = {
            let fake = fake.lock().unwrap();
            (fake.works(&stage.in_force(GITLAB)), fake.renewed())
        };
        // GitLab ends the old one before its answer arrives: that is the one moment at which a kill loses the new one.
        assert!(works || renewed == 1, "killed at {at}");
        if !alive && !works {
            let next = stage.call(&words).run();
            assert!(
                next.code() == 5 && next.stderr().contains("the answer with the new one was lost"),
                "{next}"
            );
            assert_eq!(fake.lock().unwrap().renewed(), 1, "killed at {at}: it was tried again");
        } else if !stage.is_done() {
            stage.call("doctor --repair").run();
        }
        assert!(stage.is_done(), "killed at {at}");
        if alive {
            assert!(at > 20, "{at}");
            return;
        }
    }
    panic!("it never got through");
}

#[test]
fn a_disk_that_fails_at_any_call_of_a_rotation_costs_nothing() {
    for fault in ["full", "broken"] {
        let words = format!("rotate {CONTOSO} --pat git");
        for at in 1..200 {
            let stage = rotating();
            let output = with_fault(stage.call(&words), fault, at).run();
            is_sound(&stage.scene);
            assert!(stage.pats.working().contains(&stage.in_force(CONTOSO)), "{fault} at {at}: {output}");
            let undisturbed = output.code() == 0 && stage.is_done();
            stage.call("doctor --repair").run();
            assert!(stage.is_done(), "{fault} at {at}");
            assert_eq!(stage.pats.working(), [stage.in_force(CONTOSO)], "{fault} at {at}: {output}");
            if undisturbed {
                assert!(at > 20, "{at}");
                break;
            }
        }
    }
}

/// The old one does not work any more, and the new one finds no place: it is said, and offered to whoever can answer.
#[test]
fn a_renewed_token_that_finds_no_place_is_not_lost_in_silence() {
    use super::gitlab::{GITLAB, gitlab};
    let mut homeless = 0;
    for at in 1..60 {
        let (stage, fake) = gitlab();
        let output = with_fault(stage.call(&format!("rotate {GITLAB}")), "full", at).run();
        if !fake.lock().unwrap().works(&stage.in_force(GITLAB)) {
            homeless += 1;
            let said = "there is a new token, and no store takes it; the old one does not work any more";
            assert!(output.code() != 0 && output.stderr().contains(said), "{at}: {output}");
        }
    }
    assert!(homeless > 0, "the disk was never full in that moment");
}
