//! Owners and modes: what others can reach is not used.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn everything_is_for_us_alone() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    assert_eq!(of(&home.data().join("vault")), 0o700);
    for path in [
        home.key_file(),
        home.sealed(&ana),
        home.data().join("vault/header.json"),
        home.data().join("vault.lock"),
    ] {
        assert_eq!(of(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn what_others_can_reach_is_refused_with_the_command_that_mends_it() {
    let home = Home::new();
    let ana = key("ana");
    home.vault().put(&ana, &secret("a")).unwrap();
    for (path, bad, good) in [
        (home.key_file(), 0o644, 0o600),
        (home.sealed(&ana), 0o640, 0o600),
        (home.data().join("vault/header.json"), 0o604, 0o600),
        (home.data().join("vault"), 0o750, 0o700),
    ] {
        set(&path, bad);
        let error = home.vault().get(&ana).map(|_| ()).unwrap_err();
        assert_eq!(error.hint().unwrap(), format!("chmod {good:o} {}", path.display()), "{error}");
        set(&path, good);
        assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"));
    }
}

#[test]
fn a_key_file_that_others_can_read_is_refused_even_when_a_passphrase_would_do() {
    let home = Home::new();
    let (ana, person) = (key("ana"), Person::saying("p"));
    home.vault().put(&ana, &secret("a")).unwrap();
    home.vault().add_passphrase(&secret("p")).unwrap();
    set(&home.key_file(), 0o644);
    assert!(matches!(home.with(&person).get(&ana), Err(Error::Unsafe { .. })));
    assert!(!home.vault().health().usable);
}

#[test]
fn a_read_only_folder_is_an_error_and_changes_nothing() {
    if rustix::process::geteuid().is_root() {
        // Modes do not stop root; a file in the place of the folder stops everybody, see below.
        return;
    }
    let home = Home::new();
    let ana = key("ana");
    set(&home.data(), 0o500);
    assert!(home.vault().put(&ana, &secret("a")).is_err());
    assert!(matches!(availability(&home.context(&NoTerminal)), Availability::No(_)));
    set(&home.data(), 0o700);
    home.vault().put(&ana, &secret("a")).unwrap();
    set(&home.data().join("vault"), 0o500);
    assert!(home.vault().put(&key("bob"), &secret("b")).is_err());
    assert_eq!(text(&home.vault(), &ana).as_deref(), Some("a"), "reading needs no right to write");
    set(&home.data().join("vault"), 0o700);
}

#[test]
fn it_fits_where_the_data_folder_is_ours_and_there() {
    let home = Home::new();
    assert_eq!(availability(&home.context(&NoTerminal)), Availability::Yes);
    set(&home.data(), 0o755);
    assert!(matches!(availability(&home.context(&NoTerminal)), Availability::No(_)));
    let nowhere = StoreContext { data: home.data().join("none"), ..home.context(&NoTerminal) };
    assert!(matches!(availability(&nowhere), Availability::No(_)));
    set(&home.data(), 0o700);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_an_error() {
    let home = Home::new();
    fs::write(home.data().join("vault"), b"").unwrap();
    assert!(home.vault().put(&key("ana"), &secret("a")).is_err());
    assert!(home.vault().get(&key("ana")).is_err());
    assert!(!home.vault().health().usable);
    assert!(!home.key_file().exists());
}
