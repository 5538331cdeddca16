//! Bodies of class 02: AACS drive and host authentication. Binding nonces are
//! [`AuthenticatedId`](crate::disc_structure::aacs::AuthenticatedId).

use crate::layout::Raw;

record! {
    /// Format 01, both ways: a nonce and the sender's certificate.
    pub struct CertificateChallenge: 112 {
        /// The nonce that the other side shall sign.
        nonce: [u8; 20] = Raw(0),
        /// The certificate of the drive or of the host.
        certificate: [u8; 92] = Raw(20),
    }
}

record! {
    /// Format 02, both ways: a point on the elliptic curve and its signature.
    pub struct ChallengeKey: 80 {
        /// The point: two coordinates of 20 bytes.
        point: [u8; 40] = Raw(0),
        /// The signature: two numbers of 20 bytes.
        signature: [u8; 40] = Raw(40),
    }
}

record! {
    /// Format 38: the drive's certificate alone.
    pub struct DriveCertificate: 92 {
        /// The certificate.
        certificate: [u8; 92] = Raw(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disc_structure::StructureAnswer;
    use crate::key::write_parameters;
    use crate::test_support::total;

    /// MMC-6 6.37, class 02: lengths 0x0072 and 0x0052 in the headers.
    #[test]
    fn parameter_lists_are_written_and_read() {
        let mut buffer = [0xEE; 116];
        let certificate = CertificateChallenge { nonce: [1; 20], certificate: [2; 92] };
        assert_eq!(write_parameters(&certificate.to_bytes(), &mut buffer), Some(116));
        assert_eq!((&buffer[..4], buffer[23], buffer[24], buffer[115]), (&[0, 0x72, 0, 0][..], 1, 2, 2));
        let answer = StructureAnswer::parse(&buffer).unwrap();
        assert_eq!(CertificateChallenge::parse(answer.body), Ok(certificate));
        let key = ChallengeKey { point: [3; 40], signature: [4; 40] };
        assert_eq!(write_parameters(&key.to_bytes(), &mut buffer), Some(84));
        assert_eq!((&buffer[..4], buffer[43], buffer[44], buffer[83]), (&[0, 0x52, 0, 0][..], 3, 4, 4));
        assert_eq!(ChallengeKey::parse(StructureAnswer::parse(&buffer).unwrap().body), Ok(key));
        assert!(ChallengeKey::parse(StructureAnswer::parse(&buffer[..83]).unwrap().body).is_err());
    }

    #[test]
    fn any_bytes_are_handled() {
        total(CertificateChallenge::parse);
        total(ChallengeKey::parse);
        total(DriveCertificate::parse);
    }
}
