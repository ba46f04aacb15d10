//! Loopback servers that behave like the services that keyfob's tools talk to, for the tests and the demo.
//!
//! They listen on 127.0.0.1 only, end when they are dropped, and keep what they were sent, the Authorization header
//! too, so that "the token never went there" is a plain assertion. Deliberately absent: everything that a tool cannot
//! see from outside. This is a test's code: what surprises it panics.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each user takes a part, and a fake that is surprised shall fail its test"
)]

pub mod archive;
pub mod azure_answers;
pub mod azure_pats;
pub mod azure_sign_in;
pub mod crates;
pub mod entra;
pub mod feed;
pub mod forge;
pub mod git_backend;
pub mod go_proxy;
pub mod hostile;
pub mod http;
pub mod leaks;
pub mod lfs;
pub mod listener;
pub mod log;
pub mod npm_registry;
pub mod nuget_feed;
pub mod proxy;
pub mod python_index;
pub mod registry;
pub mod rest_answers;
pub mod socks;
pub mod terraform_registry;
pub mod tls;
pub mod wire;
