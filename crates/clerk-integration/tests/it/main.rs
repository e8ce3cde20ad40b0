//! Clerk's clients against the emulator: tokens, users, machines and organizations. One binary, because each takes long
//! to link.

mod api;
mod directory;
mod machine;
mod sessions;
