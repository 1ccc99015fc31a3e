//! Putting back what the events of a session add up to: first the ids that were seen and the files that were touched, page
//! by page, then the sums in one step.

use domain::{Contribution, Counts, SessionRef, StoredEvent, Timestamp, WindowCounts};

use crate::{
    Error, Fields, Redis,
    keys::SessionKeys,
    record::{BLOCK_BUCKETS, block_of},
    scripts,
    sessions::SEEN_KEPT_SECS,
};

/// Folds the events of a session, page by page, and puts back what they add up to.
#[derive(Debug)]
pub struct SumsInTheMaking<'a> {
    redis: &'a Redis,
    keys: SessionKeys,
    sum: Contribution,
    last_seq: u64,
    keeps_seen: bool,
    ended: bool,
    now: Timestamp,
}

impl Redis {
    /// Begins with a session's first event. `closed_at` is when its record was closed: a day later nobody repeats an
    /// event of it any more, and its ids need not be known.
    #[must_use]
    pub fn begin_sums(
        &self,
        session: &SessionRef,
        closed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> SumsInTheMaking<'_> {
        let kept_ms = i64::try_from(SEEN_KEPT_SECS).unwrap_or(i64::MAX).saturating_mul(1000);
        SumsInTheMaking {
            redis: self,
            keys: SessionKeys::of(session),
            sum: Contribution::default(),
            last_seq: 0,
            keeps_seen: closed_at.is_none_or(|closed_at| closed_at.plus_millis(kept_ms) > now),
            ended: closed_at.is_some(),
            now,
        }
    }
}

impl SumsInTheMaking<'_> {
    /// The seq of the newest event so far.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Adds the next events, and writes their ids and files.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn add(&mut self, events: &[StoredEvent]) -> Result<(), Error> {
        for stored in events {
            self.sum.add(&Contribution::of(&stored.event, stored.seq, stored.received_at));
            self.last_seq = self.last_seq.max(stored.seq);
        }
        // They are in Redis from here on; what is kept is of a size that does not depend on how many there are.
        let files = std::mem::take(&mut self.sum.paths);
        let oldest = (block_of(self.now) - 1) * BLOCK_BUCKETS;
        self.sum.windows.0.retain(|bucket, _| *bucket >= oldest);
        let mut pipeline = redis::pipe();
        if self.keeps_seen && !events.is_empty() {
            let seen = pipeline.cmd("SADD").arg(self.keys.seen());
            for stored in events {
                seen.arg(stored.event.id.as_bytes());
            }
            seen.ignore();
        }
        if !files.is_empty() {
            let touched = pipeline.cmd("SADD").arg(self.keys.files());
            for file in &files {
                touched.arg(file);
            }
            touched.ignore();
        }
        if pipeline.is_empty() {
            return Ok(());
        }
        let mut connection = self.redis.writer(self.keys.partition()).await?;
        Ok(pipeline.query_async(&mut connection).await?)
    }

    /// Writes the sums; `false` when as much is here already, or the session was erased.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn finish(self) -> Result<bool, Error> {
        let mut invocation = scripts::restore_sums().prepare_invoke();
        invocation.key(self.keys.sums()).key(self.keys.tail()).key(self.keys.seen()).key(self.keys.files());
        invocation.key(self.keys.tombstone());
        let seen_for = if self.ended { SEEN_KEPT_SECS.to_string() } else { String::new() };
        invocation.arg(self.last_seq).arg(seen_for);
        let fields = fields_of(&self.sum);
        invocation.arg(fields.len());
        for (field, value) in fields {
            invocation.arg(field).arg(value);
        }
        // One more at the newer end, for clocks that differ.
        for block in (block_of(self.now) - 1)..=(block_of(self.now) + 1) {
            invocation.key(self.keys.window(block));
            let counts = self.counts_of(block);
            invocation.arg(counts.len());
            for (field, amount) in counts {
                invocation.arg(field).arg(amount);
            }
        }
        let mut connection = self.redis.writer(self.keys.partition()).await?;
        let written: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(written == 1)
    }

    fn counts_of(&self, block: i64) -> Vec<(String, u64)> {
        let buckets = self.sum.windows.0.range(block * BLOCK_BUCKETS..(block + 1) * BLOCK_BUCKETS);
        let named = buckets.flat_map(|(bucket, counts)| {
            WindowCounts::FIELDS.iter().zip(counts.values()).map(move |(field, n)| (format!("{bucket}:{field}"), n))
        });
        named.filter(|(_, amount)| *amount > 0).collect()
    }
}

/// The fields as `record_events.lua` leaves them.
fn fields_of(sum: &Contribution) -> Fields {
    let counts = Counts::FIELDS.iter().zip(sum.counts.values()).filter(|(_, amount)| *amount > 0);
    let mut fields: Fields = counts.map(|(field, amount)| ((*field).to_owned(), amount.to_string())).collect();
    let times = [
        ("first_ts", sum.first_ts),
        ("first_start_ts", sum.first_start_ts),
        ("first_change_ts", sum.first_change_ts),
        ("last_ts", sum.last_ts),
        ("test_ts", sum.last_test.map(|test| test.ts)),
    ];
    fields.extend(times.into_iter().filter_map(|(field, at)| Some((field.to_owned(), at?.millis().to_string()))));
    if let Some(test) = sum.last_test {
        fields.insert("test_seq".to_owned(), test.order.to_string());
        fields.insert("test_passed".to_owned(), u8::from(test.passed).to_string());
    }
    fields
}
