//! Reading sectors.

use super::layout::{Track, TrackMode};
use super::sector::{self, RAW_SIZE, SectorKind, USER_SIZE};
use super::source::SectorForm;
use super::subchannel::SUB_SIZE;
use super::{Disc, ReadError};

/// Sense key of a defect that correction overcomes: the sector can be read.
const RECOVERED_ERROR: u8 = 0x01;

/// What the disc holds of a sector: the form and as many bytes of the buffer; `None` where nothing is given.
type Stored = Option<(SectorForm, [u8; SectorForm::RawWithSub2448.size()])>;

impl Disc {
    /// The 2048 bytes of user data of the sector at `lba`.
    ///
    /// # Errors
    /// When the sector is outside all tracks, defective, not recorded, of a mode without 2048 bytes of user data, or
    /// when its image file fails; [`ReadError::sense`] is the sense a drive gives.
    pub fn read_user_data(&self, lba: i32) -> Result<[u8; USER_SIZE], ReadError> {
        let track = self.readable(lba)?;
        let mut user = [0; USER_SIZE];
        match (track.mode, self.stored(track, lba)?) {
            (TrackMode::Audio | TrackMode::Mode2, _) => return Err(ReadError::WrongMode(lba)),
            (_, Some((SectorForm::User2048, stored))) => user.copy_from_slice(&stored[..USER_SIZE]),
            (TrackMode::Mode1, None) => {}
            (mode, stored) => {
                let raw = whole(mode, lba, stored);
                let offset = SectorKind::of(mode, &raw).user_data_offset().ok_or(ReadError::WrongMode(lba))?;
                user.copy_from_slice(&raw[offset..offset + USER_SIZE]);
            }
        }
        Ok(user)
    }

    /// The 2352 bytes of the main channel of the sector at `lba`; made up with valid codes where the source has less.
    ///
    /// # Errors
    /// As [`read_user_data`](Self::read_user_data), without the mode.
    pub fn read_raw(&self, lba: i32) -> Result<[u8; RAW_SIZE], ReadError> {
        let track = self.readable(lba)?;
        Ok(whole(track.mode, lba, self.stored(track, lba)?))
    }

    /// The main channel of the sector at `lba` and what it is.
    ///
    /// # Errors
    /// As [`read_raw`](Self::read_raw).
    pub fn read_sector(&self, lba: i32) -> Result<(SectorKind, [u8; RAW_SIZE]), ReadError> {
        let raw = self.read_raw(lba)?;
        let mode = self.track_at(lba).ok_or(ReadError::OutOfRange(lba))?.mode;
        Ok((SectorKind::of(mode, &raw), raw))
    }

    /// Sub-channels R to W of the sector at `lba`, zero where the source has none.
    pub(super) fn sub_r_to_w(&self, lba: i32) -> [u8; SUB_SIZE] {
        let mut symbols = [0; SUB_SIZE];
        let stored = self.track_at(lba).and_then(|track| self.stored(track, lba).ok().flatten());
        if let Some((SectorForm::RawWithSub2448, bytes)) = stored {
            symbols.copy_from_slice(&bytes[RAW_SIZE..]);
        }
        symbols
    }

    /// The track of `lba`, when the sector is recorded and not defective.
    fn readable(&self, lba: i32) -> Result<&Track, ReadError> {
        let track = self.track_at(lba).ok_or(ReadError::OutOfRange(lba))?;
        if let Some(sense) = self.defect_at(lba).filter(|sense| sense.key != RECOVERED_ERROR) {
            return Err(ReadError::Defect { lba, sense });
        }
        if track.next_writable.is_some_and(|next| lba >= next) {
            return Err(ReadError::Blank(lba));
        }
        Ok(track)
    }

    fn stored(&self, track: &Track, lba: i32) -> Result<Stored, ReadError> {
        let mut buffer = [0; SectorForm::RawWithSub2448.size()];
        if let Some((form, bytes)) = self.overlay.get(&lba) {
            buffer[..bytes.len()].copy_from_slice(bytes);
            return Ok(Some((*form, buffer)));
        }
        let holding = |lba: i32| {
            let index = track.extents.partition_point(|extent| extent.lba <= lba).checked_sub(1)?;
            let extent = &track.extents[index];
            let distance = lba.abs_diff(extent.lba);
            (distance < extent.length).then_some((extent, distance))
        };
        let Some((extent, distance)) = holding(lba) else { return Ok(None) };
        let form = extent.source.form();
        extent
            .source
            .read(extent.offset.saturating_add(u64::from(distance)), &mut buffer[..form.size()])
            .map_err(|error| ReadError::Image { lba, message: error.to_string() })?;
        Ok(Some((form, buffer)))
    }
}

fn whole(mode: TrackMode, lba: i32, stored: Stored) -> [u8; RAW_SIZE] {
    match stored {
        Some((form, bytes)) => sector::synthesise(mode, lba, form, &bytes[..form.size()]),
        None => sector::empty(mode, lba),
    }
}
