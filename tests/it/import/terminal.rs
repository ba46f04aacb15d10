//! What only a person at a terminal is asked.

use super::{CONTOSO, GITHUB, credentials, git_keeps, token};
use crate::support::scene::Scene;
use crate::support::terminal::{Terminal, at_a_terminal};

#[test]
fn at_a_terminal_the_list_comes_first_and_a_no_changes_nothing() {
    let scene = at_a_terminal(Scene::new());
    git_keeps(&scene, &format!("{CONTOSO}/a/_git/a"), "alice", "s3cret-1");
    let mut terminal = Terminal::begin(&scene, "import git-store --move");
    terminal
        .sees("azure-devops/contoso")
        .sees("Import 1 token and delete 1 from git-credential-store? [y/N] ")
        .types("n");
    terminal.sees("nothing was changed");
    assert_eq!(terminal.end().0, 6);
    assert!(scene.held().is_empty() && credentials(&scene).contains("s3cret-1"));
    let mut terminal = Terminal::begin(&scene, "import git-store --move");
    terminal.sees("[y/N] ").types("y").sees("1 entry taken out of git-credential-store");
    let (code, screen) = terminal.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-1");

    // A token of another service is a question of its own.
    scene.append(".git-credentials", &format!("https://erin:{GITHUB}@dev.azure.com/contoso\n"));
    let question = "Take also 1 entry marked ask? [y/N] ";
    let mut terminal = Terminal::begin(&scene, "import git-store");
    terminal.sees("ask ").sees(question).types("n").sees("nothing is new; nothing was changed");
    assert_eq!(terminal.end().0, 0);
    let mut terminal = Terminal::begin(&scene, "import git-store");
    terminal.sees(question).types("y").sees("Import 1 token? [y/N] ").types("y").sees("1 entry taken into");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(token(&scene, CONTOSO, "erin"), GITHUB);
}
