//! Making Python's keyring library ask us: a module in keyfob's own folder, and `keyringrc.cfg`, which names it. Where such a
//! settings file is there already, somebody chose a keyring, so it is left and said.
//! <https://github.com/jaraco/keyring#config-file-path>
//!
//! Deliberately absent: `PYTHON_KEYRING_BACKEND`, which nobody can set for every program, and packages in the environments.

use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::Error;
use crate::files;
use crate::folders::{Folders, Paths};
use crate::text::{shell_word, visible};
use crate::tool::installation::Installation;
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};

/// The setup of Python's keyring.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

/// The module, with a mark where the program's path belongs.
const MODULE: &str = include_str!("keyfob_keyring.py");

/// The name under which it is imported.
const NAME: &str = "keyfob_keyring";

/// What has the library, or runs what has it. Programs in environments of their own are not in PATH.
const PROGRAMS: [&str; 6] = ["twine", "poetry", "hatch", "python3", "python", "py"];

/// What doctor calls it.
const ABOUT: &str = "python";

const FIX: &str = "keyfob setup python";

fn found(context: &SetupContext<'_>) -> Option<String> {
    let here: Vec<String> = context.here(&PROGRAMS).iter().map(|path| path.display().to_string()).collect();
    (!here.is_empty()).then(|| format!("Python ({})", here.join(", ")))
}

/// A file of ours and what stands in it.
struct OwnFile {
    path: PathBuf,
    text: String,
    /// Its key in the memory of the setup.
    key: &'static str,
}

/// Both files, the module first: a name of a module that is not there would stop every program that uses the library.
fn wanted(context: &SetupContext<'_>) -> Result<Option<[OwnFile; 2]>, Error> {
    let Ok(own) = Installation::of(context).map(|own| own.target()) else { return Ok(None) };
    let Some(settings) = settings_file(context.environment) else { return Ok(None) };
    let (Some(program), folder) = (own.to_str(), Paths::find(context.environment)?.data.join("python"))
    else {
        return Ok(None);
    };
    // JSON's way of writing text is also Python's.
    let program = serde_json::Value::from(program).to_string();
    let text = format!("[backend]\ndefault-keyring={NAME}.Keyring\nkeyring-path={}\n", folder.display());
    Ok(Some([
        OwnFile {
            path: folder.join(format!("{NAME}.py")),
            text: MODULE.replace("\"@PROGRAM@\"", &program),
            key: "module",
        },
        OwnFile { path: settings, text, key: "settings" },
    ]))
}

/// Where the library looks for its settings.
fn settings_file(environment: &Environment) -> Option<PathBuf> {
    let folders = Folders::of(environment);
    let windows = folders.local().map(|folder| folder.join("Python Keyring"));
    let folder = windows.or_else(|| Some(folders.xdg_config()?.join("python_keyring")))?;
    Some(folder.join("keyringrc.cfg"))
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    crate::tool::settings_file::read(path).map(|(_, text)| text)
}

fn plan<'c>(
    context: &SetupContext<'c>,
    _: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::nothing(before.cloned().unwrap_or_default());
    let Some(files) = wanted(context)? else {
        plan.entry = before.cloned();
        plan.notes.push("where keyfob is cannot be told in a way that Python understands".to_owned());
        return Ok(plan);
    };
    let mut missing = Vec::new();
    let mut written = Vec::new();
    for file in files {
        let stands = read(&file.path)?;
        let line = SettingLine::new(&file.path, file.key, file.text.as_str());
        let is_earlier = |text: &str| {
            let mut earlier = before.into_iter().flat_map(|entry| &entry.written);
            earlier.any(|old| old.file == line.file && old.value == text)
        };
        match stands.as_deref() {
            Some(text) if text == file.text => {}
            // The module lies in keyfob's own folder; settings that are not ours are a choice.
            Some(text) if file.key == "settings" && !is_earlier(text) => {
                plan.entry = before.cloned();
                plan.notes.push(format!(
                    "{} is there already and chooses a keyring, so it is left; to let that one ask keyfob, put into it: {}",
                    file.path.display(),
                    visible(file.text.trim_end())
                ));
                return Ok(plan);
            }
            _ => {
                plan.lines.push(format!("write {}", file.path.display()));
                missing.push(file);
            }
        }
        written.push(line);
    }
    plan.entry = Some(SetupEntry { written, ..SetupEntry::default() });
    if !missing.is_empty() {
        plan.notes.push(
            "Python's keyring will ask keyfob first, and then the keyrings that it asks today".to_owned(),
        );
    }
    plan.apply = Box::new(move || missing.iter().try_for_each(write));
    Ok(plan)
}

fn write(file: &OwnFile) -> Result<(), Error> {
    // A folder of settings that is there already is the person's, with the mode that it has; our own is checked.
    if let Some(folder) = file.path.parent().filter(|folder| file.key == "module" || !folder.exists()) {
        files::make_folder(folder)?;
    }
    files::write_private(&file.path, file.text.as_bytes())
}

fn undo<'c>(_: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let mut plan = Plan::default();
    let mut gone = Vec::new();
    // The settings first: from then on nobody looks for the module.
    for line in entry.written.iter().rev() {
        let path = PathBuf::from(&line.file);
        match read(&path)? {
            Some(text) if text == line.value => {
                plan.lines.push(format!("rm {}", shell_word(&path)));
                gone.push(path);
            }
            Some(_) => {
                plan.notes.push(format!("{} was changed since setup wrote it, so it is left", line.file));
                break;
            }
            None => {}
        }
    }
    plan.apply = Box::new(move || {
        for path in &gone {
            files::remove(path)?;
            // What Python made of the module, and the folder if nothing else is in it.
            if let Some(folder) = path.parent() {
                if path.extension().is_some_and(|extension| extension == "py") {
                    let _ = fs::remove_dir_all(folder.join("__pycache__"));
                }
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(())
    });
    Ok(plan)
}

fn keep_in_step<'c>(_: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    // A new place needs nothing: the library is given the whole URL.
    Ok(Plan::nothing(before.clone()))
}

/// Whether the library would really ask us.
fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    let Some(entry) = entry.filter(|entry| !entry.written.is_empty()) else {
        return Ok(found(context).into_iter().map(not_wanted).collect());
    };
    if let Some(variable) = context.environment.text("PYTHON_KEYRING_BACKEND")
        && !variable.starts_with(NAME)
    {
        let words = "PYTHON_KEYRING_BACKEND names another keyring, so keyfob is not asked";
        return Ok(vec![Finding::hint(ABOUT, words, "unset PYTHON_KEYRING_BACKEND")]);
    }
    // The settings first: with them and without the module, every program that uses the library would fail.
    for line in entry.written.iter().rev() {
        match read(Path::new(&line.file))? {
            Some(text) if text == line.value => {}
            None if line.key == "module" => {
                let words =
                    format!("{} is gone, so programs that use Python's keyring fail to start", line.file);
                return Ok(vec![Finding::broken(ABOUT, words, FIX)]);
            }
            _ => {
                let words = format!("{} is not as setup wrote it, so keyfob may not be asked", line.file);
                return Ok(vec![Finding::hint(ABOUT, words, FIX)]);
            }
        }
    }
    let program = wanted(context).ok().flatten();
    let is_this = program
        .is_some_and(|files| files.iter().zip(&entry.written).all(|(file, line)| file.text == line.value));
    Ok(vec![match is_this {
        true => Finding::ok(ABOUT, "Python's keyring asks keyfob, and then the keyrings behind it"),
        false => Finding::hint(ABOUT, "Python's keyring asks a keyfob at another place than this one", FIX),
    }])
}

/// Nobody wanted it, so nothing is wrong.
fn not_wanted(here: String) -> Finding {
    Finding::ok(ABOUT, format!("{here} would not ask keyfob; to let programs with Python's keyring: {FIX}"))
}
