//! How often one waits for an answer.

/// The longest chain of calls of which each began after the one before it had ended, by when each began and ended.
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
fn calls_beside_each_other_are_one_round() {
    let of = |calls: &[(f64, f64)]| rounds(calls.iter().copied());
    assert_eq!(of(&[]), 0);
    assert_eq!(of(&[(0.0, 5.0), (1.0, 6.0), (4.0, 9.0)]), 1);
    assert_eq!(of(&[(0.0, 5.0), (1.0, 20.0), (5.0, 9.0), (9.0, 12.0)]), 3);
}
