//! pnpm's token helper: a program named in the person's .npmrc for a place, which prints the whole Authorization header.
//!
//! pnpm does not say which place it asks for. Before version 11 it also starts a helper without arguments, so the name of a link
//! tells it: see `place`. Version 10 runs every helper that is named at each start, and stops whatever it was told to do if one
//! of them fails; no version shows what a helper says. So where we have nothing, or the wallet is locked, the answer is empty,
//! which every version takes for "no header", and the exit code is 0. Deliberately absent: npm and yarn, which have no
//! helpers.

use std::ffi::OsString;

use crate::error::Error;
use crate::forge::Need;
use crate::remote::Remote;
use crate::wallet::{Lookup, Query, Wallet};

use super::client::{Client, Holds, Placeholder, Publishes, Settings, Variable};
use super::{Protocol, Tool, Wire, authorization};
use crate::secret_bytes::joined;

mod place;
mod setup;
#[cfg(test)]
mod tests;

/// pnpm.
pub static PROTOCOL: Protocol = Protocol {
    name: "pnpm",
    need: Need::Packages,
    links: &["keyfob-pnpm"],
    serve,
    quirks: None,
    presents: Some(|_, answer| authorization::presented(answer, authorization::scheme(answer))),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    title: "pnpm",
    how: "tokenHelper for each place in the person's .npmrc",
    setup: Some(&setup::SETUP),
    client: Some(&Client {
        programs: &["pnpm", "pnpx"],
        settings: &[
            Settings::Project(".npmrc"),
            Settings::Project("package.json"),
            Settings::Project("pnpm-workspace.yaml"),
            Settings::Project("pnpm-lock.yaml"),
            Settings::Home(".npmrc"),
            Settings::Config("pnpm/rc"),
            Settings::Config("pnpm/auth.ini"),
            Settings::Config("pnpm/config.yaml"),
            Settings::Named("npm_config_userconfig", ""),
            Settings::Named("NPM_CONFIG_USERCONFIG", ""),
            Settings::Variable("npm_config_*"),
            Settings::Variable("NPM_CONFIG_*"),
            Settings::Variable("pnpm_config_*"),
        ],
        publishes: Publishes::Words(&[&["publish"], &["dist-tag", "add"], &["deprecate"], &["unpublish"]]),
        // Version 11 and newer; before, those of npm.
        variables: &[
            Variable { name: "pnpm_config_https_proxy", holds: Holds::Proxy },
            Variable { name: "pnpm_config_http_proxy", holds: Holds::Proxy },
            Variable { name: "pnpm_config_noproxy", holds: Holds::Exceptions },
            Variable { name: "pnpm_config_cafile", holds: Holds::Authorities },
        ],
        placeholder: Placeholder::Npmrc,
        ..Client::BASE
    }),
    ..Tool::of(&PROTOCOL)
};

/// Prints the header for one place.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    let place = args.first().and_then(|place| place.to_str());
    let Some(place) = place.filter(|place| !place.is_empty()) else {
        wire.line(
            "hint",
            "this is pnpm's token helper; it prints the Authorization header of a place: keyfob pnpm URL",
        );
        wire.line("hint", "to let pnpm use it: keyfob setup pnpm; to see what it would answer: keyfob explain URL --tool pnpm");
        return 2;
    };
    let remote = match place::decode(place).and_then(|url| Remote::from_url(&url)) {
        Ok((remote, _)) => remote,
        // Whoever wrote the line made a mistake, which shall be seen.
        Err(error) => {
            wire.error(&error);
            return 2;
        }
    };
    if let Err(error) = answer(&remote, wire, wallet) {
        wire.error(&error);
    }
    0
}

fn answer(remote: &Remote, wire: &mut Wire<'_>, wallet: &dyn Wallet) -> Result<(), Error> {
    let query = Query { takes_authtype: true, ..wire.query(&PROTOCOL, remote.clone()) };
    match wallet.get(&query)? {
        Lookup::Found(answer) => {
            let Some(header) = authorization::header(&answer, authorization::scheme(&answer)) else {
                return Ok(());
            };
            super::write(wire, &joined(&[&header, b"\n"]))?;
            wire.note(answer.note.as_ref());
        }
        Lookup::None { reason, report } => wire.no_credential(&reason, report, remote),
    }
    Ok(())
}
