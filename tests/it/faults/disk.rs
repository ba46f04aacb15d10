//! Disks that are full, broken or read-only. The first two are made by `tests/fakes/faults.c`, preloaded into keyfob, so that they
//! need no right to mount anything and strike at each call in turn.

use std::fs;
use std::path::{Path, PathBuf};

use super::{PLACE, TOKEN, USER, is_root, mode, one_line, scene};
use crate::support::faults::{faulty, is_sound, with_fault};
use crate::support::process::Output;
use crate::support::scene::{Scene, files_below, tools_program_under_test};

/// No operation makes more calls than this that change files.
const MOST: usize = 100;

fn without_locks(scene: &Scene) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = files_below(&scene.data());
    files.retain(|(path, _)| !path.to_string_lossy().contains(".lock"));
    files
}

#[test]
fn a_disk_that_fails_at_any_call_costs_nothing_and_leaves_no_halves() {
    for (fault, why) in [("full", "no space left on device"), ("broken", "input/output error")] {
        for (operation, token) in [("store", "another"), ("erase", TOKEN)] {
            let request = format!("{PLACE} username=alice password={token}");
            let mut at = 1;
            loop {
                let scene = scene();
                let before = without_locks(&scene);
                let output = faulty(&scene, fault, at, operation, &request).run().succeeds();
                if output.stderr().is_empty() {
                    assert!(
                        without_locks(&scene) != before,
                        "{fault} {operation} {at}: nothing was done, nothing said"
                    );
                    break;
                }
                let line = one_line(&output);
                assert!(line.contains(why), "{line}");
                assert!(!line.contains(".new-"), "a name that means something to people: {line}");
                if fault == "full" {
                    assert!(line.contains("make room on the disk of "), "{line}");
                }
                is_sound(&scene);
                // The change may be done, and only its durability be in doubt.
                let refused = operation == "erase" && scene.held()[0].ends_with(" suspect");
                assert!(!refused || fault == "broken", "{fault} {operation} {at}");
                if !refused {
                    let answer = format!("username=contoso\npassword={TOKEN}\n");
                    assert_eq!(scene.get(PLACE), answer, "{fault} {operation} {at}");
                }
                let names = files_below(&scene.data()).into_iter().map(|(path, _)| path);
                let halves: Vec<_> = names.filter(|path| path.to_string_lossy().contains("/.new-")).collect();
                assert!(halves.is_empty(), "{halves:?}");
                at += 1;
                assert!(at < MOST);
            }
            assert!(at > 3, "{fault} {operation}: the faults were seen");
        }
    }
}

#[test]
fn a_full_disk_at_the_first_use_is_said_and_the_next_try_works() {
    let request = format!("{PLACE} username=alice password={TOKEN}");
    for at in 1..MOST {
        let scene = Scene::new();
        let output = faulty(&scene, "full", at, "store", &request).run().succeeds();
        let over = output.stderr().is_empty();
        if !over {
            assert!(one_line(&output).contains("no space left on device"), "{output}");
        }
        assert_eq!(scene.helper("store", &request).succeeds().stderr(), "");
        assert_eq!(scene.get(PLACE), format!("username=alice\npassword={TOKEN}\n"));
        if over {
            return;
        }
    }
    panic!("it never worked");
}

/// The same when a person replaces a token; a person's command says it with an exit code.
#[test]
fn add_on_a_disk_that_fails_at_any_call_costs_nothing() {
    for fault in ["full", "broken"] {
        let (mut at, mut over) = (1, false);
        while !over {
            let scene = scene();
            let call =
                scene.program("keyfob").args(["add", "https://dev.azure.com/contoso"]).stdin("another\n");
            let output = with_fault(call, fault, at).run();
            over = output.code() == 0;
            assert!(over || output.code() == 6, "{output}");
            assert!(over || output.stderr().contains("keyfob: error: cannot "), "{output}");
            assert!(
                over || fault != "full"
                    || output.stderr().contains("\nkeyfob: hint: make room on the disk of ")
            );
            is_sound(&scene);
            let answer = scene.get(PLACE);
            let which =
                ["another", TOKEN].map(|token| answer == format!("username=contoso\npassword={token}\n"));
            assert!(which[0] && (over || fault == "broken") || which[1] && !over, "{fault} {at}: {answer}");
            at += 1;
            assert!(at < MOST);
        }
        assert!(at > 5, "{fault}: the faults were seen");
    }
}

/// Writing past the limit would end the program by a signal, before it could say a word.
#[test]
fn a_limit_on_the_length_of_files_is_said_and_leaves_no_halves() {
    let scene = scene();
    let names = || files_below(&scene.data()).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let place = "protocol=https host=git.corp.example username=u";
    let request = format!("{place} password=another").replace(' ', "\n");
    let limited = ["-c", "ulimit -f 0; exec git-credential-keyfob store"];
    let before = names();
    scene.link("git-credential-keyfob");
    let line = one_line(&scene.command("sh").args(limited).stdin(request).run());
    assert!(
        line.ends_with(": file too large; the shell allows no longer ones: ulimit -f unlimited"),
        "{line}"
    );
    assert_eq!(names(), before);
    scene.helper("store", &format!("{place} password=another")).succeeds();
    assert_eq!(scene.get(place), "username=u\npassword=another\n");
}

/// In a folder that cannot be written, what is held is answered, and what cannot be done is said. Root may write anywhere, so this
/// runs as nobody then.
#[test]
fn a_read_only_folder_still_answers() {
    let scene = scene();
    let data = scene.data();
    let folders = [data.join("records"), data.join("vault"), data.clone()];
    let unprivileged = |operation: &str, words: &str| -> Output {
        let lines: String = words.split(' ').map(|word| format!("{word}\n")).collect();
        let mut call = scene.program("git-credential-keyfob").arg(operation);
        if is_root() {
            let ids = [format!("--reuid={USER}"), format!("--regid={USER}"), "--clear-groups".to_owned()];
            call = scene
                .command("setpriv")
                .args(ids)
                .arg(scene.home().join("git-credential-keyfob"))
                .arg(operation);
        }
        call.stdin(lines + "\n").within("/").run()
    };
    if is_root() {
        // Its program, where nobody can reach it.
        fs::copy(tools_program_under_test(), scene.home().join("git-credential-keyfob")).unwrap();
        mode(scene.home().parent().unwrap(), 0o711);
        mode(&scene.home(), 0o711);
        let own = |path: &Path| std::os::unix::fs::chown(path, Some(USER), Some(USER)).unwrap();
        files_below(&data).iter().for_each(|(path, _)| own(path));
        folders.iter().for_each(|path| own(path));
    }
    folders.iter().for_each(|path| mode(path, 0o500));
    let before = files_below(&data);
    assert_eq!(
        unprivileged("get", PLACE).succeeds().stdout(),
        format!("username=contoso\npassword={TOKEN}\n")
    );
    // What is held already needs no write.
    assert_eq!(
        unprivileged("store", &format!("{PLACE} username=contoso password={TOKEN}")).succeeds().stderr(),
        ""
    );
    for (operation, token) in [("store", "another"), ("erase", TOKEN)] {
        let output = unprivileged(operation, &format!("{PLACE} username=alice password={token}"));
        let line = one_line(&output);
        assert!(line.contains(": permission denied; ") && line.contains("KEYFOB_HOME"), "{line}");
    }
    assert!(files_below(&data) == before);
    folders.iter().rev().for_each(|path| mode(path, 0o700));
}
