//! A SOCKS5 proxy's side of the conversation (RFC 1928, RFC 1929): CONNECT by name or address, with or without a
//! password. Faults that only HTTP knows are answered correctly.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fault::Fault;
use super::http::fragments;
use super::relay::{Stream, relay};
use super::{Call, Dialed};

const NO_PASSWORD: u8 = 0x00;
const PASSWORD: u8 = 0x02;
const NO_METHOD: u8 = 0xff;

pub(super) async fn serve(call: &Call<'_>, mut client: impl Stream) -> io::Result<()> {
    let Some(credentials) = greet(call, &mut client).await? else { return Ok(()) };
    let Some((host, port)) = read_request(&mut client).await? else { return Ok(()) };
    call.thaw().await;
    let user = credentials.map(|(user, _)| user);
    call.shared.meter.asked("SOCKS", &format!("{host}:{port}"), user);
    let opened = call.fault_for(&host, port);
    let fault = opened.fault.clone();
    match &fault {
        Fault::Status(code, _) => return reply(&mut client, nearest(*code)).await,
        Fault::SilentConnect => return call.hold(&mut client, opened.turn).await,
        Fault::AbortConnect => return Err(io::ErrorKind::ConnectionReset.into()),
        Fault::NotHttp(bytes) => {
            client.write_all(bytes).await?;
            return client.shutdown().await;
        }
        _ => {}
    }
    if let Some(delay) = fault.delay() {
        tokio::time::sleep(delay).await;
    }
    let mut origin = match call.dial(&host, port).await {
        Dialed::Open(origin) => origin,
        Dialed::Refused => return reply(&mut client, 5).await,
        Dialed::Silent => return reply(&mut client, 4).await,
        Dialed::Forbidden => return reply(&mut client, 2).await,
    };
    call.thaw().await;
    match fault {
        Fault::FragmentedHead => fragments(&mut client, &reply_bytes(0)).await?,
        Fault::EarlyBytes | Fault::DelayedHead => {
            let mut first = Vec::with_capacity(4096);
            origin.read_buf(&mut first).await?;
            if fault == Fault::DelayedHead {
                reply(&mut client, 0).await?;
            } else {
                first.splice(0..0, reply_bytes(0));
            }
            client.write_all(&first).await?;
            client.flush().await?;
        }
        _ => reply(&mut client, 0).await?,
    }
    relay(call.shared, client, origin, opened).await
}

type Credentials = Option<(String, String)>;

/// Agrees on a method; `None` when the client was turned away or gone.
async fn greet(call: &Call<'_>, client: &mut impl Stream) -> io::Result<Option<Credentials>> {
    let Ok(version) = client.read_u8().await else { return Ok(None) };
    let mut methods = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut methods).await?;
    call.thaw().await;
    if version != 5 {
        return Ok(None);
    }
    let wrong = call.current_fault() == Fault::WrongAuth;
    let wanted = if call.wants_credentials() || wrong { PASSWORD } else { NO_PASSWORD };
    // A client that offers only a password is served even where none is needed.
    let wanted = if wanted == NO_PASSWORD && !methods.contains(&NO_PASSWORD) { PASSWORD } else { wanted };
    if !methods.contains(&wanted) {
        client.write_all(&[5, NO_METHOD]).await?;
        client.shutdown().await?;
        return Ok(None);
    }
    client.write_all(&[5, wanted]).await?;
    client.flush().await?;
    if wanted == NO_PASSWORD {
        return Ok(Some(None));
    }
    client.read_u8().await?;
    let user = read_string(client).await?;
    let password = read_string(client).await?;
    let credentials = Some((user, password));
    let good = !wrong && call.admits(credentials.as_ref());
    client.write_all(&[1, u8::from(!good)]).await?;
    client.flush().await?;
    if !good {
        client.shutdown().await?;
        return Ok(None);
    }
    Ok(Some(credentials))
}

async fn read_string(client: &mut impl Stream) -> io::Result<String> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn read_request(client: &mut impl Stream) -> io::Result<Option<(String, u16)>> {
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    if head[1] != 1 {
        reply(client, 7).await?;
        return Ok(None);
    }
    let host = match head[3] {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => read_string(client).await?,
        4 => Ipv6Addr::from(client.read_u128().await?).to_string(),
        _ => {
            reply(client, 8).await?;
            return Ok(None);
        }
    };
    Ok(Some((host, client.read_u16().await?)))
}

fn reply_bytes(code: u8) -> Vec<u8> {
    vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

async fn reply(client: &mut impl Stream, code: u8) -> io::Result<()> {
    client.write_all(&reply_bytes(code)).await?;
    client.flush().await?;
    if code != 0 {
        client.shutdown().await?;
    }
    Ok(())
}

/// The reply code that says most nearly what an HTTP status says.
fn nearest(status: u16) -> u8 {
    match status {
        403 | 407 => 2,
        502 => 5,
        503 => 3,
        504 => 4,
        _ => 1,
    }
}
