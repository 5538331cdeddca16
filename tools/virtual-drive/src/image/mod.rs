//! Disc images: ISO files and BIN/CUE.
