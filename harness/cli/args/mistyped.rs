//! What was probably meant by a mistyped verb.

use std::iter::once;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};
use clsrl_spec::closest;

use super::Cli;

/// The line that clap leaves out of its message on a mistyped verb, because it guesses more carefully.
pub fn guess_verb(message: &clap::Error, given: &[String]) -> Option<String> {
    let is_guessed = message.get(ContextKind::SuggestedSubcommand).is_some();
    let Some(ContextValue::String(found)) = message.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    if message.kind() != ErrorKind::InvalidSubcommand || is_guessed {
        return None;
    }
    let program = Cli::command();
    let mut verb = &program;
    for word in given.iter().take_while(|word| *word != found) {
        verb = verb.find_subcommand(word).unwrap_or(verb);
    }
    let names =
        verb.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name());
    let meant = closest(found, names.chain(once("help")))?;
    Some(format!("  tip: did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[&str], expected: Option<&str>) {
        use clap::Parser;
        let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
        let message =
            Cli::try_parse_from(once(&"clsrl-bench".to_owned()).chain(&given)).unwrap_err();
        let found = guess_verb(&message, &given).or_else(|| {
            // As clap itself says it, of one verb or of several.
            let text = message.to_string();
            let (_, similar) = text.split_once("similar subcommand")?;
            let names = similar.lines().next()?.split('\'').skip(1).step_by(2);
            let meant = names.collect::<Vec<_>>().join("` or `");
            Some(format!("  tip: did you mean `{meant}`?"))
        });
        let expected = expected.map(|meant| format!("  tip: did you mean `{meant}`?"));
        assert_eq!(found, expected, "{given:?}");
    }

    #[test]
    fn a_mistyped_verb_is_guessed() {
        check(&["rnu"], Some("run"));
        check(&["reprot"], Some("export` or `report"));
        check(&["--quiet", "gtae"], Some("gate"));
        check(&["datasets", "lst"], Some("list"));
        check(&["xyzzy"], None);
    }
}
