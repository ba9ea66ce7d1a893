//! What a shell and `man` need to know of the program, made from its arguments.

use std::{fs, path::Path};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::{args::Cli, exit::Exit, output::print};

/// The program's name, as it is typed.
const NAME: &str = "clsrl-bench";

/// A name without a hyphen: in bash's script clap_complete calls a verb of a program with one by two names, and
/// completes none.
const PLAIN_NAME: &str = "clsrlbench";

/// Prints the completions of a shell.
pub fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let is_bash = shell == Shell::Bash;
    let mut script = Vec::new();
    generate(
        shell,
        &mut visible(&Cli::command()),
        if is_bash { PLAIN_NAME } else { NAME },
        &mut script,
    );
    let mut script = String::from_utf8(script).context("the completions are not UTF-8")?;
    if is_bash {
        // What is completed stands at the end of the lines that register it; all else is the script's own.
        script = script.replace(&format!(" {PLAIN_NAME}\n"), &format!(" {NAME}\n"));
    }
    print(&script)?;
    Ok(Exit::Ok)
}

/// The program without the verbs that are hidden from people: completions would offer them all the same.
fn visible(program: &Command) -> Command {
    let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .args(program.get_arguments())
        .subcommands(verbs)
}

/// Prints the man page of the program, or writes those of all verbs into a folder.
pub fn man(to: Option<&Path>) -> anyhow::Result<Exit> {
    let mut program = Cli::command();
    program.build();
    let Some(dir) = to else {
        print(&page(&program)?)?;
        return Ok(Exit::Ok);
    };
    fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    write(&program, dir)?;
    print(&format!("{}\n", dir.display()))?;
    Ok(Exit::Ok)
}

/// Writes the page of a verb, and those of the verbs below it; the program is built, so they have their whole names.
fn write(verb: &Command, dir: &Path) -> anyhow::Result<()> {
    let name = verb.get_display_name().unwrap_or_else(|| verb.get_name());
    let path = dir.join(format!("{name}.1"));
    clsrl_files::replace(&path, page(verb)?.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    let is_for_people = |verb: &&Command| !verb.is_hide_set() && verb.get_name() != "help";
    verb.get_subcommands().filter(is_for_people).try_for_each(|below| write(below, dir))
}

fn page(verb: &Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(verb.clone()).render(&mut page).context("the man page cannot be made")?;
    String::from_utf8(page).context("the man page is not UTF-8")
}
