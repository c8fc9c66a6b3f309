//! The conversation over a wire in memory, with a clock that jumps: what takes 20 s takes none here.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::any;
use futures_channel::mpsc;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use super::*;

/// The client's end of a socket whose wire holds so many messages.
struct Client {
    /// What the server sent.
    heard: mpsc::Receiver<Message>,
    /// To the server.
    say: mpsc::UnboundedSender<Result<Message, Error>>,
    frames: broadcast::Sender<Arc<Frame>>,
    soft: CancellationToken,
}

struct Wire {
    out: mpsc::Sender<Message>,
    back: mpsc::UnboundedReceiver<Result<Message, Error>>,
}

impl Stream for Wire {
    type Item = Result<Message, Error>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.back.poll_next_unpin(context)
    }
}

impl Sink<Message> for Wire {
    type Error = mpsc::SendError;
    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.out.poll_ready(context)
    }
    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.out.start_send(message)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.out.poll_flush_unpin(context)
    }
    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.out.poll_close_unpin(context)
    }
}

fn frame(seq: i64) -> Arc<Frame> {
    Arc::new(Frame { seq, text: format!("{{\"seq\":{seq}}}") })
}

fn client(wire: usize, backlog: usize, missed: CatchUp) -> (Client, tokio::task::JoinHandle<()>) {
    let ((out, heard), (say, back)) = (mpsc::channel(wire), mpsc::unbounded());
    let (frames, live) = broadcast::channel(backlog);
    let soft = CancellationToken::new();
    let subscription = Subscription { hello: frame(7), missed, live };
    let task = tokio::spawn(talk(Wire { out, back }, subscription, soft.clone()));
    (Client { heard, say, frames, soft }, task)
}

impl Client {
    async fn hears(&mut self) -> Option<Message> {
        timeout(Duration::from_secs(300), self.heard.next()).await.expect("something happens")
    }

    async fn hears_text(&mut self) -> String {
        match self.hears().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("no text but {other:?}"),
        }
    }

    async fn is_told(&mut self, (code, reason): Farewell) {
        match self.hears().await {
            Some(Message::Close(Some(close))) => {
                assert_eq!((close.code, close.reason.as_str()), (code, reason));
            }
            other => panic!("no farewell but {other:?}"),
        }
        assert_eq!(self.hears().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn hello_then_what_was_missed_then_what_comes() {
    let (mut client, _task) = client(8, 8, CatchUp::Missed(vec![frame(5), frame(6)]));
    client.frames.send(frame(8)).expect("somebody listens");
    for seq in [7, 5, 6, 8] {
        assert_eq!(client.hears_text().await, format!("{{\"seq\":{seq}}}"));
    }
    client.soft.cancel();
    client.is_told(STOPPING).await;
}

#[tokio::test(start_paused = true)]
async fn who_was_away_for_too_long_is_told_to_reload() {
    let (mut client, _task) = client(8, 8, CatchUp::Resync);
    client.hears_text().await;
    let resync: serde_json::Value = serde_json::from_str(&client.hears_text().await).expect("JSON");
    assert_eq!((resync["type"].as_str(), resync["seq"].as_i64()), (Some("resync"), Some(7)));
    assert!(resync["at"].as_str().expect("a time").ends_with('Z'), "{resync}");
}

#[tokio::test(start_paused = true)]
async fn a_ping_every_20_s_and_an_end_without_a_pong() {
    let (mut client, task) = client(8, 8, CatchUp::Nothing);
    client.hears_text().await;
    let began = Instant::now();
    for round in 1..=3 {
        assert!(matches!(client.hears().await, Some(Message::Ping(_))));
        assert_eq!(began.elapsed().as_secs(), 20 * round);
        client.say.unbounded_send(Ok(Message::Text("ignored".into()))).expect("heard");
        client.say.unbounded_send(Ok(Message::Pong(Default::default()))).expect("heard");
    }
    // The next ping is not answered; other messages are no answer.
    assert!(matches!(client.hears().await, Some(Message::Ping(_))));
    client.say.unbounded_send(Ok(Message::Text("ignored".into()))).expect("heard");
    client.is_told(SILENT).await;
    assert_eq!(began.elapsed().as_secs(), 100);
    task.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn who_lags_behind_is_closed_with_4008() {
    let (mut client, task) = client(1, 2, CatchUp::Nothing);
    client.hears_text().await;
    // More at once than the broadcast keeps.
    for seq in 8..20 {
        client.frames.send(frame(seq)).expect("somebody listens");
    }
    client.is_told(TOO_SLOW).await;
    task.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_for_10_s_is_closed_with_4008() {
    let (mut client, task) = client(0, 64, CatchUp::Nothing);
    let began = Instant::now();
    for seq in 8..12 {
        client.frames.send(frame(seq)).expect("somebody listens");
    }
    task.await.expect("no panic");
    // 10 s for the frame, 10 s for the goodbye.
    assert_eq!(began.elapsed().as_secs(), 20);
    assert_eq!(client.hears_text().await, "{\"seq\":7}");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_let_go() {
    for last in [Some(Ok(Message::Close(None))), Some(Err(Error::new("reset"))), None] {
        let (mut client, task) = client(8, 8, CatchUp::Nothing);
        client.hears_text().await;
        match last {
            Some(last) => client.say.unbounded_send(last).expect("heard"),
            None => client.say.close_channel(),
        }
        timeout(Duration::from_secs(1), task).await.expect("at once").expect("no panic");
    }
}

/// Over a real connection: the code reaches the client, behind what was sent before.
#[tokio::test]
async fn the_code_4008_arrives() {
    let frames: broadcast::Sender<Arc<Frame>> = broadcast::Sender::new(2);
    let told = frames.clone();
    let upgrade = async move |upgrade: WebSocketUpgrade| {
        let subscription = Subscription { hello: frame(7), missed: CatchUp::Nothing, live: told.subscribe() };
        // More at once than the broadcast keeps.
        for seq in 8..20 {
            told.send(frame(seq)).expect("the subscription listens");
        }
        upgrade.on_upgrade(move |socket| talk(socket, subscription, CancellationToken::new()))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let server =
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/ws", any(upgrade))).await });
    let connected = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await;
    let (mut socket, _) = connected.expect("it opens");
    let mut texts = Vec::new();
    let code = loop {
        use tokio_tungstenite::tungstenite::Message;
        match timeout(PATIENCE, socket.next()).await.expect("in time") {
            Some(Ok(Message::Text(text))) => texts.push(text.to_string()),
            Some(Ok(Message::Close(Some(close)))) => break u16::from(close.code),
            other => panic!("neither text nor farewell but {other:?}"),
        }
    };
    assert_eq!((texts, code), (vec!["{\"seq\":7}".to_owned()], 4008));
    server.abort();
}
