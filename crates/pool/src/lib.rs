//! The proxy pool of Holdfast: which proxies there are, what is known of each, which one the next connection
//! takes and when each is checked. Pure: no IO, no runtime, no clock. The caller hands in what it saw and what
//! time it is, and gets back what changed ([`holdfast_model::Event`]) and what is to be done ([`CheckOrder`]).
//!
//! Reading order: `breaker.rs` has the essay on the states of a proxy; `selection.rs` on who is chosen.

mod average;
mod breaker;
mod memory;
mod order;
mod plan;
mod pool;
mod proxy;
mod reason;
mod schedule;
mod selection;
mod settings;
mod status;
mod suspicion;
mod target;
mod together;
mod verdict;

pub use memory::{Adopted, Remembered};
pub use order::CheckOrder;
pub use pool::Pool;
pub use proxy::{Edit, NewProxy, Proxy};
pub use reason::Reason;
pub use selection::{Choice, DirectReason, NoRouteReason, Request};
pub use settings::{Now, Settings};
pub use status::{SystemState, SystemStatus};
pub use suspicion::{Suspicion, SuspicionCause};
