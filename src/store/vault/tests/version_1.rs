//! A vault that a keyfob before the new data keys wrote, with the header of version 1 and all three kinds of slots. It was written
//! by that keyfob; its passphrase is "right".

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};

use super::fake_agent::with_agent;
use super::*;

const KEY_FILE: &str = "keyfob vault key v1\nDGjGgwp/7wXyzQzDZp4TQKDY190TJzdo1fvR+ViVmRQ=\n";
const HEADER: &str = r#"{"version":1,"id":"dac18e576746ab87a68371b1d74ee6a2","slots":[{"kind":"key-file","wrapped":"HTK6FKAihadOtWEm36eKimfZNQrlKyvuk0MxJA8/7zntyobvhRBMO3ZNqD2YtjjKq7iUTakSEqs1mwvlV5tUPGdi08VFdNaS"},{"kind":"ssh-agent","public_key":"vNWb8jM7mmrZsTuEX2kfQxe0lNsHyns0pXNBxVs9FUM=","comment":"fixture","salt":"bo6ALYGCFtgGJTa2XIy5XW/7kPs6acWwefATR/pGysI=","wrapped":"d3XcOKXc85lEReUO2AHzrvWnu6kVUBI9WMDdMC3DyAGu70a2AgeJfzkPV6BcNIu5VnlkbuT5tl4ksRrSB6qrexSawio3U5M0"},{"kind":"passphrase","memory_kib":65536,"passes":3,"lanes":1,"salt":"NPWeRhvEZVFPX9YMS6xLbQ==","wrapped":"aaZNbFGqJrmmaXdtUEKVEm8a3dv4M4vJhcSY8GE7YcTiynYnZxnVaf6sPYTMTirlGNlAyz5WeqG0IWdNjkiZB9llZEHM5jPz"}]}
"#;
const SEALED: &str = "a2V5Zm9iAAGAQ2MM3TEb4llkUvOIJxeN6HN1qD2Iloc4TfCA5GqSOBR/CholncO19we0B41Tk/fYzz5bgYGp9cQS9Sz5LxXbUh4VsMAGIXRHbr47NOLW8QSuCq09tAdFnlhadQ==";
/// The secret half of the agent's key.
const SEED: [u8; 32] = [
    0xb4, 0x76, 0x99, 0x38, 0x6c, 0x8f, 0xec, 0xa9, 0x20, 0x00, 0xa0, 0x38, 0xe0, 0x29, 0x83, 0xd9, 0x89,
    0xcd, 0x01, 0x3b, 0xda, 0x83, 0x02, 0xd1, 0x5a, 0xe4, 0x9c, 0x7f, 0x4f, 0xc5, 0x2a, 0x89,
];
const TOKEN: &str = "a token of yesterday";

fn ana() -> Key {
    Key {
        realm: Realm::from_text("azure-devops/contoso").unwrap(),
        account: Account::Named("ana".to_owned()),
        id: Id::parse("9029994d3e020243f18fdfa79265f259").unwrap(),
    }
}

/// Puts the vault there, with these slots alone.
fn begin(home: &Home, kinds: &[&str]) {
    let mut header: serde_json::Value = serde_json::from_str(HEADER).unwrap();
    let slots = header["slots"].as_array_mut().unwrap();
    slots.retain(|slot| kinds.contains(&slot["kind"].as_str().unwrap()));
    files::make_folder(&home.data().join("vault")).unwrap();
    let text = if kinds.len() == 3 { HEADER.to_owned() } else { header.to_string() };
    files::write_private(&home.data().join("vault/header.json"), text.as_bytes()).unwrap();
    files::write_private(&home.sealed(&ana()), &BASE64_STANDARD.decode(SEALED).unwrap()).unwrap();
    if kinds.contains(&"key-file") {
        files::write_private(&home.key_file(), KEY_FILE.as_bytes()).unwrap();
    }
}

fn version(home: &Home) -> u64 {
    let bytes = fs::read(home.data().join("vault/header.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["version"].as_u64().unwrap()
}

const ALL: [&str; 3] = ["key-file", "ssh-agent", "passphrase"];

/// With the agent that holds the slot's key.
fn with_its_agent(test: impl FnOnce(&Home)) -> usize {
    let own = SigningKey::from_bytes(&SEED);
    with_agent(&[own.verifying_key().to_bytes()], &|_, message| Some(own.sign(message).to_bytes()), test)
}

#[test]
fn it_is_read_by_each_of_its_slots_and_written_in_its_own_version() {
    with_its_agent(|home| {
        for kinds in [&ALL[..], &["key-file"], &["ssh-agent"], &["passphrase"]] {
            begin(home, kinds);
            let person = Person::saying("right");
            assert_eq!(text(&home.with(&person), &ana()).as_deref(), Some(TOKEN), "{kinds:?}");
            assert_eq!(person.asked.get(), usize::from(kinds == ["passphrase"]));
            let bob = key("bob");
            home.with(&person).put(&bob, &secret("b")).unwrap();
            assert_eq!(fs::read(home.sealed(&bob)).unwrap()[7], 1, "an older keyfob reads it, too");
            assert_eq!(text(&home.with(&person), &bob).as_deref(), Some("b"));
            assert_eq!(version(home), 1);
            fs::remove_dir_all(home.data()).unwrap();
            files::make_folder(&home.data()).unwrap();
        }
    });
}

#[test]
fn any_change_carries_it_over_with_the_slots_that_stay() {
    type Change = fn(&Vault<'_>);
    let changes: [(&[&str], Change, &[&str]); 8] = [
        (&["key-file"], |vault| vault.add_passphrase(&secret("right")).unwrap(), &["key-file", "passphrase"]),
        (
            &["key-file"],
            |vault| {
                vault.replace_key_file_by_passphrase(&secret("right")).unwrap();
            },
            &["passphrase"],
        ),
        (&["passphrase"], |vault| vault.add_key_file().unwrap(), &["passphrase", "key-file"]),
        (
            &["passphrase"],
            |vault| {
                vault.enrol_ssh_agent(None).unwrap();
            },
            &["passphrase", "ssh-agent"],
        ),
        (
            &ALL,
            |vault| {
                vault.remove_slot(&SlotName::KeyFile).unwrap();
            },
            &["ssh-agent", "passphrase"],
        ),
        (
            &ALL,
            |vault| {
                vault.remove_slot(&SlotName::Passphrase).unwrap();
            },
            &["key-file", "ssh-agent"],
        ),
        (
            &ALL,
            |vault| {
                vault.change_passphrase(&secret("right")).unwrap();
            },
            &ALL,
        ),
        (
            &ALL,
            |vault| {
                vault.reseal_all().unwrap();
            },
            &ALL,
        ),
    ];
    for (number, (kinds, change, left)) in changes.into_iter().enumerate() {
        with_its_agent(|home| {
            begin(home, kinds);
            change(&home.with(&Person::saying("right")));
            assert_eq!(version(home), 2, "{number}");
            let names: Vec<String> = names(&home.vault());
            let kinds: Vec<&str> = names.iter().map(|name| name.split(':').next().unwrap()).collect();
            assert_eq!(kinds, left, "{number}");
            assert_eq!(fs::read(home.sealed(&ana())).unwrap()[7], 2);
            // By each of the ways, alone.
            for except in &names {
                let vault = home.with(&NoTerminal);
                let header = vault.header().unwrap().unwrap();
                let one = header.slots.iter().find(|slot| slot.name().to_string() == *except).unwrap();
                let person = Person::saying("right");
                let bound = header.bound();
                let opened = match one {
                    Slot::KeyFile(_) => vault.by_key_file(&header).unwrap(),
                    Slot::Passphrase(slot) => slot.open(&secret("right"), bound).unwrap(),
                    Slot::SshAgent(slot) => slot.open(&mut vault.agent().unwrap(), bound).unwrap().unwrap(),
                };
                let unlocked = home.with(&person).open(&header, &UnlockMethods::ALL).unwrap();
                assert_eq!(opened.bytes(), unlocked.key.bytes(), "{number} {except}");
            }
            assert_eq!(text(&home.with(&Person::saying("right")), &ana()).as_deref(), Some(TOKEN));
            // From now on, nobody is asked.
            let person = Person::saying("right");
            assert_eq!(home.with(&person).reseal_all().unwrap(), 0);
            assert_eq!(person.asked.get(), usize::from(left == ["passphrase"]), "only to open it");
        });
    }
}

#[test]
fn a_slot_that_does_not_open_is_named_before_anything_is_changed() {
    // No agent.
    let home = Home::new();
    begin(&home, &ALL);
    let unchanged = |home: &Home| {
        assert_eq!(fs::read_to_string(home.data().join("vault/header.json")).unwrap(), HEADER);
        assert_eq!(fs::read_to_string(home.key_file()).unwrap(), KEY_FILE);
    };
    let person = Person::saying("right");
    let error = home.with(&person).reseal_all().unwrap_err();
    assert!(error.to_string().contains("the slot ssh-agent:SHA256:"), "{error}");
    assert!(error.hint().unwrap().contains("keyfob storage slots remove ssh-agent:SHA256:"));
    unchanged(&home);
    // Nobody who could type the passphrase, and one who types another.
    let agents: SlotName = names(&home.vault())[1].parse().unwrap();
    assert!(matches!(home.vault().remove_slot(&agents), Err(Error::NobodyToAsk { .. })));
    let wrong = Person::saying("wrong");
    assert!(matches!(home.with(&wrong).remove_slot(&agents), Err(Error::WrongPassphrase)));
    unchanged(&home);
    // The way out that the hint names.
    home.with(&person).remove_slot(&agents).unwrap();
    assert_eq!(names(&home.vault()), ["key-file", "passphrase"]);
    assert_eq!(text(&home.vault(), &ana()).as_deref(), Some(TOKEN));
}

#[test]
fn a_passphrase_that_was_just_typed_is_not_asked_for_again() {
    let home = Home::new();
    begin(&home, &["key-file", "passphrase"]);
    let person = Person::saying("right");
    home.with(&person).remove_slot(&SlotName::KeyFile).unwrap();
    assert_eq!(person.asked.get(), 1);
    assert_eq!(text(&home.with(&person), &ana()).as_deref(), Some(TOKEN));
}
