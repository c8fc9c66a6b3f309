//! Everything an upstream proxy can do wrong. One closed enum, because a test names its fault and the proxy in
//! another process reads the same names from its standard input.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::names;

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// An orderly end, as if the answer were complete.
    Fin,
    /// A reset.
    Rst,
}

/// The way bytes go through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the origin to the client.
    ToClient,
    /// From the client to the origin.
    ToOrigin,
}

/// What is wrong with a proxy right now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Killed: the listener is closed (ECONNREFUSED) and every open connection reset.
    Refuse,
    /// The listener is closed; open tunnels live on.
    RefuseNewOnly,
    /// Accepts and resets at once; open tunnels live on.
    Reset,
    /// Once: every open connection is reset; new ones are fine.
    ResetTunnels,
    /// Answers CONNECT and plain requests with this status and reason. SOCKS answers the nearest reply code.
    Status(u16, Option<String>),
    /// Accepts and never reads nor writes. Held connections are closed when the fault changes.
    SilentAfterAccept,
    /// Reads a request and never answers; open tunnels are fine. Held ones are closed when the fault changes.
    SilentConnect,
    /// Answers 200 and then forwards nothing; tunnels opened before are fine.
    SilentAfterConnect,
    /// Tunnels open at this moment move no byte, their sockets stay open; new ones work.
    FreezeTunnels,
    /// Nothing moves, as under SIGSTOP: the kernel accepts, nobody reads.
    Freeze,
    /// All tunnels together move this many bytes a second.
    Trickle(u64),
    /// The reply head arrives in small pieces with pauses.
    FragmentedHead,
    /// Waits for the origin's first bytes (it must speak first) and sends them in one write with the reply head.
    EarlyBytes,
    /// Answers only after the origin's first bytes have come, in a write of its own.
    DelayedHead,
    /// Answers after so many milliseconds, correctly.
    DelayMs(u64),
    /// 200 with this reason; an empty one leaves the line without even the space.
    OddReason(String),
    /// Another success: 204, 299.
    OtherSuccess(u16),
    /// A correct reply head of about this many bytes.
    HugeHead(usize),
    /// A 200 with additional headers, such as a Content-Length that means nothing there.
    ExtraHeaders(Vec<(String, String)>),
    /// These bytes instead of a reply, then the end.
    NotHttp(Vec<u8>),
    /// Reads the request and resets.
    AbortConnect,
    /// Refuses any credentials.
    WrongAuth,
    /// One direction of every tunnel is closed early; the other goes on.
    HalfClose(Direction),
    /// Every tunnel is cut after so many more bytes towards the client.
    CutMidResponse {
        /// Bytes let through from now, or from the start of a new tunnel.
        after: u64,
        /// How it ends.
        how: Cut,
    },
    /// This fault, and every open connection is reset in the moment that it begins: nobody dials in between.
    Resetting(Box<Fault>),
    /// This fault for the next connection only.
    Once(Box<Fault>),
    /// This fault for requests to one destination (`host:port`, `host` or `*.suffix`) only.
    Only {
        /// The destination.
        destination: String,
        /// The fault; one that acts after the request has been read, or on open tunnels.
        fault: Box<Fault>,
    },
}

impl Fault {
    /// A status with its usual reason.
    pub fn status(code: u16) -> Self {
        Self::Status(code, None)
    }

    /// This fault for one destination only.
    pub fn only(self, destination: impl Into<String>) -> Self {
        Self::Only { destination: destination.into(), fault: Box::new(self) }
    }

    /// This fault, beginning with a reset of every open connection.
    pub fn resetting(self) -> Self {
        Self::Resetting(Box::new(self))
    }

    /// This fault for the next connection only.
    pub fn once(self) -> Self {
        Self::Once(Box::new(self))
    }

    /// What it means for one destination.
    pub(crate) fn at(&self, host: &str, port: u16) -> &Self {
        match self {
            Self::Only { destination, fault } if names::matches(destination, host, port) => fault,
            Self::Only { .. } => &Self::None,
            fault => fault,
        }
    }

    /// Whether it resets the connections that are open when it is set.
    pub(crate) fn purges(&self) -> bool {
        matches!(self, Self::Refuse | Self::ResetTunnels | Self::Resetting(_))
    }

    /// What stays in force after it was set.
    pub(crate) fn lasting(self) -> Self {
        match self {
            Self::ResetTunnels => Self::None,
            Self::Resetting(fault) => fault.lasting(),
            fault => fault,
        }
    }

    pub(crate) fn delay(&self) -> Option<Duration> {
        if let Self::DelayMs(ms) = self { Some(Duration::from_millis(*ms)) } else { None }
    }
}

/// Reads what a person types: `none`, `trickle 20000`, `status 502 Bad Gateway`, or the fault as JSON.
impl std::str::FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.starts_with(['{', '"']) {
            return serde_json::from_str(text).with_context(|| format!("not a fault: {text}"));
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        let number = || rest.parse::<u64>().with_context(|| format!("{word} needs a number, got {rest:?}"));
        Ok(match word.replace('-', "_").as_str() {
            "none" | "heal" => Self::None,
            "refuse" | "kill" => Self::Refuse,
            "refuse_new_only" => Self::RefuseNewOnly,
            "reset" => Self::Reset,
            "reset_tunnels" => Self::ResetTunnels,
            "status" => {
                let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                let code = code.parse().with_context(|| format!("not a status: {code:?}"))?;
                Self::Status(code, (!reason.is_empty()).then(|| reason.to_owned()))
            }
            "silent_after_accept" => Self::SilentAfterAccept,
            "silent_connect" => Self::SilentConnect,
            "silent_after_connect" => Self::SilentAfterConnect,
            "freeze_tunnels" => Self::FreezeTunnels,
            "freeze" => Self::Freeze,
            "trickle" => Self::Trickle(number()?),
            "fragmented_head" => Self::FragmentedHead,
            "early_bytes" => Self::EarlyBytes,
            "delayed_head" => Self::DelayedHead,
            "delay_ms" => Self::DelayMs(number()?),
            "odd_reason" => Self::OddReason(rest.to_owned()),
            "other_success" => Self::OtherSuccess(number()?.try_into()?),
            "huge_head" => Self::HugeHead(number()?.try_into()?),
            "not_http" => Self::NotHttp(rest.as_bytes().to_vec()),
            "abort_connect" => Self::AbortConnect,
            "wrong_auth" => Self::WrongAuth,
            "resetting" => rest.parse::<Self>()?.resetting(),
            "once" => Self::Once(Box::new(rest.parse()?)),
            "only" => {
                let (destination, fault) = rest.split_once(' ').context("only DESTINATION FAULT")?;
                fault.parse::<Self>()?.only(destination)
            }
            _ => bail!("no such fault: {text}"),
        })
    }
}
