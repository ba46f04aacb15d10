//! Settings that decide where tokens go are believed only if nobody but the user and root could have written them. Unlike the
//! wallet's own files they may be read by everybody, may be links (dotfiles) and may be writable for the user's own group.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use super::owner::not_safe;
use super::{open_no_follow, read_opened};
use crate::error::Error;
#[cfg(unix)]
use crate::text::shell_word;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Reads a file that decides where tokens go or what is run, links followed; `None` if it does not exist. The opened file, the links
/// on the way and the folders of both are checked: each belongs to the user or root, and no other user can write to it.
///
/// # Errors
/// [`Error::Unsafe`] if another user could have written it, [`Error::Io`] for the rest.
pub fn read_trusted(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut at = path.to_owned();
    for _ in 0..=MOST_LINKS {
        match open_no_follow(&at) {
            Ok(file) => {
                let about = file.metadata().map_err(Error::io("read", &at))?;
                if about.is_file() {
                    check_writers(&at, &about)?;
                    check_folder_of(&at)?;
                }
                return read_opened(file, &about, &at).map(Some);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                // What the system says of a link that is not to be followed differs.
                let link = fs::symlink_metadata(&at).ok().filter(Metadata::is_symlink);
                let Some(link) = link else { return Err(Error::io("read", &at)(error)) };
                check_writers(&at, &link)?;
                check_folder_of(&at)?;
                let target = fs::read_link(&at).map_err(Error::io("read", &at))?;
                at = at.parent().unwrap_or(Path::new("/")).join(target);
            }
        }
    }
    Err(Error::io("read", path)(io::Error::other("it is a link that leads to itself")))
}

fn check_folder_of(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    check_writers(folder, &fs::metadata(folder).map_err(Error::io("read", folder))?)
}

/// The parts of `path`, which [`read_trusted`] reads, that the user's own group can change: allowed, because some systems create files
/// that way, and worth a word.
#[must_use]
pub fn group_writable(path: &Path) -> Vec<PathBuf> {
    #[cfg(unix)]
    {
        let writable = |path: &&Path| {
            let about = fs::metadata(path).ok();
            about.is_some_and(|about| std::os::unix::fs::MetadataExt::mode(&about) & 0o020 != 0)
        };
        // Without the file nothing is read.
        let parts = path.parent().into_iter().chain([path]).filter(|_| path.exists());
        parts.filter(writable).map(Path::to_owned).collect()
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Vec::new()
    }
}

#[cfg(not(unix))]
fn check_writers(_path: &Path, _about: &Metadata) -> Result<(), Error> {
    // As for private files: the profile folder's access list gives other users no right to it.
    Ok(())
}

#[cfg(unix)]
fn check_writers(path: &Path, about: &Metadata) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    let owned = Owned { user: about.uid(), group: about.gid(), mode: about.mode() };
    match owned.writer(own, about.is_dir(), Accounts::read) {
        None => Ok(()),
        // A link has no mode of its own.
        Some(Writer::Mode(_)) if about.is_symlink() => Ok(()),
        Some(Writer::Owner) => Err(not_safe(
            path,
            &super::owner::not_ours(owned.user, own),
            &super::owner::way_out_for_owner(path, own),
        )),
        Some(Writer::Mode(who)) => {
            let problem = format!("its mode is {:o}, so {who} can change it", owned.mode & 0o777);
            Err(not_safe(path, &problem, &format!("chmod go-w {}", shell_word(path))))
        }
    }
}

/// Who owns a file, and its mode.
#[cfg(unix)]
#[derive(Clone, Copy)]
struct Owned {
    user: u32,
    group: u32,
    mode: u32,
}

/// Somebody else who could have written a file.
#[cfg(unix)]
#[derive(Debug, PartialEq)]
enum Writer {
    /// Its owner.
    Owner,
    /// Those whom its mode lets, in words.
    Mode(String),
}

#[cfg(unix)]
impl Owned {
    /// Who else than user `own` and root could have written it.
    fn writer(self, own: u32, is_folder: bool, accounts: impl FnOnce() -> Accounts) -> Option<Writer> {
        if self.user != own && self.user != 0 {
            return Some(Writer::Owner);
        }
        // In a sticky folder others may add names, not replace those of the user and root (Nix keeps settings in one).
        let is_sticky = is_folder && self.mode & 0o1000 != 0;
        if is_sticky || self.mode & 0o022 == 0 {
            return None;
        }
        if self.mode & 0o002 != 0 {
            return Some(Writer::Mode("every user".to_owned()));
        }
        let accounts = accounts();
        let is_private = accounts.is_private(self.group, own) || accounts.is_private(self.group, 0);
        (!is_private).then(|| Writer::Mode(format!("group {}", accounts.group_name(self.group))))
    }
}

/// The texts of /etc/passwd and /etc/group. The system's user database may know more, but asking it takes the C library's name services.
#[cfg(unix)]
struct Accounts {
    users: String,
    groups: String,
}

#[cfg(unix)]
impl Accounts {
    fn read() -> Accounts {
        let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        Accounts { users: read("/etc/passwd"), groups: read("/etc/group") }
    }

    /// The line of `group`: its name and members.
    fn group(&self, group: u32) -> Option<(&str, &str)> {
        let mut lines = self.groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = lines.find(|fields| fields.get(2).is_some_and(|id| *id == group.to_string()))?;
        Some((fields[0], fields.get(3).copied().unwrap_or_default()))
    }

    fn group_name(&self, group: u32) -> String {
        self.group(group).map_or_else(|| group.to_string(), |(name, _)| name.to_owned())
    }

    /// Whether `group` is the one that the system made for `user` alone: it has the user's number or name, no other member, and is no
    /// other user's first group.
    fn is_private(&self, group: u32, user: u32) -> bool {
        let (number, id) = (group.to_string(), user.to_string());
        let users = || self.users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let has =
            |fields: &[&str], at: usize, value: &str| fields.get(at).is_some_and(|field| *field == value);
        let name = users().find(|fields| has(fields, 2, &id)).map(|fields| fields[0]);
        let shared = users().any(|fields| has(&fields, 3, &number) && !has(&fields, 2, &id));
        let (named, members) = self.group(group).map_or((None, ""), |(name, members)| (Some(name), members));
        let alone = members.split(',').all(|member| member.is_empty() || Some(member) == name);
        !shared && alone && (group == user || name.is_some() && named == name)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\nbob:x:1001:100::/home/bob:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\nusers:x:100:\nann:x:1001:\ndevelopers:x:2000:ann,bob\ncat:x:1003:dog\n";

    fn writer(user: u32, group: u32, mode: u32, is_folder: bool) -> Option<String> {
        let accounts = || Accounts { users: USERS.to_owned(), groups: GROUPS.to_owned() };
        let writer = Owned { user, group, mode }.writer(1000, is_folder, accounts)?;
        Some(match writer {
            Writer::Owner => "owner".to_owned(),
            Writer::Mode(who) => who,
        })
    }

    #[test]
    fn settings_are_the_users_or_roots_and_nobody_else_can_write_them() {
        for (user, group, mode, expected) in [
            (1000, 100, 0o644, None),
            (1000, 100, 0o600, None),
            (0, 0, 0o644, None),
            (0, 0, 0o664, None),
            (1001, 100, 0o644, Some("owner")),
            (65_534, 65_534, 0o600, Some("owner")),
            (1000, 1001, 0o666, Some("every user")),
            (1000, 1001, 0o602, Some("every user")),
            (0, 0, 0o646, Some("every user")),
            // The group of ann alone; one that many share; one that somebody was added to; one of no known name.
            (1000, 1001, 0o664, None),
            (0, 1001, 0o664, None),
            (1000, 100, 0o664, Some("group users")),
            (1000, 2000, 0o660, Some("group developers")),
            (1000, 1003, 0o664, Some("group cat")),
            (1000, 4000, 0o664, Some("group 4000")),
        ] {
            for is_folder in [false, true] {
                let found = writer(user, group, mode, is_folder);
                assert_eq!(found.as_deref(), expected, "{user}:{group} {mode:o}");
            }
        }
    }

    #[test]
    fn a_sticky_folder_keeps_files_from_being_replaced_but_its_owner_still_counts() {
        assert_eq!(writer(0, 100, 0o1775, true), None);
        assert_eq!(writer(0, 0, 0o1777, true), None);
        assert_eq!(writer(0, 100, 0o1775, false).as_deref(), Some("group users"));
        assert_eq!(writer(1001, 100, 0o1777, true).as_deref(), Some("owner"));
    }

    #[test]
    fn a_group_is_private_by_number_or_name_unless_others_are_in_it() {
        let is_private = |users: &str, groups: &str, group| {
            Accounts { users: users.to_owned(), groups: groups.to_owned() }.is_private(group, 1000)
        };
        assert!(is_private(USERS, GROUPS, 1001));
        // Users that only the network knows.
        assert!(is_private("", "", 1000) && !is_private("", "", 1001));
        assert!(!is_private(USERS, "ann:x:1001:bob\n", 1001));
        assert!(is_private(USERS, "ann:x:1001:ann\n", 1001));
        assert!(!is_private("ann:x:1000:1000::/:\nbob:x:1001:1000::/:\n", "ann:x:1000:\n", 1000));
    }

    #[test]
    fn links_are_followed_and_a_circle_of_them_ends() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, file] = ["one", "two", "file"].map(|name| folder.path().join(name));
        fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink("two", &one).unwrap();
        std::os::unix::fs::symlink(&file, &two).unwrap();
        assert_eq!(read_trusted(&one).unwrap().unwrap(), b"x");
        fs::remove_file(&file).unwrap();
        assert_eq!(read_trusted(&one).unwrap(), None, "a link to nothing");
        fs::remove_file(&two).unwrap();
        std::os::unix::fs::symlink(&one, &two).unwrap();
        assert!(read_trusted(&one).unwrap_err().to_string().contains("leads to itself"));
    }
}
