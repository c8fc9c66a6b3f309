//! The failover gateway: a forward proxy on loopback in front of the pool. Clients see a working tunnel; which
//! upstream carries it, and what happens when that one dies, is decided here.
//!
//! The way of a connection: [`listener`] reads the head and finds the [`account`] behind it, [`connect`] (or
//! [`forward`] for plain requests) asks [`race`] for a route, `race` asks the pool and [`dial`]s, and [`relay`]
//! moves the bytes and notes their times in a [`meter`]; what `race` reaches by no route is an [`outage`]. The [`watch`] reads the meters and raises suspicions, the
//! [`keeper`] runs the checks ([`probe`]) that clear or convict, and a conviction cuts the [`tunnels`].

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the tour of the house above is for those who work in it"
)]

mod account;
mod answer;
mod connect;
mod context;
mod decision;
pub mod dial;
mod forward;
mod gateway;
pub mod head;
pub mod keeper;
mod leases;
mod listener;
mod meter;
mod outage;
mod plain;
mod prepare;
pub mod probe;
mod race;
mod relay;
mod slow;
mod tunnels;
mod watch;

pub use account::AccountTraffic;
pub use gateway::{AccountHandle, Gateway, LeaseHandle, SlowReport};
pub use keeper::{Memory, PoolHandle};
pub use leases::Access;
pub use prepare::NoRoute;
pub use tunnels::Totals;
