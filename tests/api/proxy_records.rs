//! Calls of models as events of the session, with `--record-model-calls`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Candidate, Piece, Provider, TestApp, eventually, shown};
use crate::playing::arrivals;
use crate::proxy::{JSON, MESSAGES, RESPONSES, SSE, app_before, app_with, candidate};

const CHAT: &str = "/v1/proxy/openai/v1/chat/completions";
const RECORDS: &[&str] = &["--record-model-calls"];
/// What is kept of a text.
const BOUND: usize = 64 << 10;

const BEGIN: Piece = Piece::Text(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_7\",\"type\":\"message\",\"model\":\"claude-haiku-4-5\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":1}}}\n\n\
     data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
     data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"I look at \\\"parse\"}}\n\n",
);
const END: Piece = Piece::Text(
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"r\\\".\\n\"}}\n\n\
     data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":100}}\n\n\
     data: {\"type\":\"message_stop\"}\n\n",
);
const MESSAGE: &[Piece] = &[Piece::Text(
    r#"{"id":"msg_8","type":"message","model":"claude-haiku-4-5","content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn","usage":{"input_tokens":1000,"output_tokens":100}}"#,
)];

async fn recording(provider: &Provider) -> (TestApp, Candidate) {
    let app = app_with(provider, RECORDS).await;
    let wren = candidate(&app).await;
    (app, wren)
}

fn asking(text: &str) -> Value {
    json!({"model": "claude-haiku-4-5", "stream": true, "messages": [
        {"role": "user", "content": "Read it"}, {"role": "assistant", "content": "Read."},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    ]})
}

/// The events of the session, once there are so many.
async fn events(app: &TestApp, wren: &Candidate, n: usize) -> Vec<Value> {
    let reviewer = app.reviewer();
    eventually("the call to be recorded", async || {
        Some(arrivals(&reviewer, &wren.session).await).filter(|events| events.len() >= n)
    })
    .await
}

/// Kinds and data, with what is the same of all checked.
#[track_caller]
fn told(events: &[Value]) -> Vec<(&str, &Value)> {
    for event in events {
        let source = json!({"channel": "api", "integration": "proxy", "emitter": "promptster-server"});
        assert_eq!(event["source"], source, "{event}");
        assert_eq!(event["actor"]["type"], if event["kind"] == "prompt" { "human" } else { "ai" }, "{event}");
    }
    events.iter().map(|event| (event["kind"].as_str().unwrap(), &event["data"])).collect()
}

#[tokio::test]
async fn a_streamed_message_is_recorded_and_comes_through_piece_by_piece() {
    const STREAM: &[Piece] = &[BEGIN, Piece::Wait, END];
    let provider = Provider::start(SSE, STREAM).await;
    let (app, wren) = recording(&provider).await;
    let mut answer = wren.request(Method::POST, MESSAGES).json(&asking("Fix the parser")).send().await.unwrap();
    let mut passed = answer.chunk().await.unwrap().unwrap().to_vec();
    provider.go_on();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        passed.extend_from_slice(&chunk);
    }
    let (Piece::Text(begin), Piece::Text(end)) = (BEGIN, END) else { unreachable!() };
    assert_eq!(String::from_utf8(passed).unwrap(), [begin, end].concat());

    let events = events(&app, &wren, 2).await;
    let prompt = json!({
        "provider": "anthropic", "model": "claude-haiku-4-5", "requestId": "msg_7", "text": "Fix the parser",
        "promptLengthChars": 14,
    });
    let answer = json!({
        "provider": "anthropic", "model": "claude-haiku-4-5", "requestId": "msg_7",
        "lastAssistantMessage": "I look at \"parser\".\n", "stopReason": "end_turn", "usageScope": "request",
        "inputTokens": 1000, "outputTokens": 100, "cacheReadTokens": 0, "cacheWriteTokens": 0, "totalCost": 0.0015,
    });
    assert_eq!(told(&events), [("prompt", &prompt), ("ai_response", &answer)]);
    let signals = app.reviewer().get(&format!("/v1/sessions/{}/signals", wren.session)).await.expect(200);
    assert_eq!(signals["signals"]["promptCount"]["value"], 1, "{signals}");
}

#[tokio::test]
async fn a_streamed_response_of_openai_is_recorded() {
    const STREAM: &[Piece] = &[Piece::Text(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"gpt-4o-mini\"}}\n\n\
         data: {\"type\":\"response.output_text.delta\",\"delta\":\"Done \"}\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"\\ud83e\\udd86\"}\n\n\
         data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"model\":\"gpt-4o-mini\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":500}}}\n\n",
    )];
    let provider = Provider::start(SSE, STREAM).await;
    let (app, wren) = recording(&provider).await;
    let input = json!([{"role": "user", "content": [{"type": "input_text", "text": "Fix it"}]}]);
    assert_eq!(wren.post(RESPONSES, json!({"stream": true, "input": input})).await.status, 200);
    let events = events(&app, &wren, 2).await;
    let [("prompt", prompt), ("ai_response", answer)] = told(&events)[..] else { panic!("{events:?}") };
    assert_eq!((&prompt["text"], &prompt["requestId"]), (&json!("Fix it"), &json!("resp_1")));
    assert_eq!((&answer["lastAssistantMessage"], &answer["stopReason"]), (&json!("Done 🦆"), &json!("completed")));
    // 1,000 × 0.15 $ + 500 × 0.6 $ per million.
    assert_eq!((&answer["totalCost"], &answer["aborted"]), (&json!(0.00045), &Value::Null));
}

#[tokio::test]
async fn a_whole_answer_is_recorded_and_one_of_an_unknown_model_has_no_cost() {
    const ANSWER: &[Piece] = &[Piece::Text(
        r#"{"id":"chatcmpl-1","object":"chat.completion","model":"own-model","choices":[{"index":0,"message":{"role":"assistant","content":"Done."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4}}}"#,
    )];
    let provider = Provider::start(JSON, ANSWER).await;
    let (app, wren) = recording(&provider).await;
    wren.post(CHAT, json!({"messages": [{"role": "user", "content": "Fix it"}]})).await.expect(200);
    let events = events(&app, &wren, 2).await;
    let prompt = json!({"provider": "openai", "model": "own-model", "requestId": "chatcmpl-1", "text": "Fix it", "promptLengthChars": 6});
    let answer = json!({
        "provider": "openai", "model": "own-model", "requestId": "chatcmpl-1", "lastAssistantMessage": "Done.",
        "stopReason": "stop", "usageScope": "request", "inputTokens": 6, "outputTokens": 5, "cacheReadTokens": 4,
        "cacheWriteTokens": 0,
    });
    assert_eq!(told(&events), [("prompt", &prompt), ("ai_response", &answer)]);
}

#[tokio::test]
async fn an_answer_that_is_left_or_breaks_off_is_recorded_as_far_as_it_came() {
    const ENDLESS: &[Piece] = &[BEGIN, Piece::Forever];
    const BREAKS_OFF: &[Piece] = &[BEGIN];
    for pieces in [ENDLESS, BREAKS_OFF] {
        let mut provider = Provider::start(SSE, pieces).await;
        let (app, wren) = recording(&provider).await;
        let mut answer = wren.request(Method::POST, MESSAGES).json(&asking("Fix it")).send().await.unwrap();
        answer.chunk().await.unwrap().unwrap();
        drop(answer);
        if pieces.len() == ENDLESS.len() {
            provider.is_left().await;
        }
        let events = events(&app, &wren, 2).await;
        let [("prompt", prompt), ("ai_response", answer)] = told(&events)[..] else { panic!("{events:?}") };
        assert_eq!(prompt["text"], "Fix it");
        assert_eq!(answer["lastAssistantMessage"], "I look at \"parse");
        assert_eq!((&answer["aborted"], &answer["requestId"]), (&json!(true), &json!("msg_7")));
    }
}

#[tokio::test]
async fn of_long_texts_the_beginning_is_recorded_and_all_of_it_comes_through() {
    let long = "é".repeat(BOUND);
    let message = json!({
        "id": "msg_9", "type": "message", "model": "claude-haiku-4-5", "usage": {"input_tokens": 1, "output_tokens": 1},
        "content": [{"type": "text", "text": long}, {"type": "text", "text": "more"}],
    });
    let pieces: &'static [Piece] = vec![Piece::Text(message.to_string().leak())].leak();
    let provider = Provider::start(JSON, pieces).await;
    let (app, wren) = recording(&provider).await;
    let reply = wren.post(MESSAGES, asking(&long)).await;
    assert_eq!((reply.status, &reply.body), (200, &message));
    let events = events(&app, &wren, 2).await;
    let [("prompt", prompt), ("ai_response", answer)] = told(&events)[..] else { panic!("{}", events.len()) };
    for (data, name) in [(prompt, "text"), (answer, "lastAssistantMessage")] {
        let text = data[name].as_str().unwrap();
        assert!(text.len() == BOUND && long.starts_with(text), "{name}: {}", text.len());
        assert_eq!(data["truncated"], true, "{name}");
    }
    assert_eq!((&prompt["promptLengthChars"], &answer["aborted"]), (&json!(BOUND), &Value::Null));
}

#[tokio::test]
async fn off_by_default_nothing_is_recorded_and_nobody_is_told_so() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let mut app = app_before(&provider).await;
    let wren = candidate(&app).await;
    wren.post(MESSAGES, asking("Fix it")).await.expect(200);
    // A server that stops has recorded what it was to record.
    app.restart_server().await;
    assert_eq!(arrivals(&app.reviewer(), &wren.session).await, Vec::<Value>::new());
    let consent = app.anonymous().get(&format!("/v1/candidate/consent?key={}", wren.key)).await;
    assert!(!consent.text.contains("through this server"), "{}", consent.text);
}

#[tokio::test]
async fn the_same_answer_is_recorded_once_and_results_of_tools_are_no_prompts() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let (mut app, wren) = recording(&provider).await;
    let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]);
    let going_on = json!({"messages": [{"role": "user", "content": "Fix it"}, {"role": "user", "content": result}]});
    wren.post(MESSAGES, going_on.clone()).await.expect(200);
    assert_eq!(told(&events(&app, &wren, 1).await)[0].0, "ai_response");
    for _ in 0..2 {
        wren.post(MESSAGES, going_on.clone()).await.expect(200);
        wren.call(Method::GET, MESSAGES).await.expect(200);
    }
    app.restart_server().await;
    assert_eq!(arrivals(&app.reviewer(), &wren.session).await.len(), 1);
    for _ in 0..2 {
        wren.post(MESSAGES, asking("Now this")).await.expect(200);
    }
    app.restart_server().await;
    let events = arrivals(&app.reviewer(), &wren.session).await;
    assert_eq!(events.iter().map(|event| &event["kind"]).collect::<Vec<_>>(), ["ai_response", "prompt"]);
}

#[tokio::test]
async fn errors_and_what_no_model_said_are_not_recorded() {
    const COUNTED: &[Piece] = &[Piece::Text(r#"{"input_tokens":7}"#)];
    const OVERLOADED: &str = "529 Overloaded\r\ncontent-type: application/json";
    for (head, pieces) in [(JSON, COUNTED), (OVERLOADED, MESSAGE)] {
        let provider = Provider::start(head, pieces).await;
        let (mut app, wren) = recording(&provider).await;
        wren.post(MESSAGES, asking("Fix it")).await;
        app.restart_server().await;
        assert_eq!(arrivals(&app.reviewer(), &wren.session).await, Vec::<Value>::new(), "{head}");
    }
}

#[tokio::test]
async fn candidates_are_told_and_of_those_who_were_not_nothing_is_recorded() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let (mut app, wren) = recording(&provider).await;
    let key = app.keys(&wren.assessment, 1).await.remove(0);
    let consent = app.anonymous().get(&format!("/v1/candidate/consent?key={}", key["key"].as_str().unwrap())).await;
    insta::assert_json_snapshot!("consent_with_model_calls", shown(&consent));
    app.overwrite("candidate_key", &wren.key_id, "consent_version", "2026-01").await;
    app.restart_server().await;
    wren.post(MESSAGES, asking("Fix it")).await.expect(200);
    app.restart_server().await;
    assert_eq!(arrivals(&app.reviewer(), &wren.session).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_recording_that_fails_leaves_the_call_alone_and_what_is_erased_stays_so() {
    const STREAM: &[Piece] = &[BEGIN, Piece::Wait, END];
    let provider = Provider::start(SSE, STREAM).await;
    let (app, wren) = recording(&provider).await;
    let mut answer = wren.request(Method::POST, MESSAGES).json(&asking("Fix the parser")).send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    app.reviewer().delete(&format!("/v1/sessions/{}", wren.session)).await.expect(200);
    provider.go_on();
    let mut rest = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        rest.extend_from_slice(&chunk);
    }
    assert!(String::from_utf8(rest).unwrap().ends_with("{\"type\":\"message_stop\"}\n\n"));
    eventually("the failure to be told", async || {
        Some(app.log())
            .filter(|log| log.contains("a call of a model is not recorded") && log.contains("session_deleted"))
    })
    .await;
    app.reviewer().get(&format!("/v1/sessions/{}/timeline", wren.session)).await.refused(404, "not_found");
    assert!(!app.log().contains("Fix the parser") && !app.log().contains("I look at"));
}

#[tokio::test]
async fn a_store_that_is_gone_leaves_the_call_alone() {
    const STREAM: &[Piece] = &[BEGIN, Piece::Wait, END];
    let provider = Provider::start(SSE, STREAM).await;
    let (mut app, wren) = recording(&provider).await;
    let mut answer = wren.request(Method::POST, MESSAGES).json(&asking("Fix the parser")).send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    app.kill_redis();
    provider.go_on();
    let mut rest = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        rest.extend_from_slice(&chunk);
    }
    assert!(String::from_utf8(rest).unwrap().ends_with("{\"type\":\"message_stop\"}\n\n"));
    app.restart_redis();
    // Tried again, it is recorded; or it was told that it is not.
    let reviewer = app.reviewer();
    app.ready().await;
    eventually("the call to be recorded, or the failure to be told", async || {
        let is_told = app.log().contains("a call of a model is not recorded");
        let timeline = reviewer.get(&format!("/v1/sessions/{}/timeline", wren.session)).await;
        let n = timeline.body["events"].as_array().map_or(0, Vec::len);
        (is_told || n == 2).then_some(())
    })
    .await;
    assert!(!app.log().contains("Fix the parser") && !app.log().contains("I look at"));
}
