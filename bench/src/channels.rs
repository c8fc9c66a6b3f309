//! Many live channels at once, recorded unattended by one `holdfast serve`, at the bitrate of a real broadcast: is anything
//! lost, and what does it cost? Some are recorded by the real Streamlink, the others by a light stand-in, for this
//! machine could not run that many Streamlinks. Every file is judged frame by frame.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use holdfast_testkit::{Kind, Media, verify};
use holdfast_trials::{HOST, Scene, SceneOptions, ServerOptions, ServerProcess, eventually};
use serde_json::{Value, json};

use crate::Bench;
use crate::light::{LIGHT, REAL};
use crate::process::{busy_seconds, cpu_seconds, resident_kib};

/// Of the video, in kbit/s; with sound and packing it is a little more than 6 Mbit/s.
const VIDEO_KBIT: u32 = 5800;
/// For all of them to be found live and to be recorded, and for all files to be finished.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at the memory.
const SAMPLE: Duration = Duration::from_secs(1);

/// Who is live, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Channels.
    pub channels: usize,
    /// Those of them that the real Streamlink records.
    pub real: usize,
    /// From the moment when all are recorded.
    pub length: Duration,
}

/// Fifty for five minutes, or for half a minute.
///
/// # Errors
/// As those of [`record`].
pub async fn channels(bench: &Bench) -> Result<String> {
    let length = Duration::from_secs(if bench.quick { 30 } else { 300 });
    record(Crowd { channels: 50, real: 5, length }, &bench.holdfast, &bench.bench).await
}

/// Records them, judges the files, and says what it cost. `bench`: the binary of this crate, which has the stand-in beside it.
///
/// # Errors
/// If a piece does not start, a recording does not end as it should, or anything is missing.
pub async fn record(crowd: Crowd, holdfast: &Path, bench: &Path) -> Result<String> {
    let scene = scene(crowd).await?;
    let server = server(crowd, &scene, holdfast, bench).await?;
    let load = carry(crowd, &scene, &server).await?;
    for name in crowd.names() {
        scene.origin.end(&name);
    }
    let files = finished(crowd, &server).await?;
    let direct = scene.direct_connections();
    ensure!(direct.is_empty(), "{} connections went directly", direct.len());
    let verdicts: Vec<String> = stream::iter(&files)
        .map(|recording| judge(&scene, recording))
        .buffered(std::thread::available_parallelism()?.get())
        .try_collect()
        .await?;
    Ok(load.report(crowd, scene.origin.media(), &verdicts))
}

impl Crowd {
    /// The channels' names, which say who records them.
    fn names(self) -> impl Iterator<Item = String> {
        (0..self.channels).map(move |number| {
            let who = if number < self.real { "real" } else { LIGHT };
            format!("{who}-{number}")
        })
    }
}

async fn scene(crowd: Crowd) -> Result<Scene> {
    // Every channel has a clock of its own, which starts when it is first looked at.
    let media_seconds = u32::try_from((crowd.length + PATIENCE).as_secs())?;
    let kinds = vec![Kind::Http, Kind::Https, Kind::Socks5];
    let options =
        SceneOptions { kinds, media_seconds, video_kbit: Some(VIDEO_KBIT), ..SceneOptions::default() };
    Scene::start(options).await
}

async fn server(crowd: Crowd, scene: &Scene, holdfast: &Path, bench: &Path) -> Result<ServerProcess> {
    let mut options = ServerOptions { log_level: "info", ..ServerOptions::default() };
    options.environment.push((REAL.into(), options.streamlink.clone().into()));
    options.streamlink = bench.with_file_name("light-streamlink");
    options.holdfast = Some(holdfast.to_owned());
    let server = ServerProcess::start(scene, options).await?;
    let settings = json!({ "channel_linger_seconds": 5 });
    server.ok("PUT", "/api/settings", &settings.to_string()).await?;
    for (priority, proxy) in scene.proxies.iter().enumerate() {
        server.add(&proxy.url(), priority).await?;
    }
    for name in crowd.names() {
        let url = format!("hls://https://{HOST}/c/{name}/live.m3u8");
        server.post("/api/streamers", &json!({ "url": url, "display_name": name })).await?;
    }
    Ok(server)
}

/// What it cost.
struct Load {
    length: Duration,
    /// CPU seconds of the server.
    own: f64,
    /// CPU seconds of everything on this machine.
    all: f64,
    /// Of the server, the most that was seen, in KiB.
    memory: u64,
    /// Written meanwhile, by the server's account.
    bytes: u64,
}

/// Waits until all are recorded, then watches for a while.
async fn carry(crowd: Crowd, scene: &Scene, server: &ServerProcess) -> Result<Load> {
    let before = eventually("all channels are recorded", PATIENCE, async || {
        let active = active(server).await?;
        let writing = active.iter().filter(|one| bytes(one) > 0).count();
        Ok((writing == crowd.channels).then(|| active.iter().map(bytes).sum::<u64>()))
    });
    let before = before.await.with_context(|| server.story())?;
    let first = crowd.names().next().context("there are channels")?;
    let pid = server.pid().context("the server has ended")?;
    let (own, all, begun) = (cpu_seconds(pid)?, busy_seconds()?, Instant::now());
    let mut memory = 0;
    while begun.elapsed() < crowd.length {
        tokio::time::sleep(SAMPLE).await;
        memory = memory.max(resident_kib(pid)?);
        ensure!(scene.origin.edge(&first) < scene.origin.media().len(), "the source is used up");
    }
    let after: u64 = active(server).await?.iter().map(bytes).sum();
    let (own, all) = (cpu_seconds(pid)? - own, busy_seconds()? - all);
    Ok(Load { length: begun.elapsed(), own, all, memory, bytes: after.saturating_sub(before) })
}

async fn active(server: &ServerProcess) -> Result<Vec<Value>> {
    let page = server.get("/api/recordings/active").await?;
    page["items"].as_array().cloned().context("a page has items")
}

fn bytes(recording: &Value) -> u64 {
    recording["bytes"].as_u64().unwrap_or_default()
}

/// Waits for the end of all recordings.
async fn finished(crowd: Crowd, server: &ServerProcess) -> Result<Vec<Value>> {
    eventually("all recordings are finished", PATIENCE, async || {
        Ok(active(server).await?.is_empty().then_some(()))
    })
    .await
    .with_context(|| server.story())?;
    let page = server.get("/api/recordings?limit=200").await?;
    let items = page["items"].as_array().context("a page has items")?;
    ensure!(items.len() == crowd.channels, "{} recordings of {} channels", items.len(), crowd.channels);
    stream::iter(items.iter().filter_map(|item| item["id"].as_str()))
        .then(|id| server.recording(id))
        .try_collect()
        .await
}

/// Whether a file holds everything from its first frame to the end of the channel, and its recording says so; in words.
async fn judge(scene: &Scene, recording: &Value) -> Result<String> {
    let name = recording["channel"].as_str().context("a channel")?;
    let fair = recording["status"] == "completed" && recording["segments_lost"] == 0;
    ensure!(fair && recording["error"].is_null(), "{name} did not end well: {recording:#}");
    let path = Path::new(recording["path"].as_str().context("a path")?);
    let verdict = verify::compare(path, scene.origin.media().frames()).await;
    let verdict = verdict.with_context(|| format!("judging {name}"))?;
    let last = scene.origin.edge(name) - 1;
    ensure!(
        verdict.is_clean() && verdict.last_segment == last,
        "{name} is not whole: {verdict}; its last segment was {last}\n{recording:#}"
    );
    Ok(format!("{name}: {verdict}, {} failovers", recording["failovers"]))
}

impl Load {
    fn report(&self, crowd: Crowd, media: &Media, verdicts: &[String]) -> String {
        let seconds = self.length.as_secs_f64();
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let gigabytes = self.bytes as f64 / 1e9;
        let rate = media.bytes_per_second() as f64 * 8.0 / 1e6;
        let Crowd { channels, real, .. } = crowd;
        let mut text = format!("{channels} live channels of {rate:.1} Mbit/s for {seconds:.0} s, ");
        let _ = writeln!(text, "{real} recorded by the real Streamlink, the others by a stand-in");
        let _ = writeln!(text, "  whole, nothing lost: {} of {channels}; {gigabytes:.1} GB", verdicts.len());
        let share = self.own / seconds * 100.0;
        let per_gigabyte = self.own / gigabytes;
        let _ = writeln!(
            text,
            "  holdfast serve: {share:.0} % of one core ({per_gigabyte:.2} CPU s per GB), {:.0} MiB at most",
            self.memory as f64 / 1024.0
        );
        let _ = writeln!(text, "  the machine: {:.0} % of {cores} cores", self.all / seconds / cores * 100.0);
        for verdict in verdicts.iter().filter(|verdict| !verdict.starts_with(LIGHT)) {
            let _ = writeln!(text, "  {verdict}");
        }
        text
    }
}
