//! Limits how many bytes of request bodies are in memory at the same time. Strangers and callers have
//! separate budgets, and no caller may use a whole budget: nobody can keep others from sending.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::error::{ApiError, ErrorCode};

/// Budget for bodies that are read before authentication.
const OF_STRANGERS: usize = 64 * 1024 * 1024;
/// Budget for the bodies of all callers.
const OF_CALLERS: usize = 256 * 1024 * 1024;
/// Budget for the bodies of one caller.
const OF_ONE_CALLER: usize = 8 * 1024 * 1024;

/// The bodies that a server has in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bodies(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    strangers: usize,
    callers: usize,
    each_caller: HashMap<String, usize>,
}

impl Bodies {
    /// Memory for one body, of a caller or of a stranger; dropping the result releases it.
    pub(crate) fn room(&self, caller: Option<String>) -> Room {
        Room { bodies: self.clone(), caller, bytes: 0 }
    }
}

/// The memory that a body uses.
pub(crate) struct Room {
    bodies: Bodies,
    caller: Option<String>,
    bytes: usize,
}

impl Room {
    /// Reserves this many more bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), ApiError> {
        let mut taken = self.bodies.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = &mut *taken;
        match &self.caller {
            None => {
                let strangers = taken.strangers.saturating_add(bytes);
                if strangers > OF_STRANGERS {
                    return Err(no_room("The service is receiving too many bodies"));
                }
                taken.strangers = strangers;
            }
            Some(caller) => {
                let own = taken.each_caller.get(caller).copied().unwrap_or_default();
                let own = own.saturating_add(bytes);
                if own > OF_ONE_CALLER {
                    return Err(no_room("You are sending too many large bodies at once"));
                }
                let callers = taken.callers.saturating_add(bytes);
                if callers > OF_CALLERS {
                    return Err(no_room("The service is receiving too many bodies"));
                }
                taken.callers = callers;
                taken.each_caller.insert(caller.clone(), own);
            }
        }
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.bodies.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = &mut *taken;
        let Some(caller) = &self.caller else {
            taken.strangers = taken.strangers.saturating_sub(self.bytes);
            return;
        };
        taken.callers = taken.callers.saturating_sub(self.bytes);
        if let Some(own) = taken.each_caller.get_mut(caller) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                taken.each_caller.remove(caller);
            }
        }
    }
}

fn no_room(what: &str) -> ApiError {
    ApiError::client(ErrorCode::Unavailable, format!("{what}: try again later"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: usize = 1024 * 1024;

    /// Reservations of a megabyte each, until the budget is used up.
    fn fill(bodies: &Bodies, caller: Option<&str>) -> Vec<Room> {
        let room = || {
            let mut room = bodies.room(caller.map(str::to_owned));
            room.take(MEGABYTE).is_ok().then_some(room)
        };
        std::iter::from_fn(room).collect()
    }

    #[test]
    fn strangers_callers_and_each_caller_have_room_of_their_own() {
        let bodies = Bodies::default();
        let strangers = fill(&bodies, None);
        assert_eq!(strangers.len() * MEGABYTE, OF_STRANGERS);
        let caller = fill(&bodies, Some("user:7"));
        assert_eq!(caller.len() * MEGABYTE, OF_ONE_CALLER);
        let others: Vec<_> =
            (0..100).flat_map(|n| fill(&bodies, Some(&format!("user:{n}")))).collect();
        assert_eq!((caller.len() + others.len()) * MEGABYTE, OF_CALLERS);
    }

    #[test]
    fn room_is_free_again_when_its_body_is_gone() {
        let bodies = Bodies::default();
        for caller in [None, Some("user:7")] {
            let first = fill(&bodies, caller).len();
            assert_eq!(fill(&bodies, caller).len(), first);
        }
        assert!(bodies.0.lock().unwrap().each_caller.is_empty());
    }
}
