//! Whether other programs keep tokens on this machine, for commands beside `import`. Nobody is asked, and no program is run.

use crate::import::{self, Outside, Source};
use crate::text::listed;
use crate::wallet::manage;

use super::Context;

/// For who begins: other programs may keep tokens here already.
pub(super) fn hint_at_import(context: &mut Context<'_>) {
    let is_empty =
        manage::list(context.wallet).is_ok_and(|(entries, errors)| entries.is_empty() && errors.is_empty());
    if !is_empty {
        return;
    }
    let outside = Outside {
        environment: context.environment,
        store_context: context.stores.store_context.clone(),
        file: None,
        only_look: true,
        now: context.now,
    };
    let has_some = |source: &&&Source| (source.read)(&outside).is_ok_and(|reading| reading.count() > 0);
    let sources: Vec<&str> = import::ALL.iter().filter(has_some).map(|source| source.name).collect();
    if !sources.is_empty() {
        let sources = listed(&sources);
        context
            .terminal
            .hint(&format!("other programs keep tokens here ({sources}): keyfob import takes them over"));
    }
}
