//! Every metric of a node. What is counted anywhere stands here, and nothing stands here that is not counted; tests see to
//! both, and to the queries of `deploy/`.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// It only grows, from 0 at the start of the node.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values are distributed, by these upper bounds.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels; none of them has a value that a client can choose.
    pub labels: &'static [&'static str],
    /// What it tells, in a sentence.
    pub help: &'static str,
}

/// From a millisecond to as long as a request may take.
const SECONDS: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);

const SIZES: Kind = Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]);

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Measure {
    Measure { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Measure {
    Measure { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Measure {
    Measure { name, kind, labels, help }
}

/// All of them.
#[rustfmt::skip]
pub const ALL: &[Measure] = &[
    counter("promptster_requests_total", &["method", "route", "status"], "Requests answered, by the pattern of their route."),
    histogram("promptster_request_seconds", SECONDS, &["method", "route"], "From the head of a request to the head of its reply."),
    counter("promptster_refusals_total", &["code"], "Requests and events refused, by the code of the refusal."),
    counter("promptster_events_total", &["outcome"], "Events that came in: recorded, repeated, session_ended, or the code of their refusal."),
    counter("promptster_candidate_key_cache_total", &["result"], "Requests with events whose candidate key was known to count still (hit) or had to be asked of Redis (miss)."),
    counter("promptster_credential_cache_total", &["result"], "Credentials whose owner this node remembered (hit) or had to ask Redis for (miss)."),
    counter("promptster_failed_lookups_total", &[], "Candidate keys that were asked for and do not exist."),
    counter("promptster_budget_draws_failed_total", &[], "Budgets that Redis could not be asked for."),
    gauge("promptster_connections", &[], "Connections open on this node."),
    gauge("promptster_streams", &[], "WebSockets on which candidates stream events to this node."),
    gauge("promptster_watchers", &[], "Live views open on this node."),
    gauge("promptster_sessions_at_work", &[], "Sessions that this node took events of lately."),
    gauge("promptster_in_flight_bytes", &[], "Bytes of events taken in and not answered yet."),
    histogram("promptster_worker_late_seconds", SECONDS, &[], "How late a worker comes to what it is to do; from 0.5 s on events are refused."),
    histogram("promptster_commit_queue_seconds", SECONDS, &[], "From when events are ready for a commit until it begins."),
    histogram("promptster_commit_seconds", SECONDS, &[], "From a commit to the answer of Redis that it is on disk."),
    histogram("promptster_commit_sessions", SIZES, &[], "Sessions in one commit."),
    gauge("promptster_backlog_entries", &[], "Commits in the streams of Redis that ClickHouse is not known to have; of the whole installation."),
    gauge("promptster_backlog_age_seconds", &[], "The age of the oldest of them; 0 when there is none."),
    gauge("promptster_outgoing", &[], "Invitations and messages to webhooks that have not left; of the whole installation."),
    gauge("promptster_store_up", &["store"], "Whether the store answered when it was last asked: 1 or 0."),
    gauge("promptster_redis_used_bytes", &[], "Memory that Redis uses; in a cluster, the fullest master."),
    gauge("promptster_redis_limit_bytes", &[], "Memory that Redis may use; 0 without a limit."),
    gauge("promptster_orgs_with_dead_letters", &[], "Organisations with events that the log refused."),
    counter("promptster_dead_letters_total", &[], "Events that this node had to put aside because the log refused them."),
    counter("promptster_log_events_written_total", &[], "Events that this node wrote to ClickHouse."),
    counter("promptster_log_write_failures_total", &[], "Writes to ClickHouse that failed and are repeated."),
    counter("promptster_log_mended_total", &[], "Times that the log was written anew after ClickHouse had lost of it."),
    counter("promptster_log_reconciled_events_total", &[], "Events that were found missing in ClickHouse and written again."),
    counter("promptster_log_reconciled_entries_total", &[], "Commits whose events or entities were found missing and written again."),
    counter("promptster_log_unreconciled_total", &[], "Comparisons of Redis with ClickHouse that could not be made."),
    counter("promptster_artifacts_total", &["outcome"], "Sessions whose artifacts were to be made: kept, known, put_off or failed; the last two are made when asked for."),
    counter("promptster_prompt_analyses_total", &["outcome"], "Sessions whose prompts a language model was to judge: kept, known, no_prompts, not_told, erased, put_off, or why there is no analysis, such as busy, slow or not_asked; tried again when asked for."),
    counter("promptster_sessions_closed_total", &["reason"], "Sessions closed by the server."),
    counter("promptster_watcher_resets_total", &["reason"], "Live views that had to begin anew."),
    counter("promptster_files_rewritten_total", &[], "Append-only files of Redis rewritten after deletions."),
    counter("promptster_exports_broken_off_total", &[], "Exports that ended before their end."),
    counter("promptster_invitations_total", &["outcome"], "Tries to send an invitation."),
    counter("promptster_webhook_attempts_total", &["outcome"], "Tries to tell a webhook."),
    counter("promptster_model_answers_total", &["provider", "status"], "Answers of providers of models."),
    counter("promptster_model_cost_nanodollars_total", &["provider"], "What models cost, in billionths of a US dollar."),
    counter("promptster_models_without_price_total", &["provider"], "Answers of models that the table of prices does not have."),
    counter("promptster_spans_total", &["outcome"], "Spans of traces that the collector took (sent) or did not (lost)."),
    counter("promptster_model_records_total", &["provider", "outcome"], "Events made of calls of models, by what became of them; not_told and too_many are calls."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(below: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(&path, extension, found),
                false if path.extension().is_some_and(|is| is == extension) => found.push(path),
                false => {}
            }
        }
    }

    /// What begins like a metric, after `before`.
    fn names(text: &str, before: &str) -> BTreeSet<String> {
        let rest = text.split(before).skip(1);
        let name =
            |rest: &str| -> String { rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect() };
        let beginning = before.trim_start_matches('"');
        rest.map(|rest| format!("{beginning}{}", name(rest)))
            .filter(|name| !["promptster_server", "promptster_sign_in", "promptster_oidc"].contains(&name.as_str()))
            .collect()
    }

    #[test]
    fn all_that_is_counted_is_listed_once_and_all_that_is_listed_is_counted() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = Vec::new();
        for folder in ["src", "actors/src", "redis-scripts/src", "clickhouse-schema/src"] {
            files(&root.join(folder), "rs", &mut sources);
        }
        let counted: BTreeSet<String> = sources
            .iter()
            .filter(|path| !path.ends_with("measures/list.rs"))
            .flat_map(|path| names(&std::fs::read_to_string(path).unwrap(), "\"promptster_"))
            .collect();
        let listed: BTreeSet<String> = ALL.iter().map(|measure| measure.name.to_owned()).collect();
        assert_eq!(counted, listed);
        assert_eq!(listed.len(), ALL.len());
    }

    #[test]
    fn the_dashboard_and_the_alerts_ask_for_metrics_that_exist() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
        let listed: BTreeSet<&str> = ALL.iter().map(|measure| measure.name).collect();
        for file in ["grafana/promptster.json", "prometheus/alerts.yaml"] {
            let text = std::fs::read_to_string(deploy.join(file)).unwrap();
            let asked = names(&text, "promptster_");
            assert!(asked.len() > 8, "{file} asks for {asked:?} only");
            for name in asked {
                let is_histogram = |name: &str| {
                    ALL.iter().any(|measure| measure.name == name && matches!(measure.kind, Kind::Histogram(_)))
                };
                let part = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
                let exists = part.is_some_and(is_histogram) || (listed.contains(name.as_str()) && !is_histogram(&name));
                assert!(exists, "{file} asks for {name}");
            }
        }
        let dashboard = std::fs::read_to_string(deploy.join("grafana/promptster.json")).unwrap();
        let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len());
    }

    #[test]
    fn the_document_for_operators_has_all_of_them() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operation.md");
        let document = std::fs::read_to_string(path).unwrap();
        for Measure { name, kind, labels, help } in ALL {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let row = format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "));
            assert!(document.lines().any(|line| line == row), "docs/operation.md lacks {row}");
        }
        assert_eq!(document.matches("\n| `promptster_").count(), ALL.len());
    }

    #[test]
    fn names_tell_kind_and_unit() {
        for Measure { name, kind, help, .. } in ALL {
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        }
    }
}
