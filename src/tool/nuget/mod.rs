//! NuGet: dotnet, MSBuild, Visual Studio and nuget.exe. Since .NET SDK 9.0.200 and nuget.exe 6.13 they start every program in PATH
//! whose name begins with `nuget-plugin-`, and speak the plugin protocol 2.0 with it (`plugin`, `session`, `message`, `frame`). A
//! program is started once for many sources, and for every source that wants a credential, also for those that are not ours.
//! Older nuget.exes know credential providers of version 1, and some of Microsoft's tools call Microsoft's provider by its
//! command line: `provider` speaks both.
//!
//! Deliberately absent: the protocol's other half, by which plugins download packages, and prompts (standard input is the
//! protocol's).

use std::ffi::OsString;

use crate::forge::Need;
use crate::wallet::Wallet;

use super::{Presented, Protocol, Tool, Wire};

mod check;
mod clients;
mod frame;
mod lookup;
mod message;
mod others;
mod plugin;
mod profile;
mod provider;
mod session;
mod setup;
#[cfg(test)]
mod tests;

/// NuGet.
pub static PROTOCOL: Protocol = Protocol {
    name: "nuget",
    need: Need::Packages,
    links: &["nuget-plugin-keyfob", "CredentialProvider.Keyfob", provider::MICROSOFTS],
    serve,
    quirks: None,
    presents: Some(|query, answer| Presented::Pair(lookup::user_name(query, answer))),
};

/// The tool as `keyfob` shows it and sets it up.
pub static TOOL: Tool = Tool {
    clients: &["dotnet", "msbuild"],
    title: "NuGet (dotnet, MSBuild, Visual Studio, nuget.exe)",
    how: "a program named nuget-plugin-… in PATH",
    setup: Some(&setup::SETUP),
    client: Some(&profile::CLIENT),
    profile: Some(&profile::PROFILE),
    ..Tool::of(&PROTOCOL)
};

/// The one argument with which NuGet starts a plugin.
const PLUGIN: &str = "-Plugin";

/// Whether arguments tell that NuGet calls, or who calls as it does, whatever our name: they begin with an option, and one of them
/// is a plugin's or a provider's.
#[must_use]
pub fn is_a_call(arguments: &[OsString]) -> bool {
    arguments.first().is_some_and(|word| word == PLUGIN) || provider::is_a_call(arguments)
}

fn serve(args: &[OsString], wire: &mut Wire<'_>, wallet: &dyn Wallet) -> u8 {
    let first = args.first().and_then(|word| word.to_str());
    match first {
        Some(PLUGIN) if !wire.stdin_is_terminal => {
            plugin::serve(wire, wallet, crate::process::lives, &crate::process::leave);
            0
        }
        Some(_) if provider::is_a_call(args) => provider::serve(args, wire, wallet),
        _ => {
            wire.line(
                "hint",
                "this is NuGet's credential plugin; NuGet starts it with -Plugin and sends JSON",
            );
            wire.line("hint", "to let NuGet use it: keyfob setup nuget; to see what it would answer: keyfob explain URL --tool nuget");
            2
        }
    }
}
