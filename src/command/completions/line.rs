//! What fits at the end of a command line, by the same records that the line is parsed with. It knows nothing of the wallet: whoever
//! asks says which values an argument may have beside those that its record names.

use clap::{Arg, ValueHint};

/// A word that fits, with a line of help.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fits {
    /// The word.
    pub value: String,
    /// What it is; may be empty.
    pub help: String,
}

impl Fits {
    /// A word that needs no help.
    pub(super) fn plain(value: impl Into<String>) -> Fits {
        Fits { value: value.into(), help: String::new() }
    }
}

/// An argument whose values are wanted.
pub(super) struct Asked<'a> {
    /// The command, its words with blanks between.
    pub command: &'a str,
    /// The argument's id.
    pub argument: &'a str,
    /// The URL that is on the line already.
    pub url: Option<&'a str>,
    /// What was typed of the value.
    pub typed: &'a str,
}

/// What fits in the place of the last word, sorted, and whether files do.
pub(super) fn fitting(
    mut parser: clap::Command,
    words: &[&str],
    values: &dyn Fn(&Asked<'_>) -> Vec<Fits>,
) -> (Vec<Fits>, bool) {
    parser.build();
    let (current, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (*last, before));
    let mut line =
        Line { command: &parser, name: String::new(), given: Vec::new(), positional: 0, only_values: false };
    let mut pending = None;
    for word in before {
        pending = line.take(word, pending);
    }
    let (mut fitting, files) = match pending {
        Some(option) => line.values_of(option, current, "", values),
        None => line.words(current, values),
    };
    fitting.retain(|fits| fits.value.starts_with(current) && is_plain(&fits.value));
    fitting.sort();
    fitting.dedup_by(|a, b| a.value == b.value);
    (fitting, files)
}

/// A command line, as far as it was read.
struct Line<'p> {
    command: &'p clap::Command,
    name: String,
    /// The arguments that are there, with their values.
    given: Vec<(&'p str, String)>,
    /// How many values of positional arguments there are.
    positional: usize,
    /// Whether `--` was there.
    only_values: bool,
}

impl<'p> Line<'p> {
    /// Reads a word; returns the option that the next one is the value of.
    fn take(&mut self, word: &str, pending: Option<&'p Arg>) -> Option<&'p Arg> {
        if let Some(option) = pending {
            self.given.push((option.get_id().as_str(), word.to_owned()));
            return None;
        }
        if !self.only_values {
            if word == "--" {
                self.only_values = true;
                return None;
            }
            if word.len() > 1 && word.starts_with('-') {
                let (name, value) =
                    word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
                let option = self.option(name)?;
                self.given.push((option.get_id().as_str(), value.unwrap_or_default().to_owned()));
                return Some(option).filter(|option| value.is_none() && takes_value(option));
            }
            if let Some(below) = self.command.find_subcommand(word) {
                self.command = below;
                self.name = format!("{} {}", self.name, below.get_name()).trim_start().to_owned();
                (self.given, self.positional) = (Vec::new(), 0);
                return None;
            }
        }
        if let Some(argument) = self.next_positional() {
            self.given.push((argument.get_id().as_str(), word.to_owned()));
        }
        self.positional += 1;
        None
    }

    fn option(&self, name: &str) -> Option<&'p Arg> {
        self.command.get_arguments().find(|argument| match name.strip_prefix("--") {
            Some(long) => argument.get_long() == Some(long),
            None => argument
                .get_short()
                .is_some_and(|short| name.strip_prefix('-') == Some(short.to_string().as_str())),
        })
    }

    /// The positional argument that the next value is for; one that takes many takes all the rest.
    fn next_positional(&self) -> Option<&'p Arg> {
        let mut positionals = self.command.get_positionals().filter(|argument| !argument.is_hide_set());
        let many = |argument: &&Arg| argument.get_num_args().is_some_and(|count| count.max_values() > 1);
        let last = self.command.get_positionals().filter(|argument| !argument.is_hide_set()).last();
        positionals.nth(self.positional).or_else(|| last.filter(many))
    }

    /// What fits where an option or a value may stand.
    fn words(&self, current: &str, values: &dyn Fn(&Asked<'_>) -> Vec<Fits>) -> (Vec<Fits>, bool) {
        if current.starts_with('-') && !self.only_values {
            if let Some((name, typed)) = current.split_once('=')
                && let Some(option) = self.option(name).filter(|option| takes_value(option))
            {
                return self.values_of(option, typed, &format!("{name}="), values);
            }
            let options = self.command.get_arguments().filter(|argument| {
                let repeats = matches!(argument.get_action(), clap::ArgAction::Append);
                !argument.is_hide_set()
                    && (repeats || !self.given.iter().any(|(id, _)| id == argument.get_id()))
            });
            let fits = |argument: &Arg| {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                argument.get_long().map(|long| Fits { value: format!("--{long}"), help: one_line(&help) })
            };
            return (options.filter_map(fits).collect(), false);
        }
        let below = self
            .command
            .get_subcommands()
            .filter(|below| !below.is_hide_set() && !self.only_values && self.positional == 0);
        let mut fitting: Vec<Fits> = below
            .map(|below| {
                let help = below.get_about().map(ToString::to_string).unwrap_or_default();
                Fits { value: below.get_name().to_owned(), help: one_line(&help) }
            })
            .collect();
        let Some(argument) = self.next_positional() else { return (fitting, false) };
        let (more, files) = self.values_of(argument, current, "", values);
        fitting.extend(more);
        (fitting, files)
    }

    fn values_of(
        &self,
        argument: &Arg,
        typed: &str,
        front: &str,
        values: &dyn Fn(&Asked<'_>) -> Vec<Fits>,
    ) -> (Vec<Fits>, bool) {
        let url = self.given.iter().find(|(id, _)| *id == "URL").map(|(_, url)| url.as_str());
        let id = argument.get_id().as_str();
        let mut fitting = values(&Asked { command: &self.name, argument: id, url, typed });
        let possible = argument.get_possible_values();
        fitting.extend(possible.iter().filter(|value| !value.is_hide_set()).map(|value| Fits {
            value: value.get_name().to_owned(),
            help: one_line(&value.get_help().map(ToString::to_string).unwrap_or_default()),
        }));
        fitting.iter_mut().for_each(|fits| fits.value.insert_str(0, front));
        let files = matches!(
            argument.get_value_hint(),
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath | ValueHint::CommandWithArguments
        );
        (fitting, files)
    }
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values() && argument.get_num_args().is_none_or(|count| count.min_values() > 0)
}

fn one_line(help: &str) -> String {
    crate::text::visible(help.lines().next().unwrap_or_default())
}

/// Whether a word means itself in every shell: some put it on the command line as it is.
fn is_plain(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "-._@+:/%,=~[]".contains(c)) && !word.starts_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(words: &str) -> String {
        let words: Vec<&str> = words.split(' ').collect();
        let (fitting, files) = fitting(super::super::parser(), &words, &|asked| {
            let value = match (asked.argument, asked.url) {
                ("account", Some(url)) => format!("of-{url}"),
                ("account", None) => "of-anywhere".to_owned(),
                ("URL" | "STORE" | "NAME", _) => "a.example".to_owned(),
                _ => return vec![Fits::plain("$(odd)")],
            };
            vec![Fits::plain(value)]
        });
        let mut words: Vec<String> = fitting.into_iter().map(|fits| fits.value).collect();
        words.extend(files.then(|| ":files".to_owned()));
        words.join(" ")
    }

    #[test]
    fn commands_options_and_values_fit_where_the_parser_takes_them() {
        for (typed, fits) in [
            ("li", "links list"),
            ("storage mo", "move"),
            ("storage move ", "a.example"),
            ("list --ex", "--exit-code --expiring"),
            // An option that is there is not offered again.
            ("list --exit-code --ex", "--expiring"),
            ("list --expiring ", ""),
            ("token a.example --as ba", "basic"),
            ("token a.example --as=ba", "--as=basic"),
            ("prefer ", "a.example"),
            ("prefer a.example --account ", "of-a.example"),
            ("prefer a.example --account=", "--account=of-a.example"),
            ("prefer --account ", "of-anywhere"),
            ("import --file ", ":files"),
            ("help sto", "storage"),
            ("help storage mo", "move"),
            ("run --dry-run -- ", ":files"),
            ("run -- git cl", ":files"),
            ("completions po", "powershell"),
            ("nothing-such li", ""),
        ] {
            assert_eq!(offered(typed), fits, "{typed}");
        }
        assert!(offered("").starts_with("add check completions "));
        assert!(!offered("").contains("WORDS"));
    }

    #[test]
    fn a_word_that_a_shell_would_read_otherwise_is_not_offered() {
        for odd in [
            "$(rm)",
            "a b",
            "a;b",
            "`x`",
            "a'b",
            "\u{202e}x",
            "~root",
            "a\"b",
            "a*",
            "a\\b",
            "a|b",
            "a&b",
            "{a}",
            "!x",
        ] {
            assert!(!is_plain(odd), "{odd}");
        }
        for plain in [
            "alice@contoso.example",
            "dev.azure.com/contoso",
            "https://h:8/a",
            "日本語",
            "[::1]:8080",
            "x_y+z",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
    }
}
