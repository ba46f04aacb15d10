//! `keyfob token`: prints a token, for programs that keyfob does not serve. The only command that shows one, and only in a form
//! that was asked for. Deliberately absent: a form that is the default.

use clap::ArgMatches;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::{Error, target};
use crate::forge::{Need, Presentation};
use crate::remote::Remote;
use crate::secret::Secret;
use crate::secret_bytes::{Bytes, joined};
use crate::text::rfc3339;
use crate::tool::profile::formats::{basic, header, only_as_header};
use crate::wallet::get::get_account;
use crate::wallet::{Credential, Lookup, Query, Wallet as _, manage};

use super::{Command, Context, account, option, place, text, url, yes};

/// `keyfob token`.
pub static COMMAND: Command = Command {
    name: "token",
    about: "Print a token in the form that another program takes",
    details: "token: the token alone; basic: base64 of user:token; header: the whole Authorization header; json: with user name and \
              expiry (keyfob help json); netrc: an entry for ~/.netrc; curl: a line for curl's configuration, so that the token is on \
              no command line: keyfob token URL --as curl | curl -K - URL\n\n\
              Asks first when it would be shown on a terminal. Each form ends with a line break.",
    example: "keyfob token https://dev.azure.com/contoso --as header --yes",
    arguments: |command| {
        command
            .override_usage("keyfob token <URL> --as <FORM> [OPTIONS]")
            .arg(url().required(true))
            .arg(account())
            .arg(option("as", "FORM").help("The form; without one nothing is printed").value_parser(FORMS))
            .arg(yes())
    },
    run,
};

/// What `--as` takes.
const FORMS: [&str; 6] = ["token", "basic", "header", "json", "netrc", "curl"];

/// `--as json`. The shape is an interface: only ever added to.
#[derive(Serialize)]
struct Shown<'s> {
    realm: &'s str,
    account: Option<&'s str>,
    url: &'s str,
    username: Option<&'s str>,
    token: &'s str,
    scheme: &'s str,
    expires: Option<String>,
}

fn run(matches: &ArgMatches, context: &mut Context<'_>) -> Result<(), Error> {
    let typed = text(matches, "URL").unwrap_or_default();
    let (remote, user) = place(context, typed)?;
    let wanted = text(matches, "as").ok_or_else(|| formless(&remote, text(matches, "account")))?;
    let mut query = Query { takes_authtype: true, ..Query::new("keyfob", remote, Need::Anything) };
    let found = match text(matches, "account") {
        // A name on the command line is exact: no other account answers in its place.
        Some(name) => {
            let selection = manage::select(context.wallet, typed, Some(name))?.persons();
            get_account(context.wallet, &query, &selection.realm.realm, selection.only()?)?
        }
        None => {
            query.user = user;
            context.wallet.get(&query)?
        }
    };
    let answer = match found {
        Lookup::Found(answer) => answer,
        Lookup::None { reason, .. } => return Err(reason.into_error(&query.remote.to_string())),
    };
    let bytes = form(wanted, &answer, &query.remote)?;
    if context.terminal.capabilities.stdout && !matches.get_flag("yes") {
        if !context.terminal.capabilities.can_ask() {
            return Err(Error::usage(
                "the token would be shown on this terminal",
                "add --yes if that is meant",
            ));
        }
        let question = format!("show the token of {} on this screen?", answer.realm);
        if !context.terminal.confirm(&question)? {
            context.terminal.note("the token was not shown");
            context.code = Some(Error::Declined.exit_code().into());
            return Ok(());
        }
    }
    if context.terminal.capabilities.stdout && bytes.iter().any(|b| b.is_ascii_control() && *b != b'\n') {
        return Err(Error::usage("there are control characters in it", "send it to a file or a pipe"));
    }
    context.terminal.answer_bytes(&bytes);
    Ok(())
}

/// That no form was asked for.
fn formless(remote: &Remote, account: Option<&str>) -> Error {
    let url = target(&remote.to_string(), account);
    Error::usage(
        "--as FORM is missing: a token is printed only in a form that was asked for",
        format!("keyfob token {url} --as token; the forms are {}", FORMS.join(", ")),
    )
}

/// Shows a token that found no place, so that a person can save it; only to one who says so.
///
/// # Errors
/// [`Error::NobodyToAsk`], [`Error::Declined`].
pub(super) fn show_unstored(token: &Secret, context: &mut Context<'_>) -> Result<(), Error> {
    if !context.terminal.confirm("show it on this screen, so that you can save it?")? {
        return Err(Error::Declined);
    }
    let line = joined(&[token.expose()]);
    context.terminal.answer_bytes(&line);
    Ok(())
}

/// One form, line break included, built in a buffer that never grows: a grown one leaves an unwiped copy behind.
fn form(name: &str, answer: &Credential, remote: &Remote) -> Result<Bytes, Error> {
    let token = answer.token.expose();
    match name {
        "basic" => basic(answer).map(|basic| joined(&[&basic, b"\n"])),
        "header" => header(answer).map(|header| joined(&[b"Authorization: ", &header, b"\n"])),
        "json" => json(answer, remote),
        "netrc" => netrc(answer, remote),
        "curl" => header(answer).map(|header| {
            // In curl's quotes, backslash and quote are escaped (curl(1), --config).
            let mut escaped = Zeroizing::new(Vec::with_capacity(header.len() * 2));
            for &byte in header.iter() {
                if byte == b'\\' || byte == b'"' {
                    escaped.push(b'\\');
                }
                escaped.push(byte);
            }
            joined(&[b"header = \"Authorization: ", &escaped, b"\"\n"])
        }),
        _ => Ok(joined(&[token, b"\n"])),
    }
}

fn json(answer: &Credential, remote: &Remote) -> Result<Bytes, Error> {
    let token = std::str::from_utf8(answer.token.expose())
        .map_err(|_| Error::usage("the token is not text, which JSON cannot carry", "use --as token"))?;
    let url = remote.to_string();
    let scheme = match (&answer.authtype, answer.presentation) {
        (Some(authtype), _) => authtype.to_ascii_lowercase(),
        (None, Presentation::Bearer) => "bearer".to_owned(),
        (None, Presentation::Basic | Presentation::ForcedBasic | Presentation::Plain) => "basic".to_owned(),
    };
    let shown = Shown {
        realm: answer.realm.as_str(),
        account: answer.account.name(),
        url: &url,
        username: answer.user.as_deref(),
        token,
        scheme: &scheme,
        expires: answer.expires.map(rfc3339),
    };
    // An escape is at most six bytes long.
    let text = shown.realm.len() + url.len() + token.len() + scheme.len();
    let names = shown.account.map_or(0, str::len) + shown.username.map_or(0, str::len);
    let mut whole = Zeroizing::new(Vec::with_capacity(256 + 6 * (text + names)));
    serde_json::to_writer_pretty(&mut *whole, &shown)
        .map_err(|error| Error::Wire { doing: "write the token", source: error.into() })?;
    whole.push(b'\n');
    Ok(whole)
}

/// An entry of ~/.netrc, whose words have no blanks and no quotes in them.
fn netrc(answer: &Credential, remote: &Remote) -> Result<Bytes, Error> {
    if answer.authtype.is_some() {
        return Err(only_as_header());
    }
    let user = answer.user.as_deref().unwrap_or_default();
    let odd = |bytes: &[u8]| {
        bytes.is_empty()
            || bytes.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control() || b"\"'\\#".contains(b))
    };
    if odd(user.as_bytes()) || odd(answer.token.expose()) {
        return Err(Error::usage(
            "the user name or the token has something in it that programs read differently from a .netrc",
            "use --as curl or --as header",
        ));
    }
    let host = remote.host().as_bytes();
    let token = answer.token.expose();
    Ok(joined(&[b"machine ", host, b"\nlogin ", user.as_bytes(), b"\npassword ", token, b"\n"]))
}
