//! Makes a wallet with very many accounts, through the git protocol and the library, in one process: a process for each
//! of 100,000 would take minutes more.

use std::path::Path;
use std::time::Duration;

use keyfob::environment::Environment;
use keyfob::store::{NoTerminal, StoreContext};
use keyfob::tool::{Input, Wire, git};
use keyfob::wallet::LocalWallet;
use keyfob::wallet::stores::Machine;

/// Fills the vault below `folder` with the pairs of `host0.example.com` and so on, one host each.
pub(crate) fn fill(folder: &Path, count: usize) {
    let environment = Environment::new([("KEYFOB_STORE".into(), "vault".into())]);
    let store_context = StoreContext {
        data: folder.to_owned(),
        timeout: Duration::from_secs(60),
        prompt_timeout: Duration::from_secs(60),
        environment: &environment,
        ask: &NoTerminal,
        unlocked: None,
        stays_unlocked: None,
    };
    let stores = Machine { store_context };
    for number in 0..count {
        let request = format!(
            "protocol=https\nhost=host{number}.example.com\nusername=alice\n\
             password=a-token-of-52-characters-as-services-make-them-{number:04}\n\n"
        );
        let wallet =
            LocalWallet::new(folder, folder.join("config.toml"), &stores, &environment, 1_800_000_000);
        let (mut output, mut notes) = (Vec::new(), Vec::new());
        let mut wire = Wire {
            input: &mut Input::new(request.as_bytes()),
            output: &mut output,
            notes: &mut notes,
            environment: &environment,
            stdin_is_terminal: false,
            stderr_is_terminal: false,
        };
        let code = (git::PROTOCOL.serve)(&["store".into()], &mut wire, &wallet);
        assert!(code == 0 && notes.is_empty(), "{}", String::from_utf8_lossy(&notes));
    }
}
