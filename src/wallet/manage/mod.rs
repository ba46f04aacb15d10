//! What a person does with the wallet: add, list, remove, restore, prefer, move, and change the store. Commands ask and
//! print; the policy is here. Every change follows one order: a new secret is stored before its record is written, a record
//! is written before an old secret is destroyed.

pub mod add;
pub mod adopt;
pub mod audit;
pub mod bundle;
pub mod describe;
pub mod edit;
pub mod list;
pub mod move_realm;
pub mod places;
pub mod plan;
pub mod repair;
pub mod rotate;
pub mod select;
pub mod storage;
pub mod verify;

pub use add::add;
pub use audit::audit;
pub use edit::{clear_preference, prefer, remove, restore};
pub use list::{AccountSummary, State, list};
pub use move_realm::{accounts_there, move_accounts, plan_move};
pub use plan::plan;
pub use select::{Selection, select};
