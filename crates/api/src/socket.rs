//! `/ws`: everything that happens, as it happens. A client first gets `hello`, then what it missed or the advice to
//! reload, then frame after frame. It is subscribed before anything is sent, so nothing falls between.
//!
//! What clients send is ignored. One that is gone is noticed by its missing pong, one that is too slow by its lag in
//! the broadcast or by a send that does not end; it is closed with 4008 and may come back with `since`.

use std::sync::Arc;
use std::time::Duration;

use axum::Error;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use holdfast_engine::{CatchUp, Frame, Subscription};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::{Foreign, Full, NotWebSocket};
use crate::fields::Fields;
use crate::input::{Query, Read};
use crate::problem::Problem;
use crate::server::Server;

/// How many WebSockets may be open.
pub(crate) const SEATS: usize = 64;
/// The largest message of a client, in bytes; they are ignored anyway.
const LARGEST: usize = 4096;
/// From one ping to the next; a pong has as long.
const PING: Duration = Duration::from_secs(20);
/// How long one send may take, that of a close frame too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why we close: the code and the reason.
type Farewell = (u16, &'static str);
const STOPPING: Farewell = (1001, "the server stops");
const TOO_SLOW: Farewell = (4008, "too slow: come back with since and boot");
const SILENT: Farewell = (1001, "no answer to a ping");

pub(crate) fn router() -> OpenApiRouter<Server> {
    OpenApiRouter::new().routes(routes!(open_socket))
}

/// Where a client that was here before left off; both or neither.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The last `seq` it has seen.
    #[param(nullable = false)]
    since: Option<i64>,
    /// The `boot` of its hello.
    #[param(max_length = 64, nullable = false)]
    boot: Option<String>,
}

impl Read for Since {
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let asked = Self { since: fields.integer("since")?, boot: fields.text("boot", 64)? };
        if asked.since.is_some() != asked.boot.is_some() {
            return Err(Problem::bad("since and boot go together: take both from the hello"));
        }
        Ok(asked)
    }
}

/// Everything that happens, as a WebSocket of JSON text frames.
#[utoipa::path(
    get, path = "/ws", tag = "events", params(Since),
    responses((status = 101, description = "The WebSocket is open; `hello` comes first"), Foreign, NotWebSocket, Full)
)]
async fn open_socket(
    State(server): State<Server>,
    Query(Since { since, boot }): Query<Since>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let detail = "this address speaks WebSocket (RFC 6455, version 13) only: for a page of the log see /api/events";
        let headers = [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade")];
        return (headers, Problem::new(StatusCode::UPGRADE_REQUIRED, detail)).into_response();
    };
    let Ok(seat) = server.seats.clone().try_acquire_owned() else {
        let detail = format!("{SEATS} WebSockets are open already: close one, such as a page in another tab");
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
    };
    let tracked = server.sockets.token();
    upgrade.read_buffer_size(LARGEST).max_message_size(LARGEST).max_frame_size(LARGEST).on_upgrade(
        move |socket: WebSocket| async move {
            let subscription = server.engine.subscribe(since.zip(boot));
            talk(socket, subscription, server.soft).await;
            drop((seat, tracked));
        },
    )
}

/// The whole conversation.
async fn talk<S>(mut socket: S, subscription: Subscription, soft: CancellationToken)
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message> + Unpin,
{
    if let Err(Some((code, reason))) = converse(&mut socket, subscription, soft).await {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // It may be gone, or not read: then nobody misses the goodbye.
        let _ = timeout(PATIENCE, socket.send(close)).await;
    }
}

/// Ends with a farewell to be sent, or with `None` when nobody is there to hear it.
async fn converse<S>(
    socket: &mut S,
    subscription: Subscription,
    soft: CancellationToken,
) -> Result<(), Option<Farewell>>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message> + Unpin,
{
    let Subscription { hello, missed, mut live } = subscription;
    greet(socket, &hello, missed).await?;
    let mut pings = interval_at(Instant::now() + PING, PING);
    let mut answered = true;
    loop {
        tokio::select! {
            () = soft.cancelled() => return Err(Some(STOPPING)),
            frame = live.recv() => match frame {
                Ok(frame) => send(socket, text(&frame)).await?,
                Err(RecvError::Lagged(_)) => return Err(Some(TOO_SLOW)),
                Err(RecvError::Closed) => return Err(Some(STOPPING)),
            },
            message = socket.next() => match message {
                Some(Ok(Message::Pong(_))) => answered = true,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
            _ = pings.tick() => {
                if !answered {
                    return Err(Some(SILENT));
                }
                answered = false;
                send(socket, Message::Ping(Default::default())).await?;
            }
        }
    }
}

async fn greet<S>(socket: &mut S, hello: &Arc<Frame>, missed: CatchUp) -> Result<(), Option<Farewell>>
where
    S: Sink<Message> + Unpin,
{
    send(socket, text(hello)).await?;
    match missed {
        CatchUp::Nothing => {}
        CatchUp::Missed(frames) => {
            for frame in frames {
                send(socket, text(&frame)).await?;
            }
        }
        CatchUp::Resync => {
            let at = chrono::Utc::now();
            let resync = serde_json::json!({ "type": "resync", "seq": hello.seq, "at": at });
            send(socket, Message::Text(resync.to_string().into())).await?;
        }
    }
    Ok(())
}

fn text(frame: &Frame) -> Message {
    Message::Text(frame.text.as_str().into())
}

async fn send<S: Sink<Message> + Unpin>(socket: &mut S, message: Message) -> Result<(), Option<Farewell>> {
    match timeout(PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(TOO_SLOW)),
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
