//! The fault switch behind every server here: one value that all tasks watch. Each change has a number, so that a
//! task can tell what came before it, and `set` returns only after the listener has really been opened or closed.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::door::Door;

/// What holds now.
#[derive(Clone, Debug)]
pub(crate) struct Now<F> {
    /// Rises with every change.
    pub(crate) turn: u64,
    /// Rises when all connections of before are to be reset.
    pub(crate) purge: u64,
    pub(crate) fault: F,
}

/// What the listener does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    Accepting,
    /// Listening, but nobody accepts: the kernel does, as with a stopped process.
    Paused,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Switch<F> {
    now: watch::Sender<Now<F>>,
    settled: watch::Sender<u64>,
}

impl<F: Clone> Switch<F> {
    pub(crate) fn new(fault: F) -> Self {
        Self { now: watch::Sender::new(Now { turn: 0, purge: 0, fault }), settled: watch::Sender::new(0) }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Now<F>> {
        self.now.subscribe()
    }

    pub(crate) fn now(&self) -> Now<F> {
        self.now.borrow().clone()
    }

    /// Changes the fault, optionally resetting all open connections, and waits for the listener to follow.
    pub(crate) async fn set(&self, fault: F, purge: bool) {
        self.now.send_modify(|now| {
            now.turn += 1;
            now.purge += u64::from(purge);
            now.fault = fault;
        });
        let turn = self.now.borrow().turn;
        // Fails only when the listener task is gone, and then there is nothing left to wait for.
        let _ = self.settled.subscribe().wait_for(|settled| *settled >= turn).await;
    }

    /// Changes the fault without waiting, when `change` says so.
    pub(crate) fn replace_if(&self, change: impl FnOnce(&F) -> Option<F>) {
        self.now.send_if_modified(|now| match change(&now.fault) {
            Some(next) => {
                now.fault = next;
                now.turn += 1;
                true
            }
            None => false,
        });
    }

    /// Owns the listener until cancelled: opens and closes it as the fault demands.
    pub(crate) async fn keep_door(
        &self,
        door: Door,
        cancel: CancellationToken,
        stance: impl Fn(&F) -> Stance,
        on_connection: impl Fn(TcpStream),
    ) {
        let mut rx = self.subscribe();
        let mut listener: Option<TcpListener> = None;
        loop {
            let (turn, want) = {
                let now = rx.borrow_and_update();
                (now.turn, stance(&now.fault))
            };
            match want {
                Stance::Closed => listener = None,
                _ if listener.is_none() => {
                    listener = Some(door.open().expect("the port is reserved for this listener"));
                }
                _ => {}
            }
            self.settled.send_replace(turn);
            let accept = async {
                match &listener {
                    Some(listener) if want == Stance::Accepting => listener.accept().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                _ = rx.changed() => {}
                accepted = accept => if let Ok((stream, _)) = accepted { on_connection(stream) },
            }
        }
    }
}

/// Waits until connections born under `purge` are to be reset.
pub(crate) async fn purged<F>(mut rx: watch::Receiver<Now<F>>, born: u64) {
    if rx.wait_for(|now| now.purge > born).await.is_err() {
        std::future::pending::<()>().await;
    }
}
