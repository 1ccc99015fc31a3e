//! Where traces go.

use clap::Args;

use super::proxy::base;

/// The collector of traces.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traces")]
pub struct TraceOptions {
    /// The address of an OpenTelemetry collector that takes OTLP over HTTP, e.g. http://127.0.0.1:4318. Only in a server
    /// built with `--features otel`; the SDK's own OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_*
    /// count as well [default: off]
    #[arg(long, env = "PROMPTSTER_OTLP_URL", value_name = "URL", value_parser = base)]
    pub otlp_url: Option<String>,
    /// Which share of requests and of the work behind them is traced, from 0 to 1. Of a request that comes with a trace of
    /// its own from a proxy that is trusted, that trace decides
    #[arg(long, env = "PROMPTSTER_TRACE_SHARE", value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub trace_share: f64,
}

fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("must be a number from 0 to 1")
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_a_part_of_one() {
        assert_eq!([share("0"), share("0.25"), share("1")], [Ok(0.0), Ok(0.25), Ok(1.0)]);
        assert!(["-0.1", "1.1", "NaN", "inf", "5%", ""].into_iter().all(|text| share(text).is_err()));
    }
}
