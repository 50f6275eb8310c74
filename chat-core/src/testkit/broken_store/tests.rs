use std::sync::Arc;

use super::{BrokenStore, Flaw};
use crate::{
    store::{LogStore, Outcome},
    testkit::tape::{content, recorded, said, send},
};

#[tokio::test]
async fn pages_show_the_flaw_at_every_third_position() {
    let tape = recorded(7).await;
    for (flaw, expected, met) in [
        (Flaw::Missing, "1=1 2=2 4=4 5=5 7=7", 2),
        (Flaw::Doubled, "1=1 2=2 3=3 3=3 4=4 5=5 6=6 6=6 7=7", 2),
        (Flaw::Swapped, "1=1 3=3 2=2 4=4 6=6 5=5 7=7", 2),
        (Flaw::Echoed, "1=1 2=2 3=2 4=4 5=5 6=5 7=7", 2),
        (Flaw::Mixed, "1=1 2=3 3=2 4=4 5=6 6=5 7=7", 2),
        (Flaw::FalseAck, "1=1 2=2 3=3 4=4 5=5 6=6 7=7", 0),
    ] {
        let broken = BrokenStore::new(Arc::clone(&tape), flaw, 3);
        let said: Vec<_> = said(&broken).await.iter().map(|(seq, text)| format!("{seq}={text}")).collect();
        assert_eq!(said.join(" "), expected, "{flaw:?}");
        assert_eq!(broken.times_met(), met, "{flaw:?}");
    }
}

#[tokio::test]
async fn a_false_ack_looks_like_a_true_one_and_stores_nothing() {
    let tape = recorded(0).await;
    let broken = BrokenStore::new(Arc::clone(&tape), Flaw::FalseAck, 3);
    let batch = ["a", "b", "c", "d"].map(send).into();
    let answers: Vec<_> = broken.commit(batch).await.unwrap().into_iter().map(Result::unwrap).collect();
    let said_back: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Outcome::Applied(event) => content(event),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said_back, ["a", "b", "c", "d"]);
    let stored: Vec<_> = said(&*tape).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(stored, ["a", "b", "d"]);
    assert_eq!(broken.times_met(), 1);
    assert_eq!(broken.commit(vec![send("e")]).await.unwrap().len(), 1);
    assert_eq!(broken.commit(vec![send("f")]).await.unwrap().len(), 1, "all of it forged");
    assert_eq!(said(&*tape).await.len(), 4);
}
