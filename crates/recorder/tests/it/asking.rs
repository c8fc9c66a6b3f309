//! Who is asked whether a stream is live, and what is believed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_model::RecordingId;
use holdfast_recorder::ports::{Liveness, Platform, Routes};
use holdfast_recorder::{Ended, Look, Status, StopCause, StreamlinkOptions, look};
use holdfast_testkit::Fault;

use crate::ending::what_is_left_is_fetched;
use crate::live_test;
use crate::support::{Stage, children, signal, tools};

/// Says what it was told to say.
pub(crate) struct Says {
    answer: Mutex<Liveness>,
    asked: AtomicU32,
}

impl Says {
    pub(crate) fn this(answer: Liveness) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(answer), asked: AtomicU32::new(0) })
    }

    pub(crate) fn now(&self, answer: Liveness) {
        *self.answer.lock().expect("unpoisoned") = answer;
    }

    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Platform for Says {
    async fn is_live(&self) -> Liveness {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answer.lock().expect("unpoisoned").clone()
    }
}

/// Fails to answer once, and says from then on that the channel is offline.
#[derive(Default)]
struct Recovers(AtomicU32);

#[async_trait]
impl Platform for Recovers {
    async fn is_live(&self) -> Liveness {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Liveness::Failing("503".to_owned()),
            _ => Liveness::Offline,
        }
    }
}

fn kill_streamlink() {
    let [pid] = children()[..] else { panic!("one Streamlink") };
    signal(pid, "KILL");
}

live_test! {
    async fn a_platform_that_says_offline_twice_is_believed() {
        let stage = Stage::new().await;
        let platform = Says::this(Liveness::Offline);
        let mut request = stage.request("show.ts");
        request.platform = Some(Arc::clone(&platform) as Arc<dyn Platform>);
        let mut running = stage.start(request);
        running.until_media(8).await;
        assert_eq!(platform.asked(), 0, "nobody asks while Streamlink runs");
        kill_streamlink();
        let killed = Instant::now();
        let summary = running.end().await;
        assert!(killed.elapsed() >= Duration::from_secs(5) && platform.asked() == 2, "one answer is not enough");
        assert_eq!(summary.ended, Ended::StreamEnded, "{summary:?}");
        // It may have been killed with one segment on its way.
        assert!(summary.segments_lost <= 1, "{summary:?}");
        assert!(summary.reason.contains("the platform says"), "{}", summary.reason);
    }
}

live_test! {
    async fn one_offline_of_a_platform_that_has_just_recovered_is_not_believed() {
        let stage = Stage::new().await;
        let platform = Arc::new(Recovers::default());
        let mut request = stage.request("show.ts");
        request.platform = Some(Arc::clone(&platform) as Arc<dyn Platform>);
        let mut running = stage.start(request);
        running.until_media(8).await;
        stage.origin.set_gone("", Some(404));
        kill_streamlink();
        let summary = running.end().await;
        assert_eq!(summary.ended, Ended::StreamEnded, "{summary:?}");
        assert!(summary.reason.contains("the platform says"), "{}", summary.reason);
        let asked = platform.0.load(Ordering::SeqCst);
        assert_eq!(asked, 3, "it failed once and has to say so twice");
    }
}

live_test! {
    async fn what_the_stream_still_holds_is_fetched_though_the_platform_says_offline() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        request.platform = Some(Says::this(Liveness::Offline));
        what_is_left_is_fetched(&stage, request).await;
    }
}

live_test! {
    async fn a_platform_that_says_live_outweighs_a_playlist_that_is_gone() {
        let stage = Stage::with_window(20).await;
        let platform = Says::this(Liveness::Live);
        let mut request = stage.request("show.ts");
        request.platform = Some(platform);
        let mut running = stage.start(request);
        running.until_media(8).await;
        stage.origin.set_gone("", Some(404));
        kill_streamlink();
        running.until_status(Status::Recovering).await;
        // Longer than it takes to hear "gone" twice; far from what the playlist holds.
        stage.origin.edge_reaches("", stage.origin.edge("") + 5).await;
        assert_eq!(running.progress.borrow().status, Status::Recovering);
        stage.origin.set_gone("", None);
        running.until_status(Status::Recording).await;
        running.until_media(30).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        let verdict = stage.judge(&summary).await;
        assert!(verdict.is_clean() && summary.segments_lost == 0, "{verdict} {summary:?}");
    }
}

live_test! {
    async fn a_platform_that_does_not_know_changes_nothing() {
        let stage = Stage::new().await;
        let platform = Says::this(Liveness::Unknown("it is down".to_owned()));
        let mut request = stage.request("show.ts");
        request.platform = Some(Arc::clone(&platform) as Arc<dyn Platform>);
        let mut running = stage.start(request);
        running.until_media(8).await;
        kill_streamlink();
        running.until_status(Status::Recovering).await;
        running.until_status(Status::Recording).await;
        stage.origin.set_gone("", Some(404));
        running.until("its first segment", |p| p.parts.len() == 2).await;
        kill_streamlink();
        let summary = running.end().await;
        assert_eq!(summary.ended, Ended::StreamEnded, "{summary:?}");
        assert!(summary.reason.contains("404") && platform.asked() >= 3, "{}", summary.reason);
    }
}

live_test! {
    async fn anybody_may_look_whether_it_is_live() {
        let stage = Stage::new().await;
        let account = stage.routes.open(RecordingId::new(), &[]);
        let (tools, options) = (tools(), StreamlinkOptions::default());
        let look_at = async |url: &str| look(url, "best", Arc::clone(&account), &tools, &options, None).await;
        let url = stage.url();
        let live = Look::Live { title: None, author: None, category: None };
        assert_eq!(look_at(&url).await, live);
        assert_eq!(look_at(&stage.origin.master_url("live.test")).await, live);
        stage.proxy.set_fault(Fault::Refuse).await;
        let unreachable = look_at(&url).await;
        assert!(matches!(unreachable, Look::Unreachable(_)), "{unreachable:?}");
        stage.proxy.heal().await;
        stage.origin.end("");
        let ended = look_at(&url).await;
        assert!(matches!(&ended, Look::Offline(why) if why.contains("has ended")), "{ended:?}");
        stage.origin.set_gone("", Some(404));
        let gone = look_at(&url).await;
        assert!(matches!(&gone, Look::Offline(why) if why.contains("404")), "{gone:?}");
        let unclear = look_at("https://live.test/no/plugin/knows/this").await;
        assert!(matches!(unclear, Look::Unclear(_)), "{unclear:?}");
        assert!(stage.origin.accepts_not_from(&[&stage.proxy]).is_empty(), "nothing went past the proxy");
        // The gateway says so when it reached a destination by no route.
        stage.routes.traffic.lock().expect("unpoisoned").last_fault = Some(Instant::now() + Duration::from_secs(60));
        let doubtful = look_at(&url).await;
        assert!(matches!(doubtful, Look::Unreachable(_)), "{doubtful:?}");
        // And why: Streamlink would say that there is no stream, or name an address.
        let why = "live.test:443 could not be reached through 1 proxy".to_owned();
        {
            let mut traffic = stage.routes.traffic.lock().expect("unpoisoned");
            traffic.last_unreached = traffic.last_fault;
            traffic.why_unreached = Some(why.clone());
        }
        assert_eq!(look_at(&url).await, Look::Unreachable(why.clone()));
        stage.proxy.set_fault(Fault::Refuse).await;
        assert_eq!(look_at(&url).await, Look::Unreachable(why));
    }
}
