//! `keyfob run`, for clients that can start no plugin of ours.

use crate::fakes::http::Server;
use crate::fakes::nuget_feed::NugetFeed;

use super::{INDEX, Machine, OTHER, TOKEN, server};

#[test]
fn without_a_plugin_run_gives_each_source_its_own_token() {
    let Some(machine) = Machine::new() else { return };
    machine.scene.keyfob(["unsetup", "nuget"]).succeeds();
    // Neither in PATH.
    std::fs::remove_file(machine.scene.bin().join("nuget-plugin-keyfob")).unwrap();
    let (_feed, server, collection) = server(&machine);
    let other = Server::start(NugetFeed::new(machine.package.clone(), &[("x", OTHER)]).handler());
    machine.scene.add(&collection, TOKEN);
    machine.sources(&[&format!("{collection}/{INDEX}")]);
    machine.install().run().fails();
    let install = machine.scene.program("keyfob").args(["run", "--profile", "nuget", "--", "mono"]);
    let arguments =
        ["install", "Greeting", "-Version", "1.0.0", "-OutputDirectory", "got", "-NonInteractive"];
    let install =
        install.arg(super::nuget_exe()).args(arguments).args(["-ConfigFile", "nuget.config", "-NoCache"]);
    install.clone().run().succeeds();
    assert!(machine.scene.home().join("got/Greeting.1.0.0").exists());
    assert_eq!(server.log().hosts_that_saw(TOKEN).len(), 1);
    // A foreign source beside gets nothing of it.
    machine.sources(&[&format!("{}/x/{INDEX}", other.url()), &format!("{collection}/{INDEX}")]);
    std::fs::remove_dir_all(machine.scene.home().join("got")).unwrap();
    install.run();
    assert!(!other.log().entries().is_empty() && other.log().hosts_that_saw(TOKEN).is_empty());
}
