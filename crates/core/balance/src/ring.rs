//! A consistent hash: one key goes to one endpoint, and when an endpoint goes, only its keys move.

/// Points that one endpoint has on the ring, where there are few: enough that shares differ by a few hundredths.
const POINTS_EACH: usize = 160;
/// Points of a ring, whatever the number of endpoints: 1 MiB.
const POINTS_MAX: usize = 65_536;

/// A ring of points, each of which stands for an endpoint.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    points: Vec<(u64, u32)>,
}

/// The hash of a key or a name (FNV-1a, mixed). The same everywhere, so that every worker and every gateway agrees.
pub fn hash(bytes: &[u8]) -> u64 {
    let fnv = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// The finaliser of SplitMix64.
pub(crate) fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Ring {
    /// A ring of endpoints, given by the hashes of their names.
    pub fn new(names: &[u64]) -> Ring {
        let each = (POINTS_MAX / names.len().max(1)).clamp(1, POINTS_EACH);
        let mut points: Vec<(u64, u32)> = Vec::with_capacity(each * names.len());
        for (index, name) in (0_u32..).zip(names) {
            let mut seed = *name;
            points.extend((0..each).map(|_| (crate::draw(&mut seed), index)));
        }
        points.sort_unstable();
        Ring { points }
    }

    /// The endpoints from a key's place onwards, once round; each may come many times.
    pub fn from(&self, key: u64) -> impl Iterator<Item = usize> + '_ {
        let start = self.points.partition_point(|(place, _)| *place < key);
        let (before, after) = self.points.split_at(start.min(self.points.len()));
        after.iter().chain(before).map(|(_, index)| *index as usize)
    }
}
