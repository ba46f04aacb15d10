//! Two ways of asking for one credential by command line. Version 1 of nuget.exe's own providers: `-uri URL [-isRetry] …`, an
//! object of JSON whatever the outcome, exit code 0 (use it), 1 (not mine, ask the next), 2 (mine, and it failed). And that of
//! Microsoft's provider, which artifacts-keyring (twine, Poetry, pip), ado-npm-auth and PSResourceGet call: `-Uri URL -IsRetry
//! False -OutputFormat Json …` with short names too, where whatever is not 0 is a failure and standard error is shown to people.
//! They are told apart by the letter case of `-uri`. Unknown words are passed over in both.

use std::ffi::OsString;

use crate::secret_bytes::{Bytes, joined, json};
use crate::tool::Wire;
use crate::wallet::Wallet;

use super::lookup::{REFUSED_AFTER, Reply, SourceRequest, ask};

/// As nuget.exe spells it.
const VERSION_1: &str = "-uri";

/// In place of a token that shall not be seen.
const REDACTED: &str = "********";

/// A call.
#[derive(Debug, Default, PartialEq, Eq)]
struct Call {
    url: Option<String>,
    is_retry: bool,
    in_silence: bool,
    redact: bool,
    as_json: bool,
    quiet: bool,
}

/// The name of Microsoft's provider, under which its callers may find keyfob.
pub(super) const MICROSOFTS: &str = "CredentialProvider.Microsoft";

/// Whether one of the words asks for a source. The options before it may come in any order.
pub(super) fn is_a_call(args: &[OsString]) -> bool {
    let is_option = |word: &OsString| word.to_string_lossy().starts_with('-');
    let asks = |word: &OsString| ["-uri", "-u"].iter().any(|name| word.eq_ignore_ascii_case(name));
    args.first().is_some_and(is_option) && args.iter().any(asks)
}

pub(super) fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    let is_version_1 = args.iter().any(|word| word == VERSION_1);
    let call = read(args);
    let Some(url) = call.url else {
        if is_version_1 {
            let _ = crate::tool::write(wire, &version_1(&Reply::NotOurs));
        }
        wire.line("error", "the URL of the source is missing: -Uri URL");
        return 1;
    };
    // A second try is a first one for us; that it is one, is what the person should know.
    let retries = if call.is_retry { REFUSED_AFTER } else { 0 };
    let question = SourceRequest { id: String::new(), url, retries, in_silence: call.in_silence };
    let reply = ask(&question, wire.stderr_is_terminal, wallet);
    let out = match &reply {
        _ if is_version_1 => version_1(&reply),
        Reply::Credential { user, token, .. } => standalone(user, token.expose(), call.as_json, call.redact),
        _ => Bytes::default(),
    };
    if let Some(words) = reply.words().filter(|_| !call.quiet) {
        let kind = if matches!(reply, Reply::Failed(_)) { "error" } else { "hint" };
        wire.line(kind, words);
    }
    match (crate::tool::write(wire, &out), reply) {
        (Ok(()), Reply::Credential { .. }) => 0,
        (Ok(()), Reply::NotOurs | Reply::Nothing(_) | Reply::LeftToOthers(_)) => 1,
        _ => 2,
    }
}

fn read(args: &[OsString]) -> Call {
    let mut call = Call::default();
    let mut words = args.iter().map(|word| word.to_string_lossy()).peekable();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix('-') else { continue };
        let mut switch = || {
            // Bare, or with a value of its own.
            let value =
                words.next_if(|next| ["true", "false"].iter().any(|word| next.eq_ignore_ascii_case(word)));
            value.is_none_or(|value| value.eq_ignore_ascii_case("true"))
        };
        match name.to_ascii_lowercase().as_str() {
            "uri" | "u" => call.url = words.next().map(|url| url.into_owned()),
            "isretry" | "i" => call.is_retry = switch(),
            "noninteractive" | "n" => call.in_silence = switch(),
            "redactpassword" | "r" => call.redact = switch(),
            "outputformat" | "f" => {
                call.as_json = words.next().is_some_and(|form| form.eq_ignore_ascii_case("json"));
            }
            "verbosity" | "v" => {
                call.quiet = words.next().is_some_and(|level| level.eq_ignore_ascii_case("quiet"))
            }
            _ => {}
        }
    }
    call
}

/// What nuget.exe reads. It shows the message of a failure.
fn version_1(reply: &Reply) -> Bytes {
    let (user, token) = match reply {
        Reply::Credential { user, token, .. } => (user.as_str(), token.expose()),
        _ => ("", &[][..]),
    };
    let words = reply.words().filter(|_| user.is_empty()).map(crate::text::visible).unwrap_or_default();
    let token = std::str::from_utf8(token).unwrap_or_default();
    let pieces = [("{\"Username\":", user), (",\"Password\":", token), (",\"Message\":", &words)];
    json(&pieces, ",\"AuthTypes\":[\"basic\"]}\n")
}

/// What Microsoft's provider writes.
fn standalone(user: &str, token: &[u8], as_json: bool, redact: bool) -> Bytes {
    let token = if redact { REDACTED.as_bytes() } else { token };
    if as_json {
        let token = std::str::from_utf8(token).unwrap_or_default();
        return json(&[("{\"Username\":", user), (",\"Password\":", token)], "}\n");
    }
    joined(&[b"Username: ", user.as_bytes(), b"\nPassword: ", token, b"\n"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Call {
        read(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn every_callers_words_are_understood() {
        let (url, expected) = (Some("https://h/i".to_owned()), Call::default());
        let json = || Call { url: url.clone(), as_json: true, ..Call::default() };
        // artifacts-keyring, ado-npm-auth, PSResourceGet, nuget.exe.
        let artifacts = "-Uri https://h/i -IsRetry False -NonInteractive True -CanShowDialog True -OutputFormat Json \
                         -Verbosity Information";
        assert_eq!(call(artifacts), Call { in_silence: true, ..json() });
        assert_eq!(call("-U https://h/i -I -F Json"), Call { is_retry: true, ..json() });
        let bare = "-Uri https://h/i -NonInteractive -IsRetry -F Json";
        assert_eq!(call(bare), Call { in_silence: true, is_retry: true, ..json() });
        let version_1 = "-uri https://h/i -isRetry -nonInteractive -verbosity quiet";
        let quiet = Call { url: url.clone(), is_retry: true, in_silence: true, quiet: true, ..expected };
        assert_eq!(call(version_1), quiet);
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let line = "-U https://h/i -New value -Other -R true -F xml -N no";
        let known =
            Call { url: Some("https://h/i".to_owned()), redact: true, in_silence: true, ..Call::default() };
        assert_eq!(call(line), known);
        assert_eq!(call("-Uri"), Call::default());
    }
}
