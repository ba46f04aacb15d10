//! What only a terminal has: questions, and hidden answers.

use super::{CONTOSO, holding, json, run, token_of};
use crate::support::scene::Scene;
use crate::support::terminal::{Terminal, at_a_terminal};

#[test]
fn the_token_is_asked_for_with_the_page_that_makes_it_and_is_not_shown() {
    let scene = at_a_terminal(Scene::new());
    let mut terminal = Terminal::begin(&scene, "add https://dev.azure.com/contoso");
    terminal.sees(
        "token for azure-devops/contoso (made at https://dev.azure.com/contoso/_usersSettings/tokens): ",
    );
    terminal.types("s3cret-1").sees("is in the vault store");
    let (code, screen) = terminal.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
}

#[test]
fn ctrl_c_at_a_hidden_question_leaves_the_terminal_as_it_was() {
    let scene = at_a_terminal(Scene::new());
    // A shell that reads lines itself would mend the terminal on its own; stty tells what keyfob left.
    let mut terminal =
        Terminal::begin_shell(&scene, "keyfob add https://dev.azure.com/contoso; stty -a; echo over");
    terminal.sees("token for azure-devops/contoso").keys("s3cret-1\u{3}").sees("over");
    let (_, screen) = terminal.end();
    for mode in [" echo ", " icanon ", "isig "] {
        assert!(screen.contains(mode), "{mode} in {screen}");
    }
    assert!(
        !screen.contains("s3cret") && json(&run(&scene, "list --json")) == serde_json::json!([]),
        "{screen}"
    );
}

#[test]
fn on_an_unknown_host_the_user_name_is_asked_for_too() {
    let scene = at_a_terminal(Scene::new());
    let mut terminal = Terminal::begin(&scene, "add https://git.example.com");
    terminal.sees("user name for git.example.com: ").types("carol").sees("token for ").types("s3cret-1");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(json(&run(&scene, "list --json"))[0]["account"], "carol");
}

#[test]
fn a_token_is_shown_on_a_screen_and_destroyed_only_after_a_yes() {
    let scene = at_a_terminal(holding(&[(CONTOSO, "s3cret-1")]));
    for (words, said, question) in [
        (
            "token https://dev.azure.com/contoso --as token",
            "note: the token was not shown",
            "show the token of azure-devops/contoso on this screen? [y/N] ",
        ),
        (
            "remove https://dev.azure.com/contoso",
            "note: nothing was changed",
            "destroy the token of the unnamed account of azure-devops/contoso? [y/N] ",
        ),
    ] {
        for answer in ["", "n", "yep"] {
            let mut terminal = Terminal::begin(&scene, words);
            terminal.sees(question).types(answer).sees(said);
            let (code, screen) = terminal.end();
            assert!(code == 6 && !screen.contains("s3cret") && !screen.contains("error"), "{screen}");
        }
    }
    let mut terminal = Terminal::begin(&scene, "token https://dev.azure.com/contoso --as token");
    terminal.sees("[y/N] ").types("y").sees("s3cret-1");
    assert_eq!(terminal.end().0, 0);
    let mut terminal = Terminal::begin(&scene, "remove https://dev.azure.com/contoso --yes");
    terminal.sees("removed the token");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn a_person_protects_the_vault_with_a_passphrase_and_changes_it() {
    let scene = at_a_terminal(holding(&[(CONTOSO, "s3cret-1")]));
    let mut terminal = Terminal::begin(&scene, "storage protect");
    terminal
        .sees("new keyfob vault passphrase: ")
        .types("s3cret one")
        .sees("the same again: ")
        .types("s3cret two");
    terminal.sees("the two passphrases differ");
    assert_eq!(terminal.end().0, 2);
    let mut terminal = Terminal::begin(&scene, "storage protect");
    terminal
        .sees("new keyfob vault passphrase: ")
        .types("s3cret one")
        .sees("the same again: ")
        .types("s3cret one");
    terminal.sees("the key file is gone");
    let (code, screen) = terminal.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
    assert!(!scene.home().join("keyfob/vault.key").exists());

    let mut terminal = Terminal::begin(&scene, "storage slots add key-file");
    terminal
        .sees("the passphrase no longer protects it. Add the key file? [y/N] ")
        .types("")
        .sees("nothing was changed");
    assert_eq!(terminal.end().0, 6);
    let mut terminal = Terminal::begin(&scene, "storage slots add key-file");
    terminal.sees("Add the key file? [y/N] ").types("y");
    for _ in 0..3 {
        terminal.sees("keyfob vault passphrase: ").types("wrong").sees("wrong passphrase");
    }
    terminal.sees("keyfob unlock");
    assert_eq!(terminal.end().0, 3);
    assert!(!scene.home().join("keyfob/vault.key").exists());
    let output = run(&scene, "storage slots add key-file");
    assert_eq!(output.code(), 2, "{output}");
    assert!(output.stderr().contains("no longer protects") && output.stderr().contains("--yes"), "{output}");
    let mut terminal = Terminal::begin(&scene, "explain https://dev.azure.com/contoso");
    terminal.sees("keyfob vault passphrase: ").types("s3cret one").sees("answer: the unnamed account");
    assert_eq!(terminal.end().0, 0);
    // Looked at and replaced: two steps, asked once.
    let mut terminal = Terminal::begin(&scene, "add https://dev.azure.com/contoso");
    terminal.sees("token for azure-devops/contoso").sees(": ").types("s3cret-2");
    terminal.sees("keyfob vault passphrase: ").types("s3cret one").sees("the earlier one is set aside");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(
        run(&scene, "explain https://dev.azure.com/contoso").code(),
        3,
        "nobody to ask, nothing remembered"
    );
}

#[test]
fn nobody_is_asked_where_the_environment_says_that_nobody_can_answer() {
    for (name, value) in [("CI", "true"), ("TF_BUILD", "True"), ("GIT_TERMINAL_PROMPT", "false")] {
        let mut scene = at_a_terminal(Scene::new());
        scene.set(name, value);
        let mut terminal = Terminal::begin(&scene, "add https://dev.azure.com/contoso");
        terminal
            .sees("nobody can be asked for the token here")
            .sees("keyfob add https://dev.azure.com/contoso < FILE");
        assert_eq!(terminal.end().0, 2, "{name}");
    }
}

#[test]
fn setup_shows_what_it_would_do_for_every_tool_that_is_here_before_one_answer_covers_all() {
    let scene = at_a_terminal(Scene::new());
    let gitconfig = scene.home().join(".gitconfig");
    std::fs::write(&gitconfig, "[user]\n\tname = Alice\n").unwrap();
    let before = std::fs::read_to_string(&gitconfig).unwrap();
    let mut terminal = Terminal::begin(&scene, "setup");
    terminal.sees("found git 2.").sees("for Git:").sees("for Cargo:").sees("Do this?").types("n");
    let (code, screen) = terminal.end();
    assert!(code != 0 && !screen.contains("from now on"), "{screen}");
    assert_eq!(std::fs::read_to_string(&gitconfig).unwrap(), before);
    assert!(!scene.home().join(".cargo/config.toml").exists());

    let mut terminal = Terminal::begin(&scene, "setup");
    terminal
        .sees("Do this?")
        .types("y")
        .sees("git asks keyfob from now on")
        .sees("cargo asks keyfob from now on");
    let (code, screen) = terminal.end();
    assert!(code == 0 && screen.matches("Do this?").count() == 1, "{screen}");
}

#[test]
fn on_a_terminal_a_bar_and_a_colour_show_what_is_left_of_each_tokens_time() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let today = keyfob::text::date(now.try_into().unwrap());
    let mut scene = at_a_terminal(holding(&[
        ("https://dev.azure.com/contoso --expires 10d", "s3cret-1"),
        ("https://github.com --expires 90d", "s3cret-2"),
        (&format!("https://gitlab.com --expires {today}"), "s3cret-3"),
    ]));
    let plain = run(&scene, "list");
    assert!(!plain.stdout().contains("###") && !plain.stdout().contains('\u{1b}'), "{plain}");
    let mut seen = |term: &str, no_color: &str| {
        scene.set("TERM", term).set("NO_COLOR", no_color);
        Terminal::begin(&scene, "list").end().1
    };
    let coloured = seen("xterm", "");
    // Yellow from two weeks before, red in the last day.
    for (realm, colour) in [("dev.azure.com/contoso", "33"), ("github.com", "32"), ("gitlab.com", "31")] {
        let line = coloured.lines().find(|line| line.contains(realm)).unwrap();
        let end = line.split(&format!("\u{1b}[{colour}m~")).nth(1).unwrap_or_else(|| panic!("{coloured}"));
        assert!(end.contains(" d) ########\u{1b}[0m"), "{coloured}");
    }
    for (term, no_color) in [("xterm", "1"), ("dumb", "")] {
        let plain = seen(term, no_color);
        assert!(plain.contains(" d) ########") && !plain.contains('\u{1b}'), "{plain}");
    }
}

#[test]
fn the_end_of_a_token_is_hinted_at_14_7_and_1_days_and_git_is_quiet_in_between() {
    let scene = at_a_terminal(holding(&[("https://dev.azure.com/contoso --expires 90d", "s3cret-1")]));
    let record = crate::support::scene::files_below(&scene.data().join("records"));
    let (path, _) =
        record.into_iter().find(|(path, _)| path.extension().is_some_and(|e| e == "json")).unwrap();
    scene.append("request", "protocol=https\nhost=dev.azure.com\npath=contoso/p\n\n");
    let today = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        now.cast_signed().div_euclid(86_400)
    };
    // For each day from 16 before the end to the second after it, what two gets say.
    let days_pass = |today: i64| {
        let mut heard = Vec::new();
        for days in (-2..=16).rev() {
            let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let account = &mut text["realms"][0]["accounts"][0];
            // A day later, the end is a day nearer and the hint a day older.
            account["expires"]["at"] = ((today + days) * 86_400 + 86_399).into();
            account["hinted"] = account["hinted"].as_i64().filter(|_| days < 16).map(|day| day - 1).into();
            std::fs::write(&path, text.to_string()).unwrap();
            for _ in 0..2 {
                let (code, screen) = Terminal::begin_shell(&scene, "keyfob git get < request").end();
                assert!(code == 0 && screen.contains("password=s3cret-1"), "{screen}");
                let said = screen.lines().filter(|line| line.contains("keyfob: "));
                heard.extend(said.map(|line| line.trim().to_owned()));
            }
        }
        heard
    };
    // Midnight may come in between.
    let heard = loop {
        let begun = today();
        let heard = days_pass(begun);
        if today() == begun {
            break heard;
        }
    };
    let expected = [
        "the token of azure-devops/contoso ends in 14 days",
        "the token of azure-devops/contoso ends in 7 days",
        "the token of azure-devops/contoso ends in 1 day",
        "by its recorded date the token of azure-devops/contoso ended 1 day ago",
        "by its recorded date the token of azure-devops/contoso ended 2 days ago",
    ];
    let whole =
        |words| format!("keyfob: hint: {words}; a new one: keyfob rotate https://dev.azure.com/contoso");
    assert_eq!(heard, expected.map(whole));
}

#[test]
fn a_move_beside_other_accounts_is_asked_about() {
    let accounts =
        ["https://dev.azure.com/contoso --account alice", "https://dev.azure.com/fabrikam --account fab"];
    let scene = at_a_terminal(holding(&[(accounts[0], "s3cret-a"), (accounts[1], "s3cret-f")]));
    let words = "move https://dev.azure.com/contoso https://dev.azure.com/fabrikam";
    for (answer, code, alice) in [("n", 6, "contoso"), ("y", 0, "fabrikam")] {
        let mut terminal = Terminal::begin(&scene, words);
        terminal.sees("already has 1 account (fab)");
        terminal.sees("move 1 account (alice) from dev.azure.com/contoso beside them? [y/N] ").types(answer);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        let list = run(&scene, "list --json").succeeds();
        let all = json(&list);
        let of_alice = all.as_array().unwrap().iter().find(|one| one["account"] == "alice").unwrap();
        assert_eq!(of_alice["realm"], format!("azure-devops/{alice}"), "{list}");
    }
}
