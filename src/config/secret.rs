//! A value that is used and never shown.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, ensure};

/// A password, or an address that may hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value in.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value in a file, without the line breaks at its end.
    ///
    /// # Errors
    /// When the file cannot be read, which names it.
    pub fn in_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::new(text.trim_end_matches(['\r', '\n'])))
    }

    /// The word in a file, without what is blank around it.
    ///
    /// # Errors
    /// When the file cannot be read or holds none, which names it.
    pub fn word_in_file(path: &Path) -> anyhow::Result<Self> {
        let text = Self::in_file(path)?;
        let word = text.expose().trim();
        ensure!(!word.is_empty(), "{} is empty", path.display());
        Ok(Self::new(word))
    }

    /// The value, to be used and not to be printed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_file_is_what_somebody_wrote_there_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, " hush hush \r\n\n").unwrap();
        assert_eq!(Secret::in_file(&path).unwrap().expose(), " hush hush ");
        assert_eq!(Secret::word_in_file(&path).unwrap().expose(), "hush hush");
        std::fs::write(&path, " \n").unwrap();
        let missing = directory.path().join("missing");
        for (refused, why) in
            [(Secret::word_in_file(&path), "is empty"), (Secret::word_in_file(&missing), "cannot read")]
        {
            let error = format!("{:#}", refused.unwrap_err());
            assert!(error.contains(why) && error.contains(directory.path().to_str().unwrap()), "{error}");
        }
        assert_eq!(format!("{:?}", Secret::new("hush")), "***");
    }
}
