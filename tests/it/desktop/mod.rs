//! keyfob with other Secret Services than GNOME Keyring: oo7, KeePassXC and KWallet. `tests/run.sh desktop` installs and runs them; the
//! ordinary tests ask GNOME Keyring, and a peer that gives the answers of these.

mod services;

use std::time::{Duration, Instant};

use services::{Kind, Service};

use crate::support::process::Output;
use crate::support::scene::Scene;

const HOST: &str = "https://git.example.org";

/// The same tests for each program.
macro_rules! for_each_service {
    ($($name:ident: $kind:expr,)*) => {$(
        mod $name {
            use super::{Kind, Service};

            #[test]
            fn tokens_are_added_stored_given_listed_and_erased() {
                let Some(service) = Service::start($kind) else { return };
                super::tokens_are_added_stored_given_listed_and_erased(service);
            }

            #[test]
            fn locked_is_not_absent_and_nothing_is_changed() {
                let Some(service) = Service::start($kind) else { return };
                super::locked_is_not_absent_and_nothing_is_changed(service);
            }

            #[test]
            fn one_that_is_gone_or_mute_is_an_error_and_keeps_its_tokens() {
                let Some(service) = Service::start($kind) else { return };
                super::one_that_is_gone_or_mute_is_an_error_and_keeps_its_tokens(service);
            }

            #[test]
            fn nothing_is_absent_the_moment_it_starts() {
                let Some(service) = Service::start($kind) else { return };
                super::nothing_is_absent_the_moment_it_starts(service);
            }

            #[test]
            fn many_may_read_and_write_at_once() {
                let Some(service) = Service::start($kind) else { return };
                super::many_may_read_and_write_at_once(&service);
            }
        }
    )*};
}

for_each_service! {
    oo7: Kind::Oo7,
    keepassxc: Kind::KeePassXc,
    kwallet: Kind::KWallet,
}

/// As it comes, KeePassXC asks a person before a program reads an item, and not before one is added.
#[test]
fn keepassxc_that_asks_before_an_item_is_read_is_said_to_do_so() {
    let Some(mut service) = Service::start(Kind::KeePassXc) else { return };
    service.scene.keyfob_with(["add", HOST, "--account", "me"], "t0ken-of-me").succeeds();
    service.end();
    service.settings(&[]);
    service.begin();
    service.scene.keyfob_with(["add", "https://two.example.org", "--account", "me"], "t0ken").succeeds();
    let answer = tool(&service.scene, "get", "two.example.org", "");
    assert_eq!(answer.stdout(), "quit=1\n", "{answer}");
    answer.says(0, &["the keyring asks before a program reads an item"]);
}

/// What a tool says of this host: `get`, `store` or `erase`.
fn tool(scene: &Scene, word: &str, host: &str, more: &str) -> Output {
    let call = scene.program("git-credential-keyfob").arg(word);
    call.stdin(format!("protocol=https\nhost={host}\n{more}\n")).run().succeeds()
}

fn password_of(scene: &Scene, host: &str) -> Option<String> {
    let answer = tool(scene, "get", host, "");
    assert_eq!(answer.stderr(), "", "{answer}");
    answer.stdout().lines().find_map(|line| line.strip_prefix("password=")).map(str::to_owned)
}

fn tokens_are_added_stored_given_listed_and_erased(mut service: Service) {
    service.scene.unset("KEYFOB_STORE");
    let scene = &service.scene;
    // Nothing names a store: it is chosen, because it opened a session.
    let added = scene.keyfob_with(["add", HOST, "--account", "me"], "t0ken-of-me");
    added.says(0, &["secret-service"]);
    scene.keyfob(["storage"]).says(0, &["* secret-service       1  unlocked"]);
    assert_eq!(password_of(scene, "git.example.org").unwrap(), "t0ken-of-me");
    tool(scene, "store", "other.example.org", "username=alice\npassword=by-a-tool\n");
    assert_eq!(password_of(scene, "other.example.org").unwrap(), "by-a-tool");
    let list = scene.keyfob(["list", "--json"]).succeeds();
    assert_eq!(list.stdout().matches("\"store\": \"secret-service\"").count(), 2, "{list}");
    // Its program ends and comes back.
    service.end();
    service.begin();
    let scene = &service.scene;
    assert_eq!(password_of(scene, "git.example.org").unwrap(), "t0ken-of-me");
    tool(scene, "erase", "other.example.org", "username=alice\npassword=by-a-tool\n");
    assert_eq!(password_of(scene, "other.example.org"), None);
    scene.keyfob(["remove", HOST, "--yes"]).succeeds();
    assert_eq!(password_of(scene, "git.example.org"), None);
    // What is removed from the wallet is not in the service any more: it would be found as a token without a record.
    let doctor = scene.keyfob(["doctor"]);
    assert!(!doctor.stdout().contains("t0ken") && doctor.stdout().contains("unlocked"), "{doctor}");
    assert!(
        !service
            .secrets("SearchItems", &["dict:string:string:realm,generic/https://git.example.org"])
            .contains("/item")
    );
}

fn locked_is_not_absent_and_nothing_is_changed(mut service: Service) {
    let scene = &service.scene;
    scene.keyfob_with(["add", HOST, "--account", "me"], "t0ken-of-me").succeeds();
    scene.keyfob(["lock"]).succeeds();
    let start = Instant::now();
    let answer = tool(scene, "get", "git.example.org", "");
    // git asks nobody else: the wallet holds the token.
    assert_eq!(answer.stdout(), "quit=1\n", "{answer}");
    answer.says(0, &["the secret-service store is locked"]);
    let stored = tool(scene, "store", "git.example.org", "username=me\npassword=another\n");
    stored.says(0, &["the secret-service store is locked"]);
    let added = scene.keyfob_with(["add", "https://new.example.org", "--account", "me"], "new");
    added.says(3, &["the secret-service store is locked"]);
    scene.keyfob(["doctor"]).says(0, &["locked, unlock with: keyfob unlock"]);
    // Four calls that ask nobody.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    service.end();
    service.begin();
    let scene = &service.scene;
    assert_eq!(password_of(scene, "git.example.org").unwrap(), "t0ken-of-me");
    assert_eq!(password_of(scene, "new.example.org"), None);
}

fn one_that_is_gone_or_mute_is_an_error_and_keeps_its_tokens(mut service: Service) {
    service.scene.keyfob_with(["add", HOST, "--account", "me"], "t0ken-of-me").succeeds();
    service.scene.set("KEYFOB_TIMEOUT", "1");
    service.mute();
    let start = Instant::now();
    let answer = tool(&service.scene, "get", "git.example.org", "");
    assert_eq!(answer.stdout(), "", "{answer}");
    answer.says(0, &["the secret-service store did not answer within 1 s"]);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    service.unmute();
    service.scene.set("KEYFOB_TIMEOUT", "10");
    assert_eq!(password_of(&service.scene, "git.example.org").unwrap(), "t0ken-of-me");
    service.end();
    let answer = tool(&service.scene, "get", "git.example.org", "");
    assert_eq!(answer.stdout(), "", "{answer}");
    answer.says(0, &["the secret-service store cannot be used: not running"]);
    let added = service.scene.keyfob_with(["add", "https://new.example.org", "--account", "me"], "new");
    added.says(3, &["not running"]);
    service.begin();
    assert_eq!(password_of(&service.scene, "git.example.org").unwrap(), "t0ken-of-me");
}

fn nothing_is_absent_the_moment_it_starts(mut service: Service) {
    let scene = &service.scene;
    scene.keyfob_with(["add", HOST, "--account", "me"], "t0ken-of-me").succeeds();
    service.end();
    // It is on the bus before it has read its wallet. Until it has, each call is an error: nothing is absent, and nothing is stored
    // elsewhere.
    // (KeePassXC would show a window for a search in a locked database, and then read nothing until that is answered.)
    service.settings(&["ConfirmAccessItem=false", "UnlockBeforeSearch=false"]);
    service.begin_at_once();
    let scene = &service.scene;
    let early = tool(scene, "get", "git.example.org", "");
    assert!(
        early.stdout().contains("password=t0ken-of-me") != early.stderr().contains("keyfob: error"),
        "{early}"
    );
    let early = tool(scene, "store", "other.example.org", "username=alice\npassword=by-a-tool\n");
    let refused = early.stderr().contains("keyfob: error");
    service.wait();
    let scene = &service.scene;
    assert_eq!(password_of(scene, "git.example.org").unwrap(), "t0ken-of-me");
    assert_eq!(password_of(scene, "other.example.org"), (!refused).then(|| "by-a-tool".to_owned()));
}

fn many_may_read_and_write_at_once(service: &Service) {
    let scene = &service.scene;
    // KeePassXC 2.7.4 now and then crashes when eight do so.
    let threads = if service.is(Kind::KeePassXc) { 1 } else { 8 };
    scene.keyfob_with(["add", HOST, "--account", "me"], "t0ken-of-me").succeeds();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for number in 0..5 {
                    let host = format!("host-{thread}-{number}.example.org");
                    tool(scene, "store", &host, &format!("username=u\npassword=p-{thread}-{number}\n"));
                    assert_eq!(password_of(scene, &host).unwrap(), format!("p-{thread}-{number}"));
                    assert_eq!(password_of(scene, "git.example.org").unwrap(), "t0ken-of-me");
                }
            });
        }
    });
    let list = scene.keyfob(["list", "--json"]).succeeds();
    assert_eq!(list.stdout().matches("\"store\": \"secret-service\"").count(), 1 + 5 * threads, "{list}");
}
