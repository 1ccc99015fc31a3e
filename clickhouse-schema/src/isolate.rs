//! Finding the rows that the server refuses, so that one of them does not hold up all the others.

use crate::append::{pick, placement};
use crate::batches::split;
use crate::{Error, EventLog, LoggedEvent};

impl EventLog {
    /// Writes events like [`EventLog::append_events`]; those that the server refuses for what they are, alone, come back
    /// as their index and the server's reason. All others are in.
    ///
    /// # Errors
    /// Any error that no row is to blame for, at once: repeat the same call.
    pub async fn append_events_isolating(&self, events: &[LoggedEvent]) -> Result<Vec<(usize, String)>, Error> {
        let mut refused = Vec::new();
        for batch in split(events.iter().map(placement)) {
            // Halves that are still to be written, the next one last.
            let mut pending = vec![batch.as_slice()];
            while let Some(part) = pending.pop() {
                match (self.insert_events(&pick(events, part)).await, part) {
                    (Ok(()), _) => {}
                    (Err(error), [index]) if error.blames_row() => refused.push((*index, error.to_string())),
                    (Err(error), _) if error.blames_row() => {
                        let (first, second) = part.split_at(part.len() / 2);
                        pending.extend([second, first]);
                    }
                    (Err(error), _) => return Err(error),
                }
            }
        }
        refused.sort_unstable();
        Ok(refused)
    }
}
