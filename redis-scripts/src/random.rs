//! Secrets from the operating system's generator.

use crate::Error;

/// What generated candidate keys are made of: no 0, O, 1, I or L, which people confuse.
const ALPHABET: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// A new candidate key, `PST-XXXX-XXXX`.
///
/// # Errors
/// When the operating system has no randomness.
pub fn random_candidate_key() -> Result<String, Error> {
    let mut symbols = String::with_capacity(8);
    while symbols.len() < 8 {
        let mut bytes = [0; 16];
        fill(&mut bytes)?;
        // Five bits name one of 32; the one beyond the alphabet is thrown away, so that all are equally likely.
        let drawn = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
        symbols.extend(drawn.map(|symbol| char::from(*symbol)).take(8 - symbols.len()));
    }
    let (first, second) = symbols.split_at(4);
    Ok(format!("PST-{first}-{second}"))
}

/// A new secret of 256 bits in hex behind `prefix`.
///
/// # Errors
/// When the operating system has no randomness.
pub fn random_secret(prefix: &str) -> Result<String, Error> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(bytes.iter().fold(prefix.to_owned(), |secret, byte| format!("{secret}{byte:02x}")))
}

/// The canonical form of a candidate key however it was typed: any `[A-Z0-9]`, any case, blanks around it.
#[must_use]
pub fn parse_candidate_key(text: &str) -> Option<String> {
    let key = text.trim().to_ascii_uppercase();
    let mut parts = key.split('-');
    let symbols = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let good = parts.next()? == "PST" && symbols(parts.next()?) && symbols(parts.next()?) && parts.next().is_none();
    good.then_some(key)
}

fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| Error::Refused(format!("no randomness: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn candidate_keys_are_unambiguous_and_do_not_repeat() {
        let keys: HashSet<_> = (0..2_000).map(|_| random_candidate_key().unwrap()).collect();
        assert_eq!(keys.len(), 2_000);
        for key in &keys {
            assert_eq!(parse_candidate_key(key).as_ref(), Some(key));
            assert!(!key.get(4..).unwrap().contains(['0', 'O', '1', 'I', 'L']), "{key}");
        }
        let symbols: HashSet<char> = keys.iter().flat_map(|key| key.chars().skip(4)).collect();
        assert_eq!(symbols.len(), ALPHABET.len() + 1);
    }

    #[test]
    fn keys_are_read_however_they_are_typed() {
        assert_eq!(parse_candidate_key(" pst-a0o1-il9z\n").as_deref(), Some("PST-A0O1-IL9Z"));
        for bad in
            ["", "PST", "PST-AAAA", "PST-AAAA-AAA", "PST-AAAA-AAAA-", "XXX-AAAA-AAAA", "PST-AÄAA-AAAA", "PST-A-AAAAAAA"]
        {
            assert_eq!(parse_candidate_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_have_256_bits() {
        let secret = random_secret("psk_live_").unwrap();
        assert_eq!(secret.len(), "psk_live_".len() + 64);
        assert_ne!(secret, random_secret("psk_live_").unwrap());
    }
}
