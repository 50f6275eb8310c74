//! An older backup is put in the database's place.

use super::{
    fleet::Fleet,
    nodes::{NODES, Nodes},
    scenarios::{ALL, SCALE, SOME},
};
use crate::process::Folder;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_backup_is_restored() {
    let folder = Folder::new("backup");
    let file = folder.join("chat.dump");
    let mut nodes = Nodes::start(&[]).await;
    let mut fleet = Fleet::set_out(&nodes, SCALE).await;
    fleet.more(&ALL, SOME).await;
    nodes.backend.back_up(&file);
    // What the backup does not know.
    fleet.more(&ALL, SOME).await;
    for node in 0..NODES {
        nodes.node_mut(node).kill();
    }
    nodes.backend.restore(&file);
    nodes.node_mut(0).start(&["--renew-epoch"]);
    for node in 1..NODES {
        nodes.node_mut(node).start(&[]);
    }
    fleet.all_reset().await;
    fleet.more(&ALL, SOME).await;
    let evidence = fleet.come_home(&nodes).await;
    for record in &evidence.records {
        let resets = record.connections.iter().filter(|connection| connection.is_reset).count();
        assert_eq!(resets, 1, "{} was told to load anew so often", record.name);
    }
    evidence.hold(&nodes, "an older backup is restored");
}
