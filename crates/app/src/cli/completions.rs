//! `holdfast completions SHELL`: the script that lets a shell complete the command line.

use clap::Args;
use clap_complete::Shell;

/// Print the completion script of a shell
#[derive(Args)]
#[command(after_help = "Examples:
  holdfast completions bash > ~/.local/share/bash-completion/completions/holdfast
  holdfast completions zsh > ~/.zfunc/_holdfast
  holdfast completions fish > ~/.config/fish/completions/holdfast.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Writes the script to stdout.
pub(super) fn run(args: &CompletionsArgs, command: &mut clap::Command) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "holdfast", &mut script);
    // A closed pipe (`| head`) is the reader's choice.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
}
