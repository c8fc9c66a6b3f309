//! The gateway as the recorder knows it: joins the two crates, which do not know each other.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_gateway::{AccountHandle, Gateway, LeaseHandle, SlowReport};
use holdfast_model::{RecordingId, Secret, Via};
use holdfast_recorder::ports::{Account, Lease, NoRoute, Routes, SlowSegment, Traffic};

/// The gateway as the recorder knows it.
pub struct GatewayRoutes(Gateway);

impl GatewayRoutes {
    /// Routes of this gateway.
    #[must_use]
    pub fn new(gateway: Gateway) -> Self {
        Self(gateway)
    }

    /// An account for whoever asks something and records nothing.
    #[must_use]
    pub fn visitor(&self, tags: &[String]) -> Arc<dyn Account> {
        Arc::new(GatewayAccount(self.0.visitor(tags)))
    }
}

#[async_trait]
impl Routes for GatewayRoutes {
    async fn prepare(&self, tags: &[String]) -> Result<Via, NoRoute> {
        self.0.prepare(tags).await.map_err(|error| NoRoute { reason: error.reason })
    }

    fn open(&self, recording: RecordingId, tags: &[String]) -> Arc<dyn Account> {
        Arc::new(GatewayAccount(self.0.account(recording, tags)))
    }
}

struct GatewayAccount(AccountHandle);

impl Account for GatewayAccount {
    fn lease(&self) -> Box<dyn Lease> {
        Box::new(GatewayLease(self.0.lease()))
    }

    fn traffic(&self) -> Traffic {
        let traffic = self.0.traffic();
        Traffic {
            bytes_down: traffic.routes.iter().map(|route| route.bytes).sum(),
            routes: traffic.routes,
            failovers: traffic.failovers,
            last_fault: traffic.last_fault,
            last_unreached: traffic.last_unreached,
            why_unreached: traffic.why_unreached,
            last_success: traffic.last_success,
            no_route: traffic.no_route,
        }
    }

    fn close(&self, reason: &str) {
        self.0.close(reason);
    }
}

struct GatewayLease(LeaseHandle);

impl Lease for GatewayLease {
    fn proxy_url(&self) -> Secret {
        self.0.proxy_url()
    }

    fn segment_slow(&self, slow: SlowSegment) {
        self.0.segment_slow(SlowReport { in_flight: slow.in_flight, duration: slow.duration });
    }

    fn segment_complete(&self) {
        self.0.segment_complete();
    }
}
