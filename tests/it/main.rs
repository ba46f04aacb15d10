//! Integration tests: one binary, one module per thing that is tested.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that is surprised shall fail, and one that is skipped says so"
)]

#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
mod secret_service;
