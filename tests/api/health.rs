//! `GET /v1/health` and `GET /v1/ready`.

use crate::harness::{TestApp, eventually, shown};

#[tokio::test]
async fn a_server_that_lives_says_so_and_names_the_store_that_is_away() {
    let mut app = TestApp::start().await;
    let anonymous = app.anonymous();
    insta::assert_json_snapshot!("health", shown(&anonymous.get("/v1/health").await));
    insta::assert_json_snapshot!("ready", shown(&anonymous.get("/v1/ready").await));

    app.kill_clickhouse();
    let away = anonymous.get("/v1/ready").await;
    away.refused(503, "not_ready");
    assert_ne!(away.header("retry-after"), "");
    insta::assert_json_snapshot!("ready_without_clickhouse", shown(&away));

    app.kill_redis();
    let both = eventually("redis to be missed", async || {
        Some(anonymous.get("/v1/ready").await).filter(|reply| reply.body["unavailable"].as_array().unwrap().len() == 2)
    })
    .await;
    insta::assert_json_snapshot!("ready_without_stores", shown(&both));
    anonymous.get("/v1/health").await.expect(200);

    app.restart_redis();
    app.restart_clickhouse();
    app.ready().await;
    app.assessment().await;
}
