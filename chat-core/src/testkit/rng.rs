//! Chance from a seed.

use std::time::Duration;

/// A small generator of random numbers (SplitMix64): equal seeds give equal numbers, for ever. Not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator, which depends on this one's seed and `label` alone, not on what was drawn by others: so
    /// that parts of a system do not disturb each other's chance.
    #[must_use]
    pub const fn fork(&self, label: u64) -> Self {
        Self(mix(self.0 ^ mix(label ^ 0x5851_F42D_4C95_7F2D)))
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        // The high half of a product is spread as evenly as matters here.
        ((self.next_u64() as u128 * end as u128) >> 64) as u64
    }

    /// Whether something of this probability happens. Draws a number in any case, so that changing one probability
    /// does not shift what is drawn after it.
    pub fn chance(&mut self, probability: f64) -> bool {
        const STEPS: f64 = (1_u64 << 53) as f64;
        ((self.next_u64() >> 11) as f64) < probability * STEPS
    }

    /// A time of at most `most`.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(most.saturating_add(1)))
    }

    /// One of `items`, where there are any.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;
    use std::time::Duration;

    #[test]
    fn it_is_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_stay_in_range_and_chance_is_what_it_says() {
        let mut rng = Rng::new(7);
        assert!((0..1_000).all(|_| rng.below(3) < 3));
        assert_eq!(rng.below(0), 0);
        assert!((0..1_000).all(|_| !rng.chance(0.0) && rng.chance(1.0)));
        assert!((0..1_000).all(|_| rng.up_to(Duration::from_millis(2)) <= Duration::from_millis(2)));
        let hits = (0..10_000).filter(|_| rng.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert_eq!(rng.pick::<u8>(&[]), None);
    }

    #[test]
    fn a_fork_depends_on_the_seed_and_the_label_alone() {
        let (mut one, two) = (Rng::new(7), Rng::new(7));
        let before = one.fork(1).next_u64();
        assert_eq!(before, two.fork(1).next_u64());
        assert_ne!(before, two.fork(2).next_u64());
        assert_ne!(before, one.next_u64());
    }
}
