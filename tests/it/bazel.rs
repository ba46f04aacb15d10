//! Bazel's settings as `keyfob setup bazel` writes them. There is no Bazel that could be installed for a test; what it sends and reads is
//! in the transcripts and, held against the published schema, in the tool's own tests.
#![cfg(unix)]

use std::fs;

use crate::support::scene::Scene;

const TOKEN: &str = "a-token-for-builds-that-only-these-tests-know";

fn bazelrc(scene: &Scene) -> String {
    fs::read_to_string(scene.home().join(".bazelrc")).unwrap_or_default()
}

fn has(scene: &Scene, host: &str) -> bool {
    let program = scene.bin().join("bazel-credential-keyfob");
    let line = format!("common --credential_helper={host}={}", program.display());
    bazelrc(scene).lines().any(|held| held == line)
}

#[test]
fn the_lines_follow_the_wallet_and_unsetup_leaves_every_byte_as_it_was() {
    let scene = Scene::new();
    let mine = "build --jobs=4\n# mine\ncommon --credential_helper=cache.example.test=/usr/bin/other";
    scene.append(".bazelrc", mine);
    let dry = scene.keyfob(["setup", "bazel", "--dry-run"]).succeeds();
    assert!(dry.stdout().contains("--credential_helper=dev.azure.com=") && bazelrc(&scene) == mine, "{dry}");
    scene.keyfob(["setup", "bazel", "--yes"]).succeeds();
    assert!(has(&scene, "dev.azure.com") && has(&scene, "pkgs.dev.azure.com"), "{}", bazelrc(&scene));
    let add = |url: &str, account: Option<&str>| {
        scene.add_with(url, TOKEN, crate::support::person::Add { account, ..Default::default() });
    };
    add("https://dev.azure.com/contoso", None);
    add("https://github.com", None);
    add("https://builds.example.test:8443", Some("alice"));
    add("https://cache.example.test", Some("alice"));
    for host in [
        "contoso.visualstudio.com",
        "contoso.pkgs.visualstudio.com",
        "github.com",
        "*.pkg.github.com",
        "builds.example.test",
    ] {
        assert!(has(&scene, host), "{host}: {}", bazelrc(&scene));
    }
    assert!(!has(&scene, "cache.example.test"), "another helper stays: {}", bazelrc(&scene));
    let doctor = scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains("bazel asks keyfob for "), "{doctor}");
    assert!(doctor.stdout().contains("for cache.example.test bazel asks /usr/bin/other"), "{doctor}");
    let again = scene.keyfob(["setup", "bazel", "--yes"]).succeeds();
    assert!(again.stderr().contains("nothing to do"), "{again}");
    scene.keyfob(["remove", "https://github.com", "--yes"]).succeeds();
    assert!(!has(&scene, "github.com") && has(&scene, "contoso.visualstudio.com"), "{}", bazelrc(&scene));
    scene.keyfob(["unsetup", "bazel"]).succeeds();
    assert_eq!(bazelrc(&scene), mine);
}

#[test]
fn by_name_it_stays_by_name_and_a_line_that_is_gone_is_missed() {
    let scene = Scene::new();
    scene.keyfob(["setup", "bazel", "--yes", "--by-name"]).succeeds();
    scene.add("https://dev.azure.com/contoso", TOKEN);
    let text = bazelrc(&scene);
    assert!(
        text.contains("=contoso.visualstudio.com=bazel-credential-keyfob\n") && !text.contains("=/"),
        "{text}"
    );
    let kept: String = text.lines().skip(1).flat_map(|line| [line, "\n"]).collect();
    fs::write(scene.home().join(".bazelrc"), kept).unwrap();
    let doctor = scene.keyfob(["doctor"]);
    assert!(doctor.stdout().contains("bazel does not ask keyfob for "), "{doctor}");
    let undone = scene.keyfob(["unsetup", "bazel"]).succeeds();
    assert!(undone.stderr().contains("was changed or removed"), "{undone}");
    assert!(!scene.home().join(".bazelrc").exists(), "{}", bazelrc(&scene));
}

#[test]
fn setup_makes_the_link_that_is_missing_and_unsetup_takes_it_away() {
    let scene = Scene::new();
    let link = scene.bin().join("bazel-credential-keyfob");
    fs::remove_file(&link).unwrap();
    let done = scene.keyfob(["setup", "bazel", "--yes"]).succeeds();
    let said = format!("ln -s git-credential-keyfob {}\n", link.display());
    assert!(done.stderr().contains(&said), "{done}");
    assert!(bazelrc(&scene).contains(&format!("={}\n", link.display())), "{}", bazelrc(&scene));
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("git-credential-keyfob"));
    scene.keyfob(["unsetup", "bazel"]).succeeds();
    assert!(bazelrc(&scene).is_empty() && link.symlink_metadata().is_err());
}

#[test]
fn what_stands_in_the_links_place_is_left_and_nothing_is_written() {
    let scene = Scene::new();
    let link = scene.bin().join("bazel-credential-keyfob");
    fs::remove_file(&link).unwrap();
    fs::write(&link, "another's").unwrap();
    let failed = scene.keyfob(["setup", "bazel", "--yes"]).fails();
    assert!(
        failed.stderr().contains("bazel-credential-keyfob is there already and is not keyfob"),
        "{failed}"
    );
    assert!(bazelrc(&scene).is_empty() && fs::read(&link).unwrap() == b"another's");
}
