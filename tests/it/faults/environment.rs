//! Surroundings that are not as a program expects: no home, a relative one, pipes where files should be, an output that takes
//! nothing.

use std::fs;
use std::path::Path;

use super::{PLACE, one_line, record, scene};
use crate::support::scene::Scene;

#[test]
fn without_a_home_it_says_what_to_set() {
    let mut scene = Scene::new();
    scene.unset("HOME").unset("KEYFOB_HOME");
    let line = one_line(&scene.helper("get", PLACE));
    assert_eq!(
        line,
        "no home folder: HOME is not set; set HOME, or KEYFOB_HOME to the folder that shall hold the wallet"
    );
    for name in ["HOME", "KEYFOB_HOME"] {
        scene.set(name, "relative");
        let line = one_line(&scene.helper("get", PLACE));
        assert!(line.starts_with(&format!("{name} is not an absolute path; ")), "{line}");
    }
}

/// `umask 177` is for files with secrets in them; a folder that it is used for cannot be entered, not even by its owner.
#[test]
fn a_mask_that_is_meant_for_files_makes_no_folder_that_cannot_be_entered() {
    use std::os::unix::fs::PermissionsExt;
    for mask in ["177", "133", "077", "000"] {
        let scene = Scene::new();
        scene.link("git-credential-keyfob");
        let request = "protocol=https\nhost=git.corp.example\nusername=u\npassword=p\n";
        let script = format!("umask {mask}; exec git-credential-keyfob store");
        scene.command("sh").args(["-c", &script]).stdin(request).run().succeeds();
        let data = scene.data();
        for folder in [data.clone(), data.join("records"), data.join("vault")] {
            let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{mask}: {}", folder.display());
        }
        let files = crate::support::scene::files_below(&data);
        let modes = files.iter().map(|(path, _)| fs::metadata(path).unwrap().permissions().mode() & 0o777);
        assert!(files.len() > 3 && modes.into_iter().all(|mode| mode == 0o600), "{mask}");
    }
}

/// Folders of tools, too, which are made as the person has them made in all else.
#[test]
fn a_mask_that_is_meant_for_files_makes_no_folder_of_a_tool_that_cannot_be_entered() {
    use std::os::unix::fs::PermissionsExt;
    for (mask, expected) in [("177", 0o700), ("133", 0o744), ("022", 0o755)] {
        let scene = Scene::new();
        let script = format!("umask {mask}; exec keyfob setup terraform --yes");
        scene.command("sh").args(["-c", &script]).run().succeeds();
        for folder in [".terraform.d", ".terraform.d/plugins"] {
            let mode = fs::metadata(scene.home().join(folder)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{mask}: {folder}: {mode:o}");
        }
    }
}

#[test]
fn pipes_in_the_place_of_files_are_not_waited_for() {
    let scene = scene();
    let pipe = |path: &Path| {
        let _ = fs::remove_file(path);
        assert!(
            std::process::Command::new("mkfifo").args(["-m", "600"]).arg(path).status().unwrap().success()
        );
    };
    let settings = scene.append("keyfob/config.toml", "");
    pipe(&settings);
    assert!(
        one_line(&scene.helper("get", "protocol=https host=git.corp.example"))
            .contains("it is not a regular file")
    );
    pipe(&record(&scene));
    assert!(one_line(&scene.helper("get", PLACE)).contains("it is not a regular file"));
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_is_no_success() {
    let scene = scene();
    for command in
        ["list", "list --json", "token --as header https://dev.azure.com/contoso", "storage", "help"]
    {
        let script = scene.script("full", &format!("#!/bin/sh\nexec keyfob {command} >/dev/full\n"));
        let output = scene.command(script).run();
        assert_eq!(
            (output.code(), output.stderr()),
            (6, "keyfob: error: cannot write the answer: no space left on device\n"),
            "{command}"
        );
    }
}
