//! The Redis of a run: its configuration, as durable as in production, and questions to it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// What one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a question is asked again that has to be answered: another fault may strike Redis at the same time.
const ASK_FOR: Duration = Duration::from_secs(30);

/// Memory that it may take, in bytes, where nothing else is said.
pub(crate) const MAX_MEMORY: u64 = 4 << 30;

/// The configuration file of a Redis on `port` that keeps its files in `directory`.
pub(crate) fn config(port: u16, directory: &Path, appendfsync: &str) -> String {
    format!(
        "bind 127.0.0.1
port {port}
dir \"{}\"
daemonize no
# The command line must go on naming this file: a leftover is known by it.
set-proc-title no
save \"\"
appendonly yes
appendfsync {appendfsync}
stream-node-max-entries 1
no-appendfsync-on-rewrite no
aof-load-truncated yes
maxmemory {MAX_MEMORY}
maxmemory-policy noeviction
",
        directory.display()
    )
}

/// Asks the Redis on `port`; the raw answer.
pub(crate) async fn ask(port: u16, question: &str) -> Result<String, String> {
    let asked = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(format!("{question}\r\nQUIT\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("redis: {error}")),
        Err(_) => Err("redis does not answer".to_owned()),
    }
}

/// Asks until there is an answer.
async fn ask_on(port: u16, question: &str) -> Result<String, String> {
    let until = Instant::now() + ASK_FOR;
    loop {
        match ask(port, question).await {
            Err(_) if Instant::now() < until => sleep(Duration::from_millis(100)).await,
            // It begins to answer before it has read its files.
            Ok(answer) if answer.starts_with("-LOADING") && Instant::now() < until => {
                sleep(Duration::from_millis(100)).await;
            }
            answered => return answered,
        }
    }
}

/// Whether it answers, with all its files read.
pub(crate) async fn answers(port: u16) -> bool {
    ask(port, "PING").await.is_ok_and(|answer| answer.starts_with("+PONG"))
}

/// A number of its `INFO`.
pub(crate) async fn info(port: u16, section: &str, name: &str) -> Result<u64, String> {
    let answer = ask_on(port, &format!("INFO {section}")).await?;
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
    value.ok_or_else(|| format!("redis says nothing of {name}"))
}

/// Changes a setting.
pub(crate) async fn set(port: u16, name: &str, value: &str) -> Result<(), String> {
    let answer = ask_on(port, &format!("CONFIG SET {name} {value}")).await?;
    if answer.starts_with("+OK") { Ok(()) } else { Err(format!("redis answers {answer:?} to CONFIG SET {name}")) }
}
