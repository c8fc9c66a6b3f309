//! Schemathesis reads the API document and sends what it allows and what it does not: no 5xx, no answer that is not in the
//! document. It invents addresses too, so server and tool have a network of their own with nothing in it but loopback.

use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_trials::{Scene, SceneOptions, ServerOptions, ServerProcess};
use tokio::process::Command;
use tokio::time::timeout;

use crate::faults::STAGE;

/// Raises loopback in a new network, then becomes the command.
const LOOPBACK: &str = "
import fcntl, os, socket, struct, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack('16sh22x', b'lo', 0x41))  # SIOCSIFFLAGS: UP and RUNNING
os.execvp(sys.argv[1], sys.argv[1:])
";

/// That whatever breaks the document's rules is refused is not among them: `?priority=0` in place of a body is taken, and
/// meant to be.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance";

/// What may change nothing outside when there is no network apart.
const HARMFUL: &str = "/api/(proxy/(add|import|\\{id\\}$)|recordings$)";

#[tokio::test]
async fn no_server_error_and_no_undocumented_answer() {
    let _turn = STAGE.acquire().await.expect("never closed");
    let scene = Scene::start(SceneOptions::default()).await.expect("a scene");
    let apart = can_be_apart().await;
    let under = if apart {
        words(&["unshare", "--map-root-user", "--net", "python3", "-c", LOOPBACK])
    } else {
        vec![]
    };
    let options = ServerOptions { log_level: "info", under, ..ServerOptions::default() };
    let server = ServerProcess::start(&scene, options).await.expect("a server");

    let reports = tempfile::tempdir().expect("a folder");
    let mut tool = tool(apart.then(|| server.pid().expect("it runs")));
    tool.args(["run", &format!("http://{}/api/openapi.json", server.addr())])
        .args(["--checks", CHECKS])
        .args(["--seed", "1", "--max-examples", "30", "--continue-on-failure", "--no-shrink"])
        .args(["--max-time", "100", "--request-timeout", "60", "--warnings", "off"])
        .args(["--suppress-health-check", "all"])
        .current_dir(reports.path());
    if !apart {
        println!("no network of its own here: what would reach out is left out");
        tool.args(["--exclude-path-regex", HARMFUL]);
    }
    let output = timeout(Duration::from_secs(300), tool.kill_on_drop(true).output());
    let output = output.await.expect("it ends").expect("schemathesis: run scripts/setup.sh test");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}\n{}", String::from_utf8_lossy(&output.stderr), server.log());
    assert!(said.contains("passed"), "did it test anything?\n{said}");
    assert!(!server.log().contains("panic"), "{}", server.log());
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

async fn can_be_apart() -> bool {
    let tried = Command::new("unshare").args(["--map-root-user", "--net", "true"]).status().await;
    tried.is_ok_and(|status| status.success())
}

/// Schemathesis as the set-up installs it, else the one on PATH; in the network of a process, if one is given.
fn tool(beside: Option<u32>) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    let installed = root.join(".venv-test/bin/schemathesis");
    let program = if installed.is_file() { installed } else { PathBuf::from("schemathesis") };
    let Some(pid) = beside else { return Command::new(program) };
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--user", "--net", "--preserve-credentials"]).arg(program);
    command
}
