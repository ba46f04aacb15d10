//! Private files and folders.

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
