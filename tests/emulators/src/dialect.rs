//! The dialects of election-api: its two generations, and omitted members.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// The generation of election-api that answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Generation {
    /// Until May 2026: members without a value are null, and the search accepts election days.
    #[default]
    Earlier,
    /// Since June 2026: members without a value are absent, positions say which product they are meant for,
    /// and the search accepts `past` or `future` and silently drops election days.
    Later,
    /// Hypothetical: the search accepts neither, and finds future elections.
    Unknown,
}

#[derive(Debug, Default)]
struct State {
    generation: Generation,
    omitted: Vec<String>,
}

/// The current dialect.
#[derive(Debug, Default)]
pub(crate) struct Dialect(Mutex<State>);

impl Dialect {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn speak(&self, generation: Generation) {
        self.with(|state| state.generation = generation);
    }

    pub(crate) fn omit(&self, members: &[&str]) {
        self.with(|state| state.omitted = members.iter().map(|name| (*name).to_owned()).collect());
    }

    pub(crate) fn generation(&self) -> Generation {
        self.with(|state| state.generation)
    }

    /// A position in the generation's dialect.
    pub(crate) fn position(&self, position: Value) -> Value {
        match self.generation() {
            Generation::Earlier => self.omitting(position),
            Generation::Later | Generation::Unknown => self.later_position(position),
        }
    }

    /// A position in the later generation's dialect.
    pub(crate) fn later_position(&self, mut position: Value) -> Value {
        if let Some(members) = position.as_object_mut() {
            members.insert("isWinIcp".to_owned(), json!(true));
            members.insert("isServeIcp".to_owned(), json!(false));
        }
        drop_nulls(&mut position);
        self.omitting(position)
    }

    /// An answer without the omitted members, at any depth.
    pub(crate) fn omitting(&self, mut answer: Value) -> Value {
        self.with(|state| remove(&mut answer, &state.omitted));
        answer
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn remove(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !names.contains(name));
            members.values_mut().for_each(|member| remove(member, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, names)),
        _ => {}
    }
}
