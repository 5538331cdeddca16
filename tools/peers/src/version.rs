//! Versions of programs, as they say them themselves.

use std::process::Command;

/// The first word that begins with a digit and has a dot, in what the command prints.
pub(crate) fn of(command: &[&str]) -> String {
    let output = command.split_first().map(|(program, arguments)| Command::new(program).args(arguments).output());
    let output = output.and_then(Result::ok).map_or_else(Vec::new, |output| [output.stdout, output.stderr].concat());
    find(&String::from_utf8_lossy(&output)).unwrap_or("of unknown version").to_owned()
}

fn find(said: &str) -> Option<&str> {
    let words = said.split_whitespace().map(|word| word.trim_matches(|c: char| matches!(c, 'v' | ',' | ':')));
    words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        assert_eq!(find("cd-info version 2.1.0 x86_64-pc-linux-gnu"), Some("2.1.0"));
        assert_eq!(find("version: 1.21 20200831"), Some("1.21"));
        assert_eq!(find("binchunker for Unix, version 1.2.2 by somebody"), Some("1.2.2"));
        assert_eq!(find("no version"), None);
    }
}
