//! `keyfob import` and `keyfob export` against the real binary, with files that the real programs wrote.

use std::fs;

use crate::support::process::Output;
use crate::support::scene::Scene;

mod export;
#[cfg(target_os = "linux")]
mod keyrings;
mod lines;
#[cfg(unix)]
mod owning_programs;
#[cfg(unix)]
mod programs;
#[cfg(target_os = "linux")]
mod terminal;

const CONTOSO: &str = "https://dev.azure.com/contoso";

/// Runs `keyfob WORDS`, and sees to it that no token of these tests is shown: each begins with `s3cret`.
#[track_caller]
fn run(scene: &Scene, words: &str) -> Output {
    run_with(scene, words, "")
}

#[track_caller]
fn run_with(scene: &Scene, words: &str, stdin: &str) -> Output {
    let output = scene.keyfob_with(words.split_whitespace(), stdin);
    let said = format!("{output}");
    assert!(!said.contains("s3cret"), "{said}");
    output
}

/// The token of a place, as `keyfob token` prints it.
#[track_caller]
fn token(scene: &Scene, place: &str, account: &str) -> String {
    let words = ["token", place, "--account", account, "--as", "token", "--yes"];
    scene.keyfob(words).succeeds().stdout().trim_end().to_owned()
}

/// Has git's own helper keep a pair in `~/.git-credentials`.
fn git_keeps(scene: &Scene, url: &str, user: &str, token: &str) {
    let pair = format!("url={url}\nusername={user}\npassword={token}\n\n");
    let store =
        ["-c", "credential.helper=", "-c", "credential.helper=store", "-c", "credential.useHttpPath=true"];
    let approve =
        scene.command(crate::support::scene::newest_git()).args(store).args(["credential", "approve"]);
    approve.stdin(pair).run().succeeds();
}

fn credentials(scene: &Scene) -> String {
    fs::read_to_string(scene.home().join(".git-credentials")).unwrap()
}

#[test]
fn what_gits_own_helper_kept_comes_in_is_answered_and_is_taken_out_at_the_end() {
    let scene = Scene::new();
    git_keeps(&scene, "https://dev.azure.com/contoso/Project/_git/Repo", "alice", "s3cret-1");
    git_keeps(&scene, "https://dev.azure.com/contoso/Project/_git/Other", "alice", "s3cret-1");
    git_keeps(&scene, "https://github.com/a/b.git", "bob", "s3cret:2@/%20");
    git_keeps(&scene, "https://dev.azure.com", "", "s3cret-3");
    git_keeps(&scene, "http://plain.example", "carl", "s3cret-4");
    scene.append(".git-credentials", "# kept by hand\r\n");
    let before = credentials(&scene);

    let overview = run(&scene, "import").succeeds();
    assert!(overview.stdout().starts_with("git-store    5 entries  ~/.git-credentials\n"), "{overview}");
    let dry = run(&scene, "import git-store --dry-run").succeeds();
    let lines: Vec<&str> = dry.stdout().lines().collect();
    assert_eq!(lines.len(), 5, "{dry}");
    for (beginning, rest) in [
        ("take ", "azure-devops/contoso  "),
        ("take ", "github/github.com  "),
        ("held ", "the same as ~/.git-credentials:"),
        ("leave", "a token would travel in clear text"),
        ("leave", "does not tell the organisation"),
    ] {
        assert!(lines.iter().any(|line| line.starts_with(beginning) && line.contains(rest)), "{rest}: {dry}");
    }
    assert!(dry.stderr().contains("2 entries would be taken; nothing was changed"), "{dry}");
    assert!(scene.held().is_empty());

    assert_eq!(run(&scene, "import git-store").code(), 2, "nobody can be asked");
    assert!(scene.held().is_empty());

    run(&scene, "import git-store --yes").succeeds();
    let held = ["azure-devops/contoso alice person active", "github/github.com bob person active"];
    assert_eq!(scene.held(), held);
    assert_eq!(token(&scene, "https://github.com", "bob"), "s3cret:2@/%20");
    let answer = scene.get("protocol=https host=dev.azure.com path=contoso/Project/_git/Repo");
    assert_eq!(answer, "username=alice\npassword=s3cret-1\n");
    assert_eq!(credentials(&scene), before, "the source is as it was");

    let again = run(&scene, "import git-store --yes").succeeds();
    assert!(!again.stdout().contains("take") && again.stderr().contains("nothing is new"), "{again}");
    let moved = run(&scene, "import git-store --yes --move").succeeds();
    assert!(moved.stderr().contains("3 entries taken out of git-credential-store"), "{moved}");
    let left = credentials(&scene);
    assert_eq!(left.lines().count(), 3, "{left}");
    assert!(left.contains("s3cret-3") && left.contains("s3cret-4"), "what was not taken stays: {left}");
    assert!(left.ends_with("# kept by hand\r\n"), "{left}");
    assert_eq!(scene.held(), held);
}

#[test]
fn a_hint_means_the_same_file_and_the_same_tokens_as_what_was_typed() {
    let scene = Scene::new();
    fs::write(scene.home().join("of work"), "https://alice:s3cret-1@dev.azure.com/contoso\n").unwrap();
    let call = |words: &[&str]| {
        scene.keyfob(["import", "git-store", "--file", "of work", "--force"].iter().chain(words))
    };
    let same = "keyfob import git-store --file 'of work' --force";
    let typed = format!("hint: {same} --move --yes, or see what it would do: {same} --move --dry-run\n");
    call(&["--move"]).says(2, &[&typed]);
    call(&["--yes"]).says(0, &[&format!("when all is well: {same} --move\n")]);
    // What cannot be done with a yes either is said at once.
    scene.keyfob(["import", "nosuch"]).says(2, &["nosuch is no source of tokens and no file"]);
    let missing = scene.keyfob(["import", "git-store", "--file", "none", "--yes"]);
    assert!(missing.stderr().ends_with("none: no such file or directory\n"), "{missing}");
}

#[test]
fn what_the_wallet_holds_stays_and_goes_on_answering() {
    let scene = Scene::new();
    let place = "protocol=https host=dev.azure.com path=contoso/Project/_git/Repo";
    scene.add(CONTOSO, "s3cret-own");
    let answer = scene.get(place);
    // A second account beside the only one, which has no name.
    git_keeps(&scene, &format!("{CONTOSO}/Project/_git/Repo"), "alice", "s3cret-alice");
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(
        done.stderr().contains("account - stays the one that answers for azure-devops/contoso"),
        "{done}"
    );
    assert_eq!(scene.get(place), answer, "a second account makes nothing ambiguous");
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-alice");

    // Another token for the same account: set aside behind the one in force, and brought forward by restore.
    fs::remove_file(scene.home().join(".git-credentials")).unwrap();
    git_keeps(&scene, &format!("{CONTOSO}/Project/_git/Repo"), "alice", "s3cret-other");
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(done.stdout().starts_with("aside"), "{done}");
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-alice");
    let again = run(&scene, "import git-store --dry-run").succeeds();
    assert!(again.stdout().contains("the wallet has it, set aside, account alice"), "{again}");
    scene.restore(CONTOSO, Some("alice"));
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-other");
    scene.restore(CONTOSO, Some("alice"));
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-alice");
}

#[test]
fn a_server_is_named_to_every_command_as_list_and_the_notes_of_an_import_name_it() {
    let scene = Scene::new();
    git_keeps(&scene, "https://git.example:8443", "alice", "s3cret-1");
    git_keeps(&scene, "https://git.example:8443", "bob", "s3cret-2");
    let done = run(&scene, "import git-store --yes").succeeds();
    let hint = "keyfob prefer generic/https://git.example:8443 --account NAME changes that";
    assert!(done.stderr().contains(hint), "{done}");
    run(&scene, "prefer generic/https://git.example:8443 --account bob").succeeds();
    assert_eq!(token(&scene, "generic/https://git.example:8443", "alice"), "s3cret-1");
    let none = run(&scene, "remove generic/https://other.example --force");
    assert!(none.code() == 1 && none.stderr().contains("the wallet holds nothing for generic/"), "{none}");
}

#[test]
fn a_refused_account_does_not_keep_the_new_one_from_answering() {
    let scene = Scene::new();
    let place = "protocol=https host=dev.azure.com path=contoso/Project/_git/Repo";
    scene.add(CONTOSO, "s3cret-own");
    let refusal = format!("{place} username=contoso password=s3cret-own");
    scene.helper("erase", &refusal).succeeds();
    scene.let_time_pass(120);
    scene.helper("get", place).succeeds();
    scene.helper("erase", &refusal).succeeds();
    assert!(scene.held()[0].ends_with("rejected"), "{:?}", scene.held());
    git_keeps(&scene, &format!("{CONTOSO}/Project/_git/Repo"), "alice", "s3cret-alice");
    run(&scene, "import git-store --yes").succeeds();
    assert_eq!(scene.get(place), "username=alice\npassword=s3cret-alice\n");
}

#[test]
fn more_accounts_of_one_host_than_come_in_at_a_time_all_answer_and_the_file_is_empty_after_a_move() {
    let scene = Scene::new();
    let lines: String = (0..200).map(|at| format!("https://user{at}:s3cret-{at}@git.example\n")).collect();
    scene.append(".git-credentials", &lines);
    let output = run(&scene, "import git-store --yes --move").succeeds();
    assert!(output.stderr().contains("200 entries taken into the wallet"), "{output}");
    assert!(output.stderr().contains("account user0 stays the one that answers"), "{output}");
    assert!(output.stderr().contains("200 entries taken out of"), "{output}");
    assert_eq!(credentials(&scene), "");
    for at in [0, 1, 2, 65, 66, 129, 130, 199] {
        assert_eq!(token(&scene, "https://git.example", &format!("user{at}")), format!("s3cret-{at}"));
    }
    // Once more: all of it is held, and nothing is written.
    let before = crate::support::scene::files_below(&scene.data());
    scene.append(".git-credentials", &lines);
    let output = run(&scene, "import git-store --yes").succeeds();
    assert!(output.stderr().contains("nothing is new"), "{output}");
    assert!(crate::support::scene::files_below(&scene.data()) == before);
}

#[test]
fn two_tokens_of_one_account_in_one_source_are_both_kept() {
    let scene = Scene::new();
    git_keeps(&scene, &format!("{CONTOSO}/a/_git/a"), "alice", "s3cret-1");
    git_keeps(&scene, &format!("{CONTOSO}/b/_git/b"), "alice", "s3cret-2");
    let done = run(&scene, "import git-store --yes --move").succeeds();
    assert!(done.stdout().contains("take ") && done.stdout().contains("aside"), "{done}");
    assert_eq!(credentials(&scene), "");
    // git writes the newest first.
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-2");
    scene.restore(CONTOSO, Some("alice"));
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-1");
}

/// Tokens of public examples, made up, with checksums that fit.
const GITHUB: &str = "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";
const AZURE: &str = "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq";

/// The line of the table that speaks of this line of `~/.git-credentials`.
fn of_line(output: &Output, number: usize) -> String {
    let mark = format!("~/.git-credentials:{number}");
    let line = output.stdout().lines().find(|line| line.contains(&mark));
    line.unwrap_or_else(|| panic!("{mark}: {output}")).to_owned()
}

#[test]
fn a_token_that_lost_a_character_stays_where_it_is_with_the_reason_and_is_taken_only_by_force() {
    let scene = Scene::new();
    let (cut, mistyped) = (&AZURE[..51], GITHUB.replace("ghp_z", "ghp_y"));
    let text = format!("https://alice:{cut}@dev.azure.com/contoso\nhttps://bob:{mistyped}@github.com\n");
    scene.append(".git-credentials", &text);
    let done = run(&scene, "import git-store --yes --move").succeeds();
    let (azure, github) = (of_line(&done, 1), of_line(&done, 2));
    assert!(azure.starts_with("leave") && azure.contains("has 51 characters where those have 52"), "{done}");
    assert!(github.starts_with("leave") && github.contains("its checksum does not fit"), "{done}");
    assert!(done.stderr().contains("hint: --force takes also what looks damaged"), "{done}");
    assert!(!format!("{done}").contains(cut) && !format!("{done}").contains(&mistyped), "{done}");
    assert!(scene.held().is_empty() && credentials(&scene) == text, "{done}");

    run(&scene, "import git-store --yes --move --force").succeeds();
    assert_eq!(token(&scene, CONTOSO, "alice"), cut);
    assert_eq!(token(&scene, "https://github.com", "bob"), mistyped);
    assert_eq!(credentials(&scene), "");
    // What the wallet has since, it knows again, whatever it looks like.
    scene.append(".git-credentials", &text);
    let again = run(&scene, "import git-store --dry-run").succeeds();
    assert!(of_line(&again, 1).starts_with("held") && of_line(&again, 2).starts_with("held"), "{again}");
}

#[test]
fn a_token_of_another_service_is_asked_about_and_left_where_nobody_can_be_asked() {
    let scene = Scene::new();
    let text = format!(
        "https://alice:{GITHUB}@dev.azure.com/contoso\nhttps://bob:{AZURE}@gitlab.com\nhttps://c:{GITHUB}@git.example\n"
    );
    scene.append(".git-credentials", &text);
    let dry = run(&scene, "import git-store --dry-run").succeeds();
    assert!(of_line(&dry, 1).starts_with("ask"), "{dry}");
    let why = "it is a personal access token of GitHub, and azure-devops/contoso belongs to Azure DevOps";
    assert!(of_line(&dry, 1).contains(why), "{dry}");
    let why = "and gitlab/gitlab.com belongs to GitLab";
    assert!(of_line(&dry, 2).starts_with("ask") && of_line(&dry, 2).contains(why), "{dry}");
    assert!(of_line(&dry, 3).starts_with("take"), "an unknown host may be any service: {dry}");
    assert!(dry.stderr().contains("1 entry would be taken") && dry.stderr().contains("--force"), "{dry}");

    let done = run(&scene, "import git-store --yes --move").succeeds();
    assert_eq!(scene.held(), ["generic/https://git.example c person active"], "{done}");
    assert_eq!(credentials(&scene).lines().count(), 2, "{done}");
    run(&scene, "import git-store --yes --force").succeeds();
    assert_eq!(token(&scene, CONTOSO, "alice"), GITHUB);
    assert_eq!(token(&scene, "https://gitlab.com", "bob"), AZURE);
}

#[test]
fn a_token_of_a_shape_that_nobody_knows_is_taken_and_that_is_said() {
    let scene = Scene::new();
    let text =
        format!("https://a:hunter2@github.com\nhttps://b:{GITHUB}@github.com\nhttps://c:x1@git.example\n");
    scene.append(".git-credentials", &text);
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(of_line(&done, 1).contains("it looks like none of GitHub that keyfob knows"), "{done}");
    assert!(of_line(&done, 2).ends_with("~/.git-credentials:2"), "{done}");
    assert!(of_line(&done, 3).ends_with("~/.git-credentials:3"), "{done}");
    assert_eq!(token(&scene, "https://github.com", "a"), "hunter2");
}

/// A new token of Azure DevOps that bears this month: a letter for the year, from 2024, and one for the month.
fn of_month(month: &str) -> String {
    let random = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP";
    format!("{random}JQQJ99{month}ACAAAAAAAAAAAAAAAZDO1aB2")
}

/// Why the month of a token is odd, as `add` says it.
fn said_by_add(month: &str) -> String {
    let output = Scene::new().keyfob_with(["add", CONTOSO, "--offline"], of_month(month)).succeeds();
    let note = output.stderr().lines().find_map(|line| line.strip_prefix("keyfob: note: by its look"));
    format!("by its look{}", note.unwrap_or_else(|| panic!("{output}")))
}

#[test]
fn a_token_that_tells_when_it_ends_at_the_latest_is_kept_with_that_day() {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let letter = |place: i16| char::from(b'A' + u8::try_from(place).unwrap());
    let month = format!("{}{}", letter(today.year() - 2024), letter(i16::from(today.month()) - 1));
    let scene = Scene::new();
    scene.append(".git-credentials", &format!("https://a:{}@dev.azure.com/contoso\n", of_month(&month)));
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(of_line(&done, 1).ends_with("~/.git-credentials:1"), "{done}");
    let end = today.last_of_month().saturating_add(jiff::Span::new().years(1)).last_of_month();
    assert!(run(&scene, "list --json").succeeds().stdout().contains(&end.to_string()), "{end}");
}

#[test]
fn a_month_that_is_past_or_yet_to_come_is_said_in_the_words_of_add_and_not_recorded() {
    // 2049, and January 2024.
    let (coming, past) = ("ZL", "AA");
    let text = ["a:", "b:"].map(|user| format!("https://{user}%@dev.azure.com/contoso\n"));
    let text = [text[0].replace('%', &of_month(coming)), text[1].replace('%', &of_month(past))];
    let scene = Scene::new();
    scene.append(".git-credentials", &text.concat());
    let done = run(&scene, "import git-store --yes").succeeds();
    let says = |line: usize, word: &str, month: &str| {
        let line = of_line(&done, line);
        assert!(line.starts_with(word) && line.ends_with(&said_by_add(month)), "{line}");
    };
    says(1, "take ", coming);
    says(2, "leave ", past);
    assert_eq!(scene.held(), ["azure-devops/contoso a person active"]);
    // Nobody asked for one of them in particular, so one that may have ended is taken only on an explicit word.
    let done = run(&scene, "import git-store --yes --force").succeeds();
    assert!(
        of_line(&done, 2).starts_with("take ") && of_line(&done, 2).ends_with(&said_by_add(past)),
        "{done}"
    );
    let list = run(&scene, "list --json").succeeds();
    assert_eq!(list.stdout().matches("\"expires\": null").count(), 2, "{list}");
}

#[test]
fn a_token_in_the_place_of_the_user_name_never_becomes_a_name_that_is_shown() {
    let scene = Scene::new();
    scene.append(".git-credentials", &format!("https://{GITHUB}:x-oauth-basic@github.com\n"));
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(!format!("{done}").contains("ghp_"), "{done}");
    assert_eq!(scene.held(), ["github/github.com - person active"]);
    assert_eq!(token(&scene, "https://github.com", "-"), GITHUB);
    let plain = |(_, content): &(_, Vec<u8>)| String::from_utf8_lossy(content).contains("ghp_");
    assert!(!crate::support::scene::files_below(&scene.data()).iter().any(plain), "no record tells it");
}

#[test]
fn a_user_name_that_is_an_account_is_not_taken_for_an_organisation() {
    let scene = Scene::new();
    scene.add_with(
        CONTOSO,
        "s3cret-own",
        crate::support::person::Add { account: Some("alice"), ..Default::default() },
    );
    scene.append(
        ".git-credentials",
        "https://alice:s3cret-1@dev.azure.com\nhttps://fabrikam:s3cret-2@dev.azure.com\n",
    );
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(done.stdout().contains("the organisation is not to be seen"), "{done}");
    assert!(done.stdout().contains("ask    azure-devops/fabrikam"), "{done}");
    assert_eq!(scene.held(), ["azure-devops/contoso alice person active"]);
    let done = run(&scene, "import git-store --yes --force").succeeds();
    assert!(done.stdout().contains("the organisation is not to be seen"), "{done}");
    assert_eq!(
        scene.held(),
        ["azure-devops/contoso alice person active", "azure-devops/fabrikam - person active"]
    );
}

#[test]
fn while_a_store_is_locked_nothing_is_decided_and_nothing_is_taken_out() {
    let scene = Scene::new();
    scene.add(CONTOSO, "s3cret-own");
    git_keeps(&scene, &format!("{CONTOSO}/a/_git/a"), "alice", "s3cret-1");
    scene.protect_vault("open sesame");
    let before = credentials(&scene);
    let locked = run(&scene, "import git-store --yes --move");
    assert_eq!(locked.code(), 3, "{locked}");
    assert_eq!(credentials(&scene), before);
}

#[test]
fn what_is_no_source_is_said_with_the_list_and_a_file_that_is_not_there_too() {
    let scene = Scene::new();
    let wrong = run(&scene, "import cookies --yes");
    assert!(wrong.code() == 2 && wrong.stderr().contains("git-store, git-keyring, gcm, pass"), "{wrong}");
    assert_eq!(run(&scene, "import git-store --file /nowhere/at/all --yes").code(), 6);
    assert_eq!(run(&scene, "import pass --file x --yes").code(), 2);
    assert!(run(&scene, "import").succeeds().stderr().contains("no other program"));
    assert!(run(&scene, "import npm --yes").succeeds().stderr().contains("npm's .npmrc has nothing here"));
}
