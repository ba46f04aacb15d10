//! Which module uses which, each path resolved as the compiler does, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Tree, path_end, words_of};
use super::tokens::{Kind, Token, behind_bracket};

/// One module uses another.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether the path names `to` itself; otherwise a module that re-exports what is in `to` stands between.
    pub(super) direct: bool,
    /// The place, as `src/a.rs:12: crate::b::C`.
    pub(super) place: String,
}

/// Where a name leads: to a module, or to what stands in one.
#[derive(Clone, Copy)]
struct Target {
    module: usize,
    is_module: bool,
}

impl Tree {
    fn root(&self, mut module: usize) -> usize {
        while let Some(parent) = self.modules[module].parent {
            module = parent;
        }
        module
    }

    /// What a name means in a module. The modules whose re-exports lead there are noted in `through`.
    fn look_up(&self, module: usize, name: &str, through: &mut Vec<usize>, fuel: u32) -> Option<Target> {
        let fuel = fuel.checked_sub(1)?;
        let here = &self.modules[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Target { module: child, is_module: true });
        }
        if here.items.contains(name) {
            return Some(Target { module, is_module: false });
        }
        if let Some(path) = here.imports.get(name) {
            // A name that stands for itself comes from another crate.
            let is_own = path.len() == 1 && path[0] == name;
            return if is_own { None } else { self.resolve_with(module, path, through, fuel) };
        }
        let globs = here.globs.iter();
        globs.filter(|glob| glob[0] != name).find_map(|glob| {
            let mut inner = Vec::new();
            let from = self.resolve_with(module, glob, &mut inner, fuel).filter(|target| target.is_module)?;
            let found = self.look_up(from.module, name, &mut inner, fuel)?;
            through.append(&mut inner);
            Some(found)
        })
    }

    fn resolve_with(
        &self,
        module: usize,
        path: &[String],
        through: &mut Vec<usize>,
        fuel: u32,
    ) -> Option<Target> {
        let at_module = |module| Target { module, is_module: true };
        let mut target = at_module(module);
        for (at, word) in path.iter().enumerate() {
            target = match (at, word.as_str()) {
                (0, "crate") => at_module(self.root(module)),
                (0, "keyfob") => at_module(0),
                (_, "self") => target,
                (_, "super") => at_module(self.modules[target.module].parent?),
                (0, "Self") => return None,
                (0, name) => self.look_up(module, name, through, fuel)?,
                // What a type or a function has within itself.
                _ if !target.is_module => break,
                (_, name) => {
                    let facade = target.module;
                    let is_own = self.modules[facade].children.contains_key(name)
                        || self.modules[facade].items.contains(name);
                    if !is_own {
                        through.push(facade);
                    }
                    match self.look_up(facade, name, through, fuel) {
                        Some(found) => found,
                        None => Target { module: facade, is_module: false },
                    }
                }
            };
        }
        Some(target)
    }

    /// Every use of one module by another.
    pub(super) fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (from, module) in self.modules.iter().enumerate() {
            for path in &module.paths {
                let mut through = Vec::new();
                let Some(target) = self.resolve_with(from, &path.words, &mut through, 32) else { continue };
                through.push(target.module);
                // What this module imports under a name of its own leads straight on.
                through.retain(|to| *to != from);
                let place = format!("{}:{}: {}", module.file, path.line, path.words.join("::"));
                for (at, &to) in through.iter().enumerate() {
                    uses.push(Use { from, to, direct: at == 0, place: place.clone() });
                }
            }
        }
        uses
    }

    /// From this module up to its crate.
    fn line_up(&self, module: usize) -> Vec<usize> {
        std::iter::successors(Some(module), |&module| self.modules[module].parent).collect()
    }

    /// The two neighbours, children of one module, within which a use begins and ends; none where one is in the other.
    fn neighbours(&self, one: usize, other: usize) -> Option<(usize, usize)> {
        let (mut one, mut other) = (self.line_up(one), self.line_up(other));
        while one.last() == other.last() && one.last().is_some() {
            one.pop();
            other.pop();
        }
        let same = |line: &[usize]| line.last().copied();
        let (one, other) = (same(&one)?, same(&other)?);
        // Two crates have no module in common.
        self.modules[one].parent.and(self.modules[other].parent).map(|_| (one, other))
    }

    /// Each circle of neighbours: modules of which each uses the next. What a module's own children use counts as its own, and between
    /// a module and its children there are none. Each with the places that make it.
    pub(super) fn circles(&self) -> Vec<String> {
        let mut edges: BTreeMap<usize, BTreeMap<usize, String>> = BTreeMap::new();
        for used in self.uses() {
            if let Some((one, other)) = self.neighbours(used.from, used.to) {
                edges.entry(one).or_default().entry(other).or_insert(used.place);
            }
        }
        let reached: BTreeMap<usize, BTreeSet<usize>> =
            edges.keys().map(|&start| (start, reach(&edges, start))).collect();
        let together = |one: usize, other: usize| {
            let from = |one: usize, other: usize| reached.get(&one).is_some_and(|all| all.contains(&other));
            from(one, other) && from(other, one)
        };
        let mut circles = Vec::new();
        let mut seen = BTreeSet::new();
        for &start in edges.keys().filter(|&&start| together(start, start)) {
            if !seen.insert(start) {
                continue;
            }
            let members: Vec<usize> = edges.keys().copied().filter(|&other| together(start, other)).collect();
            seen.extend(members.iter().copied());
            let names: Vec<&str> = members.iter().map(|&at| self.modules[at].path.as_str()).collect();
            let mut text = format!("circle of {}", names.join(", "));
            for one in &members {
                for (other, place) in edges[one].iter().filter(|(other, _)| members.contains(other)) {
                    let name = &self.modules[*other].path;
                    text.push_str(&format!("\n    {} -> {name}: {place}", self.modules[*one].path));
                }
            }
            circles.push(text);
        }
        circles
    }

    /// The files in which a type has methods of its own, by the type's module and name.
    pub(super) fn files_with_methods(&self) -> BTreeMap<String, BTreeSet<&str>> {
        let mut types: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            for at in module.code.iter().enumerate().filter(|(_, token)| token.is("impl")).map(|(at, _)| at) {
                let Some(words) = inherent_type(&module.code, at) else { continue };
                let mut through = Vec::new();
                let target = self.resolve_with(index, &words, &mut through, 32);
                let home = target.map_or("", |target| &self.modules[target.module].path);
                let name = format!("{home}::{}", words.last().map_or("", String::as_str));
                types.entry(name).or_default().insert(&module.file);
            }
        }
        types
    }
}

/// All that can be reached from `start` by one step or more.
fn reach(edges: &BTreeMap<usize, BTreeMap<usize, String>>, start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(one) = open.pop() {
        open.extend(
            edges.get(&one).into_iter().flat_map(BTreeMap::keys).filter(|next| reached.insert(**next)),
        );
    }
    reached
}

/// The type of an `impl` that is no trait's and has a function, by the path that names it.
fn inherent_type(code: &[Token], at: usize) -> Option<Vec<String>> {
    // `-> impl Trait` and `&impl Trait` are types.
    let begins_item = at == 0 || matches!(code[at - 1].text.as_str(), "}" | ";" | "]" | "{" | "unsafe");
    let mut start = at + 1;
    if code.get(start)?.is("<") {
        start = behind_angle(code, start);
    }
    let end = path_end(code, start);
    let open = code.iter().enumerate().skip(end).find(|(_, token)| token.is("{"))?.0;
    let is_traits = code[end..open].iter().any(|token| token.is("for"));
    let has_function = code[open..behind_bracket(code, open)].iter().any(|token| token.is("fn"));
    (begins_item && !is_traits && has_function && code[start].kind == Kind::Word)
        .then(|| words_of(&code[start..end]))
}

fn behind_angle(code: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in code.iter().enumerate().skip(open) {
        let is_arrow = token.is(">") && code[at - 1].is("-");
        depth += i32::from(token.is("<")) - i32::from(token.is(">") && !is_arrow);
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}
