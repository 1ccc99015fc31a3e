//! What there is to do, for those who call the tool with nothing.

use crate::status;
use crate::trouble::Trouble;
use std::io::{self, Write};

/// A choice: what it is called, what it does, and whether it needs a session.
type Choice = (&'static str, &'static str);

const BEFORE: [Choice; 3] = [
    ("start", "start an assessment with the key that you were given"),
    ("watch", "watch a session live (for reviewers)"),
    ("help", "show all commands"),
];
const DURING: [Choice; 6] = [
    ("status", "is it working? how much time is left?"),
    ("brief", "the task"),
    ("explain", "tell reviewers why you did something"),
    ("done", "hand in"),
    ("doctor", "find out why something does not work"),
    ("help", "show all commands"),
];

/// Asks what to do; the words of the command, or `None` when nothing was chosen.
pub(crate) fn asked() -> Result<Option<Vec<String>>, Trouble> {
    let session = status::here().ok();
    let choices: &[Choice] = if session.is_some() { &DURING } else { &BEFORE };
    match &session {
        Some((_, session)) => println!("{}\n", session.assessment_title),
        None => println!("No session runs in this folder.\n"),
    }
    for (n, (name, does)) in (1..).zip(choices) {
        println!("  {n}  {name:<8} {does}");
    }
    let answer = ask("\nWhat do you want to do? (number or name, Enter for nothing) ")?;
    let Some(name) = chosen(choices, &answer) else {
        return if answer.is_empty() { Ok(None) } else { Err(Trouble::said(format!("there is no choice {answer:?}"))) };
    };
    let mut words = vec![name.to_owned()];
    if name == "start" {
        words.push(ask("Your key (PST-XXXX-XXXX): ")?);
        let server = std::env::var_os("PROMPTSTER_API_URL");
        if server.is_none() {
            words.extend(["--server".to_owned(), ask("The server's address (https://…): ")?]);
        }
    } else if name == "watch" {
        words.push(ask("The session's id: ")?);
    }
    Ok(Some(words))
}

fn chosen(choices: &[Choice], answer: &str) -> Option<&'static str> {
    let by_number = answer.parse::<usize>().ok().and_then(|n| choices.get(n.checked_sub(1)?));
    by_number.or_else(|| choices.iter().find(|(name, _)| *name == answer)).map(|(name, _)| *name)
}

fn ask(question: &str) -> io::Result<String> {
    print!("{question}");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{DURING, chosen};

    #[test]
    fn a_choice_is_made_by_number_or_name() {
        assert_eq!(chosen(&DURING, "1"), Some("status"));
        assert_eq!(chosen(&DURING, "done"), Some("done"));
        assert_eq!([chosen(&DURING, "0"), chosen(&DURING, "7"), chosen(&DURING, "")], [None; 3]);
    }
}
