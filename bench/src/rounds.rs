//! Counts the sequential rounds of calls.

/// Returns the length of the longest chain of calls, each of which began after the previous one had ended. Each call is
/// given by its start and end.
pub fn rounds(calls: impl Iterator<Item = (f64, f64)>) -> usize {
    let mut by_end: Vec<(f64, f64)> = calls.collect();
    by_end.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let (mut rounds, mut end) = (0, f64::MIN);
    for (began, ended) in by_end {
        if began >= end {
            rounds += 1;
            end = ended;
        }
    }
    rounds
}

#[test]
fn overlapping_calls_are_one_round() {
    let of = |calls: &[(f64, f64)]| rounds(calls.iter().copied());
    assert_eq!(of(&[]), 0);
    assert_eq!(of(&[(0.0, 5.0), (1.0, 6.0), (4.0, 9.0)]), 1);
    assert_eq!(of(&[(0.0, 5.0), (1.0, 20.0), (5.0, 9.0), (9.0, 12.0)]), 3);
}
