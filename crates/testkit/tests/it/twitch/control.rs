//! The controls over HTTP, and the process that a person starts.

use std::process::Stdio;

use holdfast_testkit::testkit_bin;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

use crate::client::soon;

/// `testkit twitch`, and what it said of itself.
struct Process {
    child: Child,
    stdin: ChildStdin,
    description: Value,
}

async fn start() -> Process {
    let bin = tokio::task::spawn_blocking(testkit_bin).await.unwrap().unwrap();
    let mut command = Command::new(bin);
    command
        .args(["twitch", "--seconds", "120"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon(lines.next_line()).await.unwrap().unwrap();
    Process { child, stdin, description: serde_json::from_str(&line).unwrap() }
}

impl Process {
    /// Status and body.
    async fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let url = url::Url::parse(self.description["control"].as_str().unwrap()).unwrap();
        let addr = url.socket_addrs(|| None).unwrap()[0];
        soon(async {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let request = format!(
                "{method} {}/{path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n",
                url.path()
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await.unwrap();
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
        })
        .await
    }

    async fn channel(&self) -> Value {
        self.ask("GET", "state").await.1["channels"][0].clone()
    }
}

#[tokio::test]
async fn a_process_obeys_over_http_and_ends_with_its_standard_input() {
    let mut process = start().await;
    assert!(process.description["map"][0].as_str().unwrap().starts_with("*.twitch.tv:443=127.0.0.1:"));
    assert_eq!(process.ask("POST", "add?login=alice&name=Alice").await.0, 200);
    assert_eq!(process.ask("POST", "live?login=alice&title=A+title&category=Chess").await.0, 200);
    let channel = process.channel().await;
    assert_eq!(
        (&channel["name"], &channel["title"], &channel["live"]),
        (&json!("Alice"), &json!("A title"), &json!(true))
    );
    assert_eq!(process.ask("POST", "title?login=alice&category=Go").await.0, 200);
    let channel = process.channel().await;
    assert_eq!((&channel["title"], &channel["category"]), (&json!("A title"), &json!("Go")));
    for good in [
        "ads?login=alice&segments=2",
        "pre-roll?login=alice&segments=2",
        "end-ads?login=alice",
        "end-playlists?login=alice",
        "glitch?host=gql.twitch.tv&status=502&times=1",
        "mend",
        "rate-limit?seconds=1",
        "revoke-tokens",
        "front?addr=127.0.0.1:9",
    ] {
        assert_eq!(process.ask("POST", good).await.0, 200, "{good}");
    }
    assert_eq!(process.channel().await["live"], json!(true));
    assert_eq!(process.ask("POST", "listed?login=alice&listed=0").await.0, 200);
    assert_eq!(process.channel().await["live"], json!(false));
    for (bad, why) in [
        ("ads?login=alice", "segments is missing"),
        ("ads?login=alice&segments=-1", "no number"),
        ("ads?login=alice&segments=18446744073709551615", "no number that fits"),
        ("offline?login=bob", "bob was never live"),
        ("live", "login is missing"),
        ("dance?login=alice", "no such verb: dance"),
        ("glitch?host=a&status=1", "no status"),
        ("forge?login=alice&how=stale", "nobody has an enabled subscription"),
        ("notify?login=alice&topic=stream.gone", "no such topic"),
    ] {
        let (status, body) = process.ask("POST", bad).await;
        assert_eq!(status, 400, "{bad}");
        assert!(body["error"].as_str().unwrap().contains(why), "{bad}: {body}");
    }
    drop(process.stdin);
    assert!(soon(process.child.wait()).await.unwrap().success());
}
