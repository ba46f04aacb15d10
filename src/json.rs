//! Changing one member of a JSON object and leaving every other byte as it is: people keep their configuration in dotfiles,
//! and a file that comes back in another order and indentation is a nuisance. The text is checked by serde first, so that
//! the little that is read here by hand may rely on it being whole.

use std::ops::Range;

/// A member of an object.
#[derive(Debug)]
struct Member {
    key: String,
    /// From the quote of its key to the end of its value.
    whole: Range<usize>,
    value: Range<usize>,
}

/// Whether the text is one JSON object.
pub fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

/// The text with the member at `path` (one or two keys) set to this string. Missing objects are made. `None` if the text is no
/// object, or something else stands where an object should.
pub fn set(text: &str, path: &[&str], value: &str) -> Option<String> {
    let value = serde_json::to_string(value).ok()?;
    set_raw(text, path, &value)
}

fn set_raw(text: &str, path: &[&str], value: &str) -> Option<String> {
    let (key, below) = path.split_first()?;
    let at = object(text, 0..text.len())?;
    let found = members(text, &at).into_iter().rev().find(|member| member.key == *key);
    let value = match (below, &found) {
        ([], _) => value.to_owned(),
        (below, Some(member)) => set_raw(&text[member.value.clone()], below, value)?,
        (below, None) => set_raw("{}", below, value)?,
    };
    Some(match found {
        Some(member) => replaced(text, member.value, &value),
        None => {
            let gap = gap(text, &at);
            let key = serde_json::to_string(key).ok()?;
            let inside = text[at.start + 1..at.end - 1].trim();
            let end = if inside.is_empty() { gap.trim_end_matches(['\t', ' ']) } else { "," };
            replaced(text, at.start + 1..at.start + 1, &format!("{gap}{key}: {value}{end}"))
        }
    })
}

/// The text without the member at `path`; unchanged if it is not there.
pub fn remove(text: &str, path: &[&str]) -> Option<String> {
    let (key, below) = path.split_first()?;
    let at = object(text, 0..text.len())?;
    let all = members(text, &at);
    let Some(index) = all.iter().rposition(|member| member.key == *key) else { return Some(text.to_owned()) };
    let member = &all[index];
    if !below.is_empty() {
        let inner = remove(&text[member.value.clone()], below)?;
        return Some(replaced(text, member.value.clone(), &inner));
    }
    let range = if all.len() == 1 {
        at.start + 1..at.end - 1
    } else if index == 0 {
        // With the comma behind it, so that what stood after the brace stands there again.
        let comma = text[member.whole.end..].find(',')? + member.whole.end;
        at.start + 1..comma + 1
    } else {
        all[index - 1].whole.end..member.whole.end
    };
    Some(replaced(text, range, ""))
}

/// What stands before a new member: a line break and the indentation of the first one that is there.
fn gap(text: &str, at: &Range<usize>) -> String {
    let inside = &text[at.start + 1..at.end];
    let blank = &inside[..inside.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(0)];
    match blank.rfind('\n') {
        Some(line) if !inside[blank.len()..].starts_with('}') => format!("\n{}", &blank[line + 1..]),
        _ => "\n\t".to_owned(),
    }
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Where an object stands, from brace to brace.
fn object(text: &str, within: Range<usize>) -> Option<Range<usize>> {
    if !is_object(&text[within.clone()]) {
        return None;
    }
    let start = within.start + text[within.clone()].find('{')?;
    let end = within.start + text[within].rfind('}')? + 1;
    Some(start..end)
}

/// The members of an object that serde has read before.
fn members(text: &str, at: &Range<usize>) -> Vec<Member> {
    let bytes = text.as_bytes();
    let (mut all, mut i) = (Vec::new(), at.start + 1);
    let skip = |mut i: usize| {
        while i < at.end && (bytes[i].is_ascii_whitespace() || b",:".contains(&bytes[i])) {
            i += 1;
        }
        i
    };
    loop {
        i = skip(i);
        if i + 1 >= at.end {
            return all;
        }
        let start = i;
        i = end_of_value(bytes, start, at.end);
        let key = serde_json::from_str(&text[start..i]).unwrap_or_default();
        let value = skip(i);
        i = end_of_value(bytes, value, at.end);
        all.push(Member { key, whole: start..i, value: value..i });
    }
}

/// The end of the value that begins here: a string, something in brackets, or a word.
fn end_of_value(bytes: &[u8], start: usize, end: usize) -> usize {
    let (mut depth, mut quoted, mut i) = (0_usize, false, start);
    while i < end {
        match bytes[i] {
            b'\\' if quoted => i += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return i,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return i,
            byte if byte.is_ascii_whitespace() && depth == 0 => return i,
            _ => {}
        }
        i += 1;
        if depth == 0 && !quoted && matches!(bytes[i - 1], b'"' | b'}' | b']') {
            return i;
        }
    }
    end
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
