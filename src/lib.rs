//! # keyfob: the map of the crate
//!
//! keyfob keeps a person's access tokens in one wallet and hands each tool the right one in the tool's own protocol.
//! Two programs are made of it: `git-credential-keyfob` answers tools and links only what that takes, `keyfob` is for people and
//! links everything. Four shelves hold what there can be more of, one file each; every shelf has one explicit list, `ALL`:
//!
//! - [`tool`]: programs that ask (git …): their bytes into a query, an answer into their bytes;
//! - [`forge`]: services asked about (Azure DevOps, GitHub …): which realm a URL belongs to, as data;
//! - [`store`]: places for secrets (Secret Service, keychain, vault …): bytes under a key;
//! - [`command`]: words that a person types.
//!
//! Between them stands the [`wallet`]: all policy, and the only caller of forges and stores. A token is a
//! [`secret`], whose it is says [`account`], where it belongs [`remote`], what is known of it on disk [`records`], the user's own
//! hosts [`config`]. [`error`] holds every message, [`terminal`] is the only one that prints or prompts, [`files`] the only
//! recipe for private files. [`http_message`] is what is asked of a service as a value, [`http`] the only way to the
//! network, for commands that say so.
//!
//! [`proxy`] passes on what the command of `keyfob run` asks, and adds the login that [`wallet`] has for it.
//!
//! [`import`] is a fifth shelf, of places where other programs keep tokens; [`export`] is the wallet as one encrypted file.
//!
//! Direction: command → {tool, import, export} → wallet → {forge, store, records} → the ground
//! (secret, account, remote, error, files, text …); never back. `git get` is three
//! hops: [`call`] → [`tool::git`] → [`wallet::Wallet::get`] → [`store::Store::get`].

pub mod account;
pub mod call;
pub mod command;
pub mod config;
#[cfg(all(unix, not(target_os = "macos")))]
mod dbus;
pub mod environment;
pub mod error;
pub mod export;
pub mod files;
pub mod folders;
pub mod forge;
pub mod formats;
mod git_config;
pub mod http;
pub mod http_message;
pub mod import;
mod percent;
pub mod process;
pub mod proxy;
pub mod records;
pub mod remote;
pub mod secret;
mod secret_bytes;
pub mod store;
pub mod terminal;
pub mod text;
pub mod tool;
pub mod version;
mod versioned_json;
pub mod wallet;

/// musl's own maps memory in small pieces and keeps what it knows of each block apart, which is a tenth of the shortest call.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
