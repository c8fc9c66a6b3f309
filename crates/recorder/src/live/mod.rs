//! Is the stream over? Asked after Streamlink ended, since its exit code says nothing (0 for a dead proxy, measured).
//!
//! [`decide`] holds every rule of the contract's section 7 as a pure function over what was found; [`Asker`] finds
//! it: the media playlist by our own client, and where that is not known, Streamlink once more to resolve the page.
//! Both go through a lease at the gateway like everything else. Where there is a platform, its word comes before theirs.
//! [`look`] is for whoever wants to know whether something is live without recording it.
//!
//! | found | meaning |
//! | --- | --- |
//! | the playlist carries EXT-X-ENDLIST | over; but while it holds segments that we lack, they are fetched first |
//! | the playlist goes on | live, unless three resumes in a row brought no new segment |
//! | the platform says that the channel is live | live, until nothing new has come for all the patience there is |
//! | 404, 410 or "no streams", by a good route; or the platform says that it is offline | over if the same was found 5 s or more before (60 s, if the platform should know and fails to answer) and nothing else since; else ask again |
//! | the page still offers a stream that is no HLS | over after a clean exit, else live |
//! | nothing could be reached | over after a clean exit without a fault in 60 s, else try again |
//! | an answer that says nothing | as unreachable for HLS; over for anything else |

mod absence;
mod ask;
mod decide;
mod look;
mod page;
mod playlist;

pub(crate) use absence::Absence;
pub use ask::web_client;
pub(crate) use ask::{Asker, Word, platforms_word};
pub(crate) use decide::{Answer, Decision, Exit, FAULT_EXPLAINS, Findings, GONE_APART, decide};
pub use look::{Look, look};
