//! The XML that settings of NuGet and Maven are written in, as a flat list of what opens and closes. No entity but the five
//! that XML itself has is replaced and no other file is read, so a hostile document can neither grow nor reach out. Deliberately
//! absent: namespaces and the whole of DTDs, which settings do not need.

/// A part of a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'x> {
    /// An element opens; one that is empty closes at once.
    Open(&'x str, Vec<(&'x str, String)>),
    /// An element closes.
    Close(&'x str),
    /// Text that is not blank.
    Text(String),
}

/// The events of a document; `None` if it is not well-formed.
#[must_use]
pub fn events(document: &str) -> Option<Vec<Event<'_>>> {
    let (mut events, mut open) = (Vec::new(), Vec::new());
    let mut rest = document;
    while let Some((text, tag)) = rest.split_once('<') {
        if !text.trim().is_empty() {
            events.push(Event::Text(unescape(text.trim())));
        }
        rest = if let Some(comment) = tag.strip_prefix("!--") {
            comment.split_once("-->")?.1
        } else if let Some(data) = tag.strip_prefix("![CDATA[") {
            let (data, after) = data.split_once("]]>")?;
            events.push(Event::Text(data.to_owned()));
            after
        } else if let Some(instruction) = tag.strip_prefix('?') {
            instruction.split_once("?>")?.1
        } else if let Some(doctype) = tag.strip_prefix('!') {
            let end = doctype.find(['[', '>'])?;
            match doctype[end..].strip_prefix('[') {
                Some(subset) => subset.split_once("]")?.1.split_once('>')?.1,
                None => &doctype[end + 1..],
            }
        } else if let Some(closing) = tag.strip_prefix('/') {
            let (name, after) = closing.split_once('>')?;
            (open.pop()? == name.trim_end()).then_some(())?;
            events.push(Event::Close(name.trim_end()));
            after
        } else {
            let (name, attributes, empty, after) = element(tag)?;
            events.push(Event::Open(name, attributes));
            if empty {
                events.push(Event::Close(name));
            } else {
                open.push(name);
            }
            after
        };
    }
    (open.is_empty() && rest.trim().is_empty()).then_some(events)
}

/// Name, attributes, whether it is empty, what follows.
type Element<'x> = (&'x str, Vec<(&'x str, String)>, bool, &'x str);

/// What stands behind a `<`.
fn element(tag: &str) -> Option<Element<'_>> {
    let end = tag.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
    let (name, mut rest) = (&tag[..end], tag[end..].trim_start());
    if name.is_empty() {
        return None;
    }
    let mut attributes = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            return Some((name, attributes, false, after));
        }
        if let Some(after) = rest.strip_prefix("/>") {
            return Some((name, attributes, true, after));
        }
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = value[1..].split_once(quote)?;
        attributes.push((key.trim(), unescape(value)));
        rest = after.trim_start();
    }
}

fn unescape(text: &str) -> String {
    super::search::expand(text, "&", ';', |entity| {
        let c = match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        };
        Some(c.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &str) -> Option<String> {
        let events = events(document)?;
        let shown = events.iter().map(|event| match event {
            Event::Open(name, attributes) => {
                let attributes = attributes.iter().map(|(key, value)| format!(" {key}={value}"));
                format!("<{name}{}>", attributes.collect::<String>())
            }
            Event::Close(name) => format!("</{name}>"),
            Event::Text(text) => text.clone(),
        });
        Some(shown.collect())
    }

    #[test]
    fn a_document_is_what_opens_and_closes() {
        for (document, events) in [
            ("<?xml version='1.0'?>\r\n<a>\r\n <b/>\r\n</a>\r\n", "<a><b></b></a>"),
            ("<a x = \"1\" y='&quot;&amp;amp;&#65;&#x42;'> t &lt; u </a >", "<a x=1 y=\"&amp;AB>t < u</a>"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a><!-- <b> --><![CDATA[<&amp;]]>&b;</a>", "<a><&amp;&b;</a>"),
            ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "<a></a>"),
        ] {
            assert_eq!(shown(document).as_deref(), Some(events), "{document}");
        }
    }

    #[test]
    fn what_is_not_well_formed_gives_nothing() {
        for document in
            ["<a>", "</a>", "<a><b></a></b>", "<a x=1/>", "<a x='1>", "<", "<>", "<!-- ", "<a/>x", "<!x"]
        {
            assert_eq!(shown(document), None, "{document}");
        }
    }
}
