//! What setup is going to change in git's configuration, gathered before anything is written: each change is also made to the
//! values as they will be then, so that the next one is decided by those. setup.rs says what is wanted.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::git_config::{Edit, Git, Value, is_key, same_file};
use crate::remote::Remote;
use crate::text::visible;
use crate::tool::setup::{Plan, SettingLine, SetupContext, SetupEntry};

use super::helpers::{Company, HELPER, asked, is_ours, sends_path, split, spoils};

/// The section that stands for `credential` while a new one is written at the end of the file.
const PASSING: &str = "keyfob-setup";

/// What is going to be changed, and the configuration as it will be then.
pub(super) struct ConfigEdit {
    pub(super) git: Git,
    pub(super) values: Vec<Value>,
    pub(super) edits: Vec<(PathBuf, Edit)>,
    entry: SetupEntry,
    pub(super) notes: Vec<String>,
}

/// Our helper, where an empty line stands directly before it.
fn behind_our_empty_line(helpers: &[&Value]) -> Option<String> {
    let pair = helpers.windows(2).find(|pair| pair[0].value.is_empty() && is_ours(&pair[1].value))?;
    Some(pair[1].value.clone())
}

impl ConfigEdit {
    /// One that changes nothing yet.
    pub(super) fn begin(context: &SetupContext<'_>, entry: SetupEntry) -> Result<ConfigEdit, Error> {
        let git = Git::find(context.environment)?;
        let values = git.list(false)?;
        Ok(ConfigEdit { git, values, edits: Vec::new(), entry, notes: Vec::new() })
    }

    /// Takes a line out that an earlier setup wrote, or says why it is left.
    pub(super) fn take_out(&mut self, line: &SettingLine) -> Result<(), Error> {
        let file = PathBuf::from(&line.file);
        let held = self.git.list_file(&file)?;
        let same_key: Vec<&Value> = held.iter().filter(|value| is_key(&value.key, &line.key)).collect();
        let shown = format!("{} = {}", line.key, line.value);
        // An empty line is ours only where we put it: directly before our helper, unless it is the only one.
        let empties = same_key.iter().filter(|value| value.value.is_empty()).count();
        let behind = behind_our_empty_line(&same_key);
        let ours = !line.value.is_empty() || empties == 1 || behind.is_some();
        let there = ours && same_key.iter().any(|value| value.value == line.value);
        let edit = match (there, &line.instead_of) {
            (true, Some(old)) => {
                Edit::Replace { key: line.key.clone(), old: line.value.clone(), new: old.clone() }
            }
            (true, None) if line.value.is_empty() => {
                Edit::RemoveEmpty { key: line.key.clone(), next: behind.unwrap_or_default() }
            }
            (true, None) => Edit::Remove { key: line.key.clone(), value: line.value.clone() },
            (false, _) => {
                let now = same_key.last().map(|value| format!(" (now: {})", visible(&value.value)));
                let now = now.unwrap_or_default();
                self.notes.push(format!(
                    "{shown} was changed or removed in {} since setup wrote it, so it is left{now}",
                    line.file
                ));
                return Ok(());
            }
        };
        self.edits.push((file, edit));
        Ok(())
    }

    /// The values of the file that `--global` writes.
    fn in_global<'v>(&self, values: &'v [Value]) -> Vec<&'v Value> {
        values.iter().filter(|value| same_file(Path::new(&value.file), &self.git.global)).collect()
    }

    pub(super) fn asks_us(&self, place: &Remote) -> bool {
        asked(&self.values, place).iter().any(|value| is_ours(&value.value))
    }

    /// Who else is asked, with the file that says so.
    pub(super) fn others(&self, places: &[Remote]) -> Vec<String> {
        let mut seen = Vec::new();
        for place in places {
            for value in asked(&self.values, place).into_iter().filter(|value| !is_ours(&value.value)) {
                let scope = split(&value.key).and_then(|(pattern, _)| pattern);
                let scope = scope.map(|pattern| format!(" for {}", visible(pattern))).unwrap_or_default();
                let does = Company::of(&value.value).words();
                let words = format!("{}{scope}{does} ({})", visible(&value.value), value.file);
                if !seen.contains(&words) {
                    seen.push(words);
                }
            }
        }
        seen
    }

    /// Our helper, if an empty line that an earlier setup wrote stands directly before it.
    pub(super) fn helper_behind_our_empty_line(&self, before: Option<&SetupEntry>) -> Option<String> {
        let wrote = before.is_some_and(|entry| {
            entry.written.iter().any(|line| is_key(&line.key, HELPER) && line.value.is_empty())
        });
        let mut helpers = self.in_global(&self.values);
        helpers.retain(|value| value.key == HELPER);
        behind_our_empty_line(&helpers).filter(|_| wrote)
    }

    /// Sees to exactly one line of ours; `good` is whether what is there now has the right place and company.
    pub(super) fn place_helper(&mut self, helper: &str, only: bool, good: bool, before: Option<&SetupEntry>) {
        let global = self.in_global(&self.values);
        let mine: Vec<Value> =
            global.into_iter().filter(|v| v.key == HELPER && is_ours(&v.value)).cloned().collect();
        let elsewhere =
            self.values.iter().filter(|v| v.key == HELPER && is_ours(&v.value)).count() > mine.len();
        match mine.as_slice() {
            [one] if good && one.value == helper => return,
            [one] if good => return self.replace(HELPER, &one.value.clone(), helper),
            // The system's administrator, or an included file, did it already.
            [] if good && elsewhere => return,
            _ => {}
        }
        let file = self.git.global.clone();
        if let Some(next) = self.helper_behind_our_empty_line(before) {
            self.forget(HELPER, "");
            self.edits.push((file.clone(), Edit::RemoveEmpty { key: HELPER.to_owned(), next }));
        }
        let mut old: Vec<String> = mine.into_iter().map(|value| value.value).collect();
        old.dedup();
        for value in &old {
            if !self.forget(HELPER, value) {
                let line = self.line(HELPER, value, None);
                self.entry.taken_out.push(line);
            }
            self.edits.push((file.clone(), Edit::Remove { key: HELPER.to_owned(), value: value.clone() }));
        }
        self.values.retain(|value| !(value.key == HELPER && old.contains(&value.value)));
        let mut values = vec![helper.to_owned()];
        if only {
            values.insert(0, String::new());
        }
        self.append(values);
    }

    /// Adds helper lines behind all others.
    fn append(&mut self, values: Vec<String>) {
        let file = self.git.global.clone();
        let in_section = |value: &Value| {
            same_file(Path::new(&value.file), &file) && matches!(split(&value.key), Some((None, _)))
        };
        let is_helper = |value: &Value| matches!(split(&value.key), Some((_, "helper")));
        let section = self.values.iter().rposition(in_section);
        let followed = section.is_some_and(|at| self.values[at..].iter().skip(1).any(is_helper));
        for value in &values {
            let line = self.line(HELPER, value, None);
            self.entry.remember(line);
        }
        if followed {
            self.edits.push((file, Edit::AddLast { key: HELPER.to_owned(), values, passing: PASSING }));
        } else {
            let adds = values.into_iter().map(|value| Edit::Add { key: HELPER.to_owned(), value });
            self.edits.extend(adds.map(|edit| (file.clone(), edit)));
        }
    }

    /// Lets git ask us alone for these hosts, where the company would spoil it ([`spoils`]), by an empty helper line of the host's
    /// own before ours; `helper` is our line. Lines that an earlier setup wrote for other hosts go. Gives the hosts.
    pub(super) fn isolate(&mut self, hosts: &[Remote], helper: &str) -> Vec<String> {
        let mut isolated = Vec::new();
        let key_of = |host: &Remote| format!("credential.{}.helper", host.origin());
        let general = Value {
            file: self.git.global.to_string_lossy().into_owned(),
            key: HELPER.to_owned(),
            value: helper.to_owned(),
        };
        for host in hosts {
            let mut asked = asked(&self.values, host);
            if !asked.iter().any(|value| is_ours(&value.value)) {
                asked.push(&general);
            }
            if !spoils(&asked) {
                continue;
            }
            let key = key_of(host);
            let values = vec![String::new(), helper.to_owned()];
            for value in &values {
                let line = self.line(&key, value, None);
                self.entry.remember(line);
                self.values.push(Value {
                    file: general.file.clone(),
                    key: key.clone(),
                    value: value.clone(),
                });
            }
            self.edits.push((self.git.global.clone(), Edit::AddLast { key, values, passing: PASSING }));
            isolated.push(host.authority());
        }
        isolated
    }

    /// Takes out what [`ConfigEdit::isolate`] wrote for hosts that are none of these any more.
    pub(super) fn join_again(&mut self, hosts: &[Remote]) -> Result<(), Error> {
        let kept: Vec<String> =
            hosts.iter().map(|host| format!("credential.{}.helper", host.origin())).collect();
        let gone = |line: &&SettingLine| {
            matches!(split(&line.key), Some((Some(_), "helper")))
                && !kept.iter().any(|key| is_key(key, &line.key))
        };
        let gone: Vec<SettingLine> = self.entry.written.iter().filter(gone).cloned().collect();
        for line in &gone {
            self.take_out(line)?;
            self.forget(&line.key, &line.value);
            self.values.retain(|value| !(is_key(&value.key, &line.key) && value.value == line.value));
        }
        Ok(())
    }

    /// Our helper line in the global file, as an earlier setup wrote it.
    pub(super) fn written_helper(&self) -> Option<String> {
        let ours = |line: &&SettingLine| is_key(&line.key, HELPER) && is_ours(&line.value);
        self.entry.written.iter().find(ours).map(|line| line.value.clone())
    }

    /// Whether whoever is asked before us stays so.
    pub(super) fn keeps_others(&self) -> bool {
        self.entry.keep_others
    }

    /// Remembers the person's wish about those who are asked before us.
    pub(super) fn keep_others(&mut self, keep: bool) {
        self.entry.keep_others = keep;
    }

    /// Lets git send the path to these places; gives those to which it does not yet.
    pub(super) fn add_paths(&mut self, places: &[Remote]) -> Vec<Remote> {
        let mut added = Vec::new();
        for place in places {
            if sends_path(&self.values, place) {
                continue;
            }
            let key = format!("credential.{}.useHttpPath", place.origin());
            let folded = format!("credential.{}.usehttppath", place.origin());
            let held = self.in_global(&self.values).into_iter().rfind(|value| value.key == folded).cloned();
            match held {
                Some(held) => self.replace(&key, &held.value, "true"),
                None => {
                    let line = self.line(&key, "true", None);
                    self.values.push(Value {
                        file: line.file.clone(),
                        key: folded,
                        value: "true".to_owned(),
                    });
                    self.entry.remember(line);
                    let edit = Edit::Add { key, value: "true".to_owned() };
                    self.edits.push((self.git.global.clone(), edit));
                }
            }
            added.push(place.clone());
            if !sends_path(&self.values, place) {
                self.notes.push(format!(
                    "git will still not send the path to {place}: another useHttpPath stands behind that line; see \
                     git config --show-origin --get-regexp usehttppath"
                ));
            }
        }
        added
    }

    /// Lets git use Basic by itself for servers on premises (`http.URL.proactiveAuth`, git 2.46; older ones ignore it): one
    /// request less, and a push larger than `http.postBuffer` works, where git up to 2.52 forgets what a helper
    /// answered as `authtype`. What the person set there is left.
    pub(super) fn add_basic(&mut self, places: &[Remote]) {
        for place in places {
            let key = format!("http.{place}.proactiveAuth");
            if self.values.iter().any(|value| is_key(&value.key, &key)) {
                continue;
            }
            let line = self.line(&key, "basic", None);
            self.entry.remember(line);
            self.edits.push((self.git.global.clone(), Edit::Add { key, value: "basic".to_owned() }));
        }
    }

    /// Gives a line of the global file another value, where it stands.
    pub(super) fn replace(&mut self, key: &str, old: &str, new: &str) {
        let ours = self.entry.written.iter_mut().find(|line| is_key(&line.key, key) && line.value == old);
        match ours {
            Some(line) => new.clone_into(&mut line.value),
            None => {
                let line = self.line(key, new, Some(old.to_owned()));
                self.entry.remember(line);
            }
        }
        let global = self.git.global.clone();
        let at = self.values.iter_mut().filter(|value| same_file(Path::new(&value.file), &global));
        at.filter(|value| is_key(&value.key, key) && value.value == old)
            .for_each(|value| new.clone_into(&mut value.value));
        let edit = Edit::Replace { key: key.to_owned(), old: old.to_owned(), new: new.to_owned() };
        self.edits.push((global, edit));
    }

    /// Takes a line out of what we remember to have written; whether it was there.
    fn forget(&mut self, key: &str, value: &str) -> bool {
        let before = self.entry.written.len();
        self.entry.written.retain(|line| !(is_key(&line.key, key) && line.value == value));
        self.entry.written.len() < before
    }

    fn line(&self, key: &str, value: &str, instead_of: Option<String>) -> SettingLine {
        SettingLine { instead_of, ..SettingLine::new(&self.git.global, key, value) }
    }

    /// The plan; `verify` looks at git's configuration afterwards, and what does not please it is taken back.
    ///
    /// # Errors
    /// Those of [`Git::check_files`].
    pub(super) fn into_plan<'c>(
        self,
        others: Vec<String>,
        verify: impl FnOnce(&[Value]) -> Result<(), Error> + 'c,
    ) -> Result<Plan<'c>, Error> {
        let ConfigEdit { git, edits, entry, notes, .. } = self;
        git.check_files(&edits)?;
        let lines = edits.iter().flat_map(|(file, edit)| git.lines(file, edit)).collect();
        let apply = Box::new(move || {
            git.edit(&edits)?;
            let good = git.list(false).and_then(|values| verify(&values));
            if good.is_err() {
                git.take_back(&edits);
            }
            good
        });
        Ok(Plan { lines, notes, others, entry: Some(entry), apply, ..Plan::default() })
    }
}
