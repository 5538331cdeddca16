//! WRITE (10) and (12), WRITE AND VERIFY (10) (MMC-6 6.44 to 6.46).

use super::Drive;
use super::capacity::recorded_end;
use super::command::{Answer, Command, Outcome};
use super::fault::{Failure, Fault};
use crate::disc::{Disc, MediaFamily, MediaType, SectorForm, TrackMode};

impl Drive {
    /// WRITE (10) and WRITE AND VERIFY (10): address in bytes 2 to 5, blocks in 7 and 8.
    pub(crate) fn write_10(&mut self, command: &Command<'_>) -> Outcome {
        self.write_blocks(command, command.be32(2).cast_signed(), u32::from(command.be16(7)))
    }

    /// WRITE (12): address in bytes 2 to 5, blocks in 6 to 9.
    pub(crate) fn write_12(&mut self, command: &Command<'_>) -> Outcome {
        self.write_blocks(command, command.be32(2).cast_signed(), command.be32(6))
    }

    fn write_blocks(&mut self, command: &Command<'_>, start: i32, blocks: u32) -> Outcome {
        let (mode, control, form) = self.track_parameters(start)?;
        let size = usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(form.size());
        // In the pregap of a session at once nothing is kept.
        let pregap = self.cue.as_ref().and_then(|tracks| tracks.first()).map(|track| track.start);
        let skipped = pregap.filter(|first| start < *first && start >= first - crate::disc::PREGAP);
        let skipped = skipped.map_or(0, |first| first.abs_diff(start).min(blocks));
        let begin = start.saturating_add_unsigned(skipped);
        let disc = self.writable_disc()?;
        if skipped < blocks {
            check_range(disc, begin, blocks - skipped)?;
        }
        let data = command.parameters(size)?;
        if blocks == 0 {
            return Ok(Answer::done());
        }
        self.player.stop();
        let disc = self.writable_disc()?;
        let opens_track = disc.media.family() == MediaFamily::Cd
            && disc.open_track().is_none()
            && disc.next_writable_address() == Some(begin)
            && disc.track_at(begin).is_none();
        if opens_track && skipped < blocks {
            disc.begin_track(mode, control)?;
        }
        for (index, block) in (0..).zip(data.chunks_exact(form.size())).skip(skipped as usize) {
            let lba = start.saturating_add(index);
            disc.write(lba, form, block).map_err(|error| Failure::from(error).at(lba.cast_unsigned()))?;
        }
        let spin = self.wake();
        let seek = if start == self.head { std::time::Duration::ZERO } else { self.timing.seek };
        self.head = start.saturating_add_unsigned(blocks);
        let rate = u64::from(self.write_speed().max(1));
        let microseconds = u64::try_from(size).unwrap_or(u64::MAX).saturating_mul(1000) / rate;
        Ok(Answer::after(spin + seek + std::time::Duration::from_micros(microseconds)))
    }

    /// Mode and control of the track that is written, and what each block of data holds: from the cue sheet, or from
    /// page 05 on CD.
    fn track_parameters(&self, lba: i32) -> Result<(TrackMode, u8, SectorForm), Failure> {
        let disc = self.ready_disc()?;
        if disc.media.family() != MediaFamily::Cd || disc.is_overwritable() {
            return Ok((TrackMode::Mode1, crate::disc::control::DATA, SectorForm::User2048));
        }
        if let Some(tracks) = &self.cue {
            let track = tracks.iter().rev().find(|track| track.start <= lba).or_else(|| tracks.first());
            let track = track.ok_or(Fault::CommandSequence)?;
            let form = match track.mode {
                TrackMode::Audio => SectorForm::Raw2352,
                TrackMode::Mode1 => SectorForm::User2048,
                TrackMode::Mode2 | TrackMode::Mode2Xa => SectorForm::Mode2Body2336,
            };
            return Ok((track.mode, track.control, form));
        }
        let control = self.write_parameter(3) & 0x0F;
        let data = control & crate::disc::control::DATA != 0;
        let (mode, form) = match (self.write_parameter(4) & 0x0F, data) {
            (0, false) => (TrackMode::Audio, SectorForm::Raw2352),
            (3, false) => (TrackMode::Audio, SectorForm::RawWithSub2448),
            (8, true) => (TrackMode::Mode1, SectorForm::User2048),
            (9, true) => (TrackMode::Mode2, SectorForm::Mode2Body2336),
            (10, true) => (TrackMode::Mode2Xa, SectorForm::User2048),
            (13, true) => (TrackMode::Mode2Xa, SectorForm::Mode2Body2336),
            _ => return Err(Fault::IllegalModeForTrack.into()),
        };
        Ok((mode, control, form))
    }
}

/// Whether `blocks` blocks can be written from `start` on: nothing is written when not all can be.
fn check_range(disc: &Disc, start: i32, blocks: u32) -> Result<(), Failure> {
    let at_start = |fault: Fault| Failure::from(fault).at(start.cast_unsigned());
    let end = start.checked_add_unsigned(blocks).ok_or_else(|| at_start(Fault::AddressOutOfRange))?;
    if disc.is_overwritable() {
        if start < 0 || end > recorded_end(disc) {
            return Err(at_start(Fault::AddressOutOfRange));
        }
        let granule = disc.media.ecc_blocks();
        let whole = start.cast_unsigned().is_multiple_of(granule) && blocks.is_multiple_of(granule);
        if disc.media == MediaType::DvdRwRestricted && !whole {
            return Err(at_start(Fault::InvalidAddressForWrite));
        }
        return Ok(());
    }
    if !disc.is_appendable() {
        // The disc says whether it must be formatted or cannot be written any more.
        return Ok(());
    }
    let reserved = disc.tracks().find(|track| track.reserved && track.next_writable == Some(start));
    let limit = match reserved {
        // Tracks of a cue sheet follow one another.
        Some(_) => disc.tracks().filter(|track| track.reserved).map(|track| track.end()).max().unwrap_or(start),
        None if disc.next_writable_address() == Some(start) => disc.capacity.cast_signed(),
        None => return Err(at_start(Fault::InvalidAddressForWrite)),
    };
    if end > limit { Err(at_start(Fault::EndOfUserArea)) } else { Ok(()) }
}
