//! x
pub mod age;
