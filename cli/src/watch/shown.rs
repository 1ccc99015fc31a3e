//! Text of candidates on a terminal: what would move the cursor, change colours or turn the order of words is shown, not
//! obeyed.

use std::fmt::Write;

/// Replaces what is no printable character by what it is.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push_str("    "),
            '\u{0}'..='\u{1f}' => shown.push(picture(c)),
            '\u{7f}' => shown.push('\u{2421}'),
            // Commands of eight bits, joiners and marks without width, marks that turn the direction, tags.
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}' => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "<U+{:04X}>", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// The first line, and whether there are more.
pub(crate) fn one_line(text: &str) -> String {
    let text = text.trim_end();
    match text.split_once('\n') {
        Some((first, _)) => format!("{} …", shown(first.trim_end_matches('\r'))),
        None => shown(text),
    }
}

/// The picture of a control character: U+2400 and on stand for 0 and on.
fn picture(c: char) -> char {
    char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::{one_line, shown};

    #[test]
    fn commands_of_a_terminal_are_shown() {
        assert_eq!(shown("\u{1b}[2J\u{1b}]0;x\u{7}"), "␛[2J␛]0;x␇");
        assert_eq!(shown("a\u{9b}31m\rb\u{8}"), "a<U+009B>31m␍b␈");
        assert_eq!(shown("a\tb\u{7f}"), "a    b␡");
    }

    #[test]
    fn what_turns_or_hides_text_is_shown() {
        assert_eq!(shown("ab\u{202e}dc\u{2066}\u{200b}"), "ab<U+202E>dc<U+2066><U+200B>");
        assert_eq!(shown("\u{feff}\u{e0041}"), "<U+FEFF><U+E0041>");
        assert_eq!(shown("Grüße, 世界 🙂"), "Grüße, 世界 🙂");
    }

    #[test]
    fn of_several_lines_the_first_is_shown() {
        assert_eq!(one_line("a\r\nb"), "a …");
        assert_eq!(one_line("a\n"), "a");
    }
}
