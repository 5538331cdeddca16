//! Messages on the wire: the basic header segments of RFC 7143 clause 11, 48 bytes each, and the data behind them.
//!
//! One table declares each message's fields and their offsets, for either direction.

/// Bytes of the basic header segment.
pub(crate) const HEADER: usize = 48;

/// The tag that stands for no task and no transfer.
pub(crate) const NO_TAG: u32 = 0xFFFF_FFFF;

/// Bits of byte 1.
pub(crate) mod flag {
    /// The last, or only, message of its sequence; in a login the transit to the next stage.
    pub(crate) const FINAL: u8 = 0x80;
    /// SCSI Command: data from the target is expected. Login: more text follows.
    pub(crate) const READ_OR_CONTINUE: u8 = 0x40;
    /// SCSI Command: data for the target.
    pub(crate) const WRITE: u8 = 0x20;
    /// SCSI Command: task attribute SIMPLE.
    pub(crate) const SIMPLE: u8 = 0x01;
    /// SCSI Response and Data-In: fewer bytes than expected were there; the count is the difference.
    pub(crate) const UNDERFLOW: u8 = 0x02;
    /// SCSI Response and Data-In: more bytes than expected were there.
    #[cfg(test)]
    pub(crate) const OVERFLOW: u8 = 0x04;
    /// Data-In: the SCSI status is in this message.
    pub(crate) const STATUS: u8 = 0x01;
}

/// A value in a header, big-endian.
pub(crate) trait Field: Sized {
    fn get(header: &[u8; HEADER], at: usize) -> Self;
    fn put(&self, header: &mut [u8; HEADER], at: usize);
}

impl<const N: usize> Field for [u8; N] {
    fn get(header: &[u8; HEADER], at: usize) -> Self {
        std::array::from_fn(|index| header[at + index])
    }

    fn put(&self, header: &mut [u8; HEADER], at: usize) {
        header[at..at + N].copy_from_slice(self);
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl Field for $type {
            fn get(header: &[u8; HEADER], at: usize) -> Self {
                Self::from_be_bytes(Field::get(header, at))
            }

            fn put(&self, header: &mut [u8; HEADER], at: usize) {
                self.to_be_bytes().put(header, at);
            }
        }
    )*};
}

numbers!(u8 u16 u32);

/// A kind of message.
pub(crate) trait Message: Sized {
    /// Byte 0 without the bit of immediate delivery.
    const OPCODE: u8;
    /// The header.
    fn encode(&self) -> [u8; HEADER];
    /// The fields of a header that has this operation code.
    fn decode(header: &[u8; HEADER]) -> Self;
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $byte_0:literal { $($field:ident: $type:ty = $at:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl Message for $name {
            const OPCODE: u8 = $byte_0 & 0x3F;

            fn encode(&self) -> [u8; HEADER] {
                let mut header = [0; HEADER];
                header[0] = $byte_0;
                $(self.$field.put(&mut header, $at);)*
                header
            }

            fn decode(header: &[u8; HEADER]) -> Self {
                Self { $($field: Field::get(header, $at),)* }
            }
        }
    )*};
}

messages! {
    /// NOP-Out for immediate delivery, the answer to a NOP-In (clause 11.18).
    NopOut 0x40 {
        flags: u8 = 1, lun: [u8; 8] = 8, task_tag: u32 = 16, transfer_tag: u32 = 20, cmd_sn: u32 = 24, exp_stat_sn: u32 = 28,
    }
    /// SCSI Command (clause 11.3).
    ScsiCommand 0x01 {
        flags: u8 = 1, lun: [u8; 8] = 8, task_tag: u32 = 16, expected_length: u32 = 20, cmd_sn: u32 = 24,
        exp_stat_sn: u32 = 28, cdb: [u8; 16] = 32,
    }
    /// Login Request (clause 11.12).
    LoginRequest 0x43 {
        flags: u8 = 1, isid: [u8; 6] = 8, tsih: u16 = 14, task_tag: u32 = 16, cid: u16 = 20, cmd_sn: u32 = 24,
        exp_stat_sn: u32 = 28,
    }
    /// SCSI Data-Out (clause 11.7).
    DataOut 0x05 {
        flags: u8 = 1, lun: [u8; 8] = 8, task_tag: u32 = 16, transfer_tag: u32 = 20, exp_stat_sn: u32 = 28,
        data_sn: u32 = 36, offset: u32 = 40,
    }
    /// Logout Request for immediate delivery (clause 11.14); reason 0 closes the session.
    LogoutRequest 0x46 {
        flags: u8 = 1, task_tag: u32 = 16, cid: u16 = 20, cmd_sn: u32 = 24, exp_stat_sn: u32 = 28,
    }
    /// NOP-In (clause 11.19).
    NopIn 0x20 {
        flags: u8 = 1, lun: [u8; 8] = 8, task_tag: u32 = 16, transfer_tag: u32 = 20, stat_sn: u32 = 24,
        exp_cmd_sn: u32 = 28, max_cmd_sn: u32 = 32,
    }
    /// SCSI Response (clause 11.4).
    ScsiResponse 0x21 {
        flags: u8 = 1, response: u8 = 2, status: u8 = 3, task_tag: u32 = 16, stat_sn: u32 = 24, exp_cmd_sn: u32 = 28,
        max_cmd_sn: u32 = 32, exp_data_sn: u32 = 36, residual: u32 = 44,
    }
    /// Login Response (clause 11.13).
    LoginResponse 0x23 {
        flags: u8 = 1, isid: [u8; 6] = 8, tsih: u16 = 14, task_tag: u32 = 16, stat_sn: u32 = 24, exp_cmd_sn: u32 = 28,
        max_cmd_sn: u32 = 32, status_class: u8 = 36, status_detail: u8 = 37,
    }
    /// SCSI Data-In (clause 11.7).
    DataIn 0x25 {
        flags: u8 = 1, status: u8 = 3, task_tag: u32 = 16, transfer_tag: u32 = 20, stat_sn: u32 = 24,
        exp_cmd_sn: u32 = 28, max_cmd_sn: u32 = 32, data_sn: u32 = 36, offset: u32 = 40, residual: u32 = 44,
    }
    /// Logout Response (clause 11.15).
    LogoutResponse 0x26 {
        flags: u8 = 1, response: u8 = 2, task_tag: u32 = 16, stat_sn: u32 = 24, exp_cmd_sn: u32 = 28,
        max_cmd_sn: u32 = 32,
    }
    /// Ready To Transfer (clause 11.8).
    ReadyToTransfer 0x31 {
        flags: u8 = 1, lun: [u8; 8] = 8, task_tag: u32 = 16, transfer_tag: u32 = 20, stat_sn: u32 = 24,
        exp_cmd_sn: u32 = 28, max_cmd_sn: u32 = 32, r2t_sn: u32 = 36, offset: u32 = 40, length: u32 = 44,
    }
    /// Asynchronous Message (clause 11.9).
    AsyncMessage 0x32 {
        flags: u8 = 1, lun: [u8; 8] = 8, task_tag: u32 = 16, stat_sn: u32 = 24, exp_cmd_sn: u32 = 28,
        max_cmd_sn: u32 = 32, event: u8 = 36,
    }
    /// Reject (clause 11.17).
    Reject 0x3F {
        flags: u8 = 1, reason: u8 = 2, task_tag: u32 = 16, stat_sn: u32 = 24, exp_cmd_sn: u32 = 28,
        max_cmd_sn: u32 = 32,
    }
}

/// A header and its data segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pdu {
    /// The basic header segment; its length fields are those of the wire.
    pub(crate) header: [u8; HEADER],
    /// The data segment without padding.
    pub(crate) data: Vec<u8>,
}

impl Pdu {
    /// Byte 0 without the bit of immediate delivery.
    pub(crate) const fn opcode(&self) -> u8 {
        self.header[0] & 0x3F
    }

    /// The initiator task tag, at the same place in every message.
    pub(crate) fn task_tag(&self) -> u32 {
        Field::get(&self.header, 16)
    }

    /// The fields, if it is that kind of message.
    pub(crate) fn get<M: Message>(&self) -> Option<M> {
        (self.opcode() == M::OPCODE).then(|| M::decode(&self.header))
    }
}

/// The bytes of a message with `data`, which is shorter than 16 MiB, padded to four bytes.
pub(crate) fn bytes_of(message: &impl Message, data: &[u8]) -> Vec<u8> {
    let mut bytes = message.encode().to_vec();
    let [_, length @ ..] = u32::try_from(data.len()).unwrap_or(0).to_be_bytes();
    bytes[5..8].copy_from_slice(&length);
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// How many bytes follow a header: additional header segments, data, padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Following {
    /// TotalAHSLength in bytes, at most 1020.
    pub(crate) additional: usize,
    /// DataSegmentLength, below 16 MiB.
    pub(crate) data: usize,
    /// Up to three bytes.
    pub(crate) padding: usize,
}

impl Following {
    /// Reads the length fields (clause 11.2.1).
    pub(crate) fn of(header: &[u8; HEADER]) -> Self {
        let [high, middle, low] = Field::get(header, 5);
        let data = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        Self { additional: usize::from(header[4]) * 4, data, padding: data.next_multiple_of(4) - data }
    }
}

/// The sense data of a SCSI Response: two bytes of length, then as much of it as is there (clause 11.4.7).
pub(crate) fn sense_of(data: &[u8]) -> Vec<u8> {
    let Some((length, rest)) = data.split_first_chunk() else { return Vec::new() };
    let length = usize::from(u16::from_be_bytes(*length));
    rest[..length.min(rest.len())].to_vec()
}

#[cfg(test)]
mod tests;
