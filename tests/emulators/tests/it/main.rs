//! The contracts of the emulators. One binary, because each takes long to link.

mod clerk;
mod election;
mod people;
