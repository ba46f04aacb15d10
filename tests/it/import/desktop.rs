//! Other programs' entries in a real GNOME Keyring, written by libsecret's own tool with the attributes that those programs
//! give them, and by Python's keyring library itself.

use std::path::Path;

use super::{CONTOSO, run, token};
use crate::bus::{Desktop, Provider};
use crate::scene::Scene;

/// A scene that sees the desktop's bus.
fn scene(desktop: &Desktop) -> Scene {
    let mut scene = Scene::new();
    let bus = desktop.environment(&[]).os("DBUS_SESSION_BUS_ADDRESS").unwrap();
    scene.set("DBUS_SESSION_BUS_ADDRESS", bus);
    scene
}

fn store(desktop: &Desktop, attributes: &str, secret: &str) {
    let words = attributes.split(' ').map(|word| if word == "''" { "" } else { word });
    let words: Vec<&str> = ["store", "--label=foreign"].into_iter().chain(words).collect();
    desktop.secret_tool(&words, secret);
}

fn fill(desktop: &Desktop) {
    let git = "protocol https server dev.azure.com user alice object contoso";
    store(desktop, &format!("xdg:schema org.git.Password {git}"), "s3cret-1\npassword_expiry_utc=4000000000");
    let old = "xdg:schema org.gnome.keyring.NetworkPassword protocol https server git.example.com port 8443 user bob";
    store(desktop, old, "s3cret-2");
    let share = "xdg:schema org.gnome.keyring.NetworkPassword protocol smb server nas.example user bob";
    store(desktop, share, "s3cret-share");
    let renewed = "xdg:schema org.git.Password protocol https server gitlab.com user carl";
    store(desktop, renewed, "s3cret-3\noauth_refresh_token=s3cret-refresh");
    let gcm =
        "xdg:schema com.microsoft.GitCredentialManager service git:https://git.corp.example account dora";
    store(desktop, gcm, "s3cret-4");
    store(desktop, "service gh:github.com username erin", "s3cret-5");
    store(desktop, "service gh:github.com username ''", "s3cret-5");
}

#[test]
fn what_gits_helpers_git_credential_manager_and_gh_keep_comes_in_and_goes_out() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    fill(&desktop);
    let scene = scene(&desktop);
    let overview = run(&scene, "import").succeeds();
    for line in
        ["git-keyring  3 entries  the keyring", "gcm          1 entry  the keyring", "gh           2 entries"]
    {
        assert!(overview.stdout().contains(line), "{line}: {overview}");
    }
    let git = run(&scene, "import git-keyring --yes").succeeds();
    assert!(git.stdout().contains("another helper renews it"), "{git}");
    run(&scene, "import gcm --yes").succeeds();
    run(&scene, "import gh --yes").succeeds();
    let held = [
        "azure-devops/contoso alice person active",
        "generic/https://git.corp.example dora person active",
        "generic/https://git.example.com:8443 bob person active",
        "github/github.com erin person active",
    ];
    assert_eq!(scene.held(), held);
    assert_eq!(token(&scene, CONTOSO, "alice"), "s3cret-1");
    let list = run(&scene, "list --json").succeeds();
    assert!(list.stdout().contains("2096-10-02"), "the expiry comes along: {list}");
    for source in ["git-keyring", "gcm", "gh"] {
        run(&scene, &format!("import {source} --yes --move")).succeeds();
    }
    let left = |attribute: &str| {
        desktop
            .secret_tool(&[&["search", "--all"], &attribute.split(' ').collect::<Vec<_>>()[..]].concat(), "")
    };
    assert!(
        left("user alice").is_empty() && left("account dora").is_empty() && left("username erin").is_empty()
    );
    assert!(left("user carl").contains("s3cret-3") && left("protocol smb").contains("s3cret-share"));
    assert_eq!(scene.held(), held);
}

#[test]
fn a_locked_keyring_is_an_error_and_never_nothing_found() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    fill(&desktop);
    desktop.lock();
    let scene = scene(&desktop);
    for source in ["git-keyring", "gcm", "gh", "az", "keyring"] {
        let locked = run(&scene, &format!("import {source} --yes --move"));
        assert_eq!(locked.code(), 3, "{source}: {locked}");
        assert!(locked.stderr().contains("keyfob: hint: "), "{locked}");
    }
    let overview = run(&scene, "import").succeeds();
    assert!(overview.stdout().contains("git-keyring  the secret-service store is locked"), "{overview}");
    assert!(scene.held().is_empty());
}

#[test]
fn where_there_is_no_keyring_the_files_are_read_all_the_same() {
    let Some(desktop) = Desktop::start(Provider::None) else { return };
    let scene = scene(&desktop);
    std::fs::create_dir_all(scene.home().join(".config/gh")).unwrap();
    scene.append(".config/gh/hosts.yml", "github.com:\n    user: erin\n    oauth_token: s3cret-5\n");
    let done = run(&scene, "import gh --yes").succeeds();
    assert!(done.stderr().contains("the keyring was not looked into: not running"), "{done}");
    assert_eq!(scene.held(), ["github/github.com erin person active"]);
    assert_eq!(run(&scene, "import git-keyring --yes").code(), 3);
}

#[test]
fn what_pythons_keyring_keeps_for_urls_comes_in_and_its_az_devops_entries_by_their_own_name() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/twine/bin/python");
    if !python.exists() {
        return crate::scene::skip("twine in target/test-tools: tests/run.sh");
    }
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let program = "import keyring\n\
        keyring.set_password('https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/', 'VssSessionToken', 's3cret-1')\n\
        keyring.set_password('azdevops-cli:https://dev.azure.com/fabrikam', 'Personal Access Token', 's3cret-2')\n\
        keyring.set_password('something else', 'me', 's3cret-3')\n";
    let done = desktop.command(python.to_str().unwrap()).args(["-c", program]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let scene = scene(&desktop);
    let python = run(&scene, "import keyring --yes --move").succeeds();
    assert!(python.stderr().contains("of Python's keyring, 2 are for other things than a URL"), "{python}");
    run(&scene, "import az --yes --move").succeeds();
    assert_eq!(
        scene.held(),
        ["azure-devops/contoso - person active", "azure-devops/fabrikam - person active"]
    );
    let left = desktop.secret_tool(&["search", "--all", "application", "Python keyring library"], "");
    assert!(left.contains("s3cret-3") && !left.contains("s3cret-1") && !left.contains("s3cret-2"), "{left}");
}
