//! What Holdfast remembers.
pub mod rows;
