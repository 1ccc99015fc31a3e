//! Any text as the query of an address, read as the routes with lists and timelines read theirs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use promptster_server::http::query::Params;

fuzz_target!(|text: &str| {
    let mut params = Params::parse(text);
    let page = params.page(50, 200);
    assert!((1..=200).contains(&page.limit) && page.offset <= 0xffff_ffff);
    assert!((1..=2_000).contains(&params.integer("limit", "", 500, 1..=2_000)));
    assert!(params.text("after", "").is_none_or(|after| !after.is_empty()));
    assert!(params.all("kind", "").iter().all(|kind| !kind.is_empty()));
    if let (Some(from), Some(text)) = (params.instant("from", ""), params.get("from")) {
        assert_eq!(domain::Timestamp::parse_rfc3339(text), Some(from));
    }
    if let (Some(id), Some(text)) = (params.uuid("assessmentId", ""), params.get("assessmentId")) {
        assert_eq!(text.parse(), Ok(id));
    }
    if params.flag("distribution", "") {
        assert_eq!(params.get("distribution"), Some("true"));
    }
});
