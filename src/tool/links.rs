//! Where this program is, as others should call it: by the path that stays when a new version comes. A package manager puts
//! each version into a folder of its own (`…/Cellar/keyfob/1.2.3/bin`, `/nix/store/…`) and a link to it into a folder of
//! `PATH`; the link is what a tool's configuration may hold.

use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::{self, Environment};
use crate::error::Error;
use crate::files;
use crate::text::shell_word;

use super::setup::{Line, Plan, SetupContext};

/// The key under which a setup remembers a link that it made; the file is the link, the value where it leads.
pub(super) const LINK: &str = "link";

/// The key under which a setup remembers a folder that it made.
pub(super) const FOLDER: &str = "folder";

/// Where a tool can start us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The link of the tool's own name, or if there is none, the program itself.
    pub path: PathBuf,
    /// Whether it is the link.
    pub is_link: bool,
    /// Whether the path holds a version, so that it will be another one after the next upgrade.
    pub versioned: bool,
}

/// Where `link` is, or the program when there is no such link. `program` is how we were started, links unresolved.
/// `None` if we cannot tell where we are.
#[must_use]
pub fn spot(program: &Path, link: &str, environment: &Environment) -> Option<Spot> {
    let own = started_as(program, environment)?;
    let beside = |path: &Path| {
        let name = format!("{link}{}", std::env::consts::EXE_SUFFIX);
        Some(path.with_file_name(name)).filter(|path| is_us(path, &own))
    };
    let ours = |name: &str| {
        let all = environment.programs(name).into_iter();
        all.filter(|path| is_us(path, &own)).collect::<Vec<PathBuf>>()
    };
    let mut programs = ours("keyfob");
    let mut links = ours(link);
    links.extend(programs.iter().chain([&own]).filter_map(|path| beside(path)));
    programs.push(own.clone());
    // A stable path counts more than the link: `keyfob git` serves as well.
    let stable = |paths: &[PathBuf]| paths.iter().find(|path| !is_versioned(path)).cloned();
    let spot = |path: PathBuf, is_link| Spot { versioned: is_versioned(&path), path, is_link };
    if let Some(link) = stable(&links) {
        return Some(spot(link, true));
    }
    if let Some(program) = stable(&programs) {
        return Some(spot(program, false));
    }
    links
        .into_iter()
        .next()
        .map(|path| spot(path, true))
        .or_else(|| programs.pop().map(|path| spot(path, false)))
}

/// This program by the path at which it is in PATH, where a link beside it is found.
#[must_use]
pub fn in_path(context: &SetupContext<'_>) -> Option<PathBuf> {
    let own = spot(context.program, "keyfob", context.environment)?;
    context.environment.programs("keyfob").into_iter().find(|path| is_us(path, &own.path))
}

/// How a link is made where a tool that looks for `link` in PATH would find it.
#[must_use]
pub fn way_into_path(context: &SetupContext<'_>, link: &str) -> String {
    let own = spot(context.program, link, context.environment);
    let own = own.map_or_else(|| "keyfob".to_owned(), |spot| shell_word(&spot.path));
    format!("ln -s {own} ~/.local/bin/{link}, with that folder in PATH")
}

/// The program that a tool starts by this word of its settings, if it is there: a path, or a name in PATH.
#[must_use]
pub fn started_by(word: &Path, environment: &Environment) -> Option<PathBuf> {
    if word.is_absolute() {
        return Some(word.to_owned()).filter(|path| environment::is_program(path));
    }
    environment.program(word.file_stem()?.to_str()?)
}

/// Whether what a tool starts is this very keyfob, which tools know by `link`. Where we cannot tell where we are, it is.
#[must_use]
pub fn is_this(program: &Path, link: &str, context: &SetupContext<'_>) -> bool {
    spot(context.program, link, context.environment).is_none_or(|own| is_us(program, &own.path))
}

/// Plans to take links away that a setup made, and returns them; what stands there instead of one is left, and said.
pub(super) fn plan_removal<'l>(
    links: impl Iterator<Item = &'l Line>,
    context: &SetupContext<'_>,
    plan: &mut Plan<'_>,
) -> Vec<PathBuf> {
    let mut gone = Vec::new();
    for line in links.filter(|line| line.key == LINK) {
        let link = PathBuf::from(&line.file);
        if is_made(&link, Path::new(&line.value), context.program) {
            plan.lines.push(format!("rm {}", shell_word(&link)));
            gone.push(link);
        } else if link.symlink_metadata().is_ok() {
            plan.notes.push(format!("{} is not the link that setup made, so it is left", line.file));
        }
    }
    gone
}

/// Makes a link to this program; on Windows, where links need a privilege, a copy.
///
/// # Errors
/// [`Error::Io`].
pub fn make(own: &Path, link: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(own, link);
    #[cfg(not(unix))]
    let made = fs::copy(own, link).map(drop);
    made.map_err(Error::io("make the link", link))?;
    files::settle_name(link);
    Ok(())
}

/// Whether what stands there is what [`make`] made: a link to `own`, or a copy of this program.
#[must_use]
pub fn is_made(link: &Path, own: &Path, program: &Path) -> bool {
    match fs::read_link(link) {
        Ok(target) => target == own,
        Err(_) => is_us(link, program),
    }
}

/// The absolute path by which we were started, links unresolved.
fn started_as(program: &Path, environment: &Environment) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return std::path::absolute(program).ok().filter(|path| path.exists());
    }
    let name = program.to_str()?;
    let name = name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(name);
    environment.program(name)
}

/// The command that gives a program another name, as it can be pasted. Windows gets a copy, as from the installation: a link
/// there needs a privilege.
#[must_use]
pub fn link_command(program: &Path, link: &Path) -> String {
    if cfg!(windows) {
        return format!("copy \"{}\" \"{}.exe\"", program.display(), link.display());
    }
    format!("ln -s {} {}", shell_word(program), shell_word(link))
}

/// Whether both are this program: the same file, or copies of it (Windows has no links that everyone may make).
#[must_use]
pub fn is_us(path: &Path, own: &Path) -> bool {
    if !environment::is_program(path) {
        return false;
    }
    let same_file = || Some(fs::canonicalize(path).ok()? == fs::canonicalize(own).ok()?);
    let length = |path| fs::metadata(path).ok().map(|about| about.len());
    let same_bytes = || length(path) == length(own) && fs::read(path).ok() == fs::read(own).ok();
    same_file().unwrap_or(false) || same_bytes()
}

/// Whether a package manager keeps one version only below this path.
fn is_versioned(path: &Path) -> bool {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.windows(2).any(|pair| pair[0] == "Cellar" || (pair[0] == "nix" && pair[1] == "store"))
        || parts.iter().any(|part| is_version(part))
}

/// `1.2.3`, `v1.2`, `keyfob-1.2.3`: a folder that is made anew for each version.
fn is_version(part: &str) -> bool {
    let number = part.rsplit('-').next().unwrap_or(part);
    let number = number.strip_prefix('v').unwrap_or(number);
    let mut digits = number.split('.');
    number.contains('.') && digits.all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_version_in_it_is_known() {
        for versioned in [
            "/opt/homebrew/Cellar/keyfob/1.2.3/bin/keyfob",
            "/nix/store/0c3k-keyfob-1.2.3/bin/keyfob",
            "/opt/keyfob-0.1.0/keyfob",
            "/home/me/tools/v1.2/keyfob",
        ] {
            assert!(is_versioned(Path::new(versioned)), "{versioned}");
        }
        for stable in [
            "/usr/local/bin/keyfob",
            "/home/me/.nix-profile/bin/keyfob",
            "/opt/homebrew/bin/keyfob",
            "/home/1.user/bin/keyfob",
            "/home/me/my-tools/keyfob",
        ] {
            assert!(!is_versioned(Path::new(stable)), "{stable}");
        }
    }
}
