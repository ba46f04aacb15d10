//! Exports: what is in them comes back whole on another machine, the real age opens and makes them, and what is altered is
//! refused.

use std::fs;

use serde_json::Value;

use super::{CONTOSO, run, run_with, token};
use crate::support::scene::{Scene, skip};

const PASSPHRASE: &str = "correct horse battery staple\n";

/// A wallet with everything that a wallet can have.
fn full() -> Scene {
    let scene = Scene::new();
    let add = |words: &str, token: &str| {
        scene.keyfob_with(words.split_whitespace(), format!("{token}\n")).succeeds();
    };
    add("add https://dev.azure.com/contoso --account alice --label mine", "s3cret-earlier");
    add(
        "add https://dev.azure.com/contoso --account alice --expires 2090-01-02 --scopes vso.code,vso.packaging --default",
        "s3cret-alice",
    );
    add("add https://dev.azure.com/contoso --account bob", "s3cret-bob");
    scene.keyfob(["prefer", "https://dev.azure.com/contoso/website", "--account", "bob"]).succeeds();
    add("add https://tfs.example/tfs/DefaultCollection", "s3cret-tfs");
    add("add http://git.example:8080/team --account carl --allow-http", "s3cret-carl");
    scene.helper("store", "protocol=https host=gitlab.com username=dora password=s3cret-dora").succeeds();
    scene.helper("erase", "protocol=https host=gitlab.com username=dora password=s3cret-dora").succeeds();
    scene
}

fn rows(scene: &Scene) -> Value {
    serde_json::from_str(run(scene, "list --json").succeeds().stdout()).unwrap()
}

fn export(scene: &Scene) -> Vec<u8> {
    run_with(scene, "export wallet.age --passphrase-stdin", PASSPHRASE).succeeds();
    fs::read(scene.home().join("wallet.age")).unwrap()
}

#[test]
fn everything_comes_back_on_another_machine() {
    let scene = full();
    let file = export(&scene);
    assert!(!String::from_utf8_lossy(&file).contains("contoso"));
    let other = Scene::new();
    fs::write(other.home().join("w.age"), &file).unwrap();
    let dry = run_with(&other, "import w.age --dry-run --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(dry.stdout().contains("take   azure-devops/contoso") && other.held().is_empty(), "{dry}");
    run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert_eq!(rows(&other), rows(&scene));
    for (place, account, secret) in [
        (CONTOSO, "alice", "s3cret-alice"),
        (CONTOSO, "bob", "s3cret-bob"),
        ("https://tfs.example/tfs/DefaultCollection", "-", "s3cret-tfs"),
        ("http://git.example:8080/team", "carl", "s3cret-carl"),
    ] {
        assert_eq!(token(&other, place, account), secret);
    }
    // The rule for a path, the default, and what was set aside work as before.
    let at = |path: &str| other.get(&format!("protocol=https host=dev.azure.com path=contoso/{path}/_git/x"));
    assert!(at("website").contains("s3cret-bob") && at("other").contains("s3cret-alice"));
    other.restore(CONTOSO, Some("alice"));
    assert_eq!(token(&other, CONTOSO, "alice"), "s3cret-earlier");
    run(&other, "doctor").succeeds();
    // Once more: nothing is new, and what changed here stays.
    let again = run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(!again.stdout().contains("take"), "{again}");
    assert_eq!(token(&other, CONTOSO, "alice"), "s3cret-earlier");
}

#[test]
fn a_wallet_that_begins_with_an_import_says_which_store_it_chose() {
    let file = export(&full());
    let mut other = Scene::new();
    other.unset("KEYFOB_STORE");
    fs::write(other.home().join("w.age"), &file).unwrap();
    let said = "tokens are kept in the vault store from now on";
    run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE).says(0, &[said]);
    let again = run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(!again.stderr().contains(said), "{again}");
}

#[test]
fn where_every_account_is_held_nobody_is_asked_to_take_none() {
    let scene = Scene::new();
    scene.add(CONTOSO, "s3cret-1");
    export(&scene);
    let again = run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert_eq!(again.stderr(), "keyfob: note: nothing is new; nothing was changed\n", "{again}");
}

#[test]
fn on_the_machine_that_it_comes_from_nothing_is_new_and_nothing_is_lost() {
    let scene = full();
    export(&scene);
    let before = rows(&scene);
    let done = run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(!done.stdout().contains("take") && !done.stdout().contains("aside"), "{done}");
    assert_eq!(rows(&scene), before);
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-alice");
    // One account is gone and another has a new token: the first comes back, the second keeps what it has.
    scene.keyfob(["remove", CONTOSO, "--account", "bob"]).succeeds();
    scene.keyfob_with(["add", CONTOSO, "--account", "alice"], "s3cret-newer\n").succeeds();
    run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert_eq!(token(&scene, CONTOSO, "bob"), "s3cret-bob");
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-newer");
    run(&scene, "doctor").succeeds();
}

#[test]
fn what_a_store_has_lost_comes_back_in_its_place_from_an_export_and_from_an_old_place() {
    let scene = full();
    export(&scene);
    let before = rows(&scene);
    for (path, _) in crate::support::scene::files_below(&scene.data()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fs::remove_file(path).unwrap();
        }
    }
    let lost = scene.keyfob(["token", CONTOSO, "--account", "alice", "--as", "token", "--yes"]);
    assert!(lost.stderr().contains("no longer holds the token"), "{lost}");
    scene.append(".git-credentials", "https://bob:s3cret-elsewhere@dev.azure.com/contoso\n");
    let done = run(&scene, "import git-store --yes").succeeds();
    assert!(done.stdout().starts_with("take   azure-devops/contoso  bob"), "{done}");
    assert_eq!(token(&scene, CONTOSO, "bob"), "s3cret-elsewhere");
    let done = run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(done.stdout().contains("the wallet had it, and its store lost it"), "{done}");
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-alice");
    assert_eq!(token(&scene, "http://git.example:8080/team", "carl"), "s3cret-carl");
    assert_eq!(token(&scene, CONTOSO, "bob"), "s3cret-elsewhere", "what is there stays");
    let states = |rows: &Value| -> Vec<Value> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| {
            serde_json::json!([row["realm"], row["account"], row["state"], row["expires"], row["label"]])
        })
        .collect()
    };
    assert_eq!(states(&rows(&scene)), states(&before));
}

#[test]
fn what_the_other_wallet_holds_stays_and_goes_on_answering() {
    let file = export(&full());
    let other = Scene::new();
    let place = "protocol=https host=dev.azure.com path=contoso/other/_git/x";
    other.add_with(
        CONTOSO,
        "s3cret-here",
        crate::support::person::Add { account: Some("alice"), ..Default::default() },
    );
    let answer = other.get(place);
    fs::write(other.home().join("w.age"), &file).unwrap();
    let done = run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(done.stdout().contains("aside") && done.stdout().contains("which stays in force"), "{done}");
    assert_eq!(other.get(place), answer);
    assert_eq!(token(&other, CONTOSO, "bob"), "s3cret-bob");
    other.restore(CONTOSO, Some("alice"));
    assert_eq!(token(&other, CONTOSO, "alice"), "s3cret-alice");
}

#[test]
fn a_file_is_private_new_and_never_replaced_unasked() {
    let scene = full();
    let file = export(&scene);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(scene.home().join("wallet.age")).unwrap().mode() & 0o777, 0o600);
    }
    let again = run_with(&scene, "export wallet.age --passphrase-stdin", PASSPHRASE);
    assert_eq!(again.code(), 2, "{again}");
    assert_eq!(fs::read(scene.home().join("wallet.age")).unwrap(), file);
    run_with(&scene, "export wallet.age --passphrase-stdin --force", PASSPHRASE).succeeds();
    assert_ne!(fs::read(scene.home().join("wallet.age")).unwrap(), file);
    // Nobody to ask, an empty passphrase, an empty wallet, no recipient.
    assert_eq!(run(&scene, "export other.age").code(), 3);
    assert_eq!(run_with(&scene, "export other.age --passphrase-stdin", "\n").code(), 2);
    assert_eq!(run(&scene, "export other.age --to age1nobody").code(), 2);
    assert_eq!(run_with(&Scene::new(), "export other.age --passphrase-stdin", PASSPHRASE).code(), 1);
    assert!(!scene.home().join("other.age").exists());
}

#[test]
fn a_file_that_was_altered_cut_off_or_is_another_is_refused_whole() {
    let file = export(&full());
    let other = Scene::new();
    let path = other.home().join("w.age");
    let refused = |content: &[u8], passphrase: &str, why: &str| {
        fs::write(&path, content).unwrap();
        let output = run_with(&other, "import w.age --yes --passphrase-stdin", passphrase);
        assert!(output.code() == 6 && output.stderr().contains(why), "{why}: {output}");
        assert!(other.held().is_empty());
    };
    let altered = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        file
    };
    refused(&file, "another passphrase\n", "the passphrase is not the right one");
    refused(&file[..file.len() - 1], PASSPHRASE, "it is cut off or was changed");
    refused(&altered(file.len() - 5), PASSPHRASE, "it is cut off or was changed");
    refused(&altered(3), PASSPHRASE, "it does not begin as an age file does");
    refused(b"", PASSPHRASE, "it does not begin as an age file does");
    fs::write(&path, &file).unwrap();
    run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
}

#[test]
fn a_record_that_is_not_where_its_name_says_comes_not_in() {
    let own = "https://tfs.example/tfs/DefaultCollection";
    let named = format!("\"url\":\"{own}\"");
    for (from, to) in [
        (named.as_str(), "\"url\":\"https://evil.test/tfs/DefaultCollection\""),
        ("\"prefix\":[\"tfs\",\"DefaultCollection\"],", ""),
    ] {
        // As somebody could make it who wants to be shown what is added there later.
        let scene = full();
        let mut changed = 0;
        for (path, content) in crate::support::scene::files_below(&scene.data()) {
            let Ok(text) = String::from_utf8(content) else { continue };
            if text.contains(from) {
                fs::write(path, text.replace(from, to)).unwrap();
                changed += 1;
            }
        }
        assert_eq!(changed, 1, "{from}");
        let (file, other) = (export(&scene), Scene::new());
        fs::write(other.home().join("w.age"), &file).unwrap();
        let output = run_with(&other, "import w.age --yes --passphrase-stdin", PASSPHRASE);
        assert!(output.code() == 6 && output.stderr().contains("does not fit together"), "{output}");
        assert!(other.held().is_empty());
    }
}

#[cfg(target_os = "linux")]
mod with_age {
    use super::*;
    use crate::support::terminal::{Terminal, at_a_terminal};

    fn age_is_here() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let here = std::env::split_paths(&path).any(|folder| folder.join("age").is_file());
        if !here {
            skip("age");
        }
        here
    }

    #[test]
    fn the_real_age_opens_what_was_made_for_its_key_and_the_other_way_round() {
        if !age_is_here() {
            return;
        }
        let scene = full();
        scene.command("age-keygen").args(["-o", "key.txt"]).run().succeeds();
        let recipient = scene.command("age-keygen").args(["-y", "key.txt"]).run().succeeds();
        let recipient = recipient.stdout().trim();
        run(&scene, &format!("export wallet.age --to {recipient}")).succeeds();
        let opened = scene.command("age").args(["-d", "-i", "key.txt", "wallet.age"]).run().succeeds();
        let document: Value = serde_json::from_str(opened.stdout()).unwrap();
        assert_eq!(document["format"], "keyfob export");
        // Sealed again by age itself, for this key and another.
        fs::write(scene.home().join("plain"), opened.stdout()).unwrap();
        scene.command("age-keygen").args(["-o", "second.txt"]).run().succeeds();
        let second = scene.command("age-keygen").args(["-y", "second.txt"]).run().succeeds();
        let words = ["-r", second.stdout().trim(), "-r", recipient, "-o", "again.age", "plain"];
        scene.command("age").args(words).run().succeeds();
        let words = ["-a", "-r", recipient, "-o", "armored.age", "plain"];
        scene.command("age").args(words).run().succeeds();
        for file in ["wallet.age", "again.age", "armored.age"] {
            let mut other = Scene::new();
            other.set("KEYFOB_HOME", other.home().join("another"));
            for name in [file, "key.txt"] {
                fs::copy(scene.home().join(name), other.home().join(name)).unwrap();
            }
            assert_eq!(run(&other, &format!("import {file} --yes")).code(), 2, "its identity is needed");
            run(&other, &format!("import {file} --yes --identity key.txt")).succeeds();
            assert_eq!(rows(&other), rows(&scene));
        }
        // What age sealed that is no export of ours is said to be none.
        fs::write(scene.home().join("plain"), "shopping list").unwrap();
        scene.command("age").args(["-r", recipient, "-o", "list.age", "plain"]).run().succeeds();
        let foreign = run(&scene, "import list.age --yes -i key.txt");
        assert!(foreign.stderr().contains("no export of keyfob's"), "{foreign}");
    }

    #[test]
    fn a_passphrase_is_asked_for_twice_and_the_real_age_takes_it() {
        if !age_is_here() {
            return;
        }
        let scene = at_a_terminal(full());
        let mut terminal = Terminal::begin(&scene, "export wallet.age");
        terminal
            .sees("passphrase for the file: ")
            .types("open sesame")
            .sees("the same again: ")
            .types("open sesam");
        terminal.sees("the two passphrases differ");
        assert_eq!(terminal.end().0, 2);
        assert!(!scene.home().join("wallet.age").exists());
        let mut terminal = Terminal::begin(&scene, "export wallet.age");
        terminal
            .sees("passphrase for the file: ")
            .types("open sesame")
            .sees("the same again: ")
            .types("open sesame");
        terminal.sees("in wallet.age");
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains("sesame"), "{screen}");

        let mut terminal = Terminal::begin_shell(&scene, "age -d -o plain wallet.age");
        terminal.sees("passphrase").types("open sesame");
        assert_eq!(terminal.end().0, 0);
        assert!(fs::read_to_string(scene.home().join("plain")).unwrap().contains("\"keyfob export\""));
        let mut terminal = Terminal::begin_shell(&scene, "age -p -o again.age plain");
        terminal
            .sees("nter passphrase")
            .types("of age's own")
            .sees("onfirm passphrase")
            .types("of age's own");
        assert_eq!(terminal.end().0, 0);

        let other = at_a_terminal(Scene::new());
        fs::copy(scene.home().join("again.age"), other.home().join("again.age")).unwrap();
        let mut terminal = Terminal::begin(&other, "import again.age");
        terminal.sees("passphrase of the file: ").types("of age's own").sees("Take ").types("y");
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains("s3cret"), "{screen}");
        assert_eq!(rows(&other), rows(&scene));
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_replaced_by_force_either() {
    use std::os::unix::fs::FileTypeExt as _;
    let scene = Scene::new();
    scene.add(super::CONTOSO, "s3cret-1");
    let pipe = scene.home().join("pipe");
    scene.command("mkfifo").arg(&pipe).run().succeeds();
    std::fs::create_dir(scene.home().join("folder")).unwrap();
    let mut places = vec!["pipe", "folder"];
    if rustix::process::geteuid().is_root() {
        // A device of the test's own; only root can make one.
        scene.command("mknod").args(["null", "c", "1", "3"]).run().succeeds();
        places.push("null");
    }
    for place in places {
        let done = run_with(&scene, &format!("export {place} --passphrase-stdin --force"), PASSPHRASE);
        done.says(6, &[&format!("{place} is left as it is: it is not a regular file")]);
    }
    assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    let null = std::fs::symlink_metadata(scene.home().join("null"));
    assert!(null.map_or(true, |about| about.file_type().is_char_device()));
}

#[test]
fn what_is_here_already_is_not_asked_about_again_and_new_rules_are_shown() {
    let scene = full();
    export(&scene);
    // Nobody is asked: it would be an error here.
    let again = run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert_eq!(again.stderr(), "keyfob: note: nothing is new; nothing was changed\n", "{again}");
    scene.keyfob(["prefer", "https://dev.azure.com/contoso/website", "--clear"]).succeeds();
    let dry = run_with(&scene, "import wallet.age --dry-run --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(
        dry.stdout().contains("rule   https://dev.azure.com/contoso/website  bob answers there"),
        "{dry}"
    );
    let taken = run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(taken.stderr().contains("1 setting taken into the wallet"), "{taken}");
    let again = run_with(&scene, "import wallet.age --yes --passphrase-stdin", PASSPHRASE).succeeds();
    assert!(again.stderr().contains("nothing is new"), "{again}");
}

#[test]
fn a_folder_that_is_not_there_is_told_before_anybody_types_a_passphrase() {
    let scene = full();
    for (file, text) in [("nodir/w.age", "nodir"), ("wallet.age/w.age", "not a folder")] {
        export_once(&scene);
        // No passphrase comes in; that it would be empty is not what is complained of.
        let output = run_with(&scene, &format!("export {file} --passphrase-stdin"), "");
        assert!(
            output.code() != 0 && output.stderr().contains(text) && !output.stderr().contains("passphrase"),
            "{output}"
        );
    }
}

fn export_once(scene: &Scene) {
    if !scene.home().join("wallet.age").exists() {
        export(scene);
    }
}
