//! What candidates and their programs wrote, made safe for a terminal: what a terminal would obey or hide is shown as a mark.

/// The text on one line: line ends become `⏎`, and every character that a terminal obeys, that turns the direction of reading
/// or that cannot be seen becomes a mark. Nothing is left out.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            // Control characters have pictures of their own.
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(character))),
            '\u{7f}' => shown.push('\u{2421}'),
            hidden if is_hidden(hidden) => shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(hidden))),
            other => shown.push(other),
        }
    }
    shown
}

/// Controls of C1, of direction and of format, and what has no width. The joiners stay: scripts and emoji need them.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(plain("a\u{1b}[31mred\u{7}\r\n\tb"), "a␛[31mred␇␍⏎ b");
        assert_eq!(plain("x\u{202e}fdp.exe\u{200b}\u{9b}2J"), "x⟨U+202E⟩fdp.exe⟨U+200B⟩⟨U+009B⟩2J");
        assert_eq!(plain("größe 日本 👩‍💻"), "größe 日本 👩‍💻");
    }
}
