//! Chance that repeats itself: the same seed gives the same world.

use uuid::Uuid;

/// The seeds of this run: those that `ORACLE_SEED` names, separated by commas, or the usual ones. What fails is
/// repeated with the seed that it printed.
pub fn seeds(usual: &[u64]) -> Vec<u64> {
    match std::env::var("ORACLE_SEED") {
        Ok(text) => text.split(',').map(|seed| seed.trim().parse().unwrap()).collect(),
        Err(_) => usual.to_vec(),
    }
}

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.number() % bound).unwrap()
    }

    /// True this many times out of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for place in (1..values.len()).rev() {
            values.swap(place, self.below(place + 1));
        }
    }

    /// This many of them at most, none twice.
    pub fn some<T: Clone>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut values = from.to_vec();
        self.shuffle(&mut values);
        values.truncate(count);
        values
    }

    /// An id that says nothing of when it was made, so that ties are broken in an order of their own.
    pub fn id(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.number(), self.number())
    }
}
