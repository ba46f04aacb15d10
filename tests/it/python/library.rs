//! Python's keyring library, as twine imports it: `setup python` makes it ask keyfob first and the others after.

use super::*;

/// What a Python program with the library prints, on a machine with one keyring of its own.
fn python(feed: &PythonFeed, script: &str) -> Output {
    let own = "import keyring\nfrom keyring import backend, credentials\n\
               class Own(backend.KeyringBackend):\n\
               \x20   priority = 5\n\
               \x20   kept = {('mail', 'alice'): 'of-another-program'}\n\
               \x20   def get_password(self, service, username):\n\
               \x20       return self.kept.get((service, username))\n\
               \x20   def set_password(self, service, username, password):\n\
               \x20       self.kept[service, username] = password\n\
               \x20   def delete_password(self, service, username):\n\
               \x20       del self.kept[service, username]\n";
    let python = client("twine", "python").unwrap();
    feed.scene.command(python).args(["-c", &format!("{own}{script}")]).run()
}

/// A machine on which Python asks keyfob.
fn set_up() -> Option<PythonFeed> {
    let feed = with_feed()?;
    feed.scene.keyfob(["setup", "python", "--yes"]).succeeds();
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    Some(feed)
}

fn doctor(feed: &PythonFeed) -> String {
    let output = feed.scene.keyfob(["doctor"]);
    output.stdout().lines().filter(|line| line.contains("python: ")).collect()
}

#[test]
fn after_setup_twine_uploads_without_a_variable_and_without_another_step() {
    let Some(feed) = set_up() else { return };
    fs::remove_file(feed.scene.bin().join("keyring")).unwrap();
    let twine = feed.scene.command(client("twine", "twine").unwrap());
    let upload = ["upload", "--non-interactive", "--disable-progress-bar", "--repository-url", UPLOAD, WHEEL];
    twine.args(upload).run().succeeds();
    assert_eq!(feed.index.uploads().len(), 1);
    feed.only_the_feed_saw(TOKEN);
}

#[test]
fn what_keyfob_does_not_hold_comes_from_the_keyrings_that_were_there_before() {
    let Some(feed) = set_up() else { return };
    let script = format!(
        "print(keyring.get_credential('{INDEX}', None).password == '{TOKEN}')\n\
         print(keyring.get_password('{INDEX}', 'VssSessionToken') == '{TOKEN}')\n\
         print(keyring.get_password('mail', 'alice'))\n\
         print(keyring.get_password('python-poetry-check', 'python-poetry'))\n\
         keyring.set_password('chat', 'bob', 'kept')\n\
         print(keyring.get_password('chat', 'bob'))\n\
         keyring.delete_password('chat', 'bob')\n\
         print(keyring.get_credential('chat', 'bob'))\n\
         print(keyring.get_password('--version', 'x\\0y'))\n"
    );
    let output = python(&feed, &script).succeeds();
    assert_eq!(output.stdout(), "True\nTrue\nof-another-program\nNone\nkept\nNone\nNone\n");
    assert_eq!(output.stderr(), "");
}

#[test]
fn a_keyfob_that_is_gone_leaves_the_others() {
    let Some(feed) = set_up() else { return };
    fs::remove_file(feed.scene.bin().join("git-credential-keyfob")).unwrap();
    let output = python(&feed, "print(keyring.get_password('mail', 'alice'))\n").succeeds();
    assert_eq!((output.stdout().trim(), output.stderr()), ("of-another-program", String::new().as_str()));
}

#[test]
fn unsetup_takes_both_files_away_and_doctor_knows_how_it_is() {
    let Some(feed) = set_up() else { return };
    let home = feed.scene.home();
    let (settings, module) =
        (home.join(".config/python_keyring/keyringrc.cfg"), home.join("keyfob/python/keyfob_keyring.py"));
    assert!(settings.exists() && module.exists());
    assert!(doctor(&feed).starts_with("ok "), "{}", doctor(&feed));
    python(&feed, "keyring.get_password('mail', 'alice')\n").succeeds();
    fs::remove_file(&module).unwrap();
    assert!(doctor(&feed).starts_with("broken ") && doctor(&feed).contains("keyfob setup python"));
    feed.scene.keyfob(["setup", "python", "--yes"]).succeeds();
    feed.scene.keyfob(["unsetup", "python"]).succeeds();
    assert!(!settings.exists() && !module.exists() && !module.parent().unwrap().exists());
    let output = python(&feed, &format!("print(keyring.get_credential('{INDEX}', None))\n")).succeeds();
    assert_eq!(output.stdout(), "None\n");
}

#[test]
fn settings_that_choose_a_keyring_are_left_and_named() {
    let Some(feed) = with_feed() else { return };
    let folder = feed.scene.home().join(".config/python_keyring");
    fs::create_dir_all(&folder).unwrap();
    let chosen = "[backend]\ndefault-keyring=keyring.backends.null.Keyring\n";
    fs::write(folder.join("keyringrc.cfg"), chosen).unwrap();
    let output = feed.scene.keyfob(["setup", "python", "--yes"]).succeeds();
    assert!(output.stderr().contains("keyringrc.cfg is there already and chooses a keyring"), "{output}");
    assert_eq!(fs::read_to_string(folder.join("keyringrc.cfg")).unwrap(), chosen);
    assert!(!feed.scene.home().join("keyfob/python").exists());
    // Once the person has let go of it, setup writes; what was changed afterwards is left by unsetup.
    fs::remove_file(folder.join("keyringrc.cfg")).unwrap();
    feed.scene.keyfob(["setup", "python", "--yes"]).succeeds();
    feed.scene.append(".config/python_keyring/keyringrc.cfg", "# mine\n");
    let output = feed.scene.keyfob(["unsetup", "python"]).succeeds();
    assert!(output.stderr().contains("was changed since setup wrote it"), "{output}");
    assert!(feed.scene.home().join("keyfob/python/keyfob_keyring.py").exists(), "it is still named there");
}
