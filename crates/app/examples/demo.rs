//! `make demo`: a recording survives its proxies, in front of your eyes. Everything is real and on this machine
//! only: a live HLS stream over TLS, three proxies with passwords in processes of their own, `holdfast record` with
//! the real Streamlink. The proxy in use is killed, the next one frozen. Then the file is compared with the stream.
#![expect(clippy::print_stdout, reason = "the output is the point of it")]

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use holdfast_testkit::{Ca, CheckTarget, Kind, Media, Options, Origin, OriginOptions, ProxyProcess, verify};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

const PASSWORD: &str = "correcthorsebattery";
const LIST: &str = "proxies.txt";
const FILE: &str = "demo.ts";
/// How much of the stream there is; the demo ends it earlier.
const MEDIA_SECONDS: u32 = 120;
const CALM: Duration = Duration::from_secs(10);
/// From a fault to the route that carries on; it takes three seconds at most.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\n  The demo did not go as it should: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<()> {
    println!("\n{}\n", bold("Holdfast: a recording that survives its proxies"));
    let origin = Origin::start(OriginOptions::new(Media::ready(MEDIA_SECONDS).await?)).await?;
    let check = CheckTarget::start(200, true).await?;
    let mut proxies = Vec::new();
    for letter in ["A", "B", "C"] {
        let options = Options::default().credentials("demo", PASSWORD);
        proxies.push(Upstream { letter, process: ProxyProcess::start(Kind::Http, options).await? });
    }
    println!("  live stream  {}  (segments of 2 s, over TLS)", origin.url("localhost"));
    for proxy in &proxies {
        println!("  proxy {}      {}", proxy.letter, proxy.masked());
    }
    println!(
        "\n{}",
        dim("  $ holdfast record STREAM --proxy-file proxies.txt --no-direct --output demo.ts\n")
    );

    let directory = directory()?;
    let file = directory.join(FILE);
    let lines: Vec<_> =
        proxies.iter().zip(0..).map(|(p, n)| format!("{} priority={n}\n", p.process.url())).collect();
    std::fs::write(directory.join(LIST), lines.concat()).context("cannot write the list of proxies")?;
    let mut child = start(&origin.url("localhost"), &check.url(), &directory)?;
    let mut show = Show::of(&mut child, &proxies)?;

    let first = show.until_route(PATIENCE * 2).await.context("no route at the start")?;
    show.watch_for(CALM).await;
    let place = place(&proxies, &first)?;
    show.say(&format!("{} proxy {first}: the process is gone, its port refuses", red("✗ killing")));
    proxies[place].process.kill().await?;
    let second = show.until_route(PATIENCE).await.context("nobody took over from the killed proxy")?;
    show.watch_for(CALM).await;
    let place = self::place(&proxies, &second)?;
    show.say(&format!(
        "{} proxy {second}: its connections stay open and say nothing more",
        red("❄ freezing")
    ));
    proxies[place].process.freeze()?;
    show.until_route(PATIENCE).await.context("nobody took over from the frozen proxy")?;
    show.watch_for(CALM).await;
    show.say("the stream ends");
    origin.end("");
    show.until_closed(PATIENCE * 3).await?;
    let status = timeout(PATIENCE, child.wait()).await.context("holdfast did not exit")??;

    println!("{}", bold("  What holdfast says"));
    show.summary.iter().for_each(|line| println!("    {line}"));
    println!("    exit status {}\n", status.code().unwrap_or(-1));
    judge(&file, &origin).await?;
    ensure!(status.success(), "holdfast ended with {status}");
    ensure!(show.failovers >= 2, "only {} failovers were told", show.failovers);
    ensure!(!show.leaked, "a password was shown");
    Ok(())
}

/// ffprobe says whether it plays; the frames say whether it is all there.
async fn judge(file: &Path, origin: &Origin) -> Result<()> {
    println!("{}", bold("  What is in the file"));
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name:format=duration"])
        .args(["-of", "default=noprint_wrappers=1:nokey=1"])
        .arg(file)
        .output()
        .await
        .context("cannot run ffprobe")?;
    ensure!(probe.status.success() && probe.stderr.is_empty(), "ffprobe complains about the file");
    let facts = String::from_utf8_lossy(&probe.stdout).into_owned();
    let codecs: BTreeSet<&str> = facts.lines().filter(|line| line.parse::<f64>().is_err()).collect();
    let seconds =
        facts.lines().find_map(|line| line.parse::<f64>().ok()).context("ffprobe tells no duration")?;
    let codecs = codecs.into_iter().collect::<Vec<_>>().join(" and ");
    println!("    ffprobe      it plays: {codecs}, {seconds:.1} s");
    let verdict = verify::compare(file, origin.media().frames()).await?;
    println!(
        "    frames       {} pictures compared with the source by their hashes: {:.1} s missing, {:.1} s twice",
        verdict.video_frames, verdict.seconds_missing, verdict.seconds_duplicated
    );
    ensure!(verdict.is_clean(), "the recording is not whole: {verdict}");
    println!("\n  {}\n", green("✓ nothing is missing and nothing is twice"));
    Ok(())
}

struct Upstream {
    letter: &'static str,
    process: ProxyProcess,
}

impl Upstream {
    fn masked(&self) -> String {
        self.process.url().replace(PASSWORD, "***")
    }
}

fn place(proxies: &[Upstream], letter: &str) -> Result<usize> {
    proxies
        .iter()
        .position(|p| p.letter == letter)
        .with_context(|| format!("{letter} is none of the proxies"))
}

/// Beside the build, so that nothing is left anywhere else.
fn directory() -> Result<PathBuf> {
    let directory = holdfast_testkit::target_dir().join("demo");
    std::fs::create_dir_all(&directory).context("cannot create the demo's directory")?;
    Ok(directory)
}

fn start(url: &str, check_url: &str, directory: &Path) -> Result<Child> {
    let exe = std::env::current_exe().context("a running program knows its own path")?;
    let built = exe.parent().and_then(Path::parent).context("the demo runs from cargo's target directory")?;
    let ca = Ca::shared()?.pem_path();
    Command::new(built.join("holdfast"))
        .args(["record", url, "--no-direct", "--force", "--check-url", check_url])
        .args(["--proxy-file", LIST, "--output", FILE])
        .current_dir(directory)
        // The certificate of the stream is of the test kit's own making.
        .env("SSL_CERT_FILE", &ca)
        .env("REQUESTS_CA_BUNDLE", &ca)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start holdfast")
}

/// What holdfast says, retold with the letters of the proxies.
struct Show {
    lines: mpsc::UnboundedReceiver<String>,
    names: Vec<(String, String)>,
    started: Instant,
    summary: Vec<String>,
    failovers: u32,
    leaked: bool,
}

impl Show {
    fn of(child: &mut Child, proxies: &[Upstream]) -> Result<Self> {
        let stderr = child.stderr.take().context("stderr is piped")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let (sender, lines) = mpsc::unbounded_channel();
        let pass_on = |from: Box<dyn AsyncRead + Send + Unpin>, sender: mpsc::UnboundedSender<String>| async move {
            let mut lines = BufReader::new(from).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = sender.send(line);
            }
        };
        tokio::spawn(pass_on(Box::new(stderr), sender.clone()));
        tokio::spawn(pass_on(Box::new(stdout), sender));
        let names = proxies.iter().map(|p| (p.masked(), p.letter.to_owned())).collect();
        Ok(Self { lines, names, started: Instant::now(), summary: Vec::new(), failovers: 0, leaked: false })
    }

    fn say(&self, text: &str) {
        println!("  {} {text}", dim(&format!("{:>4.1} s ", self.started.elapsed().as_secs_f64())));
    }

    /// Retells one line; answers with the letter of the route that the line says is now in use.
    fn retell(&mut self, line: &str) -> Option<String> {
        self.leaked |= line.contains(PASSWORD);
        let is_log =
            line.get(..19).is_some_and(|stamp| stamp.bytes().filter(u8::is_ascii_digit).count() == 14);
        if !is_log {
            self.summary.push(self.lettered(line));
            return None;
        }
        let message = line.get(30..).unwrap_or_default().trim_start();
        let lettered = self.lettered(message);
        let bare = lettered.replace("proxy ", "");
        let (told, route) = if let Some(rest) = bare.strip_prefix("Using proxy: ") {
            (lettered.as_str(), rest.get(..1).map(str::to_owned))
        } else if let Some(rest) = bare.strip_prefix("Failover: ") {
            self.failovers += 1;
            let to = rest.split_once("-> ").and_then(|(_, to)| to.get(..1)).map(str::to_owned);
            (lettered.as_str(), to)
        } else if line.contains(" WARN ") || line.contains(" ERROR ") {
            (lettered.as_str(), None)
        } else {
            return None;
        };
        match route {
            Some(_) => self.say(&green(told)),
            None => self.say(told),
        }
        route
    }

    fn lettered(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (url, letter)| text.replace(url, &format!("proxy {letter}")))
    }

    async fn until_route(&mut self, limit: Duration) -> Result<String> {
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match timeout(left, self.lines.recv()).await {
                Ok(Some(line)) => {
                    if let Some(letter) = self.retell(&line) {
                        return Ok(letter);
                    }
                }
                Ok(None) => bail!("holdfast ended: {}", self.summary.join(" · ")),
                Err(_) => bail!("nothing happened for {} s", limit.as_secs()),
            }
        }
    }

    async fn watch_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(Some(line)) =
            timeout(until.saturating_duration_since(Instant::now()), self.lines.recv()).await
        {
            self.retell(&line);
        }
        sleep(until.saturating_duration_since(Instant::now())).await;
    }

    async fn until_closed(&mut self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        loop {
            match timeout(until.saturating_duration_since(Instant::now()), self.lines.recv()).await {
                Ok(Some(line)) => drop(self.retell(&line)),
                Ok(None) => break,
                Err(_) => bail!("holdfast did not notice that the stream had ended"),
            }
        }
        println!();
        Ok(())
    }
}

fn style(code: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn bold(text: &str) -> String {
    style("1", text)
}

fn dim(text: &str) -> String {
    style("2", text)
}

fn red(text: &str) -> String {
    style("31", text)
}

fn green(text: &str) -> String {
    style("32", text)
}
