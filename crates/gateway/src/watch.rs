//! The watch: looks at every open way a few times a second and acts on silence. It raises suspicions (only a check
//! convicts), cuts the tunnels of a convicted proxy, and deals with a single tunnel that is stuck although its
//! proxy is fine.
//!
//! A stuck tunnel is cut only when a witness says that its destination answers on a fresh way: when the
//! destination itself hangs, every way to it is silent, and cutting tunnels through healthy proxies would only
//! make it worse.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use holdfast_model::{Blame, Event, ProxyId, ProxyUrl};
use holdfast_pool::{Choice, Proxy, Request, Suspicion, SuspicionCause};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::meter::Reading;
use crate::probe;
use crate::tunnels::Tunnel;

/// How often the meters are read.
const TICK: Duration = Duration::from_millis(100);
/// Silence that makes a proxy suspect.
const SUSPECT_AFTER: Duration = Duration::from_secs(2);
/// A download that lasted at least this long is steady enough that its end means something.
const STEADY: Duration = Duration::from_secs(1);
/// Tunnels of a convicted proxy that received something so recently are spared until they fall silent too.
const SPARED: Duration = Duration::from_secs(1);
/// A single tunnel of a recording without an answer for so long is cut, if a witness says that it is only this one. Two
/// such faults in a row have to fit into a playlist of 8 s (measured: with 5 s they did not).
const STALLED_AFTER: Duration = Duration::from_millis(3500);
/// When the witness is called, so that its answer is there at [`STALLED_AFTER`].
const WITNESS_AFTER: Duration = Duration::from_millis(2200);
/// The same for a tunnel that never brought a byte: it carries no download that a cut would spoil, and the first answer
/// of a TLS server is one round trip away (that of another server may be a page that takes long). Often it is what a recording just moved to, with most of the 8 s gone.
const FIRST_ANSWER_AFTER: Duration = Duration::from_secs(2);
/// When the witness is called, so that its answer is there at [`FIRST_ANSWER_AFTER`].
const FIRST_WITNESS_AFTER: Duration = Duration::from_secs(1);
/// How long the witnesses may take.
const WITNESS_LIMIT: Duration = Duration::from_millis(1500);
/// A destination that did not answer the witness is not asked again for so long.
const WITNESS_AGAIN: Duration = Duration::from_secs(2);
/// How long a recording keeps away from a proxy on which one of its tunnels was stuck.
const AVOID_STALLED: Duration = Duration::from_secs(60);
/// A tunnel, or an answer to a client, with one side closed and nothing moving is reaped.
pub(crate) const HALF_CLOSED_IDLE: Duration = Duration::from_secs(60);

/// Watches until `stop`.
pub(crate) async fn run(context: Arc<Context>, events: Receiver<Event>, stop: CancellationToken) {
    let mut watch = Watch { context, convicted: HashMap::new(), episodes: HashMap::new() };
    let mut events = events;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(event) => watch.learn(&event),
                // What was missed is in the pool.
                Err(RecvError::Lagged(_)) => watch.relearn(),
                Err(RecvError::Closed) => return,
            },
            _ = tick.tick() => watch.look(),
        }
    }
}

struct Watch {
    context: Arc<Context>,
    /// Proxies whose tunnels are being cut, with the reason.
    convicted: HashMap<ProxyId, String>,
    /// What was already done about a tunnel's present silence.
    episodes: HashMap<u64, Episode>,
}

/// One silence of one tunnel.
#[derive(Debug, Default)]
struct Episode {
    /// When the next suspicion is due, as an age of the silence; doubles so that a long poll is not checked for ever.
    suspect_at: Duration,
    /// When the witness is asked next, as an age of the silence.
    witness_at: Duration,
}

impl Watch {
    fn learn(&mut self, event: &Event) {
        match event {
            Event::ProxyConvicted { id, proxy_side: true, reason, .. } => {
                self.convicted.insert(*id, reason.clone());
                self.evict();
            }
            Event::ProxyDisabled { id, failures, .. } => {
                self.cut_all(*id, &format!("the proxy was disabled after {failures} failures"));
            }
            _ => {}
        }
    }

    /// Takes over from the pool who is convicted by its own fault.
    fn relearn(&mut self) {
        self.convicted = self.context.pool.read(|pool| {
            let guilty = pool.proxies().filter(|p| p.conviction() == Some(Blame::Proxy));
            let why = |p: &Proxy| p.last_error.clone().unwrap_or_else(|| "a check failed".to_owned());
            guilty.map(|p| (p.id, why(p))).collect()
        });
    }

    fn cut_all(&self, id: ProxyId, reason: &str) {
        for tunnel in self.context.tunnels.filter(|t| t.via.proxy_id() == Some(id)) {
            tunnel.cut(reason);
        }
    }

    fn evict(&mut self) {
        if self.convicted.is_empty() {
            return;
        }
        self.context.pool.read(|pool| {
            self.convicted.retain(|id, _| pool.get(*id).is_some_and(Proxy::is_convicted));
        });
        for tunnel in self.context.tunnels.all() {
            let Some(reason) = tunnel.via.proxy_id().and_then(|id| self.convicted.get(&id)) else { continue };
            if tunnel.meter.read().silent >= SPARED {
                tunnel.cut(reason);
            }
        }
    }

    fn look(&mut self) {
        self.evict();
        let tunnels = self.context.tunnels.all();
        let open: HashSet<_> = tunnels.iter().map(|t| t.id).collect();
        self.episodes.retain(|id, _| open.contains(id));
        for tunnel in tunnels {
            self.look_at(&tunnel);
        }
    }

    fn look_at(&mut self, tunnel: &Arc<Tunnel>) {
        let reading = tunnel.meter.read();
        if reading.half_closed && reading.idle >= HALF_CLOSED_IDLE {
            tunnel.cut("one side had closed and nothing moved for 60 s");
            return;
        }
        let patience = Patience::with(tunnel);
        let Some((age, cause)) = silence(&reading, patience.witness) else {
            self.episodes.remove(&tunnel.id);
            return;
        };
        let Some(id) = tunnel.via.proxy_id() else { return };
        let first = Episode { suspect_at: SUSPECT_AFTER, witness_at: patience.witness };
        let episode = self.episodes.entry(tunnel.id).or_insert(first);
        if age >= episode.suspect_at {
            episode.suspect_at = age * 2;
            let suspicion = Suspicion { cause, destination: Some(tunnel.destination.clone()) };
            self.context.pool.suspect(id, &suspicion);
        }
        let pending = cause != SuspicionCause::WentSilent;
        if pending && tunnel.lease.account.is_recording() && age >= episode.witness_at {
            episode.witness_at = age + WITNESS_LIMIT + WITNESS_AGAIN;
            self.context.tasks.spawn(unstick(Arc::clone(&self.context), Arc::clone(tunnel), id));
        }
    }
}

/// How long a tunnel that waits for an answer is waited for.
struct Patience {
    /// Until the witnesses are asked.
    witness: Duration,
    /// Until it is cut on their word.
    cut: Duration,
    /// What is said of it then.
    reason: &'static str,
}

impl Patience {
    fn with(tunnel: &Tunnel) -> Self {
        if tunnel.meter.is_tls() && tunnel.meter.down() == 0 {
            let reason = "a new connection got no first answer for 2 s";
            Self { witness: FIRST_WITNESS_AFTER, cut: FIRST_ANSWER_AFTER, reason }
        } else {
            let reason = "one of its connections was stuck for 3.5 s";
            Self { witness: WITNESS_AFTER, cut: STALLED_AFTER, reason }
        }
    }
}

/// How long a tunnel has been silent in a way that means something, and what that is. `pending`: from when it means
/// something that an answer, or a write, is pending.
fn silence(reading: &Reading, pending: Duration) -> Option<(Duration, SuspicionCause)> {
    let pending = pending.min(SUSPECT_AFTER);
    if let Some(age) = reading.blocked.filter(|age| *age >= pending) {
        return Some((age, SuspicionCause::WriteBlocked));
    }
    if reading.client_slow {
        return None;
    }
    if let Some(age) = reading.unanswered.filter(|age| *age >= pending) {
        return Some((age, SuspicionCause::Unanswered));
    }
    let steady = reading.flowed >= STEADY;
    (steady && reading.silent >= SUSPECT_AFTER && reading.unanswered.is_none())
        .then_some((reading.silent, SuspicionCause::WentSilent))
}

/// Cuts one tunnel that is stuck, if its destination answers on a fresh way and its proxy is not being evicted.
pub(crate) async fn unstick(context: Arc<Context>, tunnel: Arc<Tunnel>, id: ProxyId) {
    let began = Instant::now();
    let Some(age) = stuck_for(&tunnel) else { return };
    let patience = Patience::with(&tunnel);
    if !destination_answers(&context, &tunnel, id).await {
        tracing::debug!(to = %tunnel.destination, "the destination does not answer on a fresh way either: not the proxy's fault");
        return;
    }
    let rest = patience.cut.saturating_sub(age).saturating_sub(began.elapsed());
    tokio::time::sleep(rest).await;
    // Still the same silence, and not a matter of the eviction?
    if stuck_for(&tunnel).is_some_and(|now| now >= age) && !is_evicted(&context, id) {
        // At 2 s the cut may come before the look that would have told of the silence.
        let suspicion =
            Suspicion { cause: SuspicionCause::Unanswered, destination: Some(tunnel.destination.clone()) };
        context.pool.suspect(id, &suspicion);
        tunnel.lease.account.avoid(id, AVOID_STALLED);
        tunnel.cut(patience.reason);
    }
}

fn stuck_for(tunnel: &Tunnel) -> Option<Duration> {
    let reading = tunnel.meter.read();
    reading.unanswered.max(reading.blocked)
}

/// Whether the eviction deals with its tunnels: a conviction for what lies beyond the proxy cuts none, so one that is stuck
/// is dealt with here.
fn is_evicted(context: &Context, id: ProxyId) -> bool {
    context.pool.read(|pool| pool.get(id).is_none_or(|p| p.conviction() == Some(Blame::Proxy)))
}

/// Asks the destination on fresh ways, side by side: through the same proxy, since that tells most, and through another,
/// since the first may be lost as well. One answer is enough.
async fn destination_answers(context: &Context, tunnel: &Tunnel, id: ProxyId) -> bool {
    let request = Request { tags: &tunnel.lease.account.tags, tried: &[id], ..Request::default() };
    let (same, other) = context.pool.read(|pool| {
        let same = pool.get(id).map(|p| p.url.clone());
        let other = match pool.select(&request) {
            Choice::Proxy { url, .. } => Some(url),
            Choice::Direct(_) | Choice::NoRoute(_) => None,
        };
        (same, other)
    });
    let ways = same.into_iter().chain(other);
    let mut answers: FuturesUnordered<_> = ways.map(|url| answers_through(context, tunnel, url)).collect();
    while let Some(answered) = answers.next().await {
        if answered {
            return true;
        }
    }
    false
}

async fn answers_through(context: &Context, tunnel: &Tunnel, url: ProxyUrl) -> bool {
    let (dialer, names) = (context.pool.dialer(), context.pool.names());
    let tls = tunnel.meter.is_tls();
    probe::answers(dialer, Some(&url), &tunnel.destination, tls, WITNESS_LIMIT, names).await
}

/// The same for a tunnel that stopped in the middle of a response: nobody is waiting by its meter, but the recorder
/// knows that a segment is incomplete. `in_flight`: for how long.
pub(crate) async fn unstick_midway(
    context: Arc<Context>,
    tunnel: Arc<Tunnel>,
    id: ProxyId,
    in_flight: Duration,
) {
    let silent = tunnel.meter.read().silent;
    if silent < STALLED_AFTER || in_flight < STALLED_AFTER || is_evicted(&context, id) {
        return;
    }
    // The recorder repeats itself every second; one witness at a time will do.
    if tunnel.witnessed.swap(true, Relaxed) {
        return;
    }
    if destination_answers(&context, &tunnel, id).await && tunnel.meter.read().silent >= silent {
        tunnel.lease.account.avoid(id, AVOID_STALLED);
        tunnel.cut("it stopped in the middle of a segment for 3.5 s");
    }
    tokio::time::sleep(WITNESS_AGAIN).await;
    tunnel.witnessed.store(false, Relaxed);
}
