//! The descriptors that the port gives at start (`STORAGE_..._DESCRIPTOR`), read with distrust.

use scsi_cdb::bytes::{array_at, clamp, u8_at};

use crate::blob::Blob;
use crate::limits::TransferLimits;

fn u32_le(bytes: &[u8], offset: usize) -> u32 {
    array_at(bytes, offset).map(u32::from_le_bytes).unwrap_or(0)
}

/// `STORAGE_ADAPTER_DESCRIPTOR`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdapterDescriptor(Blob<u8, 64>);

impl AdapterDescriptor {
    /// Keeps the descriptor; `None` if its fixed part is not all there.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= 0x14).then(|| Self(Blob::new(bytes)))
    }

    /// The descriptor's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The transfer limits that it gives.
    #[must_use]
    pub fn limits(&self) -> TransferLimits {
        let bytes = self.bytes();
        TransferLimits::new(u32_le(bytes, 8), u32_le(bytes, 12), u32_le(bytes, 16))
    }
}

/// `STORAGE_DEVICE_DESCRIPTOR` with its strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceDescriptor(Blob<u8, 512>);

/// Offsets of the string offsets in a device descriptor: vendor, product, revision, serial number.
pub const STRING_FIELDS: [usize; 4] = [12, 16, 20, 24];

impl DeviceDescriptor {
    /// Keeps the descriptor; `None` if its fixed part is not all there.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= 0x24).then(|| Self(Blob::new(bytes)))
    }

    /// The descriptor's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// RemovableMedia.
    #[must_use]
    pub fn removable(&self) -> bool {
        u8_at(self.bytes(), 10).unwrap_or(0) != 0
    }

    /// BusType.
    #[must_use]
    pub fn bus_type(&self) -> u32 {
        u32_le(self.bytes(), 28)
    }

    /// The string that the offset at `field` names, without its terminator; empty if there is none.
    #[must_use]
    pub fn string(&self, field: usize) -> &[u8] {
        let offset = u32_le(self.bytes(), field);
        if offset == 0 || offset == u32::MAX {
            return &[];
        }
        let rest = clamp(self.bytes(), usize::try_from(offset).unwrap_or(usize::MAX), usize::MAX);
        rest.split(|byte| *byte == 0).next().unwrap_or(&[])
    }

    /// VendorId.
    #[must_use]
    pub fn vendor(&self) -> &[u8] {
        self.string(12)
    }

    /// ProductId.
    #[must_use]
    pub fn product(&self) -> &[u8] {
        self.string(16)
    }

    /// ProductRevision.
    #[must_use]
    pub fn revision(&self) -> &[u8] {
        self.string(20)
    }

    /// Vendor, product and revision one after the other, as stored. A device without vendor and product has none.
    #[must_use]
    pub fn identification(&self) -> Blob<u8, 128> {
        let mut text = [0; 128];
        let mut length: usize = 0;
        if self.vendor().is_empty() && self.product().is_empty() {
            return Blob::default();
        }
        for part in [self.vendor(), self.product(), self.revision()] {
            length = length.saturating_add(scsi_cdb::bytes::put(&mut text, length, part));
        }
        Blob::new(clamp(&text, 0, length))
    }
}

/// The parts of `DEVICE_POWER_DESCRIPTOR` that matter here; all false where a port has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerDescriptor {
    /// DeviceAttentionSupported.
    pub device_attention: bool,
    /// AsynchronousNotificationSupported.
    pub asynchronous_notification: bool,
    /// D3ColdSupported.
    pub d3_cold: bool,
}

impl PowerDescriptor {
    /// Reads the descriptor; absent bytes count as 0.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let set = |offset| u8_at(bytes, offset).unwrap_or(0) != 0;
        Self { device_attention: set(8), asynchronous_notification: set(9), d3_cold: set(12) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_bounded_by_the_descriptor() {
        let mut bytes = [0; 48];
        bytes[12..16].copy_from_slice(&40_u32.to_le_bytes());
        bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes[20..24].copy_from_slice(&4000_u32.to_le_bytes());
        bytes[40..48].copy_from_slice(b"VENDOR X");
        let descriptor = DeviceDescriptor::new(&bytes).unwrap();
        assert_eq!(descriptor.vendor(), b"VENDOR X");
        assert_eq!(descriptor.product(), b"");
        assert_eq!(descriptor.revision(), b"");
        assert_eq!(descriptor.identification().as_slice(), b"VENDOR X");
        assert!(DeviceDescriptor::new(&bytes[..10]).is_none());
        bytes[12..16].fill(0);
        bytes[20..24].copy_from_slice(&40_u32.to_le_bytes());
        let descriptor = DeviceDescriptor::new(&bytes).unwrap();
        assert_eq!((descriptor.revision(), descriptor.identification().as_slice()), (&b"VENDOR X"[..], &b""[..]));
    }
}
