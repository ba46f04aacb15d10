//! The tree of modules, with what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Kind, Token, behind_bracket, tokens, without_tests};

/// Modules of one or more crates. The first is the library, which the others name `keyfob`.
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
}

/// A module, in a file of its own or within another's.
pub(super) struct Module {
    /// Without the crate: `store::vault`.
    pub(super) path: String,
    /// The file that it is in.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    /// What it defines.
    pub(super) items: BTreeSet<String>,
    /// Names that a `use` binds, with the path behind each.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// Other names of types, with the path of each.
    pub(super) aliases: BTreeMap<String, Vec<String>>,
    pub(super) globs: Vec<Vec<String>>,
    pub(super) paths: Vec<Path>,
    /// Its code, without its tests and its inline modules.
    pub(super) code: Vec<Token>,
}

/// A path, as it is written.
pub(super) struct Path {
    pub(super) words: Vec<String>,
    pub(super) line: usize,
}

impl Tree {
    /// Reads the crates that begin with these files.
    pub(super) fn read(files: &BTreeMap<String, String>, roots: &[&str]) -> Tree {
        let mut tree = Tree { modules: Vec::new() };
        for root in roots {
            tree.add_file(files, root, String::new(), None);
        }
        tree
    }

    fn add_file(
        &mut self,
        files: &BTreeMap<String, String>,
        file: &str,
        path: String,
        parent: Option<usize>,
    ) {
        let text = files.get(file).unwrap_or_else(|| panic!("there is no {file}"));
        let code = without_tests(&tokens(text));
        let stem = file.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let is_front = parent.is_none() || name == "mod";
        let below = if is_front { folder.to_owned() } else { stem.to_owned() };
        self.add_module(files, (file, &below), path, parent, &code);
    }

    /// Adds a module: `below` is the folder of its children's files.
    fn add_module(
        &mut self,
        files: &BTreeMap<String, String>,
        (file, below): (&str, &str),
        path: String,
        parent: Option<usize>,
        code: &[Token],
    ) {
        let index = self.modules.len();
        self.modules.push(Module {
            path,
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: BTreeMap::new(),
            aliases: BTreeMap::new(),
            globs: Vec::new(),
            paths: Vec::new(),
            code: Vec::new(),
        });
        let mut at = 0;
        let mut depth = 0;
        let mut named_file = None;
        while at < code.len() {
            let token = &code[at];
            let next = |ahead: usize| code.get(at + ahead);
            let next_is = |ahead: usize, text: &str| next(ahead).is_some_and(|token| token.is(text));
            let mut end = at + 1;
            if token.is("#") && next_is(1, "[") {
                end = behind_bracket(code, at + 1);
                // Also that of a `cfg_attr`.
                let path = code[at..end].windows(3).find(|part| part[0].is("path") && part[1].is("="));
                named_file = path.map(|part| part[2].text.clone()).or(named_file);
                self.add_paths(index, &code[at + 1..end]);
            } else if token.is("mod") && next(1).is_some_and(|name| name.kind == Kind::Word) {
                let name = &code[at + 1].text;
                let path = self.path_below(index, name);
                let below = format!("{below}/{name}");
                self.modules[index].items.insert(name.clone());
                let child = self.modules.len();
                if next_is(2, "{") {
                    end = behind_bracket(code, at + 2);
                    let inner = &code[at + 3..end - 1];
                    self.add_module(files, (file, &below), path, Some(index), inner);
                } else {
                    end = at + 3;
                    let own = named_file.take().map(|name| {
                        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
                        format!("{folder}/{name}")
                    });
                    let own = own.unwrap_or_else(|| {
                        let front = format!("{below}/mod.rs");
                        if files.contains_key(&front) { front } else { format!("{below}.rs") }
                    });
                    self.add_file(files, &own, path, Some(index));
                }
                // Of two for different systems, both are looked at and the first bears the name.
                self.modules[index].children.entry(name.clone()).or_insert(child);
            } else if token.is("use") {
                end = code[at..]
                    .iter()
                    .position(|token| token.is(";"))
                    .map_or(code.len(), |length| at + length);
                self.add_import(index, &code[at + 1..end], &[]);
            } else if depth == 0
                && token.kind == Kind::Word
                && matches!(
                    token.text.as_str(),
                    "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
                )
            {
                let name = next(1).filter(|name| name.kind == Kind::Word);
                self.modules[index].items.extend(name.map(|name| name.text.clone()));
                if token.is("type") {
                    self.add_alias(index, &code[at + 1..]);
                }
            } else if token.kind == Kind::Word {
                end = path_end(code, at);
                let follows_dot = at > 0 && code[at - 1].is(".") && !(at > 1 && code[at - 2].is("."));
                // What begins with `::` is another crate, which may be the library.
                let follows_path = at > 0 && code[at - 1].is("::") && !token.is("keyfob");
                if !follows_dot && !follows_path {
                    self.add_path(index, &code[at..end]);
                }
            } else if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth -= 1;
            }
            if !token.is("mod") {
                self.modules[index].code.extend_from_slice(&code[at..end]);
            }
            at = end;
        }
    }

    fn path_below(&self, index: usize, name: &str) -> String {
        match self.modules[index].path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}::{name}"),
        }
    }

    /// Notes `L = a::B;`: another name of a type.
    fn add_alias(&mut self, index: usize, code: &[Token]) {
        let Some(sign) = code.iter().position(|token| token.is("=") || token.is(";")) else { return };
        let Some(first) = code.get(sign + 1).filter(|first| first.kind == Kind::Word) else { return };
        if code[sign].is("=") && !first.is("fn") {
            let meant = words_of(&code[sign + 1..path_end(code, sign + 1)]);
            self.modules[index].aliases.insert(code[0].text.clone(), meant);
        }
    }

    /// The paths within an attribute, also those in the texts that serde reads as one.
    fn add_paths(&mut self, index: usize, attribute: &[Token]) {
        let is_serde = attribute.iter().any(|token| token.is("serde"));
        let mut at = 0;
        while at < attribute.len() {
            let token = &attribute[at];
            if token.kind == Kind::Word {
                let end = path_end(attribute, at);
                self.add_path(index, &attribute[at..end]);
                at = end;
                continue;
            }
            if is_serde && token.kind == Kind::Text {
                let inner: Vec<Token> = tokens(&token.text)
                    .into_iter()
                    .map(|inner| Token { line: token.line, ..inner })
                    .collect();
                if !inner.is_empty() && path_end(&inner, 0) == inner.len() {
                    self.add_path(index, &inner);
                }
            }
            at += 1;
        }
    }

    /// Notes a path: one of several words, or a name that can come out of a glob.
    fn add_path(&mut self, index: usize, path: &[Token]) {
        let words = words_of(path);
        if words.len() > 1 || words[0].starts_with(char::is_uppercase) {
            self.modules[index].paths.push(Path { words, line: path[0].line });
        }
    }

    /// Notes a tree of imports: `a::{self, b as c, d::*}`.
    fn add_import(&mut self, index: usize, tree: &[Token], front: &[String]) {
        let Some(first) = tree.iter().find(|token| !token.is("::")) else { return };
        let line = first.line;
        let mut words = front.to_vec();
        let mut at = 0;
        while at < tree.len() {
            let token = &tree[at];
            if token.is("{") {
                let inner = &tree[at + 1..behind_bracket(tree, at) - 1];
                for part in parts(inner) {
                    self.add_import(index, part, &words);
                }
                return;
            }
            if token.is("*") {
                self.modules[index].paths.push(Path { words: words.clone(), line });
                self.modules[index].globs.push(words);
                return;
            }
            if token.is("as") {
                break;
            }
            // `a::{self}` is `a`.
            if token.kind == Kind::Word && (words.is_empty() || !token.is("self")) {
                words.push(token.text.clone());
            }
            at += 1;
        }
        let name = tree.get(at + 1).filter(|_| at < tree.len()).map(|token| token.text.clone());
        let name = name.or_else(|| words.last().cloned());
        let module = &mut self.modules[index];
        if let Some(name) = name.filter(|name| name != "_" && *name != "self") {
            module.imports.insert(name, words.clone());
        }
        module.paths.push(Path { words, line });
    }
}

/// The index behind the path that begins at `start`.
pub(super) fn path_end(code: &[Token], start: usize) -> usize {
    let mut end = start + 1;
    while code.get(end).is_some_and(|token| token.is("::"))
        && code.get(end + 1).is_some_and(|token| token.kind == Kind::Word)
    {
        end += 2;
    }
    end
}

pub(super) fn words_of(path: &[Token]) -> Vec<String> {
    path.iter().filter(|token| token.kind == Kind::Word).map(|token| token.text.clone()).collect()
}

/// What stands between the commas.
fn parts(list: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < list.len() {
        if list[at].is(",") {
            parts.push(&list[start..at]);
            start = at + 1;
        }
        at = if list[at].is("{") { behind_bracket(list, at) } else { at + 1 };
    }
    parts.push(&list[start..]);
    parts
}
