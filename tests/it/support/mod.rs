//! What the tests share: a machine ([`scene`]), programs with a deadline ([`process`]), what a person did before ([`person`]) and
//! does at a terminal ([`terminal`]), a session bus with a keyring ([`bus`]), a feed of Python packages
//! ([`python_feed`]) and one of npm packages ([`npm_feed`]), and a machine that fails ([`faults`]).

#[cfg(target_os = "linux")]
pub mod bus;
#[cfg(target_os = "linux")]
pub mod faults;
#[cfg(unix)]
pub mod npm_feed;
pub mod person;
pub mod process;
#[cfg(unix)]
pub mod python_feed;
pub mod scene;
#[cfg(target_os = "linux")]
pub mod terminal;
