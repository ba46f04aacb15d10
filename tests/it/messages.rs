//! Every message on one page: `tests/messages.txt` holds all errors, misses and notes as a person reads them. The test
//! compares; to change the page on purpose: `KEYFOB_REVIEW=1 cargo test --test it messages`, then read what changed.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyfob::error::{Error, NetworkError, NoCredential, RejectionReason, Unusable};
use keyfob::forge::verify::Problem;
use keyfob::wallet::Note;

const URL: &str = "https://dev.azure.com/contoso";

fn errors() -> Vec<Error> {
    let path = || PathBuf::from("/home/me/.local/share/keyfob/records/azure-devops+contoso.json");
    let io = |kind: io::ErrorKind| Error::Io { doing: "write", path: path(), source: kind.into() };
    let text = str::to_owned;
    vec![
        Error::Locked { store: "vault", how: None },
        Error::Locked { store: "secret-service", how: Some(text("unlock the login keyring")) },
        Error::Unavailable { store: "secret-service", why: text("no session bus") },
        Error::Silent { store: "secret-service", waited: Duration::from_secs(3) },
        Error::Unanswered { store: "vault", waited: Duration::from_secs(60) },
        Error::TooLong { store: "keychain", length: 3000, limit: 2560 },
        Error::Lost { store: text("vault"), realm: text("azure-devops/contoso") },
        Error::Damaged { path: path(), why: "it is cut off" },
        Error::WrongPassphrase,
        Error::NobodyToAsk { what: "a passphrase", run: "it" },
        Error::NobodyToAsk { what: "the vault's passphrase", run: "keyfob unlock" },
        Error::NobodyToSignIn,
        Error::Unsupported { store: "keychain", what: "be locked" },
        Error::NoSuchStore { name: text("cellar") },
        Error::Unsafe {
            path: path(),
            problem: text("its mode is 644, so others can reach it"),
            fix: text("chmod 600 FILE"),
        },
        Error::Record { path: path(), why: text("line 1, column 2: not a record") },
        Error::Config {
            path: "/home/me/.config/keyfob/config.toml".into(),
            why: text("line 3: unknown field `stor`"),
        },
        Error::Foreign {
            path: "/home/me/.docker/config.json".into(),
            why: "it is not what docker writes there",
            fix: text("docker info says what it takes exception to"),
        },
        Error::Export { path: "/media/me/wallet.age".into(), why: "it is cut off or was changed" },
        Error::Busy { seconds: 30 },
        Error::Changing,
        Error::Overtaken { realm: text("azure-devops/contoso"), url: text(URL) },
        Error::NoHome,
        Error::RelativeHome { variable: "HOME" },
        Error::RelativeHome { variable: "KEYFOB_HOME" },
        Error::Randomness,
        io(io::ErrorKind::StorageFull),
        io(io::ErrorKind::ReadOnlyFilesystem),
        io(io::ErrorKind::PermissionDenied),
        io(io::ErrorKind::IsADirectory),
        Error::Wire { doing: "write the answer", source: io::ErrorKind::TimedOut.into() },
        Error::Request { why: "a key is repeated with another value" },
        Error::Url { why: "it must begin with https://" },
        Error::Token { why: text("it is empty") },
        Error::Token { why: text("there is a line break or NUL in it") },
        Error::PlainHttp { place: text("http://dev.azure.com/contoso"), cloud: true },
        Error::PlainHttp { place: text("http://tfs.example:8080/tfs"), cloud: false },
        Error::usage("there is no account bob", "keyfob list shows what there is"),
        Error::Usage { why: text("two of --json"), hint: None },
        Error::NoSuchCredential {
            what: text("the wallet holds nothing for github.com"),
            hint: Some(text("keyfob add URL")),
        },
        Error::Ambiguous {
            what: text("azure-devops/contoso has several accounts: a, b"),
            hint: text("say which with --account NAME"),
        },
        Error::NotUsable {
            what: text("the token of azure-devops/contoso has ended"),
            hint: text("keyfob add URL"),
        },
        Error::Proxy { why: text("Too many open files") },
        Error::Service {
            what: text("the rules of contoso allow no token that lasts as long"),
            hint: text("ask for less, for example --expires 30d"),
        },
        Error::Program { program: "git", why: text("it is not installed") },
        Error::Newer { path: path(), found: 2, known: 1 },
        Error::KeyFile {
            path: "/home/me/.local/share/keyfob/vault.key".into(),
            vault: "/home/me/.local/share/keyfob/vault".into(),
            why: "it is not there",
        },
        Error::NoProgram { program: "git" },
        Error::NotStarted { program: text("npmx"), source: io::ErrorKind::NotFound.into() },
        Error::NotStarted { program: text("./notes.txt"), source: io::ErrorKind::PermissionDenied.into() },
        Error::Unwell { broken: 1 },
        Error::Unwell { broken: 3 },
        Error::Certificates { path: "/etc/corp.pem".into(), why: text("there is no certificate in it") },
        Error::Unsettled { count: 1, again: true },
        Error::Unsettled { count: 3, again: false },
        Error::Declined,
    ]
}

fn network_errors() -> Vec<NetworkError> {
    let text = str::to_owned;
    vec![
        NetworkError::NoSuchHost,
        NetworkError::Network { why: text("the connection was refused") },
        NetworkError::Proxy {
            at: text("http://proxy.corp.example:3128"),
            why: text("it wants a user name and a password"),
        },
        NetworkError::Certificate { why: "it is for another name" },
        NetworkError::Tls,
        NetworkError::Silent { seconds: 20 },
        NetworkError::RateLimited { seconds: 30 },
        NetworkError::TooLarge,
        NetworkError::NotHttp,
        NetworkError::ClearText,
        NetworkError::Unsendable,
    ]
}

fn problems() -> Vec<Problem> {
    vec![
        Problem::NotAccepted,
        Problem::Expired,
        Problem::SignIn,
        Problem::Anonymous,
        Problem::Gone,
        Problem::MissingScope,
        Problem::Blocked,
        Problem::ActionRequired,
        Problem::SingleSignOn,
        Problem::BlockedByPolicy,
        Problem::IisBasic,
        Problem::RateLimit { seconds: Some(30) },
        Problem::RateLimit { seconds: None },
        Problem::Broken { status: 503, seconds: None },
        Problem::Broken { status: 503, seconds: Some(120) },
        Problem::Global { end: 1_796_083_200 },
        Problem::WantsEmail,
        Problem::Moved,
        Problem::UnexpectedResponse { status: 404 },
    ]
}

fn misses() -> Vec<NoCredential> {
    let (realm, url) = (|| "azure-devops/contoso".to_owned(), || URL.to_owned());
    let account = || Some("alice".to_owned());
    let rejected = |account, reason| NoCredential::Rejected {
        realm: realm(),
        url: url(),
        account,
        again_in: None,
        reason,
    };
    let unusable = |why| NoCredential::Unusable {
        place: realm(),
        variable: "KEYFOB_TOKEN",
        why,
        host: "dev.azure.com".to_owned(),
    };
    vec![
        NoCredential::NotOurs,
        NoCredential::NoOrganisation { host: "dev.azure.com".to_owned() },
        NoCredential::NoAccount { realm: realm(), url: url(), asked: None },
        NoCredential::NoAccount { realm: realm(), url: url(), asked: Some("bob".to_owned()) },
        NoCredential::Uncovered { realm: realm(), url: url(), need: "code" },
        NoCredential::Ambiguous {
            realm: realm(),
            url: url(),
            names: vec!["- (the unnamed one)".to_owned(), "alice".to_owned()],
            stored: false,
        },
        NoCredential::Ambiguous {
            realm: realm(),
            url: url(),
            names: vec!["alice".to_owned(), "bob".to_owned()],
            stored: true,
        },
        NoCredential::NoPath {
            place: "https://tfs.example".to_owned(),
            urls: vec!["https://tfs.example/tfs/one".to_owned(), "https://tfs.example/tfs/two".to_owned()],
        },
        NoCredential::Variables {
            realm: realm(),
            names: vec!["KEYFOB_TOKEN".to_owned(), "KEYFOB_TOKENS".to_owned()],
        },
        unusable(Unusable::Empty),
        unusable(Unusable::Placeholder),
        unusable(Unusable::Masked),
        unusable(Unusable::IsUrl),
        unusable(Unusable::NotToken),
        unusable(Unusable::NotText),
        unusable(Unusable::Form("a JSON list of objects with url and token")),
        unusable(Unusable::Entry("has no password")),
        unusable(Unusable::NoUrl("KEYFOB_URL")),
        unusable(Unusable::BadUrl),
        unusable(Unusable::NoOrganisation),
        unusable(Unusable::PlainHttp),
        unusable(Unusable::PlainHttpToCloud),
        NoCredential::Rejected {
            realm: realm(),
            url: url(),
            account: account(),
            again_in: Some(42),
            reason: RejectionReason::Refused,
        },
        rejected(account(), RejectionReason::Refused),
        rejected(None, RejectionReason::Refused),
        rejected(account(), RejectionReason::LoggedOut),
        rejected(account(), RejectionReason::Revoked),
        rejected(account(), RejectionReason::Replaced),
        NoCredential::Expired { realm: realm(), url: url(), account: account(), at: 1_800_000_000 },
        NoCredential::PlainHttp { place: "http://tfs.example:8080/tfs".to_owned() },
    ]
}

fn notes() -> Vec<Note> {
    let ending = |days| Note::Ending { realm: "azure-devops/contoso".to_owned(), days, url: URL.to_owned() };
    let refused = |account: Option<&str>, by_tool, set_aside| Note::Refused {
        place: "dev.azure.com/contoso".to_owned(),
        url: URL.to_owned(),
        account: account.map(str::to_owned),
        by_tool,
        set_aside,
    };
    let server = "azure-devops-server/https://tfs.example/tfs/one".to_owned();
    vec![
        ending(13),
        ending(1),
        ending(0),
        ending(-1),
        ending(-9),
        Note::NeedsNewerGit { realm: server },
        Note::VariableRefused { variable: "KEYFOB_TOKEN" },
        refused(Some("alice"), false, false),
        refused(Some("alice"), false, true),
        refused(None, false, false),
        refused(Some("alice"), true, true),
        refused(None, true, true),
    ]
}

/// The name of a variant, as Debug begins.
fn variant(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn page() -> String {
    let mut page = String::new();
    for error in errors() {
        let _ =
            writeln!(page, "{} (exit code {})\n  keyfob: error: {error}", variant(&error), error.exit_code());
        if let Some(hint) = error.hint() {
            let _ = writeln!(page, "  keyfob: hint: {hint}");
        }
        page.push('\n');
    }
    for cause in network_errors() {
        let name = variant(&cause);
        let error = Error::Network { host: "dev.azure.com".to_owned(), cause };
        let _ = writeln!(page, "Network {name} (exit code {})\n  keyfob: error: {error}", error.exit_code());
        let _ = error.hint().map(|hint| writeln!(page, "  keyfob: hint: {hint}"));
        page.push('\n');
    }
    for problem in problems() {
        let (words, hint) = (problem.words("dev.azure.com"), problem.hint(URL));
        let _ = writeln!(page, "Problem {}\n  keyfob: note: {words}", variant(&problem));
        let _ = hint.map(|hint| writeln!(page, "  keyfob: hint: {hint}"));
        page.push('\n');
    }
    for miss in misses() {
        let words =
            miss.line_for_git(URL).map_or("(silence)".to_owned(), |words| format!("keyfob: hint: {words}"));
        let _ = writeln!(page, "Miss {}\n  {words}", variant(&miss));
        if let Some(elsewhere) =
            miss.line_for_tool(URL).filter(|words| miss.line_for_git(URL).as_ref() != Some(words))
        {
            let _ = writeln!(page, "  (not git) keyfob: hint: {elsewhere}");
        }
        page.push('\n');
    }
    for note in notes() {
        let _ = writeln!(page, "Note {}\n  keyfob: hint: {}\n", variant(&note), note.words());
    }
    page
}

#[test]
fn all_messages_are_as_they_were_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages.txt");
    let page = page();
    if std::env::var_os("KEYFOB_REVIEW").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (is, was)) in page.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(
            is,
            was,
            "tests/messages.txt:{}; on purpose? KEYFOB_REVIEW=1 cargo test --test it messages",
            line + 1
        );
    }
    assert_eq!(
        page.lines().count(),
        reviewed.lines().count(),
        "KEYFOB_REVIEW=1 cargo test --test it messages"
    );
}

/// The variants of an enum, as its source lists them.
fn variants_of(file: &str, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let body = text.split_once(&format!("pub enum {name} {{")).unwrap().1.split_once("\n}").unwrap().0;
    let word = |line: &str| -> String {
        line.strip_prefix("    ").unwrap_or("").chars().take_while(char::is_ascii_alphanumeric).collect()
    };
    body.lines().map(word).filter(|word| word.starts_with(char::is_uppercase)).collect()
}

#[test]
fn no_message_is_missing_from_the_page() {
    for (file, name, shown) in [
        ("src/error/mod.rs", "Error", {
            // Each with its troubles below.
            errors().iter().map(variant).chain(["Network".to_owned()]).collect::<Vec<_>>()
        }),
        ("src/error/network.rs", "NetworkError", network_errors().iter().map(variant).collect()),
        ("src/forge/verify/problem.rs", "Problem", problems().iter().map(variant).collect()),
        ("src/error/no_credential.rs", "NoCredential", misses().iter().map(variant).collect()),
        ("src/wallet/api.rs", "Note", notes().iter().map(variant).collect()),
    ] {
        let all = variants_of(file, name);
        assert!(all.len() > 1, "{name} is not where this test looks for it");
        let missing: Vec<_> = all.iter().filter(|variant| !shown.contains(variant)).collect();
        assert!(missing.is_empty(), "tests/it/messages.rs shows no {name}::{missing:?}");
    }
}

#[test]
fn all_messages_speak_with_one_voice() {
    for error in errors() {
        for text in [Some(error.to_string()), error.hint()].into_iter().flatten() {
            let lower = text.starts_with(|c: char| !c.is_uppercase())
                || text.starts_with("KEYFOB_")
                || text.starts_with("HOME ");
            assert!(lower && !text.ends_with(['.', '!']) && !text.contains('\n'), "{text}");
        }
    }
    let words = misses().into_iter().filter_map(|miss| miss.line_for_git(URL));
    let told = problems().into_iter().flat_map(|problem| [Some(problem.words("h")), problem.hint(URL)]);
    let words = words.chain(told.flatten());
    let words = words.chain(network_errors().into_iter().map(|cause| cause.to_string()));
    for text in words.chain(notes().iter().map(Note::words)) {
        assert!(
            !text.starts_with(char::is_uppercase) && !text.ends_with('.') && !text.contains('\n'),
            "{text}"
        );
    }
}
