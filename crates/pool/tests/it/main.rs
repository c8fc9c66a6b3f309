//! The pool from outside: each rule by examples, and all of them at once over random histories.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

mod choosing;
mod history;
mod judging;
mod promises;
mod remembering;
mod scheduling;
mod suspecting;
mod together;
