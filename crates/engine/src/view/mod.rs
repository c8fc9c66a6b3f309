//! What those outside see: the objects of the API and of the WebSocket, by the contract's names. Everything in them is
//! masked already; nothing that holds a password can be turned into one.

mod channel;
mod event;
mod proxy;
mod recording;
mod server_settings;
mod settings;

pub use channel::{ChannelPage, ChannelStatusView, ChannelView, ContainerView};
pub use event::{EventPage, EventView};
pub use proxy::{
    Best, CheckList, CheckView, Considered, Drilled, HealthView, Imported, Moved, PhasesView, ProxyList,
    ProxyView, Rejected, RouteKind, SystemStatusView, Tested,
};
pub use recording::{
    ChapterView, GapView, PartView, RecordingPage, RecordingStatusView, RecordingView, RouteView,
};
pub use server_settings::{
    CondemnedView, EventSubView, FilenamePreview, LinkState, LinkView, RetentionPreview, ServerSettings,
};
pub use settings::{Config, ConfigPatch};
