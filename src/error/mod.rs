//! Everything that can go wrong, in one voice, and the answers that are not errors ([`NoCredential`]).
//!
//! Display says *what* and *why*, in lower case and without a full stop; [`Error::hint`] says *how to fix it*, as a
//! command that can be pasted where there is one. No message ever repeats a secret or a value that a peer sent.
//! tests/it/messages.rs renders all of them into one reviewed page. `no_credential` has the other answers.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error as ThisError;

mod hint;
mod network;
mod no_credential;
mod system;
mod unusable;

pub use network::NetworkError;
pub use no_credential::{NoCredential, RejectionReason, target};
pub use unusable::Unusable;

use system::plain;

/// What went wrong and why. See [`Error::hint`] for the way out.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The store has to be opened by a person first. R9: this is never "no such token".
    #[error("the {store} store is locked")]
    Locked {
        /// The store's name.
        store: &'static str,
        /// How this one is unlocked, when `keyfob unlock` is not the way.
        how: Option<String>,
    },
    /// The store cannot be reached or refuses to work.
    #[error("the {store} store cannot be used: {why}")]
    Unavailable {
        /// The store's name.
        store: &'static str,
        /// What it said, in our words.
        why: String,
    },
    /// `keyfob run` cannot start its proxy.
    #[error("the proxy for the command cannot be started: {why}")]
    Proxy {
        /// The reason.
        why: String,
    },
    /// The store took the call and did not answer in time.
    #[error("the {store} store did not answer within {} s", waited.as_secs_f64())]
    Silent {
        /// The store's name.
        store: &'static str,
        /// How long we waited.
        waited: Duration,
    },
    /// A person was asked to unlock the store, and did not answer in time.
    #[error("nobody typed the passphrase of the {store} store within {} s", waited.as_secs_f64())]
    Unanswered {
        /// The store's name.
        store: &'static str,
        /// How long we waited.
        waited: Duration,
    },
    /// A secret that does not fit into this store; nothing was changed.
    #[error("the token is too long for the {store} store: {length} bytes, at most {limit} fit")]
    TooLong {
        /// The store's name.
        store: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The store's limit in bytes.
        limit: usize,
    },
    /// The record is there, the secret is not.
    #[error("the {store} store no longer holds the token of {realm}")]
    Lost {
        /// The store's name.
        store: String,
        /// The realm in text.
        realm: String,
    },
    /// A sealed file that was changed, swapped or cut off.
    #[error("{} is damaged or was tampered with: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: &'static str,
    },
    /// A file that a later keyfob wrote. It is left as it is.
    #[error("{} is of format {found}, and this keyfob knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it says it has.
        found: u64,
        /// The newest that we read.
        known: u64,
    },
    /// The vault's key file is missing or is not the right one, and no other slot opens the vault.
    #[error("the tokens in {} cannot be read without their key file {}: {why}", vault.display(), path.display())]
    KeyFile {
        /// The key file.
        path: PathBuf,
        /// The vault's folder.
        vault: PathBuf,
        /// What is wrong with the key file.
        why: &'static str,
    },
    /// No slot of the vault took the passphrase.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// Something only a person can answer, and there is none.
    #[error("{what} is needed, and nobody can be asked here")]
    NobodyToAsk {
        /// What would have been asked for.
        what: &'static str,
        /// What to run where somebody can be: `it` is what was run.
        run: &'static str,
    },
    /// A sign-in with a code that a person has to enter, and nobody sees it.
    #[error("a sign-in to Microsoft Entra is needed, and nobody can be asked here")]
    NobodyToSignIn,
    /// An operation that this store does not have.
    #[error("the {store} store cannot {what}")]
    Unsupported {
        /// The store's name.
        store: &'static str,
        /// The operation, as a verb.
        what: &'static str,
    },
    /// A name of a store that does not exist, or not on this system.
    #[error("there is no store named {name} here")]
    NoSuchStore {
        /// What was asked for.
        name: String,
    },
    /// A file or folder that others could read or change, or that is not ours.
    #[error("{} is not safe to use: {problem}", path.display())]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The exact command that mends it.
        fix: String,
    },
    /// A record file that cannot be read as one. It is left as it is.
    #[error("{} cannot be read: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An export that cannot be taken in; nothing of it was.
    #[error("{} cannot be imported: {why}", path.display())]
    Export {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The settings file.
    #[error("{} is not valid: {why}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        why: String,
    },
    /// A settings file of another program, which we cannot read, or not change.
    #[error("{} is left as it is: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: &'static str,
        /// What helps.
        fix: String,
    },
    /// Another keyfob has kept the wallet locked for too long.
    #[error("another keyfob process has been writing to the wallet for more than {seconds} s")]
    Busy {
        /// How long we waited.
        seconds: u64,
    },
    /// What was read of the wallet is not true any more, and reading it again did not help: another process keeps changing it.
    #[error("another keyfob process is changing the same account")]
    Changing,
    /// Another process has rotated or replaced the token that was to be rotated.
    #[error(
        "another keyfob process was faster: the token of {realm} that was to be rotated is not in force any more"
    )]
    Overtaken {
        /// The realm in text.
        realm: String,
        /// Its URL.
        url: String,
    },
    /// Neither HOME nor KEYFOB_HOME tells where the wallet is.
    #[error("no home folder: HOME is not set")]
    NoHome,
    /// A folder that would be another one wherever a program is started.
    #[error("{variable} is not an absolute path")]
    RelativeHome {
        /// The variable that names it.
        variable: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random numbers")]
    Randomness,
    /// A file operation failed.
    #[error("cannot {doing} {}: {}", path.display(), plain(source))]
    Io {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading a request or writing an answer failed.
    #[error("cannot {doing}: {}", plain(source))]
    Wire {
        /// The operation.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A tool's request that breaks its protocol (R10). The reason never repeats the value.
    #[error("ignored a malformed request: {why}")]
    Request {
        /// What is wrong, in fixed words.
        why: &'static str,
    },
    /// A URL that a person gave.
    #[error("not a usable URL: {why}")]
    Url {
        /// What is wrong, in fixed words.
        why: &'static str,
    },
    /// A token that cannot be one.
    #[error("that is not a token: {why}")]
    Token {
        /// What is wrong, in fixed words.
        why: String,
    },
    /// An http URL without leave.
    #[error("a token would travel in clear text to {place}")]
    PlainHttp {
        /// The remote, without its secrets.
        place: String,
        /// Whether it is one of the big services, where http is never right.
        cloud: bool,
    },
    /// Wrong usage of a command; exit code 2.
    #[error("{why}")]
    Usage {
        /// What is wrong.
        why: String,
        /// How it is done.
        hint: Option<String>,
    },
    /// Nothing is held for this; exit code 1.
    #[error("{what}")]
    NoSuchCredential {
        /// What was looked for.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// More than one account could be meant; exit code 4.
    #[error("{what}")]
    Ambiguous {
        /// What was looked for, and which accounts there are.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A token that is held but not handed out; exit code 5.
    #[error("{what}")]
    NotUsable {
        /// Which, and why.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A program that we run (git, ssh-agent …) did not do its part.
    #[error("{program} failed: {why}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said, in one line.
        why: String,
    },
    /// A program that we need is not there.
    #[error("{program} is not here: no folder of PATH has it")]
    NoProgram {
        /// Its name.
        program: &'static str,
    },
    /// The command that `run` was to start cannot be started.
    #[error("cannot start {program}: {}", plain(source))]
    NotStarted {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// doctor found something broken; what, it has said.
    #[error("{}", broken_things(*broken))]
    Unwell {
        /// How many things.
        broken: usize,
    },
    /// A service could not be asked.
    #[error("cannot ask {host}: {cause}")]
    Network {
        /// The host, with its port where that is not the usual one.
        host: String,
        /// What was in the way.
        cause: NetworkError,
    },
    /// A service does not do what was asked of it; exit code 6.
    #[error("{what}")]
    Service {
        /// What it does not do, and why.
        what: String,
        /// The way out.
        hint: String,
    },
    /// A file of certificates that holds none.
    #[error("{} is no list of certificates: {why}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// check could not find out about some tokens; about which and why, it has said.
    #[error("{}", unsettled(*count))]
    Unsettled {
        /// How many.
        count: usize,
        /// Whether asking again may tell: not where nothing is known that could be asked.
        again: bool,
    },
    /// The person said no.
    #[error("nothing was changed")]
    Declined,
}

fn unsettled(count: usize) -> String {
    if count == 1 {
        "1 token could not be checked".to_owned()
    } else {
        format!("{count} tokens could not be checked")
    }
}

impl Error {
    /// An [`Error::Io`] from its parts, for `map_err`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { doing, path, source }
    }

    /// An [`Error::Usage`] with a hint.
    pub fn usage(why: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::Usage { why: why.into(), hint: Some(hint.into()) }
    }

    /// The exit code for people's commands (design: 0 done, 1 no such credential, 2 usage, 3 store, 4 ambiguous,
    /// 5 rejected or expired, 6 anything else).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::NoSuchCredential { .. } => 1,
            Error::Usage { .. } | Error::Url { .. } | Error::Token { .. } | Error::PlainHttp { .. } => 2,
            Error::RelativeHome { .. } => 2,
            Error::NoSuchStore { .. } | Error::Unsupported { .. } => 2,
            Error::Locked { .. }
            | Error::Unanswered { .. }
            | Error::Unavailable { .. }
            | Error::Silent { .. } => 3,
            Error::WrongPassphrase
            | Error::NobodyToAsk { .. }
            | Error::NobodyToSignIn
            | Error::Busy { .. }
            | Error::Lost { .. } => 3,
            Error::KeyFile { .. } | Error::Changing => 3,
            Error::Ambiguous { .. } => 4,
            Error::NotUsable { .. } => 5,
            Error::Newer { .. } => 6,
            Error::TooLong { .. } | Error::Damaged { .. } | Error::Unsafe { .. } | Error::Record { .. } => 6,
            Error::Export { .. }
            | Error::Config { .. }
            | Error::Foreign { .. }
            | Error::NoHome
            | Error::Overtaken { .. }
            | Error::Randomness
            | Error::Io { .. } => 6,
            Error::Wire { .. } | Error::Request { .. } | Error::Program { .. } | Error::Declined => 6,
            Error::NoProgram { .. } | Error::Unwell { .. } => 6,
            // As env(1), nohup(1) and shells have it.
            Error::NotStarted { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Error::NotStarted { .. } => 126,
            Error::Network { .. } | Error::Certificates { .. } | Error::Unsettled { .. } => 6,
            Error::Service { .. } | Error::Proxy { .. } => 6,
        }
    }
}

fn broken_things(count: usize) -> String {
    if count == 1 { "one thing is broken".to_owned() } else { format!("{count} things are broken") }
}
