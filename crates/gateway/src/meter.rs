//! What is known of a tunnel's bytes: how many, and when the last ones moved. Written by the relay, read by the
//! watch; plain atomics, so that neither ever waits for the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Times are microseconds since `base`, plus one; 0 means never. Microseconds, so that a request and the last byte
/// before it are hardly ever given the same time.
#[derive(Debug)]
pub(crate) struct Meter {
    base: Instant,
    up: AtomicU64,
    down: AtomicU64,
    last_up: AtomicU64,
    last_down: AtomicU64,
    /// When the present uninterrupted flow from the upstream began.
    flow_began: AtomicU64,
    /// Bytes received when it began.
    flow_base: AtomicU64,
    /// When the first byte came after the client last wrote.
    answer_began: AtomicU64,
    /// Bytes received before it.
    answer_base: AtomicU64,
    blocked: AtomicU64,
    client_blocked: AtomicU64,
    half_closed: AtomicBool,
    tls: AtomicBool,
    /// Bytes received on the account's present route, over all its tunnels.
    route_bytes: Arc<AtomicU64>,
}

/// A pause of this length ends a flow.
const FLOW_PAUSE: Duration = Duration::from_secs(1);

/// A reading of a [`Meter`] at one moment; durations are ages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// How long the client has been waiting for an answer to what it last sent; `None` if it is not waiting.
    pub(crate) unanswered: Option<Duration>,
    /// How long a write to the upstream has been stuck.
    pub(crate) blocked: Option<Duration>,
    /// How long ago the last byte came from the upstream, or the tunnel was opened.
    pub(crate) silent: Duration,
    /// How long the last flow from the upstream lasted.
    pub(crate) flowed: Duration,
    /// Bytes of that flow.
    pub(crate) flow_bytes: u64,
    /// From the first to the last byte since the client last wrote: of one answer, where the flow may be of many.
    pub(crate) answering: Duration,
    /// Bytes of that answer.
    pub(crate) answer_bytes: u64,
    /// True while the client does not take what the upstream sends: silence then says nothing of the upstream.
    pub(crate) client_slow: bool,
    /// One side has closed.
    pub(crate) half_closed: bool,
    /// How long nothing moved either way.
    pub(crate) idle: Duration,
}

impl Meter {
    /// `base`: when the gateway started.
    pub(crate) fn new(base: Instant, route_bytes: Arc<AtomicU64>) -> Self {
        let meter = Self {
            base,
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            last_up: AtomicU64::new(0),
            last_down: AtomicU64::new(0),
            flow_began: AtomicU64::new(0),
            flow_base: AtomicU64::new(0),
            answer_began: AtomicU64::new(0),
            answer_base: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            client_blocked: AtomicU64::new(0),
            half_closed: AtomicBool::new(false),
            tls: AtomicBool::new(false),
            route_bytes,
        };
        // A tunnel just opened counts as just heard of.
        meter.last_down.store(meter.now(), Relaxed);
        meter
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_micros()).unwrap_or(u64::MAX - 1) + 1
    }

    /// The client sent these bytes; they are not written yet.
    pub(crate) fn client_spoke(&self, bytes: &[u8]) {
        // A TLS client speaks first, with a handshake record (RFC 8446 section 5.1).
        if self.up.load(Relaxed) == 0 && bytes.first() == Some(&0x16) {
            self.tls.store(true, Relaxed);
        }
    }

    pub(crate) fn sent_up(&self, count: usize) {
        self.up.fetch_add(count as u64, Relaxed);
        self.last_up.store(self.now(), Relaxed);
        self.blocked.store(0, Relaxed);
    }

    pub(crate) fn received_down(&self, count: usize) {
        let now = self.now();
        let before = self.last_down.swap(now, Relaxed);
        if now.saturating_sub(before) > FLOW_PAUSE.as_micros() as u64 || self.flow_began.load(Relaxed) == 0 {
            self.flow_began.store(now, Relaxed);
            self.flow_base.store(self.down.load(Relaxed), Relaxed);
        }
        if self.last_up.load(Relaxed) > before || self.answer_began.load(Relaxed) == 0 {
            self.answer_began.store(now, Relaxed);
            self.answer_base.store(self.down.load(Relaxed), Relaxed);
        }
        self.down.fetch_add(count as u64, Relaxed);
        self.route_bytes.fetch_add(count as u64, Relaxed);
    }

    pub(crate) fn write_blocked(&self) {
        let _ = self.blocked.compare_exchange(0, self.now(), Relaxed, Relaxed);
    }

    pub(crate) fn client_blocked(&self) {
        let _ = self.client_blocked.compare_exchange(0, self.now(), Relaxed, Relaxed);
    }

    pub(crate) fn client_took(&self) {
        self.client_blocked.store(0, Relaxed);
    }

    pub(crate) fn half_closed(&self) {
        self.half_closed.store(true, Relaxed);
    }

    /// Bytes towards the destination.
    pub(crate) fn up(&self) -> u64 {
        self.up.load(Relaxed)
    }

    /// Bytes from the destination.
    pub(crate) fn down(&self) -> u64 {
        self.down.load(Relaxed)
    }

    /// True if the client opened with a TLS handshake.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.load(Relaxed)
    }

    pub(crate) fn read(&self) -> Reading {
        let now = self.now();
        let age = |at: u64| Duration::from_micros(now.saturating_sub(at));
        let some = |at: u64| (at != 0).then(|| age(at));
        let (up, down) = (self.last_up.load(Relaxed), self.last_down.load(Relaxed));
        let since =
            |began: u64| Duration::from_micros(if began == 0 { 0 } else { down.saturating_sub(began) });
        Reading {
            unanswered: (up > down).then(|| age(up)),
            blocked: some(self.blocked.load(Relaxed)),
            silent: age(down),
            flowed: since(self.flow_began.load(Relaxed)),
            flow_bytes: self.down().saturating_sub(self.flow_base.load(Relaxed)),
            answering: since(self.answer_began.load(Relaxed)),
            answer_bytes: self.down().saturating_sub(self.answer_base.load(Relaxed)),
            client_slow: self.client_blocked.load(Relaxed) != 0,
            half_closed: self.half_closed.load(Relaxed),
            idle: age(up.max(down)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_is_told_from_a_flow_of_many() {
        let meter = Meter::new(Instant::now(), Arc::default());
        // So that no two moments are the same microsecond.
        let tick = || std::thread::sleep(Duration::from_millis(1));
        for bytes in [100, 20, 3] {
            tick();
            meter.sent_up(10);
            tick();
            meter.received_down(bytes);
            tick();
            meter.received_down(bytes);
        }
        let reading = meter.read();
        assert_eq!((reading.flow_bytes, reading.answer_bytes), (246, 6));
        assert!(reading.answering >= Duration::from_millis(1) && reading.answering < reading.flowed);
    }
}
