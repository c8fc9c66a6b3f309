//! The recorder: supervises the real Streamlink, tells the end of a stream from the death of a route, resumes,
//! joins the parts and keeps the ledger of what is missing.
//!
//! Start at [`record`]; `session` holds the state machine. The recorder opens no connection to the outside but
//! through the [`ports`].

mod about;
mod address;
mod control;
mod join;
mod ledger;
mod live;
mod mark;
mod mask;
mod options;
mod output;
mod part;
pub mod ports;
mod request;
mod safe_name;
mod session;
mod story;
mod streamlink;
mod summary;
mod supervisor;
mod template;
mod tools;

pub use about::About;
pub use address::{AddressError, StreamAddress, Twitch, site_of, stream_address};
pub use control::{Control, Observer, Progress, Status, StopCause};
pub use join::{JoinError, finished_file, settled, thumbnail};
pub use live::{Look, look, web_client};
pub use mark::{Mark, Over};
pub use mask::mask_url;
pub use options::{OptionError, StreamlinkOptions};
pub use output::{Container, Output, OutputError};
pub use request::{DEFAULT_DISK_FLOOR, DEFAULT_GIVE_UP_AFTER, RecordRequest};
pub use session::{finish_parts, record};
pub use summary::{Ended, Part, Summary};
pub use template::{Template, TemplateError, Values};
pub use tools::{ToolError, Tools};
