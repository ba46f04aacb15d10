//! `keyfob storage`, `unlock` and `lock`.

use super::{CONTOSO, ends, holding, json, keys, run, run_with, token_of};
use crate::support::scene::Scene;

#[test]
fn storage_shows_each_store_with_its_state_and_what_it_protects() {
    let mut scene = holding(&[(CONTOSO, "s3cret-1"), (CONTOSO, "s3cret-2")]);
    scene.set("KEYFOB_URL", "https://github.com").set("KEYFOB_TOKEN", "s3cret-e");
    ends(
        &scene,
        "storage",
        0,
        &["* vault", "unlocked by its key file", "protection: with its key file", "environment"],
    );
    let rows = json(&run(&scene, "storage --json").succeeds());
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), keyfob::store::ALL.len());
    for row in rows {
        assert_eq!(keys(row), ["chosen", "claim", "place", "state", "store", "tokens", "usable"]);
    }
    let row = |name: &str| rows.iter().find(|row| row["store"] == name).unwrap();
    assert_eq!((&row("vault")["chosen"], &row("vault")["tokens"]), (&true.into(), &2.into()));
    assert_eq!((&row("environment")["chosen"], &row("environment")["tokens"]), (&false.into(), &1.into()));
}

#[test]
fn a_look_at_an_empty_wallet_makes_and_chooses_nothing() {
    let mut scene = Scene::new();
    scene.unset("KEYFOB_STORE");
    ends(&scene, "storage", 0, &["no store is chosen yet"]);
    ends(&scene, "list", 0, &["the wallet is empty", "keyfob add"]);
    ends(&scene, "unlock", 1, &["no store is in use yet"]);
    ends(&scene, "storage slots", 0, &["no vault yet"]);
    assert!(!scene.home().join("keyfob").exists());
}

#[test]
fn a_vault_that_is_yet_to_be_made_sounds_like_no_trouble() {
    let mut scene = Scene::new();
    scene.unset("KEYFOB_STORE");
    let yet = "not made yet; the first token makes it";
    let row = json(&run(&scene, "storage --json").succeeds())[vault_at()].clone();
    assert_eq!((&row["usable"], &row["state"]), (&true.into(), &yet.into()));
    assert!(run(&scene, "doctor").stdout().contains(&format!("ok      vault: not used; {yet}")));
    assert!(!scene.home().join("keyfob").exists());
}

#[test]
fn who_names_a_store_that_there_is_not_is_shown_those_that_there_are() {
    let mut scene = holding(&[(CONTOSO, "s3cret-1")]);
    scene.set("KEYFOB_STORE", "attic");
    let add = run_with(&scene, &format!("add {CONTOSO} --account bob"), "s3cret-2");
    add.says(2, &["no store named attic", "hint: keyfob storage lists the stores"]);
    let listed =
        ends(&scene, "storage", 2, &["KEYFOB_STORE names attic for new tokens", "it may name ", "vault\n"]);
    assert!(listed.stdout().contains("  vault                1  unlocked"), "{listed}");
    scene.unset("KEYFOB_STORE").append("keyfob/config.toml", "store = \"loft\"\n");
    let listed = ends(&scene, "storage --json", 2, &["config.toml names loft for new tokens"]);
    assert_eq!(json(&listed)[vault_at()]["chosen"], false);
}

#[test]
fn a_store_is_changed_by_moving_to_it_and_only_to_one_that_keeps_tokens() {
    let mut scene = holding(&[(CONTOSO, "s3cret-1")]);
    scene.unset("KEYFOB_STORE");
    ends(&scene, "storage move vault", 0, &["no token lies elsewhere", "the vault store takes new ones"]);
    assert_eq!(json(&run(&scene, "storage --json"))[vault_at()]["chosen"], true);
    ends(&scene, "storage move environment", 2, &["no store named environment"]);
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_that_does_not_work_here_is_not_chosen_even_where_no_token_has_to_move() {
    let mut scene = Scene::new();
    scene.unset("KEYFOB_STORE").unset("DBUS_SESSION_BUS_ADDRESS").unset("XDG_RUNTIME_DIR");
    ends(
        &scene,
        "storage move secret-service",
        3,
        &["the secret-service store cannot be used: no session bus"],
    );
    ends(&scene, "storage", 0, &["no store is chosen yet"]);
    let add = run_with(&scene, &format!("add {CONTOSO}"), "s3cret-1");
    add.says(0, &["is in the vault store"]);
}

fn vault_at() -> usize {
    keyfob::store::ALL.iter().position(|store| store.name == "vault").unwrap()
}

#[test]
fn a_vault_with_a_key_file_has_nothing_to_lock_and_says_how_to_change_that() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    ends(&scene, "unlock", 0, &["vault: unlocked by its key file"]);
    ends(&scene, "lock", 2, &["while its key file opens it", "keyfob storage protect"]);
    ends(&scene, "lock attic", 2, &["no store named attic"]);
    ends(&scene, "unlock --for ever", 2, &["--for takes a span"]);
}

#[test]
fn a_protected_vault_is_locked_until_a_person_opens_it() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    scene.protect_vault("s3cret horse");
    ends(&scene, "storage", 0, &["locked, unlock with: keyfob unlock", "passphrase"]);
    ends(&scene, "lock", 0, &["vault: locked"]);
    ends(&scene, "unlock", 3, &["nobody can be asked here"]);
    ends(&scene, "storage protect", 2, &["no key file to replace"]);
    ends(&scene, "storage slots", 0, &["passphrase"]);
    // Nothing is set aside or lost by any of it.
    for words in ["token https://dev.azure.com/contoso --as token", "restore https://dev.azure.com/contoso"] {
        assert!([1, 3].contains(&run(&scene, words).code()), "{words}");
    }
    assert_eq!(json(&run(&scene, "list --json"))[0]["state"], "active");
}

#[test]
fn who_cannot_be_asked_at_a_terminal_is_told_which_variables_say_so() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    scene.protect_vault("s3cret horse");
    let variables = "without CI, TF_BUILD and GIT_TERMINAL_PROMPT=0 in the environment";
    ends(&scene, "unlock", 3, &[&format!("hint: run keyfob unlock in a terminal, {variables}\n")]);
    // The passphrase of another thing is not asked for by unlock.
    ends(&scene, "storage slots change", 3, &[&format!("hint: run it in a terminal, {variables}\n")]);
}

#[test]
fn slots_want_a_person_for_secrets_and_never_leave_the_vault_shut() {
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    ends(&scene, "storage slots", 0, &["key-file"]);
    ends(&scene, "storage slots remove key-file", 2, &["the only slot"]);
    ends(&scene, "storage slots add passphrase", 3, &["nobody can be asked here"]);
    ends(&scene, "storage protect", 3, &["nobody can be asked here"]);
    ends(&scene, "storage slots change", 2, &["no passphrase", "keyfob storage protect"]);
    ends(&scene, "storage slots add key-file", 2, &["already"]);
    ends(&scene, "storage slots add attic", 2, &["a slot is named"]);
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
}

#[cfg(target_os = "linux")]
#[test]
fn every_token_moves_to_the_keyring_and_back_and_none_while_it_is_locked() {
    use crate::support::bus::{Desktop, Provider};
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let mut scene =
        holding(&[(CONTOSO, "s3cret-1"), (CONTOSO, "s3cret-2"), ("https://github.com", "s3cret-3")]);
    scene.unset("KEYFOB_STORE");
    scene.set("DBUS_SESSION_BUS_ADDRESS", desktop.environment(&[]).text("DBUS_SESSION_BUS_ADDRESS").unwrap());
    ends(&scene, "storage move secret-service", 0, &["3 tokens moved into the secret-service store"]);
    let sealed = std::fs::read_dir(scene.home().join("keyfob/vault")).unwrap();
    assert_eq!(sealed.count(), 1, "the vault has its header and nothing else");
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-2");
    desktop.lock();
    ends(&scene, "storage move vault", 3, &["keyfob: error: "]);
    ends(&scene, "token https://dev.azure.com/contoso --as token", 3, &["locked"]);
    assert_eq!(json(&run(&scene, "list --json"))[0]["store"], "secret-service");
    scene.set("KEYFOB_STORE", "secret-service");
    let mut desktop = desktop;
    desktop.restart_keyring();
    ends(&scene, "storage move vault", 0, &["3 tokens moved", "KEYFOB_STORE still sends new tokens"]);
    ends(&scene, "restore https://dev.azure.com/contoso", 0, &[]);
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
}

#[test]
fn tokens_are_sealed_anew_and_answered_as_before() {
    let scene = Scene::new();
    ends(&scene, "storage reseal", 2, &["there is no vault yet"]);
    let scene = holding(&[(CONTOSO, "s3cret-1")]);
    let key = || std::fs::read(scene.data().join("vault.key")).unwrap();
    let before = key();
    ends(&scene, "storage reseal", 0, &["sealed under a new key", "keyfob rotate URL"]);
    assert_ne!(key(), before);
    assert_eq!(token_of(&scene, CONTOSO), "s3cret-1");
    // Of two copies that do not belong together, both are named.
    std::fs::write(scene.data().join("vault.key"), &before).unwrap();
    ends(&scene, "storage reseal", 3, &["vault.key: they are not of the same time"]);
}
