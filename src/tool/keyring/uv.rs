//! uv asks a keyring only when it is told so: one line in the person's own uv.toml. A file that already says which way uv shall
//! go is left as it is. <https://docs.astral.sh/uv/reference/settings/#keyring-provider>

use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::Error;
use crate::folders::Folders;
use crate::tool::settings_file::SettingsEdit;
use crate::tool::setup::{Plan, SettingLine, SetupContext, SetupEntry};

/// The setting.
const KEY: &str = "keyring-provider";

/// Its line. It goes to the top of the file, before any table.
const LINE: &str = "keyring-provider = \"subprocess\"";

/// Whether this is remembered of uv.toml.
pub(super) fn is_line(line: &SettingLine) -> bool {
    line.key == KEY
}

/// The person's own settings.
pub(super) fn file(environment: &Environment) -> Option<PathBuf> {
    let folders = Folders::of(environment);
    Some(folders.roaming().or_else(|| folders.xdg_config())?.join("uv/uv.toml"))
}

/// What the person's own settings say.
pub(super) fn provider(environment: &Environment) -> Option<String> {
    let (_, text) = crate::tool::settings_file::read(&file(environment)?).ok()?;
    said(&text?)?
}

/// What a text says of it; `None` if it is not TOML.
fn said(text: &str) -> Option<Option<String>> {
    let settings: toml::Table = toml::from_str(text).ok()?;
    Some(settings.get(KEY).map(|value| value.as_str().unwrap_or_default().to_owned()))
}

/// Adds what uv needs to a plan, where uv is here and is not told anything yet.
pub(super) fn add<'c>(
    plan: &mut Plan<'c>,
    context: &SetupContext<'c>,
    before: Option<&SetupEntry>,
) -> Result<(), Error> {
    let Some(path) = file(context.environment).filter(|_| context.environment.program("uv").is_some()) else {
        return Ok(());
    };
    let mut draft = SettingsEdit::new(&path, before, is_line)?;
    let text = draft.lines().collect::<Vec<_>>().join("\n");
    match said(&text) {
        Some(None) => draft.sync(&[(KEY.to_owned(), LINE.to_owned())], is_line),
        Some(Some(_)) => return Ok(()),
        None => {
            plan.notes.push(format!("{} is not valid TOML, so it is left", draft.path().display()));
            return Ok(());
        }
    }
    plan.lines.extend(draft.said.iter().cloned());
    let entry = plan.entry.get_or_insert_default();
    let new = draft.entry.written.iter().filter(|line| !entry.written.contains(line)).cloned();
    let new: Vec<SettingLine> = new.collect();
    entry.written.extend(new);
    plan.then(|| draft.write());
    Ok(())
}

/// Adds to a plan that takes everything back.
pub(super) fn take_out<'c>(plan: &mut Plan<'c>, entry: &SetupEntry) -> Result<(), Error> {
    // The file is the one that the memory names.
    let Some(line) = entry.written.iter().find(|line| is_line(line)) else { return Ok(()) };
    let mut draft = SettingsEdit::new(&PathBuf::from(&line.file), Some(entry), is_line)?;
    draft.undo(&mut plan.notes, is_line);
    plan.lines.extend(draft.said.iter().cloned());
    plan.then(|| draft.write());
    Ok(())
}
