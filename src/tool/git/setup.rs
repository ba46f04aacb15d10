//! Making git ask us: one line of `credential.helper` in the global configuration, `useHttpPath` for the hosts where the
//! path tells the organisation, and if the person wants it, an empty helper line directly before ours, which makes git forget
//! the helpers that were named before. All of it by `git config`; what is there is read, not guessed, and looked at again
//! after writing.
//!
//! Order matters: git reads its files from top to bottom, and an empty line forgets every helper before it, URL-scoped ones
//! too, but none behind it. `git config --add` puts a line into the last section of that name, which other helpers may
//! follow; then ours go into a section of their own at the end of the file.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::remote::Remote;
use crate::terminal::visible;
use crate::tool::links;
use crate::tool::setup::{Entry, Line, Plan, Setup, SetupContext, Wish};

use super::config::{Edit, Git, Value, same_file};
use super::helpers::{BY_NAME, asked, is_ours, line_of, sends_path, split};

/// git's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check: super::check::check };

/// The setting that names helpers.
pub(super) const HELPER: &str = "credential.helper";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let git = Git::find(context.environment).ok()?;
    let (_, version) = git.version().ok()?;
    Some(format!("git {version} ({})", git.program.display()))
}

/// A place that stands for every host that nothing is said of.
pub(super) fn anywhere() -> Result<Remote, Error> {
    Remote::from_parts("https", "keyfob.invalid", None)
}

/// What is going to be changed, and the configuration as it will be then.
struct Draft {
    git: Git,
    values: Vec<Value>,
    edits: Vec<(PathBuf, Edit)>,
    entry: Entry,
    notes: Vec<String>,
}

fn plan<'c>(context: &SetupContext<'c>, wish: Wish, before: Option<&Entry>) -> Result<Plan<'c>, Error> {
    let mut draft = Draft::begin(context, before.cloned().unwrap_or_default())?;
    let helper = our_line(context, wish, &mut draft.notes)?;
    let mut places = vec![anywhere()?];
    places.extend(context.wallet.places()?.into_iter().map(|place| place.remote));
    let wanted = places.len();
    places.extend(scoped_places(&draft.values));
    let others = draft.others(&places);
    let only = wish.only || draft.has_our_empty_line(before);
    let asked_everywhere = places[..wanted].iter().all(|place| draft.asks_us(place));
    let good = asked_everywhere && (others.is_empty() || !only);
    draft.place_helper(&helper, only, good, before);
    draft.add_paths(&context.wallet.places_that_need_the_path()?);
    draft.add_basic(&context.wallet.places_for_basic()?);
    if only && !others.is_empty() {
        draft.notes.push(format!("not asked any more: {}", others.join(", ")));
    }
    let places = if only { places } else { places[..wanted].to_vec() };
    let others = if only { Vec::new() } else { others };
    Ok(draft.into_plan(others, move |values| verify(values, &places, only)))
}

/// Whether git would ask us, and with `only` nobody else, for every one of these places.
fn verify(values: &[Value], places: &[Remote], only: bool) -> Result<(), Error> {
    let wrong = places.iter().find_map(|place| {
        let asked = asked(values, place);
        let other = asked.iter().find(|value| !is_ours(&value.value)).filter(|_| only);
        match other {
            Some(other) => Some(format!("{} is still asked ({})", visible(&other.value), other.file)),
            None if asked.iter().any(|value| is_ours(&value.value)) => None,
            None => Some("git would not ask keyfob".to_owned()),
        }
    });
    wrong.map_or(Ok(()), |why| {
        let why = format!("after the change {why}; the change was taken back");
        Err(Error::Program { program: "git config", why })
    })
}

fn keep_in_step<'c>(context: &SetupContext<'c>, before: &Entry) -> Result<Plan<'c>, Error> {
    let mut draft = Draft::begin(context, before.clone())?;
    draft.add_paths(&context.wallet.places_that_need_the_path()?);
    draft.add_basic(&context.wallet.places_for_basic()?);
    Ok(draft.into_plan(Vec::new(), |_| Ok(())))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &Entry) -> Result<Plan<'c>, Error> {
    let mut draft = Draft::begin(context, Entry::default())?;
    for line in &entry.written {
        draft.take_out(line)?;
    }
    for line in &entry.taken_out {
        // One that is there again was put back by an unsetup that a crash ended.
        let back = |value: &Value| is_key(&value.key, &line.key) && value.value == line.value;
        if !draft.git.list_file(Path::new(&line.file))?.iter().any(back) {
            let edit = Edit::Add { key: line.key.clone(), value: line.value.clone() };
            draft.edits.push((PathBuf::from(&line.file), edit));
        }
    }
    let written = |value: &&Value| {
        entry.written.iter().any(|line| is_key(&value.key, &line.key) && line.value == value.value)
    };
    for left in draft.values.iter().filter(|value| is_key(&value.key, HELPER) && is_ours(&value.value)) {
        if !written(&left) {
            draft.notes.push(format!(
                "{} = {} in {} was not written by setup, so it is left",
                HELPER,
                visible(&left.value),
                left.file
            ));
        }
    }
    let mut plan = draft.into_plan(Vec::new(), |_| Ok(()));
    plan.entry = None;
    Ok(plan)
}

/// The value of our helper line.
fn our_line(context: &SetupContext<'_>, wish: Wish, notes: &mut Vec<String>) -> Result<String, Error> {
    let link = super::TOOL.links[0];
    if wish.by_name {
        let Some(found) = context.environment.program(link) else {
            return Err(Error::usage(
                format!("git would not find keyfob by name: no folder of PATH has {link}"),
                format!("{}; or leave --by-name out", links::way_into_path(context, link)),
            ));
        };
        if !links::is_this(&found, link, context) {
            notes.push(format!(
                "by name git starts {}, which is another keyfob than this one",
                found.display()
            ));
        }
        return Ok(BY_NAME.to_owned());
    }
    let unknown = || {
        Error::usage(
            "the path of this program cannot be written into git's configuration",
            "put keyfob into a folder of PATH, then: keyfob setup git --by-name",
        )
    };
    let spot = links::spot(context.program, link, context.environment).ok_or_else(unknown)?;
    if spot.versioned {
        notes.push(format!(
            "{} is the path of one version; after an upgrade, repeat keyfob setup git, or use --by-name",
            spot.path.display()
        ));
    }
    line_of(&spot.path, spot.is_link).ok_or_else(unknown)
}

/// The places of all URL-scoped helper settings.
fn scoped_places(values: &[Value]) -> Vec<Remote> {
    let patterns = values.iter().filter_map(|value| match split(&value.key)? {
        (Some(pattern), "helper") => Some(pattern.replace('*', "x")),
        _ => None,
    });
    let whole = patterns.map(|url| if url.contains("://") { url } else { format!("https://{url}") });
    let mut places: Vec<Remote> = whole.filter_map(|url| Some(Remote::from_url(&url).ok()?.0)).collect();
    places.dedup();
    places
}

/// Whether both are the same setting: section and name without letter case, the URL between as it is.
fn is_key(one: &str, other: &str) -> bool {
    let folded = |key: &str| match key.rsplit_once('.') {
        Some((front, name)) => format!("{front}.{}", name.to_ascii_lowercase()),
        None => key.to_ascii_lowercase(),
    };
    folded(one) == folded(other)
}

impl Draft {
    /// One that changes nothing yet.
    fn begin(context: &SetupContext<'_>, entry: Entry) -> Result<Draft, Error> {
        let git = Git::find(context.environment)?;
        let values = git.list(false)?;
        Ok(Draft { git, values, edits: Vec::new(), entry, notes: Vec::new() })
    }

    /// Takes a line out that an earlier setup wrote, or says why it is left.
    fn take_out(&mut self, line: &Line) -> Result<(), Error> {
        let file = PathBuf::from(&line.file);
        let held = self.git.list_file(&file)?;
        let same_key: Vec<&Value> = held.iter().filter(|value| is_key(&value.key, &line.key)).collect();
        let shown = format!("{} = {}", line.key, line.value);
        // An empty line is ours only where we put it: directly before our helper, unless it is the only one.
        let empties = same_key.iter().filter(|value| value.value.is_empty()).count();
        let before_ours =
            || same_key.windows(2).any(|pair| pair[0].value.is_empty() && is_ours(&pair[1].value));
        let ours = !line.value.is_empty() || empties == 1 || before_ours();
        let there = ours && same_key.iter().any(|value| value.value == line.value);
        let edit = match (there, &line.instead_of) {
            (true, Some(old)) => {
                Edit::Replace { key: line.key.clone(), old: line.value.clone(), new: old.clone() }
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

    fn asks_us(&self, place: &Remote) -> bool {
        asked(&self.values, place).iter().any(|value| is_ours(&value.value))
    }

    /// Who else is asked, with the file that says so.
    fn others(&self, places: &[Remote]) -> Vec<String> {
        let mut seen = Vec::new();
        for place in places {
            for value in asked(&self.values, place).into_iter().filter(|value| !is_ours(&value.value)) {
                let scope = split(&value.key).and_then(|(pattern, _)| pattern);
                let scope = scope.map(|pattern| format!(" for {}", visible(pattern))).unwrap_or_default();
                let words = format!("{}{scope} ({})", visible(&value.value), value.file);
                if !seen.contains(&words) {
                    seen.push(words);
                }
            }
        }
        seen
    }

    /// Whether an empty line that an earlier setup wrote stands directly before our helper.
    fn has_our_empty_line(&self, before: Option<&Entry>) -> bool {
        let wrote = before.is_some_and(|entry| {
            entry.written.iter().any(|line| is_key(&line.key, HELPER) && line.value.is_empty())
        });
        let global = self.in_global(&self.values);
        let helpers: Vec<&&Value> = global.iter().filter(|value| value.key == HELPER).collect();
        wrote && helpers.windows(2).any(|pair| pair[0].value.is_empty() && is_ours(&pair[1].value))
    }

    /// Sees to exactly one line of ours; `good` is whether what is there now has the right place and company.
    fn place_helper(&mut self, helper: &str, only: bool, good: bool, before: Option<&Entry>) {
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
        if self.has_our_empty_line(before) {
            self.forget(HELPER, "");
            self.edits.push((file.clone(), Edit::Remove { key: HELPER.to_owned(), value: String::new() }));
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
            self.edits.push((file, Edit::AddLast { values }));
        } else {
            let adds = values.into_iter().map(|value| Edit::Add { key: HELPER.to_owned(), value });
            self.edits.extend(adds.map(|edit| (file.clone(), edit)));
        }
    }

    fn add_paths(&mut self, places: &[Remote]) {
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
            if !sends_path(&self.values, place) {
                self.notes.push(format!(
                    "git will still not send the path to {place}: another useHttpPath stands behind that line; see \
                     git config --show-origin --get-regexp usehttppath"
                ));
            }
        }
    }

    /// Lets git use Basic by itself for servers on premises (`http.URL.proactiveAuth`, git 2.46; older ones ignore it): one
    /// request less, and a push larger than `http.postBuffer` works, where git up to 2.52 forgets what a helper
    /// answered as `authtype`. What the person set there is left.
    fn add_basic(&mut self, places: &[Remote]) {
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
    fn replace(&mut self, key: &str, old: &str, new: &str) {
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

    fn line(&self, key: &str, value: &str, instead_of: Option<String>) -> Line {
        Line { instead_of, ..Line::new(&self.git.global, key, value) }
    }

    /// The plan; `verify` looks at git's configuration afterwards, and what does not please it is taken back.
    fn into_plan<'c>(
        self,
        others: Vec<String>,
        verify: impl FnOnce(&[Value]) -> Result<(), Error> + 'c,
    ) -> Plan<'c> {
        let Draft { git, edits, entry, notes, .. } = self;
        let lines = edits.iter().flat_map(|(file, edit)| git.lines(file, edit)).collect();
        let apply = Box::new(move || {
            git.edit(&edits)?;
            let good = git.list(false).and_then(|values| verify(&values));
            if good.is_err() {
                git.take_back(&edits);
            }
            good
        });
        Plan { lines, notes, others, entry: Some(entry), apply }
    }
}
