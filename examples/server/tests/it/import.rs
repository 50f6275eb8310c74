//! `chat-server import` as a process: from Postgres and from lines, again, and under a server that runs.

use std::{fs, process::Command};

use xtask::Postgres;

use crate::{
    http,
    process::{Folder, Launch, command},
    rest::{SECRET, log, token},
};

/// Tables as Django makes them in Postgres, in a schema of their own; the participants' column as some name it.
const TABLES: &str = "
    CREATE SCHEMA site; SET search_path = site;
    CREATE TABLE chat_rooms (id bigint PRIMARY KEY, name varchar(255) NOT NULL, is_group boolean NOT NULL,
        created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
    CREATE TABLE chat_rooms_participants (id bigserial PRIMARY KEY, room_id bigint NOT NULL, user_id integer NOT NULL);
    CREATE TABLE chat_messages (id bigint PRIMARY KEY, room_id bigint NOT NULL, sender_id integer NOT NULL,
        content text NOT NULL, message_type varchar(20) NOT NULL, status varchar(20) NOT NULL,
        created_at timestamptz NOT NULL);
    INSERT INTO chat_rooms VALUES (4, 'Team', true, '2024-01-15 10:00:00+01', now()), (5, '', false, now(), now());
    INSERT INTO chat_rooms_participants (room_id, user_id) VALUES (4, 1), (4, 2), (5, 2), (5, 1);
    INSERT INTO chat_messages SELECT n, 4, 1 + n % 2, 'message ' || n, 'text', 'sent',
        '2024-01-15 11:00:00.25+01'::timestamptz + n / 3 * interval '1 second' FROM generate_series(1, 1200) n;";

/// What an import says on its standard output, and whether it came to the end.
fn import(arguments: &[&str]) -> (String, bool) {
    let output = command().arg("import").args(arguments).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

fn sql(postgres: &Postgres, text: &str) {
    let mut psql = Command::new(postgres.companion("psql"));
    let output =
        psql.args(["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", &postgres.url(), "--command", text]);
    let output = output.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_of_django_is_taken_over_under_a_server_that_runs() {
    let postgres = tokio::task::block_in_place(|| Postgres::start(false).unwrap());
    sql(&postgres, TABLES);
    let mut launch =
        Launch::on(Folder::new("import"), postgres.url(), &["--jwt-secret", SECRET, "--media=memory:"]);
    let server = launch.start();
    let from = format!("{}?options=-c%20search_path%3Dsite", postgres.url());
    let (first, ended) = import(&["--from", &from, "--into", &postgres.url()]);
    assert!(ended, "{first}");
    assert!(first.contains("rooms:    2 stored"), "{first}");
    assert!(first.contains("messages: 1200 stored, 0 present, 0 different, 0 skipped"), "{first}");
    let (again, ended) = import(&["--from", &from, "--database", &postgres.url()]);
    assert!(ended && again.contains("messages: 0 stored, 1200 present, 0 different, 0 skipped"), "{again}");

    let body = serde_json::json!({ "content": "said here" });
    let sent = http::must(server.address, "POST", "/api/v1/rooms/4/messages", &token(1), Some(&body)).await;
    assert_eq!(sent["seq"], 1_202, "{sent}");
    assert!(sent["id"].as_i64().unwrap() > 1_200, "{sent}");
    let log = log(server.address, &token(2), 4).await;
    assert_eq!((&log[0]["type"], log.len()), (&"room_created".into(), 1_202));
    for (place, event) in log[1..=1_200].iter().enumerate() {
        assert_eq!(event["message"]["id"], place + 1, "{event}");
    }
    assert_eq!(log[1]["message"]["at"], "2024-01-15T10:00:00.250Z");
}

#[test]
fn rows_that_cannot_be_are_told_and_end_nothing() {
    let postgres = Postgres::start(false).unwrap();
    sql(&postgres, TABLES);
    sql(
        &postgres,
        "SET search_path = site;
        ALTER TABLE chat_rooms_participants ALTER user_id DROP NOT NULL;
        ALTER TABLE chat_rooms ALTER is_group DROP NOT NULL;
        ALTER TABLE chat_messages ALTER created_at DROP NOT NULL;
        INSERT INTO chat_rooms VALUES (6, 'Late', NULL, 'infinity', now()), (7, 'Old', NULL, '0044-03-15 BC', now());
        INSERT INTO chat_rooms_participants (room_id, user_id) VALUES (4, NULL);
        INSERT INTO chat_messages SELECT 2000 + n, 4, 1, 'x', 'text', 'sent',
            (CASE n % 2 WHEN 0 THEN 'infinity' ELSE '-infinity' END)::timestamptz FROM generate_series(1, 1100) n;
        INSERT INTO chat_messages VALUES (4000, 4, 1, 'x', 'text', 'sent', NULL),
            (4001, 4, 1, 'x', 'text', 'sent', '0044-03-15 BC'), (9007199254740991, 4, 1, 'x', 'text', 'sent', now());",
    );
    let folder = Folder::new("import-rows");
    let into = format!("sqlite://{}", folder.join("chat.db").display());
    let from = format!("{}?options=-c%20search_path%3Dsite%20-c%20datestyle%3DGerman", postgres.url());
    let (report, ended) = import(&["--from", &from, "--into", &into]);
    assert!(ended, "{report}");
    assert!(report.contains("rooms:    2 stored, 0 present, 0 different, 2 skipped"), "{report}");
    assert!(report.contains("messages: 1200 stored, 0 present, 0 different, 1103 skipped"), "{report}");
    assert!(report.contains("- participant of room 4: it has no user_id"), "{report}");
}

#[test]
fn lines_are_taken_over_and_a_fault_is_named() {
    let folder = Folder::new("import-lines");
    let (file, into) = (folder.join("rooms.jsonl"), format!("sqlite://{}", folder.join("chat.db").display()));
    let whole = "{\"room\":{\"id\":3,\"created_at\":\"2024-01-15T09:00:00Z\"}}\n\
        {\"member\":{\"room\":3,\"user\":7}}\n\
        {\"message\":{\"id\":9,\"room\":3,\"sender\":7,\"content\":\"hi\",\"created_at\":\"2024-01-15T10:00:00Z\"}}\n";
    let from = file.display().to_string();
    fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    let (_, ended) = import(&["--from", &from, "--into", &into]);
    assert!(!ended, "half a line");
    fs::write(&file, whole).unwrap();
    let (report, ended) = import(&["--from", &from, "--into", &into]);
    assert!(ended && report.contains("messages: 1 stored"), "{report}");
    let (report, ended) = import(&["--from", &from, "--into", &into]);
    assert!(ended && report.contains("messages: 0 stored, 1 present"), "{report}");
    let (help, _) = import(&["--help"]);
    for said in ["chat_rooms_participants", "JSON lines", "broken off", "--into"] {
        assert!(help.contains(said), "{said}: {help}");
    }
    assert!(!import(&["--from", &from, "--into", "memory:"]).1);
}
