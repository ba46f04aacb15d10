//! The lifecycle of tokens: what to select on the page where one is created, how one is renewed, how one is revoked. Each
//! forge's record has a [`Lifecycle`]; a service with an interface for tokens implements [`TokenApi`]. Pure: requests and
//! answers are values.

use crate::http_message::{Request, Response};

pub use super::verify::Site;
use super::verify::Target;

mod rotation;
mod scopes;
mod sign_in;
mod token_api;

pub use rotation::RotationError;
pub use scopes::{ChosenScopes, ScopeArea, ScopeTable, task};
pub use sign_in::{DeviceCode, Poll, SignIn, Tenant};
pub use token_api::{
    ApiError, Created, FailureEffect, Page, Token, TokenApi, TokenFilter, TokenId, TokenManager, TokenRequest,
};

/// How a service's tokens are created, renewed and revoked.
pub struct Lifecycle {
    /// What to select, by task; the first is what most people want.
    pub options: &'static [ScopeOption],
    /// The page with the options selected, where the service has such a thing: `{origin}` and `{scopes}` are filled in.
    pub preset_page: Option<&'static str>,
    /// A page for tokens with narrower permissions, which comes first where it has all that is asked for.
    pub fine_grained: Option<&'static FineGrained>,
    /// How a token is renewed.
    pub renewal: Renewal,
    /// How a token is revoked by showing it; `None` where only its page can do that.
    pub revocation: Option<&'static Revocation>,
    /// From when on the service accepts no token that is for all organisations, in Unix seconds, if it has announced that.
    pub global_tokens_end: Option<i64>,
}

/// What a task needs.
pub struct ScopeOption {
    /// The task, as `--for` takes it.
    pub task: &'static str,
    /// What the page calls it.
    pub label: &'static str,
    /// By identifier, where the service has them.
    pub scopes: &'static [&'static str],
}

/// How a token is renewed.
pub enum Renewal {
    /// A person who is signed in to the service has another one created, and the old one revoked.
    SignedIn(&'static dyn TokenManager),
    /// The token asks for its successor, and stops working at that moment. Never tried twice: some services treat the second
    /// try as a theft.
    SelfRotation(&'static dyn TokenApi),
    /// On its page.
    ByHand,
}

/// How a token is revoked by showing it.
pub struct Revocation {
    /// The request; `None` where this server has no such thing.
    pub request: fn(&Target<'_>) -> Option<Request>,
    /// Whether the answer says that it does not work any more.
    pub done: fn(&Response) -> bool,
}

/// A page that creates tokens with narrower permissions than scopes, each set by a parameter.
pub struct FineGrained {
    /// The page: `{origin}` and `{permissions}` are filled in.
    pub page: &'static str,
    /// The parameter for each task that such a token can do.
    pub permissions: &'static [(&'static str, &'static str)],
}

impl Lifecycle {
    /// For records: all by hand.
    pub const BY_HAND: Lifecycle = Lifecycle {
        options: &[],
        preset_page: None,
        fine_grained: None,
        renewal: Renewal::ByHand,
        revocation: None,
        global_tokens_end: None,
    };

    /// The options for these tasks; all of them where none is named.
    #[must_use]
    pub fn options_for(&self, tasks: &[String]) -> Vec<&'static ScopeOption> {
        let wanted = |option: &&ScopeOption| tasks.is_empty() || tasks.iter().any(|task| task == option.task);
        self.options.iter().filter(wanted).collect()
    }

    /// The page with these options selected.
    #[must_use]
    pub fn page_with(&self, origin: &str, options: &[&ScopeOption]) -> Option<String> {
        let mut scopes: Vec<&str> = options.iter().flat_map(|option| option.scopes).copied().collect();
        scopes.dedup();
        let fine = self.fine_grained.and_then(|fine| {
            let permission =
                |option: &&ScopeOption| fine.permissions.iter().find(|(task, _)| *task == option.task);
            let permissions: Option<Vec<&str>> =
                options.iter().map(|option| Some(permission(option)?.1)).collect();
            Some(fine.page.replace("{permissions}", &permissions.filter(|all| !all.is_empty())?.join("&")))
        });
        if let Some(page) = fine {
            return Some(page.replace("{origin}", origin));
        }
        let page = self.preset_page.filter(|_| !scopes.is_empty())?;
        Some(page.replace("{origin}", origin).replace("{scopes}", &scopes.join(",")))
    }

    /// The service's interface for persons who are signed in, if it has one.
    #[must_use]
    pub fn manager(&self) -> Option<&'static dyn TokenManager> {
        match self.renewal {
            Renewal::SignedIn(manager) => Some(manager),
            Renewal::SelfRotation(_) | Renewal::ByHand => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::forge;

    #[test]
    fn every_service_with_a_page_says_what_to_tick_for_git() {
        for forge in forge::ALL.iter().filter(|forge| forge.token_page.is_some()) {
            let first = forge.lifecycle.options.first();
            assert_eq!(first.map(|option| option.task), Some("git"), "{}", forge.id);
            assert!(forge.lifecycle.options.iter().all(|option| !option.label.is_empty()));
        }
    }

    #[test]
    fn what_is_ticked_for_a_task_covers_the_need_of_its_tools() {
        use forge::Need;
        for forge in forge::ALL {
            for option in forge.lifecycle.options.iter().filter(|option| !option.scopes.is_empty()) {
                let scopes: Vec<String> = option.scopes.iter().map(|&scope| scope.to_owned()).collect();
                let need = match option.task {
                    "git" => Need::Code,
                    "packages" => Need::Packages,
                    _ => continue,
                };
                assert!(forge.covers(&scopes, need), "{}: {}", forge.id, option.task);
            }
        }
    }

    #[test]
    fn a_page_comes_with_its_ticks_set_where_the_service_can() {
        let page = |id: &str, origin: &str, tasks: &[&str]| {
            let lifecycle = &forge::named(id).unwrap().lifecycle;
            let tasks: Vec<String> = tasks.iter().map(|&task| task.to_owned()).collect();
            lifecycle.page_with(origin, &lifecycle.options_for(&tasks))
        };
        assert_eq!(
            page("github", "https://github.com", &["git"]).unwrap(),
            "https://github.com/settings/personal-access-tokens/new?name=keyfob&contents=write"
        );
        assert_eq!(
            page("github", "https://github.com", &["git", "packages"]).unwrap(),
            "https://github.com/settings/tokens/new?description=keyfob&scopes=repo,read:packages"
        );
        assert_eq!(
            page("gitlab", "https://gitlab.corp.example", &["git"]).unwrap(),
            "https://gitlab.corp.example/-/user_settings/personal_access_tokens?name=keyfob&scopes=read_repository,write_repository"
        );
        assert_eq!(page("azure-devops", "https://dev.azure.com/contoso", &["git"]), None);
    }
}
