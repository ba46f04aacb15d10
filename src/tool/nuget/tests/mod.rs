//! NuGet's adapter with byte buffers: the session alone, the conversation with its threads, and the command lines.

use crate::tool::tests::{Ran, call};
use crate::wallet::tests::fixture::TestWallet;

mod people;
mod plugin;
mod provider;
mod recorded;
mod session;
mod threads;

const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";

fn run(bench: &TestWallet, args: &[&str], input: &[u8]) -> Ran {
    call(super::serve, bench, args, input)
}

/// A request as NuGet writes it.
fn request(id: &str, method: &str, payload: &str) -> String {
    format!("{{\"RequestId\":\"{id}\",\"Type\":\"Request\",\"Method\":\"{method}\",\"Payload\":{payload}}}\n")
}

/// A question for the credential of a source.
fn question(id: &str, url: &str, is_retry: bool) -> String {
    let rest = "\"IsNonInteractive\":true,\"CanShowDialog\":true";
    request(
        id,
        "GetAuthenticationCredentials",
        &format!("{{\"Uri\":\"{url}\",\"IsRetry\":{is_retry},{rest}}}"),
    )
}
