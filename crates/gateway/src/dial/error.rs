//! Why a dial failed: the phase, the kind of failure, and whose fault it is, since only a failure on the proxy's
//! own side counts against the proxy at once. The words are shown to people as `last_error`.

use std::fmt;
use std::io;
use std::time::Duration;

use holdfast_model::Blame;

/// How far a dial got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the name.
    Resolve,
    /// TCP.
    Connect,
    /// TLS with the proxy.
    ProxyTls,
    /// CONNECT or the SOCKS handshake.
    Handshake,
    /// A plain request and the head of its answer.
    Request,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens there.
    Refused,
    /// The other side reset or closed the connection.
    Reset,
    /// Silence for so long.
    Timeout(Duration),
    /// The name does not resolve.
    Dns,
    /// TLS failed; the text is rustls' own.
    Tls(String),
    /// The proxy wants another user or password.
    WrongCredentials,
    /// The same over SOCKS, or a SOCKS proxy that offers no way to log in that we have.
    SocksCredentials,
    /// The proxy answered with this status.
    Status(u16),
    /// The proxy's SOCKS answer, in words.
    Socks(&'static str),
    /// The proxy does not speak its protocol; the text says how.
    Protocol(String),
    /// The destination's name leads into a private network that this client may not reach.
    Private,
    /// It is one of our own listeners.
    Own,
    /// This machine has run out of files, ports or memory: no proxy's doing.
    Ours(String),
    /// Any other error of the operating system.
    Io(String),
}

impl Fault {
    /// One word for it, for figures.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout(_) => "timeout",
            Self::Dns => "dns",
            Self::Tls(_) => "tls",
            Self::WrongCredentials | Self::SocksCredentials => "credentials",
            Self::Status(_) => "status",
            Self::Socks(_) => "socks",
            Self::Protocol(_) => "protocol",
            Self::Private | Self::Own => "forbidden",
            Self::Ours(_) | Self::Io(_) => "system",
        }
    }
}

/// A dial that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    /// How far it got.
    pub phase: Phase,
    /// What went wrong.
    pub fault: Fault,
    /// Whose fault it is.
    pub blame: Blame,
    /// True for a dial without a proxy, which the words must not blame.
    pub direct: bool,
}

impl DialError {
    pub(super) fn proxy(phase: Phase, fault: Fault) -> Self {
        Self { phase, fault, blame: Blame::Proxy, direct: false }
    }

    pub(super) fn target(fault: Fault) -> Self {
        Self { phase: Phase::Handshake, fault, blame: Blame::Target, direct: false }
    }

    pub(super) fn of_destination(self) -> Self {
        let blame = if self.blame == Blame::Ours { Blame::Ours } else { Blame::Target };
        Self { blame, direct: true, ..self }
    }

    /// The name of a destination leads into a private network that this client may not reach.
    pub(crate) fn private_destination() -> Self {
        Self::proxy(Phase::Connect, Fault::Private).of_destination()
    }

    /// A name that was not found, unless it could not even be asked for.
    pub(super) fn lookup(error: &io::Error) -> Self {
        if is_our_own(error) {
            Self::io(Phase::Resolve, error)
        } else {
            Self::proxy(Phase::Resolve, Fault::Dns)
        }
    }

    pub(super) fn io(phase: Phase, error: &io::Error) -> Self {
        if is_our_own(error) {
            return Self { blame: Blame::Ours, ..Self::proxy(phase, Fault::Ours(error.to_string())) };
        }
        let fault = match error.kind() {
            io::ErrorKind::ConnectionRefused => Fault::Refused,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Fault::Reset,
            io::ErrorKind::TimedOut => Fault::Timeout(Duration::ZERO),
            _ => Fault::Io(error.to_string()),
        };
        Self::proxy(phase, fault)
    }
}

/// ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL and ENOBUFS of Linux.
fn is_our_own(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 99 | 105))
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.direct { "the destination" } else { "proxy" };
        match (&self.fault, self.phase) {
            (Fault::Refused, _) => write!(f, "{who} refused the connection"),
            (Fault::Reset, Phase::Handshake) => {
                write!(f, "{who} closed the connection before it answered CONNECT")
            }
            (Fault::Reset, Phase::Request) => write!(f, "{who} closed the connection before it answered"),
            (Fault::Reset, _) => write!(f, "{who} closed the connection"),
            (Fault::Timeout(limit), phase) => match phase {
                Phase::Resolve => write!(f, "the name of {who} did not resolve in {}", Seconds(*limit)),
                Phase::Connect => write!(f, "no TCP connection to {who} in {}", Seconds(*limit)),
                Phase::ProxyTls => write!(f, "no TLS answer from {who} in {}", Seconds(*limit)),
                Phase::Handshake => write!(f, "no answer to CONNECT in {}", Seconds(*limit)),
                Phase::Request => write!(f, "no answer to the request in {}", Seconds(*limit)),
            },
            (Fault::Dns, _) => write!(f, "the name of {who} does not resolve"),
            (Fault::Tls(why), _) => write!(f, "TLS with {who} failed: {why}"),
            (Fault::Ours(why), _) => write!(f, "this machine cannot open another connection: {why}"),
            (Fault::Private, _) => f.write_str(
                "its name leads to a private address, and this gateway listens to more than this machine",
            ),
            (Fault::Own, _) if self.direct => f.write_str("its name leads to holdfast itself"),
            (Fault::Own, _) => f.write_str("proxy cannot be used: it is holdfast itself"),
            (Fault::WrongCredentials, _) => f.write_str("407 from the proxy: wrong user or password"),
            (Fault::SocksCredentials, _) => f.write_str("proxy refused the login: wrong user or password"),
            (Fault::Status(code), Phase::Request) => write!(f, "{who} answered {code}"),
            (Fault::Status(code), _) => write!(f, "proxy answered CONNECT with {code}"),
            (Fault::Socks(words), _) => write!(f, "SOCKS: {words}"),
            (Fault::Protocol(why), Phase::Connect) => write!(f, "{who} cannot be used: {why}"),
            (Fault::Protocol(why), _) => write!(f, "proxy does not speak its protocol: {why}"),
            (Fault::Io(why), _) => write!(f, "connection to {who} failed: {why}"),
        }
    }
}

impl std::error::Error for DialError {}

/// Seconds without needless decimals: "2.5 s", "10 s".
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", (self.0.as_secs_f64() * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_files_is_no_proxys_fault() {
        let error = DialError::io(Phase::Connect, &io::Error::from_raw_os_error(24));
        assert_eq!((error.blame, error.clone().of_destination().blame), (Blame::Ours, Blame::Ours));
        assert!(error.to_string().contains("this machine cannot open another connection"), "{error}");
        let error = DialError::io(Phase::Connect, &io::Error::from_raw_os_error(111));
        assert_eq!((error.blame, error.fault), (Blame::Proxy, Fault::Refused));
    }
}
