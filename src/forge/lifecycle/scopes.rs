//! What a token may be allowed to do, as a service's own table: every scope by its identifier, with the label that its page has
//! for it, and the tasks for which people want a token. [`ScopeTable::choose`] reads what a person asked for against it.
//!
//! Within an area the scopes form a chain: each holds those before it. An identifier that is not in the table is passed on
//! with a note: services add scopes without asking us.

/// The scopes of a service.
pub struct ScopeTable {
    /// Every area.
    pub areas: &'static [ScopeArea],
    /// What people want a token for, with the least that does it.
    pub tasks: &'static [(&'static str, &'static str)],
    /// The scope that holds all others.
    pub full: &'static str,
    /// What the others begin with.
    pub prefix: &'static str,
    /// Scopes for an example: one to read, one to write.
    pub examples: [&'static str; 2],
}

/// What belongs together on the page where a token is created.
pub struct ScopeArea {
    /// What the page calls it.
    pub name: &'static str,
    /// Its scopes, each with its label on the page; each holds those before it.
    pub chain: &'static [(&'static str, &'static str)],
}

/// What a person's words stand for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChosenScopes {
    /// Identifiers, each once, none that another of them holds.
    pub scopes: Vec<String>,
    /// Identifiers that look like scopes and are not in the table.
    pub unknown: Vec<String>,
    /// Words that are neither a task nor a scope.
    pub not_understood: Vec<String>,
}

/// Tools whose packages all need the same.
const PACKAGE_TOOLS: &[&str] = &["nuget", "npm", "pip", "cargo", "maven"];

/// The task that goes by this name or by a tool's: what `nuget` needs, `packages` has. Other words come back as they are.
#[must_use]
pub fn task(word: &str) -> &str {
    if PACKAGE_TOOLS.contains(&word) { "packages" } else { word }
}

impl ScopeTable {
    /// Reads tasks and identifiers, with spaces or commas between them.
    #[must_use]
    pub fn choose(&self, text: &str) -> ChosenScopes {
        let mut chosen = ChosenScopes::default();
        let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        for word in words {
            let lower = word.to_ascii_lowercase();
            let of_task = self.tasks.iter().find(|(task, _)| *task == lower).map(|(_, scope)| *scope);
            match of_task.or_else(|| self.named(&lower)) {
                Some(scope) => chosen.scopes.push(scope.to_owned()),
                None if self.is_identifier(&lower) => {
                    chosen.unknown.push(lower.clone());
                    chosen.scopes.push(lower);
                }
                None => chosen.not_understood.push(word.to_owned()),
            }
        }
        chosen.scopes = self.least(&chosen.scopes);
        chosen
    }

    /// The scopes without those that others of them hold, in the order of the table, each once.
    #[must_use]
    pub fn least(&self, scopes: &[String]) -> Vec<String> {
        let place = |scope: &str| self.all().position(|(id, _)| id == scope).unwrap_or(usize::MAX);
        let held = |scope: &str| scopes.iter().any(|other| other != scope && self.holds(other, scope));
        let mut least: Vec<String> = scopes.iter().filter(|scope| !held(scope)).cloned().collect();
        least.sort_by_key(|scope| (place(scope), scope.clone()));
        least.dedup();
        least
    }

    /// Whether a token with `held` may do what `wanted` allows.
    #[must_use]
    pub fn holds(&self, held: &str, wanted: &str) -> bool {
        let in_chain = |area: &ScopeArea| {
            let at = |scope: &str| area.chain.iter().position(|(id, _)| *id == scope);
            at(held).zip(at(wanted)).is_some_and(|(held, wanted)| held >= wanted)
        };
        held == wanted || held == self.full || self.areas.iter().any(in_chain)
    }

    /// A scope as its page names it: `Code: Read & write`.
    #[must_use]
    pub fn label(&self, scope: &str) -> Option<String> {
        self.areas.iter().find_map(|area| {
            let (_, label) = area.chain.iter().find(|(id, _)| *id == scope)?;
            Some(format!("{}: {label}", area.name))
        })
    }

    /// A scope in a table: without what they all begin with.
    #[must_use]
    pub fn short<'s>(&self, scope: &'s str) -> &'s str {
        if scope == self.full { "everything" } else { scope.strip_prefix(self.prefix).unwrap_or(scope) }
    }

    /// The tasks, for a sentence.
    #[must_use]
    pub fn tasks(&self) -> String {
        self.tasks.iter().map(|(task, _)| *task).collect::<Vec<_>>().join(", ")
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.areas.iter().flat_map(|area| area.chain).copied()
    }

    /// The scope of this identifier.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&'static str> {
        self.all().find(|(known, _)| *known == id).map(|(known, _)| known)
    }

    /// Whether it could be a scope that was added since.
    #[must_use]
    pub fn is_identifier(&self, word: &str) -> bool {
        let rest = word.strip_prefix(self.prefix).unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte);
        !rest.is_empty() && rest.len() <= 60 && rest.bytes().all(plain)
    }
}
