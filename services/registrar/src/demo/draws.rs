//! Pseudo-random draws that are the same on every machine and in every release.

/// An endless stream of draws that follows from a seed, a topic and an index: the SplitMix64 generator of Steele, Lea
/// and Flood (2014). Streams that differ in any of the three are independent for every practical purpose. Made for
/// demonstration data; not for secrets.
pub struct Draws(u64);

impl Draws {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The stream for one thing: `topic` says what is drawn (`"staff"`), `index` for which one.
    #[must_use]
    pub fn new(seed: u64, topic: &str, index: u64) -> Self {
        let parts = topic.bytes().map(u64::from).chain([index]);
        Self(parts.fold(seed, |state, part| Self(state ^ part).next()))
    }

    /// The next 64 bits.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound - 1`, evenly distributed for all practical bounds; 0 for the bound 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the texts, all equally often; empty if there are none.
    pub fn choose(&mut self, from: &[&'static str]) -> &'static str {
        let length = u64::try_from(from.len()).unwrap_or_default();
        usize::try_from(self.below(length)).ok().and_then(|at| from.get(at)).copied().unwrap_or_default()
    }

    /// One of the texts, each as often as its weight says; empty if there are none.
    pub fn weighted(&mut self, from: &[(&'static str, u32)]) -> &'static str {
        let total = from.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut rest = self.below(total);
        for (text, weight) in from {
            match rest.checked_sub(u64::from(*weight)) {
                Some(less) => rest = less,
                None => return text,
            }
        }
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::Draws;

    #[test]
    fn streams_are_fixed_for_ever() {
        let mut draws = Draws::new(42, "staff", 7);
        let first: Vec<u64> = (0..4).map(|_| draws.below(1_000_000)).collect();
        assert_eq!(first, [522145, 787759, 51529, 196878]);
    }

    #[test]
    fn draws_keep_to_their_bounds_and_weights() {
        let mut draws = Draws::new(1, "test", 0);
        assert!((0..1_000).all(|_| draws.below(7) < 7));
        let heads = (0..100_000).filter(|_| draws.chance(30)).count();
        assert!((29_500..30_500).contains(&heads), "{heads}");
        let common = (0..100_000).filter(|_| draws.weighted(&[("a", 3), ("b", 1)]) == "a").count();
        assert!((74_000..76_000).contains(&common), "{common}");
        assert_eq!((draws.below(0), draws.choose(&[]), draws.weighted(&[])), (0, "", ""));
    }
}
