//! Every operation, in the order of the routes.

use chat_core::{
    AuditPage, ReportPage, UserView,
    model::{Message, Report, RoomDetail, RoomEntry, Unread},
    store::{MessagePage, SearchPage},
};

use super::operation::Operation;
use crate::media::routes::{UploadForm, Uploaded};
use crate::rest::{
    Added, AuditQuery, Bans, Blocks, Changed, Events, EventsQuery, MemberPatch, Members, MembersQuery,
    MessagePatch, MessagesQuery, NewMembers, NewMessage, NewReport, NewRoom, Presence, PresenceQuery,
    ReadUpTo, RemovalQuery, ReportPatch, ReportsQuery, RoomPatch, Rooms, RoomsQuery, SearchQuery, Versions,
};

pub(super) fn all() -> Vec<Operation> {
    let mut all = rooms();
    all.extend(members());
    all.extend(messages());
    all.extend(moderation());
    all.extend(others());
    all
}

fn rooms() -> Vec<Operation> {
    vec![
        Operation::new("post", "/rooms", "createRoom", "Make a room")
            .described(
                "A direct room is unique for its pair, and a room with a `client_id` for its maker: asking again \
                 gives the one that stands, with 200.",
            )
            .body::<NewRoom>()
            .gives::<RoomEntry>(201, "It was made.")
            .gives::<RoomEntry>(200, "It stood."),
        Operation::new("get", "/rooms", "listRooms", "List rooms, the latest active first")
            .query::<RoomsQuery>()
            .gives::<Rooms>(200, "One page."),
        Operation::new("get", "/rooms/{id}", "readRoom", "Read a room with its members")
            .gives::<RoomDetail>(200, "The room."),
        Operation::new("patch", "/rooms/{id}", "updateRoom", "Change a room (moderators)")
            .body::<RoomPatch>()
            .gives::<RoomEntry>(200, "The room as it is now."),
        Operation::new("delete", "/rooms/{id}", "deleteRoom", "Delete a room and all that was said in it (owners)")
            .ends(204, "It is gone."),
    ]
}

fn members() -> Vec<Operation> {
    vec![
        Operation::new("post", "/rooms/{id}/members", "addMembers", "Add members (moderators)")
            .body::<NewMembers>()
            .gives::<Added>(200, "They are members."),
        Operation::new("get", "/rooms/{id}/members", "listMembers", "List members by user id")
            .query::<MembersQuery>()
            .gives::<Members>(200, "One page."),
        Operation::new("post", "/rooms/{id}/members/{user}", "joinRoom", "Join a public room")
            .described("`user` is `me`.")
            .gives::<Changed>(200, "The caller is a member."),
        Operation::new("patch", "/rooms/{id}/members/{user}", "changeMember", "Give a role, mute, hand over")
            .body::<MemberPatch>()
            .gives::<Changed>(200, "It is so now."),
        Operation::new(
            "delete",
            "/rooms/{id}/members/{user}",
            "removeMember",
            "Remove or ban a member, or leave",
        )
        .query::<RemovalQuery>()
        .gives::<Changed>(200, "The user is no member."),
        Operation::new("get", "/rooms/{id}/bans", "listBans", "Who is kept out (moderators)")
            .gives::<Bans>(200, "The bans, latest first."),
        Operation::new("delete", "/rooms/{id}/bans/{user}", "liftBan", "Lift a ban (moderators)")
            .ends(204, "It is lifted."),
    ]
}

fn messages() -> Vec<Operation> {
    vec![
        Operation::new("post", "/rooms/{id}/messages", "sendMessage", "Send a message")
            .described(
                "With a `client_id` it can be repeated: it is stored once, and a repeat gives the first result. \
                 After `outcome_unknown`, repeat.",
            )
            .body::<NewMessage>()
            .gives::<Message>(201, "It is stored.")
            .gives::<Message>(200, "It was stored before, under the same `client_id`."),
        Operation::new("get", "/rooms/{id}/messages", "listMessages", "Read messages, oldest first")
            .query::<MessagesQuery>()
            .gives::<MessagePage>(200, "One page: the newest, or those about a place."),
        Operation::new("patch", "/rooms/{id}/messages/{seq}", "editMessage", "Edit an own message")
            .body::<MessagePatch>()
            .gives::<Changed>(200, "It says so now."),
        Operation::new("delete", "/rooms/{id}/messages/{seq}", "deleteMessage", "Delete a message")
            .gives::<Changed>(200, "Nothing of what it said is left."),
        Operation::new("get", "/rooms/{id}/messages/{seq}/versions", "listVersions", "Earlier versions of a message")
            .gives::<Versions>(200, "Oldest first, without the one that stands."),
        Operation::new("put", "/rooms/{id}/messages/{seq}/reactions/{emoji}", "react", "React to a message")
            .gives::<Changed>(200, "The reaction stands."),
        Operation::new("delete", "/rooms/{id}/messages/{seq}/reactions/{emoji}", "unreact", "Take a reaction back")
            .gives::<Changed>(200, "The reaction is gone."),
        Operation::new("put", "/rooms/{id}/read", "markRead", "Move the own read pointer forward")
            .body::<ReadUpTo>()
            .gives::<Unread>(200, "Where it stands, and what is unread."),
        Operation::new("get", "/rooms/{id}/events", "listEvents", "Read a room's log: what a gap left out")
            .described(
                "Another `epoch` than stands is a conflict with `reset`: what the client holds is void. A `since` \
                 above the head gives no events.",
            )
            .query::<EventsQuery>()
            .gives::<Events>(200, "Events above `since`, oldest first, without a hole."),
    ]
}

fn moderation() -> Vec<Operation> {
    vec![
        Operation::new("get", "/rooms/{id}/audit", "listAudit", "What moderators did, newest first (moderators, admins)")
            .query::<AuditQuery>()
            .gives::<AuditPage>(200, "One page."),
        Operation::new("post", "/reports", "reportMessage", "Report a message")
            .described(
                "By `message_id`, or by `room_id` and `seq`; where both are told they must agree. Once a user and \
                 message: a second report is a conflict. The report keeps a copy of what the message \
                 says now.",
            )
            .body::<NewReport>()
            .gives::<Report>(201, "It is kept.")
            .fails(&[404]),
        Operation::new("get", "/reports", "listReports", "Reports, newest first (moderators, admins)")
            .described("Reports of messages of direct rooms are for admins alone.")
            .query::<ReportsQuery>()
            .gives::<ReportPage>(200, "One page.")
            .fails(&[404]),
        Operation::new("patch", "/reports/{id}", "decideReport", "Decide on a report (moderators, admins)")
            .body::<ReportPatch>()
            .gives::<Report>(200, "The report as it is now."),
        Operation::new("get", "/blocks", "listBlocks", "Whom the caller has blocked")
            .gives::<Blocks>(200, "All of them, by id."),
        Operation::new("put", "/blocks/{id}", "block", "Block a user")
            .described(
                "Who is blocked can neither write to the caller directly nor add the caller to a room, and is not shown \
                 to the caller as typing or present.",
            )
            .ends(204, "The block stands."),
        Operation::new("delete", "/blocks/{id}", "unblock", "Take a block back").ends(204, "There is none."),
    ]
}

fn others() -> Vec<Operation> {
    vec![
        Operation::new("post", "/attachments", "uploadAttachment", "Upload a file (where this server keeps files)")
            .described(
                "A form with the field `file`, and perhaps `room_id`, the only room that it may be sent in. The type is \
                 told from the bytes: 415 where it is not taken or not what it is said to be. Send it by its `id`; what \
                 is not sent within a day is removed.",
            )
            .form::<UploadForm>()
            .gives::<Uploaded>(201, "It is stored, and yours to send.")
            .fails(&[404]),
        Operation::new("get", "/attachments/{id}", "readAttachment", "Fetch a file")
            .described(
                "For its uploader before it is sent, then for who may read its message. Ranges (one), `If-Range` and \
                 `If-None-Match` are understood. The cookie `chat_media`, which every answer to who is known gives, \
                 opens it too.",
            )
            .ends(200, "The file.")
            .ends(206, "The part of it that was asked for.")
            .ends(304, "It is as it was.")
            .ends(307, "It is elsewhere, for as long as the address holds.")
            .fails(&[416]),
        Operation::new("delete", "/attachments/{id}", "removeAttachment", "Remove an own file that is not sent")
            .ends(204, "It is gone."),
        Operation::new("get", "/search", "searchMessages", "Find messages by their words, newest first")
            .described(
                "A page may be short, or empty, and there be more: follow `next`. An unknown room and one that the \
                 caller is not in are told alike.",
            )
            .query::<SearchQuery>()
            .gives::<SearchPage>(200, "One page.")
            .fails(&[404, 413, 429]),
        Operation::new("get", "/users/{id}", "readUser", "What is shown of a user")
            .gives::<UserView>(200, "The user."),
        Operation::new("get", "/presence", "readPresence", "Who is there")
            .query::<PresenceQuery>()
            .gives::<Presence>(200, "Those of them with whom the caller shares a room.")
            .fails(&[413]),
        Operation::new("get", "/ws", "openSocket", "Open the WebSocket")
            .described(
                "The token may be in the first frame (`hello`), in `Authorization`, in the query (`token`), in the \
                 cookie, or in the subprotocol `chat.bearer.<token>` beside `chat.v1`. Without a valid one the \
                 socket is accepted and closed with 4401.",
            )
            .public()
            .ends(101, "The socket is open: the first frame is `hello`."),
        Operation::new("get", "/openapi.json", "readDescription", "This description")
            .public()
            .ends(200, "OpenAPI 3.1."),
        Operation::new("get", "/asyncapi.json", "readSocketDescription", "The description of the socket")
            .public()
            .ends(200, "AsyncAPI 3.0."),
        Operation::new("get", "/protocol.schema.json", "readFrameSchemas", "The socket's frames as JSON Schema")
            .public()
            .ends(200, "JSON Schema, draft 2020-12."),
        Operation::new("get", "/protocol.d.ts", "readFrameTypes", "The socket's frames as TypeScript")
            .public()
            .ends(200, "Declarations."),
    ]
}
