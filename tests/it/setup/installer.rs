//! What install/install.sh does beside building; here, what was built is there already.

use super::*;

/// A machine on which building has nothing to do.
fn built() -> Scene {
    let mut scene = fresh();
    let release = scene.home().join("built/release");
    fs::create_dir_all(&release).unwrap();
    fs::copy(program_under_test(), release.join("keyfob")).unwrap();
    fs::create_dir(scene.home().join("tools")).unwrap();
    for tool in ["cargo", "rustc"] {
        scene.script(&format!("tools/{tool}"), "#!/bin/sh\necho host: of-no-kind\n");
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", scene.home().join("tools").display());
    let folder = scene.home().join("built");
    scene.set("PATH", path).set("CARGO_TARGET_DIR", folder);
    scene
}

#[test]
fn what_the_installer_says_to_type_next_can_be_typed() {
    let mut scene = built();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install/install.sh");
    for prefix in ["plain", "my tools", "it's mine"] {
        let prefix = scene.home().join(prefix);
        let done = scene.command(script).args([&prefix]).run().succeeds();
        for shells in ["bash-completion/completions/keyfob", "fish/vendor_completions.d/keyfob.fish"] {
            let script = fs::read_to_string(prefix.join("share").join(shells)).unwrap();
            assert!(script.contains("expiring"), "{shells}");
        }
        let next = done.stderr().lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
        let (setup, add) = next.split_once(", then ").unwrap();
        let typed = format!("{setup} git --dry-run && {add} </dev/null");
        let typed = scene.command("/bin/sh").args(["-c", &typed]).run();
        assert!(typed.stdout().contains("credential.helper"), "{done}{typed}");
        assert!(typed.stderr().contains("that is not a token: it is empty"), "{done}{typed}");
    }
    // Where its name finds it, that is enough.
    let bin = scene.home().join("plain/bin");
    let path = format!("{}:{}/tools:/usr/local/bin:/usr/bin:/bin", bin.display(), scene.home().display());
    scene.set("PATH", path);
    let done = scene.command(script).args([scene.home().join("plain")]).run();
    assert!(done.stderr().contains("next: keyfob setup, then keyfob add https://"), "{done}");
}

#[test]
fn completions_that_cannot_be_written_or_removed_stop_nothing() {
    let scene = built();
    let install = concat!(env!("CARGO_MANIFEST_DIR"), "/install/install.sh");
    let uninstall = concat!(env!("CARGO_MANIFEST_DIR"), "/install/uninstall.sh");
    let prefix = scene.home().join("plain");
    let folder = prefix.join("share/bash-completion/completions/keyfob");
    fs::create_dir_all(&folder).unwrap();
    let done = scene.command(install).args([&prefix]).run().succeeds();
    assert!(done.stderr().contains("bash will not complete"), "{done}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let zsh = prefix.join("share/zsh/site-functions/_keyfob");
    assert!(zsh.exists());
    let done = scene.command(uninstall).args([&prefix]).run().succeeds();
    assert!(done.stderr().contains("note: cannot remove") && done.stderr().contains("your wallet"), "{done}");
    assert!(folder.exists() && !zsh.exists());
}
