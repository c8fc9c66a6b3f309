//! The tables that this crate reads and writes, one file each. Numbers are `i64` throughout, as both databases keep
//! them and as people may write them by hand; `rows.rs` has the types that the others see.

#![expect(
    unreachable_pub,
    reason = "DeriveEntityModel makes public items only, and wants the model to be one"
)]

pub(crate) mod applied_batch;
pub(crate) mod channel;
pub(crate) mod chapter;
pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod gap;
pub(crate) mod part;
pub(crate) mod proxy;
pub(crate) mod recording;
pub(crate) mod recording_proxy;
pub(crate) mod route;
pub(crate) mod server_settings;
pub(crate) mod settings;
