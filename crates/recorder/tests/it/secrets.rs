//! Passwords stay where they belong.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use holdfast_model::Secret;
use holdfast_recorder::StopCause;

use crate::live_test;
use crate::support::{PASSWORD, Stage, TOKEN, children};

live_test! {
    async fn nothing_but_a_private_file_holds_the_password_and_it_goes() {
        let stage = Stage::new().await;
        let mut request = stage.request("show.ts");
        request.token = Some(Secret::new(TOKEN));
        let mut running = stage.start(request);
        running.until_media(6).await;
        let [pid] = children()[..] else { panic!("one Streamlink") };
        let read = |what: &str| std::fs::read(format!("/proc/{pid}/{what}")).expect("readable");
        let (command, environment) = (read("cmdline"), read("environ"));
        let encoded = stage.proxy.url();
        let encoded = encoded.split(['@', '/']).find(|piece| piece.contains(':') && piece.contains("user")).expect("there");
        let encoded = encoded.split_once(':').expect("a password").1;
        for text in [&command, &environment] {
            let text = String::from_utf8_lossy(text);
            assert!(!text.contains(PASSWORD) && !text.contains(encoded) && !text.contains(TOKEN), "{text}");
            assert!(!text.to_ascii_lowercase().contains("_proxy="), "{text}");
        }
        let command = String::from_utf8_lossy(&command);
        let config = command.split('\0').skip_while(|word| *word != "--config").nth(1).map(PathBuf::from).expect("a file");
        let permissions = config.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(permissions, 0o600);
        let written = std::fs::read_to_string(&config).expect("readable");
        assert!(written.contains(encoded) && written.contains(&format!("Authorization=OAuth {TOKEN}\n")), "{written}");
        running.control.stop(StopCause::Request);
        let summary = running.end().await;
        assert!(!config.exists() && !config.parent().expect("a directory").exists());
        let json = serde_json::to_string(&summary).expect("a summary");
        assert!(!json.contains(PASSWORD) && !json.contains(encoded) && !json.contains(TOKEN), "{json}");
        for field in ["url", "output", "bytes", "duration_s", "segments_lost", "failovers", "routes", "ended", "error"] {
            assert!(json.contains(&format!("\"{field}\":")), "{field} in {json}");
        }
        assert!(json.contains("\"ended\":\"stopped\"") && json.contains("\"via\":\"http://user:***@127.0.0.1:"), "{json}");
        assert!(stage.origin.accepts_not_from(&[&stage.proxy]).is_empty(), "nothing went past the proxy");
    }
}
