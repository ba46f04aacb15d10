//! `setup keyring`: a link where nobody else is, nothing where somebody is, and `doctor` on both.

use std::path::Path;

use super::*;

/// A machine with a pip, and no keyring unless the test makes one: nothing but the scene's own folder and the shell's.
fn machine() -> Scene {
    let mut scene = Scene::new();
    let path = std::env::join_paths([scene.bin(), scene.home().join("later")]).unwrap();
    scene.private_folder(&scene.home().join("later"));
    scene.set("PATH", path);
    program(
        &scene.bin().join("pip"),
        "#!/bin/sh\n[ \"$*\" = 'config list' ] && /bin/cat \"$HOME/pip.settings\"\n",
    );
    scene.append("pip.settings", "global.index-url='https://x.example'\n");
    scene
}

fn program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn link(scene: &Scene) -> PathBuf {
    scene.bin().join("keyring")
}

/// What doctor says of it.
fn doctor(scene: &Scene) -> Vec<String> {
    let output = scene.keyfob(["doctor"]);
    output.stdout().lines().filter(|line| line.contains("keyring: ")).map(str::to_owned).collect()
}

#[test]
fn after_setup_pip_downloads_without_another_step() {
    let Some(feed) = with_feed() else { return };
    fs::remove_file(link(&feed.scene)).unwrap();
    feed.scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    for pip in PIPS {
        feed.arrived(feed.pip(pip, NAMED).run(), WHEEL);
    }
    feed.arrived(feed.pip("pip-current", INDEX).run(), WHEEL);
}

#[test]
fn setup_makes_one_link_and_unsetup_takes_it_away() {
    let scene = machine();
    let dry = scene.keyfob(["setup", "keyring", "--dry-run"]).succeeds();
    let tools = "git-credential-keyfob";
    assert_eq!(dry.stdout(), format!("ln -s {tools} {}\n", link(&scene).display()));
    assert!(!link(&scene).exists());
    let done = scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    assert_eq!(fs::read_link(link(&scene)).unwrap().to_str(), Some(tools), "{done}");
    for word in ["PIP_KEYRING_PROVIDER=subprocess", "UV_KEYRING_PROVIDER=subprocess", "VssSessionToken@"] {
        assert!(done.stderr().contains(word), "{done}");
    }
    let again = scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    assert!(again.stderr().contains("nothing to do"), "{again}");
    scene.keyfob(["unsetup", "keyring"]).succeeds();
    assert!(!link(&scene).exists());
}

#[test]
fn a_keyring_that_is_there_is_named_and_not_shadowed() {
    let scene = machine();
    let other = scene.home().join("later/keyring");
    program(&other, "#!/bin/sh\n");
    let left = scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    assert!(left.stderr().contains(&format!("{} is another program", other.display())), "{left}");
    assert!(left.stderr().contains("keyfob setup keyring --only"), "{left}");
    assert!(left.stderr().contains("nothing was written") && !link(&scene).exists(), "{left}");
    // On the person's word, and only because keyfob's folder comes first.
    scene.keyfob(["setup", "keyring", "--yes", "--only"]).succeeds();
    assert!(link(&scene).exists());
    scene.keyfob(["unsetup", "keyring"]).succeeds();
    assert!(other.exists() && !link(&scene).exists());
}

#[test]
fn a_keyring_that_comes_first_is_never_replaced() {
    let scene = machine();
    program(&link(&scene), "#!/bin/sh\necho mine\n");
    for args in [&["setup", "keyring", "--yes"][..], &["setup", "keyring", "--yes", "--only"]] {
        let left = scene.keyfob(args).succeeds();
        assert!(left.stderr().contains("cannot stand before it"), "{left}");
        assert!(!left.stderr().contains("asks keyfob"), "{left}");
    }
    scene.keyfob(["unsetup", "keyring"]).succeeds();
    assert_eq!(fs::read_to_string(link(&scene)).unwrap(), "#!/bin/sh\necho mine\n");
}

#[test]
fn unsetup_leaves_what_somebody_put_in_the_links_place() {
    let scene = machine();
    scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    fs::remove_file(link(&scene)).unwrap();
    program(&link(&scene), "#!/bin/sh\n");
    let undone = scene.keyfob(["unsetup", "keyring"]).succeeds();
    assert!(undone.stderr().contains("is not the link that setup made"), "{undone}");
    assert!(link(&scene).exists());
}

#[test]
fn doctor_says_whether_pip_and_uv_would_ask() {
    let scene = machine();
    let before = doctor(&scene);
    assert!(
        before.len() == 1 && before[0].starts_with("ok") && before[0].contains("would not ask"),
        "{before:?}"
    );
    scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    program(&scene.bin().join("uv"), "#!/bin/sh\n");
    let after = doctor(&scene);
    assert!(after[0].contains("the keyring in PATH is keyfob"), "{after:?}");
    assert!(after[1].contains("unless a Python keyring can be imported"), "{after:?}");
    assert!(
        after[2].starts_with("hint") && after[2].contains("export UV_KEYRING_PROVIDER=subprocess"),
        "{after:?}"
    );
    scene.append("pip.settings", "global.keyring-provider='subprocess'\n");
    scene.private_folder(&scene.home().join(".config/uv"));
    scene.append(".config/uv/uv.toml", "keyring-provider = \"subprocess\"\n");
    let good = doctor(&scene);
    assert!(good.iter().all(|line| line.starts_with("ok")) && good.len() == 3, "{good:?}");
    scene.append("pip.settings", ":env:.keyring-provider='disabled'\n");
    let off = doctor(&scene);
    assert!(off[1].contains("pip does not ask keyfob"), "{off:?}");
    fs::remove_file(link(&scene)).unwrap();
    let gone = doctor(&scene);
    assert!(gone[0].starts_with("broken") && gone[0].ends_with("keyfob setup keyring"), "{gone:?}");
    program(&link(&scene), "#!/bin/sh\n");
    assert!(doctor(&scene)[0].contains("another program named keyring stands before"));
}

#[test]
fn an_installation_does_not_make_the_link_by_itself() {
    let links = Scene::new().keyfob(["links"]).succeeds();
    assert!(!links.stdout().lines().any(|link| link == "keyring"), "{links}");
}

#[test]
fn after_setup_uv_installs_without_another_step_and_unsetup_leaves_its_settings_as_they_were() {
    let Some(mut feed) = with_feed() else { return };
    fs::remove_file(link(&feed.scene)).unwrap();
    let uv = client("uv", "uv").unwrap();
    std::os::unix::fs::symlink(&uv, feed.scene.bin().join("uv")).unwrap();
    let settings = feed.scene.home().join(".config/uv/uv.toml");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    let before = "# mine\nno-cache = true\n[pip]\nno-deps = true\n";
    fs::write(&settings, before).unwrap();
    feed.scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    assert_eq!(
        fs::read_to_string(&settings).unwrap(),
        format!("keyring-provider = \"subprocess\"\n{before}")
    );
    feed.scene.add("https://dev.azure.com/contoso", TOKEN);
    feed.scene.set("UV_PYTHON", client("uv", "python").unwrap());
    let arguments = ["pip", "install", "--target", "got", "--default-index", NAMED, "greeting"];
    feed.arrived(feed.scene.command(uv).args(arguments).run(), "greeting.py");
    assert!(doctor(&feed.scene).iter().any(|line| line.contains("uv asks keyfob")));
    feed.scene.keyfob(["unsetup", "keyring"]).succeeds();
    assert_eq!(fs::read_to_string(&settings).unwrap(), before);
    assert!(!link(&feed.scene).exists());
}

#[test]
fn a_link_that_is_made_again_does_not_make_setup_forget_the_line_for_uv() {
    let scene = machine();
    program(&scene.bin().join("uv"), "#!/bin/sh\n");
    let settings = scene.home().join(".config/uv/uv.toml");
    scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    assert!(settings.exists());
    fs::remove_file(link(&scene)).unwrap();
    scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
    assert!(link(&scene).exists());
    // With the line and without the link, uv would stop.
    scene.keyfob(["unsetup", "keyring"]).succeeds();
    assert!(!link(&scene).exists() && !settings.exists());
}

#[test]
fn settings_of_uv_that_say_otherwise_or_make_no_sense_are_left() {
    for before in ["keyring-provider = \"disabled\"\n", "[[[\n"] {
        let scene = machine();
        program(&scene.bin().join("uv"), "#!/bin/sh\n");
        let settings = scene.home().join(".config/uv/uv.toml");
        fs::create_dir_all(settings.parent().unwrap()).unwrap();
        fs::write(&settings, before).unwrap();
        scene.keyfob(["setup", "keyring", "--yes"]).succeeds();
        assert_eq!(fs::read_to_string(&settings).unwrap(), before);
        scene.keyfob(["unsetup", "keyring"]).succeeds();
        assert_eq!(fs::read_to_string(&settings).unwrap(), before);
    }
}
