//! How to fix it, for each error.

use std::io;
use std::path::Path;

use crate::text::shell_word;

use super::Error;

impl Error {
    /// How to fix it: a command that can be pasted, or one plain sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Locked { how: Some(how), .. } => how.clone(),
            Error::Locked { how: None, .. } | Error::Unanswered { .. } => "keyfob unlock".to_owned(),
            Error::Unavailable { .. } => {
                "keyfob doctor shows each store; keyfob storage move NAME changes to another".to_owned()
            }
            Error::Silent { .. } => {
                "keyfob doctor shows whether it answers now; KEYFOB_TIMEOUT=SECONDS waits longer".to_owned()
            }
            Error::TooLong { .. } => "keyfob storage move vault keeps tokens of any length".to_owned(),
            Error::Lost { .. } => {
                "add the token again with keyfob add, or restore the store from a backup".to_owned()
            }
            Error::Damaged { path, .. } if path.ends_with("vault/header.json") => {
                let (path, vault) = (shell_word(path), shell_word(path.parent().unwrap_or(path)));
                format!(
                    "restore {path} from a backup; if there is none: mv {vault} {vault}.lost, and add the tokens again"
                )
            }
            Error::Damaged { .. } => {
                "restore the file from a backup, or remove the token and add it again".to_owned()
            }
            Error::Newer { .. } => "use a newer keyfob; nothing was changed".to_owned(),
            Error::KeyFile { path, vault, .. } => {
                let (path, vault) = (shell_word(path), shell_word(vault));
                format!(
                    "restore {path} from a backup; if it is lost: mv {vault} {vault}.lost, and add the tokens again"
                )
            }
            Error::WrongPassphrase => "keyfob unlock asks again".to_owned(),
            Error::NobodyToSignIn => {
                "run it in a terminal; where nobody sits, set KEYFOB_ENTRA_TOKEN, or entra.command in the settings".to_owned()
            }
            // Said to somebody who has just typed that at a terminal, too.
            Error::NobodyToAsk { run, .. } => {
                format!("run {run} in a terminal, without CI, TF_BUILD and GIT_TERMINAL_PROMPT=0 in the environment")
            }
            Error::Unsupported { .. } => "keyfob storage shows what each store can do".to_owned(),
            Error::NoSuchStore { .. } => "keyfob storage lists the stores".to_owned(),
            Error::Unsafe { fix, .. } => fix.clone(),
            Error::Record { .. } => {
                "nothing was changed; keyfob doctor --repair rebuilds it from the store".to_owned()
            }
            Error::Export { .. } => {
                "nothing was changed; try again, or make it anew where the wallet is: keyfob export FILE".to_owned()
            }
            Error::Config { .. } => "keyfob help config shows every setting with an example".to_owned(),
            Error::Foreign { fix, .. } => fix.clone(),
            Error::Busy { .. } => "see whether a keyfob process hangs; nothing was changed".to_owned(),
            Error::Changing => "try again when the other one is done; nothing was changed".to_owned(),
            Error::Overtaken { url, .. } => {
                format!("nothing was changed, and the new one is in use; keyfob rotate {url} makes yet another one")
            }
            Error::NoHome => "set HOME, or KEYFOB_HOME to the folder that shall hold the wallet".to_owned(),
            Error::RelativeHome { variable: "KEYFOB_HOME" } => {
                "set it to one, such as $HOME/.keyfob".to_owned()
            }
            Error::RelativeHome { .. } => "set it, or KEYFOB_HOME, to one".to_owned(),
            Error::Randomness => return None,
            Error::Io { source, path, .. } => return io_hint(source, path),
            Error::Wire { .. } | Error::Request { .. } => return None,
            Error::Url { .. } => "for example: keyfob add https://dev.azure.com/contoso".to_owned(),
            Error::Token { why } if why.ends_with("empty") => {
                "give it in a terminal, which asks for it, or through a pipe: keyfob add URL < FILE"
                    .to_owned()
            }
            Error::Token { .. } => {
                "copy the token again from the page that made it; it is shown only once".to_owned()
            }
            Error::PlainHttp { cloud: true, .. } => "use https".to_owned(),
            Error::PlainHttp { cloud: false, .. } => {
                "use https, or repeat with --allow-http if you accept that the network can read it".to_owned()
            }
            Error::Usage { hint, .. } | Error::NoSuchCredential { hint, .. } => return hint.clone(),
            Error::Ambiguous { hint, .. } | Error::NotUsable { hint, .. } | Error::Service { hint, .. } => {
                hint.clone()
            }
            Error::NoProgram { program } => format!("install {program}, or add its folder to PATH"),
            Error::NotStarted { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "see whether its name is right and its folder is in PATH".to_owned()
            }
            Error::NotStarted { .. } | Error::Proxy { .. } => return None,
            Error::Network { cause, .. } => return cause.hint().map(str::to_owned),
            Error::Certificates { .. } => {
                "it has to be in PEM form; without SSL_CERT_FILE and git's http.sslCAInfo, the system's list counts".to_owned()
            }
            Error::Unsettled { again: true, .. } => "keyfob check asks again".to_owned(),
            Error::Unsettled { again: false, .. } => return None,
            Error::Program { .. } | Error::Declined | Error::Unwell { .. } => return None,
        })
    }

    /// What, why, and how to fix it, for those who show one line.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let hint = self.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{self}{hint}")
    }
}

fn io_hint(source: &io::Error, path: &Path) -> Option<String> {
    let place = path.parent().unwrap_or(path).display();
    Some(match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("make room on the disk of {place}; nothing was changed")
        }
        io::ErrorKind::FileTooLarge => "the shell allows no longer ones: ulimit -f unlimited".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("{place} is read-only; set KEYFOB_HOME to a folder that can be written")
        }
        io::ErrorKind::PermissionDenied => {
            let path = path.display();
            format!("look at owner and mode: ls -ld {place} {path}; KEYFOB_HOME moves what is keyfob's own")
        }
        _ => return None,
    })
}
