//! The command line by itself.

use clap::CommandFactory as _;

use crate::run::Cli;

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_a_help_text_with_an_example() {
    let mut cli = Cli::command();
    cli.build();
    let mut seen = 0;
    for area in cli.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        for command in area.get_subcommands_mut() {
            let help = command.render_help().to_string();
            assert!(
                help.contains("Example") && help.contains("--server") && help.contains("--json"),
                "{help}"
            );
            assert!(command.get_about().is_some(), "{help}");
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}
