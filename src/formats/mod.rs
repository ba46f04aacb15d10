//! File formats as they are, without what keyfob does with them: [`age`] for encrypted files.

pub mod age;
