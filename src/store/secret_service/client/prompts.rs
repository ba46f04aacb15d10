//! The service's own windows: the one that unlocks, and the prompts that come with a change.

use std::time::Duration;

use crate::dbus::{self, BUS};
use crate::error::Error;

use super::{COLLECTION, Client, NOTHING, at, locked, unavailable};

const PROMPT: &str = "org.freedesktop.Secret.Prompt";

/// The longest that the end of a prompt is waited for that nobody answered.
const DISMISSAL: Duration = Duration::from_millis(500);

/// How a prompt ended.
enum End {
    /// What it was for is done, or there was none.
    Done,
    /// With a no.
    Dismissed,
    /// Not before the deadline; it was taken back.
    Unanswered,
}

impl Client {
    /// Unlocks items or a keyring; the service asks the person for its password.
    pub(in super::super) fn unlock(&mut self, objects: &[String]) -> Result<(), Error> {
        if !self.may_prompt {
            return Err(locked(true));
        }
        let prompt = self.on_objects("Unlock", objects)?;
        match self.carry_out(&prompt, self.prompt_timeout)? {
            End::Done => Ok(()),
            End::Dismissed | End::Unanswered => Err(locked(false)),
        }
    }

    /// The same for items that a search found. KeePassXC shows each as locked until a person allows the program to read it, unless
    /// its settings say otherwise: then unlocking the keyring is no way out.
    pub(super) fn unlock_items(&mut self, items: &[String]) -> Result<(), Error> {
        let outcome = self.unlock(items);
        let keyring = items.first().and_then(|item| item.rsplit_once('/')).map(|(keyring, _)| keyring);
        match (outcome, keyring) {
            (Err(Error::Locked { store, how: Some(_) }), Some(keyring))
                if matches!(self.is_locked(keyring, COLLECTION), Ok(false)) =>
            {
                Err(Error::Locked { store, how: Some(ASKS.to_owned()) })
            }
            (outcome, _) => outcome,
        }
    }

    /// Carries out the prompt that a service returned for a change to `object`, if it returned one. KeePassXC returns one for every
    /// change, also where it asks nobody. So a prompt does not mean that something is locked, and where nobody may be asked it gets
    /// only the time that any call gets.
    ///
    /// # Errors
    /// [`Error::Locked`] if the object is; [`Error::Unavailable`] if the change was not confirmed.
    pub(in super::super) fn confirm(
        &mut self,
        prompt: &str,
        object: &str,
        interface: &str,
    ) -> Result<(), Error> {
        if prompt == NOTHING {
            return Ok(());
        }
        if !self.may_prompt && self.is_locked(object, interface)? {
            self.dismiss(prompt);
            return Err(locked(true));
        }
        let patience = if self.may_prompt { self.prompt_timeout } else { self.timeout };
        let why = match self.carry_out(prompt, patience)? {
            End::Done => return Ok(()),
            End::Dismissed => "the change was not confirmed in the window of the keyring",
            End::Unanswered => "the keyring asks in a window to confirm the change, and nobody answered",
        };
        match self.is_locked(object, interface) {
            Ok(true) => Err(locked(false)),
            _ => Err(unavailable(why)),
        }
    }

    /// Shows a prompt and waits for its end. The calls after it have the usual time again.
    fn carry_out(&mut self, prompt: &str, patience: Duration) -> Result<End, dbus::Error> {
        if prompt == NOTHING {
            return Ok(End::Done);
        }
        let rule = format!("type='signal',interface='{PROMPT}',member='Completed',path='{prompt}'");
        self.bus.ask(&BUS, "AddMatch", "s", &|body| body.text(&rule))?;
        self.bus.ask(&at(prompt, PROMPT), "Prompt", "s", &|body| body.text(""))?;
        self.bus.allow(patience);
        let completed = match self.bus.signal(prompt, "Completed") {
            Err(dbus::Error::Silent { .. }) => {
                self.dismiss(prompt);
                return Ok(End::Unanswered);
            }
            other => other?,
        };
        self.bus.allow(self.timeout);
        let dismissed = completed.body("bv")?.number()? != 0;
        Ok(if dismissed { End::Dismissed } else { End::Done })
    }

    /// Takes a prompt back, so that no window stays that nobody waits for. Whatever comes of it, the prompt is over.
    fn dismiss(&mut self, prompt: &str) {
        self.bus.allow(DISMISSAL.min(self.timeout));
        let _ = self.bus.ask(&at(prompt, PROMPT), "Dismiss", "", &|_| ());
        self.bus.allow(self.timeout);
    }
}

/// How a person lets keyfob read what such a keyring shows as locked.
const ASKS: &str = "the keyring asks before a program reads an item: answer its window at a display, or turn this off \
                    (KeePassXC: Settings, Secret Service Integration, Confirm when passwords are retrieved by clients)";
