//! What an entry of the macOS keychain says of itself, from the property list that the system makes of it: a flat dictionary in
//! XML. Of that format this reads strings and whole numbers, which is all that names an entry.

use std::collections::HashMap;

use crate::formats::xml::{self, Event};

/// The elements that hold what is read.
const VALUES: &[&str] = &["string", "integer"];

/// Attributes by the four letters that name them.
pub(super) struct Attributes(HashMap<String, String>);

impl Attributes {
    /// Reads the property list; none of what is not well-formed. What is no string and no number is passed over.
    pub(super) fn read(list: &str) -> Attributes {
        let mut found = HashMap::new();
        let (mut key, mut kind) = (String::new(), "");
        let events = xml::events(list).unwrap_or_default();
        for (event, _) in &events {
            match event {
                Event::Open(element) => {
                    kind = element.name();
                    if VALUES.contains(&kind) {
                        found.insert(key.clone(), String::new());
                    }
                }
                Event::Text(text) if kind == "key" => key.clone_from(text),
                Event::Text(text) if VALUES.contains(&kind) => drop(found.insert(key.clone(), text.clone())),
                Event::Text(_) => {}
                Event::Close => kind = "",
            }
        }
        Attributes(found)
    }

    /// One of them; empty if it is not there.
    pub(super) fn word(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// The port; 0 is the protocol's own.
    pub(super) fn port(&self) -> u16 {
        self.word("port").parse().unwrap_or(0)
    }

    /// Whether git's own helper may have written it: for https (`htps`), and of the kind that it gives all of its entries. What
    /// browsers keep for web pages is of others (`form`, `http` …), and nobody's business here.
    pub(super) fn is_gits(&self) -> bool {
        self.word("ptcl") == "htps" && self.word("atyp") == "dflt"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>acct</key>\n\t<string>a&amp;b &lt;c&gt;</string>\n\t\
        <key>atyp</key>\n\t<string>dflt</string>\n\t<key>cdat</key>\n\t<date>2026-01-01T00:00:00Z</date>\n\t<key>path</key>\n\t<string></string>\n\t\
        <key>port</key>\n\t<integer>8443</integer>\n\t<key>ptcl</key>\n\t<string>htps</string>\n\t<key>srvr</key>\n\t<string>git.example</string>\n\
        </dict>\n</plist>\n";

    #[test]
    fn an_entry_tells_its_server_with_the_port_and_whose_it_is() {
        let attributes = Attributes::read(LIST);
        assert_eq!((attributes.word("srvr").as_str(), attributes.port()), ("git.example", 8443));
        assert_eq!(attributes.word("acct"), "a&b <c>");
        assert_eq!(attributes.word("path"), "");
        assert_eq!(attributes.word("cdat"), "");
        assert!(attributes.is_gits());
        assert_eq!(
            Attributes::read(&LIST.replace("<integer>8443</integer>", "<integer>0</integer>")).port(),
            0
        );
    }

    #[test]
    fn what_a_browser_keeps_for_a_page_is_not_gits() {
        for (from, to) in [("dflt", "form"), ("dflt", "http"), ("htps", "http"), ("htps", "smtp")] {
            assert!(!Attributes::read(&LIST.replace(from, to)).is_gits(), "{to}");
        }
        for broken in ["", "<key>", "<key>ptcl</key>", "<key>ptcl</key><string>htps"] {
            assert!(!Attributes::read(broken).is_gits(), "{broken}");
        }
    }
}
