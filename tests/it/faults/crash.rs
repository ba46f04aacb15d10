//! Processes that end in the middle: killed before each call that changes files, and in the middle of each write; and killed at
//! any moment. And machines that do, with which all goes that no sync has brought to the disk. Afterwards the old pair or the new one
//! is there whole, and everything goes on working.

use std::fs;
use std::time::Duration;

use super::{PLACE, TOKEN, scene};
use crate::support::faults::{faulty, is_sound, with_fault};
use crate::support::scene::Scene;

/// Kills `operation` before its first, second, … call, until it gets through; `check` sees the wallet after each.
fn killed_at_each_call(
    begin: fn() -> Scene,
    operation: &str,
    request: &str,
    check: impl Fn(&Scene, bool),
) -> usize {
    for at in 1..100 {
        let scene = begin();
        let alive = faulty(&scene, "crash", at, operation, request).run().ended_by_itself();
        is_sound(&scene);
        check(&scene, alive);
        // Again, undisturbed: whatever was left behind is no obstacle.
        assert_eq!(scene.helper(operation, request).succeeds().stderr(), "");
        check(&scene, true);
        is_sound(&scene);
        if alive {
            return at;
        }
    }
    panic!("it never got through");
}

#[test]
fn the_first_store_may_be_killed_at_any_call() {
    let request = format!("{PLACE} username=alice password={TOKEN}");
    let calls = killed_at_each_call(Scene::new, "store", &request, |scene, done| {
        let answer = scene.helper("get", PLACE).succeeds();
        let whole = format!("username=alice\npassword={TOKEN}\n");
        assert!(answer.stdout() == whole || (!done && answer.stdout().is_empty()), "{answer}");
    });
    assert!(calls > 15, "{calls}");
}

/// A tool's pair that is about to be replaced.
fn with_an_old_token() -> Scene {
    let scene = Scene::new();
    scene.helper("store", &format!("{PLACE} username=alice password=old")).succeeds();
    scene
}

/// The new pair answers, or, while its store was not done, the old one.
fn new_or_old(scene: &Scene, done: bool) {
    let answer = scene.get(PLACE);
    let old = !done && answer == "username=alice\npassword=old\n";
    assert!(answer == "username=alice\npassword=new\n" || old, "{answer}");
}

#[test]
fn a_store_that_replaces_a_token_may_be_killed_at_any_call() {
    let request = format!("{PLACE} username=alice password=new");
    let calls = killed_at_each_call(with_an_old_token, "store", &request, new_or_old);
    assert!(calls > 6, "{calls}");
}

#[test]
fn an_erase_may_be_killed_at_any_call() {
    let request = format!("{PLACE} username=contoso password={TOKEN}");
    killed_at_each_call(scene, "erase", &request, |scene, done| {
        let held = scene.held();
        let [entry] = &held[..] else { panic!("{held:?}") };
        assert!(entry.ends_with(" suspect") || (!done && entry.ends_with(" active")), "{entry}");
    });
}

/// The folders in which the disk was too slow: nowhere, everywhere, where the secrets are, where the records are. So what was done
/// later may be on the disk before what was done earlier.
const UNDONE: [&str; 4] = ["?", "/", "vault", "records"];

/// Cuts the power before the first, second, … call of `operation`, and at last when it is done; `check` sees the wallet after each.
fn cut_off_at_each_call(begin: fn() -> Scene, operation: &str, request: &str, check: impl Fn(&Scene, bool)) {
    for undone in UNDONE {
        for at in 1.. {
            let scene = begin();
            let call = faulty(&scene, "power", at, operation, request).env("FAULT_UNDONE", undone);
            let done = call.run().ended_by_itself();
            is_sound(&scene);
            check(&scene, done);
            assert_eq!(scene.helper(operation, request).succeeds().stderr(), "");
            check(&scene, true);
            if done {
                assert!(at > 6, "{undone}: {at}");
                break;
            }
        }
    }
}

#[test]
fn the_power_may_fail_during_the_first_store_and_after_it() {
    let request = format!("{PLACE} username=alice password={TOKEN}");
    cut_off_at_each_call(Scene::new, "store", &request, |scene, done| {
        let answer = scene.helper("get", PLACE).succeeds();
        let whole = format!("username=alice\npassword={TOKEN}\n");
        assert!(answer.stdout() == whole || (!done && answer.stdout().is_empty()), "{answer}");
    });
}

#[test]
fn the_power_may_fail_while_a_token_is_replaced() {
    let request = format!("{PLACE} username=alice password=new");
    cut_off_at_each_call(with_an_old_token, "store", &request, new_or_old);
}

#[test]
fn what_a_removal_took_out_never_comes_back_wherever_the_power_failed() {
    for undone in UNDONE {
        for at in 1.. {
            let scene = scene();
            let remove = scene.program("keyfob").args(["remove", "https://dev.azure.com/contoso", "--yes"]);
            let done = with_fault(remove, "power", at).env("FAULT_UNDONE", undone).run().ended_by_itself();
            is_sound(&scene);
            let held = scene.held();
            assert!(!done || held.is_empty(), "{undone} {at}: {held:?}");
            // What is left in the store is of no account any more, and not one that lost its record.
            scene.keyfob(["doctor", "--repair"]).succeeds();
            assert_eq!(scene.held(), held, "{undone} {at}");
            if done {
                assert!(at > 6, "{undone}: {at}");
                break;
            }
        }
    }
}

/// A folder, a link in it, and a line that makes the tool start it.
#[test]
fn the_power_may_fail_during_a_setup_and_after_it() {
    for (operation, at_least) in [("setup", 10), ("unsetup", 5)] {
        for undone in ["?", "/", "plugins", ".terraform.d"] {
            for at in 1.. {
                let scene = Scene::new();
                let keyfob = |words: &[&str]| scene.program("keyfob").args(words.iter().copied());
                let words: &[&str] = match operation {
                    "setup" => &["setup", "terraform", "--yes"],
                    _ => &["unsetup", "terraform"],
                };
                if operation == "unsetup" {
                    keyfob(&["setup", "terraform", "--yes"]).run().succeeds();
                }
                let there = || {
                    let line = fs::read_to_string(scene.home().join(".terraformrc"));
                    let folder = scene.home().join(".terraform.d/plugins");
                    let link = fs::read_link(folder.join("terraform-credentials-keyfob"));
                    [line.is_ok_and(|line| line == "credentials_helper \"keyfob\" {}\n"), link.is_ok()]
                };
                let done = with_fault(keyfob(words), "power", at).env("FAULT_UNDONE", undone);
                let done = done.run().ended_by_itself();
                assert!(!done || there() == [operation == "setup"; 2], "{operation} {undone} {at}");
                keyfob(&["setup", "terraform", "--yes"]).run().succeeds();
                assert_eq!(there(), [true, true], "{operation} {undone} {at}");
                keyfob(&["unsetup", "terraform"]).run().succeeds();
                assert!(!scene.home().join(".terraformrc").exists(), "{operation} {undone} {at}");
                assert!(!scene.home().join(".terraform.d").exists(), "{operation} {undone} {at}");
                if done {
                    assert!(at > at_least, "{operation} {undone}: {at}");
                    break;
                }
            }
        }
    }
}

#[test]
fn hundreds_of_kills_at_any_moment_lose_nothing() {
    const ROUNDS: u64 = 400;
    let scene = Scene::new();
    let who = |user: u64| format!("{PLACE} username=user{user}");
    let mut killed = 0;
    for round in 0..ROUNDS {
        let request = format!("{} password=token-{round}", who(round % 4));
        let call = scene.helper_call("store", &request);
        if round % 10 < 4 {
            assert_eq!(call.run().succeeds().stderr(), "");
        } else {
            // From nothing at all to about as long as it takes.
            killed += u64::from(!call.kill_after(Duration::from_micros(round * 7919 % 5000)));
        }
        if round % 50 == 49 {
            is_sound(&scene);
        }
    }
    assert!(killed > ROUNDS / 10, "{killed} were killed");
    for user in 0..4 {
        let answer = scene.get(&who(user));
        let round = answer.trim_end().rsplit_once("password=token-").unwrap().1.parse::<u64>().unwrap();
        assert_eq!(round % 4, user, "{answer}");
    }
}
