//! Every command explains itself, with an example.

use crate::run::holdfast;

/// The commands that `holdfast -h` lists.
async fn commands() -> Vec<String> {
    let help = holdfast(&["-h"]).done().await.stdout;
    let list = help.split_once("Commands:").expect("a list of commands").1;
    let names = list.lines().skip(1).take_while(|line| !line.trim().is_empty());
    names.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_command_has_help_with_an_example() {
    let mut commands = commands().await;
    for expected in
        ["serve", "record", "gateway", "check", "proxy", "import", "backup", "config", "completions"]
    {
        assert!(commands.iter().any(|c| c == expected), "{expected} is not listed: {commands:?}");
    }
    commands.push(String::new());
    for command in commands {
        for flag in ["-h", "--help"] {
            let args: Vec<&str> = [command.as_str(), flag].into_iter().filter(|a| !a.is_empty()).collect();
            let ran = holdfast(&args).done().await;
            assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{args:?}");
            assert!(ran.stdout.contains("Usage: holdfast"), "{args:?}: {}", ran.stdout);
            let (_, examples) = ran.stdout.split_once("Examples:\n").expect("examples");
            assert!(
                examples.lines().next().is_some_and(|line| line.contains(&format!("holdfast {command}"))),
                "{args:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_flag_names_its_variable() {
    for command in ["serve", "record", "gateway", "check", "backup"] {
        let help = holdfast(&[command, "--help"]).done().await.stdout;
        let is_flag = |line: &&str| line.trim_start().starts_with('-');
        let flags: Vec<&str> = help.lines().filter(is_flag).filter(|line| line.contains("--")).collect();
        let with_variable = help.matches("[env: HOLDFAST_").count();
        // --help itself has none.
        assert_eq!(flags.len() - 1, with_variable, "{command}: {flags:?}");
    }
}

#[tokio::test]
async fn help_does_not_show_what_is_in_the_environment() {
    let secret = format!("http://user:{}@h:1", crate::run::PASSWORD);
    let ran = holdfast(&["record", "-h"])
        .env("HOLDFAST_PROXIES", secret)
        .env("HOLDFAST_QUALITY", "720p60")
        .done()
        .await;
    assert_eq!(ran.status, 0);
    assert!(!ran.stdout.contains("720p60\n") && !ran.stdout.contains("QUALITY=720p60"), "{}", ran.stdout);
}

#[tokio::test]
async fn without_arguments_it_says_what_there_is() {
    let ran = holdfast(&[]).done().await;
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("Usage: holdfast") && ran.stderr.contains("Examples:"), "{}", ran.stderr);
    let ran = holdfast(&["--version"]).done().await;
    assert_eq!((ran.status, ran.stdout.trim()), (0, concat!("holdfast ", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = holdfast(&["completions", shell]).done().await;
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{shell}");
        assert!(ran.stdout.contains("proxy-file") && ran.stdout.contains("gateway"), "{shell}");
    }
    assert_eq!(holdfast(&["completions", "abacus"]).done().await.status, 2);
}
