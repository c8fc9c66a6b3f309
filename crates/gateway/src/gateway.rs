//! The gateway as others hold it: start it, open accounts for recordings, ask it for a route before a start.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_model::{ProxyId, RecordingId, Secret, Via};
use holdfast_pool::{Choice, Request};
use rand::distr::{Alphanumeric, SampleString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::{Account, AccountTraffic, Lease};
use crate::context::Context;
use crate::keeper::PoolHandle;
use crate::leases::{Access, Leases};
use crate::prepare::{self, NoRoute};
use crate::slow::{AVOID_SLOW, Move};
use crate::tunnels::{Totals, Tunnel, Tunnels};
use crate::{listener, watch};

/// Alphanumeric characters of a lease's password: 190 bits.
const PASSWORD_LENGTH: usize = 32;

/// A response of which so little came is no segment that stopped midway, but an error page, after which Streamlink waits
/// before it asks again. In bytes.
const MIDWAY: u64 = 8 * 1024;

/// A tunnel that received bytes so recently is flowing.
const FLOWING: Duration = Duration::from_secs(1);

/// A cheap handle on a running gateway.
#[derive(Clone)]
pub struct Gateway {
    context: Arc<Context>,
}

impl Gateway {
    /// Serves on `listener` until `stop`; its tasks run on `tracker`.
    ///
    /// # Errors
    /// If the listener's address cannot be read.
    pub fn start(
        listener: TcpListener,
        pool: PoolHandle,
        access: Access,
        stop: CancellationToken,
        tracker: &TaskTracker,
    ) -> io::Result<Self> {
        let own = listener.local_addr()?;
        pool.never_dial(own);
        let events = pool.subscribe();
        let tunnels = Arc::new(Tunnels::new());
        let leases = Leases::new(access, pool.announcer());
        let tasks = tracker.clone();
        let context = Arc::new(Context { pool, leases, tunnels, tasks, stop: stop.clone(), own });
        tracker.spawn(listener::run(Arc::clone(&context), listener, stop.clone(), tracker.clone()));
        tracker.spawn(watch::run(Arc::clone(&context), events, stop));
        Ok(Self { context })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.context.own
    }

    /// Chooses and checks the route that a recording would start with, in at most 3 s.
    ///
    /// # Errors
    /// [`NoRoute`] if nothing passed and a direct connection is not allowed.
    pub async fn prepare(&self, tags: &[String]) -> Result<Via, NoRoute> {
        prepare::prepare(&self.context.pool, tags).await
    }

    /// Opens an account for a recording.
    #[must_use]
    pub fn account(&self, recording: RecordingId, tags: &[String]) -> AccountHandle {
        let account = Arc::new(Account::new(Some(recording), tags.to_vec(), self.context.pool.announcer()));
        AccountHandle { context: Arc::clone(&self.context), account, user: recording.to_string() }
    }

    /// Opens an account for whoever asks something and records nothing: a look at a channel, a request to a platform. Its
    /// dials are as patient as those of other clients, and its route is not kept.
    #[must_use]
    pub fn visitor(&self, tags: &[String]) -> AccountHandle {
        let account = Arc::new(Account::new(None, tags.to_vec(), self.context.pool.announcer()));
        AccountHandle { context: Arc::clone(&self.context), account, user: RecordingId::new().to_string() }
    }

    /// Open tunnels and plain responses in flight.
    #[must_use]
    pub fn open_tunnels(&self) -> usize {
        self.context.tunnels.count()
    }

    /// The same through each proxy that has any.
    #[must_use]
    pub fn open_by_proxy(&self) -> HashMap<ProxyId, u64> {
        self.context.tunnels.by_proxy()
    }

    /// Bytes by route since the start.
    #[must_use]
    pub fn totals(&self) -> HashMap<Via, Totals> {
        self.context.tunnels.totals()
    }

    /// Cuts every tunnel over a proxy, because a person disabled or removed it.
    pub fn cut_proxy(&self, id: ProxyId, reason: &str) {
        self.cut(|t| t.via.proxy_id() == Some(id), reason);
    }

    /// Cuts every direct tunnel, because a person forbade them or wants the proxies to be used.
    pub fn cut_direct(&self, reason: &str) {
        self.cut(|t| t.via == Via::Direct, reason);
    }

    fn cut(&self, wanted: impl Fn(&Tunnel) -> bool, reason: &str) {
        for tunnel in self.context.tunnels.filter(wanted) {
            tunnel.cut(reason);
        }
    }
}

/// A recording's account. Ends when it is dropped.
pub struct AccountHandle {
    context: Arc<Context>,
    account: Arc<Account>,
    user: String,
}

impl AccountHandle {
    /// Fresh credentials for one child process or live check.
    #[must_use]
    pub fn lease(&self) -> LeaseHandle {
        let password = Secret::new(Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH));
        let ended = CancellationToken::new();
        let lease = Arc::new(Lease { account: Arc::clone(&self.account), password, ended });
        self.context.leases.add(&self.user, Arc::clone(&lease));
        LeaseHandle { context: Arc::clone(&self.context), lease, user: self.user.clone() }
    }

    /// What it carried so far.
    #[must_use]
    pub fn traffic(&self) -> AccountTraffic {
        self.account.traffic()
    }

    /// Ends the present stretch of the ledger with a reason.
    pub fn close(&self, reason: &str) {
        self.account.close(reason);
    }
}

/// A segment that is in flight for too long, told by the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowReport {
    /// Since it was requested.
    pub in_flight: Duration,
    /// How much play time it carries.
    pub duration: Duration,
}

/// Credentials of one child process or live check. Dropping it cuts its tunnels.
pub struct LeaseHandle {
    context: Arc<Context>,
    lease: Arc<Lease>,
    user: String,
}

impl LeaseHandle {
    /// `http://user:password@address`, for the child's `--http-proxy`.
    #[must_use]
    pub fn proxy_url(&self) -> Secret {
        Secret::new(format!("http://{}:{}@{}", self.user, self.lease.password.expose(), self.context.own))
    }

    /// A segment arrived in time.
    pub fn segment_complete(&self) {
        self.lease.account.with_slow_run(|run| run.in_time());
    }

    /// A segment is in flight for too long: bytes trickle, or they stopped in the middle.
    pub fn segment_slow(&self, report: SlowReport) {
        let mine = self.context.tunnels.filter(|t| Arc::ptr_eq(&t.lease, &self.lease));
        let flowing = mine
            .iter()
            .filter(|t| t.meter.read().silent < FLOWING)
            .max_by_key(|t| t.meter.read().answer_bytes);
        match flowing {
            Some(tunnel) => self.trickle(tunnel, &mine),
            None => self.stuck_midway(&mine, report),
        }
    }

    fn trickle(&self, tunnel: &Tunnel, mine: &[Arc<Tunnel>]) {
        let Some(id) = tunnel.via.proxy_id() else { return };
        let reading = tunnel.meter.read();
        // An answer too short to have a rate says nothing yet. Nor do many short ones: the origin's error pages.
        if reading.answering < FLOWING {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no exact bytes")]
        let rate = reading.answer_bytes as f64 / reading.answering.as_secs_f64();
        let account = &self.lease.account;
        let other = self.has_other(id);
        let target = account.with_slow_run(|run| run.slow(id, rate, other, Instant::now()));
        match target {
            Move::Stay => return,
            Move::Away => {}
            Move::BackTo(fastest) => account.forgive(fastest),
        }
        account.avoid(id, AVOID_SLOW);
        // All of the recording's connections leave: the one measured may carry the playlist, and the segment crawl on
        // beside it.
        let reason = format!("too slow for this stream: {:.0} kB/s", rate / 1000.0);
        for other in mine.iter().filter(|t| t.via == tunnel.via) {
            other.cut(&reason);
        }
    }

    /// Whether there is a proxy to move to that was not too slow already.
    fn has_other(&self, id: ProxyId) -> bool {
        let account = &self.lease.account;
        let (tried, avoid) = ([id], account.avoided());
        let request = Request { tags: &account.tags, tried: &tried, avoid: &avoid, keep: None };
        let choice = self.context.pool.read(|pool| pool.select(&request));
        matches!(choice, Choice::Proxy { id, .. } if !avoid.contains(&id))
    }

    /// Nothing flows and a segment is missing: the connection it was on stopped in mid-response.
    fn stuck_midway(&self, mine: &[Arc<Tunnel>], report: SlowReport) {
        // It brought something of the segment: a tunnel that has been idle for longer is not the one.
        let midway = |t: &&Arc<Tunnel>| {
            let reading = t.meter.read();
            reading.unanswered.is_none() && reading.flow_bytes >= MIDWAY && reading.silent <= report.in_flight
        };
        let stuck = mine.iter().filter(midway);
        for tunnel in stuck {
            if let Some(id) = tunnel.via.proxy_id() {
                let (context, tunnel) = (Arc::clone(&self.context), Arc::clone(tunnel));
                self.context.tasks.spawn(watch::unstick_midway(context, tunnel, id, report.in_flight));
            }
        }
    }
}

impl Drop for LeaseHandle {
    fn drop(&mut self) {
        self.context.leases.end(&self.user, &self.lease);
    }
}
