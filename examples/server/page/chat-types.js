// What goes over the wire, for those who read and for editors that check.

/** @typedef {number} RoomId  a whole number up to 2^53-1 */
/** @typedef {number} Seq     place in a room's log: dense, from 1 */
/** @typedef {string} UserId  opaque text */
/** @typedef {string} Time    RFC 3339, UTC, milliseconds */

/**
 * @typedef {object} Reaction
 * @property {string} emoji
 * @property {number} count
 * @property {boolean} mine
 */
/**
 * A file that a message carries, or that was just uploaded.
 * @typedef {object} Attachment
 * @property {string} id               by which it is sent and fetched
 * @property {string} name
 * @property {string} content_type     told from its bytes
 * @property {number} size             bytes
 * @property {"image"|"audio"|"video"|"file"} kind
 * @property {number} [width]          of images, in pixels
 * @property {number} [height]
 * @property {string} [url]            in the answer to an upload
 */
/**
 * @typedef {object} Message
 * @property {number} id
 * @property {RoomId} room_id
 * @property {Seq} seq                 names the message inside its room
 * @property {UserId|null} sender      null: the host
 * @property {string} kind             "text", "system", or the host's own
 * @property {string} content          empty where deleted
 * @property {Time} at
 * @property {Time} [edited_at]
 * @property {number} version          grows with every edit
 * @property {boolean} [deleted]
 * @property {Seq} [reply_to]
 * @property {Seq} [thread]
 * @property {UserId[]} [mentions]
 * @property {Attachment[]} [attachments]
 * @property {object} [metadata]
 * @property {Reaction[]} [reactions]  in reads only, never in events
 * @property {object} [replies]        in reads only, where it heads a thread
 * @property {"sent"|"delivered"|"read"} [status]  in reads only, of own messages in rooms of at most 200 members
 */
/**
 * @typedef {object} Member
 * @property {UserId} user
 * @property {string} role             "owner", "moderator" or "member"
 * @property {Time} [joined_at]
 * @property {Time} [muted_until]
 */
/**
 * @typedef {object} Pointers
 * @property {UserId} user
 * @property {Seq} read
 * @property {Seq} delivered
 */
/**
 * A room as `welcome`, `room_added` and GET /rooms give it; GET /rooms/{id} adds the last two.
 * @typedef {object} Room
 * @property {RoomId} id
 * @property {string} [name]
 * @property {"direct"|"group"|"public"} kind
 * @property {string} [role]           the own one
 * @property {number} [member_count]
 * @property {Time} [created_at]
 * @property {Time} [updated_at]
 * @property {UserId} [created_by]     absent: the host
 * @property {object} [metadata]       the host's own
 * @property {Seq} head
 * @property {Seq} [read]              the own read pointer
 * @property {number} [unread]
 * @property {number} [mentions]       unread messages that mention the user
 * @property {Message} [last_message]  content cut at 200 characters
 * @property {UserId} [peer]           the other one of a direct room
 * @property {Member[]} [members]
 * @property {Pointers[]} [pointers]
 */
/**
 * @typedef {object} Profile
 * @property {UserId} id
 * @property {string} [name]
 * @property {string} [username]
 * @property {string} [avatar]
 * @property {string} [email]          empty where none is known
 * @property {string} [role]
 * @property {boolean} [online]
 * @property {Time} [last_seen]
 */
/**
 * A message that somebody reported; it keeps what the message said then.
 * @typedef {object} Report
 * @property {number} id
 * @property {RoomId} room_id
 * @property {Seq} seq
 * @property {number} message_id
 * @property {UserId|null} sender
 * @property {string} content
 * @property {Time} sent_at
 * @property {UserId} reporter
 * @property {string} reason
 * @property {"pending"|"reviewed"|"dismissed"} status
 * @property {Time} created_at
 * @property {UserId} [decided_by]
 * @property {Time} [decided_at]
 */
/**
 * @typedef {object} Presence
 * @property {UserId} user
 * @property {"online"|"away"|"offline"} status
 * @property {Time} [last_seen]
 */
/**
 * Somebody who is kept out of a room.
 * @typedef {object} Ban
 * @property {UserId} user
 * @property {UserId|null} by          null: the host
 * @property {Time} at
 * @property {Time|null} until         null: for good
 */
/**
 * What a message said before an edit.
 * @typedef {object} MessageVersion
 * @property {number} version
 * @property {string} content
 * @property {Time} at                 since when it stood
 */
/**
 * @typedef {object} WelcomeFrame
 * @property {"welcome"} type
 * @property {UserId} user
 * @property {string|number} connection_id
 * @property {string} epoch
 * @property {boolean} [reset]         the cursors of `hello` are void: drop everything, load anew
 * @property {number} heartbeat_ms
 * @property {object} limits
 * @property {Room[]} rooms            the 50 latest in full
 * @property {Object<string, Seq>} heads  of every subscribed room
 * @property {RoomId[]} gone           rooms of `hello` that can no longer be read
 * @property {UserId[]} blocked
 * @property {Presence[]} presence
 */
/**
 * A durable change of a room, one for each `seq`.
 * @typedef {object} RoomEvent
 * @property {"room_created"|"message"|"message_edited"|"message_deleted"|"reaction_added"|"reaction_removed"|"member_joined"|"member_left"|"member_changed"|"room_changed"|"room_deleted"} type
 * @property {RoomId} room_id
 * @property {Seq} seq
 * @property {Time} at
 * @property {UserId|null} actor       null: the host
 * @property {string} [client_id]
 * @property {Message} [message]       message, message_edited: the message as it is now
 * @property {Seq} [target]            message_deleted, reaction_added, reaction_removed
 * @property {string} [emoji]          reaction_added, reaction_removed
 * @property {Member} [member]         member_joined, member_changed
 * @property {UserId} [user]           member_left
 * @property {string} [reason]         member_left
 * @property {Room} [room]             room_created, room_changed
 * @property {Member[]} [members]      room_created: who is in it from the beginning
 * @property {Member} [successor]      member_left: who owns the room now
 * @property {Member} [former_owner]   member_changed: who owned it before
 */
/** @typedef {{type: "typing", room_id: RoomId, user: UserId, is_typing: boolean}} TypingFrame */
/** @typedef {{type: "receipt", room_id: RoomId, user: UserId, read: Seq, delivered: Seq}} ReceiptFrame */
/** @typedef {{type: "presence", user?: UserId, status?: string, last_seen?: Time, room_id?: RoomId, online?: number}} PresenceFrame */
/** @typedef {{type: "unread", room_id: RoomId, unread: number, mentions: number}} UnreadFrame */
/** @typedef {{type: "blocked", users: UserId[]}} BlockedFrame  all whom one has blocked */
/** @typedef {{type: "gap", room_id: RoomId, from: Seq, to: Seq}} GapFrame */
/** @typedef {{type: "room_added", room: Room}} RoomAddedFrame */
/** @typedef {{type: "unsubscribed", room_id: RoomId, reason: "left"|"removed"|"banned"|"deleted"|"requested"|"gone"}} UnsubscribedFrame */
/** @typedef {{type: "token_expiring", in_ms: number}} TokenExpiringFrame */
/** @typedef {{type: "bye", reason: string, reconnect_after_ms?: number}} ByeFrame */
/** @typedef {{type: "error", id?: number, code: string, message: string, retryable: boolean, retry_after_ms?: number, field?: string}} ErrorFrame */
/**
 * A message to send. One of `room_id` and `to_user` names where to.
 * @typedef {object} Draft
 * @property {RoomId} [room_id]
 * @property {UserId} [to_user]
 * @property {string} content
 * @property {string} [kind]
 * @property {string} [client_id]      made here where absent
 * @property {Seq} [reply_to]
 * @property {Seq} [thread]
 * @property {UserId[]} [mentions]
 * @property {string[]} [attachments]  ids of own uploads
 * @property {object} [metadata]
 */
/** @typedef {{room_id: RoomId, seq: Seq, message: Message, repeat: boolean}} SendResult */
/** @typedef {{messages: Message[], as_of: Seq, more: boolean}} HistoryPage */
/**
 * @typedef {object} ClientOptions
 * @property {string} url            the engine's mount, "/api/v1" or absolute
 * @property {string} [token]        absent: the upgrade carries a cookie
 * @property {() => Promise<string|null|undefined>} [refreshToken]  a fresh token of the same user; null: there is
 *   none, which ends the connection; where it throws, as without a network, it is asked again after a while
 * @property {"all"|"listed"} [subscribe]
 * @property {{epoch: string, rooms: Object<string, Seq|null>, order?: RoomId[]}} [position]  of an earlier `client.position()`
 * @property {{storage: Storage, key: string}} [outbox]  keeps unsent messages; a key for each user
 * @property {typeof WebSocket} [WebSocket]
 * @property {{now: () => number, setTimeout: Function, clearTimeout: Function}} [clock]  `now`: milliseconds that never go back
 * @property {() => number} [random]
 * @property {EventTarget|null} [events]     where `online` is fired (window)
 * @property {EventTarget|null} [visibility] where `visibilitychange` is fired (document)
 * @property {typeof fetch} [fetch]
 */
/** @typedef {"idle"|"connecting"|"ready"|"waiting"|"closed"} ConnectionState */

export {};
