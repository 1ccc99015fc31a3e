//! How rows are split into inserts: the same rows always the same way, so that a repeat carries the same tokens.

use std::collections::BTreeMap;

/// Rows of one insert. One insert is one block, which is written wholly or not at all.
pub(crate) const MAX_ROWS: usize = 10_000;
/// Bytes of one insert; a single row that is larger goes alone.
pub(crate) const MAX_BYTES: usize = 8 << 20;

/// What a row must tell to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The partition that it goes to.
    pub(crate) partition: i64,
    /// Its size.
    pub(crate) bytes: usize,
}

/// The inserts, each as the indexes of its rows: by partition, then in the order given.
pub(crate) fn split(rows: impl IntoIterator<Item = Placement>) -> Vec<Vec<usize>> {
    let mut partitions: BTreeMap<i64, Vec<(usize, usize)>> = BTreeMap::new();
    for (index, row) in rows.into_iter().enumerate() {
        partitions.entry(row.partition).or_default().push((index, row.bytes));
    }
    let mut batches = Vec::new();
    for rows in partitions.into_values() {
        let (mut batch, mut total) = (Vec::new(), 0usize);
        for (index, bytes) in rows {
            if !batch.is_empty() && (batch.len() == MAX_ROWS || total.saturating_add(bytes) > MAX_BYTES) {
                batches.push(std::mem::take(&mut batch));
                total = 0;
            }
            batch.push(index);
            total = total.saturating_add(bytes);
        }
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize, partition: i64, bytes: usize) -> Vec<Placement> {
        vec![Placement { partition, bytes }; count]
    }

    #[test]
    fn a_batch_has_one_partition_and_at_most_so_many_rows_and_bytes() {
        assert!(split([]).is_empty());
        let lengths = |rows: Vec<Placement>| split(rows).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(rows(25_000, 1, 100)), [10_000, 10_000, 5_000]);
        assert_eq!(lengths(rows(5, 1, 3 << 20)), [2, 2, 1]);
        assert_eq!(lengths([rows(1, 1, 10), rows(1, 1, 20 << 20), rows(2, 1, 10)].concat()), [1, 1, 2]);
        let mixed = [rows(2, 202_602, 1), rows(1, 202_601, 1), rows(1, 202_602, 1)].concat();
        assert_eq!(split(mixed), [vec![2], vec![0, 1, 3]]);
    }
}
