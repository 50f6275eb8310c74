//! Front ends written for other systems, from the description of their wire formats alone: in a browser, on an origin
//! of their own.

mod doors;
mod origin;
mod stage;
mod uploads;

use stage::Stage;

#[tokio::test]
async fn flat() {
    Stage::alone("flat").await.play().await;
}

#[tokio::test]
async fn envelope() {
    Stage::alone("envelope").await.play().await;
}

#[tokio::test]
async fn direct() {
    Stage::alone("direct").await.play().await;
}

#[tokio::test]
async fn conversation() {
    Stage::alone("conversation").await.play().await;
}

#[tokio::test]
async fn thread() {
    Stage::alone("thread").await.play().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_on_two_nodes() {
    Stage::two_nodes("direct").await.play().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thread_on_two_nodes() {
    Stage::two_nodes("thread").await.play().await;
}
