//! Writing: exactly the same inserts for the same rows, so that a repeat after an unknown outcome adds nothing.

use std::{sync::atomic::Ordering, time::Duration};

use chrono::{DateTime, Datelike};
use clickhouse::{Row, RowWrite};
use tokio::time::timeout;
use tracing::Instrument;

use crate::batches::{Placement, split};
use crate::rows::{DeadLetterColumns, EntityColumns, EventColumns};
use crate::token::{Content, Token};
use crate::{DeadLetter, EntityRow, Error, EventLog, LoggedEvent, event_log};

/// How long one piece may take to be sent, and how long the server may take to answer.
const INSERT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the whole attempt may take, with making a connection and asking for the columns.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(75);

/// What every insert says, so that no default of a server or a profile decides. `async_insert` is on by default since
/// 26.3; a block must never be cut; parallel inserts have broken deduplication before.
const SETTINGS: &[(&str, &str)] = &[
    ("async_insert", "0"),
    ("insert_deduplicate", "1"),
    ("max_insert_threads", "1"),
    ("max_insert_block_size", "1048449"),
    ("max_partitions_per_insert_block", "1"),
];

/// The same, where the server knows the setting: the newer names, which win over the older ones.
const NEWER_SETTINGS: &[(&str, &str)] = &[("deduplicate_insert", "enable"), ("max_insert_block_size_bytes", "0")];

/// Columns beside `raw`, roughly.
const ROW_OVERHEAD: usize = 512;

impl EventLog {
    /// Writes events. When it is repeated with the same events, nothing is added.
    ///
    /// # Errors
    /// After an error some of the events may be in: repeat the same call.
    pub async fn append_events(&self, events: &[LoggedEvent]) -> Result<(), Error> {
        for batch in split(events.iter().map(placement)) {
            self.insert_events(&pick(events, &batch)).await?;
        }
        Ok(())
    }

    /// Writes states of entities. When it is repeated with the same states, nothing is added.
    ///
    /// # Errors
    /// After an error some of the states may be in: repeat the same call.
    pub async fn append_entities(&self, entities: &[EntityRow]) -> Result<(), Error> {
        let bytes = |entity: &EntityRow| entity.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        for batch in split(entities.iter().map(|entity| Placement { partition: 0, bytes: bytes(entity) })) {
            self.insert::<EntityColumns<'static>, _>("entities", &pick(entities, &batch)).await?;
        }
        Ok(())
    }

    /// Writes dead letters. When it is repeated with the same letters, nothing is added.
    ///
    /// # Errors
    /// After an error some of the letters may be in: repeat the same call.
    pub async fn append_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), Error> {
        let bytes = |letter: &DeadLetter| letter.raw.len() + letter.reason.len();
        for batch in split(letters.iter().map(|letter| Placement { partition: 0, bytes: bytes(letter) })) {
            self.insert::<DeadLetterColumns<'static>, _>("dead_letters", &pick(letters, &batch)).await?;
        }
        Ok(())
    }

    /// One insert of events, which must be of one partition.
    pub(crate) async fn insert_events(&self, events: &[&LoggedEvent]) -> Result<(), Error> {
        self.insert::<EventColumns<'static>, _>("events", events).await
    }

    /// One insert: one table, one block, one token.
    pub(crate) async fn insert<C, R>(&self, table: &str, rows: &[&R]) -> Result<(), Error>
    where
        C: Row + RowWrite,
        R: Content,
        for<'a> C::Value<'a>: From<&'a R>,
    {
        let token = Token::of(table, rows.iter().copied());
        let token = match self.turn.load(Ordering::Relaxed) {
            0 => token,
            turn => format!("{token}-{turn}"),
        };
        let attempt = async {
            let newer_settings = self.newer_settings().await?;
            let mut insert = self.client.insert::<C>(table).await?.with_setting("insert_deduplication_token", token);
            for (name, value) in SETTINGS.iter().chain(newer_settings) {
                insert = insert.with_setting(*name, *value);
            }
            if self.config.cluster.is_some() {
                insert = insert.with_setting("insert_quorum", "auto");
            }
            let mut insert = insert.with_timeouts(Some(INSERT_TIMEOUT), Some(INSERT_TIMEOUT));
            for row in rows {
                insert.write(&C::Value::from(row)).await?;
            }
            insert.end().await?;
            Ok(())
        };
        let span = tracing::debug_span!(
            "write to clickhouse",
            otel.kind = "client",
            db.system.name = "clickhouse",
            db.collection.name = table,
            rows = rows.len()
        );
        let outcome = Box::pin(timeout(ATTEMPT_TIMEOUT, attempt)).instrument(span).await;
        let outcome = outcome.map_err(|_| Error::timeout("an insert"))?;
        if matches!(outcome, Err(Error::Decode(_))) {
            // Another node may have migrated since the columns were asked for.
            self.client.clear_cached_metadata().await;
        }
        outcome
    }

    async fn newer_settings(&self) -> Result<&Vec<(&'static str, &'static str)>, Error> {
        self.newer_settings
            .get_or_try_init(|| async {
                let names: Vec<&str> = NEWER_SETTINGS.iter().map(|(name, _)| *name).collect();
                let query = self.question(include_str!("../queries/list_known_settings.sql")).param("names", names);
                let known: Vec<String> = event_log::all(query).await?;
                let is_known = |(name, _): &&(&str, _)| known.iter().any(|other| other == name);
                Ok(NEWER_SETTINGS.iter().filter(is_known).copied().collect())
            })
            .await
    }
}

/// Where an event goes: the month of its session's creation.
pub(crate) fn placement(logged: &LoggedEvent) -> Placement {
    let created = DateTime::from_timestamp_millis(crate::time::column(logged.session_created_at)).unwrap_or_default();
    let event = &logged.stored.event;
    Placement {
        partition: i64::from(created.year()) * 100 + i64::from(created.month()),
        bytes: ROW_OVERHEAD + event.raw().len() + event.facts.path.as_deref().map_or(0, str::len),
    }
}

/// The rows at these indexes.
pub(crate) fn pick<'a, T>(rows: &'a [T], indexes: &[usize]) -> Vec<&'a T> {
    indexes.iter().filter_map(|index| rows.get(*index)).collect()
}
