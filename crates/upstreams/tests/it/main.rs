//! The clients of election-api and people-api against the emulators. One binary, because each takes long to link.

mod election;
mod generations;
mod people;
