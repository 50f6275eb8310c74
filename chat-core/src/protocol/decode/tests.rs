use super::*;
use crate::model::UserId;

fn decode(text: &str) -> Result<ClientFrame, FrameError> {
    ClientFrame::decode(text.as_bytes())
}

fn error(text: &str) -> (&'static str, Option<&'static str>) {
    let error = decode(text).unwrap_err();
    (error.code.as_str(), error.field)
}

#[test]
fn reads_every_type() {
    for text in [
        r#"{"type":"hello"}"#,
        r#"{"type":"hello","token":"t","epoch":"e","rooms":{"1":5,"2":null},"subscribe":"listed"}"#,
        r#"{"type":"auth","token":"t"}"#,
        r#"{"type":"subscribe","room_id":1,"since":0}"#,
        r#"{"type":"unsubscribe","room_id":1}"#,
        r#"{"type":"send","id":"a","room_id":1,"content":"hi"}"#,
        r#"{"type":"send","id":1,"to_user":"2","content":"hi","kind":"text","client_id":"c","reply_to":1,"thread":1,"mentions":["3"],"attachments":[],"metadata":{"a":1}}"#,
        r#"{"type":"edit","room_id":1,"seq":2,"content":"x"}"#,
        r#"{"type":"delete","room_id":1,"seq":2}"#,
        r#"{"type":"react","room_id":1,"seq":2,"emoji":"👍"}"#,
        r#"{"type":"unreact","room_id":1,"seq":2,"emoji":"👍"}"#,
        r#"{"type":"typing","room_id":1,"is_typing":true}"#,
        r#"{"type":"read","room_id":1,"seq":2}"#,
        r#"{"type":"presence","status":"away"}"#,
        r#"{"type":"history","room_id":1,"before":2,"limit":3}"#,
        r#"{"type":"ping","id":"p","later":"unknown fields are passed over"}"#,
    ] {
        assert!(decode(text).is_ok(), "{text}: {:?}", decode(text));
    }
    let Ok(ClientFrame { command: Command::Send(send), id: Some(FrameId::Number(1)) }) =
        decode(r#"{"type":"send","id":1,"to_user":"2","content":"\u00e9"}"#)
    else {
        panic!("not a send")
    };
    assert_eq!((send.to, send.content.as_str()), (SendTo::User(UserId::new("2").unwrap()), "é"));
}

#[test]
fn names_what_is_wrong() {
    for text in ["", "x", "[]", "1", "null", "{", r#"{"id":1}"#, r#"{"type":1}"#, r#"{"type":"nope"}"#] {
        assert_eq!(error(text), ("bad_frame", None), "{text}");
    }
    let deep = format!(
        r#"{{"type":"send","room_id":1,"content":"x","metadata":{{"a":{}1{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    assert!(decode(&deep).is_err());
    for (text, field) in [
        (r#"{"type":"ping","id":1.5}"#, "id"),
        (r#"{"type":"ping","id":-1}"#, "id"),
        (r#"{"type":"ping","id":[]}"#, "id"),
        (r#"{"type":"send","content":"x"}"#, "room_id"),
        (r#"{"type":"send","room_id":"1","content":"x"}"#, "room_id"),
        (r#"{"type":"send","room_id":0,"content":"x"}"#, "room_id"),
        (r#"{"type":"send","room_id":1,"to_user":"2","content":"x"}"#, "to_user"),
        (r#"{"type":"send","room_id":1}"#, "content"),
        (r#"{"type":"send","room_id":1,"content":null}"#, "content"),
        (r#"{"type":"send","room_id":1,"content":5}"#, "content"),
        (r#"{"type":"send","room_id":1,"content":"a\u0000b"}"#, "content"),
        (r#"{"type":"send","room_id":1,"content":"x","client_id":""}"#, "client_id"),
        (r#"{"type":"send","room_id":1,"content":"x","metadata":[]}"#, "metadata"),
        (r#"{"type":"send","room_id":1,"content":"x","mentions":"3"}"#, "mentions"),
        (r#"{"type":"read","room_id":1,"seq":9007199254740992}"#, "seq"),
        (r#"{"type":"read","room_id":1,"seq":-1}"#, "seq"),
        (r#"{"type":"history","room_id":1,"before":1,"after":2}"#, "before"),
        (r#"{"type":"presence","status":"asleep"}"#, "status"),
        (r#"{"type":"hello","rooms":{"x":1}}"#, "rooms"),
        (r#"{"type":"hello","rooms":[1]}"#, "rooms"),
        (r#"{"type":"hello","subscribe":"some"}"#, "subscribe"),
        (r#"{"type":"auth"}"#, "token"),
    ] {
        assert_eq!(error(text), ("bad_field", Some(field)), "{text}");
    }
    let named = decode(r#"{"type":"nope","id":"a"}"#).unwrap_err();
    assert_eq!(named.id, Some(FrameId::Text("a".into())));
    assert!(ClientFrame::decode(b"{\"type\":\"ping\",\"id\":\"\xff\"}").is_err());
}
