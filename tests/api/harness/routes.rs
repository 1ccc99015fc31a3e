//! Every route, and who may call it: what all of them have in common is tested on this table.

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anybody,
    Reviewer,
    /// A reviewer, with the scope `write`.
    Writer,
    Candidate,
    Either,
    /// A candidate, or a reviewer with the scope `write`.
    EitherWrites,
}

/// Method, path and who may call it. `{a}`, `{k}` and `{s}` stand for the ids of an assessment, a candidate key and a
/// session, `{i}`, `{m}` and `{w}` for those of an API key, a member and a webhook, `{q}` and `{r}` for those of an issue and a rubric, `{kind}` for a kind
/// of artifact.
#[rustfmt::skip]
pub const ROUTES: &[(&str, &str, Who)] = &[
    ("GET",    "/v1/health",                            Who::Anybody),
    ("GET",    "/v1/ready",                             Who::Anybody),
    ("GET",    "/v1/openapi.json",                      Who::Anybody),
    ("GET",    "/v1/org",                               Who::Reviewer),
    ("PATCH",  "/v1/org",                               Who::Writer),
    ("GET",    "/v1/org/api-keys",                      Who::Reviewer),
    ("POST",   "/v1/org/api-keys",                      Who::Writer),
    ("DELETE", "/v1/org/api-keys/{i}",                  Who::Writer),
    ("GET",    "/v1/org/members",                       Who::Reviewer),
    ("POST",   "/v1/org/members",                       Who::Writer),
    ("PATCH",  "/v1/org/members/{m}",                   Who::Writer),
    ("DELETE", "/v1/org/members/{m}",                   Who::Writer),
    ("GET",    "/v1/org/webhooks",                      Who::Reviewer),
    ("POST",   "/v1/org/webhooks",                      Who::Writer),
    ("DELETE", "/v1/org/webhooks/{w}",                  Who::Writer),
    ("POST",   "/v1/org/webhooks/{w}/test",             Who::Writer),
    ("POST",   "/v1/org/webhooks/{w}/rotate-secret",    Who::Writer),
    ("GET",    "/v1/org/webhooks/{w}/deliveries",       Who::Reviewer),
    ("GET",    "/v1/assessments",                       Who::Reviewer),
    ("POST",   "/v1/assessments",                       Who::Writer),
    ("GET",    "/v1/assessments/{a}",                   Who::Either),
    ("PATCH",  "/v1/assessments/{a}",                   Who::Writer),
    ("DELETE", "/v1/assessments/{a}",                   Who::Writer),
    ("GET",    "/v1/issues",                            Who::Reviewer),
    ("POST",   "/v1/issues",                            Who::Writer),
    ("GET",    "/v1/issues/{q}",                        Who::Either),
    ("PATCH",  "/v1/issues/{q}",                        Who::Writer),
    ("DELETE", "/v1/issues/{q}",                        Who::Writer),
    ("GET",    "/v1/rubrics",                           Who::Reviewer),
    ("POST",   "/v1/rubrics",                           Who::Writer),
    ("GET",    "/v1/rubrics/{r}",                       Who::Reviewer),
    ("PATCH",  "/v1/rubrics/{r}",                       Who::Writer),
    ("DELETE", "/v1/rubrics/{r}",                       Who::Writer),
    ("GET",    "/v1/assessments/{a}/keys",              Who::Reviewer),
    ("POST",   "/v1/assessments/{a}/keys",              Who::Writer),
    ("PATCH",  "/v1/assessments/{a}/keys/{k}",          Who::Writer),
    ("DELETE", "/v1/assessments/{a}/keys/{k}",          Who::Writer),
    ("GET",    "/v1/assessments/{a}/cohort-stats",      Who::Reviewer),
    ("GET",    "/v1/candidate/consent",                 Who::Anybody),
    ("POST",   "/v1/candidate/consent",                 Who::Anybody),
    ("POST",   "/v1/candidate/redeem",                  Who::Anybody),
    ("POST",   "/v1/candidate/complete",                Who::Anybody),
    ("POST",   "/v1/candidate/device-check",            Who::Candidate),
    ("POST",   "/v1/candidate/workspace-commit",        Who::Candidate),
    ("POST",   "/v1/candidate/upload-url",              Who::Candidate),
    ("POST",   "/v1/candidate/submit-code",             Who::Candidate),
    ("PUT",    "/v1/uploads/{s}",                       Who::Anybody),
    ("GET",    "/v1/candidates",                        Who::Reviewer),
    ("POST",   "/v1/live-tickets",                      Who::Either),
    ("GET",    "/v1/live",                              Who::Reviewer),
    ("POST",   "/v1/hooks/ingest",                      Who::Candidate),
    ("POST",   "/v1/hooks/ingest/batch",                Who::Candidate),
    ("GET",    "/v1/stream",                            Who::Candidate),
    ("GET",    "/v1/sessions",                          Who::Either),
    ("POST",   "/v1/sessions",                          Who::EitherWrites),
    ("GET",    "/v1/sessions/{s}",                      Who::Either),
    ("DELETE", "/v1/sessions/{s}",                      Who::Writer),
    ("PATCH",  "/v1/sessions/{s}",                      Who::EitherWrites),
    ("PATCH",  "/v1/sessions/{s}/metadata",             Who::EitherWrites),
    ("GET",    "/v1/sessions/{s}/timeline",             Who::Either),
    ("GET",    "/v1/sessions/{s}/decisions",            Who::Either),
    ("GET",    "/v1/sessions/{s}/signals",              Who::Either),
    ("GET",    "/v1/sessions/{s}/recent-activity",      Who::Either),
    ("GET",    "/v1/sessions/{s}/live",                 Who::Either),
    ("GET",    "/v1/sessions/{s}/scores",               Who::Either),
    ("POST",   "/v1/sessions/{s}/scores",               Who::Writer),
    ("GET",    "/v1/sessions/{s}/cohort-stats",         Who::Either),
    ("GET",    "/v1/sessions/{s}/artifacts",            Who::Either),
    ("GET",    "/v1/sessions/{s}/artifacts/{kind}",     Who::Either),
    ("GET",    "/v1/sessions/{s}/analytics",            Who::Either),
    ("GET",    "/v1/sessions/{s}/export",               Who::Reviewer),
    ("GET",    "/v1/sessions/{s}/signed-log",           Who::Either),
    ("GET",    "/v1/sessions/{s}/integrity",            Who::Reviewer),
];

/// Routes to providers of models. They are not among those above since their refusals have the shape of the provider:
/// `proxy.rs` tests what those have in common.
pub const MODEL_ROUTES: [&str; 2] = ["/v1/proxy/anthropic/{tail}", "/v1/proxy/openai/{tail}"];

/// The methods of [`MODEL_ROUTES`], besides `HEAD`.
pub const MODEL_METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What ids stand for in the paths of the table.
const PLACEHOLDERS: [&str; N_IDS] = ["{a}", "{k}", "{s}", "{i}", "{m}", "{w}", "{q}", "{r}"];

/// How many ids a path may take.
pub const N_IDS: usize = 8;

/// The path with these ids in it: of an assessment, a candidate key, a session, an API key, a member, a webhook, an
/// issue and a rubric.
pub fn path(template: &str, ids: [&str; N_IDS]) -> String {
    let template = template.replace("{kind}", "analytics_v1");
    PLACEHOLDERS.into_iter().zip(ids).fold(template, |path, (name, id)| path.replace(name, id))
}
