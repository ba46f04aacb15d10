//! The agent of Azure Pipelines: wants a token only when it is configured and removed, and takes every option of that as a
//! variable. It reads them off its own environment, so the token need not stand on a command line.

use crate::forge::Need;

use super::Tool;
use super::profile::{Form, Profile, Variable};

/// The pipelines agent.
pub static TOOL: Tool = Tool {
    name: "agent",
    title: "Azure Pipelines agent",
    need: Need::Anything,
    how: "variables: keyfob run --profile agent --for URL -- ./config.sh --unattended",
    profile: Some(&Profile {
        variables: &[
            Variable { name: "VSTS_AGENT_INPUT_URL", form: Form::Url },
            Variable { name: "VSTS_AGENT_INPUT_AUTH", form: Form::Word("pat") },
            Variable { name: "VSTS_AGENT_INPUT_TOKEN", form: Form::Token },
        ],
    }),
    ..Tool::BASE
};
