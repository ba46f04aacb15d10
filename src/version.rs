//! Which keyfob this is: the package's version, the commit and its day. A build script of ours says the last two
//! (`install/common.sh`); who builds from a plain archive has none.

/// The commit, where the build was told.
const COMMIT: Option<&str> = option_env!("KEYFOB_BUILD_COMMIT");
/// Its day in UTC, or that of `SOURCE_DATE_EPOCH`.
const DAY: Option<&str> = option_env!("KEYFOB_BUILD_DAY");

/// What a program says to `--version`.
#[must_use]
pub fn line(program: &str) -> String {
    format!("{program} {} ({})", env!("CARGO_PKG_VERSION"), build_of(COMMIT, DAY))
}

fn build_of(commit: Option<&str>, day: Option<&str>) -> String {
    let commit = commit.filter(|text| !text.is_empty()).unwrap_or("commit unknown");
    match day.filter(|text| !text.is_empty()) {
        Some(day) => format!("{commit} {day}"),
        None => commit.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_the_commit_and_its_day_or_says_that_they_are_unknown() {
        assert_eq!(build_of(Some("1a2b3c4d5e6f"), Some("2026-11-30")), "1a2b3c4d5e6f 2026-11-30");
        assert_eq!(build_of(Some(""), Some("")), "commit unknown");
        assert_eq!(build_of(None, None), "commit unknown");
        assert_eq!(build_of(None, Some("2026-11-30")), "commit unknown 2026-11-30");
        assert!(line("keyfob").starts_with("keyfob 0."));
    }
}
