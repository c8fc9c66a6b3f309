//! The examples in the help texts are what people copy: each must be a command line that is taken.

use clap::{Command, CommandFactory};

use super::Cli;

/// The command lines of this program in a help text, as a shell would hand them over.
fn examples(command: &Command) -> Vec<Vec<String>> {
    let text = command.get_after_help().or(command.get_after_long_help()).map(ToString::to_string);
    let mut all: Vec<_> = text.unwrap_or_default().lines().filter_map(words).collect();
    command.get_subcommands().for_each(|sub| all.extend(examples(sub)));
    all
}

/// The words from `holdfast` on, to where a shell does something else with what comes; `None` if the line is no example.
fn words(line: &str) -> Option<Vec<String>> {
    let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
    let begun = line.starts_with("holdfast ").then_some(0).or(line.find("| holdfast ").map(|at| at + 2));
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line[begun?..].chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            '|' | '<' | '>' | ';' | '&' if !quoted => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[test]
fn every_example_is_taken() {
    let all = examples(&Cli::command());
    assert!(all.len() > 40, "{} examples", all.len());
    assert!(all.iter().any(|words| words.iter().any(|word| word.contains(' '))), "none is quoted");
    for words in all {
        let taken = Cli::command().try_get_matches_from(&words);
        assert!(taken.is_ok(), "{words:?}: {}", taken.err().map(|e| e.to_string()).unwrap_or_default());
    }
}
