//! # keyfob: the map of the crate
//!
//! keyfob keeps a person's access tokens in one wallet and hands each tool the right one in the tool's own protocol.
pub mod credential;
pub mod environment;
pub mod error;
pub mod files;
pub mod remote;
pub mod store;
