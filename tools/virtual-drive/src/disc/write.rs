//! Recording: writing blocks, and opening, reserving, closing, blanking and formatting.

use thiserror::Error;

use super::layout::{Index, PREGAP, Session, Track, TrackMode, next_session_start};
use super::source::SectorForm;
use super::{Disc, DiscState, MediaFamily, MediaType, Recording, SenseCode};

/// Blocks between the borders of DVD-R and DVD-RW; real ones vary with the place on the disc.
const DVD_BORDER_ZONES: i32 = 12_288;
/// Blocks of the closure and intro zones between sessions of DVD+R.
const DVD_PLUS_R_ZONES: i32 = 2_048;

/// Why a recording operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The medium is pressed or complete.
    #[error("the medium cannot be written")]
    ReadOnly,
    /// The medium must be formatted first.
    #[error("the medium is not formatted")]
    NotFormatted,
    /// Sequential media take only the next writable address.
    #[error("block {lba} is not the next writable address")]
    NotNextWritable {
        /// The address that was asked for.
        lba: i32,
    },
    /// The address is outside the recordable or formatted area, or there is no such track.
    #[error("block or track {0} does not exist")]
    OutOfRange(i32),
    /// The data's length or form does not suit the track.
    #[error("the data does not suit the mode of the track")]
    WrongMode,
    /// The block is defective.
    #[error("block {0} is defective")]
    Defect(i32),
}

impl WriteError {
    /// The sense a drive gives for it.
    #[must_use]
    pub const fn sense(self) -> SenseCode {
        match self {
            Self::ReadOnly => SenseCode::new(0x07, 0x27, 0x00),
            Self::NotFormatted => SenseCode::new(0x03, 0x31, 0x00),
            Self::NotNextWritable { .. } => SenseCode::new(0x05, 0x21, 0x02),
            Self::OutOfRange(_) => SenseCode::new(0x05, 0x21, 0x00),
            Self::WrongMode => SenseCode::new(0x05, 0x64, 0x00),
            Self::Defect(_) => SenseCode::new(0x03, 0x0C, 0x00),
        }
    }
}

impl Disc {
    /// Whether any formatted block can be written at any time.
    #[must_use]
    pub fn is_overwritable(&self) -> bool {
        self.formatted && (self.media.recording() == Recording::RandomOverwrite || self.media == MediaType::CdRw)
    }

    /// Whether more can be appended at the next writable address.
    #[must_use]
    pub fn is_appendable(&self) -> bool {
        self.state != DiscState::Complete && self.media.recording() == Recording::Sequential && !self.formatted
    }

    /// The track that is open for writing: neither complete nor reserved.
    #[must_use]
    pub fn open_track(&self) -> Option<&Track> {
        self.tracks().find(|track| track.next_writable.is_some() && !track.reserved)
    }

    /// Where the next block goes: in the open track, or the first block of the next (invisible) track.
    #[must_use]
    pub fn next_writable_address(&self) -> Option<i32> {
        if !self.is_appendable() {
            return None;
        }
        Some(self.open_track().and_then(|track| track.next_writable).unwrap_or_else(|| self.next_track_start()))
    }

    /// Blocks that can still be written at the next writable address; on overwritable media, all of them.
    #[must_use]
    pub fn free_blocks(&self) -> u32 {
        if self.is_overwritable() {
            return self.capacity;
        }
        self.next_writable_address()
            .and_then(|next| self.capacity.checked_add_signed(-next))
            .filter(|free| *free <= self.capacity)
            .unwrap_or(0)
    }

    /// The number of the track that the next block goes to: the open one, or the invisible one after the last.
    #[must_use]
    pub fn next_track_number(&self) -> u16 {
        self.open_track().map_or_else(|| self.tracks().last().map_or(1, |track| track.number + 1), |track| track.number)
    }

    /// Writes one block of `form` at `lba`: anywhere on overwritable media, at a next writable address on others.
    ///
    /// A block at the start of the invisible track opens a data track of Mode 1; [`begin_track`](Self::begin_track)
    /// opens others.
    ///
    /// # Errors
    /// [`WriteError::sense`] is the sense a drive gives.
    pub fn write(&mut self, lba: i32, form: SectorForm, data: &[u8]) -> Result<(), WriteError> {
        if data.len() != form.size() {
            return Err(WriteError::WrongMode);
        }
        if self.defect_at(lba).is_some() {
            return Err(WriteError::Defect(lba));
        }
        if !self.is_overwritable() {
            self.advance(lba, form)?;
        } else if self.track_at(lba).is_none() {
            return Err(WriteError::OutOfRange(lba));
        }
        self.overlay.insert(lba, (form, data.to_vec()));
        Ok(())
    }

    /// Opens the next track with this mode and control nibble, in a new session if none is open. Gives its number.
    ///
    /// # Errors
    /// When the medium cannot be appended to, or a track is open already.
    pub fn begin_track(&mut self, mode: TrackMode, control: u8) -> Result<u16, WriteError> {
        if let Some(next) = self.open_track().and_then(|track| track.next_writable) {
            return Err(WriteError::NotNextWritable { lba: next });
        }
        self.add_track(mode, control, 0)
    }

    /// Reserves a track of `blocks` blocks at the next writable address. Gives its number.
    ///
    /// # Errors
    /// As [`begin_track`](Self::begin_track), and when the medium has not that many blocks left.
    pub fn reserve_track(&mut self, blocks: u32) -> Result<u16, WriteError> {
        if blocks == 0 || blocks > self.free_blocks() {
            return Err(WriteError::OutOfRange(i32::try_from(blocks).unwrap_or(i32::MAX)));
        }
        if let Some(next) = self.open_track().and_then(|track| track.next_writable) {
            return Err(WriteError::NotNextWritable { lba: next });
        }
        let control = super::control::DATA;
        let number = self.add_track(TrackMode::Mode1, control, blocks)?;
        let track = self.track_mut(number).ok_or(WriteError::OutOfRange(i32::from(number)))?;
        track.reserved = true;
        Ok(number)
    }

    /// Closes a track; on DVD and BD it is filled up to a whole ECC block with zeros.
    ///
    /// # Errors
    /// When there is no such track, or it is complete.
    pub fn close_track(&mut self, number: u16) -> Result<(), WriteError> {
        let granule = self.media.ecc_blocks();
        let track = self.track_mut(number).ok_or(WriteError::OutOfRange(i32::from(number)))?;
        if track.next_writable.take().is_none() {
            return Err(WriteError::OutOfRange(i32::from(number)));
        }
        if !track.reserved {
            track.length = track.length.next_multiple_of(granule);
        }
        self.update_lead_out();
        Ok(())
    }

    /// Closes the open session, and the disc when `finalise`.
    ///
    /// # Errors
    /// When the medium cannot be appended to, or there is no session to close.
    pub fn close_session(&mut self, finalise: bool) -> Result<(), WriteError> {
        if !self.is_appendable() {
            return Err(WriteError::ReadOnly);
        }
        let open: Vec<u16> =
            self.tracks().filter(|track| track.next_writable.is_some()).map(|track| track.number).collect();
        for number in open {
            self.close_track(number)?;
        }
        let session = self.sessions.last_mut().filter(|session| !session.tracks.is_empty());
        session.ok_or(WriteError::OutOfRange(0))?.closed = true;
        if finalise {
            self.state = DiscState::Complete;
        }
        Ok(())
    }

    /// Removes everything recorded; restricted overwrite DVD-RW becomes sequential.
    ///
    /// # Errors
    /// When the medium cannot be blanked.
    pub fn blank(&mut self) -> Result<(), WriteError> {
        if !matches!(self.media, MediaType::CdRw | MediaType::DvdRwSequential | MediaType::DvdRwRestricted) {
            return Err(WriteError::ReadOnly);
        }
        if self.media == MediaType::DvdRwRestricted {
            self.media = MediaType::DvdRwSequential;
        }
        self.sessions.clear();
        self.overlay.clear();
        self.catalog = None;
        self.cd_text = None;
        self.formatted = false;
        self.state = DiscState::Blank;
        Ok(())
    }

    /// Formats the medium to `blocks` blocks of zeros; sequential DVD-RW becomes restricted overwrite.
    ///
    /// # Errors
    /// When the medium cannot be formatted, or has not that many blocks.
    pub fn format(&mut self, blocks: u32) -> Result<(), WriteError> {
        if !self.media.is_erasable() {
            return Err(WriteError::ReadOnly);
        }
        if blocks == 0 || blocks > self.capacity {
            return Err(WriteError::OutOfRange(i32::try_from(blocks).unwrap_or(i32::MAX)));
        }
        if self.media == MediaType::DvdRwSequential {
            self.media = MediaType::DvdRwRestricted;
        }
        self.overlay.clear();
        self.sessions = vec![Session::closed(1, vec![Track::new(1, 1, TrackMode::Mode1, 0, blocks)])];
        self.formatted = true;
        self.state = DiscState::Complete;
        Ok(())
    }

    /// Moves the next writable address past `lba`, which must be one.
    fn advance(&mut self, lba: i32, form: SectorForm) -> Result<(), WriteError> {
        if !self.is_appendable() {
            let unformatted = self.media.recording() == Recording::RandomOverwrite;
            return Err(if unformatted { WriteError::NotFormatted } else { WriteError::ReadOnly });
        }
        if self.next_writable_address() == Some(lba) && self.open_track().is_none() {
            self.add_track(TrackMode::Mode1, super::control::DATA, 0)?;
        }
        let capacity = self.capacity;
        let track = self
            .sessions
            .iter_mut()
            .flat_map(|session| &mut session.tracks)
            .find(|track| track.next_writable == Some(lba) && !(track.reserved && lba >= track.end()))
            .ok_or(WriteError::NotNextWritable { lba })?;
        if u32::try_from(lba).is_ok_and(|lba| lba >= capacity) {
            return Err(WriteError::OutOfRange(lba));
        }
        if !suits(track.mode, form) {
            return Err(WriteError::WrongMode);
        }
        track.next_writable = Some(lba + 1);
        if !track.reserved {
            track.length += 1;
        }
        self.update_lead_out();
        Ok(())
    }

    fn add_track(&mut self, mode: TrackMode, control: u8, reserved: u32) -> Result<u16, WriteError> {
        let start = self.next_writable_address().ok_or(WriteError::ReadOnly)?;
        if self.sessions.last().is_none_or(|session| session.closed) {
            let number = self.sessions.last().map_or(1, |session| session.number + 1);
            self.sessions.push(Session { number, tracks: Vec::new(), lead_out: start, closed: false });
        }
        let number = self.next_track_number();
        let cd = self.media.family() == MediaFamily::Cd;
        let session = self.sessions.last_mut().ok_or(WriteError::ReadOnly)?;
        let mut track = Track::new(number, session.number, mode, start, reserved);
        if cd {
            track.indexes = vec![Index { number: 0, lba: start - PREGAP }, Index { number: 1, lba: start }];
        }
        track.control = control;
        track.next_writable = Some(start);
        session.tracks.push(track);
        self.state = DiscState::Appendable;
        self.update_lead_out();
        Ok(number)
    }

    /// The first block of the invisible track.
    fn next_track_start(&self) -> i32 {
        let Some(session) = self.sessions.last() else { return 0 };
        let cd = self.media.family() == MediaFamily::Cd;
        match (session.closed, self.media) {
            (true, _) if cd => next_session_start(session.number, session.lead_out),
            (true, MediaType::DvdPlusR | MediaType::DvdPlusRDualLayer) => session.lead_out + DVD_PLUS_R_ZONES,
            (true, MediaType::BdR) => session.lead_out,
            (true, _) => session.lead_out + DVD_BORDER_ZONES,
            (false, _) if cd && !session.tracks.is_empty() => session.lead_out + PREGAP,
            (false, _) => session.lead_out,
        }
    }

    fn update_lead_out(&mut self) {
        if let Some(session) = self.sessions.last_mut()
            && let Some(track) = session.tracks.last()
        {
            session.lead_out = track.end();
        }
    }

    fn track_mut(&mut self, number: u16) -> Option<&mut Track> {
        self.sessions.iter_mut().flat_map(|session| &mut session.tracks).find(|track| track.number == number)
    }
}

/// Whether blocks of `form` can be written to a track of `mode`.
const fn suits(mode: TrackMode, form: SectorForm) -> bool {
    match form {
        SectorForm::Raw2352 | SectorForm::RawWithSub2448 => true,
        SectorForm::User2048 => matches!(mode, TrackMode::Mode1 | TrackMode::Mode2Xa),
        SectorForm::Mode2Body2336 => matches!(mode, TrackMode::Mode2 | TrackMode::Mode2Xa),
        SectorForm::Form2User2324 => matches!(mode, TrackMode::Mode2Xa),
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
