//! Where keyfob's two programs are, as others should start them: by the path that stays when a new version comes. A package manager
//! puts each version into a folder of its own (`…/Cellar/keyfob/1.2.3/bin`, `/nix/store/…`) and a link to it into a folder of
//! `PATH`; the link is what a tool's configuration may hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::{self, Environment};
use crate::error::Error;
use crate::process;
use crate::text::shell_word;

use super::setup::SetupContext;

/// The name of the program for people.
const KEYFOB: &str = "keyfob";

/// The name of the program for tools. It is also the one under which git looks for us.
pub const TOOLS: &str = "git-credential-keyfob";

/// The longest that our own program is waited for when it is asked for its version.
const PATIENCE: Duration = Duration::from_secs(3);

/// The two programs of one installation. Where it is one program with links to it, as before there were two, both are that one.
pub struct Installation<'e> {
    /// The program for people, as it was started.
    keyfob: PathBuf,
    /// The program for tools.
    tools: PathBuf,
    environment: &'e Environment,
}

/// Where a tool can start us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramPath {
    /// The link of the tool's own name, or if there is none, the program for people itself.
    pub path: PathBuf,
    /// Whether it is the link.
    pub is_link: bool,
    /// Whether the path holds a version, so that it will be another one after the next upgrade.
    pub versioned: bool,
}

impl<'e> Installation<'e> {
    /// The installation of `program`, which is how the program for people was started, links unresolved. `None` if we cannot tell
    /// where we are.
    #[must_use]
    pub fn find(program: &Path, environment: &'e Environment) -> Option<Installation<'e>> {
        let keyfob = started_as(program, environment)?;
        let beside = |path: &Path| {
            Some(path.with_file_name(file_name(TOOLS))).filter(|path| environment::is_program(path))
        };
        let tools = beside(&keyfob).or_else(|| beside(&fs::canonicalize(&keyfob).ok()?));
        Some(Installation { tools: tools.unwrap_or_else(|| keyfob.clone()), keyfob, environment })
    }

    /// The installation that a setup works for.
    ///
    /// # Errors
    /// [`Error::NoProgram`]: we cannot tell where we are.
    pub(super) fn of(context: &SetupContext<'e>) -> Result<Installation<'e>, Error> {
        Installation::find(context.program, context.environment).ok_or(Error::NoProgram { program: KEYFOB })
    }

    /// A program of this name in PATH, whoever's it is.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.environment.program(name)
    }

    /// The folder in which it is, where its links belong.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.path_of(KEYFOB).path.parent().map_or_else(PathBuf::new, Path::to_owned)
    }

    /// The program for tools.
    #[must_use]
    pub fn tools(&self) -> &Path {
        &self.tools
    }

    /// Whether it has a program for tools that is not the one for people.
    #[must_use]
    pub fn has_two_programs(&self) -> bool {
        !is_same(&self.tools, &self.keyfob)
    }

    /// Whether this is one of its programs: the same file, or a copy of it (Windows has no links that everyone may make).
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        is_same(path, &self.tools) || is_same(path, &self.keyfob)
    }

    /// Where `link` is, or the program for people when there is no such link.
    #[must_use]
    pub fn path_of(&self, link: &str) -> ProgramPath {
        // By other names a link to keyfob serves as well.
        let is_it = |path: &PathBuf| if link == TOOLS { self.is_for_tools(path) } else { self.has(path) };
        let all = self.environment.programs(KEYFOB).into_iter();
        let mut programs: Vec<PathBuf> = all.filter(|path| self.has(path)).collect();
        let all = self.environment.programs(link).into_iter();
        let beside = programs.iter().chain([&self.keyfob]).map(|path| path.with_file_name(file_name(link)));
        let links: Vec<PathBuf> = all.chain(beside).filter(is_it).collect();
        programs.push(self.keyfob.clone());
        let of = |path: &PathBuf, is_link| ProgramPath {
            path: path.clone(),
            is_link,
            versioned: is_versioned(path),
        };
        let stable = |paths: &[PathBuf], is_link| {
            paths.iter().find(|path| !is_versioned(path)).map(|path| of(path, is_link))
        };
        // A stable path counts more than the link: `keyfob git` serves as well.
        stable(&links, true)
            .or_else(|| stable(&programs, false))
            .or_else(|| links.first().map(|path| of(path, true)))
            .unwrap_or_else(|| of(&self.keyfob, false))
    }

    /// The program for people by the path at which it is in PATH, where a link beside it is found.
    #[must_use]
    pub fn in_path(&self) -> Option<PathBuf> {
        self.environment.programs(KEYFOB).into_iter().find(|path| is_same(path, &self.keyfob))
    }

    /// Where a link to the program for tools leads, by the path that stays.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        let tools = self.path_of(TOOLS);
        if tools.is_link || is_versioned(&self.tools) { tools.path } else { self.tools.clone() }
    }

    /// Where a link at this place has to lead: to the program for tools, by its name alone where that lies beside the link.
    #[must_use]
    pub fn target_of(&self, link: &Path) -> PathBuf {
        let beside = link.with_file_name(file_name(TOOLS));
        let target = if beside != link && is_same(&beside, &self.tools) { beside } else { self.target() };
        match target.file_name() {
            Some(name) if cfg!(unix) && target.parent() == link.parent() => name.into(),
            _ => target,
        }
    }

    /// Whether a path leads to the program for tools.
    #[must_use]
    pub fn is_for_tools(&self, path: &Path) -> bool {
        is_same(path, &self.tools)
    }

    /// What a program says of its version, on one line, be it nothing; `None` if it cannot be started or takes too long.
    #[must_use]
    pub fn version_of(&self, program: &Path) -> Option<String> {
        let mut asked = process::child(program, self.environment);
        let said = process::output_within(asked.arg("--version"), PATIENCE).ok().flatten()?;
        Some(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned())
    }

    /// The command that makes every link where tools find it.
    #[must_use]
    pub fn how_to_install(&self) -> String {
        match self.in_path() {
            Some(_) => self.command("links --install"),
            None if cfg!(windows) => self.command("links --install, with its folder in PATH"),
            None => self.command("links --install ~/.local/bin, with that folder in PATH"),
        }
    }

    /// The command that makes every link in a folder.
    #[must_use]
    pub fn how_to_install_into(&self, folder: &Path) -> String {
        match folder == self.folder() && self.in_path().is_some() {
            true => self.how_to_install(),
            false => self.command(&format!("links --install {}", shell_word(folder))),
        }
    }

    /// A command of ours, as it can be typed here: by its name where that finds this one.
    fn command(&self, words: &str) -> String {
        let first = self.environment.program(KEYFOB);
        match first.is_some_and(|first| is_same(&first, &self.keyfob)) {
            true => format!("{KEYFOB} {words}"),
            false => format!("{} {words}", shell_word(&self.path_of(KEYFOB).path)),
        }
    }
}

/// The program that a tool starts by this word of its settings, if it is there: a path, or a name in PATH.
#[must_use]
pub fn started_by(word: &Path, environment: &Environment) -> Option<PathBuf> {
    if word.is_absolute() {
        return Some(word.to_owned()).filter(|path| environment::is_program(path));
    }
    environment.program(word.file_stem()?.to_str()?)
}

/// Whether what a tool starts is this very keyfob. Where we cannot tell where we are, it is.
#[must_use]
pub fn is_this(program: &Path, context: &SetupContext<'_>) -> bool {
    Installation::of(context).ok().is_none_or(|own| own.has(program))
}

/// Where a link leads that is one to a keyfob, this one or another, be it gone.
#[must_use]
pub fn leads_to_keyfob(link: &Path) -> Option<PathBuf> {
    let target = fs::canonicalize(link).or_else(|_| fs::read_link(link)).ok()?;
    let is_link = fs::symlink_metadata(link).is_ok_and(|about| about.is_symlink());
    let name = target.file_stem()?.to_str()?;
    (is_link && [KEYFOB, TOOLS].contains(&name)).then_some(target)
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

/// The name of a program's file.
pub(super) fn file_name(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// Whether both are the same program: one file, or copies.
fn is_same(path: &Path, own: &Path) -> bool {
    if !environment::is_program(path) {
        return false;
    }
    let same_file = || Some(fs::canonicalize(path).ok()? == fs::canonicalize(own).ok()?);
    let length = |path| fs::metadata(path).ok().map(|about| about.len());
    let same_bytes = || length(path) == length(own) && fs::read(path).ok() == fs::read(own).ok();
    same_file().unwrap_or(false) || same_bytes()
}

/// Whether a package manager keeps one version only below this path.
pub(super) fn is_versioned(path: &Path) -> bool {
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
