//! Bazel's credential helper protocol, which a few other build tools speak too: one word as the argument (`get`), one JSON object with
//! a `uri` on standard input, one with `headers` on standard output. <https://github.com/EngFlow/credential-helper-spec>
//!
//! What we have nothing for gets no headers, and Bazel goes on without; an error is an exit code, and Bazel stops and shows what
//! was said. Fields and arguments that we do not know are passed over, as the specification wants it.

use std::ffi::OsString;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::forge::Need;
use crate::remote::Remote;
use crate::text::rfc3339;
use crate::wallet::{Credential, Lookup, Query, Wallet};

use super::{Protocol, Tool, Wire, authorization, has_login, input, is_web, write};
use crate::secret_bytes::{Bytes, json};

mod setup;
#[cfg(test)]
mod tests;

/// Bazel, and what shares its helpers.
pub static PROTOCOL: Protocol = Protocol {
    name: "bazel",
    need: Need::Packages,
    links: &["bazel-credential-keyfob"],
    serve,
    quirks: None,
    presents: Some(|_, answer| authorization::presented(answer, authorization::scheme(answer))),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["bazelisk"],
    title: "Bazel",
    how: "--credential_helper for each host in the person's .bazelrc",
    setup: Some(&setup::SETUP),
    ..Tool::of(&PROTOCOL)
};

/// No credentials.
const NONE: &[u8] = b"{\"headers\":{}}\n";

#[derive(Deserialize)]
struct Request {
    uri: Zeroizing<String>,
}

/// Serves one call.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    if wire.stdin_is_terminal {
        wire.line(
            "hint",
            "this is bazel's credential helper; it reads {\"uri\":\"…\"}, then the end of input",
        );
        wire.line(
            "hint",
            "to let bazel use it: keyfob setup bazel; to see what it would answer: keyfob explain URL --tool bazel",
        );
    }
    match answer(args, wire, wallet) {
        Ok(()) => 0,
        Err(error) => {
            wire.error(&error);
            1
        }
    }
}

fn answer(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    if args.first().is_none_or(|word| word != "get") {
        return Err(Error::usage("bazel's credential helper knows get", "keyfob setup bazel"));
    }
    let text = input::all(wire.input)?;
    let request: Request = serde_json::from_slice(&text)
        // What serde says may repeat a part of the request.
        .map_err(|_| Error::Request { why: "it is not JSON with a uri" })?;
    // What is no web address (grpc, a socket's path), or has its login with it, needs no token of ours, but is no mistake either.
    if !is_web(&request.uri) || has_login(&request.uri) {
        return write(wire, NONE);
    }
    let (remote, user) = Remote::from_url(&request.uri)?;
    let query = Query { user, takes_authtype: true, ..wire.query(&PROTOCOL, remote) };
    match wallet.get(&query)? {
        Lookup::Found(answer) => {
            let bytes = headers(&answer);
            write(wire, bytes.as_deref().map_or(NONE, Vec::as_slice))?;
            wire.note(answer.note.as_ref());
        }
        Lookup::None { reason, report } => {
            write(wire, NONE)?;
            wire.no_credential(&reason, report, &query.remote);
        }
    }
    Ok(())
}

/// The answer; `None` if the token fits into no header.
fn headers(answer: &Credential) -> Option<Bytes> {
    let header = authorization::header(answer, authorization::scheme(answer))?;
    let header = std::str::from_utf8(&header).ok()?;
    let expires = answer.expires.map(|at| format!(",\"expires\":\"{}\"", rfc3339(at))).unwrap_or_default();
    Some(json(&[("{\"headers\":{\"Authorization\":[", header)], &format!("]}}{expires}}}\n")))
}
