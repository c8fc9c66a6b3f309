//! The vocabulary of Holdfast, shared by every other crate: proxies, health, checks, routes, recordings and
//! events. Nothing here does IO, reads a clock or knows a runtime, so every rule can be tested as plain data.

mod check;
mod event;
mod health;
mod id;
mod loss;
mod proxy_list;
mod proxy_url;
mod route;
mod secret;
mod story;
mod text;
mod twitch_login;
mod wording;

pub use check::{Blame, CheckFinding, CheckReport, Phases, TargetOutcome, Trigger, Verdict};
pub use event::{Event, Level};
pub use health::Health;
pub use id::{ChannelId, ProxyId, RecordingId};
pub use loss::{Gap, GapCause};
pub use proxy_list::{ListEntry, RejectedLine, parse_list, parse_list_line};
pub use proxy_url::{Credentials, MaskedUrl, ProxyUrl, ProxyUrlError, Scheme};
pub use route::{Destination, DestinationError, RouteUse, Via};
pub use secret::Secret;
pub use story::{Chapter, Scene};
pub use text::{clean, in_micros, mask_passwords, milliseconds};
pub use twitch_login::is_twitch_login;
