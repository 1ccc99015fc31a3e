//! The rolling windows of a running session.

use domain::{SessionRef, Timestamp, WindowCounts, Windows};

use crate::{Error, Fields, Redis, keys::SessionKeys, record::block_of};

impl Redis {
    /// The counts of the last quarter of an hour, by bucket.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn windows(&self, session: &SessionRef, now: Timestamp) -> Result<Windows, Error> {
        let keys = SessionKeys::of(session);
        let block = block_of(now);
        let mut connection = self.connection(keys.partition()).await?;
        let blocks: (Fields, Fields) = redis::pipe()
            .cmd("HGETALL")
            .arg(keys.window(block - 1))
            .cmd("HGETALL")
            .arg(keys.window(block))
            .query_async(&mut connection)
            .await?;
        let mut windows = Windows::default();
        for (field, amount) in blocks.0.iter().chain(&blocks.1) {
            let corrupt = || Error::corrupt(format!("window field {field:?}"));
            let (bucket, name) = field.split_once(':').ok_or_else(corrupt)?;
            let bucket: i64 = bucket.parse().map_err(|_| corrupt())?;
            let place = WindowCounts::FIELDS.iter().position(|known| *known == name).ok_or_else(corrupt)?;
            let amount: u64 = amount.parse().map_err(|_| corrupt())?;
            let counts = windows.0.entry(bucket).or_default();
            let mut values = counts.values();
            if let Some(value) = values.get_mut(place) {
                *value += amount;
            }
            *counts = WindowCounts::from_values(values);
        }
        Ok(windows)
    }
}
