//! Templates of records: `{organisation}` and its like in a URL or a name, filled in and read back.

/// Fills the words of a template in.
#[must_use]
pub fn fill(template: &str, organisation: Option<&str>, origin: Option<&str>) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, word, behind)) = rest.split_once('{').and_then(|(before, behind)| {
        let (word, behind) = behind.split_once('}')?;
        Some((before, word, behind))
    }) {
        filled.push_str(before);
        match word {
            "organisation" => filled.push_str(organisation.unwrap_or_default()),
            "origin" => filled.push_str(origin.unwrap_or_default()),
            other => filled.extend(["{", other, "}"]),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// What stands for the words of a template in a text; `None` if it does not fit the text. Empty where there are none.
pub(super) fn name_in<'t>(template: &str, text: &'t str) -> Option<&'t str> {
    match template.split_once("{organisation}") {
        Some((front, back)) => {
            text.strip_prefix(front)?.strip_suffix(back).filter(|name| !name.contains(['/', ':']))
        }
        None => (text == template).then_some(""),
    }
}
