//! NuGet.

use crate::forge::Need;

use super::Tool;

mod profile;

/// NuGet.
pub static TOOL: Tool = Tool {
    name: "nuget",
    title: "NuGet",
    need: Need::Packages,
    links: &[],
    how: "variables: keyfob run -- dotnet restore",
    serve: None,
    setup: None,
    profile: Some(&profile::PROFILE),
};
