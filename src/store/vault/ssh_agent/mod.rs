//! The ssh-agent as a way into the vault: the client that talks to it, and the slot that one of its keys opens.

#[cfg(unix)]
pub(in crate::store::vault) mod client;
pub(in crate::store::vault) mod slot;
