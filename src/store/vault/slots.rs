//! Managing the slots of a vault: list, add, change, remove. For people's commands only; no tool comes here.
//!
//! Each change is one header, written durably under the lock. Whatever is slow or asks somebody (Argon2, the agent)
//! happens before the lock is taken, so what was true then is checked again under it. A slot is removed only when
//! another one that is not the ssh-agent has just been proven to open the vault: a passphrase that nobody remembers
//! is not a way in.

use super::header::{Header, Slot, SlotName};
use super::unlock::{UnlockMethods, Unlocked};
use super::{Vault, kernel_keyring, key_file, passphrase};
use crate::error::Error;
use crate::files;
use crate::secret::Secret;

/// A slot, for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its name.
    pub name: SlotName,
    /// What else there is to say; for the ssh-agent the key's comment, which is foreign text.
    pub words: String,
}

/// A key that the ssh-agent holds, for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKey {
    /// Its fingerprint, as `ssh-add -l` shows it.
    pub fingerprint: String,
    /// Its comment: foreign text.
    pub comment: String,
    /// Its type, for example `ssh-ed25519`: foreign text.
    pub kind: String,
    /// Whether it can open a vault: plain ed25519 keys can.
    pub usable: bool,
}

impl Vault<'_> {
    /// All slots, in the order in which they stand in the header; none when there is no vault yet. Needs no key.
    ///
    /// # Errors
    /// When the header cannot be read.
    pub fn slots(&self) -> Result<Vec<SlotInfo>, Error> {
        let Some(header) = self.header()? else { return Ok(Vec::new()) };
        let info = |slot: &Slot| SlotInfo {
            name: slot.name(),
            words: match slot {
                Slot::KeyFile(_) => self.key_path().display().to_string(),
                Slot::Passphrase(slot) => slot.words(),
                Slot::SshAgent(slot) => slot.comment.clone(),
            },
        };
        Ok(header.slots.iter().map(info).collect())
    }

    /// Adds a passphrase. The vault is made if there is none, and opened by another slot.
    ///
    /// # Errors
    /// When there is one already, it is empty, or the vault does not open.
    pub fn add_passphrase(&self, passphrase: &Secret) -> Result<(), Error> {
        not_empty(passphrase)?;
        let unlocked = self.open_or_create()?;
        let slot = Slot::Passphrase(self.passphrase_slot(passphrase, &unlocked)?);
        self.edit(&unlocked, |header| add(header, slot))
    }

    /// Puts `passphrase` in the place of the one there is. The vault is opened first, by another slot or the old one.
    ///
    /// # Errors
    /// When there is none, the new one is empty, or the vault does not open.
    pub fn change_passphrase(&self, passphrase: &Secret) -> Result<(), Error> {
        not_empty(passphrase)?;
        let header = self.header()?.filter(|header| header.passphrase().is_some());
        let header = header.ok_or_else(|| none_such(&SlotName::Passphrase))?;
        let unlocked = self.open(&header, &UnlockMethods::ALL)?;
        let new = self.passphrase_slot(passphrase, &unlocked)?;
        self.edit(&unlocked, |header| {
            let old = header.slots.iter_mut().find(|slot| slot.name() == SlotName::Passphrase);
            *old.ok_or_else(|| none_such(&SlotName::Passphrase))? = Slot::Passphrase(new);
            Ok(())
        })
    }

    /// Turns a vault that opens unattended into one that wants `passphrase`: the passphrase comes and the key
    /// file's slot goes in one header, and `vault.key` is deleted when that is durable. A vault that is not there
    /// yet is made with the passphrase alone, and no key file ever exists.
    ///
    /// # Errors
    /// When it has a passphrase already or no key file, or does not open.
    pub fn replace_key_file_by_passphrase(&self, passphrase: &Secret) -> Result<(), Error> {
        not_empty(passphrase)?;
        let header = match self.header()? {
            Some(header) => header,
            None => match self.create(Some(passphrase))? {
                (_, true) => return Ok(()),
                (header, false) => header,
            },
        };
        let unlocked = self.open(&header, &UnlockMethods::ALL)?;
        let slot = Slot::Passphrase(self.passphrase_slot(passphrase, &unlocked)?);
        self.edit(&unlocked, |header| {
            add(header, slot)?;
            take(header, &SlotName::KeyFile)
        })
    }

    /// Adds a key file, so that the vault opens unattended.
    ///
    /// # Errors
    /// When it has one already, or does not open.
    pub fn add_key_file(&self) -> Result<(), Error> {
        let unlocked = self.open_or_create()?;
        self.edit(&unlocked, |header| {
            if header.key_file().is_some() {
                return Err(exists(&SlotName::KeyFile));
            }
            let wrapping = key_file::read_or_make(&self.key_path(), &self.folder())?;
            add(header, Slot::KeyFile(key_file::Slot::wrapping(&wrapping, &unlocked.key, &unlocked.id)?))
        })
    }

    /// Removes a slot, after another one that is not the ssh-agent has opened the vault; a person may be asked for
    /// the passphrase.
    ///
    /// # Errors
    /// When there is no such slot, when no other would remain but the ssh-agent, and when the other does not open.
    pub fn remove_slot(&self, name: &SlotName) -> Result<(), Error> {
        let header = self.header()?.ok_or_else(|| refused("there is no vault yet"))?;
        check_removal(&header, name)?;
        let proof = UnlockMethods { except: Some(name), remembered: false, agent: false };
        let proven = self.open(&header, &proof).map_err(|error| self.say_who_is_missing(error))?;
        self.edit(&proven, |header| {
            check_removal(header, name)?;
            take(header, name)
        })?;
        if *name == SlotName::KeyFile {
            return Ok(());
        }
        // A key that this slot once brought into the kernel's keyring must not outlive it.
        kernel_keyring::forget(&proven.id)
    }

    fn passphrase_slot(&self, passphrase: &Secret, unlocked: &Unlocked) -> Result<passphrase::Slot, Error> {
        passphrase::Slot::wrapping(passphrase, self.cost, &unlocked.key, &unlocked.id)
    }

    /// Changes the header durably. If that takes the key file's slot away, the key file goes afterwards.
    fn edit(
        &self,
        unlocked: &Unlocked,
        change: impl FnOnce(&mut Header) -> Result<(), Error>,
    ) -> Result<(), Error> {
        files::locked(&self.lock_path(), || {
            let mut header = self
                .header()?
                .filter(|header| header.id == unlocked.id)
                .ok_or_else(|| super::unusable("another vault was put in its place meanwhile"))?;
            let had_key_file = header.key_file().is_some();
            change(&mut header)?;
            files::write_private(&self.header_path(), &header.to_bytes()?)?;
            files::sweep(&self.folder());
            if had_key_file && header.key_file().is_none() {
                files::remove(&self.key_path())?;
            }
            Ok(())
        })
    }
}

#[cfg(unix)]
impl Vault<'_> {
    /// The keys that the ssh-agent holds, also those that cannot open a vault.
    ///
    /// # Errors
    /// When there is no agent or it does not answer.
    pub fn agent_keys(&self) -> Result<Vec<AgentKey>, Error> {
        use super::ssh_agent::{client, slot};
        let identities = self.agent()?.identities()?;
        let shown = identities.into_iter().map(|identity| AgentKey {
            fingerprint: slot::fingerprint(&identity.blob),
            kind: client::kind(&identity.blob).to_owned(),
            usable: client::public_key(&identity.blob).is_some(),
            comment: identity.comment,
        });
        Ok(shown.collect())
    }

    /// Lets the ssh-agent's key with this fingerprint open the vault; `None`: the only ed25519 key that it holds.
    /// The vault is made if there is none, and opened by another slot, which stays.
    ///
    /// # Errors
    /// When there is no such key, it is no plain ed25519 key, or it does not sign the same twice.
    pub fn enrol_ssh_agent(&self, fingerprint: Option<&str>) -> Result<SlotName, Error> {
        use super::ssh_agent::{client, slot};
        let unlocked = self.open_or_create()?;
        let mut agent = self.agent()?;
        let mut found = agent.identities()?;
        match fingerprint {
            Some(wanted) => found.retain(|identity| slot::fingerprint(&identity.blob) == wanted),
            None => found.retain(|identity| client::public_key(&identity.blob).is_some()),
        }
        let identity = match (found.as_slice(), fingerprint) {
            ([identity], _) => identity,
            ([], Some(_)) => return Err(refused("the ssh-agent holds no key with this fingerprint")),
            ([], None) => return Err(refused("the ssh-agent holds no ed25519 key")),
            _ => {
                return Err(refused("the ssh-agent holds several ed25519 keys; name one by its fingerprint"));
            }
        };
        agent.extend(self.context.prompt_timeout);
        let slot = Slot::SshAgent(slot::Slot::enrolling(&mut agent, identity, &unlocked.key, &unlocked.id)?);
        let name = slot.name();
        self.edit(&unlocked, |header| add(header, slot))?;
        Ok(name)
    }
}

fn add(header: &mut Header, slot: Slot) -> Result<(), Error> {
    let name = slot.name();
    if header.slots.iter().any(|held| held.name() == name) {
        return Err(exists(&name));
    }
    header.slots.push(slot);
    Ok(())
}

fn take(header: &mut Header, name: &SlotName) -> Result<(), Error> {
    let place = header.slots.iter().position(|slot| slot.name() == *name);
    header.slots.remove(place.ok_or_else(|| none_such(name))?);
    Ok(())
}

/// Whether the vault can do without this slot.
fn check_removal(header: &Header, name: &SlotName) -> Result<(), Error> {
    if !header.slots.iter().any(|slot| slot.name() == *name) {
        return Err(none_such(name));
    }
    let others = || header.slots.iter().filter(|slot| slot.name() != *name);
    if others().next().is_none() {
        return Err(refused("it is the only slot, and without one the tokens would be lost"));
    }
    if others().all(|slot| matches!(slot, Slot::SshAgent(_))) {
        return Err(refused("the ssh-agent must not be the only way into the vault"));
    }
    Ok(())
}

fn not_empty(passphrase: &Secret) -> Result<(), Error> {
    if passphrase.is_empty() { Err(refused("the passphrase is empty")) } else { Ok(()) }
}

fn exists(name: &SlotName) -> Error {
    refused(&format!("the vault has this slot already: {name}"))
}

fn none_such(name: &SlotName) -> Error {
    refused(&format!("the vault has no such slot: {name}"))
}

fn refused(why: &str) -> Error {
    Error::usage(why, "keyfob storage shows the vault and its slots")
}
