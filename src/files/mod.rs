//! Files that hold what matters: read only when they are safe, written whole or not at all (write.rs).
//!
//! Reading refuses symbolic links, files of other people and files that others could read, as ssh does, and names the
//! exact command that mends it. Deliberately absent: any knowledge of what is in the files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::text::shell_word;

mod trust;
mod write;

pub use trust::{group_writable, read_trusted};
pub use write::{
    StagedFile, changed_just_now, create_private, leftovers, remove, reserve_space, rewrite, sweep,
    sync_others, sync_parent, write_private, write_private_after,
};

/// How long a writer waits for another one. Each holds the lock for a few syncs, so this is generous; the lock vanishes
/// with its process, so a stale one cannot exist.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// No file of ours comes near this; a larger one is not ours.
const LARGEST: usize = 64 << 20;

/// Reads a private file whole; `None` if it does not exist.
///
/// # Errors
/// [`Error::Unsafe`] when others could read or change it, [`Error::Io`] for the rest.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut file = match open_no_follow(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(symlink_or(error, path)),
    };
    let about = file.metadata().map_err(Error::io("read", path))?;
    check_file(path, &about)?;
    // Files are replaced whole, so the length that was just seen is the length: one read, no search for the end.
    let length = usize::try_from(about.len()).unwrap_or(usize::MAX);
    if length > LARGEST {
        let problem = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(not_safe(path, &problem, &format!("look what it is: ls -l {}", shell_word(path))));
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}

/// Reads a file of another program whole, links followed; `None` if there is none. A pipe or a device that lies in its place is
/// not waited for, and not taken for an empty file, which would be put in its place.
///
/// # Errors
/// [`Error::Io`], also for what is no file or too large for one.
pub fn read_others(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let file = match open_unhindered(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let about = file.metadata().map_err(Error::io("read", path))?;
    read_opened(file, &about, path).map(Some)
}

/// Reads what was opened as `path` whole, if it is a file and not too large for one.
fn read_opened(file: File, about: &fs::Metadata, path: &Path) -> Result<Vec<u8>, Error> {
    let refuse = |why: String| Error::io("read", path)(io::Error::other(why));
    if !about.is_file() {
        return Err(refuse("it is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() > LARGEST {
        return Err(refuse(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

/// Checks, before another program writes `path`, that there is a regular file or nothing, links followed. A program that replaces the
/// whole file would put one in the place of a device, if root starts it; a pipe would be waited for. `fix` is the hint.
///
/// # Errors
/// [`Error::Foreign`] for anything else, [`Error::Io`].
pub fn check_regular(path: &Path, fix: impl FnOnce() -> String) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(about) if about.is_file() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(Error::Foreign { path: path.to_owned(), why: "it is not a regular file", fix: fix() }),
        Err(error) => Err(Error::io("look at", path)(error)),
    }
}

/// Opens what may not be a file to be read, links followed: opening a pipe would wait for somebody to write into it.
///
/// # Errors
/// Those of the system.
pub fn open_unhindered(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    options.open(path)
}

/// Makes `folder` (and its parents) for us alone if it is missing, then checks it with [`check_folder`].
///
/// # Errors
/// [`Error::Io`], [`Error::Unsafe`].
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    if !folder.is_dir() {
        not_roots_in_anothers_home(folder)?;
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        build(folder, builder)?;
    }
    check_folder(folder).map(|_| ())
}

/// Makes `folder` (and its parents) for a thing of ours in a tool's place, as others find theirs there.
///
/// # Errors
/// [`Error::Io`].
pub fn make_tools_folder(folder: &Path) -> Result<(), Error> {
    build(folder, fs::DirBuilder::new())
}

fn build(folder: &Path, mut builder: fs::DirBuilder) -> Result<(), Error> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    builder.recursive(true);
    crate::process::unmasked(|| builder.create(folder)).map_err(Error::io("make the folder", folder))?;
    // What is in a folder is durable when the folder's own name is.
    missing.iter().for_each(|made| sync_parent(made));
    Ok(())
}

/// Refuses to let root begin a folder below one of somebody else's: after `sudo git` with the caller's HOME, the caller could
/// never use it again. (Others cannot do that to each other: the system does not let them.)
fn not_roots_in_anothers_home(folder: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root()
        && let Some((home, about)) =
            folder.ancestors().find_map(|above| Some((above, fs::metadata(above).ok()?)))
        && std::os::unix::fs::MetadataExt::uid(&about) != 0
    {
        let owner = std::os::unix::fs::MetadataExt::uid(&about);
        return Err(not_safe(home, &not_ours(owner, 0), ROOTS_WAY_OUT));
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// For `sudo git` in somebody's home.
#[cfg(unix)]
const ROOTS_WAY_OUT: &str =
    "run it as that user, without sudo; or give root a wallet of its own: export KEYFOB_HOME=/root/.keyfob";

#[cfg(unix)]
fn not_ours(owner: u32, own: u32) -> String {
    format!("it belongs to user {owner}, and we run as user {own}")
}

/// Whether `folder` exists (`false` if not) and is ours alone.
///
/// # Errors
/// [`Error::Unsafe`] with the command that mends it; [`Error::Io`].
pub fn check_folder(folder: &Path) -> Result<bool, Error> {
    let about = match fs::symlink_metadata(folder) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", folder)(error)),
    };
    if about.file_type().is_symlink() {
        return Err(not_safe(folder, "it is a symbolic link", "set KEYFOB_HOME to the folder it points to"));
    }
    if !about.is_dir() {
        return Err(not_safe(folder, "it is not a folder", "move it away, or set KEYFOB_HOME to a folder"));
    }
    check_owner_and_mode(folder, &about, "700")?;
    Ok(true)
}

/// Holds the lock file `path` while `work` runs. Waits for other writers; the lock goes with the process that holds it.
///
/// # Errors
/// [`Error::Busy`] when it stays taken, [`Error::Io`] when locking does not work here (never writes unlocked), and
/// what `work` returns.
pub fn locked<T>(path: &Path, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let _held = lock(path)?;
    work()
}

/// Shares the lock file `path` with others who do, and keeps out who wants it alone; waits as [`locked`] does. Dropping it lets go.
///
/// # Errors
/// [`Error::Busy`], [`Error::Io`].
pub fn share(path: &Path) -> Result<fs::File, Error> {
    take(path, File::try_lock_shared)
}

fn lock(path: &Path) -> Result<fs::File, Error> {
    take(path, File::try_lock)
}

/// The lock file; closing it unlocks. On its own, so that it is in the program once and not for each kind of work.
#[inline(never)]
fn take(path: &Path, how: fn(&File) -> Result<(), TryLockError>) -> Result<fs::File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private_mode(&mut options);
    let file = options.open(path).map_err(|error| symlink_or(error, path))?;
    let (start, mut pause) = (Instant::now(), Duration::from_micros(200));
    loop {
        match how(&file) {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
            Err(TryLockError::WouldBlock) if start.elapsed() > LOCK_WAIT => {
                return Err(Error::Busy { seconds: LOCK_WAIT.as_secs() });
            }
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(8));
            }
        }
    }
}

/// Looks at a file without reading it: whether it is ours alone, as [`read_private`] demands.
///
/// # Errors
/// [`Error::Unsafe`], [`Error::Io`].
pub fn check_private(path: &Path) -> Result<(), Error> {
    let about = fs::symlink_metadata(path).map_err(Error::io("look at", path))?;
    if about.file_type().is_symlink() {
        return Err(not_safe(path, "it is a symbolic link", &format!("rm {}", shell_word(path))));
    }
    check_file(path, &about)
}

#[cfg(unix)]
fn private_mode(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe that lies in a file's place would be waited for; what was opened is looked at afterwards. Files do not mind.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn private_mode(_options: &mut OpenOptions) {}

fn open_no_follow(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    private_mode(&mut options);
    options.open(path)
}

/// What opening with "do not follow" says about a symbolic link differs between systems; ask the file itself.
fn symlink_or(error: io::Error, path: &Path) -> Error {
    if fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_symlink()) {
        let fix = format!("put the file itself in its place, or remove the link: rm {}", shell_word(path));
        return not_safe(path, "it is a symbolic link", &fix);
    }
    Error::io("open", path)(error)
}

fn check_file(path: &Path, about: &fs::Metadata) -> Result<(), Error> {
    if !about.is_file() {
        return Err(not_safe(path, "it is not a regular file", &format!("rm {}", shell_word(path))));
    }
    check_owner_and_mode(path, about, "600")
}

#[cfg(unix)]
fn check_owner_and_mode(path: &Path, about: &fs::Metadata, mode: &str) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    if about.uid() != own {
        return Err(not_safe(path, &not_ours(about.uid(), own), &way_out_for_owner(path, own)));
    }
    if about.mode() & 0o077 != 0 {
        let problem = format!("its mode is {:o}, so others can reach it", about.mode() & 0o777);
        return Err(not_safe(path, &problem, &format!("chmod {mode} {}", shell_word(path))));
    }
    Ok(())
}

/// How what belongs to somebody else becomes usable for user `own`.
#[cfg(unix)]
fn way_out_for_owner(path: &Path, own: u32) -> String {
    use std::os::unix::fs::MetadataExt;
    let owner_of = |path: &Path| fs::metadata(path).ok().map(|about| about.uid());
    let owner = owner_of(path);
    // In a folder of ours it is to become ours too. Elsewhere it is somebody's own, and taking it away is no way out.
    let in_ours = path.parent().and_then(owner_of) == Some(own);
    // Nor is it in somebody's home, where a folder in between may be root's since an earlier sudo, or if it is their wallet whole.
    let in_home = path.ancestors().skip(1).any(|above| owner_of(above) == owner);
    let is_part_of_ours = fs::read_dir(path).map_or(true, |mut entries| {
        entries.any(|entry| entry.is_ok_and(|at| owner_of(&at.path()) == Some(own)))
    });
    match (in_ours, own) {
        (true, 0) if in_home || !is_part_of_ours => ROOTS_WAY_OUT.to_owned(),
        (true, 0) => format!("chown -R 0 {}", shell_word(path)),
        (true, _) => format!("sudo chown -R {own} {}", shell_word(path)),
        (false, 0) => ROOTS_WAY_OUT.to_owned(),
        (false, _) => "set KEYFOB_HOME to a folder of yours, such as $HOME/.keyfob".to_owned(),
    }
}

#[cfg(not(unix))]
fn check_owner_and_mode(_path: &Path, _about: &fs::Metadata, _mode: &str) -> Result<(), Error> {
    // The profile folder's access list is inherited; Windows gives other users no right to it.
    Ok(())
}

fn not_safe(path: &Path, problem: &str, fix: &str) -> Error {
    Error::Unsafe { path: path.to_owned(), problem: problem.to_owned(), fix: fix.to_owned() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_was_written_is_read_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(read_private(&path).unwrap().is_none());
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_private(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_private(&path, b"old").unwrap();
        let mut bytes = vec![b'x'; LARGEST + 1];
        type Write = fn(&Path, &[u8]) -> Result<(), Error>;
        let writers: [Write; 3] = [
            write_private,
            |path, bytes| create_private(&path.with_file_name("b"), bytes),
            |path, bytes| rewrite(path, b"old", bytes, None),
        ];
        for write in writers {
            let error = write(&path, &bytes).unwrap_err().to_string();
            assert!(error.contains("larger than the 64 MiB that keyfob reads"), "{error}");
        }
        assert_eq!(read_private(&path).unwrap().unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something is left");
        bytes.pop();
        write_private(&path, &bytes).unwrap();
        assert!(read_private(&path).unwrap().unwrap() == bytes, "the largest one reads back");
    }

    #[test]
    fn a_file_that_is_given_up_goes_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        write_private(&one, b"old").unwrap();
        drop(StagedFile::write(&other, b"x").unwrap());
        // What it would speak of cannot be put into its place.
        fs::create_dir(&other).unwrap();
        let staged = StagedFile::write(&other, b"x").unwrap();
        assert!(write_private_after(Some(staged), &one, b"new").is_err());
        assert_eq!(read_private(&one).unwrap().unwrap(), b"old");
        fs::remove_dir(&other).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write_private_after(Some(StagedFile::write(&other, b"x").unwrap()), &one, b"new").unwrap();
        assert_eq!(
            (read_private(&one).unwrap().unwrap(), read_private(&other).unwrap().unwrap()),
            (b"new".to_vec(), b"x".to_vec())
        );
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b");
        write_private(&path, b"x").unwrap();
        mode(&path, 0o640);
        let error = read_private(&path).unwrap_err();
        assert!(error.to_string().contains("mode is 640"), "{error}");
        assert_eq!(error.hint().unwrap(), format!("chmod 600 '{}'", path.display()));
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        write_private(&target, b"x").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(read_private(&link).unwrap_err().to_string().contains("symbolic link"));
        assert!(locked(&link, || Ok(())).unwrap_err().to_string().contains("symbolic link"));
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg("-m600").arg(&pipe).status().unwrap().success());
        assert!(read_private(&pipe).unwrap_err().to_string().contains("not a regular file"));
        assert!(locked(&pipe, || Ok(())).is_err());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("wallet");
        make_folder(&inner).unwrap();
        assert!(check_folder(&inner).unwrap());
        mode(&inner, 0o755);
        assert!(check_folder(&inner).unwrap_err().hint().unwrap().starts_with("chmod 700 "));
        assert!(!check_folder(&folder.path().join("none")).unwrap());
    }

    #[test]
    fn writers_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, file) = (folder.path().join("lock"), folder.path().join("n"));
        write_private(&file, b"0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        locked(&lock, || {
                            let n: u32 =
                                String::from_utf8(read_private(&file)?.unwrap()).unwrap().parse().unwrap();
                            write_private(&file, (n + 1).to_string().as_bytes())
                        })
                        .unwrap();
                    }
                });
            }
        });
        assert_eq!(read_private(&file).unwrap().unwrap(), b"40");
    }
}
