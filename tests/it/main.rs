//! The integration tests, one module for each subject; [`scene`] is the stage and [`loopback`] the servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that is surprised shall fail, and one that is skipped says so"
)]

#[path = "../fakes/mod.rs"]
mod loopback;
mod person;
mod process;
mod scene;

mod bazel;
#[cfg(target_os = "linux")]
mod bus;
mod cargo;
mod check;
mod commands;
mod concurrency;
mod docker;
mod doctor;
mod documents;
mod every_tool;
mod examples;
mod fakes;
mod faults;
mod git;
mod go;
mod house;
mod import;
mod life;
mod messages;
mod nuget;
mod pnpm;
mod python;
mod realms;
mod run;
#[cfg(target_os = "linux")]
mod secret_service;
mod secrets;
mod setup;
mod streams;
mod terraform;
mod transcripts;
