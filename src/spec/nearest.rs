//! Finds the word that was probably meant by a misspelled one.

/// Returns the word of `known` that is nearest to `written`, if it is near enough.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (strsim::damerau_levenshtein(written, known), known));
    scored.filter(|(distance, known)| *distance <= known.len().div_ceil(3)).min().map(|(_, known)| known)
}

/// Returns a "did you mean" question with the word of `known` that is nearest to `written`, if it is near enough.
pub(super) fn meant<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|near| format!("did you mean `{near}`?"))
}
