//! The integration tests, one module for each subject; [`scene`] is the stage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that is surprised shall fail, and one that is skipped says so"
)]

mod process;
mod scene;
