//! The gateway serves any tool: curl, a real browser and ffmpeg, over http and https.

use std::process::Output;
use std::time::Duration;

use holdfast_testkit::Ca;
use holdfast_trials::{GREETING, GatewayProcess, Scene, SceneOptions};
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than a browser takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

async fn run(command: &mut Command) -> Output {
    command.kill_on_drop(true);
    timeout(PATIENCE, command.output()).await.expect("it ends").expect("it is installed")
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const PAGES: [&str; 2] = ["https://page.test/", "http://plain.test/"];

#[tokio::test]
async fn curl_works_through_the_gateway() {
    let scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let gateway = GatewayProcess::start(&scene).await.expect("a gateway");
    let ca = Ca::shared().expect("a CA").pem_path();
    for page in PAGES {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail", "-x", &format!("http://{}", gateway.addr()), page])
            .arg("--cacert")
            .arg(&ca);
        let output = run(&mut curl).await;
        assert!(output.status.success() && said(&output).contains(GREETING), "{page}: {}", said(&output));
    }
}

#[tokio::test]
async fn a_browser_works_through_the_gateway() {
    let scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let gateway = GatewayProcess::start(&scene).await.expect("a gateway");
    for page in PAGES {
        let profile = tempfile::tempdir().expect("a folder");
        let mut browser = Command::new("chromium");
        browser
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--ignore-certificate-errors", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--proxy-server=http://{}", gateway.addr()))
            .arg(page);
        let output = run(&mut browser).await;
        assert!(said(&output).contains(GREETING), "{page}: {}\n{}", said(&output), gateway.log());
    }
}

#[tokio::test]
async fn ffmpeg_works_through_the_gateway() {
    let scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let gateway = GatewayProcess::start(&scene).await.expect("a gateway");
    let file = tempfile::tempdir().expect("a folder");
    let path = file.path().join("out.ts");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .env("http_proxy", format!("http://{}", gateway.addr()))
        .args([
            "-v",
            "error",
            "-nostdin",
            "-i",
            "https://live.test/c/live/live.m3u8",
            "-t",
            "4",
            "-c",
            "copy",
        ])
        .arg(&path);
    let output = run(&mut ffmpeg).await;
    assert!(output.status.success(), "{}", said(&output));
    let verdict =
        holdfast_testkit::verify::compare(&path, scene.origin.media().frames()).await.expect("a file");
    assert!(verdict.is_clean(), "{verdict}");
}
