//! What the code does not say of the operations: prose, the shapes of replies, and the refusals of single handlers.

use super::operation::Answer;
use crate::http::error::Refusal::{self, *};

/// The text of one operation.
pub(super) struct Text {
    /// Method and path, as in the route table.
    pub(super) route: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) details: &'static str,
    pub(super) answers: &'static [Answer],
    /// Those that its arguments do not bring.
    pub(super) refusals: &'static [Refusal],
    /// Type and shape of a body that the handler reads by itself; an empty shape is any bytes.
    pub(super) takes: Option<(&'static str, &'static str)>,
}

pub(super) const TAGS: &[(&str, &str)] = &[
    (SERVER, "Whether the server lives and works, and what it offers."),
    (ORG, "The organisation that a credential belongs to."),
    (ASSESSMENTS, "What candidates are asked to do."),
    (ISSUES, "Tasks that assessments may be about: an organisation's own, and those of a catalogue that all share."),
    (RUBRICS, "What sessions are judged by."),
    (KEYS, "Candidate keys: each opens one session of one assessment."),
    (LIFE, "What a candidate's tools call, from consent to completion."),
    (INGEST, "Events, one by one, by batch, or streamed. An event is acknowledged when it is on a disk."),
    (MODELS, "The providers of models, reached with the operator's key and counted."),
    (SESSIONS, "Sessions, their events, signals and comparison."),
    (LIVE, "Sessions as they happen."),
];

const SERVER: &str = "Server";
const ORG: &str = "Organisation";
const ASSESSMENTS: &str = "Assessments";
const ISSUES: &str = "Issues";
const RUBRICS: &str = "Rubrics";
const KEYS: &str = "Candidate keys";
const LIFE: &str = "Candidate";
const INGEST: &str = "Ingest";
const MODELS: &str = "Models";
const SESSIONS: &str = "Sessions";
const LIVE: &str = "Live";

const JSON: &str = "application/json";

/// The text of this route.
pub(super) fn of(method: &str, path: &str) -> Option<&'static Text> {
    TEXTS.iter().find(|text| text.route.split_once(' ') == Some((method, path)))
}

const fn text(route: &'static str, tag: &'static str, summary: &'static str) -> Text {
    Text { route, tag, summary, details: "", answers: &[], refusals: &[], takes: None }
}

const fn json(status: u16, meaning: &'static str, schema: &'static str) -> Answer {
    Answer { status, meaning, media: JSON, schema }
}

/// What goes on to a provider of models.
const fn passed(route: &'static str, summary: &'static str) -> Text {
    text(route, MODELS, summary)
        .says("`{tail}` may have slashes. Method, query, body and most headers go on as they are; the answer comes back as it is, with its status, piece by piece. What it used is read from it and added to `totalCostUsd` of the key and the session. Where the operator has calls recorded, the newest prompt and the answer become events of the session.")
        .answers(&[PASSED])
        .refuses(&[BadRequest, BodyTimeout, BudgetSpent, ClientGone, NotFound, NotRedeemed, Overloaded, PayloadTooLarge, NoProviderKey, ProviderUnreachable, SessionDeleted, SessionEnded, UnsupportedEncoding])
}

impl Text {
    const fn says(self, details: &'static str) -> Self {
        Self { details, ..self }
    }

    const fn answers(self, answers: &'static [Answer]) -> Self {
        Self { answers, ..self }
    }

    const fn refuses(self, refusals: &'static [Refusal]) -> Self {
        Self { refusals, ..self }
    }

    const fn takes(self, media: &'static str, schema: &'static str) -> Self {
        Self { takes: Some((media, schema)), ..self }
    }
}

#[rustfmt::skip]
pub(super) const TEXTS: &[Text] = &[
    text("GET /v1/health", SERVER, "Whether the process lives")
        .answers(&[json(200, "It does.", "Health")]),
    text("GET /v1/ready", SERVER, "Whether the server can work")
        .says("Asks Redis and ClickHouse. For load balancers.")
        .answers(&[json(200, "Every part answers.", "Ready")])
        .refuses(&[NotReady]),
    text("GET /v1/openapi.json", SERVER, "This document")
        .answers(&[json(200, "OpenAPI 3.1.", "OpenApi")]),

    text("GET /v1/org", ORG, "The organisation")
        .answers(&[json(200, "It.", "OrgReply")])
        .refuses(&[NotFound]),
    text("PATCH /v1/org", ORG, "Says for how long sessions are kept")
        .says("Sessions that ended so many days ago are deleted for good, within ten minutes. `null`: they are kept until somebody deletes them.")
        .answers(&[json(200, "The organisation as it is now.", "OrgReply")])
        .refuses(&[NotFound]),
    text("GET /v1/org/api-keys", ORG, "Lists the API keys")
        .answers(&[json(200, "Those that are not revoked, without their secrets.", "ApiKeys")]),
    text("POST /v1/org/api-keys", ORG, "Makes an API key")
        .answers(&[json(201, "The key, and its secret for this once.", "NewApiKeyReply")]),
    text("DELETE /v1/org/api-keys/{id}", ORG, "Revokes an API key")
        .says("It stops opening anything at once.")
        .answers(&[json(200, "It is revoked.", "Deleted")]),

    text("GET /v1/org/members", ORG, "Lists the members")
        .says("Members sign in to the dashboard with the identity provider, by the e-mail address that it vouches for.")
        .answers(&[json(200, "All of them, the oldest first.", "Members")]),
    text("POST /v1/org/members", ORG, "Adds a member")
        .says("Upper and lower case are no difference in an address. One may be a member of several organisations.")
        .answers(&[json(201, "The member.", "MemberReply")])
        .refuses(&[MemberExists]),
    text("PATCH /v1/org/members/{id}", ORG, "Says what a member may do")
        .says("It counts at once, also for who is signed in.")
        .answers(&[json(200, "The member as it is now.", "MemberReply")]),
    text("DELETE /v1/org/members/{id}", ORG, "Removes a member")
        .says("Whoever that was is signed out of this organisation at once, and sockets are closed within seconds.")
        .answers(&[json(200, "The member is removed.", "Deleted")]),

    text("GET /v1/org/webhooks", ORG, "Lists the webhooks")
        .answers(&[json(200, "All of them, the oldest first, without their secrets.", "Webhooks")]),
    text("POST /v1/org/webhooks", ORG, "Makes a webhook")
        .says("Without `events` it is told of everything; without `secret` it gets one.")
        .answers(&[json(201, "The webhook, and its secret for this once.", "NewWebhookReply")])
        .refuses(&[TooManyWebhooks]),
    text("DELETE /v1/org/webhooks/{id}", ORG, "Deletes a webhook")
        .says("What it was still to be told is dropped.")
        .answers(&[json(200, "It is gone.", "Deleted")]),
    text("POST /v1/org/webhooks/{id}/test", ORG, "Tells a webhook that this is a test")
        .says("As an event `webhook.test`, whatever it is told of otherwise; see its deliveries for what became of it.")
        .answers(&[json(202, "It is on its way.", "DeliveryReply")]),
    text("POST /v1/org/webhooks/{id}/rotate-secret", ORG, "Gives a webhook another secret")
        .says("For a day everything is signed with both.")
        .answers(&[json(200, "The new secret, for this once.", "RotatedWebhookReply")]),
    text("GET /v1/org/webhooks/{id}/deliveries", ORG, "What a webhook was told lately")
        .answers(&[json(200, "The last hundred of thirty days, the newest first.", "Deliveries")]),

    text("GET /v1/assessments", ASSESSMENTS, "Lists the assessments")
        .answers(&[json(200, "Those that are not deleted, the oldest first.", "Assessments")]),
    text("POST /v1/assessments", ASSESSMENTS, "Makes an assessment")
        .says("`taskBrief` may be left out when `issueId` brings one; the brief of an issue wins. `repoUrl` is the issue's where it is left out.")
        .answers(&[json(201, "The assessment.", "AssessmentReply")])
        .refuses(&[IssueNotFound, RubricNotFound]),
    text("GET /v1/assessments/{id}", ASSESSMENTS, "Reads an assessment")
        .says("Candidates may read their own.")
        .answers(&[json(200, "The assessment.", "AssessmentShown")]),
    text("PATCH /v1/assessments/{id}", ASSESSMENTS, "Changes an assessment")
        .says("The given fields replace those that stand.")
        .answers(&[json(200, "The assessment as it is now.", "AssessmentReply")])
        .refuses(&[IssueNotFound, RubricNotFound]),
    text("DELETE /v1/assessments/{id}", ASSESSMENTS, "Deletes an assessment")
        .says("It and its keys disappear, unused keys can no longer be redeemed; sessions in progress go on to their end.")
        .answers(&[json(200, "It is deleted.", "Deleted")]),
    text("GET /v1/assessments/{id}/cohort-stats", ASSESSMENTS, "Compares the finished sessions of an assessment")
        .says("With `sessionId`, says where that session stands among them. `cohortStats` is `null` while there are none.")
        .answers(&[json(200, "The statistics.", "CohortReply")]),

    text("GET /v1/issues", ISSUES, "Lists issues")
        .says("The organisation's own, the oldest first, then those of the shared catalogue in its order.")
        .answers(&[json(200, "A page of them.", "Issues")]),
    text("POST /v1/issues", ISSUES, "Makes an issue")
        .answers(&[json(201, "The issue.", "IssueReply")]),
    text("GET /v1/issues/{id}", ISSUES, "Reads an issue")
        .says("Candidates may read that of their own assessment, without `referenceSha`.")
        .answers(&[json(200, "The issue.", "IssueReply")]),
    text("PATCH /v1/issues/{id}", ISSUES, "Changes an issue of the organisation's own")
        .says("The given fields replace those that stand. Assessments that were made of it keep what they had.")
        .answers(&[json(200, "The issue as it is now.", "IssueReply")])
        .refuses(&[SharedIssue]),
    text("DELETE /v1/issues/{id}", ISSUES, "Deletes an issue of the organisation's own")
        .says("Assessments that were made of it go on.")
        .answers(&[json(200, "It is deleted.", "Deleted")])
        .refuses(&[SharedIssue]),

    text("GET /v1/rubrics", RUBRICS, "Lists rubrics")
        .answers(&[json(200, "A page of them, the oldest first.", "Rubrics")]),
    text("POST /v1/rubrics", RUBRICS, "Makes a rubric")
        .says("A criterion that names a signal and thresholds is scored by the server; the others wait for a reviewer.")
        .answers(&[json(201, "The rubric.", "RubricReply")]),
    text("GET /v1/rubrics/{id}", RUBRICS, "Reads a rubric")
        .answers(&[json(200, "The rubric.", "RubricReply")]),
    text("PATCH /v1/rubrics/{id}", RUBRICS, "Changes a rubric")
        .says("The given fields replace those that stand. Sessions that were judged by it are judged anew.")
        .answers(&[json(200, "The rubric as it is now.", "RubricReply")]),
    text("DELETE /v1/rubrics/{id}", RUBRICS, "Deletes a rubric")
        .says("Assessments that name it are judged by it as before.")
        .answers(&[json(200, "It is deleted.", "Deleted")]),

    text("GET /v1/assessments/{id}/keys", KEYS, "Lists the keys of an assessment")
        .answers(&[json(200, "Those that are not revoked, the oldest first.", "CandidateKeys")]),
    text("POST /v1/assessments/{id}/keys", KEYS, "Makes keys")
        .says("`candidateEmails` has `count` entries if it is given, and `candidateNames` as many.")
        .answers(&[json(201, "The keys.", "CandidateKeys")]),
    text("PATCH /v1/assessments/{id}/keys/{keyId}", KEYS, "Marks a completed key as hired, or takes that back")
        .answers(&[json(200, "The key as it is now.", "CandidateKeyReply")])
        .refuses(&[InvalidTransition]),
    text("DELETE /v1/assessments/{id}/keys/{keyId}", KEYS, "Revokes a key")
        .says("It stops opening anything at once.")
        .answers(&[json(200, "It is revoked.", "Deleted")]),
    text("GET /v1/candidates", KEYS, "Lists all keys of the organisation")
        .answers(&[json(200, "The newest first.", "Candidates")]),

    text("GET /v1/candidate/consent", LIFE, "What will be captured, and whether the candidate has agreed")
        .answers(&[json(200, "The disclosure.", "Consent")])
        .refuses(&[KeyNotFound, KeyExpired, KeyRevoked]),
    text("POST /v1/candidate/consent", LIFE, "Agrees")
        .says("With `disclosureHash` only to the disclosure that was shown. May be repeated.")
        .answers(&[json(200, "It is noted.", "Ok")])
        .refuses(&[KeyNotFound, KeyExpired, KeyRevoked, DisclosureOutdated]),
    text("POST /v1/candidate/redeem", LIFE, "Starts the session of a key")
        .says("Again while the session runs, it answers the same session and a fresh token; every public key that is ever registered stays good.")
        .answers(&[json(200, "The session and its token.", "Redeemed")])
        .refuses(&[KeyNotFound, KeyExpired, KeyRevoked, AlreadyCompleted, ConsentRequired, SessionDeleted]),
    text("POST /v1/candidate/device-check", LIFE, "Reports on the machine")
        .says("Kept as a `checkpoint` event.")
        .answers(&[json(200, "It is kept.", "Checked")])
        .refuses(&[NotRedeemed, SessionDeleted, SessionMismatch, ConsentRequired]),
    text("POST /v1/candidate/workspace-commit", LIFE, "Names the commit that the workspace starts from")
        .answers(&[json(200, "It is noted.", "Ok")])
        .refuses(&[NotRedeemed, SessionDeleted, SessionMismatch]),
    text("POST /v1/candidate/upload-url", LIFE, "Asks where to put a bundle")
        .answers(&[json(200, "An address that is good for 15 minutes.", "UploadGrant")])
        .refuses(&[NotRedeemed, SessionDeleted, SessionMismatch, SessionEnded]),
    text("PUT /v1/uploads/{token}", LIFE, "Puts a bundle")
        .says("A gzip archive. The address is the credential.")
        .takes("application/gzip", "")
        .answers(&[json(200, "It is kept.", "Uploaded")])
        .refuses(&[BadRequest, UnsupportedType, PayloadTooLarge, BodyTimeout, SessionEnded, SessionDeleted, RateLimited, Unavailable]),
    text("POST /v1/candidate/submit-code", LIFE, "Hands in")
        .says("May be repeated; the last complete one counts. Size and checksum are those of the finished upload.")
        .answers(&[json(200, "It is kept.", "Ok")])
        .refuses(&[NotRedeemed, SessionDeleted, SessionMismatch, SessionEnded]),
    text("POST /v1/candidate/complete", LIFE, "Ends the session")
        .says("Repeated, it answers the same.")
        .answers(&[json(200, "It has ended.", "Completed")])
        .refuses(&[KeyNotFound, KeyExpired, KeyRevoked, SessionMismatch, SessionDeleted]),

    text("POST /v1/hooks/ingest", INGEST, "Records one event")
        .says("201 means that it is on a disk. After 503 its fate is not known: send the same id again.")
        .takes(JSON, "NewEvent")
        .answers(&[json(201, "It is recorded.", "Recorded"), json(200, "It was recorded before, or came after the end of its session.", "Skipped")])
        .refuses(&[SessionMismatch, ConsentRequired, SessionDeleted]),
    text("POST /v1/hooks/ingest/batch", INGEST, "Records up to 500 events")
        .says("Each member has a status of its own, in the order of the request; a bad one never rejects the others.")
        .takes(JSON, "NewEvents")
        .answers(&[json(207, "The fate of each.", "BatchReply")])
        .refuses(&[BatchTooLarge]),
    text("GET /v1/stream", INGEST, "Streams events in by WebSocket")
        .says("Where headers cannot be set, the credential is the subprotocol `key.<credential>` beside `promptster.v1`. A request that is no WebSocket upgrade is 400.")
        .answers(&[SWITCHED])
        .refuses(&[BadRequest]),

    passed("GET /v1/proxy/anthropic/{tail}", "Asks Anthropic with the operator's key (GET)"),
    passed("POST /v1/proxy/anthropic/{tail}", "Asks Anthropic with the operator's key (POST)"),
    passed("PUT /v1/proxy/anthropic/{tail}", "Asks Anthropic with the operator's key (PUT)"),
    passed("PATCH /v1/proxy/anthropic/{tail}", "Asks Anthropic with the operator's key (PATCH)"),
    passed("DELETE /v1/proxy/anthropic/{tail}", "Asks Anthropic with the operator's key (DELETE)"),
    passed("GET /v1/proxy/openai/{tail}", "Asks OpenAI with the operator's key (GET)"),
    passed("POST /v1/proxy/openai/{tail}", "Asks OpenAI with the operator's key (POST)"),
    passed("PUT /v1/proxy/openai/{tail}", "Asks OpenAI with the operator's key (PUT)"),
    passed("PATCH /v1/proxy/openai/{tail}", "Asks OpenAI with the operator's key (PATCH)"),
    passed("DELETE /v1/proxy/openai/{tail}", "Asks OpenAI with the operator's key (DELETE)"),

    text("GET /v1/sessions", SESSIONS, "Lists sessions")
        .says("The latest start first. Candidates see their own.")
        .answers(&[json(200, "A page of them.", "Sessions")]),
    text("POST /v1/sessions", SESSIONS, "Makes a session")
        .answers(&[json(201, "The session.", "SessionReply")])
        .refuses(&[SessionExists, SessionMismatch, SessionDeleted, ConsentRequired, KeyRevoked]),
    text("GET /v1/sessions/{id}", SESSIONS, "Reads a session")
        .answers(&[json(200, "The session.", "SessionShown")]),
    text("PATCH /v1/sessions/{id}", SESSIONS, "Changes or closes a session")
        .says("`metadata` replaces what stands; `endedAt` closes the session.")
        .answers(&[json(200, "The session as it is now.", "SessionReply")])
        .refuses(&[Conflict]),
    text("DELETE /v1/sessions/{id}", SESSIONS, "Deletes a session for good")
        .says("Its events, signals, scores and uploads are gone from every store when the answer is given. After 503 ask again.")
        .answers(&[json(200, "It is gone.", "Deleted")]),
    text("PATCH /v1/sessions/{id}/metadata", SESSIONS, "Merges into the metadata")
        .says("The body is the merge patch (RFC 7396).")
        .answers(&[json(200, "The session as it is now.", "SessionReply")])
        .refuses(&[Conflict]),
    text("GET /v1/sessions/{id}/timeline", SESSIONS, "Reads the events")
        .says("By `ts`, then in the order of arrival. An event that was acknowledged before the request is in the answer.")
        .answers(&[json(200, "A page of them.", "Timeline")])
        .refuses(&[UnknownPosition]),
    text("GET /v1/sessions/{id}/decisions", SESSIONS, "Reads the decisions")
        .answers(&[json(200, "Every `decision_event`.", "Decisions")]),
    text("GET /v1/sessions/{id}/signals", SESSIONS, "Reads the signals")
        .says("Live while the session runs, final afterwards; each with the counts that it came from.")
        .answers(&[json(200, "The signals.", "SignalsReply")]),
    text("GET /v1/sessions/{id}/artifacts", SESSIONS, "What is derived of a session")
        .says("By named rules, from the events, of a session that has ended; `[]` while it runs. docs/artifacts.md has each rule.")
        .answers(&[json(200, "Analytics, data points, key moments, test results, questions, summary, and what a language model says of the prompts where there is one.", "Artifacts")]),
    text("GET /v1/sessions/{id}/artifacts/{kind}", SESSIONS, "One of them")
        .says("`null` while the session runs. `prompt_analysis_v1` is what a language model wrote, and `null` also until it did; where the \
            server has none, it is 404 `judge_off`.")
        .answers(&[json(200, "It.", "ArtifactReply")])
        .refuses(&[JudgeOff]),
    text("GET /v1/sessions/{id}/analytics", SESSIONS, "The session in sums")
        .says("The artifact `analytics_v1` alone; `null` while the session runs.")
        .answers(&[json(200, "It.", "Analytics")]),
    text("GET /v1/sessions/{id}/export", SESSIONS, "The whole record as a file")
        .says("Streamed: the session and its signals, every event in the order of arrival (as it was received in NDJSON), scores and \
            artifacts. What arrives after the request is not in it. An answer that ends early is cut off; NDJSON and JSON that are \
            whole end with `eventCount`. `agent-trace` and `git-ai` say whose the lines are that the session leaves behind; a note \
            needs the commit that the session began with, 409 `no_commit` without.")
        .answers(&EXPORTED)
        .refuses(&[NoCommit]),
    text("GET /v1/sessions/{id}/scores", SESSIONS, "Reads the scores")
        .says("Those of signals, once the session has ended, in the order of the rubric, then those of reviewers by dimension. \
            `prompterScore` is the mean of the dimensions' scores, weighted as the rubric says (1 for what is no criterion of it), with \
            two decimals: of a dimension counts the mean of its reviewers' scores, or that of its signal where no reviewer gave one.")
        .answers(&[json(200, "The scores, and the figure they come to.", "ScoresShown")]),
    text("POST /v1/sessions/{id}/scores", SESSIONS, "Scores a session")
        .says("A reviewer has one score for each dimension: the last one.")
        .answers(&[json(201, "The scores that were given.", "Scores")])
        .refuses(&[TooManyScores]),
    text("GET /v1/sessions/{id}/cohort-stats", SESSIONS, "Compares a session with its cohort")
        .says("`cohortStats` is `null` without an assessment, or while nobody has finished.")
        .answers(&[json(200, "The statistics.", "CohortReply")]),
    text("GET /v1/sessions/{id}/recent-activity", SESSIONS, "What happened lately")
        .answers(&[json(200, "Figures and lists, the newest first.", "RecentActivity")]),
    text("GET /v1/sessions/{id}/signed-log", SESSIONS, "Reads the signed events as they were signed")
        .answers(&[json(200, "The log.", "SignedLog")]),
    text("GET /v1/sessions/{id}/integrity", SESSIONS, "Reports on the chain of signatures")
        .says("Tells missing events (`gap`), forks and new beginnings from tampering (`bad_signature`).")
        .answers(&[json(200, "The report.", "Integrity")]),

    text("GET /v1/sessions/{id}/live", LIVE, "Watches a session")
        .says("A WebSocket when the request asks for one, else Server-Sent Events.")
        .answers(&[SWITCHED, SERVER_SENT])
        .refuses(&[BadRequest]),
    text("GET /v1/live", LIVE, "Watches the running sessions of an assessment, or of the organisation")
        .says("A WebSocket when the request asks for one, else Server-Sent Events.")
        .answers(&[SWITCHED, SERVER_SENT])
        .refuses(&[BadRequest, ReviewerOnly, NotFound]),
    text("POST /v1/live-tickets", LIVE, "Makes a ticket for a browser's socket")
        .says("Good for 30 seconds and one socket, with the rights of whoever asks.")
        .answers(&[json(201, "The ticket.", "Ticket")]),
];

const PASSED: Answer = Answer { status: 200, meaning: "What the provider answers.", media: "*/*", schema: "" };
const SWITCHED: Answer = Answer { status: 101, meaning: "The connection is a WebSocket now.", media: "", schema: "" };
const SERVER_SENT: Answer =
    Answer { status: 200, meaning: "The stream.", media: "text/event-stream", schema: "WatchMessage" };

const EXPORTED: [Answer; 5] = {
    let meaning = "The file.";
    [
        Answer { status: 200, meaning, media: "application/x-ndjson", schema: "" },
        Answer { status: 200, meaning, media: "text/csv", schema: "" },
        Answer { status: 200, meaning, media: "application/json", schema: "Export" },
        Answer { status: 200, meaning, media: "application/vnd.agent-trace.record+json", schema: "AgentTrace" },
        Answer { status: 200, meaning, media: "text/plain", schema: "" },
    ]
};
