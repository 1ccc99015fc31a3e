//! What the engine is told when it starts: limits for a small machine, durability, and the data directory.

use std::ffi::{CString, NulError};
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Bytes of the disk that inserts leave free: merges and deletions need room to make room. What is refused is tried again.
const ROOM_FOR_MERGES: u64 = 64 << 20;

/// The choices that the operator has.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where tables live.
    pub path: PathBuf,
    /// Limit of the whole engine; one statement may take half of it.
    pub max_memory_bytes: u64,
    /// Threads that one statement may use.
    pub max_threads: NonZero<u64>,
    /// Whether an insert is on the disk before it is acknowledged.
    pub is_durable: bool,
}

impl EngineConfig {
    /// Writes the configuration file into the data directory and returns the arguments of every connection.
    pub fn write(&self) -> io::Result<Vec<CString>> {
        let file = self.path.join("embedded-clickhouse.xml");
        fs::write(&file, self.file_content())?;
        self.arguments(&file).map_err(io::Error::other)
    }

    fn arguments(&self, file: &Path) -> Result<Vec<CString>, NulError> {
        [
            format!("--path={}", self.path.display()),
            format!("--config-file={}", file.display()),
            format!("--max_memory_usage={}", self.max_memory_bytes / 2),
            format!("--max_threads={}", self.max_threads),
            // Otherwise `selectt 1` would be read as a column with an alias instead of refused.
            "--implicit_select=0".to_owned(),
        ]
        .into_iter()
        .map(CString::new)
        .collect()
    }

    /// Settings of merge-tree tables are honoured only in a file; their dotted form on the command line is ignored.
    fn file_content(&self) -> String {
        let Self { path, max_memory_bytes, is_durable, .. } = self;
        let fsync = u8::from(*is_durable);
        let backups = in_xml(&path.join("backups"));
        format!(
            "<clickhouse>
  <max_server_memory_usage>{max_memory_bytes}</max_server_memory_usage>
  <max_thread_pool_size>400</max_thread_pool_size>
  <max_thread_pool_free_size>8</max_thread_pool_free_size>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <primary_index_cache_size>67108864</primary_index_cache_size>
  <backups>
    <allowed_path>{backups}/</allowed_path>
  </backups>
  <merge_tree>
    <fsync_after_insert>{fsync}</fsync_after_insert>
    <fsync_part_directory>{fsync}</fsync_part_directory>
    <min_rows_to_fsync_after_merge>{fsync}</min_rows_to_fsync_after_merge>
    <min_compressed_bytes_to_fsync_after_merge>{fsync}</min_compressed_bytes_to_fsync_after_merge>
    <min_free_disk_bytes_to_perform_insert>{ROOM_FOR_MERGES}</min_free_disk_bytes_to_perform_insert>
    <old_parts_lifetime>480</old_parts_lifetime>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
"
        )
    }
}

/// A path as text of an XML element.
fn in_xml(path: &Path) -> String {
    path.display().to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_text_whatever_is_in_it() {
        assert_eq!(in_xml(Path::new("/data/a&b<c>")), "/data/a&amp;b&lt;c&gt;");
    }

    #[test]
    fn limits_and_durability_reach_the_engine() {
        let directory = tempfile::tempdir().unwrap();
        let config = EngineConfig {
            path: directory.path().to_owned(),
            max_memory_bytes: 1000,
            max_threads: NonZero::new(3).unwrap(),
            is_durable: true,
        };
        let arguments = config.write().unwrap();
        assert!(arguments.contains(&c"--max_memory_usage=500".to_owned()));
        assert!(arguments.contains(&c"--max_threads=3".to_owned()));
        let content = fs::read_to_string(directory.path().join("embedded-clickhouse.xml")).unwrap();
        assert!(content.contains("<max_server_memory_usage>1000<"));
        assert!(content.contains("<fsync_after_insert>1<") && content.contains("<min_rows_to_fsync_after_merge>1<"));

        EngineConfig { is_durable: false, ..config }.write().unwrap();
        let content = fs::read_to_string(directory.path().join("embedded-clickhouse.xml")).unwrap();
        assert!(content.contains("<fsync_part_directory>0<"));
    }
}
