//! The Azure CLI's `az devops`, `az repos`, `az pipelines`, `az boards`, `az artifacts`: no way to ask, but a token in a variable
//! comes before its own sign-in; behind the proxy that is a placeholder.

use crate::forge::Need;

use super::Tool;
use super::client::{Client, Holds, Settings, Variable};
use super::profile::{Form, Profile};

/// The Azure CLI.
pub static TOOL: Tool = Tool {
    name: "az",
    title: "Azure CLI (azure-devops extension)",
    need: Need::Anything,
    how: "through keyfob's proxy: keyfob run -- az …",
    client: Some(&Client {
        programs: &["az"],
        settings: &[
            Settings::Named("AZURE_CONFIG_DIR", "azuredevops/config"),
            Settings::Home(".azure/azuredevops/config"),
        ],
        variables: &[Variable { name: "AZURE_DEVOPS_EXT_PAT", holds: Holds::Placeholder }],
        ..Client::BASE
    }),
    profile: Some(&Profile {
        variables: &[super::profile::Variable { name: "AZURE_DEVOPS_EXT_PAT", form: Form::Token }],
    }),
    ..Tool::BASE
};
