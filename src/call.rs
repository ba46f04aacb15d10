//! A call by a tool: which protocol a process is to speak, by its program name and its arguments, and speaking it with the wallet
//! of this machine. Both programs come here first, before any argument parser is built: this is the path that has to be short.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use crate::environment::Environment;
use crate::folders::Paths;
use crate::store::StoreContext;
use crate::terminal::TerminalAsk;
use crate::tool::{PROTOCOLS, Protocol, Wire, cargo, git, keyring, nuget};
use crate::wallet::LocalWallet;
use crate::wallet::stores::Machine;

/// What a tool asks of this process.
pub struct Call<'a> {
    protocol: &'static Protocol,
    arguments: Cow<'a, [OsString]>,
}

impl<'a> Call<'a> {
    /// The call that a process's arguments are, its program's path the first of them; `None` if no tool calls so.
    #[must_use]
    pub fn of(arguments: &'a [OsString]) -> Option<Call<'a>> {
        let (program, rest) = arguments.split_first()?;
        let first = rest.first().and_then(|word| word.to_str());
        if let Some(protocol) = first.and_then(by_first_argument) {
            return Some(Call { protocol, arguments: rest.into() });
        }
        let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match by_link(name) {
            // Under this name the program is every tool's. What git says is no tool's word.
            Some(protocol) if protocol.name != git::PROTOCOL.name || first.and_then(by_name).is_none() => {
                let arguments = match argument_of_link(name) {
                    Some(held) => std::iter::once(held.into()).chain(rest.iter().cloned()).collect(),
                    None => rest.into(),
                };
                Some(Call { protocol, arguments })
            }
            _ => Some(Call { protocol: first.and_then(by_name)?, arguments: rest.get(1..)?.into() }),
        }
    }

    /// Whether it is not a tool's call but the question what this program is, which no tool asks. (The keyring command has an
    /// answer of its own to it.)
    #[must_use]
    pub fn is_a_question(&self) -> bool {
        let is = |protocol: &Protocol| self.protocol.name == protocol.name;
        let [word] = &*self.arguments else { return self.arguments.is_empty() && is(&git::PROTOCOL) };
        (word == "--version" && !is(&keyring::PROTOCOL))
            || ((word == "--help" || word == "-h") && is(&git::PROTOCOL))
    }

    /// What the tool said, behind the words that name it.
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Speaks the protocol, with the wallet of this machine; returns the exit code. `now` is in Unix seconds.
    pub fn serve(&self, wire: &mut Wire<'_>, environment: &Environment, now: i64) -> u8 {
        let serve = self.protocol.serve;
        let ask = TerminalAsk::for_tool(environment, wire.stderr_is_terminal);
        let paths = Paths::find(environment);
        let data = paths.as_ref().map_or(Path::new(""), |paths| &paths.data);
        let stores = Machine { store_context: StoreContext::new(data, environment, &ask) };
        let wallet = match &paths {
            Ok(paths) => LocalWallet::new(&paths.data, paths.config.clone(), &stores, environment, now),
            Err(why) => LocalWallet::homeless(*why, &stores, environment, now),
        };
        serve(&self.arguments, wire, &wallet)
    }
}

/// What the program for tools says of itself to whoever is no tool; returns the exit code. Alone, its name is a question too.
///
/// `arguments` are those behind the program's name.
pub fn introduce(arguments: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    const ABOUT: &str = "git-credential-keyfob answers tools, which start it by its name or by a link's; for people there is keyfob: \
                         keyfob help";
    let tools: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let help = format!(
        "{ABOUT}\n\nUsage: git-credential-keyfob get | store | erase | capability   (git's credential helper)\n       \
         git-credential-keyfob TOOL ...                            (what this tool says)\n\nTOOL is one of: {}",
        tools.join(", ")
    );
    // Whoever does not hear it needs no exit code for that.
    match arguments.first().and_then(|word| word.to_str()) {
        Some("--version" | "-V") => drop(writeln!(out, "{}", crate::version::line("git-credential-keyfob"))),
        Some("--help" | "-h" | "help") | None => drop(writeln!(out, "{help}")),
        _ => {
            let _ = writeln!(err, "keyfob: error: this is no call of a tool's\nkeyfob: hint: {ABOUT}");
            return 2;
        }
    }
    0
}

/// The protocol that is meant by a first argument, whatever name we are started under.
fn by_first_argument(argument: &str) -> Option<&'static Protocol> {
    match argument {
        "--cargo-plugin" => Some(&cargo::PROTOCOL),
        _ if argument.starts_with('-') && nuget::begins_a_call(argument) => Some(&nuget::PROTOCOL),
        _ => None,
    }
}

/// The protocol of this program name (`git-credential-keyfob`, also with `.exe`).
fn by_link(program: &str) -> Option<&'static Protocol> {
    let name = stem(program);
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    PROTOCOLS.iter().copied().find(|protocol| protocol.links.contains(&name))
}

/// What a program name says behind its tool's, with its `+`: a link can hold an argument for those who start programs without
/// any.
fn argument_of_link(program: &str) -> Option<&str> {
    let name = stem(program);
    name.find('+').map(|at| &name[at..])
}

fn stem(program: &str) -> &str {
    program.strip_suffix(".exe").or_else(|| program.strip_suffix(".EXE")).unwrap_or(program)
}

fn by_name(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().copied().find(|protocol| protocol.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(arguments: &[&str]) -> Option<(&'static str, Vec<OsString>)> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let call = Call::of(&arguments)?;
        Some((call.protocol.name, call.arguments.into_owned()))
    }

    #[test]
    fn a_tool_is_found_by_its_program_name_only_when_that_is_whole() {
        assert!(by_link("git-credential-keyfob").is_some());
        assert!(by_link("git-credential-keyfob.exe").is_some());
        assert!(by_link("xgit-credential-keyfob").is_none());
        assert!(by_link("keyfob-pnpm+https+h.exe").is_some());
        assert!(by_link("+keyfob-pnpm").is_none() && by_link("x+keyfob-pnpm").is_none());
        assert_eq!(argument_of_link("keyfob-pnpm+https+h.exe"), Some("+https+h"));
        assert_eq!(argument_of_link("keyfob-pnpm"), None);
        assert!(by_link("keyfob").is_none());
    }

    #[test]
    fn a_call_is_told_by_a_flag_by_the_programs_name_or_by_a_word() {
        for (arguments, protocol, rest) in [
            (&["/bin/docker-credential-keyfob", "get"][..], "docker", &["get"][..]),
            (&["/bin/keyfob", "git", "get"], "git", &["get"]),
            (&["git-credential-keyfob", "get"], "git", &["get"]),
            (&["git-credential-keyfob", "--later", "get"], "git", &["--later", "get"]),
            (&["git-credential-keyfob", "go", "https://h"], "go", &["https://h"]),
            (&["/bin/git-credential-keyfob.exe", "keyring", "get"], "keyring", &["get"]),
            (&["/bin/docker-credential-keyfob", "git"], "docker", &["git"]),
            (&["/bin/docker-credential-keyfob", "--cargo-plugin"], "cargo", &["--cargo-plugin"]),
            (&["/x/keyfob.exe", "-Plugin"], "nuget", &["-Plugin"]),
            (&["/x/keyfob-pnpm+https+h", "more"], "pnpm", &["+https+h", "more"]),
        ] {
            let rest: Vec<OsString> = rest.iter().map(OsString::from).collect();
            assert_eq!(called(arguments), Some((protocol, rest)), "{arguments:?}");
        }
        for no_call in [&["/bin/keyfob", "list"][..], &["/bin/keyfob"], &["/bin/keyfob", "npm"], &[]] {
            assert_eq!(called(no_call), None, "{no_call:?}");
        }
    }

    #[test]
    fn what_no_tool_says_is_a_persons_question() {
        for (arguments, persons) in [
            (&["git-credential-keyfob", "--help"][..], true),
            (&["git-credential-keyfob", "-h"], true),
            (&["git-credential-keyfob", "--version"], true),
            (&["git-credential-keyfob"], true),
            (&["keyfob", "git"], true),
            (&["keyfob", "git", "--help"], true),
            (&["keyfob", "cargo"], false),
            (&["git-credential-keyfob", "--version", "get"], false),
            (&["keyring", "--version"], false),
            (&["docker-credential-keyfob", "--version"], true),
            (&["docker-credential-keyfob", "--help"], false),
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(Call::of(&arguments).unwrap().is_a_question(), persons, "{arguments:?}");
        }
    }

    #[test]
    fn whoever_is_no_tool_is_told_what_this_is() {
        for (word, code, out, err) in [
            (Some("--version"), 0, "git-credential-keyfob 0.", ""),
            (Some("-V"), 0, "git-credential-keyfob 0.", ""),
            (Some("--help"), 0, "Usage: git-credential-keyfob get", ""),
            (Some("list"), 2, "", "keyfob: hint: git-credential-keyfob answers tools"),
            (None, 0, "TOOL is one of: ", ""),
        ] {
            let arguments: Vec<OsString> = word.into_iter().map(OsString::from).collect();
            let (mut output, mut notes) = (Vec::new(), Vec::new());
            assert_eq!(introduce(&arguments, &mut output, &mut notes), code, "{word:?}");
            let [output, notes] = [output, notes].map(|bytes| String::from_utf8(bytes).unwrap());
            assert!(output.contains(out) && notes.contains(err), "{word:?}: {output}{notes}");
            assert!(output.is_empty() == out.is_empty() && notes.is_empty() == err.is_empty(), "{word:?}");
        }
    }
}
