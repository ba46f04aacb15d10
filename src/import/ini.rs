//! Files in the form of Python's configparser: sections, names and values, values that go on in indented lines.

use std::ops::Range;

use zeroize::Zeroizing;

use super::file::{Line, TextFile, lines};

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The section's name.
    pub section: String,
    /// The setting's name, as it is written.
    pub key: String,
    /// Its value; lines that it goes on in are joined by line feeds.
    pub value: Zeroizing<String>,
    /// The line that it begins in.
    pub line: usize,
    /// Its lines; with the section's own if nothing else stands in the section.
    pub ranges: Vec<Range<usize>>,
}

/// Every setting of the file. What is none is passed over.
#[must_use]
pub fn settings(file: &TextFile, text: &str) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut header: Option<Line<'_>> = None;
    // Where the settings of the present section begin, and whether anything else stands in it.
    let (mut first, mut other) = (0, false);
    let close = |header: &Option<Line<'_>>, settings: &mut Vec<Setting>, first: usize, other: bool| {
        if let (Some(header), [only]) = (header, &mut settings[first..])
            && !other
        {
            only.ranges.insert(0, header.range.clone());
        }
    };
    for line in lines(file, text) {
        let words = line.text.trim();
        let goes_on = line.text.starts_with([' ', '\t']) && !words.is_empty();
        if words.starts_with('[') && words.ends_with(']') {
            close(&header, &mut settings, first, other);
            (first, other) = (settings.len(), false);
            header = Some(line);
        } else if words.starts_with(['#', ';']) {
            other = true;
        } else if goes_on && settings.len() > first {
            if let Some(last) = settings.last_mut() {
                let joined = Zeroizing::new(format!("{}\n{words}", *last.value));
                last.value = joined;
                last.ranges.push(line.range);
            }
        } else if let (Some((key, value)), Some(header)) = (words.split_once(['=', ':']), &header) {
            settings.push(Setting {
                section: header.text.trim().trim_start_matches('[').trim_end_matches(']').to_owned(),
                key: key.trim().to_owned(),
                value: Zeroizing::new(value.trim().to_owned()),
                line: line.number,
                ranges: vec![line.range],
            });
        } else if !words.is_empty() {
            other = true;
        }
    }
    close(&header, &mut settings, first, other);
    settings
}
