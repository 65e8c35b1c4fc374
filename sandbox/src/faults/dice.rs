//! Pseudo-random numbers that follow from a seed.

/// Returns a number from 0 to 1 that depends only on its arguments: FNV-1a, with a finisher that spreads the bits.
pub(super) fn share(seed: u64, what: &str, nth: u64) -> f64 {
    let bytes = seed.to_le_bytes().into_iter().chain(what.bytes()).chain(nth.to_le_bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    f64::from(u32::try_from(hash >> 32).expect("it has 32 bits")) / f64::from(u32::MAX)
}
