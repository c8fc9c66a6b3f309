//! What happens inside an open way: TLS with the target, one request, the head of one answer. The body is never
//! read, so a hostile answer costs no more than the head that [`MAX_REPLY_HEAD`] allows.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use holdfast_model::Destination;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use super::io::{FirstByte, Noting, Replay};
use crate::dial::{Dialer, MAX_REPLY_HEAD};

/// TLS with the target, its certificate checked against its host.
pub(super) async fn tls(dialer: &Dialer, to: &Destination, stream: Replay) -> io::Result<TlsStream<Replay>> {
    let name = ServerName::try_from(to.host().to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "its name cannot be in a certificate"))?;
    dialer.tls().connect(name, stream).await
}

/// Whether an error of TLS proves that somebody who speaks TLS is at the other end: a certificate we do not
/// trust, or an alert.
pub(super) fn origin_spoke(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_)))
}

/// Sends the request and reads the head of the answer.
pub(super) async fn ask<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
) -> (hyper::Result<Response<Incoming>>, FirstByte)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (stream, first) = Noting::new(stream);
    (converse(stream, request).await, first)
}

async fn converse<S>(stream: Noting<S>, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_REPLY_HEAD)
        .max_headers(128)
        .handshake(TokioIo::new(stream))
        .await?;
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(sender.send_request(request));
    // The connection is driven here and not in a task of its own, so that a check that is dropped leaves nothing.
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

/// Why there was no answer, in words that follow the name of whoever owed it.
pub(super) fn words(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return "sent an answer with too long a head".to_owned();
    }
    if error.is_parse() {
        return "sent an answer that is not HTTP".to_owned();
    }
    match error.source().and_then(|e| e.downcast_ref::<io::Error>()) {
        Some(e) if e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            format!("broke TLS off: {e}")
        }
        Some(e) if e.kind() == io::ErrorKind::ConnectionReset => {
            "reset the connection before it answered".to_owned()
        }
        _ => "closed the connection before it answered".to_owned(),
    }
}
