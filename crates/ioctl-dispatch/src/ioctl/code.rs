//! An I/O control code and its parts (`CTL_CODE` of `devioctl.h`).

use core::fmt;

/// The device type in bits 31-16 of a control code, and of a device object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceType(pub u16);

impl DeviceType {
    /// FILE_DEVICE_CD_ROM.
    pub const CD_ROM: Self = Self(0x02);
    /// FILE_DEVICE_CONTROLLER, the base of the SCSI codes.
    pub const CONTROLLER: Self = Self(0x04);
    /// FILE_DEVICE_DISK.
    pub const DISK: Self = Self(0x07);
    /// FILE_DEVICE_TAPE.
    pub const TAPE: Self = Self(0x1F);
    /// FILE_DEVICE_MASS_STORAGE, the base of the storage codes.
    pub const MASS_STORAGE: Self = Self(0x2D);
    /// FILE_DEVICE_ACPI.
    pub const ACPI: Self = Self(0x32);
    /// FILE_DEVICE_DVD.
    pub const DVD: Self = Self(0x33);
}

/// How the I/O manager passes buffers: bits 1-0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// METHOD_BUFFERED.
    Buffered,
    /// METHOD_IN_DIRECT.
    InDirect,
    /// METHOD_OUT_DIRECT.
    OutDirect,
    /// METHOD_NEITHER.
    Neither,
}

/// An I/O control code: device type, access, function, method.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlCode(pub u32);

impl ControlCode {
    /// Bits 31-16.
    #[must_use]
    pub const fn device_type(self) -> DeviceType {
        let [high, low, ..] = self.0.to_be_bytes();
        DeviceType(u16::from_be_bytes([high, low]))
    }

    /// Bits 13-2.
    #[must_use]
    pub const fn function(self) -> u32 {
        (self.0 >> 2) & 0xFFF
    }

    /// Bits 1-0.
    #[must_use]
    pub const fn method(self) -> Method {
        match self.0 & 3 {
            0 => Method::Buffered,
            1 => Method::InDirect,
            2 => Method::OutDirect,
            _ => Method::Neither,
        }
    }

    /// The handle must be open for reading (bit 14).
    #[must_use]
    pub const fn needs_read_access(self) -> bool {
        self.0 & 0x4000 != 0
    }

    /// The handle must be open for writing (bit 15).
    #[must_use]
    pub const fn needs_write_access(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// The storage code that this code is an alias of, or the code itself.
    ///
    /// CD-ROM, disk, tape, SCSI and DVD codes with functions 0x200 to 0x300 became storage codes; access and method
    /// bits stay (ioctl-cdrom-disk.md, "Code normalisation").
    #[must_use]
    pub const fn normalized(self) -> Self {
        let aliased = matches!(
            self.device_type(),
            DeviceType::CD_ROM | DeviceType::CONTROLLER | DeviceType::DISK | DeviceType::TAPE | DeviceType::DVD
        );
        if aliased && self.function() >= 0x200 && self.function() <= 0x300 {
            Self((self.0 & 0xFFFF) | 0x002D_0000)
        } else {
            self
        }
    }
}

impl fmt::Debug for ControlCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010X}", self.0)
    }
}

impl fmt::Display for ControlCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_code() {
        let code = ControlCode(0x0002_403E);
        assert_eq!(code.device_type(), DeviceType::CD_ROM);
        assert_eq!(code.function(), 0x00F);
        assert_eq!(code.method(), Method::OutDirect);
        assert!(code.needs_read_access() && !code.needs_write_access());
        assert_eq!(ControlCode(0x0033_D018).device_type(), DeviceType::DVD);
    }

    #[test]
    fn aliases_become_storage_codes_and_keep_their_low_bits() {
        for (alias, storage) in [
            (0x0002_4800, 0x002D_4800),
            (0x0007_4808, 0x002D_4808),
            (0x001F_4804, 0x002D_4804),
            (0x0033_480C, 0x002D_480C),
            (0x0004_4814, 0x002D_4814),
            (0x0007_0C00, 0x002D_0C00),
        ] {
            assert_eq!(ControlCode(alias).normalized(), ControlCode(storage));
        }
        for other in [0x0002_4000, 0x0007_0C04, 0x004D_0800, 0x002D_4800, 0x0033_5000] {
            assert_eq!(ControlCode(other).normalized(), ControlCode(other));
        }
    }
}
