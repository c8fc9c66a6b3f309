//! The test kit on the command line: a proxy, an origin or the media as separate processes, for tests that kill and
//! stop processes, for the demo and for the bench. Commands come in as lines; the end of standard input ends it, so
//! that nothing outlives the test that started it.
#![expect(clippy::print_stdout, reason = "standard output is the interface")]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use holdfast_testkit::twitch::{Control, description};
use holdfast_testkit::{
    Ca, CheckTarget, Fault, HttpServer, Kind, Media, NameMap, Options, Origin, OriginOptions, ServerFault,
    Twitch, TwitchOptions, UpstreamProxy, verify,
};
use tokio::sync::mpsc;

#[derive(Parser)]
#[command(about = "Proxies that break on demand, a live origin, and a pretended Twitch")]
enum Testkit {
    /// A proxy; prints `ready PORT`, then obeys `fault FAULT`, `heal`, `stats`, `quit`
    Proxy(ProxyArgs),
    /// A live HLS origin; prints `ready PORT`, then obeys `fault refuse|hang|hang-requests|status N|none`, `end`
    Origin(OriginArgs),
    /// A destination for health checks; prints `ready PORT`, then obeys the faults of an origin
    Target(TargetArgs),
    /// A pretended Twitch; prints one line of JSON that says where it is, what proxies have to map, and where its
    /// controls listen (see `holdfast_testkit::twitch::Control`)
    Twitch(TwitchArgs),
    #[command(flatten)]
    Tool(Tool),
}

#[derive(Subcommand)]
enum Tool {
    /// Generates media and prints the directory
    Media {
        /// How long
        #[arg(long, default_value_t = 120)]
        seconds: u32,
    },
    /// Prints the path of the test CA's certificate
    Ca,
    /// Compares a recording with the generated media; exit 1 when anything is missing or twice
    Verify {
        /// The recording
        file: PathBuf,
        /// How long the media was
        #[arg(long, default_value_t = 120)]
        seconds: u32,
    },
}

#[derive(Args)]
struct ProxyArgs {
    #[arg(long, value_enum, default_value = "http")]
    kind: Kind,
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[arg(long)]
    user: Option<String>,
    #[arg(long, env = "TESTKIT_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// Bytes a second
    #[arg(long)]
    bandwidth: Option<u64>,
    /// `NAME[:PORT]=ADDR:PORT`, `*.suffix` allowed; repeatable
    #[arg(long, value_parser = parse_mapping)]
    map: Vec<(String, SocketAddr)>,
    /// The loopback address to dial from
    #[arg(long)]
    source: Option<IpAddr>,
}

#[derive(Args)]
struct OriginArgs {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Segments in the playlist
    #[arg(long, default_value_t = 8)]
    window: usize,
    /// Length of the media; the stream ends when it is used up
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Without TLS
    #[arg(long)]
    plain: bool,
}

#[derive(Args)]
struct TargetArgs {
    /// What it answers
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// Without TLS
    #[arg(long)]
    plain: bool,
}

#[derive(Args)]
struct TwitchArgs {
    /// Where Twitch's hosts are
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the controls are, on loopback
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// Length of the media; a broadcast ends when it is used up, and the last 20 s are kept for advertisements
    #[arg(long, default_value_t = 720)]
    seconds: u32,
    /// Segments in a playlist
    #[arg(long, default_value_t = 8)]
    window: usize,
}

fn parse_mapping(text: &str) -> Result<(String, SocketAddr)> {
    let (pattern, addr) = text.split_once('=').context("NAME=ADDR:PORT")?;
    Ok((pattern.to_owned(), addr.parse()?))
}

#[tokio::main]
async fn main() -> Result<()> {
    match Testkit::parse() {
        Testkit::Proxy(args) => proxy(args).await,
        Testkit::Origin(args) => origin(args).await,
        Testkit::Target(args) => target(args).await,
        Testkit::Twitch(args) => twitch(args).await,
        Testkit::Tool(Tool::Media { seconds }) => {
            println!("{}", Media::ready(seconds).await?.dir().display());
            Ok(())
        }
        Testkit::Tool(Tool::Ca) => {
            println!("{}", Ca::shared()?.pem_path().display());
            Ok(())
        }
        Testkit::Tool(Tool::Verify { file, seconds }) => {
            let verdict = verify::compare(&file, Media::ready(seconds).await?.frames()).await?;
            println!("{verdict}");
            std::process::exit(i32::from(!verdict.is_clean()));
        }
    }
}

/// Standard input, line by line, from a thread of its own that does not hold up the end.
fn commands() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn proxy(args: ProxyArgs) -> Result<()> {
    let names = args.map.into_iter().fold(NameMap::new(), |names, (pattern, addr)| names.with(pattern, addr));
    let options = Options {
        listen: args.listen,
        credentials: args.user.map(|user| (user, args.password)),
        bandwidth: args.bandwidth,
        names,
        source: args.source,
        fault: Fault::None,
    };
    let proxy = UpstreamProxy::start(args.kind, options).await?;
    println!("ready {}", proxy.addr().port());
    let mut lines = commands();
    while let Some(line) = lines.recv().await {
        match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
            ("fault", fault) => match fault.parse() {
                Ok(fault) => {
                    proxy.set_fault(fault).await;
                    println!("ok");
                }
                Err(error) => println!("error {error:#}"),
            },
            ("heal", _) => {
                proxy.heal().await;
                println!("ok");
            }
            ("stats", _) => println!("stats {}", serde_json::to_string(&proxy.stats())?),
            ("quit", _) => break,
            (other, _) => println!("error no such command: {other}"),
        }
    }
    Ok(())
}

/// What every server of the kit obeys.
async fn obey(server: &HttpServer, words: &[&str]) -> Result<()> {
    match words {
        ["fault", "none"] | ["heal"] => server.heal().await,
        ["fault", "refuse"] => server.set_fault(ServerFault::Refuse).await,
        ["fault", "hang"] => server.set_fault(ServerFault::Hang).await,
        ["fault", "hang-requests"] => server.set_fault(ServerFault::HangRequests).await,
        ["fault", "status", code] => server.set_fault(ServerFault::Status(code.parse()?)).await,
        _ => bail!("no such command: {}", words.join(" ")),
    }
    Ok(())
}

fn answer(result: Result<()>) {
    match result {
        Ok(()) => println!("ok"),
        Err(error) => println!("error {error:#}"),
    }
}

async fn origin(args: OriginArgs) -> Result<()> {
    let mut options = OriginOptions::new(Media::ready(args.seconds).await?).window(args.window);
    (options.listen, options.tls) = (args.listen, !args.plain);
    let origin = Origin::start(options).await?;
    println!("ready {}", origin.addr().port());
    let mut lines = commands();
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["end", ref channel @ ..] => {
                origin.end(channel.first().copied().unwrap_or_default());
                answer(Ok(()));
            }
            ["edge"] => println!("edge {}", origin.edge("")),
            ["quit"] => break,
            _ => answer(obey(&origin, &words).await),
        }
    }
    Ok(())
}

async fn target(args: TargetArgs) -> Result<()> {
    let target = CheckTarget::start(args.status, !args.plain).await?;
    println!("ready {}", target.addr().port());
    let mut lines = commands();
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["quit"] => break,
            _ => answer(obey(&target, &words).await),
        }
    }
    Ok(())
}

async fn twitch(args: TwitchArgs) -> Result<()> {
    let mut options = TwitchOptions::new(Media::ready(args.seconds).await?).window(args.window);
    options.listen = args.listen;
    let twitch = Arc::new(Twitch::start(options).await?);
    let control = Control::start(args.control, Arc::clone(&twitch)).await?;
    println!("{}", description(&twitch, &control)?);
    let mut lines = commands();
    while let Some(line) = lines.recv().await {
        match line.trim() {
            "quit" => break,
            other => println!("error no such command: {other}"),
        }
    }
    Ok(())
}
