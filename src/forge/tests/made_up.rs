//! A service that does not exist: one record, and nothing anywhere else. Every tool serves it (tool/tests/made_up_forge.rs).

use crate::forge::lifecycle::{Lifecycle, ScopeOption};
use crate::forge::{Crates, Example, Forge, Hosts, LoginForm, Need, Packages, Scheme, UrlTemplate, UserName};

/// The service. Organisations are in paths on its own host and in names below it.
pub(crate) static FORGE: Forge = Forge {
    id: "made-up",
    name: "Made-up Forge",
    realm_noun: "guild",
    url_templates: &[
        UrlTemplate { pattern: "made-up.test/{organisation}", realm: "{organisation}", needs_path: true },
        UrlTemplate {
            pattern: "{organisation}.{service}.made-up.test",
            realm: "{organisation}",
            needs_path: false,
        },
    ],
    service_labels: &["npm", "images", "files", "modules", "feeds"],
    user_name: UserName { fallback: "guild", ..UserName::ANY },
    token_page: Some("https://made-up.test/{organisation}/tokens"),
    lifecycle: Lifecycle {
        options: &[ScopeOption { task: "git", label: "Repositories", scopes: &["repos"] }],
        ..Lifecycle::BY_HAND
    },
    packages: Packages {
        scheme: Scheme::Bearer,
        npm: Hosts { named: &[("{organisation}", &["{organisation}.npm.made-up.test"])], own: false },
        containers: Hosts {
            named: &[("{organisation}", &["{organisation}.images.made-up.test"])],
            own: false,
        },
        downloads: Hosts { named: &[("{organisation}", &["{organisation}.files.made-up.test"])], own: false },
        shared_downloads: &["made-up.test"],
        crates: Crates::Paths(|path| matches!(path, [_, "crates", ..])),
        terraform: true,
        nuget_user_name: Some("any"),
        feed_marker: Some("feeds"),
        others: Hosts { named: &[("{organisation}", &["{organisation}.jars.made-up.test"])], own: false },
        paths: |path| path.first() == Some(&"packages"),
        login: |host, _| match host.ends_with(".jars.made-up.test") {
            true => LoginForm::Header("X-Made-Up"),
            false => LoginForm::Usual,
        },
    },
    scopes: &[(Need::Code, &["repos"])],
    examples: &[
        Example { url: "https://made-up.test/smiths/anvil.git", realm: Some("made-up/smiths") },
        Example { url: "https://smiths.npm.made-up.test/hammer", realm: Some("made-up/smiths") },
        Example { url: "https://made-up.test", realm: None },
        Example { url: "https://smiths.evil.made-up.test", realm: None },
    ],
    ..Forge::BASE
};
