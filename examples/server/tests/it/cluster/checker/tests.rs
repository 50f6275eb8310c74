//! That the checker can fail.

use serde_json::{Value, json};

use super::{
    super::record::{Acknowledged, Answered, Connection, Given, Record, SharedLedger},
    Evidence,
};

const ROOM: u64 = 7;

fn message(seq: u64, client_id: &str) -> Value {
    json!({ "type": "message", "room_id": ROOM, "seq": seq, "actor": "3", "client_id": client_id })
}

fn acknowledged(seq: u64) -> Acknowledged {
    Acknowledged { epoch: "e".to_owned(), place: (ROOM, seq) }
}

/// One client that saw all of a short log, two messages of which are its own.
fn good() -> Evidence {
    let log = vec![json!({ "type": "room_created", "seq": 1 }), message(2, "c0-1"), message(3, "c0-2")];
    let ledger = SharedLedger::default();
    for (event, seq) in log.iter().zip(1..) {
        ledger.note("e", (ROOM, seq), event);
    }
    let connection = Connection {
        epoch: "e".to_owned(),
        starts: [(ROOM, 0)].into(),
        given: (1..=3).map(|seq| Given::Event { room: ROOM, seq }).collect(),
        stored: vec![Answered { room: ROOM, frame: 1, seq: 2 }, Answered { room: ROOM, frame: 2, seq: 3 }],
        ..Connection::default()
    };
    let record = Record {
        name: "c0".to_owned(),
        user: "3".to_owned(),
        rooms: vec![ROOM],
        connections: vec![connection],
        acknowledged: [("c0-1".to_owned(), acknowledged(2)), ("c0-2".to_owned(), acknowledged(3))].into(),
        cursors: [(ROOM, 3)].into(),
        ..Record::default()
    };
    Evidence { records: vec![record], heads: [(ROOM, 3)].into(), logs: [(ROOM, log)].into(), ledger }
}

#[test]
fn the_cluster_checker_finds_what_is_spoilt() {
    assert_eq!(good().wrongs(), Vec::<String>::new());
    let spoilt = |what: &str, words: &str, spoil: fn(&mut Evidence)| {
        let mut evidence = good();
        spoil(&mut evidence);
        let wrong = evidence.wrongs();
        assert!(wrong.iter().any(|wrong| wrong.contains(words)), "{what}: {wrong:?}");
    };
    fn connection(evidence: &mut Evidence) -> &mut Connection {
        &mut evidence.records[0].connections[0]
    }
    fn log(evidence: &mut Evidence) -> &mut Vec<Value> {
        evidence.logs.get_mut(&ROOM).unwrap()
    }
    spoilt("an event is left out", "above 1", |evidence| {
        connection(evidence).given.remove(1);
    });
    spoilt("an event comes twice", "above 2", |evidence| {
        let again = connection(evidence).given[1];
        connection(evidence).given.insert(2, again);
    });
    spoilt("two change places", "above 1", |evidence| connection(evidence).given.swap(1, 2));
    spoilt("a gap where there was no need", "could be given", |evidence| {
        connection(evidence).given[0] = Given::Gap { room: ROOM, from: 1, to: 1 };
    });
    spoilt("a message is lost", "acknowledged at", |evidence| {
        log(evidence)[2] = json!({ "type": "room_changed", "seq": 3 });
    });
    spoilt("a message is stored twice", "stored twice", |evidence| {
        log(evidence).push(message(4, "c0-2"));
    });
    spoilt("a message comes from nowhere", "never sent", |evidence| log(evidence).push(message(4, "c0-9")));
    spoilt("a message is someone else's", "is said to be of", |evidence| {
        log(evidence)[1]["actor"] = json!("4");
    });
    spoilt("what was given is not what is stored", "but stored is", |evidence| {
        log(evidence)[1]["content"] = json!("other");
    });
    spoilt("commands change places", "changed places", |evidence| {
        connection(evidence).stored[0].frame = 3;
    });
    spoilt("a client is left behind", "ended at", |evidence| {
        evidence.records[0].cursors.insert(ROOM, 2);
    });
    spoilt("a client is ahead", "ended at", |evidence| {
        evidence.records[0].cursors.insert(ROOM, 4);
    });
    spoilt("a reset that nothing called for", "reset is true", |evidence| {
        connection(evidence).is_reset = true;
    });
    spoilt("another epoch without a reset", "reset is false", |evidence| {
        let mut before = connection(evidence).clone();
        before.epoch = "d".to_owned();
        evidence.records[0].connections.insert(0, before);
    });
    spoilt("a connection is closed for a fault", "closed with", |evidence| {
        connection(evidence).close = Some(4429);
    });
    spoilt("a frame that has no business there", "odd", |evidence| {
        evidence.records[0].odd.push("odd".to_owned());
    });
}
