//! Opening stores by name, and choosing one for new tokens: once per machine, written down, never again at a `get`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::store::vault::Vault;
use crate::store::{self, Availability, Health, NoPrompt, NoTerminal, OpenFn, Prompter, Store, StoreContext};
use crate::versioned_json;

use super::PromptPolicy;

/// How the wallet gets at stores. Tests have their own.
pub trait Stores {
    /// Opens the store of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchStore`].
    fn open(&self, name: &str) -> Result<Box<dyn Store + '_>, Error>;

    /// The same, so that it asks a person in this way only.
    ///
    /// # Errors
    /// As [`Stores::open`].
    fn open_prompting(&self, name: &str, _prompts: PromptPolicy) -> Result<Box<dyn Store + '_>, Error> {
        self.open(name)
    }

    /// The store for new secrets. Chosen now if it never was; then `chosen_now` is true, and it is to be said aloud.
    ///
    /// # Errors
    /// None that could serve, or what was asked for does not exist.
    fn for_new(&self, configured: Option<&str>) -> Result<Chosen, Error>;
}

/// A choice of store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub name: &'static str,
    /// Whether this is the first choice on this machine.
    pub chosen_now: bool,
}

/// The stores of this machine.
pub struct Machine<'a> {
    /// What they are opened with.
    pub store_context: StoreContext<'a>,
}

/// The version of the file that this program writes.
const VERSION: u32 = 1;

/// The choice, written down.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    store: String,
}

impl Stores for Machine<'_> {
    fn open(&self, name: &str) -> Result<Box<dyn Store + '_>, Error> {
        Ok(opener(name)?(self.store_context.clone()))
    }

    fn open_prompting(&self, name: &str, prompts: PromptPolicy) -> Result<Box<dyn Store + '_>, Error> {
        let ask: &dyn Prompter = match prompts {
            PromptPolicy::Any => self.store_context.ask,
            PromptPolicy::Window => &NoTerminal,
            PromptPolicy::Never => &NoPrompt,
        };
        Ok(opener(name)?(StoreContext { ask, ..self.store_context.clone() }))
    }

    fn for_new(&self, configured: Option<&str>) -> Result<Chosen, Error> {
        // A store may count on the folder (see [`StoreContext::data`]), also one that was wished for on a fresh machine.
        files::make_folder(&self.store_context.data)?;
        if let Some(name) = self.known(configured)? {
            return Ok(Chosen { name, chosen_now: false });
        }
        let name = self.first_that_fits()?;
        self.write_down(name)?;
        Ok(Chosen { name, chosen_now: true })
    }
}

/// A store as a person sees it.
#[derive(Debug)]
pub struct View {
    /// Its record.
    pub record: &'static store::StoreRecord,
    /// Whether new secrets go there.
    pub chosen: bool,
    /// What a look at it found.
    pub health: Health,
}

impl Machine<'_> {
    /// The store for new secrets, if one was chosen before, without choosing one.
    ///
    /// # Errors
    /// What was asked for does not exist; those of reading.
    pub fn known(&self, configured: Option<&str>) -> Result<Option<&'static str>, Error> {
        match self.store_context.environment.text("KEYFOB_STORE").as_deref().or(configured) {
            Some(wish) => writable(wish).map(Some),
            None => self.written(),
        }
    }

    /// Every store with its state. Nothing is changed and nobody is asked. Where one is wished for that does not exist, none is
    /// chosen: who looks for its right name has to be shown them.
    ///
    /// # Errors
    /// Those of reading.
    pub fn view(&self, configured: Option<&str>) -> Result<Vec<View>, Error> {
        let chosen = match self.known(configured) {
            Err(Error::NoSuchStore { .. }) => None,
            known => known?,
        };
        let look = |record: &&'static store::StoreRecord| View {
            record,
            chosen: chosen == Some(record.name),
            health: match record.open {
                Some(open) => open(self.store_context.clone()).health(),
                None => Health { usable: true, words: "read-only".to_owned() },
            },
        };
        Ok(store::ALL.iter().map(look).collect())
    }

    /// The vault, for the management of its slots.
    #[must_use]
    pub fn vault(&self) -> Vault<'_> {
        Vault::new(self.store_context.clone())
    }

    /// What was chosen before.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn written(&self) -> Result<Option<&'static str>, Error> {
        let mend = |path: &str| format!("mv {path} {path}.damaged; then: keyfob setup, which chooses anew");
        let path = choice_path(&self.store_context.data);
        let written = versioned_json::read::<Written>(&path, VERSION, "choice of a store", mend)?;
        written.map(|written| writable(&written.store)).transpose()
    }

    /// Writes the choice down.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn write_down(&self, name: &str) -> Result<(), Error> {
        files::make_folder(&self.store_context.data)?;
        let written = Written { version: VERSION, store: name.to_owned() };
        versioned_json::write(&choice_path(&self.store_context.data), &written)
    }

    /// Whether a store works here at all; a locked one does.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what is in the way, [`Error::NoSuchStore`], those of making the data folder.
    pub fn works(&self, name: &str) -> Result<(), Error> {
        let unknown = || Error::NoSuchStore { name: name.to_owned() };
        let record = store::named(name).ok_or_else(unknown)?;
        // As in [`Stores::for_new`].
        files::make_folder(&self.store_context.data)?;
        match (record.availability)(&self.store_context) {
            Availability::Yes => Ok(()),
            Availability::No(why) => Err(Error::Unavailable { store: record.name, why }),
        }
    }

    fn first_that_fits(&self) -> Result<&'static str, Error> {
        let mut ranked: Vec<_> = store::ALL.iter().filter(|record| record.rank.is_some()).collect();
        ranked.sort_by_key(|record| record.rank);
        let mut why = String::new();
        for record in ranked {
            match (record.availability)(&self.store_context) {
                Availability::Yes => return Ok(record.name),
                Availability::No(reason) => {
                    why = format!("{why}{}{}: {reason}", if why.is_empty() { "" } else { "; " }, record.name)
                }
            }
        }
        Err(Error::Unavailable { store: "default", why })
    }
}

/// The name, if it is that of a store that can be written.
///
/// # Errors
/// [`Error::NoSuchStore`].
pub fn writable(name: &str) -> Result<&'static str, Error> {
    let record = store::named(name).filter(|record| record.open.is_some());
    record.map(|record| record.name).ok_or_else(|| Error::NoSuchStore { name: name.to_owned() })
}

fn opener(name: &str) -> Result<OpenFn, Error> {
    let open = store::named(name).and_then(|record| record.open);
    open.ok_or_else(|| Error::NoSuchStore { name: name.to_owned() })
}

fn choice_path(data: &Path) -> PathBuf {
    data.join("store.json")
}
