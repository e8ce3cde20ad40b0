//! The phase of the migration (design §3), and its switch.

mod change;
mod evidence;
mod gates;
mod name;
mod processes;
mod rewrite;
mod row;
mod switch;

pub use change::{PhaseChange, PhaseEntry, PhaseError, change, check, history};
pub use evidence::{Connected, Evidence, collect as evidence, users_of_what_goes};
pub use gates::Gate;
pub(crate) use gates::losses;
pub use name::Phase;
pub use processes::processes_behind;
pub(crate) use row::{
    PhaseSource, READ_AFTERWARDS, is_stored, keep_writers_waiting, was_left_lately,
};
pub use row::{read, read_for_writing};
pub use switch::{check_switch, turn_switch};
