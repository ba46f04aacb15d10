//! Whether NuGet would really ask us, for `doctor` and in setup's notes: the variables that switch its search off, plugins that
//! cannot be started, its memory of what a plugin can do, the version of the SDK, the rule of signatures. The only program that
//! is started is dotnet, for the list of its SDKs; nothing is changed, no network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::environment::{self, Environment};
use crate::error::Error;
use crate::folders::Folders;
use crate::text::{shell_word, visible};
use crate::tool::installation::Installation;
use crate::tool::setup::{Finding, Level, SetupContext, SetupEntry};

use super::clients::{LINK, clients, for_older, output, plugins, version};
use super::others;

const ABOUT: &str = "nuget";
const FIX: &str = "keyfob setup nuget";

/// The first SDK whose dotnet starts programs that are no .NET libraries.
const SDK: [u32; 3] = [9, 0, 200];

/// Where NuGet notes what a plugin can do, when it is not asked about one source: SHA-256, cut.
const GENERAL: &str = "e31fb857036daf0857c70f5a13956500adde37dc";

/// The claim of authentication, as a number.
const AUTHENTICATION: u64 = 1;

/// Who reads the variable for programs.
const DESKTOP: &str = "nuget.exe, MSBuild and Visual Studio";

/// The variable that names a folder for those notes.
const CACHE: &str = "NUGET_PLUGINS_CACHE_PATH";

/// For how long NuGet believes its notes.
const BELIEVED: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    let here = clients(context);
    if here.is_empty() && entry.is_none() {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    let ours = in_path(context);
    match (ours.first(), context.environment.program(LINK)) {
        (Some(link), Some(first)) if *link == first => {
            findings.push(Finding::ok(ABOUT, format!("NuGet finds keyfob: {}", link.display())));
        }
        (_, Some(first)) => {
            let words = format!("{} is another program than this one, and NuGet asks it", first.display());
            findings.push(Finding::hint(ABOUT, words, format!("ls -l {}", shell_word(&first))));
        }
        (_, None) if entry.is_some() => {
            let words = format!("setup was done, but no folder of PATH has {LINK}");
            findings.push(Finding::broken(ABOUT, words, FIX));
        }
        (_, None) => {
            findings.push(Finding::hint(
                ABOUT,
                format!("NuGet does not ask keyfob: PATH has no {LINK}"),
                FIX,
            ));
        }
    }
    if ours.len() > 1 {
        let words =
            format!("{} folders of PATH have it, so NuGet asks it as often; that does no harm", ours.len());
        findings.push(Finding::ok(ABOUT, words));
    }
    findings.extend(not_executable(context.environment));
    findings.extend(others(context));
    findings.extend(variables(context, entry.is_some()));
    findings.extend(older(context));
    findings.extend(dangling(context));
    findings.extend(cache_path(context.environment));
    findings.extend(forgotten(context));
    findings.extend(sdk(context.environment));
    if cfg!(windows) {
        let words = "Visual Studio and MSBuild before 17.13 and nuget.exe before 6.13 start signed plugins only, and keyfob is \
                     not signed; nuget.exe takes it as CredentialProvider.Keyfob.exe";
        findings.push(Finding::ok(ABOUT, words));
    }
    Ok(findings)
}

/// What stands in the way of being asked, in words, for setup.
pub(super) fn obstacles(context: &SetupContext<'_>) -> Vec<String> {
    let findings = variables(context, false).into_iter().chain(sdk(context.environment));
    let bad = findings.filter(|finding| finding.level != Level::Ok);
    bad.map(|finding| match finding.fix {
        Some(fix) => format!("{}; {fix}", finding.text),
        None => finding.text,
    })
    .collect()
}

/// Our links in PATH.
fn in_path(context: &SetupContext<'_>) -> Vec<PathBuf> {
    let all = context.environment.programs(LINK).into_iter();
    all.filter(|path| is_keyfob(context, path)).collect()
}

fn is_keyfob(context: &SetupContext<'_>, path: &Path) -> bool {
    Installation::of(context).is_ok_and(|own| own.has(path))
}

/// A file of our name without the right to be run: NuGet passes over it.
fn not_executable(environment: &Environment) -> Option<Finding> {
    let path = environment.os("PATH")?;
    let file = format!("{LINK}{}", std::env::consts::EXE_SUFFIX);
    let candidates =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(&file));
    let mut dull = candidates.filter(|path| path.is_file() && !environment::is_program(path));
    let path = dull.next()?;
    let words = format!("{} may not be run, so NuGet passes over it", path.display());
    Some(Finding::hint(ABOUT, words, format!("chmod +x {}", shell_word(&path))))
}

/// The variables that name plugins: NuGet then looks nowhere else.
fn variables(context: &SetupContext<'_>, is_set_up: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let has_dotnet = !context.here(&["dotnet"]).is_empty();
    for (name, who) in [
        ("NUGET_NETCORE_PLUGIN_PATHS", "dotnet"),
        ("NUGET_NETFX_PLUGIN_PATHS", DESKTOP),
        ("NUGET_PLUGIN_PATHS", "NuGet"),
    ] {
        let Some(value) = context.environment.text(name) else { continue };
        let entries: Vec<PathBuf> = entries(&value).map(PathBuf::from).collect();
        let is_one_path = has_dotnet && !cfg!(windows) && who != DESKTOP && value.contains(';');
        if is_one_path && entries.iter().all(|path| path.exists()) {
            let words =
                format!("dotnet reads {name} as one path, because only : separates there: no sign-in works");
            findings.push(Finding::broken(ABOUT, words, format!("separate the entries of {name} with :")));
        }
        for missing in entries.iter().filter(|path| !path.exists()) {
            let words = format!(
                "{name} names {}, which is not there: one such plugin keeps NuGet from signing in anywhere",
                visible(&missing.display().to_string())
            );
            findings.push(Finding::broken(ABOUT, words, format!("take it out of {name}")));
        }
        let ours =
            entries.iter().find(|path| is_keyfob(context, path) || is_keyfob(context, &path.join(LINK)));
        match ours {
            Some(path) if who == "dotnet" => {
                let words = format!(
                    "dotnet starts what {name} names with its own runtime, which keyfob is not made for ({})",
                    path.display()
                );
                findings.push(Finding::broken(ABOUT, words, format!("unset {name}; PATH is enough")));
            }
            // Another name is started by `dotnet FILE`.
            Some(path) if has_dotnet && who == "NuGet" && !path.is_dir() && !is_plugins_name(path) => {
                let words = format!(
                    "{name} names {}, which dotnet starts with its own runtime because of its name: no sign-in works",
                    path.display()
                );
                let link = in_path(context).into_iter().next();
                let link = link.as_deref().map_or_else(|| format!("the path of {LINK}"), shell_word);
                findings.push(Finding::broken(ABOUT, words, format!("export {name}={link}")));
            }
            Some(path) => {
                findings.push(Finding::ok(ABOUT, format!("{name} names keyfob ({})", path.display())))
            }
            None => {
                let words = format!("{name} is set and does not name keyfob, so {who} does not ask it");
                let folder = in_path(context).into_iter().next();
                let path = folder.as_deref().map_or_else(|| format!("the path of {LINK}"), shell_word);
                let fix = match who {
                    "dotnet" => format!("unset {name}"),
                    _ => format!("unset {name}, or add to it: {path}"),
                };
                findings.push(if is_set_up {
                    Finding::broken(ABOUT, words, fix)
                } else {
                    Finding::hint(ABOUT, words, fix)
                });
            }
        }
    }
    findings
}

/// Older NuGets separate by `;` everywhere, newer ones as the system does.
fn entries(value: &str) -> impl Iterator<Item = &str> {
    let separates = |c: char| c == ';' || (c == ':' && !cfg!(windows));
    value.split(separates).map(str::trim).filter(|entry| !entry.is_empty())
}

/// The link for an older nuget.exe.
fn older(context: &SetupContext<'_>) -> Option<Finding> {
    let link = for_older(context.environment)?;
    let shown = link.display();
    Some(if is_keyfob(context, &link) {
        Finding::ok(ABOUT, format!("nuget.exe before 6.13 finds keyfob: {shown}"))
    } else {
        Finding::hint(ABOUT, "nuget.exe before 6.13 does not ask keyfob", FIX)
    })
}

/// Plugins of ours in the home that cannot be started.
fn dangling(context: &SetupContext<'_>) -> Vec<Finding> {
    let Some(plugins) = plugins(context.environment) else { return Vec::new() };
    let places = ["netfx/keyfob/keyfob.exe", "netcore/keyfob/keyfob.dll"].map(|place| plugins.join(place));
    let [desktop, core] = &places;
    let mut findings = Vec::new();
    if core.symlink_metadata().is_ok() {
        let words = format!("dotnet starts {} with its own runtime, and fails everywhere", core.display());
        findings.push(Finding::broken(ABOUT, words, format!("rm {}", shell_word(core))));
    }
    let is_there = desktop.symlink_metadata().is_ok();
    if is_there && !environment::is_program(desktop) {
        let words =
            format!("{} cannot be started: it keeps an older nuget.exe from signing in", desktop.display());
        findings.push(Finding::broken(ABOUT, words, FIX));
    }
    findings
}

/// NuGet keeps for thirty days what a plugin said it can do. If it was noted that we cannot sign in, it does not start us.
fn forgotten(context: &SetupContext<'_>) -> Vec<Finding> {
    let known = || in_path(context).into_iter().chain(for_older(context.environment));
    let caches = caches(context.environment).into_iter();
    let all = caches.flat_map(|cache| known().map(move |plugin| (cache.clone(), plugin)));
    let bad = all.filter(|(cache, plugin)| says_that_we_cannot(cache, plugin));
    bad.map(|(cache, plugin)| {
        let words = format!(
            "NuGet has noted that {} cannot sign in, and does not start it for thirty days",
            plugin.display()
        );
        let note = cache.join(key(&plugin));
        let fix = format!("dotnet nuget locals plugins-cache --clear, or rm -r {}", shell_word(&note));
        Finding::broken(ABOUT, words, fix)
    })
    .collect()
}

/// The folders in which NuGets note what plugins can do: the older ones in one, dotnet since SDK 10 in the other.
fn caches(environment: &Environment) -> Vec<PathBuf> {
    if let Some(cache) = environment.os(CACHE) {
        return vec![PathBuf::from(cache)];
    }
    let folders = Folders::of(environment);
    let of_dotnet = || Some(folders.named("DOTNET_CLI_HOME")?.join(".local/share"));
    let bases = [folders.local().or_else(|| folders.xdg_data()), of_dotnet()];
    let names = ["NuGet/plugins-cache", "NuGet/plugin-cache"];
    bases.into_iter().flatten().flat_map(|base| names.map(|name| base.join(name))).collect()
}

/// A folder for those notes that NuGet cannot use: then no plugin is started.
fn cache_path(environment: &Environment) -> Option<Finding> {
    let path = PathBuf::from(environment.os(CACHE)?);
    let why = if !path.is_absolute() {
        "is not an absolute path"
    } else if path.exists() && !path.is_dir() {
        "is not a folder"
    } else if is_read_only(&path) {
        "cannot be written"
    } else {
        return None;
    };
    let words = format!("{CACHE} is {}, which {why}: no sign-in works", visible(&path.display().to_string()));
    Some(Finding::broken(ABOUT, words, format!("unset {CACHE}")))
}

/// Whether nothing can be written into a folder, or into the one in which it would be made.
fn is_read_only(folder: &Path) -> bool {
    let Some(there) = folder.ancestors().find(|folder| folder.exists()) else { return true };
    std::fs::metadata(there).is_ok_and(|about| about.permissions().readonly())
}

/// What NuGet asks besides keyfob, in its order, and what of it cannot be started: one such plugin, wherever it is, keeps NuGet from
/// signing in anywhere.
fn others(context: &SetupContext<'_>) -> Vec<Finding> {
    let environment = context.environment;
    let mut findings = Vec::new();
    let listed = others::listed(environment);
    let is_listed = listed.is_some();
    let (home, path) = match listed {
        Some(listed) => (Vec::new(), listed),
        None => (others::in_home(environment), others::in_path(environment)),
    };
    let mut before = Vec::new();
    for plugin in &home {
        if others::is_library(plugin) {
            before.push(plugin.clone());
        } else {
            let words = format!("{} is no .NET library: no sign-in works", plugin.display());
            findings.push(Finding::broken(ABOUT, words, format!("rm {}", shell_word(plugin))));
        }
    }
    let mut met_keyfob = false;
    for plugin in &path {
        if is_keyfob(context, plugin) {
            met_keyfob = true;
        } else if others::leads_nowhere(plugin) || others::is_no_program(plugin) {
            let words = format!("{} cannot be started: no sign-in works", plugin.display());
            findings.push(Finding::broken(ABOUT, words, format!("rm {}", shell_word(plugin))));
        } else if !met_keyfob && !others::is_own_name(plugin) {
            before.push(plugin.clone());
        }
    }
    if !before.is_empty() && !is_listed {
        let names: Vec<String> = before.iter().map(|plugin| plugin.display().to_string()).collect();
        let words =
            format!("NuGet asks these before keyfob, and one may ask you to sign in: {}", names.join(", "));
        findings.push(Finding::hint(ABOUT, words, only(context)));
    }
    findings
}

/// How NuGet is told to ask nobody but keyfob.
pub(super) fn only(context: &SetupContext<'_>) -> String {
    let link = in_path(context).into_iter().next();
    let link = link.as_deref().map_or_else(|| format!("the path of {LINK}"), shell_word);
    format!("to ask keyfob alone, in your profile: export NUGET_PLUGIN_PATHS={link}")
}

fn is_plugins_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(others::PREFIX))
}

/// The folder in which NuGet notes what it knows of a plugin.
fn key(plugin: &Path) -> String {
    let digest = Sha256::digest(plugin.to_string_lossy().as_bytes());
    digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

fn says_that_we_cannot(cache: &Path, plugin: &Path) -> bool {
    let note = cache.join(key(plugin)).join(GENERAL).with_extension("dat");
    let is_believed = std::fs::metadata(&note).and_then(|about| about.modified()).is_ok_and(|at| {
        // A time to come is believed too.
        at.elapsed().is_ok_and(|age| age < BELIEVED) || at.elapsed().is_err()
    });
    let claims = crate::files::read_others(&note)
        .ok()
        .flatten()
        .and_then(|text| serde_json::from_slice::<Vec<u64>>(&text).ok());
    is_believed && claims.is_some_and(|claims| !claims.contains(&AUTHENTICATION))
}

/// An SDK that starts no program of ours.
fn sdk(environment: &Environment) -> Option<Finding> {
    let dotnet = environment.program("dotnet")?;
    let text = output(&dotnet, &["--list-sdks"], environment)?;
    let newest = text.lines().filter_map(|line| version(line.split(' ').next()?)).max()?;
    if newest >= SDK {
        return None;
    }
    let [major, minor, patch] = newest;
    let words = format!(
        "dotnet is of SDK {major}.{minor}.{patch}, and before 9.0.200 it starts no plugin that is a program of its own"
    );
    Some(Finding::hint(ABOUT, words, "keyfob run -- dotnet restore"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nugets_notes_are_found_under_the_name_that_it_gives_them() {
        // Seen with nuget.exe 5.8.
        let plugin = Path::new("/home/me/.nuget/plugins/netfx/keyfob/keyfob.exe");
        assert_eq!(key(plugin), "62750d7bff985e67f660bf582896b224a601446d");
        assert_eq!(key(Path::new("Source-Agnostic")), GENERAL);
    }

    #[test]
    fn a_list_of_plugins_is_read_in_its_old_and_its_new_form() {
        let list = |value| entries(value).collect::<Vec<_>>();
        assert_eq!(list("/a;/b;"), ["/a", "/b"]);
        assert_eq!(list("/a"), ["/a"]);
        if !cfg!(windows) {
            assert_eq!(list("/a:/b"), ["/a", "/b"]);
        }
    }
}
