//! What an entry is called, so that a person recognises it in the system's own viewer and its key can be read back from
//! the name alone. Pure, and therefore tested on every system. The forms never change: they name existing entries.

use crate::account::{Account, Id, Key};
use crate::remote::Realm;

/// What every name begins with.
pub(super) const PREFIX: &str = "keyfob:";

/// Service and account of a macOS keychain item: `keyfob:REALM` and `ID ACCOUNT`. The id stands in the account because
/// both together must be unique, and first because its length is fixed.
#[cfg(any(target_os = "macos", test))]
pub(super) fn service_and_account(key: &Key) -> (String, String) {
    (format!("{PREFIX}{}", key.realm), id_and_account(key))
}

/// The key of an item with these names; `None` when it is not ours.
#[cfg(any(target_os = "macos", test))]
pub(super) fn key_of_item(service: &str, account: &str) -> Option<Key> {
    let (id, account) = read_id_and_account(account)?;
    Some(Key { realm: Realm::from_text(service.strip_prefix(PREFIX)?)?, account, id })
}

/// The target of a Windows credential: `keyfob:REALM ID ACCOUNT`. The realm's own spaces are written as `%20`, so that
/// the first one ends it.
#[cfg(any(windows, test))]
pub(super) fn target(key: &Key) -> String {
    let realm = key.realm.as_str().replace('%', "%25").replace(' ', "%20");
    format!("{PREFIX}{realm} {}", id_and_account(key))
}

/// The key of a credential with this target; `None` when it is not ours.
#[cfg(any(windows, test))]
pub(super) fn key_of_target(target: &str) -> Option<Key> {
    let (realm, rest) = target.strip_prefix(PREFIX)?.split_once(' ')?;
    let (id, account) = read_id_and_account(rest)?;
    let realm = realm.replace("%20", " ").replace("%25", "%");
    Some(Key { realm: Realm::from_text(&realm)?, account, id })
}

/// No space behind the id means that there is no account name; nothing behind the space, that it is an empty one.
fn id_and_account(key: &Key) -> String {
    match key.account.name() {
        Some(name) => format!("{} {name}", key.id.as_str()),
        None => key.id.as_str().to_owned(),
    }
}

fn read_id_and_account(text: &str) -> Option<(Id, Account)> {
    match text.split_once(' ') {
        Some((id, name)) => Some((Id::parse(id)?, Account::Named(name.to_owned()))),
        None => Some((Id::parse(text)?, Account::Unnamed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_its_names() {
        let realms = ["azure-devops/contoso", "generic/https://h/a b/50%20/%25/%2520", "x/ 0 1"];
        let accounts = [None, Some(""), Some("alice"), Some(" a 0123456789abcdef0123456789abcdef %20 ")];
        for (realm, account) in realms.iter().flat_map(|realm| accounts.map(|account| (realm, account))) {
            let realm = Realm::from_text(realm).unwrap();
            let key = Key { realm, account: Account::from_name(account), id: Id::random().unwrap() };
            let (service, user) = service_and_account(&key);
            assert_eq!(key_of_item(&service, &user), Some(key.clone()));
            assert_eq!(key_of_target(&target(&key)), Some(key));
        }
    }

    #[test]
    fn names_of_other_programs_are_not_ours() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(key_of_item("keyfob:azure-devops/contoso", "alice"), None);
        assert_eq!(key_of_item("git:https://dev.azure.com", id), None);
        for target in ["git:https://dev.azure.com", "keyfob:", "keyfob:a/b", "keyfob:a/b alice", "keyfob:a "]
        {
            assert_eq!(key_of_target(target), None, "{target}");
            assert_eq!(key_of_target(&format!("x{target} {id}")), None);
        }
    }
}
