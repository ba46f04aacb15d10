//! The calls of the Secret Service, as far as the store needs them. A `fn` that returns a number has only put its call into
//! the outbox; the number fetches the answer, so that calls which do not need each other travel together.

use std::time::{Duration, Instant};

use crate::account::Key;
use crate::dbus::{self, Bus, Message, Peer, Writer};
use crate::environment::Environment;
use crate::error::Error;
use crate::secret::Secret;

use super::super::StoreContext;
use super::NAME;

mod prompts;

/// No object: no prompt is needed, or there is no such keyring.
const NOTHING: &str = "/";

/// How many calls may wait for their answers together. A bus without settings of its own allows 128.
pub(super) const TOGETHER: usize = 64;

/// How long a default collection may be away before there is none.
const SETTLING: Duration = Duration::from_millis(500);

const SERVICE: Peer<'_> = at("/org/freedesktop/secrets", "org.freedesktop.Secret.Service");
pub(super) const COLLECTION: &str = "org.freedesktop.Secret.Collection";
pub(super) const ITEM: &str = "org.freedesktop.Secret.Item";

const fn at<'a>(path: &'a str, interface: &'a str) -> Peer<'a> {
    Peer { service: "org.freedesktop.secrets", path, interface }
}

/// A token to be kept.
pub(super) struct Item<'a> {
    pub(super) key: &'a Key,
    pub(super) marks: &'a [(&'a str, &'a str)],
    pub(super) secret: &'a Secret,
}

/// One operation: a connection and what it may do.
///
/// GNOME Keyring (up to 50 at least) now and then handles the first call of a new connection before it has noted the caller. If that
/// call is OpenSession, it dies of it and takes the unlocked state of the person's keyrings along. So the first call is a search or
/// a question for the default keyring, and nothing follows it before it is answered: that wait is not to be optimised away.
pub(super) struct Client {
    bus: Bus,
    timeout: Duration,
    prompt_timeout: Duration,
    may_prompt: bool,
}

impl Client {
    pub(super) fn connect(context: &StoreContext<'_>, timeout: Duration) -> Result<Client, Error> {
        Ok(Client {
            bus: Bus::connect(context.environment, timeout)?,
            timeout,
            prompt_timeout: context.prompt_timeout,
            may_prompt: context.ask.by_window() && somebody_at_a_display(context.environment),
        })
    }

    /// From now on a prompt is an answer: locked.
    pub(super) fn never_ask(&mut self) {
        self.may_prompt = false;
    }

    /// For what must not be given up lightly: a token may be nowhere else. The service has just answered, so it is no mute one that is
    /// waited for; where two hundred programs store at once, GNOME Keyring has work for nine seconds.
    pub(super) fn wait_longer(&mut self) {
        self.bus.allow(5 * self.timeout);
    }

    /// Opens a session, without which no secret is given or taken. Never the first call.
    pub(super) fn session(&mut self) -> Result<String, Error> {
        let reply = self.bus.ask(&SERVICE, "OpenSession", "sv", &|body| {
            body.text("plain");
            body.signature("s");
            body.text("");
        })?;
        let mut body = reply.body("vo")?;
        // For a plain session it means nothing, and services differ in its type: oo7 answers with no bytes for no text.
        body.skip_variant()?;
        Ok(body.path()?.to_owned())
    }

    /// The items with these marks. Unlocks what must be: `all` of them, or only so that there is one. Nothing found in a locked
    /// keyring says nothing (R9; KeePassXC shows nothing of what is locked).
    pub(super) fn search(&mut self, marks: &[(&str, &str)], all: bool) -> Result<Vec<String>, Error> {
        let (open, locked) = match self.hits(marks) {
            // The first call of a connection, handled before the caller was noted; now it is.
            Err(dbus::Error::Refused(name)) if name == "org.freedesktop.DBus.Error.UnknownMethod" => {
                self.hits(marks)?
            }
            hits => hits?,
        };
        if !locked.is_empty() && (all || open.is_empty()) {
            self.unlock_items(&locked)?;
            return Ok([open, locked].concat());
        }
        if !open.is_empty() {
            return Ok(open);
        }
        let collection = self.default_collection()?;
        if self.is_locked(&collection, COLLECTION)? {
            self.unlock(&[collection])?;
        }
        // Also a keyring that was not locked may just have come back.
        Ok(self.hits(marks)?.0)
    }

    /// What a search finds: unlocked items, locked items.
    fn hits(&mut self, marks: &[(&str, &str)]) -> Result<(Vec<String>, Vec<String>), dbus::Error> {
        let call = self.bus.call(&SERVICE, "SearchItems", "a{ss}", &|body| write_marks(body, marks));
        let reply = match self.bus.reply_within(call, self.timeout / 3) {
            Err(dbus::Error::Silent { .. }) => self.late_reply(call)?,
            reply => reply?,
        };
        let mut body = reply.body("aoao")?;
        let [mut open, mut locked] = [Vec::new(), Vec::new()];
        for list in [&mut open, &mut locked] {
            body.array(4, |item| {
                list.push(item.path()?.to_owned());
                Ok(())
            })?;
        }
        Ok((open, locked))
    }

    /// The answer to a search that did not come soon. KeePassXC shows its window before it searches a locked database, and answers when
    /// the person has dealt with that: it gets the time of a prompt, or where nobody may be asked, none.
    fn late_reply(&mut self, call: usize) -> Result<Message, dbus::Error> {
        let locked = match self.introduce() {
            Ok(collection) if collection != NOTHING => self.is_locked(&collection, COLLECTION),
            other => other.map(|_| false),
        };
        if !matches!(locked, Ok(true)) {
            // It is busy; or mute, and the time is up.
            return self.bus.reply(call);
        }
        let reply = if self.may_prompt {
            self.bus.allow(self.prompt_timeout);
            self.bus.reply(call)
        } else {
            self.bus.reply_within(call, Duration::ZERO)
        };
        self.bus.allow(self.timeout);
        match reply {
            Err(dbus::Error::Silent { .. }) => Err(dbus::Error::Refused(IS_LOCKED.to_owned())),
            reply => reply,
        }
    }

    pub(super) fn get_secret(&mut self, item: &str, session: &str) -> usize {
        self.bus.call(&at(item, ITEM), "GetSecret", "o", &|body| body.text(session))
    }

    pub(super) fn secret(&mut self, call: usize) -> Result<Secret, dbus::Error> {
        let reply = self.bus.reply(call)?;
        let mut body = reply.body("(oayays)")?;
        body.path()?;
        body.bytes()?;
        Ok(Secret::copy_of(body.bytes()?))
    }

    pub(super) fn attributes(&mut self, item: &str) -> usize {
        self.property(item, ITEM, "Attributes")
    }

    pub(super) fn read_attributes(&mut self, call: usize) -> Result<Vec<(String, String)>, dbus::Error> {
        let reply = self.bus.reply(call)?;
        let mut body = reply.body("v")?;
        body.variant("a{ss}")?;
        let mut attributes = Vec::new();
        body.array(8, |entry| {
            entry.align(8)?;
            attributes.push((entry.text()?.to_owned(), entry.text()?.to_owned()));
            Ok(())
        })?;
        Ok(attributes)
    }

    /// Destroys an item and returns the prompt that this needs.
    pub(super) fn delete(&mut self, item: &str) -> Result<String, dbus::Error> {
        Ok(self.bus.ask(&at(item, ITEM), "Delete", "", &|_| ())?.body("o")?.path()?.to_owned())
    }

    /// Makes an item and returns the prompt that this needs.
    pub(super) fn create(
        &mut self,
        collection: &str,
        session: &str,
        item: &Item<'_>,
    ) -> Result<String, dbus::Error> {
        let (account, label) = match item.key.account.name() {
            Some(name) => (Some(("account", name)), format!("keyfob: {} ({name})", item.key.realm)),
            None => (None, format!("keyfob: {}", item.key.realm)),
        };
        let secret = item.secret.expose();
        // Viewers show text as text. Nothing is decided by it here.
        let is_text = std::str::from_utf8(secret).is_ok();
        let marks: Vec<(&str, &str)> = item.marks.iter().copied().chain(account).collect();
        let fill = |body: &mut Writer| {
            body.array(8, |properties| {
                properties.align(8);
                properties.text("org.freedesktop.Secret.Item.Label");
                properties.signature("s");
                properties.text(&label);
                properties.align(8);
                properties.text("org.freedesktop.Secret.Item.Attributes");
                properties.signature("a{ss}");
                write_marks(properties, &marks);
            });
            body.align(8);
            body.text(session);
            body.bytes(&[]);
            body.bytes(secret);
            body.text(if is_text { "text/plain" } else { "application/octet-stream" });
            // Never replace: the id is new, so whatever is there is not ours to overwrite.
            body.number(0);
        };
        self.once_there(self.timeout, |client| {
            let peer = at(collection, COLLECTION);
            let reply = client.bus.ask(&peer, "CreateItem", "a{sv}(oayays)b", &fill)?;
            let mut body = reply.body("oo")?;
            body.path()?;
            Ok(body.path()?.to_owned())
        })
    }

    /// Asks for the path of the default collection, which may be [`NOTHING`]: a first call that needs no note of the caller.
    pub(super) fn introduce(&mut self) -> Result<String, dbus::Error> {
        let reply = self.bus.ask(&SERVICE, "ReadAlias", "s", &|body| body.text("default"))?;
        Ok(reply.body("o")?.path()?.to_owned())
    }

    /// The default collection. GNOME Keyring takes it away for a moment when it reads a file again that it has just written, so
    /// that there is none is believed only when it stays so.
    pub(super) fn default_collection(&mut self) -> Result<String, Error> {
        let start = Instant::now();
        loop {
            let collection = self.introduce()?;
            if collection != NOTHING {
                return Ok(collection);
            }
            if start.elapsed() >= SETTLING.min(self.timeout / 2) {
                return Err(unavailable("no default keyring (a desktop's first login makes one)"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a collection or an item is locked.
    pub(super) fn is_locked(&mut self, object: &str, interface: &str) -> Result<bool, dbus::Error> {
        self.once_there(self.timeout * 4 / 5, |client| {
            let call = client.property(object, interface, "Locked");
            let reply = client.bus.reply(call)?;
            let mut body = reply.body("v")?;
            body.variant("b")?;
            Ok(body.number()? != 0)
        })
    }

    /// Makes a call again, for so long, while there is no such object: oo7 names its default collection a second before it puts it
    /// on the bus.
    fn once_there<T>(
        &mut self,
        patience: Duration,
        mut call: impl FnMut(&mut Client) -> Result<T, dbus::Error>,
    ) -> Result<T, dbus::Error> {
        let start = Instant::now();
        loop {
            match call(self) {
                Err(dbus::Error::Refused(name)) if name == NO_OBJECT && start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                outcome => return outcome,
            }
        }
    }

    fn property(&mut self, object: &str, interface: &str, name: &str) -> usize {
        self.bus.call(&at(object, "org.freedesktop.DBus.Properties"), "Get", "ss", &|body| {
            body.text(interface);
            body.text(name);
        })
    }

    /// `Lock` or `Unlock`, which answer with the prompt that they need.
    pub(super) fn on_objects(&mut self, member: &str, objects: &[String]) -> Result<String, Error> {
        let reply = self.bus.ask(&SERVICE, member, "ao", &|body| {
            body.array(4, |list| objects.iter().for_each(|object| list.text(object)));
        })?;
        let mut body = reply.body("aoo")?;
        body.array(4, |object| object.path().map(|_| ()))?;
        Ok(body.path()?.to_owned())
    }
}

fn write_marks(body: &mut Writer, marks: &[(&str, &str)]) {
    body.array(8, |entries| {
        for (name, value) in marks {
            entries.align(8);
            entries.text(name);
            entries.text(value);
        }
    });
}

/// Whether a window of the service would be seen by somebody who may be asked.
pub(super) fn somebody_at_a_display(environment: &Environment) -> bool {
    let display = environment.os("DISPLAY").or_else(|| environment.os("WAYLAND_DISPLAY")).is_some();
    display && !environment.forbids_asking()
}

/// `elsewhere`: nobody here can be asked.
fn locked(elsewhere: bool) -> Error {
    let how = "in a terminal of the desktop session: keyfob unlock".to_owned();
    Error::Locked { store: NAME, how: elsewhere.then_some(how) }
}

pub(super) fn unavailable(why: &str) -> Error {
    Error::Unavailable { store: NAME, why: why.to_owned() }
}

/// The D-Bus error for what needs unlocking first.
pub(super) const IS_LOCKED: &str = "org.freedesktop.Secret.Error.IsLocked";

/// The D-Bus error for an object that is not on the bus.
const NO_OBJECT: &str = "org.freedesktop.DBus.Error.UnknownObject";

/// `None` when somebody else removed the item since it was found.
pub(super) fn still_there<T>(answer: Result<T, dbus::Error>) -> Result<Option<T>, dbus::Error> {
    // GNOME Keyring takes the object off the bus, and a library then knows no method there; an item has each that we call.
    const GONE: [&str; 3] =
        ["org.freedesktop.Secret.Error.NoSuchObject", NO_OBJECT, "org.freedesktop.DBus.Error.UnknownMethod"];
    match answer {
        Err(dbus::Error::Refused(name)) if GONE.contains(&name.as_str()) => Ok(None),
        other => other.map(Some),
    }
}

impl From<dbus::Error> for Error {
    fn from(fault: dbus::Error) -> Error {
        let name = match fault {
            dbus::Error::NoBus(why) => return unavailable(why),
            dbus::Error::Silent { waited } => return Error::Silent { store: NAME, waited },
            dbus::Error::Broken => {
                return unavailable("it sent something that is not the Secret Service's protocol");
            }
            dbus::Error::Refused(name) => name,
        };
        if name == IS_LOCKED {
            return locked(true);
        }
        let known = name.strip_prefix("org.freedesktop.").unwrap_or_default();
        match known {
            "DBus.Error.ServiceUnknown" | "DBus.Error.NameHasNoOwner" => {
                unavailable("not running (no program on this session bus provides it)")
            }
            "DBus.Error.NoReply" | "DBus.Error.Disconnected" => {
                unavailable("it went away before it answered")
            }
            "DBus.Error.UnknownObject" | "Secret.Error.NoSuchObject" => {
                unavailable("its default keyring is gone")
            }
            "DBus.Error.NotSupported" => unavailable("it does not support plain sessions, which keyfob uses"),
            "DBus.Error.AccessDenied" => unavailable("the session bus does not let this program talk to it"),
            other if other.starts_with("DBus.Error.Spawn") => {
                unavailable("not running, and it could not be started")
            }
            _ => unavailable("it refused the call"),
        }
    }
}
