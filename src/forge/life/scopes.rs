//! What a personal access token of Azure DevOps may be allowed to do: every scope by its identifier, with the name that its page
//! has for it, and the tasks for which people want a token. A table; [`choose`] reads what a person asked for against it.
//!
//! Within an area the scopes form a chain: each holds those before it. An identifier that is not in the table is passed on
//! with a note: services add scopes without asking us. Deliberately absent: scopes that only an application can have.

/// What belongs together on the page where a token is made.
pub struct Area {
    /// What the page calls it.
    pub name: &'static str,
    /// Its scopes, each with what the page calls the tick; each holds those before it.
    pub chain: &'static [(&'static str, &'static str)],
}

/// Everything: "Full access".
pub const FULL: &str = "app_token";

/// Every area.
pub static AREAS: &[Area] = &[
    Area { name: "Full access", chain: &[(FULL, "all scopes")] },
    Area {
        name: "Code",
        chain: &[
            ("vso.code", "Read"),
            ("vso.code_write", "Read & write"),
            ("vso.code_manage", "Read, write & manage"),
            ("vso.code_full", "Full"),
        ],
    },
    Area { name: "Code", chain: &[("vso.code_status", "Status")] },
    Area { name: "Pull request threads", chain: &[("vso.threads_full", "Read & write")] },
    Area {
        name: "Packaging",
        chain: &[
            ("vso.packaging", "Read"),
            ("vso.packaging_write", "Read & write"),
            ("vso.packaging_manage", "Read, write & manage"),
        ],
    },
    Area { name: "Build", chain: &[("vso.build", "Read"), ("vso.build_execute", "Read & execute")] },
    Area {
        name: "Release",
        chain: &[
            ("vso.release", "Read"),
            ("vso.release_execute", "Read, write & execute"),
            ("vso.release_manage", "Read, write, execute & manage"),
        ],
    },
    Area {
        name: "Agent Pools",
        chain: &[("vso.agentpools", "Read"), ("vso.agentpools_manage", "Read & manage")],
    },
    Area {
        name: "Environment",
        chain: &[
            ("vso.agentpools", "Agent Pools: Read"),
            ("vso.agentpools_manage", "Agent Pools: Read & manage"),
            ("vso.environment_manage", "Read & manage"),
        ],
    },
    Area {
        name: "Deployment Groups",
        chain: &[
            ("vso.agentpools", "Agent Pools: Read"),
            ("vso.agentpools_manage", "Agent Pools: Read & manage"),
            ("vso.machinegroup_manage", "Read & manage"),
        ],
    },
    Area {
        name: "Work Items",
        chain: &[("vso.work", "Read"), ("vso.work_write", "Read & write"), ("vso.work_full", "Full")],
    },
    Area { name: "Wiki", chain: &[("vso.wiki", "Read"), ("vso.wiki_write", "Read & write")] },
    Area { name: "Test Management", chain: &[("vso.test", "Read"), ("vso.test_write", "Read & write")] },
    Area {
        name: "Project and Team",
        chain: &[
            ("vso.project", "Read"),
            ("vso.project_write", "Read & write"),
            ("vso.project_manage", "Read, write & manage"),
        ],
    },
    Area { name: "User Profile", chain: &[("vso.profile", "Read"), ("vso.profile_write", "Read & write")] },
    Area { name: "Graph", chain: &[("vso.graph", "Read"), ("vso.graph_manage", "Read & manage")] },
    Area { name: "Identity", chain: &[("vso.identity", "Read"), ("vso.identity_manage", "Read & manage")] },
    Area { name: "Entitlements", chain: &[("vso.entitlements", "Read")] },
    Area {
        name: "Member Entitlement Management",
        chain: &[
            ("vso.memberentitlementmanagement", "Read"),
            ("vso.memberentitlementmanagement_write", "Read & write"),
        ],
    },
    Area { name: "Analytics", chain: &[("vso.analytics", "Read")] },
    Area { name: "Audit Log", chain: &[("vso.auditlog", "Read Audit Log")] },
    Area { name: "Audit Log", chain: &[("vso.auditstreams_manage", "Manage Audit Streams")] },
    Area {
        name: "Symbols",
        chain: &[
            ("vso.symbols", "Read"),
            ("vso.symbols_write", "Read & write"),
            ("vso.symbols_manage", "Read, write & manage"),
        ],
    },
    Area {
        name: "Drop",
        chain: &[
            ("vso.drop", "Read"),
            ("vso.drop_write", "Read & write"),
            ("vso.drop_manage", "Read, write & manage"),
        ],
    },
    Area {
        name: "Service Connections",
        chain: &[
            ("vso.serviceendpoint", "Read"),
            ("vso.serviceendpoint_query", "Read & query"),
            ("vso.serviceendpoint_manage", "Read, query & manage"),
        ],
    },
    Area {
        name: "Variable Groups",
        chain: &[
            ("vso.variablegroups_read", "Read"),
            ("vso.variablegroups_write", "Read & create"),
            ("vso.variablegroups_manage", "Read, create & manage"),
        ],
    },
    Area {
        name: "Task Groups",
        chain: &[
            ("vso.taskgroups_read", "Read"),
            ("vso.taskgroups_write", "Read & create"),
            ("vso.taskgroups_manage", "Read, create & manage"),
        ],
    },
    Area {
        name: "Secure Files",
        chain: &[
            ("vso.securefiles_read", "Read"),
            ("vso.securefiles_write", "Read & create"),
            ("vso.securefiles_manage", "Read, create & manage"),
        ],
    },
    Area {
        name: "Team Dashboard",
        chain: &[("vso.dashboards", "Read"), ("vso.dashboards_manage", "Read & manage")],
    },
    Area {
        name: "Extensions",
        chain: &[("vso.extension", "Read"), ("vso.extension_manage", "Read & manage")],
    },
    Area {
        name: "Extension Data",
        chain: &[("vso.extension.data", "Read"), ("vso.extension.data_write", "Read & write")],
    },
    Area { name: "Marketplace", chain: &[("vso.gallery", "Read"), ("vso.gallery_acquire", "Acquire")] },
    Area {
        name: "Marketplace",
        chain: &[("vso.gallery_publish", "Publish"), ("vso.gallery_manage", "Manage")],
    },
    Area {
        name: "Notifications",
        chain: &[
            ("vso.notification", "Read"),
            ("vso.notification_write", "Read & write"),
            ("vso.notification_manage", "Read, write & manage"),
        ],
    },
    Area { name: "Notifications", chain: &[("vso.notification_diagnostics", "Diagnostics")] },
    Area {
        name: "Advanced Security",
        chain: &[
            ("vso.advsec", "Read"),
            ("vso.advsec_write", "Read & write"),
            ("vso.advsec_manage", "Read, write & manage"),
        ],
    },
    Area {
        name: "GitHub Connections",
        chain: &[("vso.githubconnections", "Read"), ("vso.githubconnections_manage", "Read & manage")],
    },
    Area {
        name: "Pipeline Resources",
        chain: &[("vso.pipelineresources_use", "Use"), ("vso.pipelineresources_manage", "Use & manage")],
    },
    Area { name: "Security", chain: &[("vso.security_manage", "Manage")] },
    Area { name: "Settings", chain: &[("vso.settings", "Read"), ("vso.settings_write", "Read & write")] },
    Area { name: "Tokens", chain: &[("vso.tokens", "Read & manage")] },
    Area { name: "Token Administration", chain: &[("vso.tokenadministration", "Read & manage")] },
    // Not on the page; taken by the interface.
    Area { name: "Governance", chain: &[("vso.governance", "Read")] },
    Area { name: "Connected Server", chain: &[("vso.connected_server", "Access endpoints")] },
    Area {
        name: "Service Hooks",
        chain: &[
            ("vso.hooks", "Read"),
            ("vso.hooks_write", "Read & write"),
            ("vso.hooks_interact", "Interact"),
        ],
    },
    Area { name: "Load Test", chain: &[("vso.loadtest", "Read"), ("vso.loadtest_write", "Read & write")] },
];

/// What people want a token for, with the least that does it.
pub static TASKS: &[(&str, &str)] = &[
    ("git", "vso.code_write"),
    ("git-read", "vso.code"),
    ("packages", "vso.packaging"),
    ("nuget", "vso.packaging"),
    ("npm", "vso.packaging"),
    ("pip", "vso.packaging"),
    ("cargo", "vso.packaging"),
    ("maven", "vso.packaging"),
    ("publish", "vso.packaging_write"),
    ("build", "vso.build_execute"),
    ("build-read", "vso.build"),
    ("release", "vso.release_execute"),
    ("agents", "vso.agentpools_manage"),
    ("deployment-groups", "vso.machinegroup_manage"),
    ("work-items", "vso.work_write"),
    ("work-items-read", "vso.work"),
    ("wiki", "vso.wiki_write"),
    ("test", "vso.test_write"),
    ("projects", "vso.project"),
    ("analytics", "vso.analytics"),
    ("symbols", "vso.symbols_write"),
    ("everything", FULL),
];

/// The task that goes by this name or another: what `nuget` needs, `packages` has. Other words come back as they are.
#[must_use]
pub fn task(word: &str) -> &str {
    let scope = TASKS.iter().find(|(task, _)| *task == word).map(|(_, scope)| *scope);
    let first = scope.and_then(|scope| TASKS.iter().find(|(_, other)| *other == scope));
    first.map_or(word, |(task, _)| task)
}

/// What a person's words stand for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Identifiers, each once, none that another of them holds.
    pub scopes: Vec<String>,
    /// Identifiers that look like scopes and are not in the table.
    pub unknown: Vec<String>,
    /// Words that are neither a task nor a scope.
    pub not_understood: Vec<String>,
}

/// Reads tasks and identifiers, with blanks or commas between them.
#[must_use]
pub fn choose(text: &str) -> Chosen {
    let mut chosen = Chosen::default();
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    for word in words {
        let lower = word.to_ascii_lowercase();
        let known =
            TASKS.iter().find(|(task, _)| *task == lower).map(|(_, scope)| *scope).or_else(|| named(&lower));
        match known {
            Some(scope) => chosen.scopes.push(scope.to_owned()),
            None if is_identifier(&lower) => {
                chosen.unknown.push(lower.clone());
                chosen.scopes.push(lower);
            }
            None => chosen.not_understood.push(word.to_owned()),
        }
    }
    chosen.scopes = least(&chosen.scopes);
    chosen
}

/// The scopes without those that others of them hold, in the order of the table, each once.
#[must_use]
pub fn least(scopes: &[String]) -> Vec<String> {
    let place = |scope: &str| {
        let all = AREAS.iter().flat_map(|area| area.chain.iter().map(|(id, _)| *id));
        all.into_iter().position(|id| id == scope).unwrap_or(usize::MAX)
    };
    let held = |scope: &str| scopes.iter().any(|other| other != scope && holds(other, scope));
    let mut kept: Vec<String> = scopes.iter().filter(|scope| !held(scope)).cloned().collect();
    kept.sort_by_key(|scope| (place(scope), scope.clone()));
    kept.dedup();
    kept
}

/// Whether a token with `held` may do what `wanted` allows.
#[must_use]
pub fn holds(held: &str, wanted: &str) -> bool {
    let in_chain = |area: &Area| {
        let at = |scope: &str| area.chain.iter().position(|(id, _)| *id == scope);
        at(held).zip(at(wanted)).is_some_and(|(held, wanted)| held >= wanted)
    };
    held == wanted || held == FULL || AREAS.iter().any(in_chain)
}

/// A scope as its page names it: `Code: Read & write`.
#[must_use]
pub fn words(scope: &str) -> Option<String> {
    AREAS.iter().find_map(|area| {
        let (_, tick) = area.chain.iter().find(|(id, _)| *id == scope)?;
        Some(format!("{}: {tick}", area.name))
    })
}

/// A scope in a table: without what they all begin with.
#[must_use]
pub fn short(scope: &str) -> &str {
    if scope == FULL { "everything" } else { scope.strip_prefix("vso.").unwrap_or(scope) }
}

/// The tasks, for a sentence.
#[must_use]
pub fn tasks() -> String {
    TASKS.iter().map(|(task, _)| *task).collect::<Vec<_>>().join(", ")
}

fn named(word: &str) -> Option<&'static str> {
    let mut all = AREAS.iter().flat_map(|area| area.chain);
    all.find(|(id, _)| *id == word).map(|(id, _)| *id)
}

/// Whether it could be a scope that was added since.
fn is_identifier(word: &str) -> bool {
    let rest = word.strip_prefix("vso.").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte);
    !rest.is_empty() && rest.len() <= 60 && rest.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{Need, azure_devops};

    fn scopes(text: &str) -> String {
        choose(text).scopes.join(" ")
    }

    #[test]
    fn a_task_may_go_by_the_name_of_its_tool() {
        for (word, known) in [
            ("nuget", "packages"),
            ("cargo", "packages"),
            ("packages", "packages"),
            ("git", "git"),
            ("x", "x"),
        ] {
            assert_eq!(task(word), known);
        }
    }

    #[test]
    fn tasks_and_identifiers_become_the_least_that_does_them() {
        assert_eq!(scopes("git,nuget"), "vso.code_write vso.packaging");
        assert_eq!(scopes("nuget, npm git-read"), "vso.code vso.packaging");
        assert_eq!(scopes("git git-read vso.code"), "vso.code_write");
        assert_eq!(scopes("publish nuget"), "vso.packaging_write");
        assert_eq!(scopes("vso.packaging VSO.Code"), "vso.code vso.packaging");
        assert_eq!(scopes("agents deployment-groups"), "vso.machinegroup_manage");
        assert_eq!(scopes("everything git nuget"), "app_token");
        assert_eq!(scopes(""), "");
    }

    #[test]
    fn a_scope_that_was_added_since_is_passed_on_and_other_words_are_not() {
        let chosen = choose("vso.new_thing git gti vso. vso.a;b user_impersonation");
        assert_eq!(chosen.scopes, ["vso.code_write", "vso.new_thing"]);
        assert_eq!(chosen.unknown, ["vso.new_thing"]);
        assert_eq!(chosen.not_understood, ["gti", "vso.", "vso.a;b", "user_impersonation"]);
    }

    #[test]
    fn every_task_names_a_scope_of_the_table_and_every_scope_has_words() {
        for (task, scope) in TASKS {
            assert!(named(scope).is_some(), "{task}");
            assert!(!task.contains([' ', ',']) && named(task).is_none(), "{task}");
        }
        for (scope, _) in AREAS.iter().flat_map(|area| area.chain) {
            assert!(words(scope).is_some() && (*scope == FULL || is_identifier(scope)), "{scope}");
        }
        assert_eq!(words("vso.code_write").unwrap(), "Code: Read & write");
        assert_eq!(words("vso.environment_manage").unwrap(), "Environment: Read & manage");
        assert_eq!(words("vso.agentpools").unwrap(), "Agent Pools: Read");
    }

    #[test]
    fn what_covers_a_tools_need_is_what_holds_the_least_for_it() {
        for (need, least) in [(Need::Code, "vso.code"), (Need::Packages, "vso.packaging")] {
            let (_, enough) = azure_devops::FORGE.scopes.iter().find(|(row, _)| *row == need).unwrap();
            let all = AREAS.iter().flat_map(|area| area.chain).map(|(id, _)| *id);
            for scope in all {
                assert_eq!(enough.contains(&scope), holds(scope, least), "{scope}");
            }
        }
    }
}
