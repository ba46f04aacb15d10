//! Every source that reads a file, on what such files are and on what nobody should ever find in one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::store::NoTerminal;

mod layouts;

/// A home with this one file, and what a source finds in it.
struct Home {
    folder: tempfile::TempDir,
    environment: Environment,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        // No session bus: the developer's own keyring is not looked into.
        let pairs = [
            ("HOME", folder.path().as_os_str()),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere".as_ref()),
        ];
        let environment = Environment::new(pairs.map(|(name, value)| (name.into(), value.to_owned())));
        Home { folder, environment }
    }

    fn with(name: &str, content: impl AsRef<[u8]>) -> Home {
        let home = Home::new();
        home.write(name, content);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    fn outside(&self) -> Outside<'_> {
        let store_context = StoreContext {
            data: self.path("keyfob"),
            timeout: Duration::from_secs(3),
            prompt_timeout: Duration::from_secs(3),
            environment: &self.environment,
            ask: &NoTerminal,
            unlocked: None,
            stays_unlocked: None,
        };
        Outside { environment: &self.environment, store_context, file: None, only_look: false, now: 1000 }
    }

    fn read(&self, source: &str) -> Reading {
        (named(source).unwrap().read)(&self.outside()).unwrap()
    }

    /// `URL USER TOKEN` of each entry.
    fn found(&self, source: &str) -> Vec<String> {
        let reading = self.read(source);
        reading.found.iter().map(line).collect()
    }

    /// Why each of the others is left; nothing is found.
    fn left(&self, source: &str) -> Vec<String> {
        let reading = self.read(source);
        assert!(reading.found.is_empty(), "{:?}", reading.found);
        reading.skipped.into_iter().map(|skipped| skipped.why).collect()
    }

    /// Takes every entry out, and returns the file then.
    fn emptied(&self, source: &str, name: &str) -> String {
        let reading = self.read(source);
        let all: Vec<&Found> = reading.found.iter().collect();
        let (removed, errors) = remove(named(source).unwrap(), &self.outside(), &all);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(removed, all.len());
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn line(found: &Found) -> String {
    let token = String::from_utf8_lossy(found.token.expose()).into_owned();
    format!("{} {} {token}", found.remote, found.user.as_deref().unwrap_or("-"))
}

/// Each source with its usual file, and one entry in it.
fn usual() -> Vec<(&'static str, &'static str, String)> {
    let text = str::to_owned;
    vec![
        ("git-store", ".git-credentials", text("https://alice:t0ken@dev.azure.com/contoso\n")),
        ("gh", ".config/gh/hosts.yml", text("github.com:\n    user: alice\n    oauth_token: t0ken\n")),
        (
            "az",
            ".azure/azuredevops/personalAccessTokens",
            text("[azdevops-cli:https://dev.azure.com/contoso]\npersonal access token = t0ken\n\n"),
        ),
        (
            "npm",
            ".npmrc",
            text(
                "//pkgs.dev.azure.com/contoso/_packaging/f/npm/registry/:username=alice\n\
                  //pkgs.dev.azure.com/contoso/_packaging/f/npm/registry/:_password=dDBrZW4=\n",
            ),
        ),
        (
            "nuget",
            ".nuget/NuGet/NuGet.Config",
            text(
                "<configuration>\n  <packageSources>\n    <add key=\"my feed\" value=\"https://pkgs.dev.azure.com/contoso/_packaging/f/nuget/v3/index.json\" />\n  \
                  </packageSources>\n  <packageSourceCredentials>\n    <my_x0020_feed>\n      <add key=\"Username\" value=\"alice\" />\n      \
                  <add key=\"ClearTextPassword\" value=\"t0ken\" />\n    </my_x0020_feed>\n  </packageSourceCredentials>\n</configuration>\n",
            ),
        ),
        (
            "glab",
            ".config/glab-cli/config.yml",
            text("git_protocol: https\nhosts:\n    gitlab.com:\n        token: t0ken\n        user: alice\n"),
        ),
        (
            "pip",
            ".config/pip/pip.conf",
            text(
                "[global]\nindex-url = https://alice:t0ken@pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/\n",
            ),
        ),
        ("cargo", ".cargo/credentials.toml", text("[registry]\ntoken = \"t0ken\"\n")),
        (
            "maven",
            ".m2/settings.xml",
            text(
                "<settings>\n  <servers>\n    <server>\n      <id>f</id>\n      <username>alice</username>\n      \
                  <password>t0ken</password>\n    </server>\n  </servers>\n  <mirrors><mirror><id>f</id>\
                  <url>https://pkgs.dev.azure.com/contoso/_packaging/f/maven/v1</url></mirror></mirrors>\n</settings>\n",
            ),
        ),
        ("netrc", ".netrc", text("machine git.example.com\n  login alice\n  password t0ken\n")),
        (
            "keyring",
            ".local/share/python_keyring/keyring_pass.cfg",
            text("[https_3A_2F_2Fpkgs_2Edev_2Eazure_2Ecom_2Fcontoso]\nalice = \n\tdDBrZW4=\n\t\n"),
        ),
        (
            "docker",
            ".docker/config.json",
            text(
                "{\n\t\"auths\": {\n\t\t\"registry.example.com\": {\n\t\t\t\"auth\": \"YWxpY2U6dDBrZW4=\"\n\t\t}\n\t}\n}",
            ),
        ),
        (
            "gcm",
            ".gcm/store/git/https/dev.azure.com/contoso/alice.credential",
            text("t0ken\nservice=https://dev.azure.com/contoso\naccount=alice\n"),
        ),
    ]
}

#[test]
fn each_source_reads_what_its_program_writes() {
    for (source, name, text) in usual() {
        let home = Home::with(name, &text);
        let found = home.found(source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert!(found[0].ends_with(" t0ken"), "{source}: {found:?}");
        assert!(found[0].contains(" alice ") || ["az", "cargo"].contains(&source), "{source}: {found:?}");
        let reading = home.read(source);
        assert!(!format!("{reading:?}").contains("t0ken"), "{source}");
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    for (source, name, text) in usual() {
        let plain = Home::with(name, &text).found(source);
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(Home::with(name, &crlf).found(source), plain, "{source}");
        if source != "gcm" && source != "docker" {
            assert_eq!(Home::with(name, format!("\u{feff}{crlf}")).found(source), plain, "{source}");
        }
    }
}

#[test]
fn what_is_taken_out_leaves_every_other_byte_as_it_was() {
    for (source, name, text) in usual().into_iter().filter(|(source, ..)| *source != "gcm") {
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let left = Home::with(name, &text).emptied(source, name);
            assert!(!left.contains("t0ken") && !left.contains("dDBrZW4"), "{source}: {left}");
            // What is left is the text without one piece or several, in order.
            let mut rest = text.chars();
            assert!(left.chars().all(|c| rest.any(|other| other == c)), "{source}: {left}");
        }
    }
    let gcm = usual().pop().unwrap();
    let home = Home::with(gcm.1, &gcm.2);
    let reading = home.read("gcm");
    let _ = remove(named("gcm").unwrap(), &home.outside(), &[&reading.found[0]]);
    assert!(!home.path(gcm.1).exists());
}

#[test]
fn only_what_is_meant_is_taken_out() {
    let text = "https://a:1@one.example\nhttps://b:2@two.example\r\n# mine\n\nhttps://c:3@three.example";
    let home = Home::with(".git-credentials", text);
    let reading = home.read("git-store");
    let _ = remove(named("git-store").unwrap(), &home.outside(), &[&reading.found[1]]);
    let left = fs::read_to_string(home.path(".git-credentials")).unwrap();
    assert_eq!(left, "https://a:1@one.example\n# mine\n\nhttps://c:3@three.example");
}

#[test]
fn a_file_that_nobody_should_find_is_an_answer_and_never_a_crash() {
    let hostile: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\0".to_vec(),
        b"https://a:b\0@h\n".to_vec(),
        b"\xff\xfeh\0".to_vec(),
        b"\xff\xff\xff".to_vec(),
        b"\xef\xbb\xbf".to_vec(),
        b"\n\r\n\r\r\n".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"{\"auths\":{\"h\":{\"auth\":\"!\"},\"\":{\"auth\":\"\"},\"g\":null}}".to_vec(),
        b"<".to_vec(),
        b"<a><b></a></b>".to_vec(),
        b"<a b=c>".to_vec(),
        "<a b='&bogus;'/>".as_bytes().to_vec(),
        "<a>".repeat(10_000).into_bytes(),
        "[".repeat(10_000).into_bytes(),
        "{\"a\":".repeat(10_000).into_bytes(),
        b"[s]\n=\n[t\n  k = v\n= x\n[]\n".to_vec(),
        "machine".as_bytes().to_vec(),
        "machine \"a\\".as_bytes().to_vec(),
        "machine # password #\nmacdef x\n".as_bytes().to_vec(),
        "password p login l machine".as_bytes().to_vec(),
        "a:\n  b:\n c:\n      d: 'x\n\t- e".as_bytes().to_vec(),
        "https://%:%zz@%00\nhttps://:@\nhttps://a:%@h\n://\n@\nhttps://u:p@h:99999/\n".as_bytes().to_vec(),
        "//:_password=\n//x/:_auth=====\n:_authToken=x\n_auth=y\n".as_bytes().to_vec(),
        "ünïcødé".as_bytes().to_vec(),
        "x\nservice=https://u:p@h\naccount=\n".as_bytes().to_vec(),
        vec![b'x'; 1 << 20],
        "machine h login l password p ".repeat(20_000).into_bytes(),
        "https://u:p@h/x\n".repeat(20_000).into_bytes(),
    ];
    for (source, name, _) in usual() {
        for content in &hostile {
            let home = Home::with(name, content);
            let reading = home.read(source);
            let shown = String::from_utf8_lossy(&content[..content.len().min(40)]).into_owned();
            for skipped in &reading.skipped {
                assert!(!skipped.what.chars().any(char::is_control), "{source} {shown}");
                assert!(!skipped.what.contains("u:p@"), "{source} {shown}: {}", skipped.what);
            }
        }
    }
}

#[test]
fn a_file_is_what_it_is_and_that_is_said() {
    let home = Home::new();
    let outside = home.outside();
    let read = |source: &str| (named(source).unwrap().read)(&outside);
    home.write(".npmrc", vec![b'#'; 9 << 20]);
    assert!(read("npm").unwrap_err().to_string().contains("larger than 8 MiB"));
    fs::create_dir(home.path(".netrc")).unwrap();
    assert!(read("netrc").unwrap_err().to_string().contains("not a regular file"));
    // A folder of its path that is a file: there is no such file.
    home.write(".docker", "");
    assert_eq!(read("docker").unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let home = Home::new();
    let pipe = home.path(".git-credentials");
    assert!(std::process::Command::new("mkfifo").arg("-m600").arg(&pipe).status().unwrap().success());
    let error = (named("git-store").unwrap().read)(&home.outside()).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn one_file_of_git_credential_managers_that_cannot_be_read_leaves_the_others() {
    let home = Home::with(
        ".gcm/store/git/https/github.com/a.credential",
        "1\nservice=https://github.com\naccount=a\n",
    );
    home.write(".gcm/store/git/https/github.com/b.credential", vec![b'x'; 9 << 20]);
    home.write(".gcm/store/git/https/github.com/c.credential", "");
    assert_eq!(home.found("gcm"), ["https://github.com a 1"]);
    let left = home.read("gcm").skipped;
    assert!(left[0].why.contains("larger than 8 MiB") && left.len() == 2, "{left:?}");
}

#[cfg(unix)]
#[test]
fn links_and_open_modes_are_said_and_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::with("dotfiles/credentials", "https://a:1@one.example\nhttps://b:2@two.example\n");
    let (file, link) = (home.path("dotfiles/credentials"), home.path(".git-credentials"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&file, &link).unwrap();
    let reading = home.read("git-store");
    assert_eq!(reading.found.len(), 2);
    assert!(reading.notes[0].contains("mode 644"), "{:?}", reading.notes);
    let (removed, errors) = remove(named("git-store").unwrap(), &home.outside(), &[&reading.found[0]]);
    assert!(removed == 1 && errors.is_empty(), "{errors:?}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "https://b:2@two.example\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(home.path("dotfiles")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn gits_own_lock_is_respected_and_left_alone() {
    let home = Home::with(".git-credentials", "https://a:1@one.example\n");
    let lock = home.write(".git-credentials.lock", "git's");
    let reading = home.read("git-store");
    let (removed, errors) = remove(named("git-store").unwrap(), &home.outside(), &[&reading.found[0]]);
    assert!(removed == 0 && errors[0].to_string().contains("its lock is taken"), "{errors:?}");
    assert_eq!(fs::read_to_string(lock).unwrap(), "git's");
    assert_eq!(fs::read_to_string(home.path(".git-credentials")).unwrap(), "https://a:1@one.example\n");
}

#[test]
fn a_file_that_changed_in_between_is_read_again_and_only_the_entry_goes() {
    let home = Home::with(".git-credentials", "https://a:1@one.example\nhttps://b:2@two.example\n");
    let reading = home.read("git-store");
    home.write(".git-credentials", "https://new:9@nine.example\nhttps://a:1@one.example\n");
    let all: Vec<&Found> = reading.found.iter().collect();
    let (removed, errors) = remove(named("git-store").unwrap(), &home.outside(), &all);
    assert!(removed == 1 && errors.is_empty(), "{errors:?}");
    let left = fs::read_to_string(home.path(".git-credentials")).unwrap();
    assert_eq!(left, "https://new:9@nine.example\n");
    // Between the reading and the writing: nothing is written.
    let (path, now) = (home.path(".git-credentials"), b"other");
    assert!(
        crate::files::rewrite(&path, b"before", now, None)
            .unwrap_err()
            .to_string()
            .contains("changed just now")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), left);
}

#[test]
fn what_is_no_lasting_token_is_left_with_the_reason() {
    let left = |source: &str, name: &str, text: &str| Home::with(name, text).left(source).join("; ");
    let store = |text: &str| left("git-store", ".git-credentials", text);
    assert!(store("smtp://a:b@mail.example\n").contains("only https and http"));
    assert!(store("https://a:eyJhbGciOi.eyJzdWIi.c2ln@dev.azure.com/contoso\n").contains("sign-in"));
    assert!(store("https://a:b%20c@h.example\n").contains("blank"));
    for host in
        ["h.example@evil.test", "h.example%40evil.test", "evil.test%2F.h.example", "evil.test%23.h.example"]
    {
        assert!(store(&format!("https://a:b@{host}/x\n")).contains("no URL"), "{host}");
    }
    assert!(store("https://h.example\n").contains("no URL with a user name and a token"));
    let npm = |text: &str| left("npm", ".npmrc", text);
    assert!(npm("//registry.example/:_authToken=${NPM_TOKEN}\n").contains("variable"));
    assert!(npm("//registry.example.test/:_authToken=npm_x\n").contains("registry's own"));
    assert!(npm("//pkgs.dev.azure.com/contoso/_packaging/f/npm/:_authToken=abc\n").contains("sign-in"));
    assert!(npm("_auth=YTpi\n").contains("every registry"));
    let nuget = usual().into_iter().find(|(source, ..)| *source == "nuget").unwrap().2;
    let nuget = |from: &str, to: &str| left("nuget", ".nuget/NuGet/NuGet.Config", &nuget.replace(from, to));
    assert!(nuget("ClearTextPassword", "Password").contains("encrypted"));
    assert!(nuget("\"t0ken\"", "\"%TOKEN%\"").contains("variable"));
    assert!(nuget("key=\"my feed\"", "key=\"another\"").contains("tells its URL"));
    assert!(left("netrc", ".netrc", "default login a password b\n").contains("every host"));
    let docker = "{\"auths\":{\"h.example\":{\"auth\":\"YTpi\",\"identitytoken\":\"x\"}}}";
    assert!(left("docker", ".docker/config.json", docker).contains("sign-in"));
    for own in ["access-token", "refresh-token"] {
        let docker = format!("{{\"auths\":{{\"https://index.docker.io/v1/{own}\":{{\"auth\":\"YTpi\"}}}}}}");
        assert!(left("docker", ".docker/config.json", &docker).contains("for itself"));
    }
    let docker = "{\"auths\":{\"a.example\":{},\"b.example\":null},\"credsStore\":\"desktop\",\"credHelpers\":{\"b.example\":\"keyfob\",\"c.example\":\"gcloud\"}}";
    let why = "docker-credential-desktop keeps it; docker-credential-gcloud keeps it";
    assert_eq!(left("docker", ".docker/config.json", docker), why);
    let az = "[azdevops-cli: default]\npersonal access token = x\n";
    assert!(left("az", ".azure/azuredevops/personalAccessTokens", az).contains("every organisation"));
    let sealed = ".gcm/dpapi_store/git/https/h.example/a.credential";
    assert!(left("gcm", sealed, "AQAA\nservice=https://h.example\naccount=a\n").contains("has encrypted it"));
    let gcm = "x\nservice=https://refresh_token.bitbucket.org\naccount=a\n";
    assert!(left("gcm", ".gcm/store/git/https/b/a.credential", gcm).contains("refresh token"));
}

#[test]
fn a_named_file_is_read_and_the_usual_ones_are_not() {
    let home = Home::with(".git-credentials", "https://a:1@one.example\n");
    let other = home.write("other", "https://b:2@two.example\n");
    let mut outside = home.outside();
    outside.file = Some(other);
    let reading = (named("git-store").unwrap().read)(&outside).unwrap();
    assert_eq!(reading.found.iter().map(line).collect::<Vec<_>>(), ["https://two.example b 2"]);
    outside.file = Some(Path::new("/nowhere/at/all").to_owned());
    assert!((named("git-store").unwrap().read)(&outside).is_err());
}
