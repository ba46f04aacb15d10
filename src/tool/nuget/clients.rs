//! The programs on this machine that have NuGet in them, and where they look for keyfob.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;
use crate::folders::Folders;
use crate::process::{child, output_within};
use crate::tool::setup::SetupContext;

/// The program that NuGet looks for.
pub(super) const LINK: &str = "nuget-plugin-keyfob";

/// What has NuGet in it.
const PROGRAMS: [&str; 4] = ["dotnet", "msbuild", "nuget", "mono"];

/// For how long a program is waited for that says its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs of this machine that have NuGet in them.
pub(super) fn clients(context: &SetupContext<'_>) -> Vec<String> {
    context.here(&PROGRAMS).iter().map(|path| path.display().to_string()).collect()
}

/// Where an older nuget.exe on this machine looks for us, if there may be one.
pub(super) fn for_older(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        let nuget = environment.program("nuget")?;
        let old = nuget_version(&nuget, environment).is_some_and(|version| version < [6, 13, 0]);
        let folder = Folders::of(environment).local()?.join("NuGet/CredentialProviders");
        return old.then(|| folder.join("CredentialProvider.Keyfob.exe"));
    }
    environment.program("mono")?;
    Some(plugins(environment)?.join("netfx/keyfob/keyfob.exe"))
}

/// The folder of plugins in the home.
pub(super) fn plugins(environment: &Environment) -> Option<PathBuf> {
    Some(Folders::of(environment).home()?.join(".nuget/plugins"))
}

/// The version that nuget.exe says it has.
fn nuget_version(nuget: &Path, environment: &Environment) -> Option<[u32; 3]> {
    let text = output(nuget, &["help"], environment)?;
    text.lines().find_map(|line| version(line.strip_prefix("NuGet Version: ")?))
}

/// A version in numbers.
pub(super) fn version(text: &str) -> Option<[u32; 3]> {
    super::message::version(text.trim())
}

/// What a program says, if it does in time.
pub(super) fn output(program: &Path, args: &[&str], environment: &Environment) -> Option<String> {
    let mut command = child(program, environment);
    let text = output_within(command.args(args), PATIENCE).ok()??;
    Some(String::from_utf8_lossy(&text).into_owned())
}
