//! XML as other programs' settings have it, over `quick-xml`: what opens, what closes and the text between, each with the bytes
//! that it takes. No entity but the five that XML itself has is replaced and no other file is read, so a hostile document can
//! neither grow nor reach out. Deliberately absent: namespaces and what DTDs declare, which settings do not need.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event as Part};
use zeroize::Zeroizing;

/// A part of a document.
#[derive(Debug)]
pub enum Event<'x> {
    /// An element opens; an empty one closes at once.
    Open(Element<'x>),
    /// An element closes.
    Close,
    /// All text between two tags. A reference that XML does not know by itself stays as it is.
    Text(String),
}

/// An element that opens.
#[derive(Debug)]
pub struct Element<'x>(BytesStart<'x>);

impl Element<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name().0
    }

    /// The value of an attribute; `None` also where it has a reference that XML does not know by itself.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Zeroizing<String>> {
        let mut all = self.0.attributes().flatten();
        let raw = all.find(|attribute| attribute.key.0 == name)?.value;
        Some(Zeroizing::new(unescape(&raw).ok()?.into_owned()))
    }

    /// Whether its attributes are well-formed.
    fn is_sound(&self) -> bool {
        let sound = |value: &str| !value.contains('<');
        !self.name().is_empty()
            && self.0.attributes().all(|attribute| attribute.is_ok_and(|attribute| sound(&attribute.value)))
    }
}

/// The events of a document, each with its bytes from the first to behind the last; `None` if it is not well-formed.
#[must_use]
pub fn events(document: &str) -> Option<Vec<(Event<'_>, Range<usize>)>> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let (mut events, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    loop {
        let part = reader.read_event().ok()?;
        let end = usize::try_from(reader.buffer_position()).ok()?;
        match part {
            Part::Start(element) => {
                let element = Element(element);
                element.is_sound().then_some(())?;
                depth += 1;
                events.push((Event::Open(element), start..end));
            }
            Part::End(_) => {
                depth = depth.checked_sub(1)?;
                events.push((Event::Close, start..end));
            }
            Part::Text(text) => add(&mut events, &text.into_inner(), depth, start..end)?,
            Part::CData(text) => add(&mut events, &text.into_inner(), depth, start..end)?,
            Part::GeneralRef(reference) => add(&mut events, &resolved(&reference)?, depth, start..end)?,
            Part::Eof => return (depth == 0).then_some(events),
            _ => {}
        }
        start = end;
    }
}

/// Adds text to that before it. Outside of all elements there may be none.
fn add(
    events: &mut Vec<(Event<'_>, Range<usize>)>,
    text: &str,
    depth: usize,
    at: Range<usize>,
) -> Option<()> {
    match events.last_mut() {
        _ if depth == 0 => return text.trim().is_empty().then_some(()),
        Some((Event::Text(before), range)) => {
            before.push_str(text);
            range.end = at.end;
        }
        _ => events.push((Event::Text(text.to_owned()), at)),
    }
    Some(())
}

fn resolved(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(c) = reference.resolve_char_ref().ok()? {
        return Some(c.to_string());
    }
    let name = reference.borrow().into_inner();
    Some(resolve_xml_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned))
}

/// What .NET made an element's name of (`XmlConvert.EncodeName`): a character that cannot be in one is written `_x0020_`.
#[must_use]
pub fn decode_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("_x") {
        name.push_str(before);
        let code = after.get(..5).and_then(|code| code.strip_suffix('_'));
        match code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
            Some(c) => {
                name.push(c);
                rest = &after[5..];
            }
            None => {
                name.push_str("_x");
                rest = after;
            }
        }
    }
    name.push_str(rest);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &str) -> Option<String> {
        let events = events(document)?;
        let mut open = Vec::new();
        let shown = events.iter().map(|(event, range)| match event {
            Event::Open(element) => {
                assert!(document[range.clone()].starts_with(&format!("<{}", element.name())));
                assert!(document[range.clone()].ends_with('>'));
                open.push(element.name());
                let names = ["x", "y"].into_iter();
                let value = |name: &str| Some(format!(" {name}={}", *element.attribute(name)?));
                format!("<{}{}>", element.name(), names.filter_map(value).collect::<String>())
            }
            Event::Close => {
                assert!(document[..range.end].ends_with('>'));
                format!("</{}>", open.pop().unwrap())
            }
            Event::Text(text) => text.trim().to_owned(),
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
            ("<a x='&b;' y='2'>one<!-- and --> t&#119;o</a>", "<a y=2>one two</a>"),
        ] {
            assert_eq!(shown(document).as_deref(), Some(events), "{document}");
        }
    }

    #[test]
    fn what_is_not_well_formed_gives_nothing() {
        for document in [
            "<a>",
            "</a>",
            "<a><b></a></b>",
            "<a x=1/>",
            "<a x='1>",
            "<",
            "<>",
            "<!-- ",
            "<a/>x",
            "<!x",
            "<a x='<'/>",
            "<a x='1' x='2'/>",
            "<a/>&amp;",
            "<a>&#0;</a>",
            "< a/>",
        ] {
            assert_eq!(shown(document), None, "{document}");
        }
    }

    #[test]
    fn names_of_dotnet_are_decoded() {
        for (name, text) in [
            ("my_x0020_feed", "my feed"),
            ("_x", "_x"),
            ("a_x00_b", "a_x00_b"),
            ("_xD800_", "_xD800_"),
            ("_xéé_", "_xéé_"),
        ] {
            assert_eq!(decode_name(name), text);
        }
    }
}
