//! The one question about JSON that must be answered before it is parsed.

/// The deepest nesting that is accepted; the body's own level counts as 1.
pub const MAX_JSON_DEPTH: usize = 64;

/// Whether arrays and objects nest deeper than `max` levels. Looks at brackets outside strings only, so it is right
/// for valid JSON and harmless for anything else.
#[must_use]
pub fn exceeds_depth(json: &[u8], max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_65th_level_is_too_deep_and_brackets_in_strings_do_not_count() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!exceeds_depth(nested(64).as_bytes(), MAX_JSON_DEPTH));
        assert!(exceeds_depth(nested(65).as_bytes(), MAX_JSON_DEPTH));
        assert!(!exceeds_depth(format!(r#"{{"a":"\"{}"}}"#, "[".repeat(99)).as_bytes(), MAX_JSON_DEPTH));
        assert!(!exceeds_depth("[],".repeat(99).as_bytes(), 1));
    }
}
