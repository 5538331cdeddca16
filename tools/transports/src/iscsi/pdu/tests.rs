use proptest::prelude::*;

use super::*;

/// A header from rows of (offset, bytes).
fn header(rows: &[(usize, &[u8])]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    for (at, bytes) in rows {
        header[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    header
}

/// Checks both directions.
#[track_caller]
fn same<M: Message + PartialEq + std::fmt::Debug>(message: M, wire: [u8; HEADER]) {
    assert_eq!(message.encode(), wire);
    assert_eq!(M::decode(&wire), message);
}

/// RFC 7143 clause 11.3: READ TOC of 804 bytes at logical unit 1.
#[test]
fn scsi_command() {
    let cdb = [0x43, 0x02, 0, 0, 0, 0, 0, 0x03, 0x24, 0, 0, 0, 0, 0, 0, 0];
    let message = ScsiCommand {
        flags: flag::FINAL | flag::READ_OR_CONTINUE | flag::SIMPLE,
        lun: [0, 1, 0, 0, 0, 0, 0, 0],
        task_tag: 0x1122_3344,
        expected_length: 804,
        cmd_sn: 7,
        exp_stat_sn: 9,
        cdb,
    };
    let rows: [(usize, &[u8]); 6] = [
        (0, &[0x01, 0xC1]),
        (8, &[0, 1]),
        (16, &[0x11, 0x22, 0x33, 0x44, 0, 0, 0x03, 0x24]),
        (24, &[0, 0, 0, 7]),
        (28, &[0, 0, 0, 9]),
        (32, &cdb),
    ];
    same(message, header(&rows));
}

/// Clause 11.4: CHECK CONDITION, 8 of the expected bytes missing.
#[test]
fn scsi_response() {
    let message = ScsiResponse {
        flags: flag::FINAL | flag::UNDERFLOW,
        response: 0,
        status: 2,
        task_tag: 5,
        stat_sn: 6,
        exp_cmd_sn: 7,
        max_cmd_sn: 8,
        exp_data_sn: 1,
        residual: 8,
    };
    let rows: [(usize, &[u8]); 3] = [
        (0, &[0x21, 0x82, 0, 2]),
        (16, &[0, 0, 0, 5]),
        (24, &[0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8]),
    ];
    same(message, header(&rows));
}

/// Clause 11.7: the last data with the status in it, and data for the target.
#[test]
fn data_in_and_out() {
    let message = DataIn {
        flags: flag::FINAL | flag::STATUS | flag::OVERFLOW,
        status: 0,
        task_tag: 5,
        transfer_tag: NO_TAG,
        stat_sn: 6,
        exp_cmd_sn: 7,
        max_cmd_sn: 8,
        data_sn: 2,
        offset: 0x1000,
        residual: 16,
    };
    let rows: [(usize, &[u8]); 3] = [
        (0, &[0x25, 0x85]),
        (16, &[0, 0, 0, 5, 0xFF, 0xFF, 0xFF, 0xFF]),
        (24, &[0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0x10, 0, 0, 0, 0, 16]),
    ];
    same(message, header(&rows));

    let message = DataOut {
        flags: flag::FINAL,
        lun: [0, 1, 0, 0, 0, 0, 0, 0],
        task_tag: 5,
        transfer_tag: 0xABCD,
        exp_stat_sn: 6,
        data_sn: 3,
        offset: 0x2000,
    };
    let rows: [(usize, &[u8]); 5] = [
        (0, &[0x05, 0x80]),
        (8, &[0, 1]),
        (16, &[0, 0, 0, 5, 0, 0, 0xAB, 0xCD]),
        (28, &[0, 0, 0, 6]),
        (36, &[0, 0, 0, 3, 0, 0, 0x20, 0]),
    ];
    same(message, header(&rows));
}

/// Clause 11.8.
#[test]
fn ready_to_transfer() {
    let message = ReadyToTransfer {
        flags: flag::FINAL,
        lun: [0; 8],
        task_tag: 5,
        transfer_tag: 9,
        stat_sn: 6,
        exp_cmd_sn: 7,
        max_cmd_sn: 8,
        r2t_sn: 1,
        offset: 0x2000,
        length: 0x800,
    };
    let rows: [(usize, &[u8]); 2] = [
        (0, &[0x31, 0x80]),
        (16, &[0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0x20, 0, 0, 0, 8, 0]),
    ];
    same(message, header(&rows));
}

/// Clauses 11.12 and 11.13.
#[test]
fn login() {
    let message = LoginRequest {
        flags: flag::FINAL | 0x01,
        isid: [0x80, 1, 2, 3, 4, 5],
        tsih: 0,
        task_tag: 1,
        cid: 1,
        cmd_sn: 1,
        exp_stat_sn: 0,
    };
    let rows: [(usize, &[u8]); 4] =
        [(0, &[0x43, 0x81]), (8, &[0x80, 1, 2, 3, 4, 5]), (16, &[0, 0, 0, 1, 0, 1]), (24, &[0, 0, 0, 1])];
    same(message, header(&rows));

    let message = LoginResponse {
        flags: 0,
        isid: [0x80, 1, 2, 3, 4, 5],
        tsih: 0x0102,
        task_tag: 1,
        stat_sn: 2,
        exp_cmd_sn: 3,
        max_cmd_sn: 4,
        status_class: 2,
        status_detail: 1,
    };
    let rows: [(usize, &[u8]); 4] = [
        (0, &[0x23]),
        (8, &[0x80, 1, 2, 3, 4, 5, 1, 2, 0, 0, 0, 1]),
        (24, &[0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]),
        (36, &[2, 1]),
    ];
    same(message, header(&rows));
}

/// Clauses 11.14, 11.15, 11.18, 11.19: immediate delivery is bit 6 of byte 0.
#[test]
fn nop_and_logout() {
    let message =
        NopOut { flags: flag::FINAL, lun: [0; 8], task_tag: NO_TAG, transfer_tag: 2, cmd_sn: 3, exp_stat_sn: 4 };
    let rows: [(usize, &[u8]); 2] =
        [(0, &[0x40, 0x80]), (16, &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4])];
    same(message, header(&rows));
    let message = LogoutRequest { flags: flag::FINAL, task_tag: 1, cid: 1, cmd_sn: 3, exp_stat_sn: 4 };
    let rows: [(usize, &[u8]); 2] = [(0, &[0x46, 0x80]), (16, &[0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4])];
    same(message, header(&rows));
    assert_eq!(LogoutRequest::OPCODE, 0x06);
}

/// Clauses 11.2.1.5 and 11.2.1.6.
#[test]
fn data_is_padded_to_four_bytes() {
    let bytes = bytes_of(&NopOut::default(), &[1, 2, 3, 4, 5]);
    assert_eq!(bytes.len(), 48 + 8);
    assert_eq!(bytes[4..8], [0, 0, 0, 5]);
    assert_eq!(bytes[48..], [1, 2, 3, 4, 5, 0, 0, 0]);
    let header = header(&[(4, &[2, 0x01, 0x02, 0x03])]);
    assert_eq!(Following::of(&header), Following { additional: 8, data: 0x01_0203, padding: 1 });
}

/// Clause 11.4.7: the length may lie.
#[test]
fn sense_has_a_length_in_front() {
    assert_eq!(sense_of(&[0, 3, 0x70, 0, 5, 0xEE]), [0x70, 0, 5]);
    assert_eq!(sense_of(&[0xFF, 0xFF, 0x70]), [0x70]);
    assert!(sense_of(&[0]).is_empty());
}

proptest! {
    #[test]
    fn any_header_decodes(bytes in proptest::array::uniform32(any::<u8>()), tail in proptest::array::uniform16(any::<u8>())) {
        let mut header = [0; HEADER];
        header[..32].copy_from_slice(&bytes);
        header[32..].copy_from_slice(&tail);
        let following = Following::of(&header);
        prop_assert!(following.additional <= 1020 && following.data < 1 << 24 && following.padding < 4);
        let message = DataIn::decode(&header);
        prop_assert_eq!(DataIn::decode(&message.encode()), message);
        let message = ScsiResponse::decode(&header);
        prop_assert_eq!(ScsiResponse::decode(&message.encode()), message);
    }

    #[test]
    fn any_sense_segment_is_cut_to_what_is_there(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(sense_of(&data).len() <= data.len().saturating_sub(2));
    }
}
