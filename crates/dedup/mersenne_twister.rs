//! MT19937 (Matsumoto and Nishimura 1998) as numpy's legacy `RandomState` seeds and reads it.

const N: usize = 624;
const M: usize = 397;

pub(crate) struct MersenneTwister {
    state: [u32; N],
    next: usize,
}

impl MersenneTwister {
    /// `init_genrand(seed)`.
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        MersenneTwister { state, next: N }
    }

    /// Uniform over 0..=`limit`, by masking and rejecting.
    pub(crate) fn at_most(&mut self, limit: u64) -> u64 {
        let mask = u64::MAX.checked_shr(limit.leading_zeros()).unwrap_or(0);
        loop {
            let high = u64::from(self.draw());
            let value = (high << 32 | u64::from(self.draw())) & mask;
            if value <= limit {
                return value;
            }
        }
    }

    fn draw(&mut self) -> u32 {
        if self.next == N {
            self.refill();
        }
        let mut value = self.state[self.next];
        self.next += 1;
        value ^= value >> 11;
        value ^= (value << 7) & 0x9D2C_5680;
        value ^= (value << 15) & 0xEFC6_0000;
        value ^ (value >> 18)
    }

    fn refill(&mut self) {
        for i in 0..N {
            let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7FFF_FFFF);
            let twist = if joined & 1 == 0 { 0 } else { 0x9908_B0DF };
            self.state[i] = self.state[(i + M) % N] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_first_outputs() {
        // The generator's default seed, as in the C++ standard: the 10,000th output.
        let mut random = MersenneTwister::new(5489);
        let last = (0..10_000).map(|_| random.draw()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn limits_are_kept() {
        let mut random = MersenneTwister::new(1);
        assert_eq!(random.at_most(0), 0);
        assert!((0..1000).all(|_| random.at_most(5) <= 5));
    }
}
