//! Reads timelines, each page from another node.

use serde::Deserialize;
use serde_json::value::RawValue;

use reqwest::Method;

use super::fleet::Org;
use super::row::CompactRow;
use crate::api::Who;

/// The rows of a large page.
pub(crate) const PAGE: usize = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    has_more: bool,
}

/// The whole timeline of a session; the first page from `node`, each further one from the next.
pub(crate) async fn read(
    org: &Org,
    session: &str,
    node: usize,
    page_size: usize,
    keeps_text: bool,
) -> Result<Vec<CompactRow>, String> {
    let mut rows: Vec<CompactRow> = Vec::new();
    for page in 0.. {
        let after = rows.last().map(|row| format!("&after={}", row.id)).unwrap_or_default();
        let path = format!("/v1/sessions/{session}/timeline?limit={page_size}{after}");
        let reply = org.insist(node + page, Method::GET, &path, Who::Reviewer, None, 200).await?;
        let page: Page<'_> = serde_json::from_slice(&reply.body).map_err(|error| format!("not a timeline: {error}"))?;
        for event in &page.events {
            rows.push(CompactRow::of(event.get(), keeps_text)?);
        }
        if !page.has_more || page.events.is_empty() {
            break;
        }
    }
    Ok(rows)
}
