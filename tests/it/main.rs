//! The integration tests: one binary, one module per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop on anything that surprises it")]

mod house;
mod messages;
mod realms;
