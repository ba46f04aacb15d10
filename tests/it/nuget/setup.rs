//! `setup nuget`, `unsetup nuget`, and `doctor` on whether NuGet would really ask.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

/// A machine with NuGet's programs as scripts, and nothing else of NuGet.
fn machine(programs: &[&str]) -> Scene {
    let mut scene = Scene::new();
    scene.set("PATH", scene.bin());
    for name in programs {
        program(&scene.bin().join(name), "#!/bin/sh\n");
    }
    scene
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn desktop(scene: &Scene) -> PathBuf {
    scene.home().join(".nuget/plugins/netfx/keyfob/keyfob.exe")
}

/// What doctor says of it.
fn doctor(scene: &Scene) -> Vec<String> {
    let output = scene.keyfob(["doctor"]);
    output.stdout().lines().filter(|line| line.contains(" nuget: ")).map(str::to_owned).collect()
}

/// What doctor finds broken or worth a hint.
fn complaints(scene: &Scene) -> Vec<String> {
    doctor(scene).into_iter().filter(|line| !line.starts_with("ok ")).collect()
}

#[test]
fn where_the_link_of_the_installation_is_there_dotnet_needs_nothing() {
    let scene = machine(&["dotnet"]);
    let done = scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
    assert!(done.stderr().contains("nothing to do"), "{done}");
    assert!(!scene.home().join(".nuget").exists());
    let found = doctor(&scene);
    assert!(found.len() == 1 && found[0].contains("NuGet finds keyfob"), "{found:?}");
    assert!(machine(&[]).keyfob(["doctor"]).stdout().lines().all(|line| !line.contains(" nuget: ")));
}

#[test]
fn setup_makes_what_is_missing_and_unsetup_leaves_nothing_behind() {
    let scene = machine(&["mono"]);
    let link = scene.bin().join("nuget-plugin-keyfob");
    fs::remove_file(&link).unwrap();
    assert_eq!(complaints(&scene).len(), 2);
    let dry = scene.keyfob(["setup", "nuget", "--dry-run"]).succeeds();
    assert_eq!(dry.stdout().lines().count(), 3, "{dry}");
    assert!(!link.exists() && !desktop(&scene).exists());
    scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
    let tools = scene.bin().join("git-credential-keyfob");
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("git-credential-keyfob"));
    assert_eq!(fs::read_link(desktop(&scene)).unwrap(), tools);
    assert!(!scene.home().join(".nuget/plugins/netcore").exists());
    assert!(complaints(&scene).is_empty(), "{:?}", doctor(&scene));
    let again = scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
    assert!(again.stderr().contains("nothing to do"), "{again}");
    scene.keyfob(["unsetup", "nuget"]).succeeds();
    assert!(!link.exists() && !scene.home().join(".nuget").exists());
}

#[test]
fn unsetup_leaves_what_others_made() {
    let scene = machine(&["mono"]);
    scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
    let other = scene.home().join(".nuget/plugins/netfx/other/other.exe");
    scene.private_folder(other.parent().unwrap());
    program(&other, "#!/bin/sh\n");
    fs::remove_file(desktop(&scene)).unwrap();
    program(&desktop(&scene), "#!/bin/sh\n");
    let undone = scene.keyfob(["unsetup", "nuget"]).succeeds();
    assert!(undone.stderr().contains("is not the link that setup made"), "{undone}");
    assert!(other.exists() && desktop(&scene).exists());
    // Nor is it overwritten.
    let left = scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
    assert!(left.stderr().contains("is not keyfob, so it is left"), "{left}");
    assert_eq!(fs::read_to_string(desktop(&scene)).unwrap(), "#!/bin/sh\n");
}

#[test]
fn a_link_that_points_nowhere_is_broken_and_setup_makes_it_anew() {
    let scene = machine(&["mono"]);
    scene.private_folder(desktop(&scene).parent().unwrap());
    symlink(scene.home().join("gone"), desktop(&scene)).unwrap();
    assert!(complaints(&scene).iter().any(|line| line.contains("cannot be started")), "{:?}", doctor(&scene));
    scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
    assert!(complaints(&scene).is_empty(), "{:?}", doctor(&scene));
}

#[test]
fn without_a_place_in_path_setup_refuses() {
    let mut scene = machine(&[]);
    let elsewhere = scene.home().join("programs");
    scene.private_folder(&elsewhere);
    program(&elsewhere.join("dotnet"), "#!/bin/sh\n");
    scene.set("PATH", &elsewhere);
    let failed = scene.keyfob(["setup", "nuget", "--yes"]);
    assert_eq!(failed.code(), 2, "{failed}");
    assert!(failed.stderr().contains("no folder of PATH has nuget-plugin-keyfob"), "{failed}");
}

#[test]
fn doctor_names_the_variables_that_keep_nuget_from_asking() {
    let mut scene = machine(&["dotnet"]);
    let other = scene.script("other-plugin", "#!/bin/sh\n");
    let link = scene.bin().join("nuget-plugin-keyfob");
    let both = format!("{}:{}", other.display(), link.display());
    for (name, value, words) in [
        ("NUGET_PLUGIN_PATHS", other.display().to_string(), "does not name keyfob, so NuGet does not ask it"),
        (
            "NUGET_NETFX_PLUGIN_PATHS",
            other.display().to_string(),
            "so nuget.exe, MSBuild and Visual Studio does not",
        ),
        ("NUGET_NETCORE_PLUGIN_PATHS", other.display().to_string(), "so dotnet does not ask it"),
        ("NUGET_NETCORE_PLUGIN_PATHS", link.display().to_string(), "with its own runtime"),
        ("NUGET_PLUGIN_PATHS", format!("{both};/gone/plugin"), "/gone/plugin, which is not there"),
        ("NUGET_PLUGIN_PATHS", both.clone(), ""),
        ("NUGET_PLUGIN_PATHS", scene.bin().display().to_string(), ""),
    ] {
        scene.set(name, &value);
        let found = complaints(&scene);
        assert_eq!(found.len(), usize::from(!words.is_empty()), "{name}={value}: {found:?}");
        assert!(found.iter().all(|line| line.contains(words)), "{name}={value}: {found:?}");
        let told = scene.keyfob(["setup", "nuget", "--dry-run"]).succeeds();
        assert!(told.stderr().contains(words), "{told}");
        scene.unset(name);
    }
}

#[test]
fn doctor_finds_a_plugin_that_may_not_be_run_and_one_that_is_found_twice() {
    let mut scene = machine(&["dotnet"]);
    let first = scene.home().join("first");
    scene.private_folder(&first);
    let dull = first.join("nuget-plugin-keyfob");
    fs::write(&dull, "").unwrap();
    scene.set("PATH", std::env::join_paths([&first, &scene.bin()]).unwrap());
    assert!(complaints(&scene).iter().any(|line| line.contains("chmod +x")), "{:?}", doctor(&scene));
    fs::remove_file(&dull).unwrap();
    symlink(scene.bin().join("keyfob"), &dull).unwrap();
    assert!(complaints(&scene).is_empty());
    assert!(doctor(&scene).iter().any(|line| line.contains("2 folders of PATH have it")));
}

#[test]
fn doctor_says_when_an_sdk_is_too_old_and_what_to_do_then() {
    let scene = machine(&["dotnet"]);
    for (sdks, is_old) in [
        ("8.0.404 [/usr/share/dotnet/sdk]\\n9.0.110 [/usr/share/dotnet/sdk]", true),
        ("8.0.404 [/x]\\n9.0.200 [/x]", false),
        ("10.0.100-rc.1 [/x]", false),
        ("", false),
    ] {
        program(&scene.bin().join("dotnet"), &format!("#!/bin/sh\nprintf '{sdks}\\n'\n"));
        let found = complaints(&scene);
        assert_eq!(found.len(), usize::from(is_old), "{found:?}");
        assert!(
            found
                .iter()
                .all(|line| line.contains("9.0.110") && line.contains("keyfob run -- dotnet restore"))
        );
    }
}

/// With the real client: it notes what a plugin can do, and under which name is found out by looking.
#[test]
fn doctor_finds_nugets_note_that_we_cannot_sign_in() {
    let Some(machine) = Machine::new() else { return };
    let (_feed, _server, collection) = server(&machine);
    machine.scene.add(&collection, TOKEN);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    machine.arrives();
    let notes =
        crate::support::scene::files_below(&machine.scene.home().join(".local/share/NuGet/plugins-cache"));
    assert_eq!(notes.len(), 1);
    assert!(complaints(&machine.scene).is_empty(), "{:?}", doctor(&machine.scene));
    fs::write(&notes[0].0, "[]").unwrap();
    machine.install().run().fails();
    let found = complaints(&machine.scene);
    assert!(found.len() == 1 && found[0].contains("plugins-cache --clear"), "{found:?}");
}

/// With the real client: why a link that points nowhere is called broken, and why keyfob is uninstalled with its setup.
#[test]
fn a_link_to_a_keyfob_that_is_gone_stops_an_older_nuget_until_it_is_taken_away() {
    let Some(machine) = Machine::new() else { return };
    let server = Server::start(NugetFeed::new(machine.package.clone(), &[("tfs/One", TOKEN)]).handler());
    let collection = format!("{}/tfs/One", server.url());
    machine.scene.add(&collection, TOKEN);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    // Another plugin, which would know.
    let other = machine.scene.home().join(".nuget/plugins/netfx/other/other.exe");
    machine.scene.private_folder(other.parent().unwrap());
    symlink(fs::canonicalize(machine.scene.link("git-credential-keyfob")).unwrap(), &other).unwrap();
    let (keyfob, away) = (fs::read_link(desktop(&machine.scene)).unwrap(), machine.scene.home().join("away"));
    fs::rename(&keyfob, &away).unwrap();
    let output = machine.install().run().fails();
    assert!(output.stderr().contains("Problem starting the plugin"), "{output}");
    fs::rename(&away, &keyfob).unwrap();
    machine.scene.keyfob(["unsetup", "nuget"]).succeeds();
    fs::rename(&keyfob, &away).unwrap();
    machine.arrives();
}

/// With SDK 10, one of these anywhere in PATH, even behind keyfob, is a 401 for every feed without a word.
#[test]
fn doctor_names_what_nuget_asks_before_keyfob_and_what_cannot_be_started() {
    let mut scene = machine(&["dotnet"]);
    assert!(complaints(&scene).is_empty(), "{:?}", doctor(&scene));
    let behind = scene.home().join("behind");
    scene.private_folder(&behind);
    let path = std::env::join_paths([&scene.bin(), &behind]).unwrap();
    scene.set("PATH", path);
    symlink(scene.home().join("gone"), behind.join("nuget-plugin-gone")).unwrap();
    let found = complaints(&scene);
    assert!(found.len() == 1 && found[0].contains("nuget-plugin-gone cannot be started"), "{found:?}");
    fs::remove_file(behind.join("nuget-plugin-gone")).unwrap();
    program(&behind.join("nuget-plugin-empty"), "");
    let found = complaints(&scene);
    assert!(found.len() == 1 && found[0].contains("nuget-plugin-empty cannot be started"), "{found:?}");
    program(&behind.join("nuget-plugin-empty"), "#!/bin/sh\n");
    assert!(complaints(&scene).is_empty(), "what is asked after keyfob is in nobody's way");
    // Microsoft's provider, as its script installs it, and one that is none.
    let library = scene
        .home()
        .join(".nuget/plugins/netcore/CredentialProvider.Microsoft/CredentialProvider.Microsoft.dll");
    scene.private_folder(library.parent().unwrap());
    fs::write(&library, "MZ").unwrap();
    let found = complaints(&scene);
    assert!(found.len() == 1 && found[0].contains("asks these before keyfob"), "{found:?}");
    assert!(found[0].contains("export NUGET_PLUGIN_PATHS="), "{found:?}");
    let only = scene.keyfob(["setup", "nuget", "--only", "--dry-run"]);
    assert!(only.stderr().contains("export NUGET_PLUGIN_PATHS="), "{only}");
    fs::write(&library, "\x7fELF").unwrap();
    let found = complaints(&scene);
    assert!(found.len() == 1 && found[0].contains("is no .NET library"), "{found:?}");
}

#[test]
fn doctor_names_a_variable_under_which_no_sign_in_works() {
    let mut scene = machine(&["dotnet"]);
    let keyfob = scene.bin().join("keyfob");
    let file = scene.append("a-file", "");
    let (one, two) = (scene.bin().join("nuget-plugin-keyfob"), scene.bin());
    for (name, value, words) in [
        ("NUGET_PLUGIN_PATHS", keyfob.display().to_string(), "because of its name"),
        ("NUGET_PLUGIN_PATHS", format!("{};{}", one.display(), two.display()), "as one path"),
        ("NUGET_PLUGINS_CACHE_PATH", "relative".to_owned(), "is not an absolute path"),
        ("NUGET_PLUGINS_CACHE_PATH", file.display().to_string(), "is not a folder"),
    ] {
        scene.set(name, &value);
        let found = complaints(&scene);
        assert!(found.len() == 1 && found[0].contains(words), "{name}={value}: {found:?}");
        assert!(found[0].starts_with("broken"), "{name}={value}: {found:?}");
        scene.unset(name);
    }
}

/// Where dotnet of SDK 10 keeps its notes, and where it does with a home of its own.
#[test]
fn doctor_looks_where_old_and_new_clients_note_what_a_plugin_can_do() {
    use sha2::{Digest as _, Sha256};
    let mut scene = machine(&["dotnet"]);
    let digest = |text: &str| {
        Sha256::digest(text.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let plugin = scene.bin().join("nuget-plugin-keyfob");
    let note = format!("{}/{}.dat", digest(plugin.to_str().unwrap()), digest("Source-Agnostic"));
    let cli = scene.home().join("cli");
    scene.set("DOTNET_CLI_HOME", &cli);
    for base in [scene.home(), cli] {
        for name in ["plugins-cache", "plugin-cache"] {
            let file = base.join(".local/share/NuGet").join(name).join(&note);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "[]").unwrap();
            let found = complaints(&scene);
            assert!(found.len() == 1 && found[0].contains("thirty days"), "{}: {found:?}", file.display());
            fs::write(&file, "[1]").unwrap();
            assert!(complaints(&scene).is_empty());
        }
    }
}
