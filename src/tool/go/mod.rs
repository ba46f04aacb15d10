//! Go's authentication command (`GOAUTH`, since Go 1.24): started without an argument before the first request, and again with a
//! URL when a server answered 4xx, the answer's head on standard input. What is printed are blocks: the beginning of the URLs that
//! it is for, an empty line, header lines, an empty line.
//!
//! The first time nothing is printed, and the wallet is not even opened: nobody has asked for a token yet. The second time one
//! block is, for the realm in the spelling of the URL, so that one start serves all that is below. Go shows nothing of
//! what goes wrong unless it runs with `-x`. Deliberately absent: the answer's head, which tells nothing that the URL does
//! not; and Go's own fetching of repositories, which is git's business.

use std::ffi::OsString;

use crate::error::Error;
use crate::forge::{self, Need, Scheme};
use crate::remote::{Realm, Remote};
use crate::wallet::{Lookup, Query, Wallet};

use super::client::{Client, Settings};
use super::{Protocol, Tool, Wire, authorization, has_login};
use crate::secret_bytes::joined;

mod setup;
#[cfg(test)]
mod tests;

/// Go.
pub static PROTOCOL: Protocol = Protocol {
    name: "go",
    need: Need::Packages,
    links: &[],
    serve,
    quirks: None,
    presents: Some(|_, answer| authorization::presented(answer, Scheme::Basic)),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    title: "Go",
    how: "GOAUTH in Go's own settings",
    setup: Some(&setup::SETUP),
    client: Some(&Client {
        programs: &["go"],
        settings: &[
            Settings::Variable("GOPROXY"),
            Settings::Named("GOENV", ""),
            Settings::Config("go/env"),
            Settings::Project("go.env"),
        ],
        ..Client::BASE
    }),
    ..Tool::of(&PROTOCOL)
};

/// Answers one call.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    let Some(url) = args.first() else {
        if wire.stdin_is_terminal {
            wire.line(
                "hint",
                "this is a command for GOAUTH; go starts it, and again with a URL that was refused",
            );
            wire.line("hint", "to let go use it: keyfob setup go; to see what it would answer: keyfob explain URL --tool go");
        }
        return 0;
    };
    match answer(url, wire, wallet) {
        Ok(()) => 0,
        Err(error) => {
            wire.error(&error);
            1
        }
    }
}

fn answer(url: &OsString, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let url = url.to_str().ok_or(Error::Url { why: "it is not text" })?;
    if has_login(url) {
        return Ok(());
    }
    let (remote, user) = Remote::from_url(url)?;
    if !remote.is_https() {
        // Go would refuse the block as a whole.
        return Ok(());
    }
    let query = Query { user, takes_authtype: true, ..wire.query(&PROTOCOL, remote) };
    match wallet.get(&query)? {
        Lookup::Found(answer) => {
            // Module proxies and pages about modules take Basic everywhere.
            let Some(header) = authorization::header(&answer, Scheme::Basic) else { return Ok(()) };
            let place = beginning(&answer.realm, &query.remote).to_string();
            let block = joined(&[place.as_bytes(), b"\n\nAuthorization: ", &header, b"\n\n"]);
            super::write(wire, &block)?;
            wire.note(answer.note.as_ref());
        }
        Lookup::None { reason, report } => wire.no_credential(&reason, report, &query.remote),
    }
    Ok(())
}

/// The beginning of a URL that is the realm's: Go compares letter by letter, so it is a part of this URL.
fn beginning(realm: &Realm, remote: &Remote) -> Remote {
    let segments = match forge::recognise(remote, None) {
        forge::Recognition::Cloud { realm: known, path_depth, .. } if known == *realm => path_depth,
        // A server's realm is named by its own URL. One of the settings' is not, and then nothing is certain but this place.
        _ => match Remote::from_url(realm.what()) {
            Ok((home, _)) if home.origin() == remote.origin() => home.path().len(),
            _ => remote.path().len(),
        },
    };
    remote.with_path(remote.path().iter().take(segments).cloned().collect())
}
