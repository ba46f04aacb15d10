//! A move of tokens that ends in the middle: killed before each call that changes files, with a disk that fails at each, and with
//! the power. Whatever happens, every token is in its old place or in the wallet, and the next try finishes.

use std::fs;

use crate::support::faults::{is_sound, with_fault};
use crate::support::scene::Scene;

const FILE: &str =
    "https://alice:token-one@dev.azure.com/contoso\nsmtp://x:y@z.example\nhttps://bob:token-two@github.com\n";

fn scene() -> Scene {
    let scene = Scene::new();
    scene.append(".git-credentials", FILE);
    scene
}

#[test]
fn a_move_that_ends_anywhere_loses_no_token_and_the_next_one_finishes() {
    for fault in ["crash", "full", "broken", "power ?", "power /", "power vault", "power records"] {
        let mut through = false;
        for at in 1..200 {
            let scene = scene();
            let import = || scene.program("keyfob").args(["import", "git-store", "--yes", "--move"]);
            let output = with_fault(import(), fault, at).run();
            is_sound(&scene);
            let file = fs::read_to_string(scene.home().join(".git-credentials")).unwrap();
            for (place, account, token) in [
                ("https://dev.azure.com/contoso", "alice", "token-one"),
                ("https://github.com", "bob", "token-two"),
            ] {
                let there = scene.keyfob(["token", place, "--account", account, "--as", "token", "--yes"]);
                assert!(there.stdout().trim_end() == token || file.contains(token), "{fault} {at}: {output}");
            }
            assert!(file.contains("smtp://x:y@z.example\n"), "{fault} {at}: {file}");
            through = output.ended_by_itself() && output.code() == 0;
            // A crash between the two leaves the lock that git's own helper would leave, too; it is named.
            let lock = scene.home().join(".git-credentials.lock");
            if lock.exists() {
                assert!(fault.starts_with("crash") || fault.starts_with("power"), "{fault} {at}");
                let said = import().run();
                assert!(said.stderr().contains("if no git runs, one that crashed left it: rm "), "{said}");
                fs::remove_file(lock).unwrap();
            }
            import().run().succeeds();
            assert_eq!(
                fs::read_to_string(scene.home().join(".git-credentials")).unwrap(),
                "smtp://x:y@z.example\n"
            );
            assert_eq!(scene.held().len(), 2, "{fault} {at}");
            if through {
                assert!(at > 10, "{fault}: the faults were seen");
                break;
            }
        }
        assert!(through, "{fault}: it never got through");
    }
}

/// Each source that has its own way of taking out: whole files, a member of a JSON text, lines of a text.
#[test]
fn a_move_that_crashes_anywhere_leaves_every_token_in_its_old_place_or_in_the_wallet() {
    for fault in ["crash", "power ?", "power /", "power vault"] {
        moved_from_each_source(fault);
    }
}

fn moved_from_each_source(fault: &str) {
    let gcm = "token-one\nservice=https://github.com\naccount=alice\n";
    // `alice:token-one`.
    let docker = r#"{"auths":{"git.example":{"auth":"YWxpY2U6dG9rZW4tb25l"}},"keep":1}"#;
    let gh = "git.example:\n    user: alice\n    oauth_token: token-one\n    git_protocol: https\n";
    for (source, file, text, shown, place) in [
        ("gcm", ".gcm/store/git/https/github.com/alice.credential", gcm, "token-one", "https://github.com"),
        ("docker", ".docker/config.json", docker, "YWxpY2U6dG9rZW4tb25l", "https://git.example"),
        ("gh", ".config/gh/hosts.yml", gh, "token-one", "https://git.example"),
    ] {
        let mut through = false;
        for at in 1..200 {
            let scene = Scene::new();
            fs::create_dir_all(scene.home().join(file).parent().unwrap()).unwrap();
            let path = scene.append(file, text);
            let import = || scene.program("keyfob").args(["import", source, "--yes", "--move"]);
            let output = with_fault(import(), fault, at).run();
            is_sound(&scene);
            let there = scene.keyfob(["token", place, "--account", "alice", "--as", "token", "--yes"]);
            let left = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                there.stdout() == "token-one\n" || left.contains(shown),
                "{fault} {source} {at}: {output}"
            );
            through = output.ended_by_itself() && output.code() == 0;
            import().run().succeeds();
            let there = scene.keyfob(["token", place, "--account", "alice", "--as", "token", "--yes"]);
            assert_eq!(there.stdout(), "token-one\n", "{fault} {source} {at}: {there}");
            let left = fs::read_to_string(&path).unwrap_or_default();
            assert!(!left.contains(shown), "{fault} {source} {at}: {left}");
            if through {
                assert!(at > 10, "{fault} {source}: the faults were seen");
                break;
            }
        }
        assert!(through, "{fault} {source}: it never got through");
    }
}

/// The first account is alone, the second makes it the default, the others come in together.
#[test]
fn a_move_of_many_accounts_of_one_place_that_ends_anywhere_loses_no_token_and_the_next_one_finishes() {
    let names = ["alice", "bob", "carol", "dave"];
    let lines = names.map(|name| format!("https://{name}:token-{name}@git.example\n")).concat();
    for fault in ["crash", "full", "power /", "power vault"] {
        let mut through = false;
        for at in 1..200 {
            let scene = Scene::new();
            let path = scene.append(".git-credentials", &lines);
            let import = || scene.program("keyfob").args(["import", "git-store", "--yes", "--move"]);
            let output = with_fault(import(), fault, at).run();
            is_sound(&scene);
            let token = |name: &str| {
                let words = ["token", "https://git.example", "--account", name, "--as", "token", "--yes"];
                scene.keyfob(words).stdout().trim_end().to_owned()
            };
            let file = fs::read_to_string(&path).unwrap();
            for name in names {
                let here = format!("token-{name}");
                assert!(token(name) == here || file.contains(&here), "{fault} {at}: {output}");
            }
            through = output.ended_by_itself() && output.code() == 0;
            let _ = fs::remove_file(scene.home().join(".git-credentials.lock"));
            import().run().succeeds();
            assert_eq!(fs::read_to_string(&path).unwrap(), "");
            assert!(names.iter().all(|name| token(name) == format!("token-{name}")), "{fault} {at}");
            assert_eq!(scene.held().len(), names.len(), "{fault} {at}");
            if through {
                assert!(at > 10, "{fault}: the faults were seen");
                break;
            }
        }
        assert!(through, "{fault}: it never got through");
    }
}
