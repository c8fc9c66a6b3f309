//! The live origin: its playlist, its window, its faults, and a real player.

use std::process::Stdio;
use std::time::Duration;

use holdfast_testkit::{
    Asked, Ca, CheckTarget, Kind, Media, Options, Origin, OriginOptions, Retention, ServerFault,
    UpstreamProxy, verify,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::client::{silent, soon};

/// Status and body of a plain GET.
async fn get(origin: &Origin, path: &str) -> (u16, String) {
    soon(async {
        let mut stream = TcpStream::connect(origin.addr()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.unwrap();
        let reply = String::from_utf8_lossy(&reply).into_owned();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    })
    .await
}

fn sequence(playlist: &str) -> usize {
    let line = playlist.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    line.unwrap().parse().unwrap()
}

async fn start(options: impl FnOnce(OriginOptions) -> OriginOptions) -> Origin {
    let media = Media::ready(120).await.unwrap();
    Origin::start(options(OriginOptions::new(media).plain().window(4))).await.unwrap()
}

#[tokio::test]
async fn the_window_slides_and_segments_linger() {
    let origin = start(|o| o).await;
    let (status, playlist) = get(&origin, "/live.m3u8").await;
    assert_eq!((status, sequence(&playlist)), (200, 0));
    assert_eq!(playlist.matches("#EXTINF").count(), 4);
    assert_eq!(playlist.matches("#EXT-X-PROGRAM-DATE-TIME").count(), 4);
    assert_eq!(get(&origin, "/seg/4.ts").await.0, 404, "not there yet");
    origin.edge_reaches("", 5).await;
    assert_eq!(sequence(&get(&origin, "/live.m3u8").await.1), 1);
    assert_eq!(get(&origin, "/seg/4.ts").await.0, 200);
    assert_eq!(get(&origin, "/seg/0.ts").await.0, 200, "left the playlist, still there");
    let strict = start(|mut o| {
        o.retention = Retention::None;
        o.start_offset = 3;
        o
    })
    .await;
    assert_eq!(get(&strict, "/seg/2.ts").await.0, 404);
    assert_eq!(get(&strict, "/seg/3.ts").await.0, 200);
}

#[tokio::test]
async fn channels_have_clocks_and_fates_of_their_own() {
    let origin = start(|o| o).await;
    origin.edge_reaches("", 5).await;
    assert_eq!(
        sequence(&get(&origin, "/c/one/live.m3u8").await.1),
        0,
        "its clock starts when it is asked for"
    );
    origin.end("one");
    assert!(get(&origin, "/c/one/live.m3u8").await.1.contains("#EXT-X-ENDLIST"));
    origin.set_gone("two", Some(410));
    assert_eq!(get(&origin, "/c/two/live.m3u8").await.0, 410);
    origin.discontinuity("");
    origin.reset_sequence("three");
    origin.edge_reaches("", 6).await;
    let playlist = get(&origin, "/live.m3u8").await.1;
    assert!(
        playlist.contains("#EXT-X-DISCONTINUITY\n") && !playlist.contains("#EXT-X-ENDLIST"),
        "{playlist}"
    );
    origin.edge_reaches("three", 5).await;
    let playlist = get(&origin, "/c/three/live.m3u8").await.1;
    assert_eq!((sequence(&playlist), playlist.matches("#EXTINF").count()), (0, 1), "{playlist}");
    let master = get(&origin, "/master.m3u8").await.1;
    for path in master.lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(get(&origin, &format!("/{path}")).await.0, 200);
    }
}

#[tokio::test]
async fn faults_of_the_server() {
    let origin = start(|o| o).await;
    origin.set_fault(ServerFault::Status(500)).await;
    assert_eq!(get(&origin, "/live.m3u8").await.0, 500);
    let fault = ServerFault::StatusFor { suffix: ".ts".into(), status: 503 };
    origin.set_fault(fault).await;
    assert_eq!((get(&origin, "/live.m3u8").await.0, get(&origin, "/seg/0.ts").await.0), (200, 503));
    let before = origin.requests().len();
    origin.set_fault(ServerFault::Hang).await;
    assert!(silent(get(&origin, "/live.m3u8")).await);
    assert_eq!(origin.requests().len(), before, "nothing was even read");
    origin.set_fault(ServerFault::HangRequests).await;
    let unanswered = |asked: &Asked| asked.path == "/hanging.m3u8" && asked.status == 0;
    tokio::select! {
        _ = get(&origin, "/hanging.m3u8") => panic!("it answered"),
        () = soon(async {
            while !origin.requests().iter().any(unanswered) {
                tokio::task::yield_now().await;
            }
        }) => {}
    }
    origin.set_fault(ServerFault::Slow(100_000)).await;
    assert!(silent(get(&origin, "/seg/0.ts")).await);
    origin.set_fault(ServerFault::Refuse).await;
    assert!(TcpStream::connect(origin.addr()).await.is_err());
    origin.heal().await;
    assert_eq!(get(&origin, "/live.m3u8").await.0, 200);
}

#[tokio::test]
async fn a_check_target_over_tls_hangs_before_the_handshake() {
    let target = CheckTarget::start(200, true).await.unwrap();
    target.set_fault(ServerFault::Hang).await;
    let tcp = TcpStream::connect(target.addr()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Ca::shared().unwrap().client_config().unwrap());
    let name = "localhost".try_into().unwrap();
    let mut shake = Box::pin(connector.connect(name, tcp));
    assert!(silent(&mut shake).await);
    target.heal().await;
    soon(shake).await.expect("rustls accepts the leaf, and the name");
}

/// Streamlink when it is installed beside the workspace or on PATH.
pub(crate) fn streamlink() -> std::path::PathBuf {
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/streamlink");
    if venv.is_file() { venv } else { "streamlink".into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_streamlink_records_it_through_a_proxy_without_loss() {
    let media = Media::ready(120).await.unwrap();
    let origin = Origin::start(OriginOptions::new(media)).await.unwrap();
    let options = Options::default().credentials("user", "secret").map("live.test", origin.addr());
    let proxy = UpstreamProxy::start(Kind::Http, options).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.ts");
    let url = origin.master_url("live.test");
    let mut child = Command::new(streamlink())
        .args(["--no-config", "--loglevel", "warning", "--http-proxy", &proxy.url(), "-o"])
        .args([file.as_os_str(), url.as_ref(), "1080p60".as_ref()])
        .env("REQUESTS_CA_BUNDLE", Ca::shared().unwrap().pem_path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Streamlink is installed by the set-up");
    origin.edge_reaches("", 12).await;
    origin.end("");
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert!(status.success());
    let verdict = verify::compare(&file, origin.media().frames()).await.unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.last_segment == 11 && verdict.first_segment < 9, "{verdict}");
    assert_eq!(verify::gaps_by_timestamps(&file).await.unwrap(), []);
    assert!(origin.accepts_not_from(&[&proxy]).is_empty());
    assert!(origin.requests().iter().all(|asked| !asked.path.contains("720p60/seg")));
}
