//! The life of tokens: what to tick on the page where one is made, how one is renewed, how one is revoked. Each forge's record has
//! a [`Life`]; here is what they are made of, and for Azure DevOps the interface that does all of it. Pure: requests and answers
//! are values.

use crate::http_message::{Request, Response};

use super::check::Target;

pub mod azure;
pub mod entra;
pub mod refusal;
pub mod scopes;

/// How a service's tokens are made, renewed and revoked.
pub struct Life {
    /// What to tick, by task; the first is what most people want.
    pub ticks: &'static [Tick],
    /// The page with the ticks set, where the service has such a thing: `{origin}` and `{scopes}` are filled in.
    pub ticked_page: Option<&'static str>,
    /// How a token is renewed.
    pub renewal: Renewal,
    /// How a token is revoked by showing it; `None` where only its page can do that.
    pub revocation: Option<&'static Revocation>,
}

/// What a task needs.
pub struct Tick {
    /// The task, as `--for` takes it.
    pub task: &'static str,
    /// What the page calls it.
    pub words: &'static str,
    /// By identifier, where the service has them.
    pub scopes: &'static [&'static str],
}

/// How a token is renewed.
pub enum Renewal {
    /// By the interface of Azure DevOps Services, with a person's own sign-in.
    Azure,
    /// By itself: it is shown, and another one comes back. It does not work from that moment on.
    ByItself(&'static ByItself),
    /// On its page.
    ByHand,
}

/// A token that is renewed by showing it. Never tried twice: some services take the second try for a theft.
pub struct ByItself {
    /// The request; it shall end then, in Unix seconds.
    pub request: fn(&Target<'_>, Option<i64>) -> Request,
    /// Reads the answer.
    pub read: fn(&Response) -> Result<Renewed, Trouble>,
    /// The scope that a token needs for it, in words.
    pub needs: &'static str,
}

/// A token that was renewed.
pub struct Renewed {
    /// The new one.
    pub token: crate::secret::Secret,
    /// When it ends, in Unix seconds.
    pub expires: Option<i64>,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// Why a token was not renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is not taken.
    Refused,
    /// It may not renew itself.
    Scope,
    /// The token is known, and its account is not let in; the service's words.
    Account(String),
    /// The service is too old for it.
    TooOld,
    /// The end is not taken; the service's words, if it has some.
    End(Option<String>),
    /// Too many requests, or trouble of the service's own. Nothing has happened.
    Later,
    /// A page for people came: from something on the way, or from another server. The service's own answers are none.
    Page {
        /// The status.
        status: u16,
    },
    /// Something happened, but what is not known.
    Unclear,
}

/// How a token is revoked by showing it.
pub struct Revocation {
    /// The request; `None` where this server has no such thing.
    pub request: fn(&Target<'_>) -> Option<Request>,
    /// Whether the answer says that it does not work any more.
    pub done: fn(&Response) -> bool,
}

impl Life {
    /// For records: all by hand.
    pub const BY_HAND: Life =
        Life { ticks: &[], ticked_page: None, renewal: Renewal::ByHand, revocation: None };

    /// The ticks for these tasks; all of them where none is named.
    #[must_use]
    pub fn ticks_for(&self, tasks: &[String]) -> Vec<&'static Tick> {
        let wanted = |tick: &&Tick| tasks.is_empty() || tasks.iter().any(|task| task == tick.task);
        self.ticks.iter().filter(wanted).collect()
    }

    /// The page with these ticks set.
    #[must_use]
    pub fn page_with(&self, origin: &str, ticks: &[&Tick]) -> Option<String> {
        let mut scopes: Vec<&str> = ticks.iter().flat_map(|tick| tick.scopes).copied().collect();
        scopes.dedup();
        let page = self.ticked_page.filter(|_| !scopes.is_empty())?;
        Some(page.replace("{origin}", origin).replace("{scopes}", &scopes.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use crate::forge;

    #[test]
    fn every_service_with_a_page_says_what_to_tick_for_git() {
        for forge in forge::ALL.iter().filter(|forge| forge.token_page.is_some()) {
            let first = forge.life.ticks.first();
            assert_eq!(first.map(|tick| tick.task), Some("git"), "{}", forge.id);
            assert!(forge.life.ticks.iter().all(|tick| !tick.words.is_empty()));
        }
    }

    #[test]
    fn what_is_ticked_for_a_task_covers_the_need_of_its_tools() {
        use forge::Need;
        for forge in forge::ALL {
            for tick in forge.life.ticks.iter().filter(|tick| !tick.scopes.is_empty()) {
                let scopes: Vec<String> = tick.scopes.iter().map(|&scope| scope.to_owned()).collect();
                let need = match tick.task {
                    "git" => Need::Code,
                    "packages" => Need::Packages,
                    _ => continue,
                };
                assert!(forge.covers(&scopes, need), "{}: {}", forge.id, tick.task);
            }
        }
    }

    #[test]
    fn a_page_comes_with_its_ticks_set_where_the_service_can() {
        let page = |id: &str, origin: &str, tasks: &[&str]| {
            let life = &forge::named(id).unwrap().life;
            let tasks: Vec<String> = tasks.iter().map(|&task| task.to_owned()).collect();
            life.page_with(origin, &life.ticks_for(&tasks))
        };
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
