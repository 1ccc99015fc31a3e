//! Commits that travel together: each has an answer of its own, whatever becomes of the others and of the connection.
#![expect(clippy::unwrap_used, reason = "tests")]

use domain::{Contribution, Event, OrgId, SessionRef, Timestamp, testing};
use futures_util::future::join_all;
use redis_scripts::{
    Commit, CommitLine, CommitPart, Config, Error, NewSession, Outcome, Redis,
    keys::{Partition, SessionKeys},
    tail::From,
};
use serde_json::json;
use uuid::Uuid;

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

/// A committer of one session, as there is one for each partition.
struct Committer {
    line: CommitLine,
    name: SessionRef,
    id: Uuid,
}

impl Committer {
    fn of(line: &CommitLine, name: SessionRef) -> Self {
        Self { line: line.clone(), name, id: Uuid::new_v4() }
    }

    fn partition(&self) -> Partition {
        SessionKeys::of(&self.name).partition()
    }

    fn prompt(&self, text: &str) -> Event {
        let envelope = testing::envelope(self.name.session.as_str(), "prompt", now().millis(), json!({ "text": text }));
        testing::parse(&envelope)
    }

    async fn commit(&self, nonce: u64, event: &Event) -> Result<Outcome, Error> {
        let sum = Contribution::of(event, 0, now());
        let parts = [CommitPart::new(&self.name, &NewSession::default(), std::slice::from_ref(event), &sum, now())];
        let partition = self.partition();
        let commit = Commit { partition, committer: self.id, nonce, parts: &parts, now: now(), grace_ms: 0 };
        Ok(self.line.commit(&commit).await?.remove(0))
    }
}

async fn ask(redis: &Redis, words: &[&str]) -> String {
    let mut connection = redis.connection(Partition::all().next().unwrap()).await.unwrap();
    let mut command = redis::cmd(words.first().unwrap());
    command.arg(words.get(1..).unwrap());
    redis::FromRedisValue::from_redis_value(command.query_async::<redis::Value>(&mut connection).await.unwrap())
        .unwrap_or_default()
}

/// The ids of the connections on which commits were last seen.
async fn lines(redis: &Redis) -> Vec<String> {
    let field =
        |client: &str, name: &str| client.split(' ').find_map(|field| Some(field.strip_prefix(name)?.to_owned()));
    let clients = ask(redis, &["CLIENT", "LIST"]).await;
    let commits = clients.lines().filter(|client| field(client, "cmd=").is_some_and(|command| command == "evalsha"));
    commits.map(|client| field(client, "id=").unwrap()).collect()
}

fn recorded(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Recorded { base, .. } => *base,
        other => panic!("{other:?}"),
    }
}

/// One session in each of so many partitions.
fn committers(line: &CommitLine, n: usize) -> Vec<Committer> {
    let org = OrgId::sample(Uuid::new_v4());
    let mut found: Vec<Committer> = Vec::new();
    for number in 0.. {
        let next = Committer::of(line, SessionRef::new(org, format!("s{number}").parse().unwrap()));
        if found.len() == n {
            break;
        }
        if !found.iter().any(|known| known.partition() == next.partition()) {
            found.push(next);
        }
    }
    found
}

#[tokio::test]
async fn commits_of_all_partitions_travel_on_one_connection_and_fail_alone() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    let line = redis.commit_line();
    let committers = committers(&line, 64);
    let (lost, whole) = committers.split_first().unwrap();
    ask(&redis, &["DEL", &lost.partition().whole()]).await;
    // Nobody has loaded the script: all are told so at once, and none fails for it.
    for nonce in 1..=5 {
        let prompts: Vec<Event> = committers.iter().map(|committer| committer.prompt("hi")).collect();
        let all = committers.iter().zip(&prompts).map(|(committer, prompt)| committer.commit(nonce, prompt));
        let outcomes = join_all(all).await;
        let (refused, taken) = outcomes.split_first().unwrap();
        assert!(matches!(refused, Err(Error::Refused(why)) if why.contains("NOTWHOLE")), "{refused:?}");
        for outcome in taken {
            assert_eq!(recorded(outcome.as_ref().unwrap()), nonce - 1);
        }
        if nonce == 3 {
            ask(&redis, &["SCRIPT", "FLUSH"]).await;
        }
    }
    assert_eq!(lines(&redis).await.len(), 1);
    assert!(redis.session(&lost.name).await.unwrap().is_none());
    let tail = redis.read_tail(&whole.first().unwrap().name, From::Seq(0)).await.unwrap();
    assert_eq!(tail.events.iter().map(|stored| stored.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_line_that_is_cut_loses_and_doubles_nothing() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    redis.load_scripts().await.unwrap();
    let line = redis.commit_line();
    let committers = committers(&line, 16);
    let mut cut = 0;
    for round in 1..=12_u64 {
        let prompts: Vec<Event> = committers.iter().map(|committer| committer.prompt("hi")).collect();
        // Each insists, under the same nonce, as committers do.
        let insist = committers.iter().zip(&prompts).map(|(committer, prompt)| async move {
            loop {
                match committer.commit(round, prompt).await {
                    Ok(outcome) => return recorded(&outcome),
                    Err(Error::Unavailable(_)) => tokio::task::yield_now().await,
                    Err(other) => panic!("{other}"),
                }
            }
        });
        let cutting = async {
            let lines = lines(&redis).await;
            for line in &lines {
                ask(&redis, &["CLIENT", "KILL", "ID", line]).await;
            }
            lines.len()
        };
        let (bases, n_cut) = tokio::join!(join_all(insist), cutting);
        assert!(bases.iter().all(|base| *base == round - 1), "round {round}: {bases:?}");
        cut += n_cut;
    }
    assert!(cut >= 6, "the line was there to be cut: {cut}");
    for committer in &committers {
        let tail = redis.read_tail(&committer.name, From::Seq(0)).await.unwrap();
        assert_eq!(tail.events.len(), 12, "each is there once");
    }
}
