//! The links by whose names tools find us: those that a setup needs, makes and takes away again, and all that an installation has.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;
use crate::text::shell_word;

use super::installation::{Installation, file_name, is_versioned, leads_to_keyfob};
use super::setup::{Plan, SettingLine, SetupContext, SetupEntry};

/// The key under which a setup remembers a link that it made; the file is the link, the value where it leads.
pub(super) const LINK: &str = "link";

/// The key under which a setup remembers a folder that it made.
pub(super) const FOLDER: &str = "folder";

/// What became of a link that an installation wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is there.
    There,
    /// It was made.
    Made {
        /// Where it is.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Something else is there.
    Foreign(PathBuf),
}

/// A link that a setup needs.
pub(super) struct Link {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Whether its path holds a version.
    pub(super) versioned: bool,
    /// Where it has to lead, if it has to be made.
    target: Option<PathBuf>,
}

impl Link {
    fn there(path: PathBuf) -> Link {
        Link { versioned: is_versioned(&path), path, target: None }
    }

    /// Puts the making of it, and of its folder, before what a plan does; nothing where it is there.
    pub(super) fn begin<'c>(self, mut plan: Plan<'c>) -> Plan<'c> {
        let Link { path, target: Some(target), .. } = self else { return plan };
        let mut missing: Vec<&Path> =
            path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        missing.reverse();
        let entry = plan.entry.get_or_insert_default();
        let file = path.to_string_lossy();
        entry.written.retain(|line| line.key != LINK || line.file != file);
        missing.iter().for_each(|folder| entry.remember(SettingLine::new(folder, FOLDER, "")));
        entry.remember(SettingLine::new(&path, LINK, target.to_string_lossy()));
        let folder = missing.last().map(|&folder| folder.to_owned());
        let first = folder.iter().map(|folder| format!("mkdir -p {}", shell_word(folder)));
        let lines: Vec<String> = first.chain([link_command(&target, &path)]).collect();
        plan.lines.splice(0..0, lines);
        let rest = plan.apply;
        plan.apply = Box::new(move || {
            folder.map_or(Ok(()), |folder| files::make_tools_folder(&folder))?;
            make(&target, &path)?;
            rest()
        });
        plan
    }
}

/// The link for a tool that finds it by its name, in PATH: the first there, whoever's it is, or one that has to be made beside
/// keyfob. `tool` is what would not find us.
///
/// # Errors
/// [`Error::Usage`]: keyfob is not in PATH either, or the place is taken.
pub(super) fn in_path(own: &Installation<'_>, link: &str, tool: &str) -> Result<Link, Error> {
    if let Some(path) = own.program(link) {
        return Ok(Link::there(path));
    }
    let Some(program) = own.in_path() else {
        return Err(Error::usage(
            format!("{tool} would not find keyfob: no folder of PATH has {link}"),
            own.how_to_install(),
        ));
    };
    beside(own, &program, link)
}

/// The link for a tool that is told its path: where it is, or beside keyfob, where it has to be made.
///
/// # Errors
/// [`Error::Usage`]: the place is taken.
pub(super) fn anywhere(own: &Installation<'_>, link: &str) -> Result<Link, Error> {
    let found = own.path_of(link);
    if found.is_link { Ok(Link::there(found.path)) } else { beside(own, &found.path, link) }
}

fn beside(own: &Installation<'_>, program: &Path, link: &str) -> Result<Link, Error> {
    let path = program.with_file_name(file_name(link));
    // One that leads nowhere is replaced.
    if path.exists() {
        let word = shell_word(&path);
        return Err(Error::usage(
            format!("{word} is there already and is not keyfob"),
            format!("ls -l {word}"),
        ));
    }
    Ok(at(own, path))
}

/// A link that has to be made at this place.
pub(super) fn at(own: &Installation<'_>, path: PathBuf) -> Link {
    Link { target: Some(own.target_of(&path)), versioned: is_versioned(&path), path }
}

/// Lets a plan take the links away that a setup made, and then its folders, if nothing is left in them. What stands there instead
/// of a link is left, and said.
pub(super) fn plan_removal(entry: &SetupEntry, context: &SetupContext<'_>, plan: &mut Plan<'_>) {
    let mut gone = Vec::new();
    for line in entry.written.iter().filter(|line| line.key == LINK) {
        let link = PathBuf::from(&line.file);
        let made = match fs::read_link(&link) {
            Ok(target) => target == Path::new(&line.value),
            Err(_) => Installation::of(context).is_ok_and(|own| own.has(&link)),
        };
        if made {
            plan.lines.push(format!("rm {}", shell_word(&link)));
            gone.push(link);
        } else if link.symlink_metadata().is_ok() {
            plan.notes.push(format!("{} is not the link that setup made, so it is left", line.file));
        }
    }
    let folders = entry.written.iter().filter(|line| line.key == FOLDER);
    let mut folders: Vec<PathBuf> = folders.map(|line| PathBuf::from(&line.file)).collect();
    // The inner ones first.
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.as_os_str().len()));
    plan.then(move || {
        gone.iter().try_for_each(|link| files::remove(link))?;
        folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
        Ok(())
    });
}

/// Makes a link of this name in a folder, unless it is there already. What is there and is no keyfob's is left.
///
/// # Errors
/// [`Error::Io`].
pub fn install(own: &Installation<'_>, link: &str, folder: &Path) -> Result<Installed, Error> {
    let path = folder.join(file_name(link));
    let is_there = path.symlink_metadata().is_ok();
    if is_there && own.is_for_tools(&path) {
        return Ok(Installed::There);
    }
    let is_keyfobs = || {
        own.has(&path)
            || leads_to_keyfob(&path).is_some()
            || own.version_of(&path).is_some_and(|said| said.starts_with("git-credential-keyfob "))
    };
    if is_there && !is_keyfobs() {
        return Ok(Installed::Foreign(path));
    }
    let target = own.target_of(&path);
    make(&target, &path)?;
    Ok(Installed::Made { path, target })
}

/// Makes a link that leads to `target`, in the place of whatever link is there; on Windows, where links need a privilege, a
/// second name of the same file, or where that cannot be, a copy.
///
/// # Errors
/// [`Error::Io`].
pub fn make(target: &Path, link: &Path) -> Result<(), Error> {
    let failed = Error::io("make the link", link);
    if link.symlink_metadata().is_err() {
        make_new(target, link).map_err(failed)?;
    } else {
        // By a rename: a tool that looks for it meanwhile finds the old one or the new one.
        let new = link.with_file_name(format!(".keyfob-link-{}", std::process::id()));
        let done = make_new(target, &new).and_then(|()| put(&new, link));
        if done.is_err() {
            let _ = fs::remove_file(&new);
        }
        done.map_err(failed)?;
    }
    files::sync_parent(link);
    Ok(())
}

#[cfg(unix)]
fn make_new(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn make_new(target: &Path, link: &Path) -> std::io::Result<()> {
    fs::hard_link(target, link).or_else(|_| fs::copy(target, link).map(drop))
}

#[cfg(unix)]
fn put(new: &Path, link: &Path) -> std::io::Result<()> {
    fs::rename(new, link)
}

/// A program that runs cannot be replaced there, but moved aside.
#[cfg(not(unix))]
fn put(new: &Path, link: &Path) -> std::io::Result<()> {
    let aside = link.with_extension("old");
    fs::rename(new, link).or_else(|_| {
        let _ = fs::remove_file(&aside);
        fs::rename(link, &aside)?;
        fs::rename(new, link)
    })?;
    // One that still runs is removed the next time.
    let _ = fs::remove_file(aside);
    Ok(())
}

/// The command that makes a link, as it can be pasted. Windows gets a copy.
#[must_use]
pub fn link_command(target: &Path, link: &Path) -> String {
    if cfg!(windows) {
        return format!("copy \"{}\" \"{}\"", target.display(), link.display());
    }
    let word = if link.symlink_metadata().is_ok() { "ln -sf" } else { "ln -s" };
    format!("{word} {} {}", shell_word(target), shell_word(link))
}
