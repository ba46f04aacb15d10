//! The keyring command's arguments: options may stand before and behind the words, with `=` or a blank. Written by hand,
//! because a parser for people costs more time than the whole answer.

use std::ffi::OsString;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// Print a token.
    Get {
        /// A URL or a host.
        service: &'a str,
        /// As whom; an empty one is none.
        user: Option<&'a str>,
        /// How much of it.
        mode: Mode,
        /// In which form.
        output: Output,
    },
    /// Keep what comes on standard input.
    Set {
        /// A URL or a host.
        service: &'a str,
        /// Whose it is.
        user: &'a str,
    },
    /// Drop it.
    Delete {
        /// A URL or a host.
        service: &'a str,
        /// Whose it is.
        user: &'a str,
    },
    /// Say how it is called.
    Help,
    /// Say which version this is.
    Version,
    /// Say what keeps the passwords.
    Backends,
}

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The token.
    Password,
    /// User name and token.
    Credential,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// In lines.
    Plain,
    /// In JSON.
    Json,
}

/// Options with a value that means nothing to us: there is one keyring here.
const IGNORED: [&str; 4] = ["-b", "--keyring-backend", "-p", "--keyring-path"];

impl<'a> Request<'a> {
    /// Reads them; the error is in fixed words and repeats nothing.
    pub(super) fn read(arguments: &'a [OsString]) -> Result<Request<'a>, &'static str> {
        let (mut mode, mut output) = (Mode::Password, Output::Plain);
        let mut words = Vec::new();
        let mut rest = arguments.iter().map(|argument| argument.to_str().ok_or("an argument is not text"));
        let mut only_words = false;
        while let Some(argument) = rest.next().transpose()? {
            if only_words || !argument.starts_with('-') || argument == "-" {
                words.push(argument);
                continue;
            }
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ => (argument, None),
            };
            let mut value = || match inline {
                Some(value) => Ok(value),
                None => rest.next().transpose()?.ok_or("an option lacks its value"),
            };
            match name {
                "--" => only_words = true,
                "--mode" => {
                    mode = match value()? {
                        "password" => Mode::Password,
                        "creds" => Mode::Credential,
                        _ => return Err("there is no such mode"),
                    }
                }
                "--output" => {
                    output = match value()? {
                        "plain" => Output::Plain,
                        "json" => Output::Json,
                        _ => return Err("there is no such output"),
                    }
                }
                "-h" | "--help" => return Ok(Request::Help),
                "--version" => return Ok(Request::Version),
                "--list-backends" => return Ok(Request::Backends),
                name if IGNORED.contains(&name) => {
                    value()?;
                }
                _ => return Err("there is no such option"),
            }
        }
        match words[..] {
            ["get", service] if mode == Mode::Credential => {
                Ok(Request::Get { service, user: None, mode, output })
            }
            ["get", service, user] => {
                Ok(Request::Get { service, user: Some(user).filter(|user| !user.is_empty()), mode, output })
            }
            ["get", _] => Err("a password without a user name is asked for by --mode creds"),
            ["set", service, user] => Ok(Request::Set { service, user }),
            ["del" | "delete", service, user] => Ok(Request::Delete { service, user }),
            [] => Err("there is nothing to do"),
            _ => Err("that is not how it is called"),
        }
    }
}
