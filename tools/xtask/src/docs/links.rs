//! Relative links of a page lead to files of the tree.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)").ok());

/// Adds a fault for every relative link of `page` that leads nowhere.
pub fn check(root: &Path, page: &Path, faults: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let folder = page.parent().unwrap_or(root);
    for (number, target) in relative_links(&text) {
        if !folder.join(&target).exists() {
            let page = page.strip_prefix(root).unwrap_or(page).display();
            faults.push(format!("{page}, line {number}: {target} does not exist"));
        }
    }
    Ok(())
}

/// The files that links of `text` lead to, with their lines. Code blocks are no text.
fn relative_links(text: &str) -> Vec<(usize, String)> {
    let Some(link) = LINK.as_ref() else { return Vec::new() };
    let mut in_code = false;
    let mut links = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        for found in link.captures_iter(line) {
            let target = found.get(1).map_or("", |target| target.as_str());
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push((number, file.to_owned()));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_are_looked_at() {
        let text = "[a](docs/a.md) and [b](../b.md#part)\n[c](https://example.org/c.md) [d](#here)\n\
                    ```\n[e](e.md)\n```\n![f](f.png)\n";
        let files = [(1, "docs/a.md"), (1, "../b.md"), (6, "f.png")].map(|(line, file)| (line, file.to_owned()));
        assert_eq!(relative_links(text), files);
    }
}
