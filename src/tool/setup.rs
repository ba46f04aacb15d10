//! What `setup`, `unsetup` and `doctor` know of a tool: its [`Setup`], as a part of its record. The commands are loops over
//! [`ALL`](super::ALL); what is written where, and the words about it, stay with the tool.
//!
//! What was written is remembered in `setup.json` beside the wallet, value by value, so that `unsetup` takes out exactly
//! that and puts back what stood there before. Deliberately absent: asking and printing, which are the commands'.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::Error;
use crate::files;
use crate::versioned_json;
use crate::wallet::LocalWallet;

/// The version of `setup.json` that this program writes.
const VERSION: u32 = 1;

/// How a tool is made to ask us.
pub struct Setup {
    /// The tool as it is on this machine, in words; `None` if it is not here.
    pub found: fn(&SetupContext<'_>) -> Option<String>,
    /// What has to be written so that it asks us. Changes nothing.
    pub plan: for<'c> fn(&SetupContext<'c>, SetupOptions, Option<&SetupEntry>) -> Result<Plan<'c>, Error>,
    /// What has to be written so that nothing of ours is left. Changes nothing.
    pub undo: for<'c> fn(&SetupContext<'c>, &SetupEntry) -> Result<Plan<'c>, Error>,
    /// What has to be written because the wallet holds new places; only called where setup is in effect. Changes nothing.
    pub keep_in_step: for<'c> fn(&SetupContext<'c>, &SetupEntry) -> Result<Plan<'c>, Error>,
    /// Whether it would really ask us, for `doctor`; an error where its settings cannot be read. Never uses the network, changes
    /// nothing.
    pub check: fn(&SetupContext<'_>, Option<&SetupEntry>) -> Result<Vec<Finding>, Error>,
}

/// What a setup works with.
#[derive(Clone, Copy)]
pub struct SetupContext<'c> {
    /// The path of this program as it was started, links unresolved.
    pub program: &'c Path,
    /// The environment, as main saw it.
    pub environment: &'c Environment,
    /// The wallet, for its places.
    pub wallet: &'c LocalWallet<'c>,
}

impl SetupContext<'_> {
    /// Those of these programs that are on this machine, each where it is found first.
    #[must_use]
    pub fn here(&self, names: &[&str]) -> Vec<PathBuf> {
        names.iter().filter_map(|name| self.environment.program(name)).collect()
    }
}

/// What the person wants of a setup.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetupOptions {
    /// Nobody but us shall be asked.
    pub only: bool,
    /// The tool shall find us by name, not by path: for configuration that is shared between machines.
    pub by_name: bool,
    /// Whoever is asked before us stays so, for the wallet's own hosts too.
    pub keep_others: bool,
}

/// What would be done.
pub struct Plan<'c> {
    /// Each change, as a command that could be pasted.
    pub lines: Vec<String>,
    /// What the person should know about it.
    pub notes: Vec<String>,
    /// Who else is asked, and would stop being asked with [`SetupOptions::only`].
    pub others: Vec<String>,
    /// Those of them that will still be asked before us.
    pub before_us: Vec<String>,
    /// What is remembered afterwards; `None` forgets.
    pub entry: Option<SetupEntry>,
    /// Does it: all or nothing.
    pub apply: Box<dyn FnOnce() -> Result<(), Error> + 'c>,
}

impl Plan<'_> {
    /// Nothing has to be done; this is remembered as it was.
    #[must_use]
    pub fn nothing(entry: SetupEntry) -> Self {
        Plan { entry: Some(entry), ..Plan::default() }
    }
}

impl<'c> Plan<'c> {
    /// Lets it do this at the end, too.
    pub fn then(&mut self, work: impl FnOnce() -> Result<(), Error> + 'c) {
        let first = std::mem::replace(&mut self.apply, Box::new(|| Ok(())));
        self.apply = Box::new(move || first().and_then(|()| work()));
    }
}

impl Default for Plan<'_> {
    /// Nothing has to be done, and nothing is remembered.
    fn default() -> Self {
        Plan {
            lines: Vec::new(),
            notes: Vec::new(),
            others: Vec::new(),
            before_us: Vec::new(),
            entry: None,
            apply: Box::new(|| Ok(())),
        }
    }
}

/// What a setup wrote for one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupEntry {
    /// What it wrote, in the order in which it stands.
    pub written: Vec<SettingLine>,
    /// What it took out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_out: Vec<SettingLine>,
    /// [`SetupOptions::keep_others`] of that time: it holds for hosts that the wallet gets later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_others: bool,
}

impl SetupEntry {
    /// Remembers a line, once: it may have been taken out by hand, or never been written because of a crash, and be remembered
    /// still. What it stands in the place of is what it is this time.
    pub fn remember(&mut self, line: SettingLine) {
        let is_same =
            |old: &SettingLine| (&old.file, &old.key, &old.value) == (&line.file, &line.key, &line.value);
        self.written.retain(|old| !is_same(old));
        self.written.push(line);
    }
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingLine {
    /// The file that it stands in.
    pub file: String,
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The value that stood in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

impl SettingLine {
    /// One that stands where nothing stood.
    #[must_use]
    pub fn new(file: &Path, key: &str, value: impl Into<String>) -> SettingLine {
        let file = file.to_string_lossy().into_owned();
        SettingLine { file, key: key.to_owned(), value: value.into(), instead_of: None }
    }
}

/// One line of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// What it is about: a tool, a store, `records` …
    pub about: String,
    /// In words.
    pub text: String,
    /// How to mend it, as a command where there is one.
    pub fix: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Works, but worth knowing.
    Hint,
    /// Does not work.
    Broken,
}

impl Level {
    /// Its word in lists and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Hint => "hint",
            Level::Broken => "broken",
        }
    }
}

impl Finding {
    /// All is well.
    pub fn ok(about: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, about: about.into(), text: text.into(), fix: None }
    }

    /// Worth knowing.
    pub fn hint(about: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { level: Level::Hint, fix: Some(fix.into()), ..Finding::ok(about, text) }
    }

    /// Does not work.
    pub fn broken(about: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { level: Level::Broken, fix: Some(fix.into()), ..Finding::ok(about, text) }
    }

    /// An error, with its own hint.
    pub fn error(about: impl Into<String>, error: &Error) -> Finding {
        Finding { level: Level::Broken, fix: error.hint(), ..Finding::ok(about, error.to_string()) }
    }
}

/// What setups wrote on this machine, by tool.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// By the tool's word.
    pub tools: BTreeMap<String, SetupEntry>,
}

impl Ledger {
    /// Reads it; an empty one if there is none.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::Unsafe`], and those of reading.
    pub fn read(data: &Path) -> Result<Ledger, Error> {
        let mend = |path: &str| format!("mv {path} {path}.damaged; then: keyfob setup");
        let ledger = versioned_json::read(&ledger_path(data), VERSION, "memory of a setup", mend)?;
        Ok(ledger.unwrap_or_else(|| Ledger { version: VERSION, tools: BTreeMap::new() }))
    }

    fn write(&self, data: &Path) -> Result<(), Error> {
        versioned_json::write(&ledger_path(data), self)
    }
}

/// Carries a plan out and remembers it. What is about to be written is remembered before it is written: a crash in between
/// leaves a memory of lines that are not there, which `unsetup` passes over, and never lines that nobody remembers.
///
/// # Errors
/// Those of the plan and of the memory; then both are as before.
pub fn carry_out(data: &Path, tool: &str, plan: Plan<'_>) -> Result<(), Error> {
    files::make_folder(data)?;
    files::locked(&data.join("setup.lock"), || {
        let mut ledger = Ledger::read(data)?;
        let before = ledger.tools.get(tool).cloned();
        let remember = |ledger: &mut Ledger, entry: Option<SetupEntry>| {
            match entry {
                Some(entry) => ledger.tools.insert(tool.to_owned(), entry),
                None => ledger.tools.remove(tool),
            };
            ledger.write(data)
        };
        let mut both = before.clone().unwrap_or_default();
        let planned = plan.entry.clone().unwrap_or_default();
        planned.written.into_iter().for_each(|line| both.remember(line));
        both.taken_out.extend(
            planned
                .taken_out
                .into_iter()
                .filter(|line| before.as_ref().is_none_or(|before| !before.taken_out.contains(line))),
        );
        if plan.entry.is_some() {
            remember(&mut ledger, Some(both))?;
        }
        if let Err(error) = (plan.apply)() {
            // The first error is the one that counts.
            let _ = remember(&mut ledger, before);
            return Err(error);
        }
        remember(&mut ledger, plan.entry)
    })
}

fn ledger_path(data: &Path) -> PathBuf {
    data.join("setup.json")
}
