//! Where a tool's settings are no file but a device (`GIT_CONFIG_GLOBAL=/dev/null`), nothing is written: as root, git would put a file
//! in the device's place. The device is the test's own.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::{Path, PathBuf};

use super::{configured, fresh, gitconfig, setup};
use crate::support::process::Output;
use crate::support::scene::Scene;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A null device in the home; where a file was, it is put aside.
fn device(scene: &Scene, path: &Path) -> PathBuf {
    if path.exists() {
        fs::rename(path, path.with_extension("aside")).unwrap();
    }
    scene.command("mknod").args(["-m", "666"]).arg(path).args(["c", "1", "3"]).run().succeeds();
    path.to_owned()
}

#[track_caller]
fn still_a_device(path: &Path, output: &Output) {
    assert!(fs::metadata(path).unwrap().file_type().is_char_device(), "{output}");
    assert!(!output.stderr().contains("from now on"), "{output}");
}

#[test]
fn setup_puts_no_file_in_the_place_of_a_device() {
    if !is_root() {
        return; // Only root can make devices; the tests run as root where no skip is allowed.
    }
    let mut scene = fresh();
    let null = device(&scene, &scene.home().join("null"));
    scene.set("GIT_CONFIG_GLOBAL", &null);
    for args in [&[][..], &["--only"], &["--by-name"]] {
        let done = setup(&scene, args);
        let said = format!("{} is left as it is: it is not a regular file", null.display());
        let done = done.says(6, &[&said, "hint: set GIT_CONFIG_GLOBAL to a file, or unset it"]);
        still_a_device(&null, &done);
    }
    scene.keyfob(["setup", "--yes"]);
    assert!(fs::metadata(&null).unwrap().file_type().is_char_device());
    // The usual file, as a link to a device.
    scene.set("GIT_CONFIG_GLOBAL", gitconfig(&scene));
    fs::remove_file(gitconfig(&scene)).unwrap();
    symlink(&null, gitconfig(&scene)).unwrap();
    let done = setup(&scene, &[]).says(6, &[".gitconfig is left as it is: it is not a regular file"]);
    still_a_device(&gitconfig(&scene), &done);
    scene.unset("GIT_CONFIG_GLOBAL");
    setup(&scene, &[]).says(6, &["it is not a regular file", "hint: put a file in its place"]);
    still_a_device(&null, &done);
}

#[test]
fn what_comes_after_setup_puts_no_file_in_the_place_of_a_device_either() {
    if !is_root() {
        return; // As above.
    }
    let scene = fresh();
    setup(&scene, &[]).succeeds();
    let before = configured(&scene);
    let null = device(&scene, &gitconfig(&scene));
    for args in [
        &["add", "https://dev.azure.com/contoso", "--account", "one"][..],
        &["add", "https://dev.azure.com/contoso", "--account", "two"],
        &["add", "https://tfs.example/tfs/Main", "--forge", "azure-devops-server"],
        &["prefer", "https://dev.azure.com/contoso/A", "--account", "one"],
        &["move", "https://dev.azure.com/contoso", "https://dev.azure.com/fabrikam"],
    ] {
        let done = scene.keyfob_with(args, "a-token\n").succeeds();
        assert!(done.stderr().contains("git could not be kept in step with the wallet"), "{done}");
        assert!(done.stderr().contains("it is not a regular file"), "{done}");
        still_a_device(&null, &done);
    }
    still_a_device(&null, &scene.keyfob(["doctor"]));
    still_a_device(&null, &scene.keyfob(["unsetup", "git", "--yes"]));
    // With the file back, everything is as it would have been.
    fs::rename(null.with_extension("aside"), &null).unwrap();
    assert_eq!(configured(&scene), before);
    setup(&scene, &[]).succeeds();
    assert!(configured(&scene).contains("[credential \"https://dev.azure.com\"]"), "{}", configured(&scene));
}

#[test]
fn where_git_asks_keyfob_already_a_device_in_the_place_of_the_users_file_is_no_hindrance() {
    if !is_root() {
        return; // As above.
    }
    let mut scene = fresh();
    let system = scene.append("system", "[credential]\n\thelper = keyfob\n\tuseHttpPath = true\n");
    let null = device(&scene, &scene.home().join("null"));
    scene.unset("GIT_CONFIG_NOSYSTEM").set("GIT_CONFIG_SYSTEM", system).set("GIT_CONFIG_GLOBAL", &null);
    setup(&scene, &[]).succeeds();
    assert!(fs::metadata(&null).unwrap().file_type().is_char_device());
}

#[test]
fn go_is_not_made_to_write_into_a_device() {
    if !is_root() {
        return; // As above.
    }
    let mut scene = fresh();
    if !crate::go::use_go(&mut scene) {
        return;
    }
    let null = device(&scene, &scene.home().join("null"));
    scene.set("GOENV", &null);
    let done =
        scene.keyfob(["setup", "go", "--yes"]).says(6, &["null is left as it is: it is not a regular"]);
    still_a_device(&null, &done);
}
