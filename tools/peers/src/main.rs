//! Compares our drive, our parsers and our image readers with those of others.

fn main() {}
