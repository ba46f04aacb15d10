//! A new data key, and everything sealed anew under it: whenever a way to open the vault is taken away or replaced, so that a copy of
//! the old header with the old key or passphrase opens nothing that is written later.
//!
//! The steps, each durable before the next, under the lock:
//!
//! 1. `vault.key` gets its next key beside the present one (key_file.rs), if there is such a slot.
//! 2. The kernel's keyring gets the new data key beside the old one, for as long as that one still rests there.
//! 3. The header changes: its slots hold the new data key, and `previous` is the old one, wrapped under the new one. From here on
//!    what is written is sealed under the new key, and the old slots open nothing.
//! 4. `vault.key` forgets its old key, or goes.
//! 5. Each file that is sealed under the old key is sealed under the new one and replaced.
//! 6. `vault.latest` notes the new key (latest.rs).
//! 7. The header forgets the old key, and so does the kernel's keyring.
//!
//! After a crash before step 3 nothing has changed. After one behind it, whatever next opens the vault to write does steps 4 to 7
//! ([`Vault::carry_on`]). Readers take no lock: each file says under which key it is sealed, and a reader that meets a key which is
//! not in its header looks at the header again. Whoever writes or removes a sealed file shares the lock for that moment, so that no
//! file comes or goes in between.
//!
//! A slot of version 2 has the new key sealed for it without its secret (recipient.rs), which trusts what stands in the header: only
//! if whoever wrote it had the present data key, and if that is the latest one. Else, as for a header of version 1, each slot that
//! stays is opened and made anew; one that does not open is named before anything has changed.

use std::rc::Rc;

use super::data_key::{Bound, key_id};
use super::header::{Header, Slot, SlotName};
use super::seal::SymmetricKey;
use super::sealed_file::{self, SealedUnder};
use super::unlock::Unlocked;
use super::{Vault, kernel_keyring, key_file, latest, passphrase};
use crate::error::Error;
use crate::files;

/// What becomes of the slots besides.
#[derive(Default)]
pub(super) struct Change {
    /// This one goes.
    pub(super) without: Option<SlotName>,
    /// This one comes; in the place of one with the same name, if there is one.
    pub(super) with: Option<Slot>,
}

/// The slots that stay, made ready beforehand, since that may ask somebody.
pub(super) struct Prepared {
    /// What slots are sealed for with.
    pub(super) authority: SymmetricKey,
    /// Made anew, in the place of those with the same names; those that are not here are sealed for as they are.
    anew: Vec<Slot>,
}

/// Makes ready every slot but `without`: asks for what it takes, and changes nothing.
pub(super) fn prepare(
    vault: &Vault<'_>,
    header: &Header,
    unlocked: &Unlocked,
    without: &[&SlotName],
) -> Result<Prepared, Error> {
    let stays = |slot: &&Slot| !without.contains(&&slot.name()) && !matches!(slot, Slot::KeyFile(_));
    let staying: Vec<&Slot> = header.slots.iter().filter(stays).collect();
    let is_trusted = header.is_sealed_with(&unlocked.key) && vault.check_latest(header, unlocked).is_ok();
    if is_trusted
        && !staying.is_empty()
        && let Some(authority) = header.open_authority(&unlocked.key)
    {
        return Ok(Prepared { authority, anew: Vec::new() });
    }
    // Nobody who once had a key of this vault has this one.
    let authority = SymmetricKey::random()?;
    if header.key_file().is_some() && !without.contains(&&SlotName::KeyFile) && !is_trusted {
        proven(vault.by_key_file(header)?, unlocked, &SlotName::KeyFile)?;
    }
    let anew = staying.into_iter().map(|slot| made_anew(vault, header, unlocked, slot, &authority));
    Ok(Prepared { anew: anew.collect::<Result<_, _>>()?, authority })
}

fn made_anew(
    vault: &Vault<'_>,
    header: &Header,
    unlocked: &Unlocked,
    slot: &Slot,
    authority: &SymmetricKey,
) -> Result<Slot, Error> {
    match slot {
        // Its key is made when everything is.
        Slot::KeyFile(_) => Ok(slot.clone()),
        Slot::Passphrase(old) => {
            let typed = match &unlocked.typed {
                Some(typed) => typed.duplicate(),
                None => {
                    let missing =
                        || vault.say_who_is_missing(Error::Locked { store: super::NAME, how: None });
                    let (key, typed) = vault.by_person(header, old)?.ok_or_else(missing)?;
                    proven(key, unlocked, &slot.name())?;
                    typed
                }
            };
            Ok(Slot::Passphrase(passphrase::Slot::new(&typed, vault.cost, &header.id, authority)?))
        }
        Slot::SshAgent(old) => agent_slot_anew(vault, header, unlocked, old, authority),
    }
}

/// Seals everything anew under a new data key, with the slots as `prepared` and changed. Returns how many files are left as they
/// are because they do not open.
pub(super) fn reseal(
    vault: &Vault<'_>,
    unlocked: &Rc<Unlocked>,
    prepared: &Prepared,
    change: Change,
) -> Result<usize, Error> {
    files::locked(&vault.lock_path(), || {
        let mut header = header_of(vault, unlocked)?;
        if header.previous().is_some() {
            carry_on_locked(vault, &mut header, unlocked)?;
        }
        let data = SymmetricKey::random()?;
        let new_id = key_id(&data, &header.id)?;
        let bound = Bound { vault: &header.id, key: Some(&new_id) };
        let slots = slots_for(vault, &header, unlocked, prepared, change, &data, bound)?;
        kernel_keyring::succeed(header.bound(), &unlocked.key, bound, &data);
        let any = slots.iter().any(|slot| !matches!(slot, Slot::KeyFile(_)));
        let authority = any.then_some(&prepared.authority);
        let id = header.id.clone();
        let before = Some((&unlocked.key, header.key_file().is_some()));
        let mut new = Header::new(id.clone(), &data, slots, authority, before)?;
        files::write_private(&vault.header_path(), &new.to_bytes()?)?;
        let resealed = Rc::new(Unlocked { id, key_id: Some(new_id), key: data, typed: None });
        vault.remember(&new, &resealed);
        carry_on_locked(vault, &mut new, &resealed)
    })
}

/// The slots of the next header, which hold `data`.
fn slots_for(
    vault: &Vault<'_>,
    header: &Header,
    unlocked: &Unlocked,
    prepared: &Prepared,
    change: Change,
    data: &SymmetricKey,
    bound: Bound<'_>,
) -> Result<Vec<Slot>, Error> {
    let kept = header.slots.iter().filter(|slot| Some(slot.name()) != change.without).cloned();
    let mut slots: Vec<Slot> = kept.collect();
    let mut is_new = vec![false; slots.len()];
    for anew in prepared.anew.iter().cloned().chain(change.with) {
        match slots.iter().position(|slot| slot.name() == anew.name()) {
            Some(place) => (slots[place], is_new[place]) = (anew, true),
            None => {
                slots.push(anew);
                is_new.push(true);
            }
        }
    }
    // Another process may have added one since they were made ready.
    let as_they_are = slots.iter().zip(&is_new).any(|(slot, new)| !new && !matches!(slot, Slot::KeyFile(_)));
    let authority = header.open_authority(&unlocked.key);
    let fits = authority.is_some_and(|held| held.bytes() == prepared.authority.bytes());
    if as_they_are && !(fits && header.is_sealed_with(&unlocked.key)) {
        return Err(changed_meanwhile());
    }
    for slot in &mut slots {
        slot.seal(data, bound, &prepared.authority)?;
        if let Slot::KeyFile(slot) = slot {
            let path = vault.key_path();
            let wrapping = match header.key_file() {
                Some(old) => key_file::make_next(&path, &vault.folder(), old, header.bound())?,
                None => key_file::make(&path, &vault.folder())?,
            };
            *slot = key_file::Slot::wrapping(&wrapping, data, bound)?;
        }
    }
    Ok(slots)
}

/// Ends what another process began and did not end, unless it is still at it. Nothing to end is fine.
pub(super) fn carry_on(vault: &Vault<'_>, unlocked: &Rc<Unlocked>) -> Result<usize, Error> {
    files::locked(&vault.lock_path(), || {
        let mut header = header_of(vault, unlocked)?;
        carry_on_locked(vault, &mut header, unlocked)
    })
}

/// Steps 4 to 7, as far as they are not done. Returns how many files are left as they are because they do not open.
fn carry_on_locked(vault: &Vault<'_>, header: &mut Header, unlocked: &Rc<Unlocked>) -> Result<usize, Error> {
    let Some(before_id) = header.previous().copied() else { return Ok(0) };
    // It is sealed as ours when this is done, so it has to be ours.
    if !header.is_sealed_with(&unlocked.key) {
        return Err(not_ours(vault));
    }
    let before = header.open_previous(&unlocked.key).ok_or_else(|| {
        let why = "the key before, which it holds, does not open";
        Error::Damaged { path: vault.header_path(), why }
    })?;
    match header.key_file() {
        Some(slot) => key_file::settle(&vault.key_path(), slot, header.bound())?,
        None if header.has_lost_its_key_file() => files::remove(&vault.key_path())?,
        None => {}
    }
    let mut left = 0;
    for id in vault.sealed_ids()? {
        let path = vault.sealed_path(&id);
        let Some(bytes) = files::read_private(&path)? else { continue };
        let old = match sealed_file::sealed_under(&bytes) {
            Some(SealedUnder::Unnamed) => Bound { vault: &header.id, key: None },
            Some(SealedUnder::Named(key)) if key == before_id => {
                Bound { vault: &header.id, key: Some(&before_id) }
            }
            Some(SealedUnder::Named(key)) if Some(key) == header.key => continue,
            _ => {
                left += 1;
                continue;
            }
        };
        match sealed_file::read(&before, old, &id, &path, &bytes) {
            Ok((key, secret)) => {
                let sealed = sealed_file::write(&unlocked.key, header.bound(), &key, &secret)?;
                files::write_private(&path, &sealed)?;
            }
            // It opens with no key, so none is kept for it.
            Err(_) => left += 1,
        }
    }
    if let Some(key) = &header.key {
        latest::note(&vault.latest_path(), &header.id, key)?;
    }
    header.forget_previous(&unlocked.key)?;
    files::write_private(&vault.header_path(), &header.to_bytes()?)?;
    files::sweep(&vault.folder());
    for key in [None, Some(&before_id)] {
        kernel_keyring::forget(Bound { vault: &header.id, key })?;
    }
    Ok(left)
}

/// The error for a header that somebody changed who had not its data key.
pub(super) fn not_ours(vault: &Vault<'_>) -> Error {
    Error::Damaged { path: vault.header_path(), why: "somebody changed it who had not its key" }
}

/// The header, if it is still the one that was opened.
pub(super) fn header_of(vault: &Vault<'_>, unlocked: &Unlocked) -> Result<Header, Error> {
    vault.header()?.filter(|header| unlocked.fits(header)).ok_or_else(changed_meanwhile)
}

#[cfg(unix)]
fn agent_slot_anew(
    vault: &Vault<'_>,
    header: &Header,
    unlocked: &Unlocked,
    old: &super::ssh_agent::slot::Slot,
    authority: &SymmetricKey,
) -> Result<Slot, Error> {
    let name = SlotName::SshAgent(old.fingerprint());
    let absent = |_| does_not_open(&name);
    let mut agent = vault.agent().map_err(absent)?;
    let held = agent.identities().map_err(absent)?;
    let identity = old.held(&held).ok_or_else(|| does_not_open(&name))?;
    agent.extend(vault.context.prompt_timeout);
    let key = old.open(&mut agent, header.bound())?.ok_or_else(|| does_not_open(&name))?;
    proven(key, unlocked, &name)?;
    let mut slot = super::ssh_agent::slot::Slot::enrolling(&mut agent, identity, &header.id, authority)?;
    slot.comment.clone_from(&old.comment);
    Ok(Slot::SshAgent(slot))
}

#[cfg(not(unix))]
fn agent_slot_anew(
    _vault: &Vault<'_>,
    _header: &Header,
    _unlocked: &Unlocked,
    old: &super::ssh_agent::slot::Slot,
    _authority: &SymmetricKey,
) -> Result<Slot, Error> {
    Err(does_not_open(&SlotName::SshAgent(old.fingerprint())))
}

/// Whether a slot that stays gives the data key that everything is sealed under.
fn proven(key: SymmetricKey, unlocked: &Unlocked, slot: &SlotName) -> Result<(), Error> {
    if key.bytes() == unlocked.key.bytes() { Ok(()) } else { Err(does_not_open(slot)) }
}

fn does_not_open(slot: &SlotName) -> Error {
    let way_out = match slot {
        SlotName::SshAgent(_) => "load its key with ssh-add and try again, or: ",
        SlotName::KeyFile | SlotName::Passphrase => "",
    };
    Error::usage(
        format!("the slot {slot} does not open now, and without that it cannot get the new key"),
        format!("{way_out}keyfob storage slots remove {slot}"),
    )
}

pub(super) fn changed_meanwhile() -> Error {
    super::unusable("another keyfob changed it meanwhile; run the command once more")
}
