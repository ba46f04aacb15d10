//! What install/install.sh does beside building; here, what was built is there already.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::*;
use crate::support::scene::tools_program_under_test;

/// The program for tools.
const TOOLS: &str = "git-credential-keyfob";

const INSTALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/install/install.sh");

/// A machine on which building has nothing to do.
fn built() -> Scene {
    let mut scene = fresh();
    let release = scene.home().join("built/release");
    fs::create_dir_all(&release).unwrap();
    fs::copy(program_under_test(), release.join("keyfob")).unwrap();
    fs::copy(tools_program_under_test(), release.join(TOOLS)).unwrap();
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
            assert!(script.contains("keyfob completions "), "{shells}");
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

/// What a folder of programs has, each with where it leads if it is a link.
fn programs(bin: &Path) -> BTreeMap<String, Option<PathBuf>> {
    let entries = fs::read_dir(bin).unwrap().map(Result::unwrap);
    let named =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_link(entry.path()).ok()));
    named.collect()
}

/// That both programs are there, with all their links and nothing else, and that git gets the token of this place.
fn is_installed(scene: &Scene, bin: &Path, filled: &str) {
    let mut expected: BTreeMap<String, Option<PathBuf>> =
        keyfob::tool::installed_links().map(|link| (link.to_owned(), Some(TOOLS.into()))).collect();
    expected.insert(TOOLS.to_owned(), None);
    expected.insert("keyfob".to_owned(), None);
    assert_eq!(programs(bin), expected);
    let same = |name: &str, built: PathBuf| fs::read(bin.join(name)).unwrap() == fs::read(built).unwrap();
    assert!(same("keyfob", program_under_test()) && same(TOOLS, tools_program_under_test()));
    let said = scene.command(bin.join(TOOLS)).arg("get").stdin(filled).run();
    assert!(said.stdout().contains("password=t0ken\n"), "{said}");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let doctor = scene.command(bin.join("keyfob")).env("PATH", path).arg("doctor").run();
    assert!(
        !doctor.stdout().contains("another version") && !doctor.stdout().contains(" lead to "),
        "{doctor}"
    );
    assert_eq!(doctor.stdout().matches(" is this program").count(), expected.len() - 1, "{doctor}");
}

/// A program of the time when there was one: what this keyfob is, but for its bytes.
fn older(path: &Path) {
    let mut bytes = fs::read(program_under_test()).unwrap();
    bytes.extend(b"older");
    // Written anew, as one that runs cannot be written to.
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

const CONTOSO: &str = "protocol=https\nhost=dev.azure.com\npath=contoso/p/_git/r\n\n";

#[test]
fn installing_over_one_program_with_links_to_it_brings_two_and_disturbs_none_that_runs() {
    let scene = built();
    let prefix = scene.home().join("prefix");
    let bin = prefix.join("bin");
    fs::create_dir_all(&bin).unwrap();
    older(&bin.join("keyfob"));
    keyfob::tool::installed_links().for_each(|link| symlink("keyfob", bin.join(link)).unwrap());
    scene
        .command(bin.join("keyfob"))
        .args(["add", "https://dev.azure.com/contoso"])
        .stdin("t0ken")
        .run()
        .succeeds();
    let mut runs = scene.command(bin.join(TOOLS)).arg("get").start().spawn().unwrap();
    let done = scene.command(INSTALL).args([&prefix]).run().succeeds();
    assert!(!done.stderr().contains("left as it is"), "{done}");
    is_installed(&scene, &bin, CONTOSO);
    runs.stdin.take().unwrap().write_all(CONTOSO.as_bytes()).unwrap();
    let answer = runs.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("password=t0ken\n"), "{answer:?}");
    // A second time is the same.
    scene.command(INSTALL).args([&prefix]).run().succeeds();
    is_installed(&scene, &bin, CONTOSO);
    let uninstall = concat!(env!("CARGO_MANIFEST_DIR"), "/install/uninstall.sh");
    scene.command(uninstall).args([&prefix]).run().succeeds();
    assert!(programs(&bin).is_empty());
}

#[test]
fn installing_over_copies_or_hard_links_of_one_program_brings_two() {
    for copy in [
        |from: &Path, to: &Path| fs::copy(from, to).map(drop),
        |from: &Path, to: &Path| fs::hard_link(from, to),
    ] {
        let scene = built();
        let prefix = scene.home().join("prefix");
        let bin = prefix.join("bin");
        fs::create_dir_all(&bin).unwrap();
        older(&bin.join("keyfob"));
        copy(&bin.join("keyfob"), &bin.join(TOOLS)).unwrap();
        scene
            .command(bin.join("keyfob"))
            .args(["add", "https://dev.azure.com/contoso"])
            .stdin("t0ken")
            .run()
            .succeeds();
        scene.command(INSTALL).args([&prefix]).run().succeeds();
        is_installed(&scene, &bin, CONTOSO);
    }
}

#[test]
fn a_program_that_is_not_keyfobs_is_left_in_its_place() {
    let scene = built();
    let prefix = scene.home().join("prefix");
    let bin = prefix.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let docker = bin.join("docker-credential-keyfob");
    fs::write(&docker, "#!/bin/sh\n").unwrap();
    let done = scene.command(INSTALL).args([&prefix]).run().succeeds();
    assert!(done.stderr().contains("docker-credential-keyfob is not keyfob's, so it is left"), "{done}");
    assert_eq!(fs::read(docker).unwrap(), b"#!/bin/sh\n");
    // Without git's, the installation would be worth nothing.
    let before = programs(&bin);
    fs::remove_file(bin.join(TOOLS)).unwrap();
    fs::write(bin.join(TOOLS), "#!/bin/sh\n").unwrap();
    fs::remove_file(bin.join("keyfob")).unwrap();
    let failed = scene.command(INSTALL).args([&prefix]).run().fails();
    assert!(failed.stderr().contains("git-credential-keyfob is there and is not keyfob's"), "{failed}");
    assert!(!bin.join("keyfob").exists() && before.len() == programs(&bin).len() + 1);
}

/// What the scripts find out about the commit, in a checkout, in one with changes, and in an archive that lies in another repository.
#[test]
fn the_build_is_named_by_its_commit_and_its_day_and_an_archive_has_none() {
    let scene = fresh();
    let checkout = scene.home().join("checkout");
    fs::create_dir_all(checkout.join("install")).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/install/common.sh"), checkout.join("install/common.sh"))
        .unwrap();
    let named = |folder: &Path, epoch: &str| {
        let script = ". install/common.sh; name_build; echo \"$KEYFOB_BUILD_COMMIT $KEYFOB_BUILD_DAY\"";
        let script = script.replace(". install/common.sh", ". \"$PWD/install/common.sh\"");
        // The script finds its folder by its own name.
        let run = folder.join("install/try.sh");
        fs::write(&run, format!("#!/bin/sh\ncd \"$(dirname \"$0\")/..\"\n{script}\n")).unwrap();
        let call = scene.command("/bin/sh").arg(&run).env("SOURCE_DATE_EPOCH", epoch);
        let said = call.run().succeeds().stdout().trim_end_matches('\n').to_owned();
        fs::remove_file(run).unwrap();
        said
    };
    assert_eq!(named(&checkout, ""), " ");
    assert_eq!(named(&checkout, "86400"), " 1970-01-02");
    let git = |words: &[&str]| {
        let call = scene.command("git").args(["-C"]).arg(&checkout).args(words.iter().copied());
        call.env("GIT_COMMITTER_DATE", "2026-11-30T23:30:00 -0500")
            .run()
            .succeeds()
            .stdout()
            .trim()
            .to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["-c", "user.name=Alice", "-c", "user.email=alice@example.test", "commit", "-q", "-m", "one"]);
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    // In UTC it was the next day.
    assert_eq!(named(&checkout, ""), format!("{commit} 2026-12-01"));
    assert_eq!(named(&checkout, "86400"), format!("{commit} 1970-01-02"));
    let archive = checkout.join("archive");
    fs::create_dir_all(archive.join("install")).unwrap();
    fs::copy(checkout.join("install/common.sh"), archive.join("install/common.sh")).unwrap();
    assert_eq!(named(&archive, ""), " ");
    scene.append("checkout/install/common.sh", "# mine\n");
    assert_eq!(named(&checkout, ""), format!("{commit}+changes 2026-12-01"));
}
