//! Hugging Face: models and data sets in git repositories. The token stands in place of the password, beside any user name.

use serde::Deserialize;

use crate::http_message::{Auth, Request, Response};

use super::lifecycle::{Lifecycle, ScopeOption};
use super::token_format::{Alphabet, Part, TokenFormat};
use super::verify::{self, Check, Target, Verdict};
use super::{Example, Forge, UrlTemplate, UserName};

/// Hugging Face.
pub static FORGE: Forge = Forge {
    id: "hugging-face",
    name: "Hugging Face",
    url_templates: &[
        UrlTemplate { pattern: "huggingface.co", realm: "huggingface.co", needs_path: false },
        UrlTemplate { pattern: "www.huggingface.co", realm: "huggingface.co", needs_path: false },
    ],
    user_name: UserName { fallback: "hf_user", ..UserName::ANY },
    placeholders: &["hf_user"],
    token_page: Some("https://huggingface.co/settings/tokens"),
    lifecycle: Lifecycle {
        options: &[ScopeOption {
            task: "git",
            label: "Write access to the repositories that it is for",
            scopes: &[],
        }],
        ..Lifecycle::BY_HAND
    },
    check: Some(&Check { request, read }),
    token_formats: &[TokenFormat::of(
        "an access token of Hugging Face",
        &[Part::Text("hf_"), Part::Chars(Alphabet::Base62, 34, 34)],
    )],
    examples: &[
        Example { url: "https://huggingface.co/alice/model", realm: Some("hugging-face/huggingface.co") },
        Example {
            url: "https://alice@huggingface.co/alice/model",
            realm: Some("hugging-face/huggingface.co"),
        },
        Example { url: "https://www.huggingface.co/alice/model", realm: Some("hugging-face/huggingface.co") },
        Example { url: "https://cdn-lfs.huggingface.co/repos/a", realm: None },
        Example { url: "https://hf.co/alice/model", realm: None },
    ],
    ..Forge::BASE
};

fn request(target: &Target<'_>) -> Request {
    Request::get(format!("{}/api/whoami-v2", target.home), Auth::Bearer)
}

#[derive(Deserialize)]
struct Me {
    name: String,
}

fn read(answer: &Response, _: &Target<'_>) -> Verdict {
    verify::read(answer, &[], |answer| Some(Verdict::accepted(Some(answer.json::<Me>()?.name))))
}
