//! What this machine is looked at for: files, room, the way of mail, and the node that runs here.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use serde_json::Value;

use super::{Check, State};
use crate::config::DoctorOptions;
use crate::dev::files::DevFile;
use crate::mail::Mailer;

/// Files and sockets that a node may want at once; systems start programs with 1,024.
const DESCRIPTORS: u64 = 8_192;

/// Free bytes below which uploads soon fail.
const LITTLE_ROOM: u64 = 1 << 30;

/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

pub(super) async fn checks(options: &DoctorOptions, running: Option<&DevFile>) -> Vec<Check> {
    let http = &options.serve.http;
    let mut checks = vec![descriptors(), data_dir(&http.data_dir)];
    if let Ok(Some(settings)) = http.mail.settings(&http.data_dir)
        && let Ok(mailer) = Mailer::new(settings)
    {
        checks.push(match mailer.probe().await {
            Ok(()) => Check::ok("mail", "its way is open"),
            Err(error) => {
                Check::fault("mail", error.to_string(), "correct the --smtp settings; invitations wait until then")
            }
        });
    }
    let url = options.url.clone().or_else(|| running.map(|running| running.url.clone()));
    checks.push(ready(&url.unwrap_or_else(|| format!("http://{}", http.listen))).await);
    checks
}

fn descriptors() -> Check {
    let most = getrlimit(Resource::Nofile).maximum;
    match most {
        Some(most) if most < DESCRIPTORS => {
            let mend = "raise it for the process (LimitNOFILE of systemd, `ulimit -Hn`)";
            Check::warning("open-files", format!("{most} at most, which is as many connections"), mend)
        }
        Some(most) => Check::ok("open-files", format!("{most} at most")),
        None => Check::ok("open-files", "without a limit"),
    }
}

fn data_dir(path: &Path) -> Check {
    let (name, shown) = ("data-dir", path.display());
    // What is not there is made by the first upload, below the nearest directory that is.
    let Some(there) = path
        .ancestors()
        .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path })
        .find(|path| path.exists())
    else {
        return Check::fault(name, format!("{shown} cannot be made"), "correct --data-dir");
    };
    if !there.is_dir() {
        return Check::fault(name, format!("{} is no directory", there.display()), "correct --data-dir");
    }
    if let Err(error) = rustix::fs::access(there, rustix::fs::Access::WRITE_OK) {
        return Check::fault(name, format!("{}: {error}", there.display()), "let the user of the server write there");
    }
    let free =
        rustix::fs::statvfs(there).map(|found| found.f_bavail.saturating_mul(found.f_frsize)).unwrap_or(u64::MAX);
    if free < LITTLE_ROOM {
        return Check::warning(
            name,
            format!("{shown}: {} MiB are free", free >> 20),
            "give it more: candidates upload their work there",
        );
    }
    Check::ok(name, format!("{shown}"))
}

/// What the node says of itself.
async fn ready(url: &str) -> Check {
    let name = "server";
    // Installed already is installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let asked = async {
        let client = reqwest::Client::builder().timeout(ANSWER).no_proxy().build()?;
        let reply = client.get(format!("{}/v1/ready", url.trim_end_matches('/'))).send().await?;
        let status = reply.status().as_u16();
        Ok::<_, reqwest::Error>((status, reply.json::<Value>().await.unwrap_or_default()))
    };
    match asked.await {
        Ok((200, _)) => Check::ok(name, format!("{url} is ready")),
        Ok((503, said)) => {
            let missing = said.get("unavailable").map(ToString::to_string).unwrap_or_default();
            Check::fault(name, format!("{url} is not ready; it misses {missing}"), "see the checks above, and its log")
        }
        Ok((status, _)) => Check::fault(
            name,
            format!("{url}/v1/ready answers {status}"),
            "correct --url: something else answers there",
        ),
        Err(error) if error.is_connect() => Check::new(
            name,
            State::Unknown,
            format!("nobody answers at {url}"),
            "start it (`promptster-server serve`), or name it with --url",
        ),
        Err(error) => Check::fault(name, format!("{url}: {error}"), "see its log"),
    }
}
