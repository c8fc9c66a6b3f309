//! CONNECT through an HTTP proxy. Written out rather than taken from a client library: those hide the proxy's
//! status, accept only 200, and drop tunnel bytes that come in one packet with the reply (measured).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use holdfast_model::{Blame, Credentials, Destination, ProxyUrl, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{DialError, Fault, Phase, Stream, parse_connect_reply};

/// Asks for a tunnel and waits for the answer. Returns early tunnel bytes beside the stream.
pub(super) async fn connect(
    mut stream: Stream,
    proxy: &ProxyUrl,
    to: &Destination,
    limit: Duration,
) -> Result<(Stream, Bytes), DialError> {
    let exchange = async {
        let request = request(proxy, to);
        stream
            .write_all(request.expose().as_bytes())
            .await
            .map_err(|e| DialError::io(Phase::Handshake, &e))?;
        stream.flush().await.map_err(|e| DialError::io(Phase::Handshake, &e))?;
        read_reply(&mut stream).await
    };
    let reply = timeout(limit, exchange).await;
    let (status, early) = reply.map_err(|_| DialError::proxy(Phase::Handshake, Fault::Timeout(limit)))??;
    judge(status).map(|()| (stream, early))
}

/// What a status means. A 5xx is the proxy's word on the destination, a 4xx its word on us.
fn judge(status: u16) -> Result<(), DialError> {
    match status {
        200..=299 => Ok(()),
        407 => Err(DialError::proxy(Phase::Handshake, Fault::WrongCredentials)),
        _ => Err(DialError { blame: Blame::Target, ..DialError::target(Fault::Status(status)) }),
    }
}

fn request(proxy: &ProxyUrl, to: &Destination) -> Secret {
    let mut head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some(credentials) = proxy.credentials() {
        head.push_str("Proxy-Authorization: ");
        head.push_str(basic(credentials).expose());
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    Secret::new(head)
}

/// `Basic …` of RFC 7617.
pub(crate) fn basic(credentials: &Credentials) -> Secret {
    let pair = format!("{}:{}", credentials.user, credentials.password.expose());
    Secret::new(format!("Basic {}", BASE64.encode(pair)))
}

async fn read_reply(stream: &mut Stream) -> Result<(u16, Bytes), DialError> {
    let mut buffer = BytesMut::with_capacity(1024);
    loop {
        let read = stream.read_buf(&mut buffer).await.map_err(|e| DialError::io(Phase::Handshake, &e))?;
        if read == 0 {
            return Err(DialError::proxy(Phase::Handshake, Fault::Reset));
        }
        match parse_connect_reply(&buffer) {
            Ok(Some(reply)) => return Ok((reply.status, buffer.split_off(reply.head_len).freeze())),
            Ok(None) => {}
            Err(error) => {
                return Err(DialError::proxy(Phase::Handshake, Fault::Protocol(error.to_string())));
            }
        }
    }
}
