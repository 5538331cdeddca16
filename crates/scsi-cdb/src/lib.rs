//! MMC, SPC and SBC commands as values, and their answers as checked views.
//!
//! A command is a plain value (for example [`ReadTocPmaAtip`](toc::ReadTocPmaAtip)). [`Command::cdb`] turns it into a [`Cdb`],
//! [`Command::transfer`] says which way its data moves and how much, and [`Command::parse`] reads it back from bytes.
//! An answer is a view on the bytes a drive sent, whatever their number: a parser returns [`ParseError`] when the
//! bytes cannot carry what it promises, and never looks past their end or past the length the answer claims.
//!
//! [`AnyCommand`] tells received blocks apart.
//!
//! ```
//! use scsi_cdb::read_capacity::{Capacity10, ReadCapacity10};
//! use scsi_cdb::sense::Sense;
//! use scsi_cdb::{Command, ParseError, Transfer};
//!
//! assert_eq!(ReadCapacity10 {}.cdb().as_bytes(), [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
//! assert_eq!(ReadCapacity10 {}.transfer(), Transfer::In(8));
//!
//! let capacity = Capacity10::parse(&[0x00, 0x05, 0x2B, 0x1F, 0x00, 0x00, 0x08, 0x00])?;
//! assert_eq!((capacity.blocks(), capacity.block_length), (338_720, 2048));
//!
//! let sense = Sense::parse(&[0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3A, 2, 0, 0, 0, 0])?;
//! assert_eq!(sense.name(), Some("MEDIUM NOT PRESENT - TRAY OPEN"));
//! # Ok::<_, ParseError>(())
//! ```
//!
//! Multi-byte fields on the wire are big-endian. References are to MMC-6 (T10/1836-D revision 2g), to MMC-4
//! (INCITS 401-2005) for what MMC-6 dropped, and to SPC-3 (T10/1416-D revision 23).
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::as_conversions,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::as_conversions,
        clippy::unreachable
    )
)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod open_enum;
#[macro_use]
mod layout;
#[macro_use]
mod record;

#[cfg(test)]
mod test_support;

pub mod address;
pub mod audio_play;
pub mod buffer_capacity;
pub mod bytes;
pub mod cdb;
pub mod configuration;
pub mod decode;
pub mod disc_information;
pub mod disc_structure;
pub mod error;
pub mod event_status;
pub mod inquiry;
pub mod key;
pub mod mechanism;
pub mod mode;
pub mod opcode;
pub mod performance;
pub mod persistent_reserve;
pub mod read_capacity;
pub mod read_cd;
pub mod read_write;
pub mod recording;
pub mod reserve;
pub mod sense;
pub mod start_stop;
pub mod streaming;
pub mod sub_channel;
pub mod test_unit_ready;
pub mod text;
pub mod toc;
pub mod track_information;
pub mod vital_product_data;

pub use address::{Lba, Msf};
pub use cdb::{Cdb, Command, Direction, Transfer};
pub use decode::AnyCommand;
pub use error::ParseError;
pub use opcode::Opcode;
