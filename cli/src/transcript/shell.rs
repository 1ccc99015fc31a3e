//! Commands: what ran, how it ended, and what it printed.

use super::tools::{Answer, Call, cut, filled, text};
use crate::envelope::Data;
use serde_json::{Value, json};

/// Longest output kept of each stream, in bytes.
const OUTPUT_BYTES: usize = 32 * 1024;

/// The payload of a `command` event.
///
/// The transcript has no field for the exit code: a result that is no error ended with 0, a failure says `Exit code N`
/// in its first line, and where neither is known (refused, interrupted, still running) the code is null.
pub(super) fn command(call: &Call, answer: &Answer) -> Data {
    let (input, result) = (&call.input, &answer.result);
    let flag = |name: &str| result.get(name).and_then(Value::as_bool) == Some(true);
    let background = result.get("backgroundTaskId").is_some_and(|id| !id.is_null());
    let timed_out = result.get("timedOutAfterMs").is_some_and(|ms| !ms.is_null());

    let failure = answer.is_error.then(|| failure(&answer.text));
    let (exit_code, error) = match failure {
        Some(Some((code, _))) => (Some(code), None),
        Some(None) => (None, Some(answer.error())),
        None if flag("interrupted") => (None, Some("interrupted".to_owned())),
        None if timed_out => (None, Some("timed out".to_owned())),
        None => (Some(0).filter(|_| !background), None),
    };
    let (stdout, stderr) = match failure {
        Some(Some((_, output))) => (output, ""),
        Some(None) => ("", ""),
        None if flag("isImage") => ("", text(result, "stderr")),
        None if result.get("stdout").is_some() => (text(result, "stdout"), text(result, "stderr")),
        None => (answer.text.as_str(), ""),
    };
    let (shown_out, shown_err) = (cut(stdout, OUTPUT_BYTES), cut(stderr, OUTPUT_BYTES));

    let mut data = filled(json!({
        "command": text(input, "command"),
        "description": input.get("description"),
        "durationMs": answer.duration_ms(call),
        "stdout": shown_out,
        "stderr": shown_err,
        "stdoutTruncated": (shown_out.len() < stdout.len()).then_some(true),
        "stderrTruncated": (shown_err.len() < stderr.len()).then_some(true),
        "error": error,
        "background": background.then_some(true),
        "returnCodeInterpretation": result.get("returnCodeInterpretation"),
        "gitOperation": result.get("gitOperation"),
    }));
    data.insert("exitCode".into(), json!(exit_code));
    data
}

/// The payload of a command that the person typed at the assistant's prompt; its end is not recorded.
pub(super) fn typed(command: &str) -> Data {
    let mut data = filled(json!({ "command": command, "human": true }));
    data.insert("exitCode".into(), Value::Null);
    data
}

/// The exit code and the output of a failure that names its code.
fn failure(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start();
    let text = text.strip_prefix("Error: ").unwrap_or(text).strip_prefix("Exit code ")?;
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let end = first.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(first.len());
    Some((first.get(..end)?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::command;
    use crate::transcript::tools::{Answer, Call};
    use serde_json::{Value, json};

    fn run(text: &str, is_error: bool, result: Value) -> Value {
        let call = Call {
            name: "Bash".into(),
            input: json!({ "command": "cargo test" }),
            ts: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        let ts = "2026-01-01T00:00:01.500Z".parse().unwrap();
        Value::Object(command(&call, &Answer { ts, text: text.into(), is_error, result }))
    }

    #[test]
    fn a_result_that_is_no_error_ended_with_zero() {
        let data = run("Exit code 3 is not ours", false, json!({ "stdout": "ok", "stderr": "warn" }));
        assert_eq!(
            data,
            json!({ "command": "cargo test", "exitCode": 0, "durationMs": 1500, "stdout": "ok", "stderr": "warn" })
        );
        assert_eq!(run("plain", false, Value::Null)["stdout"], "plain");
    }

    #[test]
    fn a_failure_says_its_code_in_the_first_line() {
        let data = run("Exit code 101\ntest failed", true, json!("Error: Exit code 101\ntest failed"));
        assert_eq!((&data["exitCode"], &data["stdout"]), (&json!(101), &json!("test failed")));
        assert_eq!(data.get("error"), None);
        assert_eq!(run("Error: Exit code -1", true, Value::Null)["exitCode"], -1);
        assert_eq!(run("Exit code 137 (killed)\n", true, Value::Null)["exitCode"], 137);
    }

    #[test]
    fn any_other_failure_has_no_code_but_a_reason() {
        let refused = "The user doesn't want to proceed with this tool use.";
        let data = run(refused, true, Value::Null);
        assert_eq!((&data["exitCode"], &data["error"]), (&Value::Null, &json!(refused)));
        let wrapped = run("<tool_use_error>Error: no shell</tool_use_error>", true, Value::Null);
        assert_eq!(wrapped["error"], "no shell");
    }

    #[test]
    fn what_was_stopped_or_still_runs_has_no_code() {
        let stopped = run("", false, json!({ "stdout": "half", "interrupted": true }));
        assert_eq!((&stopped["exitCode"], &stopped["error"]), (&Value::Null, &json!("interrupted")));
        let running = run("", false, json!({ "stdout": "", "backgroundTaskId": "b1" }));
        assert_eq!((&running["exitCode"], &running["background"]), (&Value::Null, &json!(true)));
    }

    #[test]
    fn long_output_is_cut_between_characters_and_says_so() {
        let long = "é".repeat(20_000);
        let data = run("", false, json!({ "stdout": format!("x{long}"), "stderr": "" }));
        assert_eq!(data["stdout"].as_str().unwrap().len(), 32 * 1024 - 1);
        assert_eq!((&data["stdoutTruncated"], data.get("stderrTruncated")), (&json!(true), None));
    }
}
