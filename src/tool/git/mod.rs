//! git's credential helper protocol (git-credential(1), gitcredentials(7)): `get`, `store`, `erase`, `capability`.
//!
//! Requests are read by `request`; here they meet the wallet, and answers are written. git ignores the exit code of a
//! helper, and others throw an answer away for it, so it is always 0. Errors are one line on stderr and an empty answer: git
//! then asks the next helper, except after `quit=1` (R9). Never written back: protocol, host, path, url, which would move what git stores next.

use std::ffi::OsString;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::forge::{Need, Presentation};
use crate::secret::Secret;
use crate::wallet::{Credential, Lookup, NewCredential, Query, Stored, Wallet};

use super::{Protocol, Tool, Wire, write};
use crate::secret_bytes::{base64, joined};

mod check;
pub use check::plain_text_files;
mod config_edit;
mod helpers;
mod request;
mod setup;

use request::Request;

/// git.
pub static PROTOCOL: Protocol = Protocol {
    name: "git",
    need: Need::Code,
    links: &["git-credential-keyfob"],
    serve,
    quirks: None,
    presents: None,
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["git-lfs"],
    title: "Git",
    how: "credential.helper in git's configuration",
    setup: Some(&setup::SETUP),
    ..Tool::of(&PROTOCOL)
};

/// Serves one call of git's.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    // git appends exactly one word; options of later versions may stand before it.
    let operation = args.last().and_then(|word| word.to_str());
    if wire.stdin_is_terminal && matches!(operation, Some("get" | "store" | "erase")) {
        explain(wire);
    }
    let done = match operation {
        Some("get") => get(wire, wallet),
        Some("store") => store(wire, wallet),
        Some("erase") => erase(wire, wallet),
        Some("capability") => write(wire, b"version 0\ncapability authtype\n"),
        // git never calls so: a person tries the program out.
        None if wire.stdin_is_terminal => {
            explain(wire);
            return 2;
        }
        // Operations of later versions are ignored in silence (gitcredentials(7)).
        _ => Ok(()),
    };
    if let Err(error) = done {
        wire.error(&error);
    }
    0
}

/// For a person who tries it in a terminal: what it is waiting for.
fn explain(wire: &mut Wire<'_>) {
    wire.line("hint", "this is git's credential helper; it reads lines such as protocol=https and host=dev.azure.com, then an empty line");
    wire.line("hint", "to let git use it: keyfob setup git; to see what it would answer: keyfob explain URL");
}

fn get(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let request = Request::read(wire.input)?;
    let query = query(&request, wire, request.offers("authtype"))?;
    let found = match wallet.get(&query) {
        Ok(found) => found,
        Err(error) => {
            if is_locked(&error) {
                // Otherwise git asks for a password next, and a passphrase that is typed there goes to the server.
                write(wire, b"quit=1\n")?;
            }
            return Err(error);
        }
    };
    match found {
        Lookup::Found(answer) => {
            write(wire, &answer_bytes(&request, &answer))?;
            // The answer is out; now there is time for words.
            wire.note(answer.note.as_ref());
        }
        Lookup::None { reason, report } => wire.no_credential_for_git(&reason, report, &query.remote),
    }
    Ok(())
}

/// Whether the wallet holds the account that would answer, and a person could unlock its store (R9). Not after a time-out: then
/// nobody may be there, or the store may be broken, and git's next helper may know more.
fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Locked { .. } | Error::WrongPassphrase)
}

fn store(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let request = Request::read(wire.input)?;
    let mut query = query(&request, wire, true)?;
    if request.ephemeral {
        return Ok(());
    }
    let Some((user, new)) = presented(&request) else { return Ok(()) };
    query.user = user;
    match wallet.store(&query, new)? {
        Stored::Written { chosen: Some(store) } if wire.stderr_is_terminal => {
            let claim = crate::store::named(&store).map_or("", crate::store::StoreRecord::claim_in_short);
            wire.line("note", &format!("tokens are kept in the {store} store from now on: {claim}"));
        }
        Stored::NoOrganisation { host } => {
            let reason = crate::error::NoCredential::NoOrganisation { host };
            wire.no_credential_for_git(&reason, true, &query.remote);
        }
        Stored::Written { .. } | Stored::Unchanged | Stored::Cleared | Stored::NotOurs => {}
    }
    Ok(())
}

fn erase(wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let request = Request::read(wire.input)?;
    let carried = request.offers("authtype") || request.authtype.is_some();
    let mut query = query(&request, wire, carried)?;
    let refused = presented(&request).map(|(user, new)| {
        query.user = user;
        new.token
    });
    let erased = wallet.erase(&query, refused.as_ref())?;
    wire.note(erased.note.as_ref());
    Ok(())
}

fn query(request: &Request, wire: &Wire<'_>, takes_authtype: bool) -> Result<Query, Error> {
    Ok(Query { user: request.user.clone(), takes_authtype, ..wire.query(&PROTOCOL, request.remote()?) })
}

/// The user name and the credential that a store or erase carries. A Basic `credential` is user and password in another
/// dress, and is decoded (R6), because then it compares.
fn presented(request: &Request) -> Option<(Option<String>, NewCredential)> {
    let expires = request.expires;
    let refresh = request.refresh.as_ref().map(|refresh| Secret::copy_of(refresh.expose()));
    if let (Some(authtype), Some(credential)) = (&request.authtype, &request.credential) {
        if authtype.eq_ignore_ascii_case("basic")
            && let Some((user, token)) = decode_basic(credential)
        {
            let user = request.user.clone().or(user.filter(|user| !user.is_empty()));
            return Some((user, NewCredential { token, refresh, authtype: None, expires }));
        }
        let token = Secret::copy_of(credential.expose());
        let authtype = Some(authtype.clone());
        return Some((request.user.clone(), NewCredential { token, refresh, authtype, expires }));
    }
    let token = Secret::copy_of(request.password.as_ref()?.expose());
    Some((request.user.clone(), NewCredential { token, refresh, authtype: None, expires }))
}

/// `user:password` out of Base64 (RFC 7617). What cannot lie in a store is not decoded.
fn decode_basic(credential: &Secret) -> Option<(Option<String>, Secret)> {
    let pair = Zeroizing::new(BASE64.decode(credential.expose()).ok()?);
    let colon = pair.iter().position(|&b| b == b':')?;
    let plain = !pair.iter().any(|b| b"\n\r\0".contains(b));
    let user = std::str::from_utf8(&pair[..colon]).ok()?.to_owned();
    plain.then(|| (Some(user), Secret::copy_of(&pair[colon + 1..])))
}

/// The bytes of an answer (R5).
fn answer_bytes(request: &Request, answer: &Credential) -> Zeroizing<Vec<u8>> {
    let token = answer.token.expose();
    let refresh = answer.refresh.as_ref().map(Secret::expose);
    let room =
        256 + token.len() * 3 + refresh.map_or(0, <[u8]>::len) + answer.user.as_ref().map_or(0, String::len);
    let mut out = Lines(Zeroizing::new(Vec::with_capacity(room)));
    let as_header = request.offers("authtype").then(|| header(request, answer)).flatten();
    let verbatim = answer.authtype.is_some();
    if let Some((authtype, credential)) = &as_header {
        out.add("capability[]", b"authtype");
        out.add("authtype", authtype.as_bytes());
        out.add("credential", credential);
    }
    if let Some(user) = &answer.user {
        out.add("username", user.as_bytes());
    }
    if !verbatim {
        out.add("password", token);
    }
    if let Some(expires) = answer.expires {
        out.add("password_expiry_utc", expires.to_string().as_bytes());
    }
    if let Some(refresh) = refresh {
        out.add("oauth_refresh_token", refresh);
    }
    out.0
}

/// What goes into the Authorization header, where user name and password would not do: a pair that was stored so, a Bearer
/// token, or Basic past a server's NTLM and Negotiate, which curl would prefer. The user name is empty there, as in the
/// documentation of Azure DevOps Server.
fn header(request: &Request, answer: &Credential) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let token = answer.token.expose();
    if let Some(authtype) = &answer.authtype {
        return Some((authtype.clone(), Zeroizing::new(token.to_vec())));
    }
    let forced = match answer.presentation {
        Presentation::Bearer => return Some(("Bearer".to_owned(), Zeroizing::new(token.to_vec()))),
        Presentation::ForcedBasic => !request.is_basic_beforehand(),
        Presentation::Basic => request.server_offers_windows_logon(),
        Presentation::Plain => false,
    };
    forced.then(|| ("Basic".to_owned(), base64(&joined(&[b":", token]))))
}

/// `key=value` lines.
struct Lines(Zeroizing<Vec<u8>>);

impl Lines {
    fn add(&mut self, key: &str, value: &[u8]) {
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'=');
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
