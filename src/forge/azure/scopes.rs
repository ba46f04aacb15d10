//! What a personal access token of Azure DevOps may be allowed to do: every scope by its identifier, with the name that its page
//! has for it, and the tasks for which people want a token. Deliberately absent: scopes that only an application can have.

use crate::forge::lifecycle::{ScopeArea, ScopeTable};

/// Everything: "Full access".
const FULL: &str = "app_token";

/// Every scope.
pub(super) static SCOPES: ScopeTable = ScopeTable {
    areas: AREAS,
    tasks: TASKS,
    full: FULL,
    prefix: "vso.",
    examples: ["vso.code", "vso.code_write"],
};

static AREAS: &[ScopeArea] = &[
    ScopeArea { name: "Full access", chain: &[(FULL, "all scopes")] },
    ScopeArea {
        name: "Code",
        chain: &[
            ("vso.code", "Read"),
            ("vso.code_write", "Read & write"),
            ("vso.code_manage", "Read, write & manage"),
            ("vso.code_full", "Full"),
        ],
    },
    ScopeArea { name: "Code", chain: &[("vso.code_status", "Status")] },
    ScopeArea { name: "Pull request threads", chain: &[("vso.threads_full", "Read & write")] },
    ScopeArea {
        name: "Packaging",
        chain: &[
            ("vso.packaging", "Read"),
            ("vso.packaging_write", "Read & write"),
            ("vso.packaging_manage", "Read, write & manage"),
        ],
    },
    ScopeArea { name: "Build", chain: &[("vso.build", "Read"), ("vso.build_execute", "Read & execute")] },
    ScopeArea {
        name: "Release",
        chain: &[
            ("vso.release", "Read"),
            ("vso.release_execute", "Read, write & execute"),
            ("vso.release_manage", "Read, write, execute & manage"),
        ],
    },
    ScopeArea {
        name: "Agent Pools",
        chain: &[("vso.agentpools", "Read"), ("vso.agentpools_manage", "Read & manage")],
    },
    ScopeArea {
        name: "Environment",
        chain: &[
            ("vso.agentpools", "Agent Pools: Read"),
            ("vso.agentpools_manage", "Agent Pools: Read & manage"),
            ("vso.environment_manage", "Read & manage"),
        ],
    },
    ScopeArea {
        name: "Deployment Groups",
        chain: &[
            ("vso.agentpools", "Agent Pools: Read"),
            ("vso.agentpools_manage", "Agent Pools: Read & manage"),
            ("vso.machinegroup_manage", "Read & manage"),
        ],
    },
    ScopeArea {
        name: "Work Items",
        chain: &[("vso.work", "Read"), ("vso.work_write", "Read & write"), ("vso.work_full", "Full")],
    },
    ScopeArea { name: "Wiki", chain: &[("vso.wiki", "Read"), ("vso.wiki_write", "Read & write")] },
    ScopeArea { name: "Test Management", chain: &[("vso.test", "Read"), ("vso.test_write", "Read & write")] },
    ScopeArea {
        name: "Project and Team",
        chain: &[
            ("vso.project", "Read"),
            ("vso.project_write", "Read & write"),
            ("vso.project_manage", "Read, write & manage"),
        ],
    },
    ScopeArea {
        name: "User Profile",
        chain: &[("vso.profile", "Read"), ("vso.profile_write", "Read & write")],
    },
    ScopeArea { name: "Graph", chain: &[("vso.graph", "Read"), ("vso.graph_manage", "Read & manage")] },
    ScopeArea {
        name: "Identity",
        chain: &[("vso.identity", "Read"), ("vso.identity_manage", "Read & manage")],
    },
    ScopeArea { name: "Entitlements", chain: &[("vso.entitlements", "Read")] },
    ScopeArea {
        name: "Member Entitlement Management",
        chain: &[
            ("vso.memberentitlementmanagement", "Read"),
            ("vso.memberentitlementmanagement_write", "Read & write"),
        ],
    },
    ScopeArea { name: "Analytics", chain: &[("vso.analytics", "Read")] },
    ScopeArea { name: "Audit Log", chain: &[("vso.auditlog", "Read Audit Log")] },
    ScopeArea { name: "Audit Log", chain: &[("vso.auditstreams_manage", "Manage Audit Streams")] },
    ScopeArea {
        name: "Symbols",
        chain: &[
            ("vso.symbols", "Read"),
            ("vso.symbols_write", "Read & write"),
            ("vso.symbols_manage", "Read, write & manage"),
        ],
    },
    ScopeArea {
        name: "Drop",
        chain: &[
            ("vso.drop", "Read"),
            ("vso.drop_write", "Read & write"),
            ("vso.drop_manage", "Read, write & manage"),
        ],
    },
    ScopeArea {
        name: "Service Connections",
        chain: &[
            ("vso.serviceendpoint", "Read"),
            ("vso.serviceendpoint_query", "Read & query"),
            ("vso.serviceendpoint_manage", "Read, query & manage"),
        ],
    },
    ScopeArea {
        name: "Variable Groups",
        chain: &[
            ("vso.variablegroups_read", "Read"),
            ("vso.variablegroups_write", "Read & create"),
            ("vso.variablegroups_manage", "Read, create & manage"),
        ],
    },
    ScopeArea {
        name: "Task Groups",
        chain: &[
            ("vso.taskgroups_read", "Read"),
            ("vso.taskgroups_write", "Read & create"),
            ("vso.taskgroups_manage", "Read, create & manage"),
        ],
    },
    ScopeArea {
        name: "Secure Files",
        chain: &[
            ("vso.securefiles_read", "Read"),
            ("vso.securefiles_write", "Read & create"),
            ("vso.securefiles_manage", "Read, create & manage"),
        ],
    },
    ScopeArea {
        name: "Team Dashboard",
        chain: &[("vso.dashboards", "Read"), ("vso.dashboards_manage", "Read & manage")],
    },
    ScopeArea {
        name: "Extensions",
        chain: &[("vso.extension", "Read"), ("vso.extension_manage", "Read & manage")],
    },
    ScopeArea {
        name: "Extension Data",
        chain: &[("vso.extension.data", "Read"), ("vso.extension.data_write", "Read & write")],
    },
    ScopeArea { name: "Marketplace", chain: &[("vso.gallery", "Read"), ("vso.gallery_acquire", "Acquire")] },
    ScopeArea {
        name: "Marketplace",
        chain: &[("vso.gallery_publish", "Publish"), ("vso.gallery_manage", "Manage")],
    },
    ScopeArea {
        name: "Notifications",
        chain: &[
            ("vso.notification", "Read"),
            ("vso.notification_write", "Read & write"),
            ("vso.notification_manage", "Read, write & manage"),
        ],
    },
    ScopeArea { name: "Notifications", chain: &[("vso.notification_diagnostics", "Diagnostics")] },
    ScopeArea {
        name: "Advanced Security",
        chain: &[
            ("vso.advsec", "Read"),
            ("vso.advsec_write", "Read & write"),
            ("vso.advsec_manage", "Read, write & manage"),
        ],
    },
    ScopeArea {
        name: "GitHub Connections",
        chain: &[("vso.githubconnections", "Read"), ("vso.githubconnections_manage", "Read & manage")],
    },
    ScopeArea {
        name: "Pipeline Resources",
        chain: &[("vso.pipelineresources_use", "Use"), ("vso.pipelineresources_manage", "Use & manage")],
    },
    ScopeArea { name: "Security", chain: &[("vso.security_manage", "Manage")] },
    ScopeArea {
        name: "Settings",
        chain: &[("vso.settings", "Read"), ("vso.settings_write", "Read & write")],
    },
    ScopeArea { name: "Tokens", chain: &[("vso.tokens", "Read & manage")] },
    ScopeArea { name: "Token Administration", chain: &[("vso.tokenadministration", "Read & manage")] },
    // Not on the page; taken by the interface.
    ScopeArea { name: "Governance", chain: &[("vso.governance", "Read")] },
    ScopeArea { name: "Connected Server", chain: &[("vso.connected_server", "Access endpoints")] },
    ScopeArea {
        name: "Service Hooks",
        chain: &[
            ("vso.hooks", "Read"),
            ("vso.hooks_write", "Read & write"),
            ("vso.hooks_interact", "Interact"),
        ],
    },
    ScopeArea {
        name: "Load Test",
        chain: &[("vso.loadtest", "Read"), ("vso.loadtest_write", "Read & write")],
    },
];

/// What people want a token for, with the least that does it.
static TASKS: &[(&str, &str)] = &[
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::lifecycle::task;
    use crate::forge::{Need, azure};

    fn scopes(text: &str) -> String {
        SCOPES.choose(text).scopes.join(" ")
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
        let chosen = SCOPES.choose("vso.new_thing git gti vso. vso.a;b user_impersonation");
        assert_eq!(chosen.scopes, ["vso.code_write", "vso.new_thing"]);
        assert_eq!(chosen.unknown, ["vso.new_thing"]);
        assert_eq!(chosen.not_understood, ["gti", "vso.", "vso.a;b", "user_impersonation"]);
    }

    #[test]
    fn every_task_names_a_scope_of_the_table_and_every_scope_has_words() {
        for (task, scope) in TASKS {
            assert!(SCOPES.named(scope).is_some(), "{task}");
            assert!(!task.contains([' ', ',']) && SCOPES.named(task).is_none(), "{task}");
        }
        for (scope, _) in AREAS.iter().flat_map(|area| area.chain) {
            assert!(
                SCOPES.label(scope).is_some() && (*scope == FULL || SCOPES.is_identifier(scope)),
                "{scope}"
            );
        }
        assert_eq!(SCOPES.label("vso.code_write").unwrap(), "Code: Read & write");
        assert_eq!(SCOPES.label("vso.environment_manage").unwrap(), "Environment: Read & manage");
        assert_eq!(SCOPES.label("vso.agentpools").unwrap(), "Agent Pools: Read");
    }

    #[test]
    fn what_covers_a_tools_need_is_what_holds_the_least_for_it() {
        for (need, least) in [(Need::Code, "vso.code"), (Need::Packages, "vso.packaging")] {
            let (_, enough) = azure::FORGE.scopes.iter().find(|(row, _)| *row == need).unwrap();
            let all = AREAS.iter().flat_map(|area| area.chain).map(|(id, _)| *id);
            for scope in all {
                assert_eq!(enough.contains(&scope), SCOPES.holds(scope, least), "{scope}");
            }
        }
    }
}
