//! Whether a command line verifies something: runs tests, a build, a linter or a type checker.

/// How a command verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandClass {
    /// It runs tests.
    Test,
    /// It builds.
    Build,
    /// It lints or checks types.
    Lint,
}

impl CommandClass {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Build => "build",
            Self::Lint => "lint",
        }
    }
}

/// The class of a command line, `None` when it verifies nothing (fine print 7–8).
#[must_use]
pub fn classify(_command: &str) -> Option<CommandClass> {
    None
}
