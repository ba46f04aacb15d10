//! File formats as they are, without what keyfob does with them: [`age`] for encrypted files, [`json_edit`] changes one member of
//! a JSON text, `npmrc` reads npm's values, [`xml`] reads settings.

pub mod age;
pub mod json_edit;
pub(crate) mod npmrc;
pub mod xml;
