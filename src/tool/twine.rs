//! twine: starts no program, but reads user name and password from variables. They are not tied to a repository, so the
//! repository is said with them: `twine upload` without more goes there, not to the public index.

use crate::forge::Need;

use super::Tool;
use super::profile::{Endpoint, Form, OnConflict, Profile, Search, Variable};

/// twine.
pub static TOOL: Tool = Tool {
    name: "twine",
    title: "twine",
    need: Need::Packages,
    how: "variables: keyfob run --for URL -- twine …",
    profile: Some(&Profile {
        programs: &["twine"],
        discover: Some(("`TWINE_REPOSITORY_URL`", discover)),
        variables: &[
            Variable { name: URL, form: Form::Url, on_conflict: OnConflict::Refuse },
            Variable { name: "TWINE_USERNAME", form: Form::User, on_conflict: OnConflict::Refuse },
            Variable { name: "TWINE_PASSWORD", form: Form::Token, on_conflict: OnConflict::Refuse },
        ],
    }),
    ..Tool::BASE
};

const URL: &str = "TWINE_REPOSITORY_URL";

fn discover(search: &mut Search<'_>) -> Vec<Endpoint> {
    search.environment.text(URL).and_then(|url| Endpoint::found(None, &url)).into_iter().collect()
}
