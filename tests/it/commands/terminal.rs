//! What only a terminal has: questions, and hidden answers. `script` of util-linux lends one.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{CONTOSO, holding, json, run, token_of};
use crate::scene::Scene;

/// keyfob at a terminal, and the person's side of it.
pub(crate) struct Talk {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
    from: usize,
}

impl Talk {
    pub(crate) fn begin(scene: &Scene, words: &str) -> Talk {
        Talk::begin_shell(scene, &format!("keyfob {words}"))
    }

    pub(crate) fn begin_shell(scene: &Scene, line: &str) -> Talk {
        let call = scene.command("script").args(["-q", "-e", "-c", line, "/dev/null"]);
        let mut child = call.start().spawn().unwrap();
        let (send, screen) = channel();
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut part) {
                let _ = send.send(part[..read].to_vec());
            }
        });
        Talk { keys: child.stdin.take().unwrap(), child, screen, seen: String::new(), from: 0 }
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Talk {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(at) = self.seen[self.from..].find(text) {
                self.from += at + text.len();
                return self;
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) => self.seen.push_str(&String::from_utf8_lossy(&part)),
                Err(_) => panic!("{text} is not in\n{}", self.seen),
            }
        }
    }

    pub(crate) fn types(&mut self, text: &str) -> &mut Talk {
        self.keys(&format!("{text}\r"))
    }

    pub(crate) fn keys(&mut self, keys: &str) -> &mut Talk {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// The exit code and all that stood on the screen.
    pub(crate) fn end(mut self) -> (i32, String) {
        while let Ok(part) = self.screen.recv_timeout(Duration::from_secs(60)) {
            self.seen.push_str(&String::from_utf8_lossy(&part));
        }
        (self.child.wait().unwrap().code().unwrap(), self.seen)
    }
}

/// A scene in which questions are asked.
pub(crate) fn at_a_terminal(mut scene: Scene) -> Scene {
    // The scene says that nobody can be asked.
    scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    scene
}

#[test]
fn the_token_is_asked_for_with_the_page_that_makes_it_and_is_not_shown() {
    let scene = at_a_terminal(Scene::new());
    let mut talk = Talk::begin(&scene, "add https://dev.azure.com/contoso");
    talk.sees(
        "token for azure-devops/contoso (made at https://dev.azure.com/contoso/_usersSettings/tokens): ",
    );
    talk.types("s3cret-1").sees("is in the vault store");
    let (code, screen) = talk.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
}

#[test]
fn ctrl_c_at_a_hidden_question_leaves_the_terminal_as_it_was() {
    let scene = at_a_terminal(Scene::new());
    // A shell that reads lines itself would mend the terminal on its own; stty tells what keyfob left.
    let mut talk = Talk::begin_shell(&scene, "keyfob add https://dev.azure.com/contoso; stty -a; echo over");
    talk.sees("token for azure-devops/contoso").keys("s3cret-1\u{3}").sees("over");
    let (_, screen) = talk.end();
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
    let mut talk = Talk::begin(&scene, "add https://git.example.com");
    talk.sees("user name for git.example.com: ").types("carol").sees("token for ").types("s3cret-1");
    assert_eq!(talk.end().0, 0);
    assert_eq!(json(&run(&scene, "list --json"))[0]["account"], "carol");
}

#[test]
fn a_token_is_shown_on_a_screen_and_destroyed_only_after_a_yes() {
    let scene = at_a_terminal(holding(&[(CONTOSO, "s3cret-1")]));
    for (words, question) in [
        (
            "token https://dev.azure.com/contoso --as token",
            "show the token of azure-devops/contoso on this screen? [y/N] ",
        ),
        (
            "remove https://dev.azure.com/contoso",
            "destroy the token of the unnamed account of azure-devops/contoso? [y/N] ",
        ),
    ] {
        for answer in ["", "n", "yep"] {
            let mut talk = Talk::begin(&scene, words);
            talk.sees(question).types(answer).sees("nothing was changed");
            let (code, screen) = talk.end();
            assert!(code == 6 && !screen.contains("s3cret"), "{screen}");
        }
    }
    let mut talk = Talk::begin(&scene, "token https://dev.azure.com/contoso --as token");
    talk.sees("[y/N] ").types("y").sees("s3cret-1");
    assert_eq!(talk.end().0, 0);
    let mut talk = Talk::begin(&scene, "remove https://dev.azure.com/contoso --yes");
    talk.sees("removed the token");
    assert_eq!(talk.end().0, 0);
}

#[test]
fn a_person_protects_the_vault_with_a_passphrase_and_changes_it() {
    let scene = at_a_terminal(holding(&[(CONTOSO, "s3cret-1")]));
    let mut talk = Talk::begin(&scene, "storage protect");
    talk.sees("new passphrase of the vault: ")
        .types("s3cret one")
        .sees("the same again: ")
        .types("s3cret two");
    talk.sees("the two passphrases differ");
    assert_eq!(talk.end().0, 2);
    let mut talk = Talk::begin(&scene, "storage protect");
    talk.sees("new passphrase of the vault: ")
        .types("s3cret one")
        .sees("the same again: ")
        .types("s3cret one");
    talk.sees("the key file is gone");
    let (code, screen) = talk.end();
    assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
    assert!(!scene.home().join("keyfob/vault.key").exists());

    let mut talk = Talk::begin(&scene, "storage slots add key-file");
    talk.sees("passphrase of the vault: ").types("wrong").sees("wrong passphrase").sees("keyfob unlock");
    assert_eq!(talk.end().0, 3);
    let mut talk = Talk::begin(&scene, "explain https://dev.azure.com/contoso");
    talk.sees("passphrase of the vault: ").types("s3cret one").sees("answer: the unnamed account");
    assert_eq!(talk.end().0, 0);
    // Looked at and replaced: two steps, asked once.
    let mut talk = Talk::begin(&scene, "add https://dev.azure.com/contoso");
    talk.sees("token for azure-devops/contoso").sees(": ").types("s3cret-2");
    talk.sees("passphrase of the vault: ").types("s3cret one").sees("the earlier one is set aside");
    assert_eq!(talk.end().0, 0);
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
        let mut talk = Talk::begin(&scene, "add https://dev.azure.com/contoso");
        talk.sees("nobody can be asked for the token here")
            .sees("keyfob add https://dev.azure.com/contoso < FILE");
        assert_eq!(talk.end().0, 2, "{name}");
    }
}

#[test]
fn setup_shows_what_it_would_do_for_every_tool_that_is_here_before_one_answer_covers_all() {
    let scene = at_a_terminal(Scene::new());
    let gitconfig = scene.home().join(".gitconfig");
    std::fs::write(&gitconfig, "[user]\n\tname = Alice\n").unwrap();
    let before = std::fs::read_to_string(&gitconfig).unwrap();
    let mut talk = Talk::begin(&scene, "setup");
    talk.sees("found git 2.").sees("for Git:").sees("for Cargo:").sees("Do this?").types("n");
    let (code, screen) = talk.end();
    assert!(code != 0 && !screen.contains("from now on"), "{screen}");
    assert_eq!(std::fs::read_to_string(&gitconfig).unwrap(), before);
    assert!(!scene.home().join(".cargo/config.toml").exists());

    let mut talk = Talk::begin(&scene, "setup");
    talk.sees("Do this?")
        .types("y")
        .sees("git asks keyfob from now on")
        .sees("cargo asks keyfob from now on");
    let (code, screen) = talk.end();
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
        Talk::begin(&scene, "list").end().1
    };
    let coloured = seen("xterm", "");
    // Yellow from two weeks before, red in the last day.
    for (realm, colour) in
        [("azure-devops/contoso", "33"), ("github/github.com", "32"), ("gitlab/gitlab.com", "31")]
    {
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
    let record = crate::scene::files_below(&scene.data().join("records"));
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
                let (code, screen) = Talk::begin_shell(&scene, "keyfob git get < request").end();
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
