//! The examples that the help texts end with, run one after the other in one scene: each must work as it stands.

use crate::fakes::azure_pats::Pats;
use crate::fakes::forge::{Forge, Token};
use crate::fakes::git_backend::Repositories;
use crate::fakes::proxy::Proxy;
use crate::fakes::tls::Authority;
use crate::support::scene::Scene;

#[test]
fn the_example_of_every_command_works_as_it_stands() {
    let mut scene = Scene::new();
    // For those that ask a service.
    let services = Forge::services(&Repositories::new(scene.home().join("repositories")));
    for token in ["earlier-token", "present-token"] {
        services.add(Token::new("contoso", "alice@contoso.test", token));
    }
    let authority = Authority::new();
    let pats = Pats::new(&services, "a-bearer");
    let rows = vec![("dev.azure.com", services.handler()), ("vssps.dev.azure.com", pats.handler())];
    let proxy = Proxy::start(&authority, rows);
    scene.use_proxy(&proxy.url(), authority.pem()).set("KEYFOB_ENTRA_TOKEN", "a-bearer");
    // Something to restore.
    scene
        .keyfob_with(["add", "https://dev.azure.com/contoso", "--account", "alice"], "earlier-token\n")
        .succeeds();
    for command in keyfob::command::ALL {
        if command.name == "lock" {
            scene.protect_vault("s3cret horse");
        }
        let words: Vec<&str> = command.example.split_whitespace().collect();
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(*program, "keyfob", "{}", command.example);
        assert_eq!(arguments.first(), Some(&command.name), "an example begins with the word that it shows");
        let asks = ["add", "check", "pat", "rotate"].contains(&command.name);
        let call = scene.program("keyfob").args(arguments).stdin("present-token\n");
        call.env("KEYFOB_OFFLINE", if asks { "" } else { "1" }).run().succeeds();
    }
}
