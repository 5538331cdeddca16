//! Every decision of a CD-ROM class driver, without doing anything.
#![no_std]
#![forbid(unsafe_code)]
