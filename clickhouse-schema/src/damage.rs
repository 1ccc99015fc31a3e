//! Parts of tables that cannot be read. An engine that merges parts on a full disk may take the result for good although
//! it was not written, and keeps answering that it is broken. Loaded anew, the table sets such a part aside, and the parts
//! that it was merged of count again while they are there; what they held and was lost is for the stream to give back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{Error, EventLog, event_log, migrations::identifier};

/// Loading a table reads the names of all its parts.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// Exceptions that say so.
const DAMAGED: &[u32] = &[
    32,  // ATTEMPT_TO_READ_AFTER_EOF
    33,  // CANNOT_READ_ALL_DATA
    40,  // CHECKSUM_DOESNT_MATCH
    60,  // UNKNOWN_TABLE: a reload that was interrupted; a restart of the engine would bring the table back as well
    226, // NO_FILE_IN_DATA_PART
    228, // BAD_SIZE_OF_FILE_IN_DATA_PART
    246, // CORRUPTED_DATA
];

/// The tables that can be loaded anew.
const TABLES: [&str; 5] = ["events", "entities", "session_results", "artifacts", "dead_letters"];

/// Whether ClickHouse said so since it was last asked. One for the process, which has one log.
static SEEN: AtomicBool = AtomicBool::new(false);

/// Whether an exception says that something stored cannot be read; remembers it.
pub(crate) fn is_damage(code: u32) -> bool {
    let is_damage = DAMAGED.contains(&code);
    if is_damage {
        SEEN.store(true, Ordering::Relaxed);
    }
    is_damage
}

impl EventLog {
    /// Whether an answer since the last call said that something stored cannot be read.
    #[must_use]
    pub fn take_damage(&self) -> bool {
        SEEN.swap(false, Ordering::Relaxed)
    }

    /// Loads the tables anew, on the server that is asked. While that lasts they are not there.
    ///
    /// # Errors
    /// When the server does not answer or refuses: repeat the call, which brings back what was taken away.
    pub async fn reload(&self) -> Result<(), Error> {
        for table in TABLES {
            let table = format!("{}.{table}", identifier(&self.config.database));
            let run =
                async |statement: String| event_log::execute(self.server.query_raw(&statement), RELOAD_TIMEOUT).await;
            run(format!("DETACH TABLE IF EXISTS {table} SYNC")).await?;
            run(format!("ATTACH TABLE IF NOT EXISTS {table}")).await?;
        }
        Ok(())
    }
}
