//! Where an event came from, who acted, and how sure anyone is of it.

use serde::Serialize;

/// Declares an enum of words of which the last is what unknown words become.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? } else $other:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Reads the word; an unknown one becomes `unknown`.
            #[must_use]
            pub fn of_word(word: &str) -> Self {
                match word { $($word => Self::$variant,)+ _ => Self::$other }
            }

            /// The word that is stored and shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Default for $name {
            fn default() -> Self { Self::$other }
        }
    };
}

words! {
    /// The door through which an event was captured.
    Channel {
        /// A hook of an editor or agent.
        Hook = "hook",
        /// The candidate's command-line tool.
        Cli = "cli",
        /// An MCP server.
        Mcp = "mcp",
        /// A program that calls the API.
        Api = "api",
        /// A worker of the server.
        Worker = "worker",
        /// An import of a recording.
        Import = "import",
        /// An editor extension.
        IdeExtension = "ide-extension",
        /// A shell.
        Terminal = "terminal",
        /// Not said, or a word that is not known.
        Unknown = "unknown",
    } else Unknown
}

words! {
    /// Who acted. The wire calls this `actor`; in this code "actor" always means an actix actor.
    Author {
        /// An assistant.
        Ai = "ai",
        /// A person.
        Human = "human",
        /// The tooling itself.
        System = "system",
        /// Not said, or a word that is not known.
        Unknown = "unknown",
    } else Unknown
}

words! {
    /// Whose work a change is held to be.
    Attribution {
        /// Written by an assistant.
        LikelyAi = "likely_ai",
        /// Written by an assistant, then changed by a person.
        AiRevisedByHuman = "ai_revised_by_human",
        /// Written by a person.
        LikelyHuman = "likely_human",
        /// Both, inseparably.
        Mixed = "mixed",
        /// Made by tooling.
        SystemGenerated = "system_generated",
        /// Not said, or a word that is not known.
        Unknown = "unknown",
    } else Unknown
}

words! {
    /// How well the act could be observed.
    Observability {
        /// Seen directly.
        High = "high",
        /// Seen indirectly.
        Medium = "medium",
        /// Seen in part; what is assumed when nothing is said.
        Partial = "partial",
        /// Guessed.
        Low = "low",
        /// A word that is not known.
        Unknown = "unknown",
    } else Unknown
}

/// Where an event came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The door.
    pub channel: Channel,
    /// The tool, e.g. `claude-code`; at most 128 characters.
    pub integration: Box<str>,
    /// The program that sent it; at most 128 characters.
    pub emitter: Box<str>,
}

impl Source {
    /// Reads the plain-string form of `source`, which names the integration: editors and agents come in by their
    /// hooks, `cli` and `terminal` are their own channel (real clients send this form).
    #[must_use]
    pub fn of_string(integration: &str) -> Self {
        let channel = match integration {
            "claude-code" | "cursor" | "codex" | "hook" => Channel::Hook,
            "cli" => Channel::Cli,
            "terminal" => Channel::Terminal,
            _ => Channel::Unknown,
        };
        Self { channel, integration: integration.into(), emitter: "unknown".into() }
    }

    /// Whether a `session_end` from here is only a mark (the tool closed) and does not close the assessment.
    #[must_use]
    pub fn is_editor_tool(&self) -> bool {
        matches!(&*self.integration, "claude-code" | "cursor" | "codex" | "vscode")
    }
}

/// How an act is attributed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Provenance {
    /// Whose work it is held to be.
    pub attribution: Attribution,
    /// How sure the client is, 0 to 1.
    pub confidence: f64,
    /// How well it was observed.
    pub observability: Observability,
}

impl Default for Provenance {
    fn default() -> Self {
        Self { attribution: Attribution::Unknown, confidence: 0.5, observability: Observability::Partial }
    }
}
