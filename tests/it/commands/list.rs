//! `keyfob list`: what a person sees of the wallet, in real terminals of several widths and through a pipe.

use unicode_width::UnicodeWidthStr;

use super::{CONTOSO, holding, json, run, run_with};
use crate::support::scene::Scene;
use crate::support::terminal::{Terminal, at_a_terminal};

/// A wallet with what makes lines long: a server with its collection, names of East Asia, e-mail addresses, labels, rules.
fn full() -> Scene {
    let scene = holding(&[
        (
            "https://tfs.corp.example/tfs/DefaultCollection --account carol --forge azure-devops-server --expires 90d",
            "s3cret-1",
        ),
        (
            "https://dev.azure.com/contoso --account alice@contoso.example --expires 400d --default",
            "s3cret-2",
        ),
        ("https://dev.azure.com/contoso --account bob", "s3cret-3"),
        ("https://github.com --account 山田太郎", "s3cret-4"),
        (
            "https://a-name-that-is-long.of-a-host.in-some-department.corp.example --account x --forge gitlab",
            "s3cret-5",
        ),
    ]);
    let add = [
        "add",
        "https://github.com",
        "--account",
        "work",
        "--label",
        "for the pipelines of the platform team",
    ];
    scene.keyfob_with(add, "s3cret-6").succeeds();
    run(&scene, "prefer https://dev.azure.com/contoso/website --account bob").succeeds();
    scene
}

/// What the screen of a terminal of this width shows, line by line.
fn screen(scene: &Scene, columns: usize, words: &str) -> Vec<String> {
    let line = format!("stty cols {columns} rows 40; keyfob {words}");
    let (code, screen) = Terminal::begin_shell(scene, &line).end();
    assert_eq!(code, 0, "{screen}");
    screen.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

#[test]
fn the_list_fits_a_terminal_of_60_80_and_110_columns_and_every_row_is_one_line() {
    let scene = at_a_terminal(full());
    for columns in [60, 80, 110] {
        let lines = screen(&scene, columns, "list");
        for line in &lines {
            assert!(line.width() <= columns, "{columns}: {line}\n{}", lines.join("\n"));
        }
        // The head, six accounts, an empty line, the head of the rules and one of them.
        assert_eq!(lines.len(), 10, "{}", lines.join("\n"));
        assert!(lines[0].starts_with("HOST") && !lines[0].contains("STORE"), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("dev.azur") && line.contains("bob")), "{lines:?}");
    }
    // Nothing is missing where there is room.
    let wide = screen(&scene, 200, "list").join("\n");
    assert!(wide.contains("for the pipelines of the platform team") && !wide.contains('…'), "{wide}");
}

#[test]
fn characters_that_take_two_cells_keep_the_columns_straight() {
    let scene = at_a_terminal(full());
    for columns in [60, 110] {
        let lines = screen(&scene, columns, "list");
        let state = |line: &str| line.find(" active").map(|at| line[..at].width());
        let at: Vec<usize> = lines.iter().filter_map(|line| state(line)).map(|at| at + 1).collect();
        let head = lines[0].find("STATE").unwrap();
        assert!(at.len() == 6 && at.iter().all(|at| *at == head), "{columns}: {at:?} {}", lines.join("\n"));
    }
}

#[test]
fn a_pipe_gets_everything_unshortened_with_hosts_as_people_write_them() {
    let scene = full();
    let output = run(&scene, "list").succeeds();
    for text in [
        "HOST ",
        "STORE",
        "tfs.corp.example/tfs/DefaultCollection",
        "dev.azure.com/contoso",
        "a-name-that-is-long.of-a-host.in-some-department.corp.example",
        "for the pipelines of the platform team",
    ] {
        assert!(output.stdout().contains(text), "{text}: {output}");
    }
    for internal in ["azure-devops", "github/", "defaultcollection", "https://", "…"] {
        assert!(!output.stdout().contains(internal), "{internal}: {output}");
    }
    let realms = json(&run(&scene, "list --json"));
    let of = |account: &str| realms.as_array().unwrap().iter().find(|row| row["account"] == account).unwrap();
    assert_eq!(of("bob")["realm"], "azure-devops/contoso");
    assert_eq!(of("carol")["realm"], "azure-devops-server/https://tfs.corp.example/tfs/defaultcollection");
}

#[test]
fn what_the_list_shows_of_a_host_is_what_the_next_command_accepts() {
    let scene = full();
    let output = run(&scene, "list").succeeds();
    let hosts = output.stdout().lines().skip(1).take_while(|line| !line.is_empty());
    for host in hosts.map(|line| line.split(' ').next().unwrap()) {
        run(&scene, &format!("list {host}")).says(0, &[host]);
        let account =
            json(&run(&scene, &format!("list {host} --json")))[0]["account"].as_str().unwrap().to_owned();
        run(&scene, &format!("explain {host} --user {account}")).says(0, &["answer: "]);
        run(&scene, &format!("token {host} --account {account} --as token")).succeeds();
    }
}

#[test]
fn rules_stand_in_a_section_of_their_own_and_in_json_with_their_account() {
    let scene = full();
    let output = run(&scene, "list").succeeds();
    let rules: Vec<&str> = output.stdout().lines().skip_while(|line| !line.starts_with("RULES")).collect();
    assert_eq!(
        rules,
        ["RULES                          ACCOUNT", "dev.azure.com/contoso/website  bob"],
        "{output}"
    );
    let rows = json(&run(&scene, &format!("list {CONTOSO} --json")));
    assert_eq!(rows[0]["rules"], serde_json::json!([]));
    assert_eq!((&rows[1]["account"], &rows[1]["rules"]), (&"bob".into(), &serde_json::json!(["website"])));
    assert!(!run(&scene, "list https://github.com").stdout().contains("RULES"));
    assert!(!run(&scene, "list --expiring 2000d").stdout().contains("RULES"));
}

#[test]
fn the_store_is_shown_on_a_terminal_only_where_there_are_several() {
    let mut scene = at_a_terminal(holding(&[(CONTOSO, "s3cret-1")]));
    assert!(!screen(&scene, 110, "list").join("\n").contains("vault"));
    scene.set("KEYFOB_TOKEN", "s3cret-2").set("KEYFOB_URL", "https://github.com");
    let both = screen(&scene, 110, "list").join("\n");
    assert!(both.contains("STORE") && both.contains("vault") && both.contains("environment"), "{both}");
}

#[test]
fn a_refusal_is_told_by_how_long_ago_it_was() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    let request = "protocol=https\nhost=dev.azure.com\npath=contoso\nusername=contoso\npassword=s3cret-1\n\n";
    scene.keyfob_with(["git", "erase"], request).succeeds();
    let output = run(&scene, "list").succeeds();
    assert!(
        output.stdout().contains("suspect") && output.stdout().contains("refused for code just now"),
        "{output}"
    );
    assert!(!output.stdout().contains("Z"), "no time in UTC: {output}");
}

#[test]
fn tokens_that_their_program_renews_are_not_about_to_expire() {
    let scene = Scene::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let store = |host: &str, expires: u64, more: &str| {
        let request = format!(
            "protocol=https\nhost={host}\nusername=oauth2\npassword=s3cret-{host}\npassword_expiry_utc={expires}\n{more}\n"
        );
        scene.keyfob_with(["git", "store"], request).succeeds();
    };
    store("refreshed.example", now + 3600, "oauth_refresh_token=s3cret-r\n");
    store("refreshed-rarely.example", now + 8 * 86_400, "oauth_refresh_token=s3cret-r\n");
    store("hourly.example", now + 3600, "");
    run(&scene, "list --expiring 14d --exit-code").says(0, &["no token expires in that time"]);
    assert_eq!(run(&scene, "list --expiring 14d --json").stdout().trim(), "[]");
    // What lives longer than the span is one that somebody has to renew, and so is a person's own token, however short its life is.
    run(&scene, "list --exit-code").succeeds();
    run_with(&scene, "add https://github.com --expires 7d", "s3cret-7").succeeds();
    let output = run(&scene, "list --expiring 14d --exit-code");
    assert!(output.code() == 5 && output.stdout().lines().count() == 2, "{output}");
    let rows = json(&run(&scene, "list --json"));
    let of = |host: &str| {
        rows.as_array().unwrap().iter().find(|row| row["url"] == format!("https://{host}")).unwrap().clone()
    };
    assert_eq!(of("refreshed.example")["refresh_token"], true);
    assert_eq!(of("hourly.example")["refresh_token"], false);
}

#[test]
fn check_of_one_url_is_sorted_by_account_in_json_too() {
    let mut scene = holding(&[
        ("https://dev.azure.com/contoso --account zoe", "s3cret-z"),
        ("https://dev.azure.com/contoso --account alice", "s3cret-a"),
        ("https://dev.azure.com/contoso --account bob", "s3cret-b"),
    ]);
    // Nothing answers at that proxy, so that no service is asked.
    scene.unset("KEYFOB_OFFLINE").set("https_proxy", "http://127.0.0.1:9");
    let rows = json(&run(&scene, &format!("check {CONTOSO} --json")));
    let names: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap()).collect();
    assert_eq!(names, ["alice", "bob", "zoe"]);
    run(&scene, &format!("explain {CONTOSO} --user none")).says(1, &[]);
    run(&scene, &format!("prefer {CONTOSO} --account nobody")).says(1, &["it has: alice, bob, zoe"]);
}

#[test]
fn a_character_that_is_not_seen_is_shown_to_people_and_escaped_in_json() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    for (at, odd) in
        "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{e0041}\u{202e}\u{fe0f}".chars().enumerate()
    {
        let account = format!("a{at}{odd}b");
        let add = ["add", CONTOSO, "--account", account.as_str(), "--label", &format!("l{odd}")];
        scene.keyfob_with(add, format!("s3cret-{at}")).succeeds();
        for words in [
            &["list"][..],
            &["list", "--json"],
            &["explain", CONTOSO],
            &["explain", CONTOSO, "--json"],
            &["explain", CONTOSO, "--user", &account],
            &["explain", CONTOSO, "--user", &account, "--json"],
            &["prefer", CONTOSO, "--account", &account],
            &["prefer", CONTOSO],
            &["check", CONTOSO],
            &["doctor"],
            &["remove", CONTOSO],
            &["remove", CONTOSO, "--account", &account, "--yes"],
        ] {
            let output = scene.keyfob(words.iter().copied());
            let all = format!("{}{}", output.stdout(), output.stderr());
            assert!(!all.contains(odd), "{words:?}: U+{:04X} in {output}", u32::from(odd));
            if words.contains(&"--json") {
                json(&output);
            }
        }
    }
}

#[test]
fn many_accounts_make_no_endless_line() {
    let scene = Scene::new();
    let many: String = (0..400).map(|at| format!("https://user{at}:s3cret-{at}@github.com\n")).collect();
    scene.append(".git-credentials", &many);
    run(&scene, "import git-store --yes").succeeds();
    run(&scene, "prefer https://github.com --clear").succeeds();
    let hint = scene.helper("get", "protocol=https host=github.com");
    assert!(hint.stderr().len() < 600 && hint.stderr().contains(" and 392 more"), "{hint}");
    for words in
        ["explain https://github.com", "token https://github.com --as token", "rotate https://github.com"]
    {
        let output = run(&scene, words);
        assert!(output.code() == 4 && output.stderr().len() < 600, "{output}");
    }
    let output = run(&scene, "restore https://github.com --account nobody");
    assert!(output.stderr().len() < 600 && output.stderr().contains(" and 392 more"), "{output}");
}
