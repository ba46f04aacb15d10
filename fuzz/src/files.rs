//! Files: keyfob's own, the user's settings, and those of other programs.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use keyfob::account::{Account, Id, Key};
use keyfob::config::Config;
use keyfob::environment::Environment;
use keyfob::export;
use keyfob::formats::age::{DecryptWith, EncryptTo, Identity, Recipient, armor, open, seal};
use keyfob::import::{self, Outside};
use keyfob::records::Records;
use keyfob::remote::{Realm, Remote};
use keyfob::secret::Secret;
use keyfob::store::vault::Vault;
use keyfob::store::{NoTerminal, Store as _, StoreContext};

use super::scratch;

/// An age file: with an even first byte one that was made here, else any bytes.
pub fn age(data: &[u8]) {
    // The identity of the format's own test vectors.
    const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
    let identity = || Identity::parse(IDENTITY).unwrap();
    let with = || DecryptWith::Identities(vec![identity()]);
    let Some((first, rest)) = data.split_first() else { return };
    if first % 2 == 0 {
        let to = EncryptTo::Recipients(vec![identity().recipient()]);
        let sealed = seal(rest, &to).unwrap();
        assert_eq!(open(&sealed, &with()).unwrap().as_slice(), rest);
        // One bit more or less, and it does not open.
        let at = rest.len() * 7 % sealed.len();
        let mut changed = sealed.clone();
        changed[at] ^= 1 << (first >> 5);
        assert!(open(&changed, &with()).is_err(), "a changed file opens");
        return;
    }
    if let Ok(plain) = open(rest, &with()) {
        assert!(plain.len() < rest.len());
    }
    let _ = armor::taken_off(rest);
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = (Recipient::parse(text), Identity::parse(text));
    }
    let _ = Identity::parse_file(rest);
}

/// The document within an export.
pub fn export(data: &[u8]) {
    if let Ok(bundle) = export::read(data) {
        let Ok(again) = export::write(&bundle, 0) else { return };
        let again = export::read(&again).unwrap();
        assert_eq!(format!("{:?}", again.realms), format!("{:?}", bundle.realms));
        assert!(again.secrets.keys().all(|id| bundle.secrets.contains_key(id)));
    }
}

fn context<'a>(data: &Path, environment: &'a Environment) -> StoreContext<'a> {
    StoreContext::new(data, environment, &NoTerminal)
}

fn key() -> Key {
    Key {
        realm: Realm::from_text("azure-devops/contoso").unwrap(),
        account: Account::Named("alice".to_owned()),
        id: Id::parse("0123456789abcdef0123456789abcdef").unwrap(),
    }
}

thread_local! {
    static SEALED: OnceCell<Vec<u8>> = const { OnceCell::new() };
}

/// A vault with one token; the bytes of its sealed file.
fn vault(name: &str) -> (std::path::PathBuf, Vec<u8>) {
    let data = scratch::folder(name);
    let path = data.join("vault").join(key().id.as_str());
    let sealed = SEALED.with(|sealed| {
        sealed
            .get_or_init(|| {
                let environment = Environment::default();
                Vault::new(context(&data, &environment)).put(&key(), &Secret::copy_of(b"t0ken")).unwrap();
                fs::read(&path).unwrap()
            })
            .clone()
    });
    (path, sealed)
}

/// The header of a vault: reading it changes nothing, gives no token that was not stored, and costs no more than a header may.
pub fn vault_header(data: &[u8]) {
    // Argon2 is tried where a passphrase can be asked for, and here no one can.
    let environment = Environment::default();
    let folder = scratch::folder("header");
    fs::create_dir_all(folder.join("vault")).unwrap();
    let _ =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.join("vault")).unwrap().permissions());
    fs::set_permissions(folder.join("vault"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let path = folder.join("vault/header.json");
    scratch::write(&path, data);
    let vault = Vault::new(context(&folder, &environment));
    vault.health();
    assert!(!matches!(vault.get(&key()), Ok(Some(_))), "a token out of nothing");
    assert_eq!(fs::read(&path).unwrap(), data);
}

/// A sealed file: where the first byte is even, the one that was written, with bytes changed; else any bytes. It is the token that was
/// stored, or an error.
pub fn sealed_file(data: &[u8]) {
    let (path, good) = vault("sealed");
    let Some((first, rest)) = data.split_first() else { return };
    let mut bytes = rest.to_vec();
    if first % 2 == 0 {
        bytes.clone_from(&good);
        for change in rest.chunks_exact(2) {
            let at = usize::from(change[0]) % bytes.len();
            bytes[at] ^= change[1];
        }
    }
    scratch::write(&path, &bytes);
    let environment = Environment::default();
    match Vault::new(context(path.parent().unwrap().parent().unwrap(), &environment)).get(&key()) {
        Ok(Some(secret)) => {
            assert_eq!(bytes, good, "a changed file opens");
            assert_eq!(secret.expose(), b"t0ken");
        }
        Ok(None) => panic!("a file that is there is not absent"),
        Err(error) => assert!(bytes != good, "{error}"),
    }
    scratch::write(&path, &good);
}

/// A record: what is read is what a change writes again.
pub fn records(data: &[u8]) {
    let folder = scratch::folder("records");
    let records = Records::new(&folder);
    let group = "azure-devops/contoso";
    let path = records.path(group);
    if !path.parent().unwrap().is_dir() {
        records.change(group, |_| Ok(((), false))).unwrap();
        scratch::folder("records/records");
    }
    scratch::write(&path, data);
    let Ok(read) = records.read(group) else { return };
    let before = format!("{read:?}");
    records.change(group, |_| Ok(((), true))).unwrap();
    let after = records.read(group).unwrap();
    // Realms without accounts go.
    if read.realms.iter().all(|realm| !realm.accounts.is_empty()) {
        assert_eq!(format!("{after:?}"), before);
    }
}

/// The settings.
pub fn config(data: &[u8]) {
    let path = scratch::folder("config").join("config.toml");
    scratch::write(&path, data);
    match Config::read(&path) {
        Ok(config) => {
            for url in
                ["https://dev.azure.com/contoso", "https://git.corp.example/a/b", "http://127.0.0.1:8080/x/y"]
            {
                let (remote, _) = Remote::from_url(url).unwrap();
                if let Some(site) = config.site(&remote) {
                    // What the settings describe is a host that they name.
                    let text = String::from_utf8_lossy(data).to_ascii_lowercase();
                    assert!(text.contains("forge") && text.contains("url"), "{}", site.realm);
                }
            }
        }
        Err(error) => {
            let words = format!("{error}");
            assert!(words.len() <= 1024 + 16 * data.len(), "{} bytes", words.len());
        }
    }
}

/// A file of another program. No token is in what is said of it, and what is taken out is not found again, while the rest is.
fn import(source: &str, name: &str, data: &[u8]) {
    let home = scratch::folder(&format!("import-{source}"));
    let path = home.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).unwrap();
    }
    scratch::write(&path, data);
    let pairs = [("HOME", home.as_os_str()), ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere".as_ref())];
    let environment = Environment::new(pairs.map(|(name, value)| (name.into(), value.to_owned())));
    let store_context = context(&home.join("keyfob"), &environment);
    let outside = Outside {
        environment: &environment,
        store_context,
        file: Some(path.clone()),
        only_look: false,
        now: 1000,
    };
    let source = import::named(source).unwrap();
    let Ok(reading) = (source.read)(&outside) else { return };
    assert!(reading.found.len() + reading.skipped.len() <= 8 + 2 * data.len(), "more entries than bytes");
    for found in &reading.found {
        let token = found.token.expose();
        assert!(!token.is_empty() && !token.contains(&b'\n') && !token.contains(&0));
        // Short ones may be part of any word.
        if token.len() < 16 {
            continue;
        }
        let token = String::from_utf8_lossy(token);
        let url = found.remote.to_string();
        let said = [found.at.as_str()].into_iter().chain(reading.notes.iter().map(String::as_str));
        for said in said {
            assert!(!said.contains(&*token) || url.contains(&*token), "a token is said: {said}");
        }
    }
    for skipped in &reading.skipped {
        for said in [&skipped.at, &skipped.what, &skipped.why] {
            assert!(!said.chars().any(char::is_control), "{said:?}");
        }
    }
    // Every second one is taken out.
    let (taken, left): (Vec<_>, Vec<_>) = reading.found.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    let taken: Vec<&import::Found> = taken.into_iter().map(|(_, found)| found).collect();
    let (removed, errors) = import::remove(source, &outside, &taken);
    if !errors.is_empty() || removed == 0 {
        return;
    }
    let Ok(again) = (source.read)(&outside) else {
        // The file itself may be gone with its last entry.
        assert!(!path.exists(), "what is left cannot be read");
        return;
    };
    for gone in &taken {
        assert!(!again.found.iter().any(|found| found.is_same(gone)), "{} is still there", gone.at);
    }
    for (_, kept) in left.iter().filter(|(_, kept)| !taken.iter().any(|gone| gone.is_same(kept))) {
        assert!(again.found.iter().any(|found| found.is_same(kept)), "{} is gone, too", kept.at);
    }
}

pub fn import_git_store(data: &[u8]) {
    import("git-store", ".git-credentials", data);
}

pub fn import_netrc(data: &[u8]) {
    import("netrc", ".netrc", data);
}

pub fn import_npm(data: &[u8]) {
    import("npm", ".npmrc", data);
}

pub fn import_nuget(data: &[u8]) {
    import("nuget", "NuGet.Config", data);
}

pub fn import_gh(data: &[u8]) {
    import("gh", "hosts.yml", data);
}

pub fn import_az(data: &[u8]) {
    import("az", "personalAccessTokens", data);
}

pub fn import_keyring(data: &[u8]) {
    import("keyring", "keyring_pass.cfg", data);
}

pub fn import_docker(data: &[u8]) {
    import("docker", "config.json", data);
}

pub fn import_gcm(data: &[u8]) {
    import("gcm", ".gcm/store/git/https/git.example/alice.credential", data);
}
