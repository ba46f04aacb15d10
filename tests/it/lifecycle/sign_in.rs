//! Signing in for the life of tokens.

use super::{BEARER, Stage};
use crate::support::terminal::Terminal;

/// An Azure CLI that prints the bearer, and writes down how it was called.
fn az(stage: &Stage) -> std::path::PathBuf {
    let log = stage.scene.home().join("az.log");
    let script = format!("#!/bin/sh\necho \"$@\" >> {0}\nenv >> {0}\necho {BEARER}\n", log.display());
    let program = stage.scene.script("az", &script);
    std::os::unix::fs::symlink(program, stage.scene.bin().join("az")).unwrap();
    log
}

fn settings(stage: &Stage, text: &str) {
    stage.scene.private_folder(&stage.scene.data());
    stage.scene.append("keyfob/config.toml", text);
}

/// `pat list` at a terminal, up to its end; the screen.
#[track_caller]
fn signs_in(stage: &mut Stage, text: &str, code: i32) -> String {
    stage.scene.set("TERM", "dumb");
    let mut terminal = Terminal::begin_shell(&stage.scene, "KEYFOB_OFFLINE= keyfob pat list contoso");
    terminal.sees(text);
    let (ended, screen) = terminal.end();
    assert_eq!(ended, code, "{screen}");
    screen
}

#[test]
fn the_azure_cli_is_asked_and_gets_none_of_our_secrets() {
    let mut stage = Stage::new();
    let log = az(&stage);
    stage.scene.unset("KEYFOB_ENTRA_TOKEN").set("KEYFOB_TOKENS", "[]").set("KEYFOB_TOKEN", "s3cret-other");
    stage.ends("pat list contoso", 0, &["no such token"]);
    let log = std::fs::read_to_string(log).unwrap();
    let first = "account get-access-token --resource 499b84ac-1321-427f-aa17-267ca6975798 --query accessToken --output tsv";
    assert_eq!(log.lines().next(), Some(first));
    assert!(!log.contains("s3cret") && !log.contains("KEYFOB_TOKEN") && log.contains("HOME="), "{log}");
}

#[test]
fn the_environment_comes_first_then_the_settings_then_the_azure_cli() {
    let mut stage = Stage::new();
    let log = az(&stage);
    stage.ends("pat list contoso", 0, &[]);
    let json = stage
        .scene
        .script("json", &format!("#!/bin/sh\necho '{{\"accessToken\": \"{BEARER}\", \"x\": 1}}'\n"));
    stage.scene.unset("KEYFOB_ENTRA_TOKEN");
    settings(&stage, &format!("[entra]\ncommand = [\"{}\", \"now\"]\n", json.display()));
    stage.ends("pat list contoso", 0, &[]);
    assert!(!log.exists());
}

#[test]
fn a_sign_in_that_cannot_be_one_is_explained() {
    let mut stage = Stage::new();
    // A whole personal access token of the old form, with its checksum.
    let pat = "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq";
    for (value, text) in [
        (pat, "is a personal access token"),
        ("two words-", "is no sign-in"),
        ("\"quoted-\"", "is no sign-in"),
    ] {
        stage.scene.set("KEYFOB_ENTRA_TOKEN", value);
        let output = stage.ends("pat list contoso", 6, &[text]);
        assert!(!output.stderr().contains(value), "{output}");
    }
    stage.scene.unset("KEYFOB_ENTRA_TOKEN");
    let path = stage.scene.bin();
    let none = stage.call("pat list contoso").env("PATH", &path).run();
    none.says(6, &["signed in to Microsoft Entra, and nobody is", "az login", "--open"]);
    let failing = stage.scene.script("az", "#!/bin/sh\necho 's3cret words' >&2\nexit 1\n");
    std::os::unix::fs::symlink(failing, path.join("az")).unwrap();
    stage.ends("pat list contoso", 6, &["az gave no sign-in", "it failed", "az login"]);
    assert!(stage.proxy.log().entries().is_empty());
}

#[test]
fn a_device_code_of_ones_own_client_signs_in_and_is_kept_nowhere() {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_ENTRA_TOKEN").unset("GIT_TERMINAL_PROMPT");
    settings(&stage, "[entra]\nclient_id = \"our-client\"\n");
    stage.pats.change(|state| state.pending = 1);
    let screen = signs_in(&mut stage, "open https://microsoft.com/devicelogin and enter ABCD-1234", 0);
    assert!(!screen.contains("s3cret"), "{screen}");
    let log = stage.proxy.log();
    let asked: Vec<(String, String)> =
        log.entries().iter().map(|e| (e.host.clone(), e.target.clone())).collect();
    assert!(
        asked[1].1.starts_with("/11111111-1111-1111-1111-111111111111/oauth2/v2.0/devicecode"),
        "{asked:?}"
    );
    assert!(asked[1..4].iter().all(|(host, _)| host == "login.microsoftonline.com"), "{asked:?}");
    for (path, bytes) in crate::support::scene::files_below(&stage.scene.home()) {
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{}", path.display());
    }
}

#[test]
fn a_connection_that_breaks_off_does_not_end_the_sign_in() {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_ENTRA_TOKEN").unset("GIT_TERMINAL_PROMPT");
    settings(&stage, "[entra]\nclient_id = \"our-client\"\n");
    stage.pats.change(|state| state.pending = usize::MAX);
    signs_in(&mut stage, "enter ABCD-1234", 0);
}

#[test]
fn no_client_of_microsofts_own_is_used_and_nobody_is_asked_where_nobody_is() {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_ENTRA_TOKEN");
    settings(&stage, "[entra]\nclient_id = \"another\"\n");
    stage.ends(
        "pat list contoso",
        3,
        &["a sign-in to Microsoft Entra is needed, and nobody can be asked here"],
    );
    stage.scene.unset("GIT_TERMINAL_PROMPT");
    let screen = signs_in(&mut stage, "AADSTS700016: no such application", 6);
    assert!(screen.contains("az login"), "{screen}");
}

#[test]
fn a_code_that_nobody_would_see_is_not_waited_for() {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_ENTRA_TOKEN").unset("GIT_TERMINAL_PROMPT");
    settings(&stage, "[entra]\nclient_id = \"our-client\"\n");
    stage.pats.change(|state| state.pending = usize::MAX);
    let texts = ["nobody can be asked here", "KEYFOB_ENTRA_TOKEN, or entra.command in the settings"];
    stage.ends("pat list contoso", 3, &texts);
    assert!(stage.proxy.log().entries().is_empty(), "no code was fetched");
}

#[test]
fn what_the_azure_cli_leaves_running_does_not_hold_up_the_sign_in() {
    let mut stage = Stage::new();
    stage.scene.unset("KEYFOB_ENTRA_TOKEN");
    let script = format!("#!/bin/sh\necho {BEARER}\nsleep 30 &\n");
    let program = stage.scene.script("az", &script);
    std::os::unix::fs::symlink(program, stage.scene.bin().join("az")).unwrap();
    let begun = std::time::Instant::now();
    stage.ends("pat list contoso", 0, &["no such token"]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
}
