//! Erasing a session: every row of it, in every table that holds any.

use std::time::Duration;

use domain::SessionRef;

use crate::{Error, EventLog, event_log};

/// A mutation rewrites the parts that hold rows of the session, on every replica.
const MUTATION_TIMEOUT: Duration = Duration::from_secs(60);

const QUERIES: &[&str] = &[
    include_str!("../queries/delete_session_events.sql"),
    include_str!("../queries/delete_session_results.sql"),
    include_str!("../queries/delete_session_artifacts.sql"),
    include_str!("../queries/delete_session_dead_letters.sql"),
    include_str!("../queries/delete_session_entities.sql"),
];

impl EventLog {
    /// Erases every row of a session but its tombstone. What is written of it afterwards stays: nothing may write any
    /// more when this is called. May be repeated.
    ///
    /// # Errors
    /// When the server does not answer or refuses; some rows may be gone then.
    pub async fn erase_session(&self, session: &SessionRef) -> Result<(), Error> {
        for query in QUERIES {
            let question = self
                .question_of(query, session)
                .with_setting("max_execution_time", MUTATION_TIMEOUT.as_secs().to_string());
            event_log::execute(question, MUTATION_TIMEOUT).await?;
        }
        Ok(())
    }
}
