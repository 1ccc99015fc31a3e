//! How random a text looks.

/// Shannon entropy, in bits per byte.
pub(super) fn bits(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

/// Whether it could be a secret that a machine made: digits and letters, and no word of a template.
pub(super) fn is_random(text: &str, least_bits: f64) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && !is_placeholder(text) && bits(text) >= least_bits
}

/// Whether a person put it there for another to fill in.
pub(super) fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    const WORDS: [&str; 12] = [
        "example",
        "your",
        "xxxx",
        "changeme",
        "change-me",
        "placeholder",
        "dummy",
        "redacted",
        "....",
        "****",
        "1234567890abcdef",
        "insert",
    ];
    WORDS.iter().any(|word| lower.contains(word))
}
