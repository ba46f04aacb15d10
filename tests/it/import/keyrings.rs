//! Other programs' entries in a real GNOME Keyring, written by libsecret's own tool with the attributes that those programs
//! give them, and by Python's keyring library itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{CONTOSO, run, token};
use crate::support::bus::{Desktop, Provider};
use crate::support::scene::Scene;

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
fn a_keyring_that_does_not_answer_is_an_error_in_time_and_never_nothing_found() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    fill(&desktop);
    let scene = scene(&desktop);
    desktop.mute_keyring();
    for source in ["git-keyring", "gcm", "gh", "keyring"] {
        let silent = run(&scene, &format!("import {source} --yes --move"));
        assert!(silent.code() == 3 && !silent.stdout().contains("nothing here"), "{source}: {silent}");
    }
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
        return crate::support::scene::skip("twine in target/test-tools: tests/run.sh");
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

/// git's own helper, built from the source that comes with Debian's git.
fn git_credential_libsecret(desktop: &Desktop) -> Option<PathBuf> {
    let source = Path::new("/usr/share/doc/git/contrib/credential/libsecret/git-credential-libsecret.c");
    let built = desktop.folder().join("git-credential-libsecret");
    let line = format!(
        "cc -o '{}' '{}' $(pkg-config --cflags --libs libsecret-1)",
        built.display(),
        source.display()
    );
    let done = desktop.command("sh").args(["-c", &line]).output().unwrap();
    if !done.status.success() {
        crate::support::scene::skip(
            "git-credential-libsecret, from git's contrib, with libsecret-1-dev and pkg-config",
        );
        return None;
    }
    Some(built)
}

fn with_stdin(mut command: Command, input: &str) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_gits_own_helper_keeps_comes_in_for_its_port_and_path_and_goes_out() {
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let Some(helper) = git_credential_libsecret(&desktop) else { return };
    let call = |operation: &str, lines: &str| {
        let mut command = desktop.command(helper.to_str().unwrap());
        command.arg(operation);
        with_stdin(command, &format!("{}\n\n", lines.replace('|', "\n")))
    };
    for pair in [
        "protocol=https|host=dev.azure.com|path=contoso/P/_git/R|username=alice|password=s3cret-1",
        // In this order: the helper itself lets one without a port take the place of one with.
        "protocol=https|host=git.example.com|username=bob|password=s3cret-3",
        "protocol=https|host=git.example.com:8443|username=bob|password=s3cret-2",
        "protocol=http|host=plain.example|username=carl|password=s3cret-4",
        "protocol=imaps|host=mail.example|username=carl|password=s3cret-5",
    ] {
        call("store", pair);
    }
    let scene = scene(&desktop);
    let done = run(&scene, "import git-keyring --yes --move").succeeds();
    assert!(done.stdout().contains("a token would travel in clear text"), "{done}");
    assert!(!done.stdout().contains("mail.example"), "{done}");
    let held = [
        "azure-devops/contoso alice person active",
        "generic/https://git.example.com bob person active",
        "generic/https://git.example.com:8443 bob person active",
    ];
    assert_eq!(scene.held(), held, "{done}");
    assert_eq!(token(&scene, "https://git.example.com:8443", "bob"), "s3cret-2");
    assert_eq!(token(&scene, "https://git.example.com", "bob"), "s3cret-3");
    assert_eq!(call("get", "protocol=https|host=git.example.com:8443"), "");
    assert!(call("get", "protocol=http|host=plain.example").contains("s3cret-4"));
    assert!(call("get", "protocol=imaps|host=mail.example").contains("s3cret-5"));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn what_git_credential_manager_itself_keeps_in_the_keyring_comes_in_and_goes_out() {
    let Some(program) = super::programs::git_credential_manager() else { return };
    let Some(desktop) = Desktop::start(Provider::Unlocked) else { return };
    let call = |operation: &str, pair: &str| {
        let mut command = desktop.command(program.to_str().unwrap());
        command.arg(operation).env("GCM_CREDENTIAL_STORE", "secretservice").env("GCM_PROVIDER", "generic");
        // It asks whether there is a desktop, and opens nothing on it.
        command.env("DISPLAY", ":9").env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
        with_stdin(command, &format!("{}\n\n", pair.replace('|', "\n")))
    };
    call("store", "protocol=https|host=git.example.com:8443|username=b@o b|password=s3cret-1");
    call("store", "protocol=https|host=git.example.com|username=alice|password=s3cret-2");
    let scene = scene(&desktop);
    let done = run(&scene, "import gcm --yes").succeeds();
    let held = [
        "generic/https://git.example.com alice person active",
        "generic/https://git.example.com:8443 b@o b person active",
    ];
    assert_eq!(scene.held(), held, "{done}");
    assert!(
        call("get", "protocol=https|host=git.example.com|username=alice").contains("s3cret-2"),
        "it stays"
    );
    run(&scene, "import gcm --yes --move").succeeds();
    let mark = ["search", "--all", "xdg:schema", "com.microsoft.GitCredentialManager"];
    assert_eq!(desktop.secret_tool(&mark, ""), "");
    assert_eq!(token(&scene, "https://git.example.com:8443", "b@o b"), "s3cret-1");
}
