//! A move of tokens that ends in the middle: killed before each call that changes files, and with a disk that fails at each.
//! Whatever happens, every token is in its old place or in the wallet, and the next try finishes.

use std::fs;

use super::crash::is_sound;
use super::disk::library;
use crate::scene::Scene;

const FILE: &str =
    "https://alice:token-one@dev.azure.com/contoso\nsmtp://x:y@z.example\nhttps://bob:token-two@github.com\n";

fn scene() -> Scene {
    let scene = Scene::new();
    scene.append(".git-credentials", FILE);
    scene
}

#[test]
fn a_move_that_ends_anywhere_loses_no_token_and_the_next_one_finishes() {
    for fault in ["crash", "full", "broken"] {
        let mut through = false;
        for at in 1..200 {
            let scene = scene();
            let import = || scene.program("keyfob").args(["import", "git-store", "--yes", "--move"]);
            let faulty =
                import().env("LD_PRELOAD", library()).env("FAULT", fault).env("FAULT_AT", at.to_string());
            let output = faulty.run();
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
                assert_eq!(fault, "crash", "{at}");
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
