//! Changing one member of a JSON object and leaving every other byte as it is: people keep their configuration in dotfiles,
//! and a file that comes back in another order and indentation is a nuisance.
//!
//! `jsonc-parser` says where each member stands. Its own editor is not used: it lays the object out anew (`{"a":1}` gets lines,
//! blank lines and blanks before a bracket go), and copies each string, where some of these files hold tokens.

use std::ops::Range;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// Whether the text is one JSON object.
#[must_use]
pub fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

/// The text with the member at `path` (one or two keys) set to this string. Missing objects are made. `None` if the text is no
/// object, or something else stands where an object should.
#[must_use]
pub fn set(text: &str, path: &[&str], value: &str) -> Option<String> {
    let quoted = serde_json::to_string(value).ok()?;
    set_in(text, &object(text)?, path, &quoted)
}

fn set_in(text: &str, object: &Object<'_>, path: &[&str], value: &str) -> Option<String> {
    let (key, below) = path.split_first()?;
    match (member(object, key), below) {
        (Some(at), []) => Some(replaced(text, range(&object.properties[at].value), value)),
        (Some(at), below) => set_in(text, object.properties[at].value.as_object()?, below, value),
        (None, below) => {
            let value = match below {
                [] => value.to_owned(),
                below => set_in("{}", &self::object("{}")?, below, value)?,
            };
            let start = object.range.start + 1;
            let gap = gap(text, object);
            let key = serde_json::to_string(key).ok()?;
            let end = if object.properties.is_empty() { gap.trim_end_matches(['\t', ' ']) } else { "," };
            Some(replaced(text, start..start, &format!("{gap}{key}: {value}{end}")))
        }
    }
}

/// The text without the member at `path`; unchanged if it is not there.
#[must_use]
pub fn remove(text: &str, path: &[&str]) -> Option<String> {
    remove_in(text, &object(text)?, path)
}

fn remove_in(text: &str, object: &Object<'_>, path: &[&str]) -> Option<String> {
    let (key, below) = path.split_first()?;
    let all = &object.properties;
    let Some(at) = member(object, key) else { return Some(text.to_owned()) };
    if !below.is_empty() {
        return remove_in(text, all[at].value.as_object()?, below);
    }
    let range = if all.len() == 1 {
        object.range.start + 1..object.range.end - 1
    } else if at == 0 {
        // With the comma behind it, so that what stood after the brace stands there again.
        let comma = text[all[0].range.end..].find(',')? + all[0].range.end;
        object.range.start + 1..comma + 1
    } else {
        all[at - 1].range.end..all[at].range.end
    };
    Some(replaced(text, range, ""))
}

/// The object that the text is, if it is JSON without any of the parser's freedoms.
fn object(text: &str) -> Option<Object<'_>> {
    let parsed = is_object(text)
        .then(|| parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?.value);
    match parsed?? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Which member has this key: of several the last, as for most readers.
fn member(object: &Object<'_>, key: &str) -> Option<usize> {
    object.properties.iter().rposition(|member| member.name.as_str() == key)
}

fn range(value: &Value<'_>) -> Range<usize> {
    value.range().start..value.range().end
}

/// What stands before a new member: a line break and the indentation of the first one that is there.
fn gap(text: &str, object: &Object<'_>) -> String {
    let first = object.properties.first();
    let blank = first.map_or("", |first| &text[object.range.start + 1..first.range.start]);
    blank.rfind('\n').map_or_else(|| "\n\t".to_owned(), |line| blank[line..].to_owned())
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[&str] = &[
        "{}",
        "{ }\n",
        "{\n\t\"auths\": {\n\t\t\"h\": {}\n\t},\n\t\"credsStore\": \"x\"\n}",
        "{\n  \"a\": [1, {\"credHelpers\": {}}, \"},{\"],\n  \"b\\\"c\": \"d\\\\\"\n}\n",
        "{\"credHelpers\":{\"gcr.io\":\"gcloud\"},\"z\":null}",
        " {\"a\":1,\r\n \"b\" : true }  ",
    ];

    fn value_of(text: &str, path: &[&str]) -> Option<String> {
        let mut value = &serde_json::from_str::<serde_json::Value>(text).unwrap();
        for key in path {
            value = value.get(key)?;
        }
        value.as_str().map(str::to_owned)
    }

    #[test]
    fn a_member_that_is_set_can_be_read_and_taken_out_again_byte_for_byte() {
        for file in FILES {
            for path in [&["new"][..], &["credHelpers", "ghcr.io"], &["new", "h:5000"]] {
                let changed = set(file, path, "key\"fob").unwrap();
                assert_eq!(value_of(&changed, path).as_deref(), Some("key\"fob"), "{file} {changed}");
                let had_object = value_of_is_object(file, path[0]);
                let out = if path.len() == 2 && !had_object { &path[..1] } else { path };
                let back = remove(&changed, out).unwrap();
                if file.trim() == "{ }" {
                    assert_eq!(back, "{}\n");
                } else {
                    assert_eq!(back, *file, "{changed}");
                }
            }
        }
    }

    fn value_of_is_object(text: &str, key: &str) -> bool {
        serde_json::from_str::<serde_json::Value>(text)
            .unwrap()
            .get(key)
            .is_some_and(serde_json::Value::is_object)
    }

    #[test]
    fn every_other_member_keeps_its_value_and_its_place() {
        for file in FILES {
            let changed = set(file, &["credsStore"], "keyfob").unwrap();
            let (before, mut after): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(file).unwrap(), serde_json::from_str(&changed).unwrap());
            match before.get("credsStore") {
                Some(old) => after["credsStore"] = old.clone(),
                None => drop(after.as_object_mut().unwrap().remove("credsStore")),
            }
            assert_eq!(before, after);
        }
    }

    #[test]
    fn a_member_goes_from_the_beginning_the_middle_and_the_end() {
        let file = "{\"a\": 1, \"b\": {\"x\": [\",\"]}, \"c\": \"}\"}";
        assert_eq!(remove(file, &["a"]).unwrap(), "{ \"b\": {\"x\": [\",\"]}, \"c\": \"}\"}");
        assert_eq!(remove(file, &["b"]).unwrap(), "{\"a\": 1, \"c\": \"}\"}");
        assert_eq!(remove(file, &["c"]).unwrap(), "{\"a\": 1, \"b\": {\"x\": [\",\"]}}");
        assert_eq!(remove(file, &["b", "x"]).unwrap(), "{\"a\": 1, \"b\": {}, \"c\": \"}\"}");
        assert_eq!(remove(file, &["d"]).unwrap(), file);
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for text in ["", "[]", "{", "null", "{} {}", "{'a': 1}", "{\"a\": 1,}"] {
            assert_eq!(set(text, &["a"], "b"), None, "{text}");
            assert_eq!(remove(text, &["a"]), None, "{text}");
        }
        assert_eq!(set("{\"credHelpers\": []}", &["credHelpers", "h"], "k"), None);
    }
}
