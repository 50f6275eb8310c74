//! Two servers over one Postgres and one Redis: how long what one of them acknowledged is on its way to those who listen
//! at the other, what that costs Redis, and how a node catches up that heard nothing of the bus for a while.

mod cluster;
mod figures;
mod talk;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args as Group;
use futures::future::join;
use tokio::{runtime::Runtime, time::sleep};

use self::{
    cluster::Cluster,
    figures::{Figures, Outage},
    talk::House,
};
use crate::{Fallible, target::Cores};

/// Before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long to go on after the bus is back.
const AFTER_OUTAGE: Duration = Duration::from_secs(5);

#[derive(Debug, Group)]
pub(crate) struct Nodes {
    /// The server: `chat-server`, or anything that takes its flags.
    #[arg(long)]
    server: PathBuf,
    /// A further argument for that program.
    #[arg(long, allow_hyphen_values = true)]
    server_arg: Vec<String>,
    /// Rooms, each with a writer at one node and a listener at the other; 50 of them to a pair of users.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rooms: u32,
    /// Messages a second in all, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [200, 1_000, 3_000])]
    rate: Vec<u32>,
    /// Seconds that each is measured.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Seconds that Redis then stands still, while messages go on at the first rate.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    outage: u32,
}

impl Nodes {
    /// Measures and prints; says whether everything acknowledged was delivered.
    #[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
    pub(crate) fn run(&self, cores: Cores) -> Fallible<bool> {
        let cluster = Cluster::start(&self.server, &self.server_arg, cores)?;
        let runtime = Runtime::new()?;
        let mut house = runtime.block_on(House::open(&cluster, self.rooms))?;
        let mut is_clean = true;
        println!("{}", Figures::HEAD);
        for rate in &self.rate {
            let figures = runtime.block_on(self.measure(&cluster, &mut house, *rate))?;
            is_clean &= figures.undelivered == 0;
            println!("{figures}");
        }
        let rate = self.rate.first().copied().unwrap_or(1);
        let outage = runtime.block_on(self.outage(&cluster, &mut house, rate))?;
        println!("\n{outage}");
        Ok(is_clean && outage.undelivered == 0)
    }

    async fn measure(&self, cluster: &Cluster, house: &mut House, rate: u32) -> Fallible<Figures> {
        house.write(rate, WARM_UP).await?;
        house.settle().await;
        let (usage, published) = (cluster.redis_cpu()?, cluster.published()?);
        let begun = Instant::now();
        house.write(rate, Duration::from_secs(self.seconds.into())).await?;
        house.settle().await;
        let time = begun.elapsed();
        let cpu = cluster.redis_cpu()? - usage;
        let published = cluster.published()? - published;
        Ok(Figures::of(&house.heard(begun), rate, time, cpu, published))
    }

    async fn outage(&self, cluster: &Cluster, house: &mut House, rate: u32) -> Fallible<Outage> {
        let length = Duration::from_secs(self.outage.into());
        let begun = Instant::now();
        cluster.freeze_redis()?;
        let thawed = async {
            sleep(length).await;
            cluster.thaw_redis().map(|()| Instant::now())
        };
        let (wrote, thawed) = join(house.write(rate, length + AFTER_OUTAGE), thawed).await;
        wrote?;
        house.settle().await;
        Ok(Outage::of(&house.heard(begun), begun, thawed?))
    }
}
