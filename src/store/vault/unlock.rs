//! How the data key is come by, and how a vault comes to be.
//!
//! Unattended ways go first and the person last. A wrong or missing key file is no reason to stop while a
//! passphrase may still open the vault; a key file that others can read is, because going on would hide it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use super::data_key::{Bound, KeyId, key_id};
use super::header::{Header, Slot, SlotName};
use super::seal::SymmetricKey;
#[cfg(unix)]
use super::ssh_agent;
use super::{NAME, Vault, kernel_keyring, key_file, latest, passphrase};
use crate::account::Id;
use crate::error::Error;
use crate::files;
use crate::secret::Secret;

/// How many keys of the ssh-agent are asked for a signature before the next way is tried. Each may make a person confirm.
#[cfg(unix)]
const MOST_SIGNATURES: usize = 4;

/// How often a person may type the passphrase before it counts as unknown.
const TRIES: usize = 3;

/// A vault whose data key is known.
pub(super) struct Unlocked {
    pub(super) id: Id,
    /// Which data key; `None` in a vault with a header of version 1.
    pub(super) key_id: Option<KeyId>,
    pub(super) key: SymmetricKey,
    /// What a person typed for it, where that is needed once more: a header of version 1 has no slot that could be kept without.
    pub(super) typed: Option<Secret>,
}

impl Unlocked {
    /// Whether it is the data key of this header.
    pub(super) fn fits(&self, header: &Header) -> bool {
        self.id == header.id && self.key_id == header.key
    }
}

/// What was opened in this process, for every [`Vault`] that is made in it.
#[derive(Default)]
pub struct UnlockCache(RefCell<Option<Rc<Unlocked>>>);

impl UnlockCache {
    fn of(&self, header: &Header) -> Option<Rc<Unlocked>> {
        self.0.borrow().as_ref().filter(|unlocked| unlocked.fits(header)).map(Rc::clone)
    }

    pub(super) fn forget(&self) {
        *self.0.borrow_mut() = None;
    }
}

/// Which ways to the data key may be gone.
pub(super) struct UnlockMethods<'n> {
    /// Not by this slot.
    pub(super) except: Option<&'n SlotName>,
    /// By the kernel's keyring, and by what is known in this process.
    pub(super) remembered: bool,
    /// By the ssh-agent.
    pub(super) agent: bool,
}

impl UnlockMethods<'_> {
    pub(super) const ALL: UnlockMethods<'static> =
        UnlockMethods { except: None, remembered: true, agent: true };

    pub(super) fn may(&self, slot: &SlotName) -> bool {
        self.except != Some(slot)
    }
}

impl Vault<'_> {
    /// The data key by the first way that leads there: what this process knows, the key file, the kernel's keyring,
    /// the ssh-agent, and the person last.
    pub(super) fn open(&self, header: &Header, methods: &UnlockMethods<'_>) -> Result<Rc<Unlocked>, Error> {
        if let Some(unlocked) = self.unlocked.borrow().as_ref().filter(|unlocked| unlocked.fits(header))
            && methods.remembered
        {
            return Ok(Rc::clone(unlocked));
        }
        let kept = self.context.unlocked;
        let known = kept.filter(|_| methods.remembered).and_then(|kept| kept.of(header));
        let unlocked = match known {
            Some(unlocked) => unlocked,
            None => {
                let (key, typed) = self.find_key(header, methods)?;
                let typed = typed.filter(|_| header.key.is_none());
                Rc::new(Unlocked { id: header.id.clone(), key_id: header.key, key, typed })
            }
        };
        self.remember(header, &unlocked);
        Ok(unlocked)
    }

    /// What this process knows from now on.
    pub(super) fn remember(&self, header: &Header, unlocked: &Rc<Unlocked>) {
        // A key file is read anew each time, so that one that goes missing shows.
        if let Some(kept) = self.context.unlocked.filter(|_| header.key_file().is_none()) {
            *kept.0.borrow_mut() = Some(Rc::clone(unlocked));
        }
        *self.unlocked.borrow_mut() = Some(Rc::clone(unlocked));
    }

    /// The data key, and the passphrase if a person typed it.
    fn find_key(
        &self,
        header: &Header,
        methods: &UnlockMethods<'_>,
    ) -> Result<(SymmetricKey, Option<Secret>), Error> {
        let mut failure = Error::Locked { store: NAME, how: None };
        let by_passphrase = header.passphrase().filter(|_| methods.may(&SlotName::Passphrase));
        if methods.may(&SlotName::KeyFile) && header.key_file().is_some() {
            match self.by_key_file(header) {
                Ok(key) => return Ok((key, None)),
                // The passphrase is a way out; without one, what is wrong with the key file has to be said.
                Err(Error::KeyFile { .. }) if by_passphrase.is_some() => {}
                Err(error @ Error::KeyFile { .. }) => failure = error,
                Err(error) => return Err(error),
            }
        }
        if methods.remembered
            && header.slots.iter().any(|slot| !matches!(slot, Slot::KeyFile(_)))
            && let Some(key) = kernel_keyring::recall(header.bound())
        {
            return Ok((key, None));
        }
        if methods.agent
            && let Some(key) = self.by_agent(header, methods)
        {
            return Ok((key, None));
        }
        match by_passphrase {
            Some(slot) => {
                let opened = self.by_person(header, slot)?.ok_or(failure)?;
                if let Some(span) = self.context.stays_unlocked {
                    // Where there is no such place, the question says so.
                    let _ = kernel_keyring::keep(header.bound(), &opened.0, span.as_secs());
                }
                Ok((opened.0, Some(opened.1)))
            }
            None => Err(failure),
        }
    }

    /// The data key, and what a person types for it, in three tries within the time of one question; `None` where nobody can be asked, or
    /// the person declines.
    pub(super) fn by_person(
        &self,
        header: &Header,
        slot: &passphrase::Slot,
    ) -> Result<Option<(SymmetricKey, Secret)>, Error> {
        if !self.context.ask.possible() {
            return Ok(None);
        }
        slot.check()?;
        let limit = self.context.prompt_timeout;
        let (end, mut wrong) = (Instant::now() + limit, "");
        for tries_left in (0..TRIES).rev() {
            let question = format!("{wrong}{}", self.question());
            let within = end.saturating_duration_since(Instant::now());
            let Some(typed) = self.context.ask.passphrase(&question, within) else {
                let late = Instant::now() >= end;
                return if late { Err(Error::Unanswered { store: NAME, waited: limit }) } else { Ok(None) };
            };
            match slot.open(&typed, header.bound()) {
                Err(Error::WrongPassphrase) if tries_left > 0 => wrong = "wrong passphrase; ",
                opened => return opened.map(|key| Some((key, typed))),
            }
        }
        Err(Error::WrongPassphrase)
    }

    /// It names who asks: under git, the next question may be git's own, whose answer goes to a server.
    fn question(&self) -> &'static str {
        if self.context.stays_unlocked.is_some() && !kernel_keyring::available() {
            "keyfob vault passphrase (asked at each use: this system has no kernel keyring)"
        } else {
            "keyfob vault passphrase"
        }
    }

    /// Where a person has to answer and cannot, "locked" would only send them to `keyfob unlock` and so in a circle.
    pub(super) fn say_who_is_missing(&self, error: Error) -> Error {
        match error {
            Error::Locked { .. } if !self.context.ask.possible() => {
                Error::NobodyToAsk { what: "the vault's passphrase", run: "keyfob unlock" }
            }
            error => error,
        }
    }

    pub(super) fn by_key_file(&self, header: &Header) -> Result<SymmetricKey, Error> {
        let (path, vault) = (self.key_path(), self.folder());
        let keys = match key_file::read(&path)? {
            key_file::Found::Keys(keys) => keys,
            key_file::Found::Unreadable => return Err(key_file::unreadable(path, vault)),
            key_file::Found::Missing => {
                return Err(Error::KeyFile { path, vault, why: "it is missing" });
            }
        };
        header.key_file().and_then(|slot| slot.open(&keys, header.bound())).ok_or_else(|| {
            let why = if latest::was_resealed(&self.latest_path(), header) {
                "they are not of the same time, one of them is an older copy"
            } else {
                "it is the key of another vault"
            };
            Error::KeyFile { path, vault, why }
        })
    }

    /// A new vault that opens with a key file or, if there is one, with `passphrase`. `false`: another process was
    /// faster, and the header is the one that it made.
    pub(super) fn create(&self, passphrase: Option<&Secret>) -> Result<(Header, bool), Error> {
        files::locked(&self.lock_path(), || {
            if let Some(header) = self.header()? {
                return Ok((header, false));
            }
            files::make_folder(&self.folder())?;
            if !self.sealed_ids()?.is_empty() {
                return Err(self.headless());
            }
            let (id, key) = (Id::random()?, SymmetricKey::random()?);
            let key_id = key_id(&key, &id)?;
            let bound = Bound { vault: &id, key: Some(&key_id) };
            let (slot, authority) = match passphrase {
                Some(passphrase) => {
                    let authority = SymmetricKey::random()?;
                    let mut slot = passphrase::Slot::new(passphrase, self.cost, &id, &authority)?;
                    slot.seal(&key, bound, &authority)?;
                    (Slot::Passphrase(slot), Some(authority))
                }
                None => {
                    let wrapping = key_file::make(&self.key_path(), &self.folder())?;
                    (Slot::KeyFile(key_file::Slot::wrapping(&wrapping, &key, bound)?), None)
                }
            };
            let header = Header::new(id.clone(), &key, vec![slot], authority.as_ref(), None)?;
            files::write_private(&self.header_path(), &header.to_bytes()?)?;
            let unlocked = Unlocked { id, key_id: Some(key_id), key, typed: None };
            *self.unlocked.borrow_mut() = Some(Rc::new(unlocked));
            Ok((header, true))
        })
    }

    /// The vault, opened; made with a key file if there is none.
    pub(super) fn open_or_create(&self) -> Result<Rc<Unlocked>, Error> {
        let header = match self.header()? {
            Some(header) => header,
            None => self.create(None)?.0,
        };
        self.open_latest(header, &UnlockMethods::ALL).map(|(_, unlocked)| unlocked)
    }

    /// The vault, opened by this header or one that another process wrote while this one was looked at, and which it was.
    pub(super) fn open_latest(
        &self,
        header: Header,
        methods: &UnlockMethods<'_>,
    ) -> Result<(Header, Rc<Unlocked>), Error> {
        self.with_header(header, |header| self.open(header, methods))
    }
}

#[cfg(unix)]
impl Vault<'_> {
    /// The ssh-agent that `SSH_AUTH_SOCK` names.
    pub(super) fn agent(&self) -> Result<super::ssh_agent::client::Agent, Error> {
        let socket = self.context.environment.os("SSH_AUTH_SOCK").ok_or(Error::Program {
            program: "ssh-agent",
            why: "SSH_AUTH_SOCK is not set, so there is no agent".to_owned(),
        })?;
        super::ssh_agent::client::Agent::connect(socket.as_ref(), self.context.timeout)
    }

    /// The data key by the ssh-agent. Whatever goes wrong with it, there are other ways, so there is no error.
    pub(super) fn by_agent(&self, header: &Header, methods: &UnlockMethods<'_>) -> Option<SymmetricKey> {
        // No slot, no connection.
        header.ssh_agent().next()?;
        let mut agent = self.agent().ok()?;
        let held = agent.identities().ok()?;
        // One limit for all of them: a header may have been filled with slots, and each signature may be asked for.
        let asking =
            if self.context.ask.possible() { self.context.prompt_timeout } else { self.context.timeout };
        agent.extend(asking);
        let may = |slot: &&ssh_agent::slot::Slot| {
            methods.may(&SlotName::SshAgent(slot.fingerprint())) && slot.is_among(&held)
        };
        header
            .ssh_agent()
            .filter(may)
            .take(MOST_SIGNATURES)
            .find_map(|slot| slot.open(&mut agent, header.bound()).ok().flatten())
    }

    /// Whether the ssh-agent holds a key that opens the vault; nobody is asked to confirm.
    pub(super) fn agent_holds_a_key_of(&self, header: &Header) -> bool {
        header.ssh_agent().next().is_some()
            && self
                .agent()
                .and_then(|mut agent| agent.identities())
                .is_ok_and(|held| header.ssh_agent().any(|slot| slot.is_among(&held)))
    }
}

/// Without the agent's socket, such a slot stays as it is and opens nothing.
#[cfg(not(unix))]
impl Vault<'_> {
    pub(super) fn by_agent(&self, _header: &Header, _methods: &UnlockMethods<'_>) -> Option<SymmetricKey> {
        None
    }

    pub(super) fn agent_holds_a_key_of(&self, _header: &Header) -> bool {
        false
    }
}
