//! The Secret Service of a Linux desktop: GNOME Keyring, KWallet, KeePassXC, whichever owns the name on the session bus.
//!
//! Every token is one item, found again by attributes of our own, of which the random id alone would do. The session is a
//! plain one: encrypting it costs four times the whole call and stops nobody, since whoever can read a person's session
//! bus can ask the service for the secret.
//!
//! R9 rules here. A locked item, or no item while the default keyring is locked, is [`Error::Locked`]. The service
//! shows its own window to unlock, so it is asked to only when a person sits at a display.
//! Deliberately absent: choosing among keyrings (new items go to the default one), and any state between two calls.
//!
//! The interface: <https://specifications.freedesktop.org/secret-service-spec/latest/>.

use std::time::Duration;

use crate::account::{Account, Id, Key};
use crate::dbus;
use crate::error::Error;
use crate::remote::Realm;
use crate::secret::Secret;

use super::{Availability, Health, Store, StoreContext, StoreRecord};
use client::{COLLECTION, Client, IS_LOCKED, ITEM, Item, TOGETHER, still_there, unavailable};

mod client;
pub mod foreign;
#[cfg(test)]
mod tests;

/// The Secret Service as a place for secrets.
pub static STORE: StoreRecord = StoreRecord {
    name: NAME,
    place: "the desktop's keyring (GNOME Keyring, KWallet, KeePassXC) through the Secret Service",
    claim: "what the keyring protects: while locked, it stops a stolen disk or backup; while unlocked, as in most \
            desktop sessions, it does not stop your own programs or root",
    rank: Some(20),
    availability,
    open: Some(|context| Box::new(SecretService { context })),
};

const NAME: &str = "secret-service";

/// The longest that a mere look may take.
const LOOK: Duration = Duration::from_secs(1);

struct SecretService<'a> {
    context: StoreContext<'a>,
}

impl Store for SecretService<'_> {
    fn get(&self, key: &Key) -> Result<Option<Secret>, Error> {
        let marks = marks(key)?;
        let mut client = Client::connect(&self.context, self.context.timeout)?;
        let items = client.search(&marks, false)?;
        if items.is_empty() {
            return Ok(None);
        }
        let session = client.session()?;
        let calls: Vec<usize> = items.iter().map(|item| client.get_secret(item, &session)).collect();
        let mut held: Option<Secret> = None;
        for call in calls {
            let Some(secret) = still_there(client.secret(call))? else { continue };
            if held.as_ref().is_some_and(|held| !held.same_as(&secret)) {
                return Err(unavailable("two different tokens carry the marks of one"));
            }
            held = Some(secret);
        }
        Ok(held)
    }

    fn put(&self, key: &Key, secret: &Secret) -> Result<(), Error> {
        let marks = marks(key)?;
        let mut client = Client::connect(&self.context, self.context.timeout)?;
        let collection = client.default_collection()?;
        client.wait_longer();
        let session = client.session()?;
        let item = Item { key, marks: &marks, secret };
        let mut created = client.create(&collection, &session, &item);
        if matches!(&created, Err(dbus::Error::Refused(name)) if name == IS_LOCKED) {
            client.unlock(std::slice::from_ref(&collection))?;
            created = client.create(&collection, &session, &item);
        }
        client.confirm(&created?, &collection, COLLECTION)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let marks = marks(key)?;
        let mut client = Client::connect(&self.context, self.context.timeout)?;
        for item in client.search(&marks, true)? {
            if let Some(prompt) = still_there(client.delete(&item))? {
                client.confirm(&prompt, &item, ITEM)?;
            }
        }
        Ok(())
    }

    fn keys(&self) -> Result<Option<Vec<Key>>, Error> {
        let mut client = Client::connect(&self.context, self.context.timeout)?;
        let items = client.search(&OURS, true)?;
        let mut keys = Vec::new();
        for items in items.chunks(TOGETHER) {
            let calls: Vec<usize> = items.iter().map(|item| client.attributes(item)).collect();
            for call in calls {
                let attributes = still_there(client.read_attributes(call))?;
                keys.extend(attributes.and_then(|attributes| key_of(&attributes)));
            }
        }
        Ok(Some(keys))
    }

    /// `for_seconds` is left to the service: it has its own rules, and no call to change them.
    fn unlock(&self, _for_seconds: Option<u64>) -> Result<(), Error> {
        let mut client = Client::connect(&self.context, self.context.timeout)?;
        let collection = client.default_collection()?;
        if client.is_locked(&collection, COLLECTION)? { client.unlock(&[collection]) } else { Ok(()) }
    }

    fn lock(&self) -> Result<(), Error> {
        let mut client = Client::connect(&self.context, self.context.timeout)?;
        let collection = client.default_collection()?;
        let prompt = client.on_objects("Lock", std::slice::from_ref(&collection))?;
        client.confirm(&prompt, &collection, COLLECTION)
    }

    fn health(&self) -> Health {
        match look(&self.context) {
            Ok(false) => Health { usable: true, words: "unlocked".to_owned() },
            Ok(true) => Health { usable: false, words: "locked, unlock with: keyfob unlock".to_owned() },
            Err(error) => Health { usable: false, words: words(error) },
        }
    }
}

fn availability(context: &StoreContext<'_>) -> Availability {
    look(context).map_or_else(|error| Availability::No(words(error)), |_locked| Availability::Yes)
}

/// Whether the default keyring is locked; an error when there is none, or when it opens no session: without one there is no token
/// to be had. Asks nobody. May start the service, as a `get` would.
fn look(context: &StoreContext<'_>) -> Result<bool, Error> {
    let mut client = Client::connect(context, context.timeout.min(LOOK))?;
    let collection = client.default_collection()?;
    let locked = client.is_locked(&collection, COLLECTION)?;
    client.session()?;
    Ok(locked)
}

fn words(error: Error) -> String {
    match error {
        Error::Unavailable { why, .. } => why,
        Error::Silent { .. } => "not answering".to_owned(),
        other => other.to_string(),
    }
}

/// The marks of everything that is ours.
const OURS: [(&str, &str); 2] = [("xdg:schema", "org.keyfob.Token"), ("application", "keyfob")];

/// The marks of the one item that `key` names. The id would do; the realm makes sure that a token never goes elsewhere.
fn marks(key: &Key) -> Result<[(&str, &str); 4], Error> {
    if key.account.name().is_some_and(|name| name.contains('\0')) {
        return Err(Error::Request { why: "a user name with a NUL in it" });
    }
    let [schema, application] = OURS;
    Ok([schema, application, ("realm", key.realm.as_str()), ("id", key.id.as_str())])
}

/// The key that an item's attributes tell; `None` when they are not of our making.
fn key_of(attributes: &[(String, String)]) -> Option<Key> {
    let value = |name| attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    Some(Key {
        realm: Realm::from_text(value("realm")?)?,
        account: Account::from_name(value("account")),
        id: Id::parse(value("id")?)?,
    })
}
