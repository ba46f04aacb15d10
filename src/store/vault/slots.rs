//! Managing the slots of a vault: list, add, change, remove. For people's commands only; no tool comes here.
//!
//! A slot that comes is one header, written durably under the lock; one that goes or is replaced is a new data key (reseal.rs).
//! Whatever is slow or asks somebody (Argon2, the agent) happens before the lock is taken, so what was true then is checked again
//! under it. A slot is removed only when another one that is not the ssh-agent has just been proven to open the vault: a passphrase
//! that nobody remembers is not a way in.

use std::rc::Rc;

use super::header::{Header, Slot, SlotName};
use super::reseal::{self, Change, Prepared};
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
        let (header, unlocked) = self.opened_for(&SlotName::Passphrase)?;
        let prepared = reseal::prepare(self, &header, &unlocked, &[])?;
        self.add(&unlocked, &prepared, self.passphrase_slot(passphrase, &header, &prepared)?)
    }

    /// Puts `passphrase` in the place of the one there is, and seals everything anew. The vault is opened first, by another slot or the
    /// old one. Returns how many files were left because they do not open.
    ///
    /// # Errors
    /// When there is none, the new one is empty, or the vault does not open.
    pub fn change_passphrase(&self, passphrase: &Secret) -> Result<usize, Error> {
        not_empty(passphrase)?;
        let header = self.header()?.filter(|header| header.passphrase().is_some());
        let header = header.ok_or_else(|| none_such(&SlotName::Passphrase))?;
        let (header, unlocked) = self.open_latest(header, &UnlockMethods::ALL)?;
        let prepared = reseal::prepare(self, &header, &unlocked, &[&SlotName::Passphrase])?;
        let with = Some(self.passphrase_slot(passphrase, &header, &prepared)?);
        reseal::reseal(self, &unlocked, &prepared, Change { with, without: None })
    }

    /// Turns a vault that opens unattended into one that wants `passphrase`: the passphrase comes and the key
    /// file's slot goes in one header, everything is sealed anew, and `vault.key` is deleted when that is durable. A vault that is
    /// not there yet is made with the passphrase alone, and no key file ever exists. Returns how many files were left because they do
    /// not open.
    ///
    /// # Errors
    /// When it has a passphrase already or no key file, or does not open.
    pub fn replace_key_file_by_passphrase(&self, passphrase: &Secret) -> Result<usize, Error> {
        not_empty(passphrase)?;
        let header = match self.header()? {
            Some(header) => header,
            None => match self.create(Some(passphrase))? {
                (_, true) => return Ok(0),
                (header, false) => header,
            },
        };
        if header.passphrase().is_some() {
            return Err(exists(&SlotName::Passphrase));
        }
        header.key_file().ok_or_else(|| none_such(&SlotName::KeyFile))?;
        let (header, unlocked) = self.open_latest(header, &UnlockMethods::ALL)?;
        let prepared = reseal::prepare(self, &header, &unlocked, &[&SlotName::KeyFile])?;
        let with = Some(self.passphrase_slot(passphrase, &header, &prepared)?);
        reseal::reseal(self, &unlocked, &prepared, Change { with, without: Some(SlotName::KeyFile) })
    }

    /// Adds a key file, so that the vault opens unattended.
    ///
    /// # Errors
    /// When it has one already, or does not open.
    pub fn add_key_file(&self) -> Result<(), Error> {
        let (header, unlocked) = self.opened_for(&SlotName::KeyFile)?;
        let prepared = reseal::prepare(self, &header, &unlocked, &[])?;
        // Its key is made when it is added.
        self.add(&unlocked, &prepared, Slot::KeyFile(key_file::Slot::empty()))
    }

    /// Removes a slot and seals everything anew, after another slot that is not the ssh-agent has opened the vault; a person may be
    /// asked for the passphrase. Returns how many files were left because they do not open.
    ///
    /// # Errors
    /// When there is no such slot, when no other would remain but the ssh-agent, and when the other does not open.
    pub fn remove_slot(&self, name: &SlotName) -> Result<usize, Error> {
        let header = self.header()?.ok_or_else(no_vault)?;
        check_removal(&header, name)?;
        let proof = UnlockMethods { except: Some(name), remembered: false, agent: false };
        let opened = self.open_latest(header, &proof);
        let (header, proven) = opened.map_err(|error| self.say_who_is_missing(error))?;
        let prepared = reseal::prepare(self, &header, &proven, &[name])?;
        let left =
            reseal::reseal(self, &proven, &prepared, Change { without: Some(name.clone()), with: None })?;
        if *name != SlotName::KeyFile
            && let Some(header) = self.header()?
        {
            // A key that this slot once brought into the kernel's keyring must not outlive it.
            kernel_keyring::forget(header.bound())?;
        }
        Ok(left)
    }

    /// Seals everything anew, with the slots that there are. Returns how many files were left because they do not open.
    ///
    /// # Errors
    /// When there is no vault, or it does not open.
    pub fn reseal_all(&self) -> Result<usize, Error> {
        let header = self.header()?.ok_or_else(no_vault)?;
        let opened = self.open_latest(header, &UnlockMethods::ALL);
        let (header, unlocked) = opened.map_err(|error| self.say_who_is_missing(error))?;
        let prepared = reseal::prepare(self, &header, &unlocked, &[])?;
        reseal::reseal(self, &unlocked, &prepared, Change::default())
    }

    fn passphrase_slot(
        &self,
        passphrase: &Secret,
        header: &Header,
        prepared: &Prepared,
    ) -> Result<Slot, Error> {
        passphrase::Slot::new(passphrase, self.cost, &header.id, &prepared.authority).map(Slot::Passphrase)
    }

    /// The vault, opened to get this slot, which it must not have; made if there is none.
    fn opened_for(&self, name: &SlotName) -> Result<(Header, Rc<Unlocked>), Error> {
        let unlocked = self.open_or_create()?;
        let header = reseal::header_of(self, &unlocked)?;
        check_absence(&header, name)?;
        Ok((header, unlocked))
    }

    /// Adds a slot, durably. A header of version 1 becomes one of version 2, which takes a new data key.
    fn add(&self, unlocked: &Rc<Unlocked>, prepared: &Prepared, mut slot: Slot) -> Result<(), Error> {
        if unlocked.key_id.is_none() {
            return reseal::reseal(self, unlocked, prepared, Change { with: Some(slot), without: None })
                .map(drop);
        }
        files::locked(&self.lock_path(), || {
            let mut header = reseal::header_of(self, unlocked)?;
            check_absence(&header, &slot.name())?;
            // What stands in it is sealed as ours by what follows.
            if !header.is_sealed_with(&unlocked.key) {
                return Err(reseal::not_ours(self));
            }
            self.check_latest(&header, unlocked)?;
            if let Slot::KeyFile(slot) = &mut slot {
                let wrapping = key_file::make(&self.key_path(), &self.folder())?;
                *slot = key_file::Slot::wrapping(&wrapping, &unlocked.key, header.bound())?;
            }
            slot.seal(&unlocked.key, header.bound(), &prepared.authority)?;
            let authority = (!matches!(slot, Slot::KeyFile(_))).then_some(&prepared.authority);
            if header.has_recipients()
                && authority.is_some_and(|new| {
                    header.open_authority(&unlocked.key).is_none_or(|held| held.bytes() != new.bytes())
                })
            {
                return Err(reseal::changed_meanwhile());
            }
            header.add(slot, &unlocked.key, authority)?;
            files::write_private(&self.header_path(), &header.to_bytes()?)?;
            files::sweep(&self.folder());
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
        let header = reseal::header_of(self, &unlocked)?;
        let mut found = self.agent()?.identities()?;
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
        let name = SlotName::SshAgent(slot::fingerprint(&identity.blob));
        check_absence(&header, &name)?;
        let prepared = reseal::prepare(self, &header, &unlocked, &[])?;
        let mut agent = self.agent()?;
        agent.extend(self.context.prompt_timeout);
        let slot = slot::Slot::enrolling(&mut agent, identity, &header.id, &prepared.authority)?;
        self.add(&unlocked, &prepared, Slot::SshAgent(slot))?;
        Ok(name)
    }
}

fn check_absence(header: &Header, name: &SlotName) -> Result<(), Error> {
    if header.slots.iter().any(|held| held.name() == *name) { Err(exists(name)) } else { Ok(()) }
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

fn no_vault() -> Error {
    refused("there is no vault yet")
}

fn refused(why: &str) -> Error {
    Error::usage(why, "keyfob storage shows the vault and its slots")
}
