//! What ClickHouse is looked at for: that it answers, has the tables of this version, room, and nothing that it cannot
//! read, delete or take.

use clickhouse_schema::{Config, EventLog, LogPosture};

use super::{Check, clock};
use crate::clock as here;

/// Free bytes below which merges soon fail.
const LITTLE_ROOM: u64 = 2 << 30;

pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let log = EventLog::new(config);
    let before = here::now().millis();
    let posture = match log.posture().await {
        Ok(posture) => posture,
        Err(error) => {
            let mend = "start it, or correct --clickhouse-url; until then events wait in Redis";
            return vec![Check::fault("clickhouse", error.to_string(), mend)];
        }
    };
    let after = here::now().millis();
    let mut checks = judged(&posture);
    checks.push(clock("clickhouse-clock", posture.clock_ms, before, after));
    let tables = match log.missing_migrations().await {
        Ok(missing) if missing.is_empty() => Check::ok("tables", "up to date"),
        Ok(missing) => {
            let mend = "`promptster-server migrate`, or start a node without --no-migrate";
            checks.push(Check::fault("tables", format!("missing: {}", missing.join(", ")), mend));
            return checks;
        }
        Err(error) => Check::fault("tables", error.to_string(), "this server does not fit these tables"),
    };
    checks.push(tables);
    checks.push(match log.orgs_with_dead_letters().await {
        Ok(orgs) if orgs.is_empty() => Check::ok("dead-letters", "none"),
        Ok(orgs) => {
            let mend = "`promptster-server dead-letters list`; when the cause is mended, `… replay`";
            Check::fault("dead-letters", format!("events of {} organisations could not be written", orgs.len()), mend)
        }
        Err(error) => Check::fault("dead-letters", error.to_string(), ""),
    });
    checks
}

fn judged(posture: &LogPosture) -> Vec<Check> {
    let LogPosture { version, free_bytes, failing_mutations, broken_parts, .. } = posture;
    let mut checks = vec![Check::ok("clickhouse", format!("answers; version {version}"))];
    let room = format!("{} MiB are free", free_bytes >> 20);
    checks.push(if *free_bytes < LITTLE_ROOM {
        Check::warning("clickhouse-disk", room, "give it more; while it is full, events wait in Redis")
    } else {
        Check::ok("clickhouse-disk", room)
    });
    if *failing_mutations > 0 {
        let found = format!("{failing_mutations} deletions fail: what was erased may still be on its disk");
        checks.push(Check::fault("clickhouse-erasure", found, "see latest_fail_reason in system.mutations"));
    }
    if *broken_parts > 0 {
        let found = format!("{broken_parts} parts could not be read and were set aside");
        let mend =
            "nodes write again what Redis still has (`promptster-server rewrite-log`); then drop the detached parts";
        checks.push(Check::warning("clickhouse-parts", found, mend));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_clickhouse_lacks_is_named() {
        let well = LogPosture {
            version: "26.7".into(),
            clock_ms: 0,
            free_bytes: LITTLE_ROOM,
            failing_mutations: 0,
            broken_parts: 0,
        };
        assert!(judged(&well).iter().all(|check| check.state == State::Ok));
        let ill = LogPosture { free_bytes: LITTLE_ROOM - 1, failing_mutations: 1, broken_parts: 2, ..well };
        let names: Vec<_> =
            judged(&ill).iter().filter(|check| check.state != State::Ok).map(|check| check.name).collect();
        assert_eq!(names, ["clickhouse-disk", "clickhouse-erasure", "clickhouse-parts"]);
    }
}
