//! Flag beats environment beats file beats default. Which one won is read from the complaint about a value that
//! each of them gets wrong in its own way.

use crate::run::{PASSWORD, holdfast};

const FILE: &str = "output = 'from-file.avi'\n";

async fn complaint(run: crate::run::Run) -> String {
    let ran = run.done().await;
    assert_eq!(ran.status, 2, "{ran:?}");
    ran.stderr
}

#[tokio::test]
async fn the_strongest_place_wins() {
    let args = ["record", "x", "--config", "c.toml"];
    let told = complaint(holdfast(&args).file("c.toml", FILE)).await;
    assert!(told.contains("from-file.avi"), "{told}");

    let told = complaint(holdfast(&args).file("c.toml", FILE).env("HOLDFAST_OUTPUT", "from-env.avi")).await;
    assert!(told.contains("from-env.avi"), "{told}");

    let args = ["record", "x", "--config", "c.toml", "--output", "from-flag.avi"];
    let told = complaint(holdfast(&args).file("c.toml", FILE).env("HOLDFAST_OUTPUT", "from-env.avi")).await;
    assert!(told.contains("from-flag.avi"), "{told}");
}

#[tokio::test]
async fn an_empty_variable_counts_as_none() {
    let run = holdfast(&["record", "x", "--config", "c.toml"]).file("c.toml", FILE);
    let told = complaint(run.env("HOLDFAST_OUTPUT", "").env("HOLDFAST_DURATION", "")).await;
    assert!(told.contains("from-file.avi"), "{told}");
}

#[tokio::test]
async fn the_table_of_a_command_beats_the_common_part() {
    let file = "output = 'common.avi'\n[record]\noutput = 'own.avi'\n[check]\ntimeout = '3s'\n";
    let told =
        complaint(holdfast(&["record", "x"]).file("c.toml", file).env("HOLDFAST_CONFIG", "c.toml")).await;
    assert!(told.contains("own.avi"), "{told}");
}

#[tokio::test]
async fn a_flag_can_take_back_what_the_file_says() {
    // Without --force the existing file is refused; with force from the file it would be the missing Streamlink.
    let file = "output = 'there.ts'\nforce = true\n";
    let run = |args: &[&str]| {
        holdfast(args).file("c.toml", file).file("there.ts", "").env("HOLDFAST_CONFIG", "c.toml")
    };
    let ran = run(&["record", "x"]).env("PATH", "/nowhere").done().await;
    assert_eq!(ran.status, 4, "{ran:?}");
    let told = complaint(run(&["record", "x", "--force=false"])).await;
    assert!(told.contains("exists already"), "{told}");
}

#[tokio::test]
async fn mistakes_in_the_file_are_told_without_their_values() {
    for (text, expected) in [
        ("outptu = 'x'", "there is no setting 'outptu'"),
        ("[record]\nqualtiy = 'x'", "table [record]: there is no setting 'qualtiy'"),
        ("[check]\nlisten = 5", "table [check]"),
        ("duration = 'hunter2'", "duration: a length of time"),
        ("check_interval = -3", "check_interval"),
        ("proxies = 5", "proxies"),
        ("proxies = [['http://u:hunter2@h']]", "proxies"),
        ("auth = ['u:hunter2']", "auth"),
        ("log_level = 'loud'", "log_level: one of"),
        ("record = 1", "[record] has to be a table"),
        ("this is not TOML: hunter2", "c.toml"),
    ] {
        let told = complaint(holdfast(&["record", "x", "--config", "c.toml"]).file("c.toml", text)).await;
        assert!(told.contains(expected) && told.contains("c.toml"), "{text}: {told}");
    }
}

#[tokio::test]
async fn proxies_are_one_setting_wherever_they_are_named() {
    // Each place names a proxy that cannot be used; only the winner's is complained about.
    let file = "proxies = ['ftp://file']\n";
    let args = ["check", "--config", "c.toml"];
    let told = complaint(holdfast(&args).file("c.toml", file)).await;
    assert!(told.contains("'ftp'"), "{told}");

    let told = complaint(
        holdfast(&args).file("c.toml", file).env("HOLDFAST_PROXIES", "http://ok:1,\n gopher://env"),
    )
    .await;
    assert!(told.contains("proxy 2") && told.contains("'gopher'"), "{told}");

    let run = holdfast(&["check", "--config", "c.toml", "--proxy", "spdy://flag"]);
    let told = complaint(run.file("c.toml", file).env("HOLDFAST_PROXIES", "gopher://env")).await;
    assert!(told.contains("'spdy'"), "{told}");

    // A file on the command line replaces proxies of the environment: nothing is left to complain about but it.
    let run = holdfast(&["record", "x", "--proxy-file", "none.txt"]);
    let told = complaint(run.env("HOLDFAST_PROXIES", format!("ftp://u:{PASSWORD}@env"))).await;
    assert!(told.contains("cannot read the proxy file none.txt"), "{told}");
}
