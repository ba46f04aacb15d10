//! The integration tests, one module for each subject; [`support`] is the stage and [`fakes`] the servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that is surprised shall fail, and one that is skipped says so"
)]

#[path = "../fakes/mod.rs"]
mod fakes;
mod support;

mod age_vectors;
mod bazel;
mod cargo;
mod check;
#[cfg(target_os = "linux")]
mod clients;
mod commands;
mod concurrency;
#[cfg(target_os = "linux")]
mod desktop;
mod docker;
mod doctor;
mod documents;
mod environment;
mod every_tool;
mod fake_fidelity;
mod faults;
mod forges;
#[cfg(target_os = "linux")]
mod fuzz;
mod git;
mod go;
mod help_examples;
mod house;
mod import;
mod lifecycle;
mod messages;
mod nuget;
mod pipelines;
mod pnpm;
mod programs;
mod python;
mod realms;
mod recipes;
mod run;
#[cfg(target_os = "linux")]
mod secret_service;
mod secrets;
mod setup;
mod spellings;
mod standard_streams;
mod terraform;
mod transcripts;
