//! The rules of the wallet (R1 to R9 and R13 of docs/design.md), one file each, against stores in memory and records in a
//! temporary folder. A test's name is the sentence that it holds the wallet to. What the rules say of git's wire (R5, R10,
//! R14) is tested in `tool::git`.

mod adopt;
mod bundle;
pub(crate) mod fixture;
mod manage;
mod meanwhile;
mod r13_environment;
mod r13_pipelines;
mod r1_match;
mod r2_organisation;
mod r3_on_premises;
mod r4_account;
mod r5_answer;
mod r6_store;
mod r7_erase;
mod r7_logout;
mod r7_reasons;
mod r8_expired;
mod r9_locked;
mod rotate;
