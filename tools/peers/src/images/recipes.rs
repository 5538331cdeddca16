//! How the images are made.

use super::control::Cdromctl;
use super::shell::Shell;
use super::{Image, iso, sheets};

/// A way to make an image.
pub(super) enum Recipe {
    /// A file of 2048-byte blocks.
    Iso(&'static iso::Recipe),
    /// A sheet with its files.
    Sheet(&'static sheets::Recipe),
}

/// All recipes.
pub(super) fn all() -> impl Iterator<Item = Recipe> {
    iso::RECIPES.iter().chain([&iso::UDF]).map(Recipe::Iso).chain(sheets::RECIPES.iter().map(Recipe::Sheet))
}

impl Recipe {
    /// The name of the image.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Iso(recipe) => recipe.name,
            Self::Sheet(recipe) => recipe.name,
        }
    }

    /// Makes the image in the folder of `shell`.
    pub fn make(&self, shell: &mut Shell, control: &Cdromctl) -> anyhow::Result<Image> {
        match self {
            Self::Iso(recipe) => recipe.make(shell, control),
            Self::Sheet(recipe) => recipe.make(shell, control),
        }
    }
}
