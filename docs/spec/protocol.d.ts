// The frames of the chat's native protocol. Made from the engine's types: not to be changed by hand.
//
// `ClientFrame` is what is sent and `ServerFrame` what comes in; `type` tells them apart, but for the two forms of
// `presence`, and for `ok`, whose form is that of the frame asked with: see `Answers`.

/** A stored file, as messages show it. Its content never changes under its id. */
export interface Attachment {
  /** By which it is sent and fetched. */
  id: AttachmentId;
  /** What its uploader called it, without a path; for people. */
  name: string;
  /** Its MIME type, told from its bytes. */
  content_type: string;
  /** Its length in bytes. */
  size: number;
  /** How to show it. */
  kind: AttachmentKind;
  /** The height of an image in pixels. */
  height?: number;
  /** The width of an image in pixels. */
  width?: number;
}

/** A stored file. */
export type AttachmentId = string;

/** How a file is shown. */
export type AttachmentKind =
  /** In place. */
  | "image"
  /** By a player. */
  | "audio"
  /** By a player. */
  | "video"
  /** By its name and size. */
  | "file";

/** A new token of the same user. */
export interface AuthCommand {
  type: "auth";
  id?: FrameId | null;
  /** The token. */
  token: Text;
}

/** Whom the own user has blocked, all of them; to the user's own connections alone. */
export interface BlockedSignal {
  type: "blocked";
  /** By id. */
  users: Array<UserId>;
}

/** The last frame before the connection is closed. */
export interface ByeFrame {
  type: "bye";
  reason: ByeReason;
  reconnect_after_ms: number;
}

/** Why the server ends a connection. */
export type ByeReason =
  /** The node goes down: reconnect and resume after the time told. */
  | "shutdown"
  /** The store was restored or replaced: reconnect without cursors and load anew. */
  | "reset"
  /** The token has ended. */
  | "token_expired"
  /** The host or an operator ended it. */
  | "disconnected"
  /** The user has a connection more than allowed, and this is the oldest. */
  | "superseded"
  /** The client sent too much, or read too little. */
  | "flood";

/** What a client says. */
export type ClientFrame =
  | HelloCommand
  | AuthCommand
  | SubscribeCommand
  | UnsubscribeCommand
  | SendCommand
  | EditCommand
  | DeleteCommand
  | ReactCommand
  | UnreactCommand
  | TypingCommand
  | ReadCommand
  | PresenceCommand
  | HistoryCommand
  | PingCommand;

/** The key to ask again under, unique per room and sender. */
export type ClientId = string;

/** Why a connection is closed, as the WebSocket close code says it. */
export type CloseCode =
  /** Normal. The client wished it. */
  | 1000
  /** GoingAway. The node goes down: reconnect and resume. */
  | 1001
  /** ProtocolError. The transport's own rules were broken: do not come back. */
  | 1002
  /** InvalidText. A text that is not UTF-8: do not come back with it. */
  | 1007
  /** TooLarge. A frame above its bound: do not come back with it. */
  | 1009
  /** Restart. The store was restored: reconnect and load anew. */
  | 1012
  /** BadProtocol. Not the protocol: do not come back. */
  | 4400
  /** Unauthorized. No valid token, or it has ended: come back with another. */
  | 4401
  /** Forbidden. Not allowed here: do not come back. */
  | 4403
  /** HeartbeatTimeout. Nothing was heard for too long: reconnect and resume. */
  | 4408
  /** Superseded. The user has a connection more than allowed, and this was the oldest: do not come back by itself. */
  | 4409
  /** Flood. Sent too much, or read too little: reconnect and resume after a wait. */
  | 4429;

/** A connection. */
export type ConnectionId = string;

/** A message is to go. */
export interface DeleteCommand {
  type: "delete";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** The message. */
  seq: Seq;
}

/** A message's new text. */
export interface EditCommand {
  type: "edit";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** The message. */
  seq: Seq;
  /** The text. */
  content: Text;
  /** Users named in it; as they are where not said. */
  mentions?: Array<UserId> | null;
}

/** A reaction. */
export type Emoji = string;

/** The stable name of what went wrong: on the socket, in REST problems and in metrics. */
export type ErrorCode =
  /** No frame of the protocol: no JSON, no object, no known `type`. */
  | "bad_frame"
  /** A field is missing, of the wrong type or out of bounds; `field` names it. */
  | "bad_field"
  /** No valid token. */
  | "unauthorized"
  /** Known, but not allowed. */
  | "forbidden"
  /** There is no such thing, or the caller may not know of it. */
  | "not_found"
  /** It contradicts what stands. */
  | "conflict"
  /** Another body was sent under the same `client_id`. */
  | "body_mismatch"
  /** Larger than its bound. */
  | "too_large"
  /** Too often; `retry_after_ms` says when again. */
  | "rate_limited"
  /** The member may not write for now. */
  | "muted"
  /** The user is kept out of the room. */
  | "banned"
  /** One of the two has blocked the other. */
  | "blocked"
  /** Not stored, and may succeed later. */
  | "unavailable"
  /** Stored or not: ask again with the same `client_id`. */
  | "outcome_unknown"
  /** A fault of ours. */
  | "internal";

/** To a command that failed. */
export interface ErrorFrame {
  type: "error";
  /** The frame that failed, where it had a name. */
  id?: FrameId;
  /** What went wrong. */
  code: ErrorCode;
  /** The same for people. */
  message: string;
  /** Whether the same frame may succeed later. */
  retryable: boolean;
  /** The field that is wrong. */
  field?: string;
  /** When to try again. */
  retry_after_ms?: number;
}

/** One entry of a room's log: one durable change, at one place, for ever. */
export type Event =
  | RoomCreatedEvent
  | MessageEvent
  | MessageEditedEvent
  | MessageDeletedEvent
  | ReactionAddedEvent
  | ReactionRemovedEvent
  | MemberJoinedEvent
  | MemberLeftEvent
  | MemberChangedEvent
  | RoomChangedEvent
  | RoomDeletedEvent;

/** The name that a client gives a frame, echoed in its answer. */
export type FrameId = number | string;

/** Events `from ..= to` of a room are left out; they can be read by REST. */
export interface GapFrame {
  type: "gap";
  room_id: RoomId;
  from: Seq;
  to: Seq;
}

/** The first frame, within 10 seconds; of at most 64 KiB where the request had a valid token, else of 8 KiB. */
export interface HelloCommand {
  type: "hello";
  id?: FrameId | null;
  /** The epoch that the cursors are of; without it they are taken as of the present one. */
  epoch?: string | null;
  /** Cursors by room: the last `seq` applied, or `null` for a room that is known and not read yet. */
  rooms?: { [key: string]: Seq | null } | null;
  /** Which rooms to subscribe: `all` where not said. */
  subscribe?: SubscribeScope | null;
  /** Where header, cookie, query and subprotocol have none. */
  token?: string | null;
}

/** Messages of a room. */
export type HistoryCommand = {
  type: "history";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** At most so many. */
  limit?: number | null;
  /** Only those of the thread that begins there. */
  thread?: Seq | null;
} & (
  | {
    after?: null;
    around?: null;
    before?: null;
  }
  | {
    /** The newest below this place. */
    before: Seq;
    after?: null;
    around?: null;
  }
  | {
    /** The oldest above this place. */
    after: Seq;
    around?: null;
    before?: null;
  }
  | {
    /** About this place. */
    around: Seq;
    after?: null;
    before?: null;
  }
);

/** What a member may read of the time before the join. */
export type HistoryMode =
  /** Everything. */
  | "all"
  /** Only what comes from the own join on. */
  | "from_join";

/** Why a user is no member any more. */
export type LeaveReason =
  /** By the own wish. */
  | "left"
  /** By someone with the right to. */
  | "removed"
  /** Removed and kept out. */
  | "banned";

/** A user in a room. */
export interface Member {
  /** The user. */
  user: UserId;
  /** The role. */
  role: Role;
  /** When the user joined. */
  joined_at: Timestamp;
  /** Until when the user may not write. */
  muted_until?: Timestamp;
}

/** A member's role or mute changed. */
export interface MemberChangedEvent {
  type: "member_changed";
  /** The member as it is now. */
  member: Member;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
  /** The owner before, as it is now, where ownership was handed over. */
  former_owner?: Member;
}

/** A user is a member from here on. */
export interface MemberJoinedEvent {
  type: "member_joined";
  /** The member. */
  member: Member;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** A user is no member any more: nothing above this position is for that user. */
export interface MemberLeftEvent {
  type: "member_left";
  /** The user. */
  user: UserId;
  /** Why. */
  reason: LeaveReason;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
  /** Who is owner now, where the last owner left. */
  successor?: Member;
}

/** A message as it is now. Where `deleted`, nothing of what was said is left. */
export interface Message {
  /** Unique over all rooms. */
  id: MessageId;
  /** The room. */
  room_id: RoomId;
  /** Its place in the room's log, by which it is named. */
  seq: Seq;
  /** Who sent it; absent: the host. */
  sender: UserId | null;
  /** What it is. */
  kind: MessageKind;
  /** The text, at most 16 KiB. */
  content: string;
  /** When it was sent. */
  at: Timestamp;
  /** 1 as sent, one more with each edit and the delete: of two copies the higher is the newer. */
  version: number;
  /** Users named in it. */
  mentions: Array<UserId>;
  /** Files it carries. */
  attachments: Array<Attachment>;
  /** The host's own data. */
  metadata: Metadata;
  /** Whether it was deleted. */
  deleted?: boolean;
  /** When it was last edited. */
  edited_at?: Timestamp;
  /** The message that it quotes. */
  reply_to?: Seq;
  /** The first message of the thread that it belongs to. */
  thread?: Seq;
}

/** A message was deleted; nothing of what it said is left anywhere. */
export interface MessageDeletedEvent {
  type: "message_deleted";
  /** The message. */
  target: Seq;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** A message was edited. Read back later, it carries the message as it is then. */
export interface MessageEditedEvent {
  type: "message_edited";
  /** The message. */
  message: Message;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** A message was sent. Read back later, it is the message as it is then. */
export interface MessageEvent {
  type: "message";
  /** The message. */
  message: Message;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** A message, unique over all rooms. */
export type MessageId = number;

/** `text`, `system`, or a kind of the host's own. */
export type MessageKind = string;

/** How far a message has got with all others in the room. */
export type MessageStatus =
  /** Stored. */
  | "sent"
  /** Written to a connection of everyone else. */
  | "delivered"
  /** Read by everyone else. */
  | "read";

/** A message in an answer, with what events do not carry. */
export interface MessageView {
  /** Unique over all rooms. */
  id: MessageId;
  /** The room. */
  room_id: RoomId;
  /** Its place in the room's log, by which it is named. */
  seq: Seq;
  /** Who sent it; absent: the host. */
  sender: UserId | null;
  /** What it is. */
  kind: MessageKind;
  /** The text, at most 16 KiB. */
  content: string;
  /** When it was sent. */
  at: Timestamp;
  /** 1 as sent, one more with each edit and the delete: of two copies the higher is the newer. */
  version: number;
  /** Users named in it. */
  mentions: Array<UserId>;
  /** Files it carries. */
  attachments: Array<Attachment>;
  /** The host's own data. */
  metadata: Metadata;
  /** Reactions by kind, in the order of their first use. */
  reactions: Array<ReactionCount>;
  /** Whether it was deleted. */
  deleted?: boolean;
  /** When it was last edited. */
  edited_at?: Timestamp;
  /** The thread that starts here. */
  replies?: ThreadSummary;
  /** The message that it quotes. */
  reply_to?: Seq;
  /**
   * How far it has got: an own message in a room within the bound for receipts, or any in a room of two. A store leaves
   * it out; the engine says it.
   */
  status?: MessageStatus;
  /** The first message of the thread that it belongs to. */
  thread?: Seq;
}

/** The host's own data. */
export type Metadata = { [key: string]: unknown };

/** To `edit`, `delete`, `react`, `unreact`: the position, where something changed. */
export interface OkChangedFrame {
  type: "ok";
  id: FrameId;
  seq?: Seq;
}

/** To `auth`, `typing`, `presence`, `unsubscribe`. */
export interface OkDoneFrame {
  type: "ok";
  id: FrameId;
}

/** To `history`. */
export interface OkHistoryFrame {
  type: "ok";
  id: FrameId;
  /** Oldest first. */
  messages: Array<MessageView>;
  /** The room's head in the same snapshot: apply only events above it to these. */
  as_of: Seq;
  /** Whether there are more in the asked direction. */
  more: boolean;
}

/** To `read`. */
export interface OkReadFrame {
  type: "ok";
  id: FrameId;
  /** The read pointer. */
  read: Seq;
  /** Messages above it, capped at 1,000. */
  unread: number;
  /** Mentions above it, capped at 1,000. */
  mentions: number;
}

/** To `send`. */
export interface OkSentFrame {
  type: "ok";
  id: FrameId;
  room_id: RoomId;
  seq: Seq;
  message: Message;
  repeat: boolean;
}

/** Are you there. */
export interface PingCommand {
  type: "ping";
  id?: FrameId | null;
}

/** To `ping`: rooms whose head changed since the last pong. */
export interface PongFrame {
  type: "pong";
  id?: FrameId;
  heads: { [key: string]: Seq };
}

/** What a connection says of itself. */
export type PresenceChoice =
  /** Active. */
  | "online"
  /** Connected and not active. */
  | "away"
  /** Not to be shown. */
  | "invisible";

/** How this connection is to be shown. */
export interface PresenceCommand {
  type: "presence";
  id?: FrameId | null;
  /** How. */
  status: PresenceChoice;
}

/** How many are there, in a room too big to name them. */
export interface PresenceCountSignal {
  type: "presence";
  /** Where. */
  room_id: RoomId;
  /** How many members are connected. */
  online: number;
}

/** Whether a user is there, as `welcome` tells it. */
export interface PresenceEntry {
  user: UserId;
  status: PresenceStatus;
  last_seen?: Timestamp;
}

/** Whether a user is there. */
export interface PresenceSignal {
  type: "presence";
  /** Who. */
  user: UserId;
  /** How. */
  status: PresenceStatus;
  /** When the last connection ended; absent while there is one. */
  last_seen?: Timestamp;
}

/** Whether a user is there, as others see it. */
export type PresenceStatus =
  /** No connection that is not invisible. */
  | "offline"
  /** Connected on some device, active on none. */
  | "away"
  /** Connected and active. */
  | "online";

/** What is shown of a user. The host's directory gives it, else the claims seen last. */
export interface Profile {
  /** The user. */
  id: UserId;
  /** The name shown; the user id where none is known. */
  name: string;
  /** The name signed in with; the user id where none is known. */
  username: string;
  /** Mail address; empty where none is known. */
  email: string;
  /** A label, never a right: `user` where none is known. */
  role: string;
  /** Where the picture lies. */
  avatar: string | null;
}

/** A reaction. */
export interface ReactCommand {
  type: "react";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** The message. */
  seq: Seq;
  /** How. */
  emoji: Emoji;
}

/** A user reacted. */
export interface ReactionAddedEvent {
  type: "reaction_added";
  /** To which message. */
  target: Seq;
  /** How. */
  emoji: Emoji;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** How many users reacted with one emoji. */
export interface ReactionCount {
  /** The emoji. */
  emoji: Emoji;
  /** By how many users. */
  count: number;
  /** Whether the reader is among them. */
  mine: boolean;
}

/** A user took a reaction back. */
export interface ReactionRemovedEvent {
  type: "reaction_removed";
  /** From which message. */
  target: Seq;
  /** Which. */
  emoji: Emoji;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** Read up to here; never goes back, and above the head it means the head. */
export interface ReadCommand {
  type: "read";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** Up to where. */
  seq: Seq;
}

/** How far a member has got. */
export interface ReceiptSignal {
  type: "receipt";
  /** Where. */
  room_id: RoomId;
  /** Who. */
  user: UserId;
  /** Read up to here. */
  read: Seq;
  /** Delivered up to here. */
  delivered: Seq;
}

/** What a member may do, least first. */
export type Role =
  /** Reads and writes. */
  | "member"
  /** Also manages members below and messages of others. */
  | "moderator"
  /** Also manages moderators and the room itself. */
  | "owner";

/** A room as its log carries it: no aggregates. */
export interface Room {
  /** Its id. */
  id: RoomId;
  /** Its kind. */
  kind: RoomKind;
  /** Its name; a direct room has none. */
  name: string | null;
  /** What late joiners may read. */
  history: HistoryMode;
  /** When it was made. */
  created_at: Timestamp;
  /** Who made it; absent: the host. */
  created_by?: UserId;
  /** The host's own data. */
  metadata?: Metadata;
  /** The host's object that the room belongs to (an order, a ticket), unique over all rooms. */
  subject?: string;
}

/** The user is in this room now; its events follow from `head + 1` on. */
export interface RoomAddedFrame {
  type: "room_added";
  room: RoomEntry;
}

/** Name, metadata or history mode changed. */
export interface RoomChangedEvent {
  type: "room_changed";
  /** The room as it is now. */
  room: Room;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** The room was made; always position 1. */
export interface RoomCreatedEvent {
  type: "room_created";
  /** The room as made. */
  room: Room;
  /** Its first members. */
  members: Array<Member>;
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** The room is gone; always the last position. */
export interface RoomDeletedEvent {
  type: "room_deleted";
  room_id: RoomId;
  seq: Seq;
  at: Timestamp;
  actor: UserId | null;
  client_id?: ClientId;
}

/** A room in a user's list. */
export interface RoomEntry {
  /** Its id. */
  id: RoomId;
  /** Its kind. */
  kind: RoomKind;
  /** Its name; a direct room has none. */
  name: string | null;
  /** What late joiners may read. */
  history: HistoryMode;
  /** When it was made. */
  created_at: Timestamp;
  /** The room's head in the snapshot that this was read in; what lies above is told by events. */
  head: Seq;
  /** When the room last changed. */
  updated_at: Timestamp;
  /** How many members it has. */
  member_count: number;
  /** Up to where the reader has read. */
  read: Seq;
  /** Messages above `read`, capped at 1,000. */
  unread: number;
  /** Mentions of the reader above `read`, capped at 1,000. */
  mentions: number;
  /** The newest message that is not deleted, with at most 200 characters of content. */
  last_message: Message | null;
  /** Who made it; absent: the host. */
  created_by?: UserId;
  /** The host's own data. */
  metadata?: Metadata;
  /** The other user of a direct room. */
  peer?: UserId;
  /** The reader's role; absent in a list of open rooms that one is not in. */
  role?: Role;
  /** The host's object that the room belongs to (an order, a ticket), unique over all rooms. */
  subject?: string;
}

/** A room. */
export type RoomId = number;

/** Who may be in a room, and how one gets in. */
export type RoomKind =
  /** Two users; unique for the pair; nobody is added, removed or leaves. */
  | "direct"
  /** Members are added by an owner or moderator. */
  | "group"
  /** Anyone may join. */
  | "public";

/** A message. */
export type SendCommand = {
  type: "send";
  id?: FrameId | null;
  /** The text. */
  content: Text;
  /** Files it carries. */
  attachments?: Array<AttachmentId> | null;
  /** The key to repeat it under. */
  client_id?: ClientId | null;
  /** What it is: `text` where not said; `system` is the host's. */
  kind?: MessageKind | null;
  /** Users named in it. */
  mentions?: Array<UserId> | null;
  /** The host's own data. */
  metadata?: Metadata | null;
  /** The message that it quotes. */
  reply_to?: Seq | null;
  /** The first message of the thread that it belongs to. */
  thread?: Seq | null;
} & (
  | {
    /** Into a room. */
    room_id: RoomId;
    to_user?: null;
  }
  | {
    /** To a user: into the direct room of the two, made where there is none. */
    to_user: UserId;
    room_id?: null;
  }
);

/** A place in a room's log: dense, from 1. */
export type Seq = number;

/** What a client is answered and told. */
export type ServerFrame =
  | WelcomeFrame
  | SubscribedFrame
  | PongFrame
  | OkSentFrame
  | OkChangedFrame
  | OkReadFrame
  | OkHistoryFrame
  | OkDoneFrame
  | ErrorFrame
  | GapFrame
  | RoomAddedFrame
  | UnsubscribedFrame
  | TokenExpiringFrame
  | ByeFrame
  | Event
  | Signal;

/** What is true now and not kept. */
export type Signal =
  | TypingSignal
  | ReceiptSignal
  | PresenceSignal
  | PresenceCountSignal
  | UnreadSignal
  | BlockedSignal;

/** Events of a room, from its head or from a cursor. */
export interface SubscribeCommand {
  type: "subscribe";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** The last `seq` applied; from the head on where not said. */
  since?: Seq | null;
}

/** Which rooms a `hello` subscribes. */
export type SubscribeScope =
  /** All of the user's, the latest active first, and new ones as they come. */
  | "all"
  /** Those that `rooms` names. */
  | "listed";

/** To `subscribe`: events come from `from + 1` on; `head` is the room's. */
export interface SubscribedFrame {
  type: "subscribed";
  id?: FrameId;
  room_id: RoomId;
  from: Seq;
  head: Seq;
}

/** A text without U+0000. */
export type Text = string;

/** A thread in short. */
export interface ThreadSummary {
  /** Messages in it. */
  count: number;
  /** The newest of them. */
  last_seq: Seq;
}

/** RFC 3339; told in UTC with milliseconds, read with any offset. */
export type Timestamp = string;

/** The token ends soon; `auth` renews it. */
export interface TokenExpiringFrame {
  type: "token_expiring";
  in_ms: number;
}

/** Typing, or not any more; repeated while it goes on, for it expires. */
export interface TypingCommand {
  type: "typing";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** Whether it goes on. */
  is_typing: boolean;
}

/** A member is typing, or has stopped. */
export interface TypingSignal {
  type: "typing";
  /** Where. */
  room_id: RoomId;
  /** Who. */
  user: UserId;
  /** Whether it goes on. */
  is_typing: boolean;
}

/** A reaction is to go. */
export interface UnreactCommand {
  type: "unreact";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
  /** The message. */
  seq: Seq;
  /** Which. */
  emoji: Emoji;
}

/** What the own user has not read; to the user's own connections alone. */
export interface UnreadSignal {
  type: "unread";
  /** Where. */
  room_id: RoomId;
  /** Messages above the read pointer, capped at 1,000. */
  unread: number;
  /** Mentions above the read pointer, capped at 1,000. */
  mentions: number;
}

/** No more events of a room. */
export interface UnsubscribeCommand {
  type: "unsubscribe";
  id?: FrameId | null;
  /** The room. */
  room_id: RoomId;
}

/** Why a connection is not given a room's events any more. */
export type UnsubscribeReason =
  /** The user left. */
  | "left"
  /** The user was removed. */
  | "removed"
  /** The user was removed and is kept out. */
  | "banned"
  /** The room was deleted. */
  | "deleted"
  /** The connection asked for it. */
  | "requested";

/** No more events of a room. */
export interface UnsubscribedFrame {
  type: "unsubscribed";
  room_id: RoomId;
  reason: UnsubscribeReason;
}

/** A user, as the host names it. */
export type UserId = string;

/** To `hello`. */
export interface WelcomeFrame {
  type: "welcome";
  /** Who the connection is. */
  user: Profile;
  /** The connection, for logs. */
  connection_id: ConnectionId;
  /** The store's epoch, to be kept with the cursors. */
  epoch: string;
  /** Between two pings of the server. */
  heartbeat_ms: number;
  /** The bounds that a client should know. */
  limits: WelcomeLimits;
  /** The latest active rooms in full. */
  rooms: Array<RoomEntry>;
  /** The head of every room that is subscribed. */
  heads: { [key: string]: Seq };
  /** Rooms of `hello` that can no longer be read. */
  gone: Array<RoomId>;
  /** Whom the user has blocked: to be hidden. */
  blocked: Array<UserId>;
  /** Who is there, of those with whom the user shares a room. */
  presence: Array<PresenceEntry>;
  /** The cursors of `hello` are void: drop all that is kept and load anew. */
  reset?: boolean;
}

/** The bounds that a client should know. */
export interface WelcomeLimits {
  content_bytes: number;
  frame_bytes: number;
  metadata_bytes: number;
  name_chars: number;
  mentions: number;
  attachments: number;
  upload_bytes: number;
  reaction_kinds: number;
  page: number;
  in_flight: number;
  rooms: number;
}

/** The answer to each frame that has an `id`, by its `type`, where it is not an `ErrorFrame`. */
export interface Answers {
  hello: WelcomeFrame;
  auth: OkDoneFrame;
  subscribe: SubscribedFrame;
  unsubscribe: OkDoneFrame;
  send: OkSentFrame;
  edit: OkChangedFrame;
  delete: OkChangedFrame;
  react: OkChangedFrame;
  unreact: OkChangedFrame;
  typing: OkDoneFrame;
  read: OkReadFrame;
  presence: OkDoneFrame;
  history: OkHistoryFrame;
  ping: PongFrame;
}
