//! An HTTP proxy's side of the conversation: CONNECT and plain requests in absolute form. A plain request is sent on
//! with `Connection: close` and then relayed like a tunnel, so that the same faults reach it.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fault::Fault;
use super::relay::{Stream, relay};
use super::{Call, Dialed};

const HEAD_LIMIT: usize = 64 * 1024;

pub(super) async fn serve(call: &Call<'_>, mut client: impl Stream) -> io::Result<()> {
    let Some((head, rest)) = read_head(&mut client).await? else { return Ok(()) };
    call.thaw().await;
    let Some(request) = parse(&head) else {
        return answer(&mut client, 400, None, "malformed request").await;
    };
    let user = request.credentials.as_ref().map(|(user, _)| user.clone());
    call.shared.meter.asked(&request.method, &format!("{}:{}", request.host, request.port), user);
    let opened = call.fault_for(&request.host, request.port);
    let fault = opened.fault.clone();
    match &fault {
        Fault::WrongAuth => return deny(&mut client).await,
        _ if !call.admits(request.credentials.as_ref()) => return deny(&mut client).await,
        Fault::Status(407, None) => return deny(&mut client).await,
        Fault::Status(code, reason) => return answer(&mut client, *code, reason.as_deref(), "fault").await,
        Fault::SilentConnect => return call.hold(&mut client, opened.turn).await,
        Fault::AbortConnect => return Err(io::ErrorKind::ConnectionReset.into()),
        Fault::NotHttp(bytes) => {
            client.write_all(bytes).await?;
            return finish(&mut client).await;
        }
        _ => {}
    }
    if let Some(delay) = fault.delay() {
        tokio::time::sleep(delay).await;
    }
    let mut origin = match call.dial(&request.host, request.port).await {
        Dialed::Open(origin) => origin,
        Dialed::Refused => return answer(&mut client, 502, None, "the destination refused").await,
        Dialed::Silent => return answer(&mut client, 504, None, "the destination did not answer").await,
        Dialed::Forbidden => return answer(&mut client, 403, None, "not a loopback destination").await,
    };
    call.thaw().await;
    if request.method == "CONNECT" {
        write_reply(&fault, &mut client, &mut origin).await?;
    } else {
        origin.write_all(&request.forward).await?;
    }
    if !rest.is_empty() {
        origin.write_all(&rest).await?;
    }
    relay(call.shared, client, origin, opened).await
}

struct Request {
    method: String,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
    /// The head to send to the origin.
    forward: Vec<u8>,
}

async fn read_head(client: &mut impl Stream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if client.read_buf(&mut head).await? == 0 || head.len() > HEAD_LIMIT {
            return Ok(None);
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            return Ok(Some((head, rest)));
        }
    }
}

fn parse(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(head).ok()?.is_complete().then_some(())?;
    let (method, target) = (parsed.method?.to_owned(), parsed.path?);
    let credentials = parsed
        .headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case("proxy-authorization"))
        .and_then(|h| basic(std::str::from_utf8(h.value).ok()?));
    if method == "CONNECT" {
        let (host, port) = target.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        return Some(Request { method, host, port: port.parse().ok()?, credentials, forward: Vec::new() });
    }
    let url = url::Url::parse(target).ok().filter(|url| url.scheme() == "http")?;
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut forward = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    for header in parsed.headers.iter() {
        let name = header.name.to_ascii_lowercase();
        if !(name.starts_with("proxy-") || matches!(&*name, "connection" | "keep-alive" | "te" | "upgrade")) {
            forward.extend_from_slice(header.name.as_bytes());
            forward.extend_from_slice(b": ");
            forward.extend_from_slice(header.value);
            forward.extend_from_slice(b"\r\n");
        }
    }
    forward.extend_from_slice(b"Via: 1.1 testkit\r\nConnection: close\r\n\r\n");
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Request { method, host, port: url.port_or_known_default()?, credentials, forward })
}

fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(token.trim()).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The answer to a CONNECT that succeeded, in whatever shape the fault gives it.
async fn write_reply(fault: &Fault, client: &mut impl Stream, origin: &mut TcpStream) -> io::Result<()> {
    let plain = || b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
    let head = match fault {
        Fault::OddReason(reason) if reason.is_empty() => b"HTTP/1.1 200\r\n\r\n".to_vec(),
        Fault::OddReason(reason) => format!("HTTP/1.1 200 {reason}\r\n\r\n").into_bytes(),
        Fault::OtherSuccess(code) => format!("HTTP/1.1 {code} Fine\r\n\r\n").into_bytes(),
        Fault::HugeHead(size) => {
            let mut head = b"HTTP/1.1 200 Connection established\r\n".to_vec();
            let mut number = 0;
            while head.len() < *size {
                head.extend_from_slice(format!("X-Pad-{number}: {}\r\n", "p".repeat(200)).as_bytes());
                number += 1;
            }
            head.extend_from_slice(b"\r\n");
            head
        }
        Fault::ExtraHeaders(headers) => {
            let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            format!("HTTP/1.1 200 Connection established\r\n{lines}\r\n").into_bytes()
        }
        _ => plain(),
    };
    match fault {
        Fault::FragmentedHead => fragments(client, &head).await,
        Fault::EarlyBytes | Fault::DelayedHead => {
            let mut first = Vec::with_capacity(4096);
            origin.read_buf(&mut first).await?;
            if *fault == Fault::EarlyBytes {
                return write_flush(client, &[head, first].concat()).await;
            }
            write_flush(client, &head).await?;
            write_flush(client, &first).await
        }
        _ => write_flush(client, &head).await,
    }
}

async fn write_flush(client: &mut impl Stream, bytes: &[u8]) -> io::Result<()> {
    client.write_all(bytes).await?;
    client.flush().await
}

/// Three bytes at a time with a short pause, so that a reader sees many partial heads.
pub(super) async fn fragments(client: &mut impl Stream, bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(3) {
        write_flush(client, piece).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn deny(client: &mut impl Stream) -> io::Result<()> {
    let head = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"testkit\"\r\n\
                Content-Length: 0\r\nConnection: close\r\n\r\n";
    write_flush(client, head.as_bytes()).await?;
    finish(client).await
}

async fn answer(client: &mut impl Stream, code: u16, reason: Option<&str>, why: &str) -> io::Result<()> {
    let usual = http::StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason());
    let reason = reason.or(usual).unwrap_or("Unusual");
    let body = format!("{code} from the test proxy: {why}\n");
    let head = format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    write_flush(client, format!("{head}{body}").as_bytes()).await?;
    finish(client).await
}

/// Ends the connection so that the answer arrives: unread bytes at close would turn it into a reset.
async fn finish(client: &mut impl Stream) -> io::Result<()> {
    client.shutdown().await?;
    let drain = async {
        let mut waste = [0; 1024];
        while client.read(&mut waste).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), drain).await;
    Ok(())
}
