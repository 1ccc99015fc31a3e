//! Erasing sessions, and what is kept of uploads, on a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]

use domain::{OrgId, SessionRef, Timestamp};
use redis_scripts::{
    Assessment, AssessmentTerms, Bound, Bundle, CandidateKey, Close, Config, Kept, Made, NewCandidateKey, NewSession,
    Redis, SessionQuery, Submission, UploadGrant, Written, keys::SessionKeys,
};
use uuid::Uuid;

static NOW: std::sync::LazyLock<Timestamp> = std::sync::LazyLock::new(|| Timestamp::from_millis(1_790_000_000_000));

struct World {
    server: test_support::Redis,
    redis: Redis,
    org: OrgId,
    assessment: Assessment,
}

impl World {
    async fn new() -> Self {
        let server = test_support::Redis::start();
        let redis = Redis::new(&Config::new(server.url())).unwrap();
        redis.prepare_log().await.unwrap();
        let (org, _) = redis.create_org("Acme", *NOW).await.unwrap();
        let terms = AssessmentTerms {
            title: "Backend".into(),
            role: "Engineer".into(),
            task_brief: None,
            repo_url: None,
            repo_commit: None,
            repo_subdir: None,
            setup_instructions: None,
            time_limit_minutes: Some(90),
            expires_in_days: 7,
            issue: None,
            rubric: None,
            token_budget_usd: None,
            allowed_tools: Vec::new(),
        };
        let assessment = redis.create_assessment(org, Uuid::now_v7(), terms, *NOW).await.unwrap();
        Self { server, redis, org, assessment }
    }

    /// A key with the session of that name.
    async fn started(&self, session: &str) -> (CandidateKey, SessionRef) {
        let new = [NewCandidateKey { email: None, name: None, org_name: None, invite: false }];
        let until = NOW.plus_millis(86_400_000);
        let made = self.redis.create_candidate_keys(self.org, self.assessment.id, &new, until, *NOW).await.unwrap();
        let name = SessionRef::new(self.org, session.parse().unwrap());
        match self.redis.bind_session(made.first().unwrap(), &name.session, false, *NOW).await.unwrap() {
            Bound::Own(key) => (*key, name),
            other => panic!("{other:?}"),
        }
    }

    /// Plays the log writer: takes every entry and confirms it.
    async fn confirm_all(&self) {
        let holder = Uuid::new_v4();
        let held = self.redis.lease_partitions(holder, std::time::Duration::from_secs(5)).await.unwrap();
        let mut entries = self.redis.read_pending(&held).await.unwrap();
        entries.extend(self.redis.read_new(&held, 1_000).await.unwrap());
        for entry in entries {
            assert!(self.redis.confirm_written(holder, entry.partition, &[entry.id], &[]).await.unwrap());
        }
        self.redis.release_partitions(holder, &held).await.unwrap();
    }

    async fn keys_with(&self, text: &str) -> Vec<String> {
        let client = redis::Client::open(self.server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("KEYS").arg(format!("*{text}*")).query_async(&mut connection).await.unwrap()
    }
}

fn bundle(sha256: &str) -> Bundle {
    Bundle { sha256: sha256.to_owned(), size: 3, at: *NOW }
}

fn submission(base_sha: &str) -> Submission {
    Submission {
        at: *NOW,
        object: Uuid::nil(),
        sha256: "ab".into(),
        size: 3,
        repo_url: String::new(),
        base_sha: base_sha.to_owned(),
        document: "d.json".into(),
        diff_bytes: 7,
        n_files: 2,
    }
}

#[tokio::test]
async fn an_erasure_waits_for_the_log_and_leaves_a_tombstone_that_nothing_passes() {
    let world = World::new().await;
    let redis = &world.redis;
    let ((key, gone), (other_key, kept)) = (world.started("gone-1").await, world.started("kept-1").await);
    for name in [&gone, &kept] {
        redis.note_upload(name, Uuid::nil(), &bundle("ab"), 0).await.unwrap();
        assert_eq!(redis.save_submission(name, &submission("x"), 0).await.unwrap(), Kept::Yes);
    }
    let other_before = (redis.session(&kept).await.unwrap(), redis.submission(&kept).await.unwrap());

    let erasure = redis.begin_erasure(&gone, *NOW).await.unwrap().unwrap();
    assert!(redis.session(&gone).await.unwrap().is_none(), "it is hidden at once");
    assert!(!redis.erase_entries(&erasure).await.unwrap(), "the log does not have it yet");
    let erasure = redis.begin_erasure(&gone, *NOW).await.unwrap().expect("it goes on when asked again");
    world.confirm_all().await;
    assert!(redis.erase_entries(&erasure).await.unwrap());
    redis.erase_keys(&erasure, *NOW).await.unwrap();
    redis.finish_erasure(&erasure).await.unwrap();
    assert!(redis.begin_erasure(&gone, *NOW).await.unwrap().is_none());
    assert_eq!(world.keys_with("gone-1").await, [SessionKeys::of(&gone).tombstone()]);

    let listed = redis.list_sessions(world.org, &SessionQuery { limit: 9, ..SessionQuery::default() }).await.unwrap();
    assert_eq!(listed, (vec![kept.session.clone()], 1));
    let key = redis.candidate_key(world.org, key.id).await.unwrap().unwrap();
    assert!(key.lost_its_session() && !other_key.lost_its_session());
    assert_eq!((redis.session(&kept).await.unwrap(), redis.submission(&kept).await.unwrap()), other_before);

    for name in ["gone-1", "another"] {
        assert_eq!(redis.bind_session(&key, &name.parse().unwrap(), false, *NOW).await.unwrap(), Bound::Deleted);
    }
    assert_eq!(redis.create_session(&gone, &NewSession::default(), *NOW).await.unwrap(), Made::Deleted);
    assert_eq!(redis.note_upload(&gone, Uuid::nil(), &bundle("ab"), 0).await.unwrap(), Kept::Deleted);
    assert_eq!(redis.save_submission(&gone, &submission("x"), 0).await.unwrap(), Kept::Deleted);
    assert_eq!(redis.erased_among([&gone, &kept]).await.unwrap().into_iter().collect::<Vec<_>>(), [gone]);
    assert_eq!(world.keys_with("another").await, [""; 0]);
}

#[tokio::test]
async fn an_erasure_waits_for_what_is_written_again() {
    let world = World::new().await;
    let redis = &world.redis;
    let (_, gone) = world.started("gone-1").await;
    let partition = SessionKeys::of(&gone).partition();
    world.confirm_all().await;
    let erasure = redis.begin_erasure(&gone, *NOW).await.unwrap().unwrap();
    world.confirm_all().await;
    // Found missing and made pending between the tombstone and the removal of the entries.
    let (parts, _) = redis.list_confirmed(partition, "-", 100).await.unwrap();
    let of_session: Vec<&str> = parts
        .iter()
        .filter(|part| matches!(&part.what, Written::Entity { id, kind, .. } if id == "gone-1" && kind == "session"))
        .map(|part| part.entry.as_str())
        .collect();
    let n = u64::try_from(of_session.len()).unwrap();
    assert!(n > 0, "{parts:?}");
    assert_eq!(redis.rewrite_entries(partition, &of_session).await.unwrap(), Some(n));
    assert!(!redis.erase_entries(&erasure).await.unwrap(), "it is on its way to the log");
    world.confirm_all().await;
    assert!(redis.erase_entries(&erasure).await.unwrap());
    assert_eq!(
        redis.rewrite_entries(partition, &of_session).await.unwrap(),
        Some(0),
        "there is nothing to write again"
    );
}

#[tokio::test]
async fn what_was_erased_leaves_the_file_when_that_is_rewritten_and_once_is_enough() {
    const CANARY: &str = "canary-0b7a5d1c9e";
    let world = World::new().await;
    let redis = &world.redis;
    let patience = std::time::Duration::from_secs(60);
    let is_there = || {
        let files = std::fs::read_dir(world.server.data_dir().join("appendonlydir")).unwrap();
        let texts = files.map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default());
        texts.into_iter().any(|bytes| String::from_utf8_lossy(&bytes).contains(CANARY))
    };
    assert_eq!(redis.rewrite_files(patience).await.unwrap(), 0, "nothing was erased");
    assert_eq!(redis.lets_go_of_entries().await.unwrap(), Some(true));
    let ((_, gone), (_, kept)) = (world.started("gone-1").await, world.started("kept-1").await);
    assert!(redis.promote(&gone, "workspaceCommit", CANARY, *NOW).await.unwrap());
    let erasure = redis.begin_erasure(&gone, *NOW).await.unwrap().unwrap();
    world.confirm_all().await;
    assert!(redis.erase_entries(&erasure).await.unwrap());
    redis.erase_keys(&erasure, *NOW).await.unwrap();
    redis.finish_erasure(&erasure).await.unwrap();
    let before = redis.session(&kept).await.unwrap();
    assert!(is_there(), "until the file is rewritten");
    assert_eq!(redis.rewrite_files(patience).await.unwrap(), 1);
    // Redis removes the old files beside its work.
    let until = std::time::Instant::now() + patience;
    while is_there() {
        assert!(std::time::Instant::now() < until, "it is still there");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(redis.rewrite_files(patience).await.unwrap(), 0, "once is enough");
    assert_eq!(redis.session(&kept).await.unwrap(), before);
    let client = redis::Client::open(world.server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut pack = redis::cmd("CONFIG");
    let () = pack.arg(&["SET", "stream-node-max-entries", "100"]).query_async(&mut connection).await.unwrap();
    assert_eq!(redis.lets_go_of_entries().await.unwrap(), Some(false));
}

#[tokio::test]
async fn an_index_written_after_the_erasure_is_taken_back() {
    let world = World::new().await;
    let (_, name) = world.started("gone-1").await;
    let read_before = world.redis.session(&name).await.unwrap().unwrap();
    let erasure = world.redis.begin_erasure(&name, *NOW).await.unwrap().unwrap();
    world.redis.erase_keys(&erasure, *NOW).await.unwrap();
    world.redis.index_session(&read_before).await.unwrap();
    let query = SessionQuery { limit: 9, ..SessionQuery::default() };
    assert_eq!(world.redis.list_sessions(world.org, &query).await.unwrap(), (vec![], 0));
}

#[tokio::test]
async fn the_last_upload_and_the_last_submission_count_until_the_grace_is_over() {
    let world = World::new().await;
    let redis = &world.redis;
    let (key, name) = world.started("s-1").await;
    let grant = UploadGrant { org: world.org, key: key.id, object: Uuid::new_v4() };
    let far = Timestamp::from_millis(4_000_000_000_000);
    let secret = redis.grant_upload(&grant, far).await.unwrap();
    assert_eq!(redis.upload_grant(&secret).await.unwrap(), Some(grant));
    assert_eq!(redis.upload_grant("put_other").await.unwrap(), None);
    let expired = redis.grant_upload(&grant, Timestamp::from_millis(1)).await.unwrap();
    assert_eq!(redis.upload_grant(&expired).await.unwrap(), None);

    for sha256 in ["ab", "cd"] {
        assert_eq!(redis.note_upload(&name, grant.object, &bundle(sha256), 0).await.unwrap(), Kept::Yes);
    }
    assert_eq!(redis.uploads(&name).await.unwrap(), [(grant.object, bundle("cd"))]);
    assert_eq!(redis.submission(&name).await.unwrap(), None);
    for base in ["abc1234", ""] {
        assert_eq!(redis.save_submission(&name, &submission(base), 0).await.unwrap(), Kept::Yes);
        assert_eq!(redis.submission(&name).await.unwrap(), Some(submission(base)));
    }
    let close = Close { ended_at: *NOW, now: *NOW, reason: "complete", overwrite: false };
    redis.close_session(&name, &close).await.unwrap();
    let late = |by_ms: i64| Submission { at: NOW.plus_millis(by_ms), ..submission("late") };
    assert_eq!(redis.save_submission(&name, &late(1_001), 1_000).await.unwrap(), Kept::Ended);
    assert_eq!(redis.save_submission(&name, &late(1_000), 1_000).await.unwrap(), Kept::Yes);
    let too_late = Bundle { at: NOW.plus_millis(1_001), ..bundle("ef") };
    assert_eq!(redis.note_upload(&name, grant.object, &too_late, 1_000).await.unwrap(), Kept::Ended);
    redis.forget_uploads(&name, &[grant.object]).await.unwrap();
    assert_eq!(redis.uploads(&name).await.unwrap(), []);

    assert!(redis.promote(&name, "workspaceCommit", "abc1234", *NOW).await.unwrap());
    assert!(redis.promote(&name, "workspaceCommit", "def5678", *NOW).await.unwrap());
    let metadata = redis.session(&name).await.unwrap().unwrap().record.metadata;
    assert_eq!(metadata.get("workspaceCommit").unwrap(), "def5678");
}

#[tokio::test]
async fn the_keys_of_an_organisation_are_paged_newest_first_without_those_that_are_gone() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(world.started(name).await.0.id);
    }
    let page = async |limit, offset| {
        let (keys, total) = world.redis.page_candidate_keys(world.org, limit, offset).await.unwrap();
        (keys.iter().map(|key| key.id).collect::<Vec<_>>(), total)
    };
    ids.reverse();
    assert_eq!(page(2, 1).await, (ids.iter().copied().skip(1).take(2).collect(), 4));
    assert_eq!(page(2, u64::MAX).await, (vec![], 4));
    let revoked = ids.remove(1);
    assert!(world.redis.revoke_candidate_key(world.org, revoked, *NOW).await.unwrap());
    assert_eq!(page(9, 0).await, (ids, 3));
    assert!(world.redis.delete_assessment(world.org, world.assessment.id, *NOW).await.unwrap());
    assert_eq!(page(9, 0).await, (vec![], 0));
}
