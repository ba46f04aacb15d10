//! What `keyfob run` knows of a program that reaches a service through its proxy: a [`Client`], as a part of its tool's record. By
//! which variables it finds the proxy and trusts it, which files name the places that it needs, and which of its commands
//! publish. It gets no token from us, so a mistake here can only keep one away.
//!
//! Deliberately absent: starting the program and asking the wallet, which are the command's, and any rule on which place gets which
//! token, which is the wallet's.

use crate::forge::Need;

pub mod login;
pub mod settings;
mod urls;
pub mod variables;

/// A program that comes through the proxy.
pub struct Client {
    /// The names by which it is started: `keyfob run -- npm ci` needs no `--profile`.
    pub programs: &'static [&'static str],
    /// What names the places that it may need a login for.
    pub settings: &'static [Settings],
    /// Which of its command lines publish, and so may write.
    pub publishes: Publishes,
    /// The variables that it reads beside those that every command gets ([`variables::GENERAL`]).
    pub variables: &'static [Variable],
    /// Variables by which the user signs it in himself: keyfob says when one is set, and leaves it. A `*` at the end stands for any
    /// more letters.
    pub logins: &'static [&'static str],
    /// How it is brought to send a request for which it demands a login first.
    pub placeholder: Placeholder,
}

impl Client {
    /// What a record begins with that states only its own.
    pub const BASE: Client = Client {
        programs: &[],
        settings: &[],
        publishes: Publishes::Never,
        variables: &[],
        logins: &[],
        placeholder: Placeholder::None,
    };
}

/// Where URLs are looked for. The files are read leniently: every URL in them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// A file in the folder of the command, in those above and some way below.
    Project(&'static str),
    /// A file below the home.
    Home(&'static str),
    /// A file below the folder of settings (`~/.config`, `%APPDATA%`).
    Config(&'static str),
    /// The file that this variable names; or this one in the folder that it names.
    Named(&'static str, &'static str),
    /// A file of the whole machine.
    System(&'static str),
    /// What a variable of this name says; a `*` at the end stands for any more letters.
    Variable(&'static str),
}

impl Settings {
    /// In words, for the documentation.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Settings::Project(name) => format!("`{name}`"),
            Settings::Home(name) => format!("`~/{name}`"),
            Settings::Config(name) => format!("`~/.config/{name}`"),
            Settings::Named(variable, "") | Settings::Variable(variable) => format!("`${variable}`"),
            Settings::Named(variable, file) => format!("`${variable}/{file}`"),
            Settings::System(name) => format!("`{name}`"),
        }
    }
}

/// Which command lines publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishes {
    /// None.
    Never,
    /// Those with these words, one after the other, before any other word that is no option; `*` is any word.
    Words(&'static [&'static [&'static str]]),
    /// Those with a word that is one of these, or has one behind its last colon (`deploy`, `:deploy-file`, `:lib:publish`); a `*` at
    /// the end stands for any more letters.
    Anywhere(&'static [&'static str]),
}

impl Publishes {
    /// Whether the command line with these arguments publishes.
    #[must_use]
    pub fn on(&self, arguments: &[&str]) -> bool {
        // The value of an option that stands for itself (`--prefix DIR publish`) ends the search: then `--write` has to say it.
        let words: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
        match self {
            Publishes::Never => false,
            Publishes::Words(all) => all.iter().any(|wanted| {
                wanted.len() <= words.len()
                    && wanted.iter().zip(&words).all(|(wanted, word)| *wanted == "*" || wanted == word)
            }),
            Publishes::Anywhere(all) => words.iter().any(|word| {
                let last = word.rsplit(':').next().unwrap_or(word);
                all.iter().any(|wanted| match wanted.strip_suffix('*') {
                    Some(beginning) => last.starts_with(beginning),
                    None => last == *wanted,
                })
            }),
        }
    }

    /// In words, for the documentation.
    #[must_use]
    pub fn words(&self) -> String {
        let quoted = |words: String| format!("`{words}`");
        match self {
            Publishes::Never => "nothing".to_owned(),
            Publishes::Words(all) => {
                all.iter().map(|words| quoted(words.join(" "))).collect::<Vec<_>>().join(", ")
            }
            Publishes::Anywhere(all) => {
                all.iter().map(|word| quoted((*word).to_owned())).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// A variable that is set for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The proxy's URL.
    Proxy,
    /// The hosts that are reached without it: those that were so before, but none of the served places.
    Exceptions,
    /// A file with the authorities that were trusted before (the system's, and those of every variable here), and the proxy's.
    Authorities,
    /// The same, only if one of the client's settings has this word: some versions take the variable for a mistake.
    AuthoritiesIfSet(&'static str),
    /// A file with what the variable named before, and the proxy's authority: the client has authorities of its own besides.
    MoreAuthorities,
    /// What it held before, and Java's options for the proxy and for a trust store.
    Java,
    /// A word in place of a login, unless the client has one: it is not sent to any place but with a request that needs one.
    Placeholder,
}

impl Holds {
    /// In words, for the documentation.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Holds::Proxy => "the proxy",
            Holds::Exceptions => "hosts that go without it",
            Holds::Authorities => "authorities",
            Holds::AuthoritiesIfSet(_) => "authorities, if the project sets its own",
            Holds::MoreAuthorities => "more authorities",
            Holds::Java => "Java's options for proxy and trust store",
            Holds::Placeholder => "a placeholder",
        }
    }
}

/// The word that stands where a client demands a login: the proxy puts the real one in its place, and it opens nothing.
pub const PLACEHOLDER: &str = "keyfob-puts-the-token-here";

/// How a client is brought to send a request although it has no login.
#[derive(Clone, Copy, Debug)]
pub enum Placeholder {
    /// It sends one anyway.
    None,
    /// npm's file of the user, with a placeholder for each registry behind what is in it.
    Npmrc,
    /// These variables hold a user name and a placeholder, if the command line or its settings name one of our places and nobody
    /// else's to publish to.
    Pair(&'static str, &'static str),
    /// A variable for each name that the settings give a place of ours: `{NAME}` is that name in capitals.
    Named(&'static str, NamesOf),
}

/// Finds the names of places and their URLs in the text of a settings file.
pub type NamesOf = fn(&str) -> Vec<(String, String)>;

/// Whether a password or Bearer token is no login: our own placeholder, or a variable that the client left as it stood.
#[must_use]
pub fn is_void(login: &str) -> bool {
    let login = login.trim();
    login.is_empty() || login == PLACEHOLDER || (login.starts_with("${") && login.ends_with('}'))
}

/// The clients of all tools, each with its tool's name and need.
pub fn all() -> impl Iterator<Item = (&'static str, Need, &'static Client)> + Clone {
    super::ALL.iter().filter_map(|tool| Some((tool.name, tool.need, tool.client?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_publishes_if_it_says_so_itself_and_not_because_of_a_word_elsewhere() {
        let npm = Publishes::Words(&[&["publish"], &["dist-tag", "add"]]);
        for yes in [
            &["publish"][..],
            &["--access", "publish"],
            &["--tag=x", "publish", "./a"],
            &["dist-tag", "add", "x"],
        ] {
            assert!(npm.on(yes), "{yes:?}");
        }
        for no in [&["install", "publish"][..], &["run", "publish"], &["dist-tag", "ls"], &[], &["ci"]] {
            assert!(!npm.on(no), "{no:?}");
        }
        let maven = Publishes::Anywhere(&["deploy", "deploy-file"]);
        for yes in [
            &["-B", "clean", "deploy"][..],
            &["org.apache.maven.plugins:maven-deploy-plugin:3.1.1:deploy-file"],
        ] {
            assert!(maven.on(yes), "{yes:?}");
        }
        assert!(!maven.on(&["verify", "-Ddeploy"]) && !maven.on(&["deploy-later"]));
    }

    #[test]
    fn a_variable_that_is_not_set_is_no_login_and_a_token_is() {
        for void in ["", PLACEHOLDER, "${NPM_TOKEN}", " ${X} "] {
            assert!(is_void(void), "{void}");
        }
        for login in ["x", "${a}b", "npm_123", "$NPM_TOKEN"] {
            assert!(!is_void(login), "{login}");
        }
    }
}
