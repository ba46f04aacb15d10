//! NuGet's adapter with byte buffers: the session alone, the conversation with its threads, and the command lines.

use std::ffi::OsString;

use crate::tool::Wire;
use crate::wallet::tests::bench::Bench;

mod plugin;
mod provider;
mod session;
mod threads;

const FEED: &str = "https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json";

/// Exit code, standard output, standard error.
fn run(bench: &Bench, args: &[&str], mut input: &[u8]) -> (u8, String, String) {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let (mut output, mut notes) = (Vec::new(), Vec::new());
    let mut wire = Wire {
        input: &mut input,
        output: &mut output,
        notes: &mut notes,
        by_hand: false,
        person_watches: false,
    };
    let code = bench.with(|wallet| super::serve(&args, &mut wire, wallet));
    (code, String::from_utf8(output).unwrap(), String::from_utf8(notes).unwrap())
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
