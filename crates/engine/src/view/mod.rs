//! What those outside see: the objects of the API and of the WebSocket, by the contract's names. Everything in them is
//! masked already; nothing that holds a password can be turned into one.

mod event;
mod proxy;
mod recording;
mod settings;

pub use event::{EventPage, EventView};
pub use proxy::{
    Best, CheckList, CheckView, Considered, Drilled, HealthView, Imported, Moved, PhasesView, ProxyList,
    ProxyView, Rejected, RouteKind, SystemStatusView, Tested,
};
pub use recording::{GapView, PartView, RecordingPage, RecordingStatusView, RecordingView, RouteView};
pub use settings::{Config, ConfigPatch};
