//! Whose the lines are that a session leaves behind, in the formats that other tools read.

use actix_web::{HttpResponse, http::header, web};
use actors::TimelineQuery;
use domain::{
    Session, Timestamp,
    attribution::{KINDS, Lines, Replay, agent_trace, git_ai},
};
use uuid::Uuid;

use super::error::{ApiError, Refusal};
use crate::App;

/// Events that are read at once.
const PAGE: usize = 500;

/// The namespace of the ids of records: that of the same state of the same session is the same.
const RECORDS: Uuid = Uuid::from_u128(0x8d1b_07c5_3f6e_5e0a_9c42_6b17_e8a9_d350);

/// The session as an Agent Trace record.
pub(super) async fn agent_trace(app: &App, session: &Session) -> Result<HttpResponse, ApiError> {
    let lines = lines(app, session).await?;
    let base = base(app, session).await?;
    let last = session.totals.last_ts.unwrap_or(session.record.created_at);
    let timestamp: Timestamp = session.record.ended_at.unwrap_or(last);
    let id = Uuid::new_v5(&RECORDS, format!("{}:{}:{timestamp}", session.name, session.last_seq).as_bytes());
    let (session_id, public_url) = (session.name.session.clone(), app.settings.public_url.clone());
    let record = web::block(move || {
        let about = agent_trace::About {
            id,
            timestamp,
            session_id: session_id.as_str(),
            public_url: &public_url,
            tool_version: env!("CARGO_PKG_VERSION"),
            base: base.as_deref(),
        };
        agent_trace::record(&lines, &about).to_string()
    });
    Ok(file(session, "agent-trace.json", agent_trace::MEDIA, record.await.map_err(ApiError::internal)?))
}

/// The session as a note for git.
pub(super) async fn git_ai(app: &App, session: &Session) -> Result<HttpResponse, ApiError> {
    let base = base(app, session).await?.ok_or(Refusal::NoCommit)?;
    let author = author(app, session).await?;
    let lines = lines(app, session).await?;
    let session_id = session.name.session.clone();
    let note = web::block(move || {
        let about = git_ai::About { session_id: session_id.as_str(), base: &base, author: &author };
        git_ai::note(&lines, &about)
    });
    Ok(file(session, "git-ai.txt", "text/plain; charset=utf-8", note.await.map_err(ApiError::internal)?))
}

/// What arrives after the session was read is not in it.
async fn lines(app: &App, session: &Session) -> Result<Lines, ApiError> {
    let kinds = KINDS.iter().map(|kind| kind.as_str().to_owned()).collect();
    let mut query = TimelineQuery { kinds, limit: PAGE, ..TimelineQuery::default() };
    let (mut replay, upto) = (Replay::default(), session.last_seq);
    loop {
        let (page, has_more) = app.actors.history.timeline(&session.name, &query).await?;
        query.after = page.last().map(|stored| stored.event.id);
        // Diffs of strangers may be laborious.
        let replayed = web::block(move || {
            page.iter().filter(|stored| stored.seq <= upto).for_each(|stored| replay.add(stored));
            replay
        });
        replay = replayed.await.map_err(ApiError::internal)?;
        if !has_more {
            break;
        }
    }
    // Erased meanwhile: what was read is less than the whole.
    app.redis.session(&session.name).await?.ok_or(Refusal::NotFound)?;
    Ok(replay.finish())
}

/// The commit that the work is a change of: what was handed in says so best.
async fn base(app: &App, session: &Session) -> Result<Option<String>, ApiError> {
    let submission = app.redis.submission(&session.name).await?;
    let handed_in = submission.map(|submission| submission.base_sha).filter(|sha| !sha.is_empty());
    let noted =
        || session.record.metadata.get("workspaceCommit")?.as_str().filter(|sha| is_hex(sha)).map(str::to_owned);
    Ok(handed_in.or_else(noted))
}

/// Reviewers may write whatever they like into metadata.
fn is_hex(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The candidate as git names authors.
async fn author(app: &App, session: &Session) -> Result<String, ApiError> {
    let key = match session.record.candidate_key {
        Some(id) => app.redis.candidate_key(session.name.org, id).await?,
        None => None,
    };
    let (name, email) = key.map(|key| (key.name, key.email)).unwrap_or_default();
    let name = session.record.candidate_name.clone().or(name).unwrap_or_default();
    // What git would leave out of a name.
    let plain = |text: String| text.replace(|c: char| c.is_control() || matches!(c, '<' | '>'), "").trim().to_owned();
    let name = Some(plain(name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "Candidate".to_owned());
    Ok(format!("{name} <{}>", plain(email.unwrap_or_default())))
}

fn file(session: &Session, extension: &str, media: &str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media))
        .insert_header((header::CONTENT_DISPOSITION, super::export::disposition(session, extension)))
        .body(body)
}
