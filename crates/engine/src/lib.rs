//! The server without its door: the pool, the gateway, the recorder and the store joined, so that every change is
//! stored before it is told. The API asks here and nowhere else.
//!
//! A wish (`wish.rs`) comes in through a method of [`Engine`] (`proxies.rs`, `checks.rs`, `settings.rs`,
//! `recordings/`, `channels/`), is stored, applied to the pool or the recorder, and told by the `journal/`. What the pool and the
//! recordings find by themselves goes through the journal as well. `memory.rs` keeps pool and rows in step; `view/` is
//! what comes out.

mod channels;
mod checks;
mod engine;
mod figures;
mod gateways;
mod journal;
mod memory;
mod proxies;
mod recordings;
mod refusal;
mod retention;
mod routes;
mod settings;
mod targets;
mod upkeep;
pub mod view;
mod wish;

pub use channels::{ChannelChange, ChannelWish, EVENTSUB_PATH, SettingsChange};
pub use engine::{Engine, Options, StartError};
pub use holdfast_twitch::eventsub::MAX_BODY as EVENTSUB_MAX_BODY;
pub use journal::{CatchUp, Frame, Subscription};
pub use refusal::Refusal;
pub use routes::GatewayRoutes;
pub use wish::{EventsWanted, Limits, ProxyChange, ProxyWish, RecordingWish, RecordingsWanted, Span, Stream};
