//! Two small destinations: one that answers a fixed status, for health checks, and one that speaks first, which is
//! what it takes to see bytes that arrive together with a proxy's reply.

use std::net::SocketAddr;
use std::ops::Deref;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Ca, HttpServer, Reply};

/// Answers one status to any request; its faults are those of [`HttpServer`].
pub struct CheckTarget(HttpServer);

impl CheckTarget {
    /// Starts one, over TLS or plain.
    pub async fn start(status: u16, tls: bool) -> Result<Self> {
        let config = if tls { Some(Ca::shared()?.server_config(&[])?) } else { None };
        let listen = ([127, 0, 0, 1], 0).into();
        Ok(Self(HttpServer::start(listen, config, move |_| Reply::status(status)).await?))
    }

    /// Its address as a check URL under the name `localhost`.
    pub fn url(&self) -> String {
        format!("{}/check", self.0.base_url("localhost"))
    }
}

impl Deref for CheckTarget {
    type Target = HttpServer;

    fn deref(&self) -> &HttpServer {
        &self.0
    }
}

/// Sends a banner to whoever connects, then echoes; ends its side when the client has ended its own.
#[derive(Debug)]
pub struct Greeter {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Greeter {
    /// Starts one; an empty banner makes it a plain echo.
    pub async fn start(banner: &'static [u8]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_all(banner).await?;
                    let mut buffer = vec![0; 16 * 1024];
                    loop {
                        match stream.read(&mut buffer).await? {
                            0 => return stream.shutdown().await,
                            count => stream.write_all(&buffer[..count]).await?,
                        }
                    }
                });
            }
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Greeter {
    fn drop(&mut self) {
        self.task.abort();
    }
}
