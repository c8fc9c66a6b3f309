//! What the log says of a destination that no proxy reaches, and of proxies that reach nothing.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use holdfast_testkit::{CheckTarget, Fault, Kind};
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::rig::{Rig, proxy};

/// What was logged on this thread, which in a test of tokio is all of it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Log {
    fn listen(&self) -> DefaultGuard {
        tracing::subscriber::set_default(self.clone())
    }

    /// The lines with these words in them that anybody sees, and how loud they are.
    fn lines(&self, words: &str) -> Vec<(Level, String)> {
        let lines = self.0.lock().expect("unpoisoned");
        lines.iter().filter(|(level, line)| *level <= Level::INFO && line.contains(words)).cloned().collect()
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().expect("unpoisoned").push((*event.metadata().level(), message.0));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_destination_that_no_proxy_reaches_is_told_once_and_is_no_lack_of_routes() {
    let log = Log::default();
    let _listening = log.listen();
    let (first, second) = (proxy(Kind::Http).await, proxy(Kind::Socks5).await);
    let mut rig = Rig::new(&[&first, &second]).await;
    rig.checked(2).await;
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    let to = origin.addr();
    for upstream in [&first, &second] {
        upstream.set_fault(Fault::status(502).only(to.to_string())).await;
    }
    let about = format!("{to} ");
    for _ in 0..3 {
        let head = rig.connect(to).await.1;
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    }
    let told = log.lines(&about);
    let [(level, line)] = told.as_slice() else { panic!("it is told once: {told:#?}") };
    assert_eq!(*level, Level::WARN);
    assert!(line.starts_with(&format!("{to} could not be reached through 2 proxies: ")), "{line}");
    for upstream in [&first, &second] {
        assert!(line.contains(&upstream.addr().to_string()), "{line}");
    }
    assert!(line.contains("proxy answered CONNECT with 502") && !line.contains("p:w%@"), "{line}");
    first.heal().await;
    second.heal().await;
    for _ in 0..2 {
        let head = rig.connect(to).await.1;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
    let told = log.lines(&about);
    let [_, (level, line)] = told.as_slice() else { panic!("its end is told once: {told:#?}") };
    assert_eq!(*level, Level::INFO);
    assert!(line.starts_with(&format!("{to} is reached again, after ")), "{line}");
    assert!(line.ends_with("and 3 dials in vain"), "{line}");
    assert_eq!(log.lines("No route"), [], "there were two");
}

#[tokio::test]
async fn proxies_that_reach_nothing_are_no_outage_of_the_destination() {
    let log = Log::default();
    let _listening = log.listen();
    let upstream = proxy(Kind::Http).await;
    let mut rig = Rig::new(&[&upstream]).await;
    rig.checked(1).await;
    let origin = CheckTarget::start(200, false).await.expect("an origin");
    upstream.set_fault(Fault::Refuse).await;
    let head = rig.connect(origin.addr()).await.1;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(log.lines("could not be reached"), []);
    let told = log.lines("No route: ");
    let [(level, line)] = told.as_slice() else { panic!("it is told once: {told:#?}") };
    assert_eq!(
        (*level, line.as_str()),
        (Level::ERROR, "No route: all proxies are down and direct connections are not allowed")
    );
}
