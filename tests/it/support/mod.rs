//! What the tests share: a machine ([`scene`]), programs with a deadline ([`process`]), what a person did before ([`person`]), and
//! a session bus with a keyring ([`bus`]).

#[cfg(target_os = "linux")]
pub mod bus;
pub mod person;
pub mod process;
pub mod scene;
