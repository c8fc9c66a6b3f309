//! SOCKS5 (RFC 1928, user and password by RFC 1929) through tokio-socks, its answers sorted into the proxy's
//! fault and the destination's.

use std::time::Duration;

use holdfast_model::{Blame, Destination, ProxyUrl};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use super::{DialError, Fault, Limits, Phase, Stream, tcp};

/// Asks for a connection and waits for the answer. `local`: resolve the name on this machine.
pub(super) async fn connect(
    stream: Stream,
    proxy: &ProxyUrl,
    to: &Destination,
    limits: Limits,
    local: bool,
) -> Result<Stream, DialError> {
    let Stream::Tcp(tcp) = stream else {
        return Err(DialError::proxy(Phase::Handshake, Fault::Protocol("SOCKS over TLS".to_owned())));
    };
    let target = target(to, local, limits.connect).await?;
    match timeout(limits.reply, handshake(tcp, proxy, target)).await {
        Ok(Ok(tcp)) => Ok(Stream::Tcp(tcp)),
        Ok(Err(error)) => Err(sort(error)),
        Err(_) => Err(DialError::proxy(Phase::Handshake, Fault::Timeout(limits.reply))),
    }
}

async fn target(to: &Destination, local: bool, limit: Duration) -> Result<TargetAddr<'static>, DialError> {
    if let Some(ip) = to.ip() {
        return Ok(TargetAddr::Ip((ip, to.port()).into()));
    }
    if !local {
        return Ok(TargetAddr::Domain(to.host().to_owned().into(), to.port()));
    }
    let addresses = tcp::resolve(to.host(), to.port(), limit).await.map_err(DialError::of_destination)?;
    // IPv4 first: few SOCKS proxies have an IPv6 way out.
    let best = addresses.iter().find(|a| a.is_ipv4()).or(addresses.first()).copied();
    best.map(TargetAddr::Ip).ok_or_else(|| DialError::target(Fault::Dns))
}

async fn handshake(
    tcp: TcpStream,
    proxy: &ProxyUrl,
    target: TargetAddr<'static>,
) -> Result<TcpStream, tokio_socks::Error> {
    let stream = match proxy.credentials() {
        Some(c) => {
            Socks5Stream::connect_with_password_and_socket(tcp, target, &c.user, c.password.expose()).await?
        }
        None => Socks5Stream::connect_with_socket(tcp, target).await?,
    };
    Ok(stream.into_inner())
}

fn sort(error: tokio_socks::Error) -> DialError {
    use tokio_socks::Error;
    let beyond = |words| DialError { blame: Blame::Target, ..DialError::target(Fault::Socks(words)) };
    match error {
        Error::Io(error) => DialError::io(Phase::Handshake, &error),
        Error::PasswordAuthFailure(_) | Error::NoAcceptableAuthMethods => {
            DialError::proxy(Phase::Handshake, Fault::SocksCredentials)
        }
        // By this name tokio-socks tells any reply code above 8, which some proxies give when the way beyond them fails.
        // (A method of login that was not offered goes by the same name, and cannot be told from it.)
        Error::UnknownAuthMethod => beyond("the proxy answered with an unknown code"),
        Error::GeneralSocksServerFailure => beyond("general failure of the proxy"),
        Error::ConnectionNotAllowedByRuleset => beyond("the proxy's rules forbid this destination"),
        Error::NetworkUnreachable => beyond("the proxy finds the destination's network unreachable"),
        Error::HostUnreachable => beyond("the proxy finds the destination unreachable"),
        Error::ConnectionRefused => beyond("the destination refused the proxy's connection"),
        Error::TtlExpired => beyond("the way from the proxy to the destination is too long"),
        Error::CommandNotSupported => {
            DialError::proxy(Phase::Handshake, Fault::Socks("CONNECT is not supported"))
        }
        Error::AddressTypeNotSupported => beyond("the proxy does not take this kind of address"),
        other => DialError::proxy(Phase::Handshake, Fault::Protocol(other.to_string())),
    }
}
