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

    /// The files in which a type has methods that are the house's: its own, and those of traits that the house defines. By the type's
    /// module and name, whatever other names it has.
    pub(super) fn files_with_methods(&self) -> BTreeMap<String, BTreeSet<&str>> {
        let mut types: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            for at in module.code.iter().enumerate().filter(|(_, token)| token.is("impl")).map(|(at, _)| at) {
                let Some(methods) = methods_at(&module.code, at) else { continue };
                let is_ours = |words: &[String]| self.home_of(index, words).is_some_and(|home| home.1);
                if methods.of_trait.is_none_or(|words| is_ours(&words)) {
                    let name = self.name_of_type(index, &methods.of);
                    types.entry(name).or_default().insert(&module.file);
                }
            }
        }
        types
    }

    /// The module in which a name is defined, and whether it is defined in it at all.
    fn home_of(&self, module: usize, words: &[String]) -> Option<(usize, bool)> {
        let target = self.resolve_with(module, words, &mut Vec::new(), 32)?;
        Some((target.module, self.modules[target.module].items.contains(words.last()?)))
    }

    fn name_of_type(&self, module: usize, words: &[String]) -> String {
        let (mut module, mut words) = (module, words.to_vec());
        for _ in 0..32 {
            let Some((home, _)) = self.home_of(module, &words) else { break };
            // An import may have given it a name of its own.
            let last = words.last().cloned().unwrap_or_default();
            let renamed = self.modules[module].imports.get(&last).filter(|_| words.len() == 1);
            let name = renamed.and_then(|path| path.last()).unwrap_or(&last);
            match self.modules[home].aliases.get(name) {
                Some(meant) => (module, words) = (home, meant.clone()),
                None => return format!("{}::{name}", self.modules[home].path),
            }
        }
        format!("::{}", words.last().map_or("", String::as_str))
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

/// An `impl` that has functions.
struct Methods {
    of: Vec<String>,
    of_trait: Option<Vec<String>>,
}

/// The `impl` that begins at `at`; `None` for one that is a type (`-> impl Trait`), or is for no type that has a name.
fn methods_at(code: &[Token], at: usize) -> Option<Methods> {
    let begins_item = at == 0 || matches!(code[at - 1].text.as_str(), "}" | ";" | "]" | "{" | "unsafe");
    let mut start = at + 1;
    if code.get(start)?.is("<") {
        start = behind_angle(code, start);
    }
    let open = code.iter().enumerate().skip(start).find(|(_, token)| token.is("{"))?.0;
    let has_function = code[open..behind_bracket(code, open)].iter().any(|token| token.is("fn"));
    // `for<'a>` belongs to a bound.
    let is_for = |at: &usize| code[*at].is("for") && !code[at + 1].is("<");
    let path_at = |start: usize| {
        let first =
            code[start..open].iter().position(|token| token.kind == Kind::Word && !token.is("mut"))?;
        let first = start + first;
        Some(words_of(&code[first..path_end(code, first)]))
    };
    let (of, of_trait) = match (start..open).find(is_for) {
        Some(sign) => (path_at(sign + 1)?, Some(path_at(start)?)),
        None => (path_at(start)?, None),
    };
    (begins_item && has_function).then_some(Methods { of, of_trait })
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
