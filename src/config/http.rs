//! The edge: addresses, limits, and the rules of sessions.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{JudgeOptions, JwtOptions, MailOptions, OidcOptions, ProxyOptions, TraceOptions, WebhookOptions};

/// The address and the browser's side.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct HttpOptions {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "PROMPTSTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Directory for everything that is kept on this machine, made if missing
    #[arg(long, env = "PROMPTSTER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Address on which Prometheus finds `/metrics`; whoever reaches it may read them, so none that the outside reaches
    /// [default: off]
    #[arg(long, env = "PROMPTSTER_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Threads that answer requests [default: the number of cores]
    #[arg(long, env = "PROMPTSTER_WORKERS")]
    pub workers: Option<NonZeroUsize>,
    /// The address under which clients reach this server, for links [default: http:// and --listen]
    #[arg(long, env = "PROMPTSTER_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// A web origin that may call from a browser, besides the server's own; repeat it, or separate with commas
    #[arg(long = "allowed-origin", env = "PROMPTSTER_ALLOWED_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,
    /// Take the client's address from the last entry of X-Forwarded-For: only behind a proxy that sets it
    #[arg(long, env = "PROMPTSTER_TRUST_FORWARDED_FOR")]
    pub trust_forwarded_for: bool,
    /// Connections per worker
    #[arg(long, env = "PROMPTSTER_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = 25_000)]
    pub max_connections: usize,
    /// How long requests in flight may take when the server stops
    #[arg(long, env = "PROMPTSTER_STOP_GRACE_SECS", value_name = "SECONDS", default_value_t = 30)]
    pub stop_grace_secs: u64,
    /// How often it is compared whether ClickHouse has what the streams of Redis still hold; what is missing is written again
    #[arg(long, env = "PROMPTSTER_RECONCILE_EVERY_SECS", value_name = "SECONDS", default_value = "300")]
    pub reconcile_every_secs: NonZeroU32,
    /// Whose tokens count.
    #[command(flatten)]
    pub jwt: JwtOptions,
    /// Who signs members in.
    #[command(flatten)]
    pub oidc: OidcOptions,
    /// How mail leaves.
    #[command(flatten)]
    pub mail: MailOptions,
    /// How webhooks are told.
    #[command(flatten)]
    pub webhooks: WebhookOptions,
    /// The providers of models.
    #[command(flatten)]
    pub proxy: ProxyOptions,
    /// Who judges prompts.
    #[command(flatten)]
    pub judge: JudgeOptions,
    /// Where traces go.
    #[command(flatten)]
    pub traces: TraceOptions,
}

/// Times and rules of sessions.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct SessionOptions {
    /// How long after a session's end its late events are still taken
    #[arg(long, env = "PROMPTSTER_LATE_EVENT_GRACE_SECS", value_name = "SECONDS", default_value_t = 600)]
    pub late_event_grace_secs: u32,
    /// How long after its deadline a session with a time limit is closed
    #[arg(long, env = "PROMPTSTER_TIME_LIMIT_GRACE_SECS", value_name = "SECONDS", default_value_t = 60)]
    pub time_limit_grace_secs: u32,
    /// Refuse events of a kind that is not known, instead of keeping them as they are
    #[arg(long, env = "PROMPTSTER_STRICT_KINDS")]
    pub strict_kinds: bool,
    /// Let a candidate start only after consent was given
    #[arg(long, env = "PROMPTSTER_REQUIRE_CONSENT", value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    pub require_consent: bool,
    /// Take a session's events only after consent was given; otherwise that is the integrator's duty
    #[arg(long, env = "PROMPTSTER_REQUIRE_CONSENT_FOR_INGEST", value_name = "BOOL", action = ArgAction::Set, default_value_t = false)]
    pub require_consent_for_ingest: bool,
    /// The terms that the disclosure links to
    #[arg(long, env = "PROMPTSTER_TOS_URL", value_name = "URL", default_value = "")]
    pub tos_url: String,
    /// The catalogue of issues that all organisations share, a JSON list; read at the start
    #[arg(long, env = "PROMPTSTER_ISSUES_FILE", value_name = "FILE")]
    pub issues_file: Option<PathBuf>,
}

/// How much may come in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitOptions {
    /// Events a minute that one credential may post
    #[arg(long, env = "PROMPTSTER_INGEST_PER_MINUTE", value_name = "EVENTS", default_value = "1200")]
    pub ingest_per_minute: NonZeroU32,
    /// Events that one credential may post at once
    #[arg(long, env = "PROMPTSTER_INGEST_BURST", value_name = "EVENTS", default_value = "500")]
    pub ingest_burst: NonZeroU32,
    /// Events a minute that one credential may stream over a WebSocket
    #[arg(long, env = "PROMPTSTER_STREAM_PER_MINUTE", value_name = "EVENTS", default_value = "12000")]
    pub stream_per_minute: NonZeroU32,
    /// Events that one credential may stream at once
    #[arg(long, env = "PROMPTSTER_STREAM_BURST", value_name = "EVENTS", default_value = "2000")]
    pub stream_burst: NonZeroU32,
    /// Other requests a minute of one credential
    #[arg(long, env = "PROMPTSTER_REQUESTS_PER_MINUTE", value_name = "REQUESTS", default_value = "300")]
    pub requests_per_minute: NonZeroU32,
    /// Requests a minute of one address on public routes
    #[arg(long, env = "PROMPTSTER_PUBLIC_REQUESTS_PER_MINUTE", value_name = "REQUESTS", default_value = "300")]
    pub public_requests_per_minute: NonZeroU32,
    /// Failed look-ups of candidate keys a minute from one address
    #[arg(long, env = "PROMPTSTER_GUESSES_PER_MINUTE", value_name = "GUESSES", default_value = "10")]
    pub guesses_per_minute: NonZeroU32,
    /// Failed look-ups of candidate keys a minute from everywhere
    #[arg(long, env = "PROMPTSTER_GUESSES_PER_MINUTE_OVERALL", value_name = "GUESSES", default_value = "1000")]
    pub guesses_per_minute_overall: NonZeroU32,
    /// Largest body of an ingest request, also when unpacked
    #[arg(long, env = "PROMPTSTER_INGEST_BODY_BYTES", value_name = "BYTES", default_value_t = 16 << 20)]
    pub ingest_body_bytes: usize,
    /// Largest body of a request for a model, also when unpacked
    #[arg(long, env = "PROMPTSTER_MODEL_BODY_BYTES", value_name = "BYTES", default_value_t = 32 << 20)]
    pub model_body_bytes: usize,
    /// Largest body of any other request
    #[arg(long, env = "PROMPTSTER_BODY_BYTES", value_name = "BYTES", default_value_t = 1 << 20)]
    pub body_bytes: usize,
    /// Largest bundle that a candidate may upload
    #[arg(long, env = "PROMPTSTER_UPLOAD_MAX_BYTES", value_name = "BYTES", default_value_t = 100 << 20)]
    pub upload_max_bytes: u64,
    /// Bytes of events that this node takes in before the first of them are answered; what comes on top is 503. Requests for
    /// models have as many of their own
    #[arg(long, env = "PROMPTSTER_MAX_IN_FLIGHT_BYTES", value_name = "BYTES", default_value_t = 256 << 20)]
    pub max_in_flight_bytes: usize,
    /// Connections from one address; more are closed at once. Not asked for with --trust-forwarded-for, where all come from
    /// the proxy. Neither an address nor an organisation gets more than half of --max-connections
    #[arg(long, env = "PROMPTSTER_MAX_CONNECTIONS_PER_ADDRESS", value_name = "CONNECTIONS", default_value = "4000")]
    pub max_connections_per_address: NonZeroUsize,
    /// WebSockets on which one candidate key streams events
    #[arg(long, env = "PROMPTSTER_MAX_STREAMS_PER_KEY", value_name = "SOCKETS", default_value = "16")]
    pub max_streams_per_key: NonZeroUsize,
    /// Live views that one credential has open
    #[arg(long, env = "PROMPTSTER_MAX_WATCHERS_PER_CREDENTIAL", value_name = "WATCHERS", default_value = "1000")]
    pub max_watchers_per_credential: NonZeroUsize,
    /// Live views of one session on this node
    #[arg(long, env = "PROMPTSTER_MAX_WATCHERS_PER_SESSION", value_name = "WATCHERS", default_value = "2000")]
    pub max_watchers_per_session: NonZeroUsize,
    /// Live views and streaming WebSockets of one organisation on this node
    #[arg(long, env = "PROMPTSTER_MAX_SOCKETS_PER_ORG", value_name = "SOCKETS", default_value = "10000")]
    pub max_sockets_per_org: NonZeroUsize,
    /// How long a body may take to arrive; of an upload, how long its next piece may take
    #[arg(long, env = "PROMPTSTER_BODY_TIMEOUT_SECS", value_name = "SECONDS", default_value_t = 10)]
    pub body_timeout_secs: u64,
}
