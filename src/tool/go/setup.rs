//! Making Go ask us: our command first in `GOAUTH`, in Go's own settings, which `go env -w` writes. What stood there stays behind
//! it, and so does `netrc`, which is Go's default.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::environment::Environment;
use crate::error::Error;
use crate::process::{child, output_within};
use crate::text::{shell_word, visible};
use crate::tool::installation::{Installation, TOOLS, is_this, started_by};
use crate::tool::settings_file;
use crate::tool::setup::{Finding, Plan, SettingLine, Setup, SetupContext, SetupEntry, SetupOptions};

/// Go's setup.
pub(super) static SETUP: Setup = Setup { found, plan, undo, keep_in_step, check };

const GOAUTH: &str = "GOAUTH";

/// What Go uses where nothing is set.
const DEFAULT: &str = "netrc";

/// The longest that it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first version that knows GOAUTH.
const SINCE: (u32, u32) = (1, 24);

/// The go of this machine.
struct Go<'e> {
    program: PathBuf,
    environment: &'e Environment,
}

/// What it says of itself.
struct GoEnv {
    /// What is in effect.
    auth: String,
    version: String,
    /// Its settings file; `None` if it shall have none.
    file: Option<PathBuf>,
    /// What stands in that file.
    written: Option<String>,
}

impl<'e> Go<'e> {
    fn find(context: &SetupContext<'e>) -> Option<Go<'e>> {
        Some(Go { program: context.environment.program("go")?, environment: context.environment })
    }

    /// To be run where no project can choose another version of it, which would have to be fetched.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = child(&self.program, self.environment);
        command.args(args).stdin(Stdio::null());
        command.env("GOTOOLCHAIN", "local").env("GO111MODULE", "off");
        command.current_dir(self.program.parent().unwrap_or(Path::new("/")));
        command
    }

    fn about(&self) -> Result<GoEnv, Error> {
        let mut command = self.command(&["env", GOAUTH, "GOVERSION", "GOENV"]);
        let said = output_within(&mut command, PATIENCE).map_err(|error| not_started(&error))?;
        let said = said.ok_or_else(|| failed("it does not answer".to_owned()))?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let mut lines = said.lines().map(str::to_owned);
        let (auth, version) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let file = lines.next().filter(|file| !file.is_empty() && file != "off").map(PathBuf::from);
        let text = file.as_ref().and_then(|file| settings_file::read(file).ok()?.1).unwrap_or_default();
        let written = text.lines().rev().find_map(|line| line.strip_prefix("GOAUTH=")).map(str::to_owned);
        Ok(GoEnv { auth, version, file, written })
    }

    fn set(&self, file: &Path, value: Option<&str>) -> Result<(), Error> {
        check_file(file)?;
        let setting = value.map(|value| format!("{GOAUTH}={value}"));
        let args = match &setting {
            Some(setting) => ["env", "-w", setting],
            None => ["env", "-u", GOAUTH],
        };
        // That a variable counts in its place was said with the plan; go would only warn of it.
        let done = self.command(&args).env_remove(GOAUTH).output().map_err(|error| not_started(&error))?;
        if done.status.success() {
            // go does not sync it.
            return crate::files::sync_others(file);
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(failed(visible(said.lines().next().unwrap_or("it fails"))))
    }
}

/// go would write into a device or a pipe as if it were its file.
fn check_file(file: &Path) -> Result<(), Error> {
    crate::files::check_regular(file, || "set GOENV to a file, to off, or unset it".to_owned())
}

fn failed(why: String) -> Error {
    Error::Program { program: "go", why }
}

fn not_started(error: &std::io::Error) -> Error {
    failed(format!("it cannot be started: {}", error.kind()))
}

impl GoEnv {
    /// Whether it knows GOAUTH. An unreleased one is a new one.
    fn knows(&self) -> bool {
        let mut numbers =
            self.version.strip_prefix("go").unwrap_or_default().split(['.', 'r', 'b', '-', ' ']);
        let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok());
        match (next(), next()) {
            (Some(major), Some(minor)) => (major, minor) >= SINCE,
            _ => !self.version.is_empty(),
        }
    }
}

fn found(context: &SetupContext<'_>) -> Option<String> {
    Go::find(context).map(|go| format!("Go ({})", go.program.display()))
}

/// Our command, quoted as Go splits it: at blanks, with quotes around what has one, and at semicolons before that.
fn command(
    context: &SetupContext<'_>,
    options: SetupOptions,
    notes: &mut Vec<String>,
) -> Result<String, Error> {
    if options.by_name {
        return Ok("keyfob go".to_owned());
    }
    let own = Installation::of(context)?.path_of(TOOLS);
    if own.versioned {
        notes.push(format!(
            "{} will be another path after an upgrade; then again: keyfob setup go",
            own.path.display()
        ));
    }
    let text = own.path.to_str().filter(|text| !text.contains([';', '\n']));
    let quoted = text.and_then(|text| match text {
        text if !text.contains([' ', '\t', '\'', '"']) => Some(text.to_owned()),
        text if !text.contains('\'') => Some(format!("'{text}'")),
        text if !text.contains('"') => Some(format!("\"{text}\"")),
        _ => None,
    });
    let quoted = quoted.ok_or_else(|| {
        Error::usage(
            format!("{} cannot be said in GOAUTH", own.path.display()),
            "put keyfob into a folder of PATH, then: keyfob setup go --by-name",
        )
    })?;
    Ok(format!("{quoted} go"))
}

/// Whether a command of the list starts us, by its look.
fn is_ours(command: &str) -> bool {
    let command = command.trim();
    let Some(program) = command.strip_suffix(" go") else { return false };
    program_of(program).file_stem().is_some_and(|stem| stem == "keyfob" || stem == TOOLS)
}

fn program_of(quoted: &str) -> PathBuf {
    PathBuf::from(quoted.trim().trim_matches(['\'', '"']))
}

/// The list without us.
fn others(list: &str) -> Vec<&str> {
    list.split(';').map(str::trim).filter(|command| !command.is_empty() && !is_ours(command)).collect()
}

fn plan<'c>(
    context: &SetupContext<'c>,
    options: SetupOptions,
    before: Option<&SetupEntry>,
) -> Result<Plan<'c>, Error> {
    let go = Go::find(context).ok_or(Error::NoProgram { program: "go" })?;
    let about = go.about()?;
    let mut notes = Vec::new();
    if !about.knows() {
        notes.push(format!(
            "{} does not know GOAUTH, which came with Go 1.24; for repositories, git asks keyfob",
            visible(&about.version)
        ));
        return Ok(Plan { notes, entry: before.cloned(), ..Plan::default() });
    }
    let Some(file) = &about.file else {
        notes.push("GOENV is off, so Go has no settings that could be written".to_owned());
        return Ok(Plan { notes, entry: before.cloned(), ..Plan::default() });
    };
    if let Some(variable) = context.environment.text(GOAUTH) {
        notes.push(format!(
            "GOAUTH is set in the environment ({}) and counts in place of Go's settings",
            visible(&variable)
        ));
    }
    let command = command(context, options, &mut notes)?;
    let held = about.written.as_deref().unwrap_or(DEFAULT);
    if held.trim() == "off" {
        notes.push(
            "GOAUTH is off, and stays so; to let go ask again: go env -u GOAUTH, then keyfob setup go"
                .to_owned(),
        );
        return Ok(Plan { notes, entry: before.cloned(), ..Plan::default() });
    }
    let rest = if options.only { Vec::new() } else { others(held) };
    let mut all = vec![command.as_str()];
    all.extend(&rest);
    let value = all.join(";");
    if about.written.as_deref() == Some(&value) {
        return Ok(Plan { notes, ..Plan::nothing(before.cloned().unwrap_or_default()) });
    }
    check_file(file)?;
    // What stood there before the first setup is what undo brings back.
    let earlier = before.and_then(|entry| entry.written.first());
    let instead_of = match earlier.filter(|line| about.written.as_deref() == Some(&line.value)) {
        Some(line) => line.instead_of.clone(),
        None => about.written.clone(),
    };
    let line = SettingLine { instead_of, ..SettingLine::new(file, GOAUTH, value.as_str()) };
    let lines = vec![format!("go env -w {}", shell_word(Path::new(&format!("{GOAUTH}={value}"))))];
    let entry = Some(SetupEntry { written: vec![line], ..SetupEntry::default() });
    let file = file.clone();
    let apply = Box::new(move || go.set(&file, Some(&value)));
    Ok(Plan { lines, notes, entry, apply, ..Plan::default() })
}

fn keep_in_step<'c>(_: &SetupContext<'c>, before: &SetupEntry) -> Result<Plan<'c>, Error> {
    // Nothing of a place stands in GOAUTH.
    Ok(Plan::nothing(before.clone()))
}

fn undo<'c>(context: &SetupContext<'c>, entry: &SetupEntry) -> Result<Plan<'c>, Error> {
    let Some(line) = entry.written.first() else { return Ok(Plan::default()) };
    let Some(go) = Go::find(context) else {
        let notes = vec![format!("go is not here any more, so GOAUTH is left in {}", line.file)];
        return Ok(Plan { notes, ..Plan::default() });
    };
    let held = go.about()?.written;
    let value = match held.as_deref() {
        Some(held) if held == line.value => line.instead_of.clone(),
        // Changed since: we go, the rest stays.
        Some(held) if held.split(';').any(is_ours) => {
            Some(others(held).join(";")).filter(|rest| rest != DEFAULT && !rest.is_empty())
        }
        _ => {
            let notes =
                vec![format!("{GOAUTH} was changed in {} since setup wrote it, so it is left", line.file)];
            return Ok(Plan { notes, ..Plan::default() });
        }
    };
    check_file(Path::new(&line.file))?;
    let lines = vec![match &value {
        Some(value) => format!("go env -w {}", shell_word(Path::new(&format!("{GOAUTH}={value}")))),
        None => format!("go env -u {GOAUTH}"),
    }];
    let file = PathBuf::from(&line.file);
    let apply = Box::new(move || go.set(&file, value.as_deref()));
    Ok(Plan { lines, apply, ..Plan::default() })
}

fn check(context: &SetupContext<'_>, entry: Option<&SetupEntry>) -> Result<Vec<Finding>, Error> {
    const ABOUT: &str = "go";
    const FIX: &str = "keyfob setup go";
    let Some(go) = Go::find(context) else {
        let words = "setup was done, but go is not in PATH any more";
        return Ok(entry.map(|_| Finding::hint(ABOUT, words, "keyfob unsetup go")).into_iter().collect());
    };
    let about = go.about()?;
    if !about.knows() {
        let version = visible(&about.version);
        let words = format!(
            "{version} does not know GOAUTH, which came with Go 1.24; for repositories, git asks keyfob"
        );
        return Ok(vec![if entry.is_some() {
            Finding::hint(ABOUT, words, "install a newer Go")
        } else {
            Finding::ok(ABOUT, words)
        }]);
    }
    let Some(ours) = about.auth.split(';').find(|command| is_ours(command)) else {
        let shown = visible(&about.auth);
        return Ok(vec![match (context.environment.os(GOAUTH), entry) {
            (Some(_), _) => {
                let words = format!("go does not ask keyfob: GOAUTH is set in the environment ({shown})");
                Finding::hint(ABOUT, words, format!("unset {GOAUTH}, then {FIX}"))
            }
            (None, Some(_)) => Finding::broken(
                ABOUT,
                format!("setup was done, but go does not ask keyfob any more (GOAUTH={shown})"),
                FIX,
            ),
            (None, None) => Finding::hint(ABOUT, "go does not ask keyfob", FIX),
        }]);
    };
    let program = program_of(ours.trim().strip_suffix(" go").unwrap_or_default());
    let shown = format!("(GOAUTH={})", visible(&about.auth));
    Ok(vec![match started_by(&program, context.environment) {
        None => Finding::broken(ABOUT, format!("go asks keyfob and cannot start it {shown}"), FIX),
        Some(program) if is_this(&program, context) => Finding::ok(ABOUT, format!("go asks keyfob {shown}")),
        Some(_) => Finding::hint(ABOUT, format!("go asks another keyfob than this one {shown}"), FIX),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_command_is_known_by_its_look_however_it_is_quoted() {
        for ours in [
            "keyfob go",
            "/usr/bin/keyfob go",
            "/usr/bin/git-credential-keyfob go",
            " '/my tools/keyfob' go",
            "\"C:/x/keyfob.exe\" go",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["netrc", "off", "git /home/me", "xkeyfob go", "keyfob", "keyfob go x", "go"] {
            assert!(!is_ours(other), "{other}");
        }
        assert_eq!(others("/a/keyfob go; netrc;git /home/me;"), ["netrc", "git /home/me"]);
    }

    #[test]
    fn a_version_before_1_24_does_not_know_it() {
        let about = |version: &str| GoEnv {
            auth: String::new(),
            version: version.to_owned(),
            file: None,
            written: None,
        };
        for version in ["go1.24", "go1.24rc1", "go1.27.3", "go2.0", "devel go1.28-abc", "go1.25 X:none"] {
            assert!(about(version).knows(), "{version}");
        }
        for version in ["go1.23.9", "go1.19.8", "go1.4", ""] {
            assert!(!about(version).knows(), "{version}");
        }
    }
}
