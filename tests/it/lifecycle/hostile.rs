//! Services that mean no good, against everything that talks to them: whatever they answer, no token and no sign-in goes anywhere
//! else (the fakes see to that when they are dropped), nothing hangs, and the wallet gives out what it gave out before.

use std::time::{Duration, Instant};

use super::{CONTOSO, Stage, TOKEN};
use crate::fakes::hostile::Hostile;

#[test]
fn no_hostile_answer_moves_a_token_or_a_sign_in_or_changes_the_wallet() {
    for hostile in Hostile::QUICK {
        let (stage, id) = Stage::holding("git");
        stage.services.change(|state| state.hostile = Some(*hostile));
        stage.pats.change(|state| state.hostile = Some(*hostile));
        let begun = Instant::now();
        for words in [
            format!("check {CONTOSO}"),
            "pat list contoso --all".to_owned(),
            format!("pat extend contoso {id} --expires 30d"),
            format!("rotate {CONTOSO} --pat git"),
            format!("pat revoke contoso {id} --yes"),
            format!("pat create contoso --for git --name other --account {hostile:?}"),
            "doctor --repair".to_owned(),
        ] {
            let output = stage.run(&words, "");
            if *hostile == Hostile::Endpoint {
                assert!(output.code() == 0 || words.starts_with("pat revoke"), "{hostile:?}: {output}");
            } else {
                // Where nothing can have happened, there is nothing to repair.
                assert!(output.code() != 0 || words.starts_with("doctor"), "{hostile:?}: {output}");
            }
            assert!(!output.stderr().contains('\u{1b}'), "{hostile:?}: {output}");
        }
        // git, with keyfob as its helper, whatever it makes of it; of a body without end it would read all.
        if *hostile != Hostile::Endless {
            let url = "https://contoso@dev.azure.com/contoso/Project/_git/Repo";
            drop(stage.scene.git(["clone", "--quiet", url, "work"]));
        }
        if *hostile != Hostile::Endpoint {
            assert_eq!(stage.in_force(CONTOSO), TOKEN, "{hostile:?}");
        }
        let strange = stage.proxy.tunnels().into_iter().filter(|tunnel| tunnel.target.contains("evil"));
        // git may look where it is sent, with empty hands.
        assert!(strange.count() == 0 || *hostile == Hostile::Away, "{hostile:?}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{hostile:?}");
    }
}
