//! What only a person sees: how far it has come, and questions about a token before it is stored.

use super::*;
use crate::support::terminal::{Terminal, at_a_terminal};

const GITHUB: &str = "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";

fn online() -> Stage {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_OFFLINE");
    stage.scene = at_a_terminal(stage.scene);
    stage.scene.set("TERM", "xterm");
    stage
}

#[test]
fn how_far_it_has_come_is_shown_and_taken_away() {
    let stage = online();
    for n in 0..3 {
        stage.services.add(Token::new(&format!("org{n}"), "alice", &format!("s3cret-{n}")));
        stage.holds(&format!("https://dev.azure.com/org{n} --offline"), &format!("s3cret-{n}"));
    }
    let mut terminal = Terminal::begin(&stage.scene, "check");
    terminal.sees("] 0 of 3").sees("[########................] 1 of 3").sees("] 3 of 3").sees("\r\u{1b}[K");
    let (code, screen) = terminal.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
}

#[test]
fn a_refused_token_is_kept_only_after_a_yes() {
    for (answer, code, held) in [("n", 6, 0), ("y", 0, 1)] {
        let stage = online();
        let mut terminal = Terminal::begin(&stage.scene, &format!("add {CONTOSO}"));
        terminal.sees("token for azure-devops/contoso").types("s3cret-that-nobody-knows");
        terminal.sees("looks like none of Azure DevOps Services").sees("does not accept the token");
        terminal.sees("Keep it all the same? [y/N]").types(answer);
        let (ended, screen) = terminal.end();
        assert!(ended == code && !screen.contains("s3cret"), "{screen}");
        let list = stage.scene.keyfob(["list", "--json"]).succeeds();
        assert_eq!(list.stdout().matches("\"realm\"").count(), held);
    }
}

#[test]
fn another_services_token_is_asked_about() {
    let stage = online();
    let mut terminal = Terminal::begin(&stage.scene, &format!("add {CONTOSO} --offline"));
    terminal.sees("token for azure-devops/contoso").types(GITHUB);
    terminal
        .sees("that is a personal access token of GitHub")
        .sees("Keep it here all the same? [y/N]")
        .types("");
    assert_eq!(terminal.end().0, 6);
    assert_eq!(stage.proxy.log().entries().len(), 0);
}
