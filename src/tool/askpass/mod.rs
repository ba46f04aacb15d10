//! The program that git and wget start to ask a question (`GIT_ASKPASS`, `--use-askpass`): the prompt is the only argument, the
//! answer one line. Only a prompt that names a web address is answered; whatever else is asked (a key's passphrase, a login, a
//! yes or no) is refused in silence, because nothing tells which secret would be right.
//!
//! Deliberately absent: hints about a miss, which git and wget would show as if they came from the server, and asking a
//! person: git asks on the terminal when we do not answer.

use std::ffi::OsString;

use crate::error::Error;
use crate::forge::Need;
use crate::remote::Remote;
use crate::wallet::{Credential, Lookup, Query, Wallet};

use super::{Presented, Protocol, Tool, Wire};
use crate::secret_bytes::{Bytes, joined};

mod setup;
#[cfg(test)]
mod tests;

/// The askpass program.
pub static PROTOCOL: Protocol = Protocol {
    name: "askpass",
    need: Need::Code,
    links: &[setup::LINK],
    serve,
    quirks: None,
    presents: Some(|_, answer| Presented::Pair(answer.user.clone().unwrap_or_default())),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["wget"],
    title: "askpass (git and wget without a helper)",
    how: "GIT_ASKPASS, or wget --use-askpass",
    setup: Some(&setup::SETUP),
    ..Tool::of(&PROTOCOL)
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    User,
    Password,
}

/// Answers one prompt. 0: the answer is out; 1: there is none.
fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    // git gives its own terminal to the program, so only the missing prompt tells a person's try.
    if args.is_empty() {
        wire.line(
            "hint",
            "git and wget start this with a prompt as its argument: GIT_ASKPASS, wget --use-askpass",
        );
        return 1;
    }
    match answer(args, wallet) {
        Ok(Some(line)) => match super::write(wire, &line) {
            Ok(()) => return 0,
            Err(error) => wire.error(&error),
        },
        Ok(None) => {}
        Err(error) => wire.error(&error),
    }
    1
}

fn answer(args: &[OsString], wallet: &dyn Wallet) -> Result<Option<Bytes>, Error> {
    let [prompt] = args else { return Ok(None) };
    let Some((asked, url)) = prompt.to_str().and_then(parse) else { return Ok(None) };
    // The URL is a tool's or a stranger's; what cannot be one is as foreign as any other prompt.
    let Ok((remote, user)) = Remote::from_url(url) else { return Ok(None) };
    let query = Query { user, ..Query::new(PROTOCOL.name, remote, PROTOCOL.need) };
    Ok(match wallet.get(&query)? {
        Lookup::Found(answer) => line(asked, &answer),
        Lookup::None { .. } => None,
    })
}

/// `Username for 'URL': ` of git and wget; git-lfs writes `"URL"` and no colon. Anything around it is another prompt.
fn parse(prompt: &str) -> Option<(Asked, &str)> {
    let (asked, rest) = match prompt.split_once(" for ")? {
        ("Username", rest) => (Asked::User, rest),
        ("Password", rest) => (Asked::Password, rest),
        _ => return None,
    };
    let rest = rest.trim_end_matches([' ', ':']);
    let url = ['\'', '"'].into_iter().find_map(|quote| rest.strip_prefix(quote)?.strip_suffix(quote))?;
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && !url.contains(['\'', '"', ' '])).then_some((asked, url))
}

/// The line; `None` where there is nothing to put into one.
fn line(asked: Asked, answer: &Credential) -> Option<Bytes> {
    let value = match asked {
        Asked::User => answer.user.as_deref().unwrap_or_default().as_bytes(),
        Asked::Password => answer.token.expose(),
    };
    (!value.is_empty()).then(|| joined(&[value, b"\n"]))
}
