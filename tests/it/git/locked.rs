//! The real git, a vault with a passphrase, and a person at the terminal: what is typed for keyfob never becomes git's password.

use crate::support::scene::Scene;
use crate::support::terminal::{Terminal, at_a_terminal};

use super::{OTHER, TOKEN};

const PASSPHRASE: &str = "correct horse";
const PROMPT: &str = "keyfob vault passphrase";
const FILL: &str = "printf 'url=https://dev.azure.com/contoso/P/_git/R\\n\\n' | git credential fill";

fn scene() -> Scene {
    let scene = Scene::new();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    scene.append(".gitconfig", "[credential]\n\tuseHttpPath = true\n");
    scene.protect_vault(PASSPHRASE);
    at_a_terminal(scene)
}

/// The vault is shut for whoever comes after the test, too.
fn lock(scene: &Scene) {
    scene.keyfob(["lock"]).succeeds();
}

#[test]
fn a_passphrase_that_is_typed_right_at_once_or_the_third_time_gives_the_token() {
    for wrong in 0..3 {
        let scene = scene();
        let mut terminal = Terminal::begin_shell(&scene, FILL);
        for _ in 0..wrong {
            terminal.sees(PROMPT).types("wrong").sees("wrong passphrase; ");
        }
        terminal.sees(PROMPT).types(PASSPHRASE).sees(&format!("password={TOKEN}"));
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains(PASSPHRASE) && !screen.contains("for 'https"), "{screen}");
        lock(&scene);
    }
}

#[test]
fn after_three_wrong_passphrases_git_stops_and_asks_for_no_password() {
    let scene = scene();
    let mut terminal = Terminal::begin_shell(&scene, FILL);
    for _ in 0..3 {
        terminal.sees(PROMPT).types("wrong");
    }
    terminal.sees("keyfob: error: wrong passphrase").sees("told us to quit");
    let (code, screen) = terminal.end();
    assert!(code != 0 && !screen.contains("Username for") && !screen.contains("Password for"), "{screen}");
    assert_eq!(screen.matches(PROMPT).count(), 3, "{screen}");
}

#[test]
fn who_declines_with_an_empty_answer_is_not_asked_by_git_either() {
    let scene = scene();
    let mut terminal = Terminal::begin_shell(&scene, FILL);
    terminal.sees(PROMPT).types("").sees("keyfob: error: the vault store is locked").sees("told us to quit");
    let (code, screen) = terminal.end();
    assert!(code != 0 && !screen.contains("Username for"), "{screen}");
}

#[test]
fn where_nobody_can_be_asked_git_stops_too_and_asks_no_helper_behind_keyfob() {
    let mut scene = scene();
    scene.set("GIT_TERMINAL_PROMPT", "0");
    scene.append(
        ".gitconfig",
        "[credential]\n\thelper = \"!f() { echo username=u; echo password=other; }; f\"\n",
    );
    let output = scene.command("sh").args(["-c", FILL]).run();
    assert!(output.stderr().contains("the vault store is locked; keyfob unlock"), "{output}");
    assert!(output.code() != 0 && output.stderr().contains("told us to quit"), "{output}");
}

#[test]
fn a_host_that_keyfob_has_nothing_for_is_left_to_the_next_helper_while_the_vault_is_locked() {
    let scene = scene();
    scene.append(
        ".gitconfig",
        "[credential]\n\thelper = \"!f() { echo username=u; echo password=other; }; f\"\n",
    );
    for url in
        ["https://github.com/acme/site", "https://git.example/x", "https://dev.azure.com/fabrikam/P/_git/R"]
    {
        let line = format!("printf 'url={url}\\n\\n' | git credential fill");
        let (code, screen) = Terminal::begin_shell(&scene, &line).end();
        assert!(code == 0 && screen.contains("password=other") && !screen.contains(PROMPT), "{screen}");
    }
}

#[test]
fn a_passphrase_is_asked_for_once_and_storing_what_was_handed_out_asks_nothing() {
    let scene = scene();
    let fill = format!("{FILL} > filled; cat filled; git credential approve < filled; echo approved");
    let mut terminal = Terminal::begin_shell(&scene, &fill);
    terminal.sees(PROMPT).types(PASSPHRASE).sees("approved");
    let (code, screen) = terminal.end();
    assert!(code == 0 && screen.matches(PROMPT).count() == 1 && screen.contains(TOKEN), "{screen}");
    if screen.contains("asked at each use") {
        // No kernel keyring here (many containers): that was said, and the next command asks again.
        return;
    }
    assert!(!screen.contains("keyfob: "), "{screen}");
    let (code, screen) = Terminal::begin_shell(&scene, &format!("{fill}; {fill}")).end();
    assert!(code == 0 && !screen.contains(PROMPT), "{screen}");
    // A token that is new for the place is stored without a question, too.
    let approve = "printf 'url=https://bob@git.example/x\\npassword=SECRET\\n\\n' | git credential approve; echo approved";
    let (_, screen) = Terminal::begin_shell(&scene, &approve.replace("SECRET", OTHER)).end();
    assert!(!screen.contains(PROMPT), "{screen}");
    assert!(scene.get("protocol=https host=git.example path=x username=bob").contains(OTHER));
    lock(&scene);
    let mut terminal = Terminal::begin_shell(&scene, FILL);
    terminal.sees(PROMPT).types("").sees("is locked");
    terminal.end();
}
