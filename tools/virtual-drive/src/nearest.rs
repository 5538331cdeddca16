//! The names that a misspelt one may have meant.

/// Up to `count` of `known` that are close enough to `word` to be meant, the nearest first.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let word = word.to_ascii_lowercase();
    let mut ranked: Vec<(usize, &str)> = known
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(2))
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.into_iter().take(count).map(|(_, candidate)| candidate).collect()
}

/// Ends a sentence about an unknown name: up to three that are alike, and where to see all.
#[must_use]
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = nearest(word, known, 3);
    let near = if near.is_empty() { String::new() } else { format!("; the nearest names are {}", near.join(", ")) };
    format!("{near} (sim:list shows all)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_alike_are_offered() {
        let known = ["sense", "status", "data", "SENSE_LENGTH"];
        assert_eq!(nearest("sens", known, 3), ["sense"]);
        assert_eq!(nearest("Sense_lenght", known, 1), ["SENSE_LENGTH"]);
        assert!(nearest("zzzzzz", known, 3).is_empty());
        assert_eq!(nearest("SENSELENGTH", known, 2), ["SENSE_LENGTH", "sense"]);
        assert_eq!(hint("zzzzzz", known), " (sim:list shows all)");
        assert_eq!(hint("dta", known), "; the nearest names are data (sim:list shows all)");
    }
}
