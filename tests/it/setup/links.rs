//! The links by whose names tools find keyfob: `links --install`, what setups make of them, what `doctor` says.

use super::*;
use crate::support::scene::tools_program_under_test;

const TOOLS: &str = "git-credential-keyfob";

/// A machine with the two programs in a folder and no link; that folder comes first in PATH.
fn bare() -> Scene {
    let scene = fresh();
    for link in fs::read_dir(scene.bin()).unwrap() {
        fs::remove_file(link.unwrap().path()).unwrap();
    }
    fs::copy(program_under_test(), scene.bin().join("keyfob")).unwrap();
    fs::copy(tools_program_under_test(), scene.bin().join(TOOLS)).unwrap();
    scene
}

/// The names other than that of the program itself.
fn names() -> Vec<&'static str> {
    keyfob::tool::installed_links().filter(|link| *link != TOOLS).collect()
}

fn install(scene: &Scene, args: &[&str]) -> Output {
    scene.keyfob(["links", "--install"].iter().chain(args)).succeeds()
}

/// The lines of `doctor` about links that are not as they should be.
fn complaints(scene: &Scene) -> Vec<String> {
    let doctor = scene.keyfob(["doctor"]);
    let lines = doctor.stdout().lines().filter(|line| line.contains(" links: ") && !line.starts_with("ok"));
    lines.map(str::to_owned).collect()
}

#[test]
fn all_links_are_made_beside_keyfob_and_said_and_tools_get_their_answer() {
    let scene = bare();
    let missing = complaints(&scene);
    assert!(
        missing.len() == 1 && missing[0].contains("there is no docker-credential-keyfob, no "),
        "{missing:?}"
    );
    assert!(missing[0].ends_with("; fix: keyfob links --install"), "{missing:?}");
    let made = install(&scene, &[]);
    let line = |name: &str| format!("{} -> {TOOLS}\n", scene.bin().join(name).display());
    assert_eq!(made.stdout(), names().into_iter().map(line).collect::<String>());
    for name in names() {
        assert_eq!(fs::read_link(scene.bin().join(name)).unwrap(), Path::new(TOOLS));
    }
    assert_eq!(complaints(&scene), [""; 0]);
    let again = install(&scene, &[]);
    assert_eq!((again.stdout(), again.stderr()), ("", ""));
    scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
    let docker = scene.command(scene.bin().join("docker-credential-keyfob")).arg("get");
    let said = docker.stdin("contoso.pkgs.visualstudio.com").run().succeeds();
    assert!(said.stdout().contains("\"Secret\":\"t0ken\""), "{said}");
}

#[test]
fn in_another_folder_all_links_are_made_the_one_for_git_too() {
    let mut scene = bare();
    let folder = scene.home().join("new/my links");
    let made = install(&scene, &[folder.to_str().unwrap()]);
    assert_eq!(made.stdout().lines().count(), names().len() + 1, "{made}");
    assert_eq!(fs::read_link(folder.join(TOOLS)).unwrap(), scene.bin().join(TOOLS));
    for name in names() {
        let leads_to = folder.join(name).canonicalize().unwrap();
        assert_eq!(leads_to, scene.bin().join(TOOLS).canonicalize().unwrap(), "{name}");
    }
    // Where keyfob is not in PATH, and its links are.
    let keyfob = scene.bin().join("keyfob");
    let path = std::env::join_paths([&folder, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    scene.set("PATH", path);
    scene.command(&keyfob).args(["setup", "docker", "--yes"]).run().succeeds();
    let again = scene.command(&keyfob).args(["links", "--install"]).arg(&folder).run().succeeds();
    assert_eq!(again.stdout(), "");
    let doctor = scene.command(&keyfob).arg("doctor").run();
    assert!(!doctor.stdout().contains("there is no"), "{doctor}");
}

#[test]
fn what_leads_to_a_keyfob_is_replaced_and_what_does_not_is_left() {
    let scene = bare();
    let at = |name: &str| scene.bin().join(name);
    symlink("keyfob", at("docker-credential-keyfob")).unwrap();
    symlink("/gone/bin/keyfob", at("cargo-credential-keyfob")).unwrap();
    symlink("/bin/sh", at("keyfob-askpass")).unwrap();
    fs::write(at("keyfob-pnpm"), "another's").unwrap();
    fs::copy(at("keyfob"), at("bazel-credential-keyfob")).unwrap();
    let made = install(&scene, &[]);
    for left in ["keyfob-askpass", "keyfob-pnpm"] {
        assert!(
            made.stderr().contains(&format!("{} is not keyfob's, so it is left", at(left).display())),
            "{made}"
        );
    }
    assert_eq!(fs::read_link(at("keyfob-askpass")).unwrap(), Path::new("/bin/sh"));
    assert_eq!(fs::read(at("keyfob-pnpm")).unwrap(), b"another's");
    for name in names().into_iter().filter(|name| !name.starts_with("keyfob-")) {
        assert_eq!(fs::read_link(at(name)).unwrap(), Path::new(TOOLS), "{name}");
    }
}

#[test]
fn an_old_link_for_git_that_comes_first_in_path_does_not_come_to_lead_to_itself() {
    let mut scene = bare();
    let folder = scene.home().join("first");
    fs::create_dir(&folder).unwrap();
    symlink(scene.bin().join("keyfob"), folder.join(TOOLS)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let folders = [folder.clone(), scene.bin()].into_iter().chain(std::env::split_paths(&path));
    scene.set("PATH", std::env::join_paths(folders).unwrap());
    let old = complaints(&scene);
    let fix = format!("; fix: keyfob links --install {}", folder.display());
    let line = old.iter().find(|line| line.contains(" lead to keyfob, which")).unwrap();
    assert!(line.ends_with(&fix), "{old:?}");
    install(&scene, &[folder.to_str().unwrap()]);
    assert_eq!(fs::read_link(folder.join(TOOLS)).unwrap(), scene.bin().join(TOOLS));
}

#[test]
fn old_links_to_keyfob_answer_as_before_and_doctor_says_how_to_have_new_ones() {
    let scene = bare();
    names().into_iter().for_each(|name| symlink("keyfob", scene.bin().join(name)).unwrap());
    scene.keyfob_with(["add", "https://dev.azure.com/contoso"], "t0ken").succeeds();
    let docker = scene.command(scene.bin().join("docker-credential-keyfob")).arg("get");
    let said = docker.stdin("contoso.pkgs.visualstudio.com").run().succeeds();
    assert!(said.stdout().contains("\"Secret\":\"t0ken\""), "{said}");
    let old = complaints(&scene);
    assert!(old.len() == 1 && old[0].contains("lead to keyfob, which answers as before"), "{old:?}");
    assert!(old[0].ends_with("; fix: keyfob links --install"), "{old:?}");
    install(&scene, &[]);
    assert_eq!(complaints(&scene), [""; 0]);
}

#[test]
fn links_and_a_program_of_another_version_are_named() {
    let mut scene = bare();
    install(&scene, &[]);
    let other = scene.home().join("other");
    fs::create_dir(&other).unwrap();
    // Another keyfob: the same but for its bytes.
    let mut bytes = fs::read(program_under_test()).unwrap();
    bytes.extend(b"other");
    fs::write(other.join("keyfob"), bytes).unwrap();
    fs::set_permissions(other.join("keyfob"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("keyfob", other.join("docker-credential-keyfob")).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let own = scene.bin();
    let folders = [other.clone(), own.clone()].into_iter().chain(std::env::split_paths(&path));
    scene.set("PATH", std::env::join_paths(folders).unwrap());
    let doctor = scene.command(own.join("keyfob")).arg("doctor").run();
    let link = other.join("docker-credential-keyfob").display().to_string();
    let said =
        format!("{link} comes first in PATH and leads to another keyfob, {}", other.join("keyfob").display());
    let way = format!("; fix: {} links --install {}", own.join("keyfob").display(), other.display());
    let line =
        doctor.stdout().lines().find(|line| line.contains(&said)).unwrap_or_else(|| panic!("{doctor}"));
    assert!(line.ends_with(&way), "{doctor}");
    // The program for tools itself.
    fs::remove_file(own.join(TOOLS)).unwrap();
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && echo git-credential-keyfob 0.0.1\n";
    fs::write(own.join(TOOLS), script).unwrap();
    fs::set_permissions(own.join(TOOLS), fs::Permissions::from_mode(0o755)).unwrap();
    let doctor = scene.command(own.join("keyfob")).arg("doctor").run();
    assert!(
        doctor.stdout().contains(
            "is of another version than this keyfob: asked for it, it says git-credential-keyfob 0.0.1"
        ),
        "{doctor}"
    );
}

#[test]
fn a_setup_makes_the_link_that_its_tool_needs_and_unsetup_takes_it_away() {
    for (tool, link) in [
        ("docker", "docker-credential-keyfob"),
        ("cargo", "cargo-credential-keyfob"),
        ("bazel", "bazel-credential-keyfob"),
        ("askpass", "keyfob-askpass"),
        ("nuget", "nuget-plugin-keyfob"),
        ("keyring", "keyring"),
    ] {
        let scene = bare();
        let link = scene.bin().join(link);
        let done = scene.keyfob(["setup", tool, "--yes"]).succeeds();
        assert!(done.stderr().contains(&format!("    ln -s {TOOLS} {}\n", link.display())), "{done}");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new(TOOLS), "{tool}");
        let again = scene.keyfob(["setup", tool, "--yes"]).succeeds();
        assert!(again.stderr().contains("nothing to do"), "{again}");
        // One that somebody removed is made again, whatever else is there.
        fs::remove_file(&link).unwrap();
        scene.keyfob(["setup", tool, "--yes"]).succeeds();
        assert!(link.exists(), "{tool}");
        let undone = scene.keyfob(["unsetup", tool]).succeeds();
        assert!(undone.stderr().contains(&format!("rm {}", link.display())), "{undone}");
        let left: Vec<_> = fs::read_dir(scene.bin()).unwrap().collect();
        assert_eq!(left.len(), 2, "{tool}: {left:?}");
    }
}

#[test]
fn what_an_older_keyfob_wrote_is_still_taken_out() {
    let scene = bare();
    let link = scene.bin().join("nuget-plugin-keyfob");
    let keyfob = scene.bin().join("keyfob");
    symlink(&keyfob, &link).unwrap();
    let line = serde_json::json!({ "file": link, "key": "link", "value": keyfob });
    let memory = serde_json::json!({ "version": 1, "tools": { "nuget": { "written": [line] } } });
    scene.private_folder(&scene.home().join("keyfob"));
    let file = scene.append("keyfob/setup.json", &memory.to_string());
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    // Without mono, for which there would be another link.
    let again = scene.command(&keyfob).env("PATH", scene.bin()).args(["setup", "nuget", "--yes"]).run();
    assert!(again.stderr().contains("nothing to do") && link.exists(), "{again}");
    scene.keyfob(["unsetup", "nuget"]).succeeds();
    assert!(link.symlink_metadata().is_err());
}
