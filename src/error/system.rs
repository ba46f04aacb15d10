//! The operating system's reasons, as keyfob words its own.

use std::io;

/// The system's reason without Rust's "(os error N)".
pub(super) fn plain(error: &io::Error) -> String {
    // One that we made ourselves has Rust's words ("entity not found"), which tell a person nothing.
    let bare = error.raw_os_error().is_none() && error.get_ref().is_none();
    let text = match error.kind() {
        io::ErrorKind::NotFound if bare => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    let cut = text.find(" (os error").unwrap_or(text.len());
    let mut words = text[..cut].to_owned();
    // An abbreviation ("I/O error", as musl has it) stays one.
    let is_word = words.chars().nth(1).is_none_or(char::is_lowercase);
    if let Some(first) = words.get(..1).map(str::to_lowercase).filter(|_| is_word) {
        words.replace_range(..1, &first);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_begin_small_unless_they_are_capitals() {
        // As one C library and the other call the same thing.
        for (theirs, ours) in
            [("Input/output error", "input/output error"), ("I/O error", "I/O error"), ("", "")]
        {
            assert_eq!(plain(&io::Error::other(theirs)), ours);
        }
    }
}
