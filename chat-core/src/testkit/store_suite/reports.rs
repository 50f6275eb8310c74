//! Cases of reports and of the audit trail.

use std::sync::Arc;

use super::{scene::Scene, words::*};
use crate::{
    model::{
        AuditAction, AuditEntry, AuditId, AuditRecord, Report, ReportId, ReportStatus, Role, RoomId,
        RoomKind, Seq,
    },
    store::{ChangeBody, Decision, NewReport, ReportScope, Reported, ReportsQuery, Store},
};

const HEALTHY: &str = "a healthy store keeps reports";

fn new(scene: &Scene<'_>, who: &str, room: RoomId, seq: Seq) -> NewReport {
    NewReport { room, seq, reporter: user(who), reason: "rude".to_owned(), at: scene.now() }
}

async fn put(scene: &Scene<'_>, who: &str, room: RoomId, seq: Seq) -> Reported {
    scene.store.put_report(&new(scene, who, room, seq)).await.expect(HEALTHY)
}

async fn made(scene: &Scene<'_>, who: &str, room: RoomId, seq: Seq) -> Report {
    match put(scene, who, room, seq).await {
        Reported::Made(report) => report,
        other => panic!("a report was to be made, not {other:?}"),
    }
}

async fn ids(
    scene: &Scene<'_>,
    scope: ReportScope,
    status: Option<ReportStatus>,
    before: Option<ReportId>,
    limit: usize,
) -> Vec<ReportId> {
    let query = ReportsQuery { scope, status, before, limit };
    let found = scene.store.reports(&query).await.expect(HEALTHY);
    found.into_iter().map(|report| report.id).collect()
}

async fn decide(scene: &Scene<'_>, who: &str, report: ReportId, status: ReportStatus) -> Option<Report> {
    let decision = Decision { report, status, by: user(who), at: scene.now() };
    scene.store.decide_report(&decision).await.expect(HEALTHY)
}

async fn trail(scene: &Scene<'_>, room: RoomId) -> Vec<AuditRecord> {
    let mut found = scene.store.audit(room, None, 1_000).await.expect(HEALTHY);
    found.reverse();
    found.into_iter().map(|entry: AuditEntry| entry.record).collect()
}

/// A user reports a message once; another may report it too, and the same one another message.
pub async fn a_message_is_reported_once_by_a_user(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let (seq, other) = (scene.say("bob", room, "you fool").await, scene.say("bob", room, "fool").await);
    scene.wait(7);
    let report = made(&scene, "ann", room, seq).await;
    let message = scene.message(room, seq).await.message;
    let expected = Report {
        id: report.id,
        room_id: room,
        seq,
        message_id: message.id,
        sender: Some(user("bob")),
        content: "you fool".to_owned(),
        sent_at: message.at,
        reporter: user("ann"),
        reason: "rude".to_owned(),
        status: ReportStatus::Pending,
        created_at: scene.now(),
        decided_by: None,
        decided_at: None,
    };
    assert_eq!(report, expected);
    assert_eq!(store.report(report.id).await.expect(HEALTHY), Some(expected));
    assert_eq!(put(&scene, "ann", room, seq).await, Reported::Stands);
    decide(&scene, "ann", report.id, ReportStatus::Dismissed).await.expect("it is there");
    assert_eq!(put(&scene, "ann", room, seq).await, Reported::Stands, "also once it is decided");
    made(&scene, "cat", room, seq).await;
    made(&scene, "ann", room, other).await;
}

/// Of equal reports at once one is made, and the others find it.
pub async fn equal_reports_at_once_are_one(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for _ in 0..5 {
        let seq = scene.say("bob", room, "x").await;
        let report = new(&scene, "ann", room, seq);
        let put = |_| {
            let (store, report) = (Arc::clone(store), report.clone());
            tokio::spawn(async move { store.put_report(&report).await.expect(HEALTHY) })
        };
        let running: Vec<_> = (0..6).map(put).collect();
        let mut count = 0;
        for task in running {
            match task.await.expect("no report panics") {
                Reported::Made(_) => count += 1,
                other => assert_eq!(other, Reported::Stands),
            }
        }
        assert_eq!(count, 1);
    }
    assert_eq!(ids(&scene, ReportScope::Everywhere, None, None, 100).await.len(), 5);
}

/// A report says what the message said when it was reported, whatever becomes of the message and the room.
pub async fn a_report_keeps_what_was_said(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let seq = scene.say("bob", room, "first").await;
    scene.apply("bob", room, edit(seq, "second")).await;
    let report = made(&scene, "ann", room, seq).await;
    assert_eq!(report.content, "second");
    scene.apply("bob", room, edit(seq, "third")).await;
    assert_eq!(store.report(report.id).await.expect(HEALTHY), Some(report.clone()));
    scene.apply("bob", room, delete(seq)).await;
    assert_eq!(store.report(report.id).await.expect(HEALTHY), Some(report.clone()));
    scene.apply("ann", room, ChangeBody::DeleteRoom).await;
    assert_eq!(store.report(report.id).await.expect(HEALTHY), Some(report.clone()));
    assert_eq!(ids(&scene, ReportScope::Everywhere, None, None, 10).await, [report.id]);
}

/// There is no report of what is no message, deleted, or nowhere; an unknown one is not there.
pub async fn only_what_stands_is_reported(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let (gone, seq) = (scene.say("bob", room, "x").await, scene.say("bob", room, "y").await);
    scene.apply("bob", room, delete(gone)).await;
    for seq in [gone, Seq::ZERO, Seq::new(1), scene.head(room).await, Seq::new(99)] {
        assert_eq!(put(&scene, "ann", room, seq).await, Reported::NoMessage, "{seq}");
    }
    assert_eq!(put(&scene, "ann", nowhere(), seq).await, Reported::NoMessage);
    let unknown = ReportId::new(900_000).expect("a number above 0");
    assert_eq!(store.report(unknown).await.expect(HEALTHY), None);
    assert_eq!(decide(&scene, "ann", unknown, ReportStatus::Reviewed).await, None);
    // Of a message that was reported and deleted since, too.
    made(&scene, "ann", room, seq).await;
    scene.apply("bob", room, delete(seq)).await;
    assert_eq!(put(&scene, "ann", room, seq).await, Reported::NoMessage);
}

/// Reports come newest first, page by page, of one status and one room where that is asked for.
pub async fn reports_are_listed_newest_first(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let rooms = [scene.group(&["ann", "bob"]).await, scene.group(&["ann", "bob"]).await];
    let mut all = Vec::new();
    for n in 0..7 {
        let room = rooms[n % 2];
        let seq = scene.say("bob", room, "x").await;
        all.insert(0, made(&scene, "ann", room, seq).await.id);
    }
    let everywhere = || ReportScope::Everywhere;
    assert_eq!(ids(&scene, everywhere(), None, None, 100).await, all);
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = ids(&scene, everywhere(), None, before, 3).await;
        before = page.last().copied();
        paged.extend(page);
        assert!(paged.len() <= all.len(), "a page after the last");
        if before.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let of = |room: usize| all.iter().copied().skip(room).step_by(2).collect::<Vec<_>>();
    assert_eq!(ids(&scene, ReportScope::Room(rooms[0]), None, None, 100).await, of(0));
    assert_eq!(ids(&scene, ReportScope::Room(rooms[1]), None, Some(of(1)[0]), 1).await, [of(1)[1]]);
    assert_eq!(ids(&scene, ReportScope::Room(nowhere()), None, None, 100).await, []);
    decide(&scene, "ann", all[2], ReportStatus::Reviewed).await.expect("it is there");
    decide(&scene, "ann", all[3], ReportStatus::Dismissed).await.expect("it is there");
    let pending: Vec<_> = [0, 1, 4, 5, 6].map(|at| all[at]).into();
    let status = Some(ReportStatus::Pending);
    assert_eq!(ids(&scene, everywhere(), status, None, 100).await, pending);
    assert_eq!(ids(&scene, everywhere(), status, Some(pending[1]), 2).await, pending[2..4]);
    assert_eq!(ids(&scene, everywhere(), Some(ReportStatus::Reviewed), None, 100).await, [all[2]]);
    let dismissed = Some(ReportStatus::Dismissed);
    assert_eq!(ids(&scene, ReportScope::Room(rooms[1]), dismissed, None, 100).await, [all[3]]);
    assert_eq!(ids(&scene, ReportScope::Room(rooms[0]), dismissed, None, 100).await, []);
}

/// Moderators and owners see the reports of all their rooms in one list, but those of direct rooms; others none.
pub async fn moderators_see_reports_of_their_rooms(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (one, two) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann", "bob"]).await);
    // Its maker is its owner.
    let mut pair = scene.new_room(RoomKind::Direct, &["ann", "bob"]);
    pair.members[0].1 = Role::Owner;
    let direct = scene.make("ann", pair).await;
    let mut reports = Vec::new();
    for room in [one, two, direct, one] {
        let seq = scene.say("bob", room, "x").await;
        reports.insert(0, made(&scene, "bob", room, seq).await.id);
    }
    scene.apply("ann", two, set_role("bob", Role::Moderator)).await;
    let by = |name: &str| ReportScope::ModeratedBy(user(name));
    let pending = Some(ReportStatus::Pending);
    assert_eq!(ids(&scene, by("ann"), None, None, 100).await, [reports[0], reports[2], reports[3]]);
    assert_eq!(ids(&scene, by("ann"), pending, Some(reports[0]), 1).await, [reports[2]]);
    assert_eq!(ids(&scene, by("bob"), None, None, 100).await, [reports[2]]);
    assert_eq!(ids(&scene, by("bob"), Some(ReportStatus::Reviewed), None, 100).await, []);
    assert_eq!(ids(&scene, by("cat"), None, None, 100).await, []);
    scene.apply("ann", two, remove("bob")).await;
    assert_eq!(ids(&scene, by("bob"), None, None, 100).await, []);
}

/// A decision says by whom and when, is in the room's trail once, and can be taken anew; the same again changes nothing.
pub async fn reports_are_decided(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    let seq = scene.say("bob", room, "x").await;
    let report = made(&scene, "ann", room, seq).await;
    scene.wait(5);
    let decided = decide(&scene, "cat", report.id, ReportStatus::Reviewed).await.expect("it is there");
    let expected = Report {
        status: ReportStatus::Reviewed,
        decided_by: Some(user("cat")),
        decided_at: Some(scene.now()),
        ..report.clone()
    };
    assert_eq!(decided, expected);
    assert_eq!(store.report(report.id).await.expect(HEALTHY), Some(expected.clone()));
    let noted = AuditRecord {
        seq: Some(seq),
        report: Some(report.id),
        ..AuditRecord::new(room, scene.now(), Some(user("cat")), AuditAction::ReportReviewed).to(user("bob"))
    };
    assert_eq!(trail(&scene, room).await, std::slice::from_ref(&noted));
    scene.wait(5);
    assert_eq!(decide(&scene, "ann", report.id, ReportStatus::Reviewed).await, Some(expected));
    assert_eq!(trail(&scene, room).await.len(), 1);
    let anew = decide(&scene, "ann", report.id, ReportStatus::Dismissed).await.expect("it is there");
    assert_eq!((anew.status, anew.decided_by), (ReportStatus::Dismissed, Some(user("ann"))));
    let (at, by) = (scene.now(), Some(user("ann")));
    let second = AuditRecord { at, actor: by, action: AuditAction::ReportDismissed, ..noted.clone() };
    assert_eq!(trail(&scene, room).await, [noted, second]);
}

/// What moderators and the host did is in the trail of the room, and outlasts it; what others did is not.
pub async fn what_moderators_did_is_kept(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.open(&["ann", "bob", "cat", "dan"]).await, scene.group(&["ann", "bob"]).await);
    let (own, seq) = (scene.say("bob", room, "x").await, scene.say("bob", room, "y").await);
    let until = Some(scene.then(60));
    let mut expected = Vec::new();
    let mut note = |action, who: Option<&str>, to: Option<&str>| {
        let record = AuditRecord::new(room, scene.now(), who.map(user), action);
        expected.push(AuditRecord { user: to.map(user), ..record });
        expected.len() - 1
    };
    scene.apply("bob", room, delete(own)).await;
    scene.apply("ann", room, delete(seq)).await;
    let deleted = note(AuditAction::MessageDeleted, Some("ann"), Some("bob"));
    scene.apply("ann", room, mute("bob", until)).await;
    let muted = note(AuditAction::Muted, Some("ann"), Some("bob"));
    scene.apply("host", room, mute("bob", None)).await;
    note(AuditAction::Unmuted, None, Some("bob"));
    scene.apply("ann", room, set_role("cat", Role::Moderator)).await;
    let promoted = note(AuditAction::RoleChanged, Some("ann"), Some("cat"));
    scene.apply("cat", room, remove("bob")).await;
    note(AuditAction::MemberRemoved, Some("cat"), Some("bob"));
    scene.apply("cat", room, ban("dan", until)).await;
    let banned = note(AuditAction::Banned, Some("cat"), Some("dan"));
    assert_eq!(scene.verdict("cat", room, ban("eve", None)).await, "unchanged");
    note(AuditAction::Banned, Some("cat"), Some("eve"));
    assert_eq!(scene.verdict("cat", room, unban("dan")).await, "unchanged");
    note(AuditAction::Unbanned, Some("cat"), Some("dan"));
    scene.apply("host", room, add("eve")).await;
    note(AuditAction::Unbanned, None, Some("eve"));
    scene.apply("eve", room, ChangeBody::Leave).await;
    scene.apply("ann", room, rename("new")).await;
    scene.apply("ann", room, transfer("cat")).await;
    note(AuditAction::OwnershipTransferred, Some("ann"), Some("cat"));
    scene.apply("cat", room, ChangeBody::DeleteRoom).await;
    note(AuditAction::RoomDeleted, Some("cat"), None);
    expected[deleted].seq = Some(seq);
    expected[muted].until = until;
    expected[promoted].role = Some(Role::Moderator);
    expected[banned].until = until;
    assert_eq!(trail(&scene, room).await, expected);
    assert_eq!(trail(&scene, other).await, []);
}

/// What was refused or changed nothing is in no trail.
pub async fn what_was_refused_is_in_no_trail(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob", "cat"]).await;
    let seq = scene.say("cat", room, "x").await;
    let later = Some(scene.then(9));
    let bodies = || [remove("cat"), ban("cat", None), unban("cat"), mute("cat", later), delete(seq)];
    let batch = bodies().map(|body| scene.change("bob", room, body)).into();
    assert!(scene.commit(batch).await.iter().all(Result::is_err));
    for body in [set_role("bob", Role::Member), mute("bob", None), transfer("ann")] {
        assert_eq!(scene.verdict("ann", room, body).await, "unchanged");
    }
    assert_eq!(scene.verdict("ann", room, unban("bob")).await, "not_found");
    assert_eq!(trail(&scene, room).await, []);
}

/// The trail comes newest first, page by page.
pub async fn the_trail_is_read_newest_first(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let (room, other) = (scene.group(&["ann", "bob"]).await, scene.group(&["ann", "bob"]).await);
    for n in 1..=7 {
        for room in [room, other] {
            scene.apply("ann", room, mute("bob", Some(scene.then(n)))).await;
        }
    }
    let mut found: Vec<AuditEntry> = Vec::new();
    loop {
        let before: Option<AuditId> = found.last().map(|entry| entry.id);
        let page = store.audit(room, before, 3).await.expect(HEALTHY);
        if page.is_empty() {
            break;
        }
        assert!(found.len() < 7, "a page after the last");
        found.extend(page);
    }
    let until: Vec<_> = found.iter().map(|entry| entry.record.until).collect();
    assert_eq!(until, (1..=7).rev().map(|n| Some(scene.then(n))).collect::<Vec<_>>());
    assert!(found.is_sorted_by_key(|entry| std::cmp::Reverse(entry.id)));
    assert!(found.iter().all(|entry| entry.record.room_id == room));
    assert_eq!(store.audit(nowhere(), None, 3).await.expect(HEALTHY), []);
}

/// A page of the trail holds as many entries as asked for, where there are so many: the newest, or those next to `before`.
pub async fn a_page_of_the_trail_has_its_limit(store: &Arc<dyn Store>) {
    let scene = Scene::of(store);
    let room = scene.group(&["ann", "bob"]).await;
    for n in 1..=5 {
        scene.apply("ann", room, mute("bob", Some(scene.then(n)))).await;
    }
    let all = store.audit(room, None, 100).await.expect(HEALTHY);
    assert_eq!(all.len(), 5);
    for limit in 0..=6 {
        let page = store.audit(room, None, limit).await.expect(HEALTHY);
        assert_eq!(page, all[..limit.min(5)], "{limit}");
        let page = store.audit(room, Some(all[1].id), limit).await.expect(HEALTHY);
        assert_eq!(page, all[2..5.min(2 + limit)], "{limit} below the second");
    }
}
