use proptest::prelude::*;

use super::{scan::Scanner, *};

const MESSAGES: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"m","model":"claude-haiku-4-5-20251001","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":1000,"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{\"usage\":{\"output_tokens\":9999}} model"}}

: a comment
event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}

data: {"type":"message_stop"}

"#;

const CHAT: &str = "data: {\"model\":\"gpt-4o-mini-2024\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello there\"}}],\"usage\":null}\r\n\r\n\
    data: {\"model\":\"gpt-4o-mini-2024\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":60}}}\r\n\r\n\
    data: [DONE]\r\n\r\n";

const RESPONSES: &str = r#"event: response.created
data: {"type":"response.created","response":{"model":"gpt-5-codex","usage":null}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","delta":"abcdefgh"}

event: response.completed
data: {"type":"response.completed","response":{"model":"gpt-5-codex","output":[{"content":[{"text":"abcdefgh"}]}],"usage":{"input_tokens":50,"input_tokens_details":{"cached_tokens":10},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0}}}}

"#;

fn read(provider: Provider, kind: &str, chunks: &[&[u8]]) -> Usage {
    let mut reader = UsageReader::new(provider, kind);
    chunks.iter().for_each(|chunk| reader.read(chunk));
    reader.usage()
}

fn of(provider: Provider, kind: &str, text: &str) -> Usage {
    read(provider, kind, &[text.as_bytes()])
}

fn usage(model: &str, [input, output, cache_read, cache_write]: [u64; 4]) -> Usage {
    Usage { model: model.to_owned(), tokens: Tokens { input, output, cache_read, cache_write } }
}

const SSE: &str = "Text/Event-Stream; charset=utf-8";
const JSON: &str = "application/json";

#[test]
fn streams_are_read() {
    let messages = usage("claude-haiku-4-5-20251001", [25, 15, 1000, 7]);
    assert_eq!(of(Provider::Anthropic, SSE, MESSAGES), messages);
    assert_eq!(of(Provider::Openai, SSE, CHAT), usage("gpt-4o-mini-2024", [40, 3, 60, 0]));
    assert_eq!(of(Provider::Openai, SSE, RESPONSES), usage("gpt-5-codex", [40, 2, 10, 0]));
}

#[test]
fn whole_answers_are_read() {
    let message = r#"{"model":"claude-sonnet-4-5","content":[{"type":"tool_use","input":{"usage":{"output_tokens":7777}}}],
        "usage": {"input_tokens": 3 ,"cache_read_input_tokens":0,"output_tokens":4, "service_tier":"standard"} }"#;
    assert_eq!(of(Provider::Anthropic, JSON, message), usage("claude-sonnet-4-5", [3, 4, 0, 0]));
    let chat = r#"{"model":"gpt-4o","choices":[{"message":{"content":"\\\"}"}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
    assert_eq!(of(Provider::Openai, JSON, chat), usage("gpt-4o", [9, 2, 0, 0]));
    let response = r#"{"object":"response","model":"gpt-4o-mini","usage":{"input_tokens":8,"output_tokens":5,"input_tokens_details":{"cached_tokens":8}}}"#;
    assert_eq!(of(Provider::Openai, JSON, response), usage("gpt-4o-mini", [0, 5, 8, 0]));
    let kept = r#"{"model":"gpt-6.2-sol","usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":20,"cache_write_tokens":70},"output_tokens":5}}"#;
    assert_eq!(of(Provider::Openai, JSON, kept), usage("gpt-6.2-sol", [10, 5, 20, 70]));
    assert_eq!(of(Provider::Anthropic, JSON, r#"{"input_tokens":2095}"#), Usage::default(), "counting is free");
}

#[test]
fn of_what_is_cut_off_the_rest_is_estimated() {
    let seen = MESSAGES.split("event: message_delta").next().unwrap();
    // 42 bytes of text, as they are written.
    assert_eq!(
        of(Provider::Anthropic, SSE, seen).tokens,
        Tokens { input: 25, output: 11, cache_read: 1000, cache_write: 7 }
    );
    let seen = CHAT.split("\r\n\r\n").next().unwrap();
    assert_eq!(of(Provider::Openai, SSE, seen), usage("gpt-4o-mini-2024", [0, 3, 0, 0]));
}

#[test]
fn a_request_is_estimated_only_where_something_was_written_and_nothing_told() {
    let of = |provider, kind: &str, request: &str, text: &str| {
        let mut reader = UsageReader::new(provider, kind).answering(request.as_bytes());
        reader.read(text.as_bytes());
        reader.usage().tokens
    };
    let request = "word ".repeat(800);
    let begun = RESPONSES.split("event: response.completed").next().unwrap();
    assert_eq!(of(Provider::Openai, SSE, &request, begun), Tokens { input: 1000, output: 2, ..Tokens::default() });
    // A picture counts as much as its beginning.
    let picture = format!("{} {}", "A/+9".repeat(50_000), "word".repeat(10));
    assert_eq!(of(Provider::Openai, SSE, &picture, begun).input, (1024_u64 + 1 + 40).div_ceil(4));
    assert_eq!(of(Provider::Openai, SSE, &request, RESPONSES).input, 40, "it was told");
    assert_eq!(of(Provider::Anthropic, SSE, &request, MESSAGES).input, 25, "it was told");
    assert_eq!(of(Provider::Openai, SSE, &request, begun.split("event: response.output").next().unwrap()).input, 0);
    let cached =
        MESSAGES.split("event: message_delta").next().unwrap().replace("\"input_tokens\":25", "\"input_tokens\":0");
    assert_eq!(of(Provider::Anthropic, SSE, &request, &cached).input, 0, "all of it was told as cached");
    assert_eq!(of(Provider::Openai, JSON, &request, r#"{"object":"list","data":[]}"#), Tokens::default());
}

#[test]
fn long_names_and_large_numbers_do_no_harm() {
    let long = format!(
        r#"{{"model":"{}","usage":{{"input_tokens":1{},"output_tokens":-5}}}}"#,
        "x".repeat(999),
        "0".repeat(99)
    );
    assert_eq!(of(Provider::Openai, JSON, &long), Usage::default());
    let deep = format!(r#"{{"a":{}1{},"usage":{{"output_tokens":5}}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(of(Provider::Openai, JSON, &deep).tokens.output, 5);
}

#[test]
fn the_built_in_prices_are_prices() {
    let prices = Prices::built_in().unwrap();
    let million = |model: &str| usage(model, [1_000_000, 1_000_000, 1_000_000, 1_000_000]);
    let cost = |provider, model: &str| prices.cost(provider, &million(model));
    assert_eq!(cost(Provider::Anthropic, "claude-haiku-4-5-20251001"), (7_350_000_000, true));
    assert_eq!(cost(Provider::Openai, "gpt-4o-mini"), (975_000_000, true), "the longest beginning counts");
    assert_eq!(cost(Provider::Openai, "x"), (cost(Provider::Openai, "o1-pro").0, false));
    assert!(!cost(Provider::Anthropic, "").1);
    assert!(Provider::Openai.as_str() == "openai" && Provider::Anthropic.as_str() == "anthropic");
}

#[test]
fn a_new_version_does_not_cost_what_an_old_one_did() {
    let prices = Prices::built_in().unwrap();
    let read = |provider, model| prices.cost(provider, &usage(model, [1_000_000, 0, 0, 0])).0 / 10_000_000;
    for (model, cents) in [
        ("claude-opus-4-1-20250805", 1500),
        ("claude-opus-4-8", 500),
        ("claude-opus-5", 500),
        ("claude-opus-5-5", 400),
        ("claude-sonnet-4-6", 300),
        ("claude-sonnet-5-5", 200),
        ("claude-haiku-5-5", 10),
    ] {
        assert_eq!(read(Provider::Anthropic, model), cents, "{model}");
    }
    for (model, cents) in
        [("gpt-5-codex", 125), ("gpt-5.3-codex", 175), ("gpt-5.4", 250), ("gpt-5.6-sol", 400), ("gpt-6.2-sol", 200)]
    {
        assert_eq!(read(Provider::Openai, model), cents, "{model}");
    }
}

#[test]
fn fractions_are_rounded_up_and_nothing_overflows() {
    let table = r#"{"anthropic":{"a":{"input":0.0125,"output":1}},"openai":{"b":{"input":1000000,"output":0}}}"#;
    let prices = Prices::parse(table).unwrap();
    assert_eq!(prices.cost(Provider::Anthropic, &usage("a1", [1, 0, 1, 0])), (25, true));
    assert_eq!(prices.cost(Provider::Anthropic, &usage("a1", [1, 0, 0, 0])), (13, true));
    assert_eq!(prices.cost(Provider::Openai, &usage("b", [u64::MAX, 0, u64::MAX, 0])).0, u64::MAX);
}

#[test]
fn what_is_no_table_of_prices_is_refused() {
    let row = |input: &str| {
        format!(r#"{{"anthropic":{{"a":{{"input":{input},"output":1}}}},"openai":{{"b":{{"input":1,"output":1}}}}}}"#)
    };
    assert!(Prices::parse(&row("1")).is_ok());
    for bad in ["-1", "1e99", "\"1\"", "null", "1,\"x\":1"] {
        assert!(Prices::parse(&row(bad)).is_err(), "{bad}");
    }
    for bad in ["", "{}", r#"{"anthropic":{}}"#, r#"{"gemini":{}}"#] {
        assert!(Prices::parse(bad).is_err(), "{bad}");
    }
}

/// Cuts `bytes` at these places.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn chunks_may_end_anywhere(places in prop::collection::vec(0_usize..4000, 0..40)) {
        for (provider, text) in [(Provider::Anthropic, MESSAGES), (Provider::Openai, CHAT), (Provider::Openai, RESPONSES)] {
            prop_assert_eq!(read(provider, SSE, &cut(text.as_bytes(), &places)), of(provider, SSE, text));
        }
    }

    #[test]
    fn garbage_is_read_without_harm_or_memory(
        garbage in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ \n1eusagdt\xff".to_vec()), 0..4000),
    ) {
        for kind in [SSE, JSON] {
            let _ = read(Provider::Anthropic, kind, &[b"data:", &garbage]);
        }
        let mut scanner = Scanner::default();
        garbage.iter().for_each(|byte| scanner.push(*byte, &mut |_, _| ()));
        let held = format!("{scanner:?}").len();
        prop_assert!(held < 8000);
    }

    #[test]
    fn what_serde_writes_is_found(input in 0..u64::MAX, output in 0..u64::MAX, text in ".*") {
        let answer = serde_json::json!({
            "text": text, "list": [text, {"usage": 1}], "usage": {"input_tokens": input, "output_tokens": output},
        });
        let expected = Tokens { input, output, ..Tokens::default() };
        prop_assert_eq!(of(Provider::Anthropic, JSON, &answer.to_string()).tokens, expected);
        prop_assert_eq!(of(Provider::Anthropic, JSON, &format!("{answer:#}")).tokens, expected);
    }
}
