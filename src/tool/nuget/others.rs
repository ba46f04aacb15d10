//! The other plugins that NuGet asks, as far as names and modes tell; nothing is started. NuGet asks the ones of its variables alone
//! where those are set, else those of the home's folder, then those of PATH.

use std::path::{Path, PathBuf};

use crate::environment::{Environment, is_program};
use crate::folders::Folders;

use super::clients::LINK;

/// What a program in PATH that is a plugin is called.
pub(super) const PREFIX: &str = "nuget-plugin-";

/// Whether NuGet asks anybody besides keyfob. Asked where keyfob has nothing: then a warning would be wrong.
pub(super) fn are_there(environment: &Environment) -> bool {
    let is_other = |path: &PathBuf| !is_own_name(path);
    match listed(environment) {
        Some(list) => list.iter().any(is_other),
        None => in_home(environment).iter().any(is_other) || in_path(environment).iter().any(is_other),
    }
}

/// The plugins that the variables of dotnet's NuGet name, the more special variable first; `None` if none is set.
pub(super) fn listed(environment: &Environment) -> Option<Vec<PathBuf>> {
    ["NUGET_NETCORE_PLUGIN_PATHS", "NUGET_PLUGIN_PATHS"].iter().find_map(|name| {
        let value = environment.os(name)?;
        let mut plugins = Vec::new();
        for entry in std::env::split_paths(&value).filter(|entry| !entry.as_os_str().is_empty()) {
            if entry.is_dir() { plugins.extend(named_in(&entry)) } else { plugins.push(entry) }
        }
        Some(plugins)
    })
}

/// The libraries that dotnet starts from the folder of the home, in NuGet's order.
pub(super) fn in_home(environment: &Environment) -> Vec<PathBuf> {
    let Some(home) = home(environment) else { return Vec::new() };
    let Ok(folders) = std::fs::read_dir(home.join(".nuget/plugins/netcore")) else { return Vec::new() };
    let library = |folder: std::fs::DirEntry| {
        let path = folder.path();
        let file = path.join(path.file_name()?).with_added_extension("dll");
        file.symlink_metadata().is_ok().then_some(file)
    };
    let mut found: Vec<PathBuf> = folders.flatten().filter_map(library).collect();
    found.sort_unstable();
    found
}

/// The programs in PATH that NuGet starts, in its order.
pub(super) fn in_path(environment: &Environment) -> Vec<PathBuf> {
    let path = environment.os("PATH").unwrap_or_default();
    std::env::split_paths(&path).flat_map(|folder| named_in(&folder)).collect()
}

/// The home as .NET has it.
pub(super) fn home(environment: &Environment) -> Option<PathBuf> {
    let folders = Folders::of(environment);
    folders.named("DOTNET_CLI_HOME").or_else(|| folders.home())
}

/// What has a plugin's name in a folder: programs, and links to nowhere, which NuGet takes for programs.
fn named_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let fits = |name: &str| {
        name.starts_with(PREFIX) && (!cfg!(windows) || name.ends_with(".exe") || name.ends_with(".bat"))
    };
    let named = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(fits));
    let mut found: Vec<PathBuf> =
        named.map(|entry| entry.path()).filter(|path| is_program(path) || leads_nowhere(path)).collect();
    found.sort_unstable();
    found
}

/// Whether dotnet could load it, judging by its beginning.
pub(super) fn is_library(path: &Path) -> bool {
    beginning(path).is_some_and(|bytes| bytes.starts_with(b"MZ"))
}

/// Whether the system could not start it, judging by its beginning. What cannot be read is not judged.
pub(super) fn is_no_program(path: &Path) -> bool {
    let starts: [&[u8]; 7] = [
        b"#!",
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xce\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"\xbe\xba\xfe\xca",
    ];
    !cfg!(windows)
        && beginning(path).is_some_and(|bytes| !starts.iter().any(|start| bytes.starts_with(start)))
}

fn beginning(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    std::fs::File::open(path).ok()?.take(4).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether a link leads to no file.
pub(super) fn leads_nowhere(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_symlink()) && !path.exists()
}

/// Whether a file has the name of keyfob's own plugin.
pub(super) fn is_own_name(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == LINK || stem == "keyfob")
}
