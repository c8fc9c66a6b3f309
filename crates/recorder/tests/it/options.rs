//! Extra options for Streamlink, given to the real one.

use holdfast_recorder::{StopCause, StreamlinkOptions};

use crate::live_test;
use crate::support::{Stage, children, signal};

/// One value for each option there is, and one more for those that may be repeated.
const EXAMPLES: [&str; 10] = [
    "--dash-manifest-reload-attempts=5",
    "--hls-audio-select=de,English (Main)",
    "--http-header=Referer=https://from.test/?a=b",
    "--http-header=Accept-Language=de, en;q=0.5",
    "--locale=de_AT",
    "--stream-sorting-excludes=>2160p,<=360p",
    "--stream-types=hls,*",
    "--twitch-access-token-param=playerType=site",
    "--twitch-access-token-param=platform=web",
    "--twitch-supported-codecs=h264,h265,av1",
];

live_test! {
    async fn streamlink_takes_every_option_of_the_list() {
        let options = StreamlinkOptions::parse(EXAMPLES).expect("options");
        for name in StreamlinkOptions::known() {
            assert!(options.iter().any(|(given, _)| given == name), "no example for {name}");
        }
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        request.options = options;
        let mut running = stage.start(request);
        // An option that it does not know ends Streamlink before it asks for anything.
        running.until_media(4).await;
        // The question whether it goes on is asked with them too.
        let [pid] = children()[..] else { panic!("one Streamlink") };
        signal(pid, "KILL");
        running.until("a second part", |p| p.parts.len() == 2).await;
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        assert!(stage.judge(&summary).await.is_clean(), "{summary:?}");
        for asked in stage.origin.requests() {
            let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
            let sent = (header("referer"), header("accept-language"));
            assert_eq!(sent, (Some("https://from.test/?a=b"), Some("de, en;q=0.5")), "{asked:?}");
        }
    }
}
