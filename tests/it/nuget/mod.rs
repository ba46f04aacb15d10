//! The real nuget.exe under mono, with keyfob as its plugin, against feeds on loopback and under their real host names. tests/run.sh
//! puts it into target/test-tools; from then on nothing but loopback is needed.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::fakes::http::Server;
use crate::fakes::nuget_feed::NugetFeed;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::process::{Call, Output};
use crate::support::scene::{Scene, skip};

mod artifacts_keyring;
mod plugin;
mod run;
mod setup;

const TOKEN: &str = "a-token-for-nuget-that-only-these-tests-know";
const OTHER: &str = "another-token-for-nuget";

/// The path of a feed's index below its organisation or collection.
const INDEX: &str = "_packaging/feed/nuget/v3/index.json";

fn nuget_exe() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools");
    tools.join("nuget/node_modules/nuget-exe/nuget-5.8.0.exe")
}

/// Whether the real client is here.
fn has_client(scene: &Scene) -> bool {
    let mono = scene.command("sh").args(["-c", "command -v mono && command -v cert-sync"]).run();
    if mono.code() != 0 || !nuget_exe().exists() {
        skip("mono, and nuget.exe in target/test-tools: tests/run.sh");
        return false;
    }
    true
}

/// A machine with nuget.exe, set up as a person does, and the package that the feeds hold.
struct Machine {
    scene: Scene,
    package: Vec<u8>,
}

impl Machine {
    /// `None` where the client is not installed.
    fn new() -> Option<Machine> {
        let scene = Scene::new();
        if !has_client(&scene) {
            return None;
        }
        scene.keyfob(["setup", "nuget", "--yes"]).succeeds();
        let package = package(&scene);
        Some(Machine { scene, package })
    }

    /// Writes the sources that there are.
    fn sources(&self, urls: &[&str]) {
        let row = |(at, url): (usize, &&str)| format!("<add key=\"feed{at}\" value=\"{url}\"/>");
        let rows: String = urls.iter().enumerate().map(row).collect();
        let text = format!(
            "<?xml version=\"1.0\"?><configuration><packageSources><clear/>{rows}</packageSources></configuration>\n"
        );
        fs::write(self.scene.home().join("nuget.config"), text).unwrap();
    }

    fn install(&self) -> Call {
        let call = self.scene.command("mono").arg(nuget_exe());
        call.args([
            "install",
            "Greeting",
            "-Version",
            "1.0.0",
            "-OutputDirectory",
            "got",
            "-ConfigFile",
            "nuget.config",
        ])
        .args(["-NoCache", "-DirectDownload", "-NonInteractive", "-Verbosity", "detailed"])
    }

    /// The package has come.
    #[track_caller]
    fn arrives(&self) -> Output {
        let mut output = self.install().run();
        // mono sometimes aborts one of its own threads at its end, and falls over that.
        if output.code() != 0 && output.stderr().contains("System.Threading.ThreadAbortException") {
            let _ = fs::remove_dir_all(self.scene.home().join("got"));
            output = self.install().run();
        }
        let output = output.succeeds();
        let file = self.scene.home().join("got/Greeting.1.0.0/content/hello.txt");
        assert_eq!(fs::read_to_string(file).unwrap(), "hello", "{output}");
        fs::remove_dir_all(self.scene.home().join("got")).unwrap();
        assert!(!format!("{output}").contains(TOKEN), "{output}");
        output
    }
}

/// A package, made by Python's standard library.
pub fn package(scene: &Scene) -> Vec<u8> {
    let script = "import zipfile\n\
         xml = '<?xml version=\"1.0\"?>'\n\
         about = '<id>Greeting</id><version>1.0.0</version><authors>a</authors><description>d</description>'\n\
         spec = 'http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd'\n\
         types = 'http://schemas.openxmlformats.org/package/2006/content-types'\n\
         kinds = ''.join('<Default Extension=\"%s\" ContentType=\"application/octet\"/>' % e for e in ('nuspec', 'txt'))\n\
         with zipfile.ZipFile('Greeting.nupkg', 'w') as p:\n\
         \x20   p.writestr('Greeting.nuspec', '%s<package xmlns=\"%s\"><metadata>%s</metadata></package>' % (xml, spec, about))\n\
         \x20   p.writestr('content/hello.txt', 'hello')\n\
         \x20   p.writestr('[Content_Types].xml', '%s<Types xmlns=\"%s\">%s</Types>' % (xml, types, kinds))\n";
    scene.command("python3").args(["-c", script]).run().succeeds();
    fs::read(scene.home().join("Greeting.nupkg")).unwrap()
}

/// A collection of a server on this machine, with its feed.
fn server(machine: &Machine) -> (NugetFeed, Server, String) {
    let feed = NugetFeed::new(machine.package.clone(), &[("tfs/One", TOKEN)]).on_premises();
    let server = Server::start(feed.handler());
    let collection = format!("{}/tfs/One", server.url());
    (feed, server, collection)
}

#[test]
fn after_setup_a_server_on_premises_that_offers_ntlm_lets_nuget_in() {
    let Some(machine) = Machine::new() else { return };
    let (_feed, server, collection) = server(&machine);
    machine.scene.add(&collection, TOKEN);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    let output = machine.arrives();
    assert!(
        output.stdout().contains("plugins/netfx/keyfob/keyfob.exe as a credential provider plugin"),
        "{output}"
    );
    for entry in server.log().entries() {
        let scheme = entry.authorization().map(|value| value.split(' ').next().unwrap().to_owned());
        // mono itself offers what nobody typed.
        assert!(matches!(scheme.as_deref(), None | Some("Basic" | "NTLM" | "Negotiate")), "{entry:?}");
        assert!(!entry.carries(TOKEN) || scheme.as_deref() == Some("Basic"), "{entry:?}");
    }
    // And again, from NuGet's own memory of what a plugin can do.
    machine.arrives();
}

#[test]
fn a_token_that_the_feed_refuses_is_kept_and_said() {
    let Some(machine) = Machine::new() else { return };
    let (_feed, server, collection) = server(&machine);
    machine.scene.add(&collection, OTHER);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    let output = machine.install().run().fails();
    assert!(output.stdout().contains("refuses the token"), "{output}");
    assert_eq!(output.stdout().matches("refuses the token").count(), 1, "{output}");
    assert!(server.log().entries().iter().any(|entry| entry.carries(OTHER)));
    let held = machine.scene.held();
    assert!(held.len() == 1 && held[0].ends_with(" - person active"), "{held:?}");
    assert!(!format!("{output}").contains(OTHER), "{output}");
}

#[test]
fn a_foreign_source_beside_ours_gets_no_token_and_no_word() {
    let Some(machine) = Machine::new() else { return };
    let (_feed, _server, collection) = server(&machine);
    let stranger = NugetFeed::new(machine.package.clone(), &[("open", "what nobody has")]);
    let stranger = Server::start(stranger.handler());
    machine.scene.add(&collection, TOKEN);
    let (theirs, ours) = (format!("{}/open/{INDEX}", stranger.url()), format!("{collection}/{INDEX}"));
    machine.sources(&[&ours, &theirs]);
    // NuGet stops at a source that it cannot enter; what counts is who saw what, and that nothing is said of it.
    let output = machine.install().run();
    assert!(!stranger.log().entries().is_empty());
    assert!(stranger.log().hosts_that_saw(TOKEN).is_empty());
    assert!(!output.stdout().contains("keyfob: "), "{output}");
}

#[test]
fn a_collection_of_ours_without_a_token_is_told_what_to_run() {
    let Some(machine) = Machine::new() else { return };
    let url = format!("https://pkgs.dev.azure.com/contoso/{INDEX}");
    let feed = NugetFeed::new(machine.package.clone(), &[("contoso", TOKEN)]);
    let (machine, _proxy) = behind_proxy(machine, &feed);
    machine.sources(&[&url]);
    let output = machine.install().run().fails();
    assert!(output.stdout().contains("keyfob add https://dev.azure.com/contoso"), "{output}");
}

/// The machine with the real host names within its reach.
fn behind_proxy(mut machine: Machine, feed: &NugetFeed) -> (Machine, Proxy) {
    let rows = vec![
        ("pkgs.dev.azure.com", feed.handler()),
        ("contoso.pkgs.visualstudio.com", feed.handler()),
        ("*.blob.core.windows.net", feed.storage()),
        ("*.vsblob.vsassets.io", feed.storage()),
    ];
    let authority = Authority::new();
    let proxy = Proxy::start(&authority, rows);
    machine.scene.use_proxy(&proxy.url(), authority.pem());
    machine.scene.set("http_proxy", proxy.url());
    let trusted = machine.scene.home().join("authority.pem");
    // Only into this home: mono has a list of its own.
    machine.scene.command("cert-sync").arg("--user").arg(trusted).run().succeeds();
    (machine, proxy)
}

#[test]
fn one_token_opens_the_feeds_of_its_organisation_and_no_storage_sees_it() {
    let Some(machine) = Machine::new() else { return };
    let feed = NugetFeed::new(
        machine.package.clone(),
        &[("contoso", TOKEN), ("contoso/Project", TOKEN), ("", TOKEN), ("fabrikam", OTHER)],
    );
    let (machine, proxy) = behind_proxy(machine, &feed);
    machine.scene.add("https://dev.azure.com/contoso", TOKEN);
    machine.scene.add("https://dev.azure.com/fabrikam", OTHER);
    for (url, storage) in [
        ("https://pkgs.dev.azure.com/contoso/", "https://x1.blob.core.windows.net"),
        ("https://pkgs.dev.azure.com/contoso/Project/", "https://x1.vsblob.vsassets.io"),
        ("https://contoso.pkgs.visualstudio.com/", "https://x1.blob.core.windows.net"),
        ("https://pkgs.dev.azure.com/fabrikam/", "https://x1.vsblob.vsassets.io"),
    ] {
        feed.store_at(storage);
        machine.sources(&[&format!("{url}{INDEX}")]);
        machine.arrives();
        let log = proxy.log().take();
        assert!(log.iter().any(|entry| storage.ends_with(&entry.host)), "{url}");
        for entry in log {
            let (first, second) = (entry.carries(TOKEN), entry.carries(OTHER));
            let is_storage = !entry.host.contains("pkgs.");
            assert!(!is_storage || entry.authorization().is_none(), "{entry:?}");
            assert!(!first || !entry.target.starts_with("/fabrikam/"), "{entry:?}");
            assert!(!second || entry.target.starts_with("/fabrikam/"), "{entry:?}");
        }
    }
}

#[test]
fn a_provider_of_version_1_serves_where_no_plugin_is_looked_for() {
    let Some(mut machine) = Machine::new() else { return };
    machine.scene.keyfob(["unsetup", "nuget"]).succeeds();
    let server = Server::start(NugetFeed::new(machine.package.clone(), &[("tfs/One", TOKEN)]).handler());
    let collection = format!("{}/tfs/One", server.url());
    machine.scene.add(&collection, TOKEN);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    machine.install().run().fails();
    let folder = machine.scene.home().join("providers");
    machine.scene.private_folder(&folder);
    std::os::unix::fs::symlink(machine.scene.link("keyfob"), folder.join("CredentialProvider.Keyfob.exe"))
        .unwrap();
    machine.scene.set("NUGET_CREDENTIALPROVIDERS_PATH", &folder);
    server.log().take();
    machine.arrives();
    // What is not ours goes on to the next.
    let stranger = Server::start(NugetFeed::new(machine.package.clone(), &[]).handler());
    machine.sources(&[&format!("{}/x/{INDEX}", stranger.url())]);
    machine.install().run().fails();
    assert!(stranger.log().hosts_that_saw(TOKEN).is_empty());
}

#[test]
fn a_locked_wallet_is_said_by_its_name() {
    let Some(machine) = Machine::new() else { return };
    let (_feed, server, collection) = server(&machine);
    machine.scene.add(&collection, TOKEN);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    machine.scene.protect_vault("correct horse");
    let output = machine.install().run().fails();
    assert!(output.stdout().contains("keyfob: ") && output.stdout().contains("locked"), "{output}");
    assert!(server.log().hosts_that_saw(TOKEN).is_empty());
}
