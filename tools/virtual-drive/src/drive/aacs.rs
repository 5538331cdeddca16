//! The AACS drive authentication as a host without keys sees it (AACS Common, chapter 4).
//!
//! As with CSS, signatures are made up: the order of the steps, the sizes and the refusals are those of a drive.

use super::Drive;
use super::fault::{Failure, Fault};
use super::keys::Grant;
use crate::disc::Aacs;

/// Bytes of a nonce.
const NONCE: usize = 20;
/// Bytes of a certificate.
const CERTIFICATE: usize = 92;
/// Bytes of a point on the elliptic curve, and of a signature.
const POINT: usize = 40;

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AacsStep {
    /// The AGID is given.
    Granted,
    /// The host has sent its certificate and this nonce.
    HostCertificate([u8; NONCE]),
    /// The drive has sent its own.
    DriveCertificate([u8; NONCE]),
    /// The drive has sent point and signature.
    DriveKey,
    /// The host has sent them too, and its signature is right.
    Authenticated,
    /// A binding nonce was made with it: good for nothing else.
    Spent,
}

/// The signature that this drive expects of a host for its `point`.
#[must_use]
pub fn host_signature(point: &[u8; POINT]) -> [u8; POINT] {
    sign(&[0x48; NONCE], point)
}

fn sign(nonce: &[u8; NONCE], point: &[u8; POINT]) -> [u8; POINT] {
    std::array::from_fn(|index| nonce[index % NONCE].wrapping_mul(5) ^ point[index].rotate_left(2) ^ index as u8)
}

/// Sixteen bytes that stand for a message authentication code of `value`.
fn authentication_code(value: &[u8; 16]) -> [u8; 16] {
    std::array::from_fn(|index| value[15 - index].wrapping_mul(3).wrapping_add(0x5A))
}

impl Drive {
    /// The AACS data of the disc.
    pub(crate) fn protected_disc(&self) -> Result<&Aacs, Failure> {
        self.ready_disc()?.aacs.as_ref().ok_or_else(|| Fault::KeyNotPresent.into())
    }

    /// The body of REPORT KEY formats 1 (drive certificate), 2 (drive key), 0x20 and 0x21 (binding nonce).
    pub(crate) fn report_aacs(&mut self, agid: usize, format: u8, start: u32, blocks: u8) -> Result<Vec<u8>, Failure> {
        let bus_encryption = self.protected_disc()?.bus_encryption;
        match (format, self.aacs_step(agid)?) {
            (0x01, AacsStep::HostCertificate(nonce)) => {
                self.keys.grants[agid] = Grant::Aacs(AacsStep::DriveCertificate(nonce));
                Ok(self.drive_certificate(bus_encryption))
            }
            (0x02, AacsStep::DriveCertificate(nonce)) => {
                self.keys.grants[agid] = Grant::Aacs(AacsStep::DriveKey);
                let seed = self.keys.handshakes.to_be_bytes();
                let point: [u8; POINT] = std::array::from_fn(|index| seed[index % 4] ^ (index as u8).wrapping_mul(9));
                Ok([point, sign(&nonce, &point)].concat())
            }
            (0x20 | 0x21, AacsStep::Authenticated) => {
                if blocks == 0 {
                    return Err(Fault::InvalidFieldInCdb.into());
                }
                self.block_range(start, u32::from(blocks))?;
                // A nonce that is read gives the AGID back; one that is made keeps it until it is invalidated.
                self.keys.grants[agid] = if format == 0x21 { Grant::Free } else { Grant::Aacs(AacsStep::Spent) };
                let seed = start.to_be_bytes();
                let nonce = std::array::from_fn(|index| seed[index % 4].wrapping_add(blocks) ^ (index as u8) << 4);
                Ok([nonce, authentication_code(&nonce)].concat())
            }
            (0x20 | 0x21, _) => Err(Fault::KeyNotEstablished.into()),
            (0x01 | 0x02, _) => Err(Fault::CommandSequence.into()),
            _ => Err(Fault::InvalidFieldInCdb.into()),
        }
    }

    /// SEND KEY formats 1 (host certificate) and 2 (host key).
    pub(crate) fn send_aacs(&mut self, agid: usize, format: u8, body: &[u8]) -> Result<(), Failure> {
        self.protected_disc()?;
        let step = self.aacs_step(agid)?;
        match format {
            0x01 => {
                let nonce = *body.first_chunk::<NONCE>().ok_or(Fault::ParameterListLength)?;
                let certificate = body.get(NONCE..NONCE + CERTIFICATE).ok_or(Fault::ParameterListLength)?;
                if step != AacsStep::Granted {
                    return Err(Fault::CommandSequence.into());
                }
                if certificate.iter().all(|byte| *byte == 0) {
                    self.keys.grants[agid] = Grant::Free;
                    return Err(Fault::AuthenticationFailure.into());
                }
                self.keys.grants[agid] = Grant::Aacs(AacsStep::HostCertificate(nonce));
                Ok(())
            }
            0x02 => {
                let (point, rest) = body.split_first_chunk::<POINT>().ok_or(Fault::ParameterListLength)?;
                let signature = rest.first_chunk::<POINT>().ok_or(Fault::ParameterListLength)?;
                if step != AacsStep::DriveKey {
                    return Err(Fault::CommandSequence.into());
                }
                if *signature != host_signature(point) {
                    self.keys.grants[agid] = Grant::Free;
                    return Err(Fault::AuthenticationFailure.into());
                }
                self.keys.grants[agid] = Grant::Aacs(AacsStep::Authenticated);
                Ok(())
            }
            _ => Err(Fault::InvalidFieldInCdb.into()),
        }
    }

    /// READ DISC STRUCTURE formats 0x80 to 0x82: an identifier and its code; the AGID is given back.
    pub(crate) fn protected_identifier(&mut self, agid: usize, format: u8) -> Result<Vec<u8>, Failure> {
        let aacs = self.protected_disc()?;
        let identifier = match format {
            0x80 => Some(aacs.volume_id),
            0x81 => aacs.serial_number,
            _ => aacs.media_id,
        };
        if self.aacs_step(agid)? != AacsStep::Authenticated {
            return Err(Fault::KeyNotEstablished.into());
        }
        let identifier = identifier.ok_or(Fault::KeyNotPresent)?;
        self.keys.grants[agid] = Grant::Free;
        Ok([identifier, authentication_code(&identifier)].concat())
    }

    fn aacs_step(&self, agid: usize) -> Result<AacsStep, Failure> {
        match self.keys.grants[agid] {
            Grant::Aacs(step) => Ok(step),
            _ => Err(Fault::KeyNotEstablished.into()),
        }
    }

    /// Nonce and certificate: type, flags, length, drive identifier, key and signature.
    fn drive_certificate(&self, bus_encryption: bool) -> Vec<u8> {
        let nonce = [0x48; NONCE];
        let mut certificate: [u8; CERTIFICATE] = std::array::from_fn(|index| (index as u8).wrapping_mul(11));
        certificate[..4].copy_from_slice(&[0x01, u8::from(bus_encryption), 0x00, 0x5C]);
        [&nonce[..], &certificate].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, disc};
    use super::*;

    const AGID: &str = "A4 00 00 00 00 00 00 02 00 08 00 00";
    const SEND_CERTIFICATE: &str = "A3 00 00 00 00 00 00 02 00 74 01 00";
    const GET_CERTIFICATE: &str = "A4 00 00 00 00 00 00 02 00 74 01 00";
    const GET_KEY: &str = "A4 00 00 00 00 00 00 02 00 54 02 00";
    const SEND_KEY: &str = "A3 00 00 00 00 00 00 02 00 54 02 00";
    const VOLUME_ID: &str = "AD 01 00 00 00 00 00 80 00 24 00 00";

    fn host_certificate() -> Vec<u8> {
        let mut list = vec![0x11; 116];
        list[..4].copy_from_slice(&[0, 0x72, 0, 0]);
        list
    }

    fn host_key_list(honest: bool) -> Vec<u8> {
        let point = [0x22; POINT];
        let mut signature = host_signature(&point);
        signature[3] ^= u8::from(!honest);
        [&[0, 0x52, 0, 0][..], &point, &signature].concat()
    }

    fn authenticate(bench: &mut Bench) {
        assert_eq!(bench.data(AGID)[7], 0);
        bench.send(SEND_CERTIFICATE, &host_certificate());
        assert_eq!(bench.data(GET_CERTIFICATE)[..4], [0, 0x72, 0, 0]);
        assert_eq!(bench.data(GET_KEY)[..4], [0, 0x52, 0, 0]);
        bench.send(SEND_KEY, &host_key_list(true));
    }

    #[test]
    fn identifiers_after_the_handshake() {
        let mut bench = Bench::ready("bdwriter", Some(disc("bd-rom")));
        authenticate(&mut bench);
        let volume = bench.data(VOLUME_ID);
        assert_eq!((volume.len(), &volume[..4]), (36, &[0, 0x22, 0, 0][..]));
        assert_eq!(volume[4..20], disc("bd-rom").aacs.unwrap().volume_id);
        assert_eq!(bench.sense(VOLUME_ID), (5, 0x6F, 2));
        authenticate(&mut bench);
        assert_eq!(bench.data("AD 00 00 00 00 00 00 81 00 24 00 00").len(), 36);
        authenticate(&mut bench);
        assert_eq!(bench.sense("AD 00 00 00 00 00 00 82 00 24 00 00"), (5, 0x6F, 1));
    }

    #[test]
    fn binding_nonces() {
        let mut bench = Bench::ready("bdwriter", Some(disc("bd-rom")));
        assert_eq!(bench.sense("A4 00 00 00 10 00 20 02 00 24 21 00"), (5, 0x6F, 2));
        authenticate(&mut bench);
        let read = bench.data("A4 00 00 00 10 00 20 02 00 24 21 00");
        assert_eq!(read.len(), 36);
        authenticate(&mut bench);
        assert_eq!(bench.data("A4 00 00 00 10 00 20 02 00 24 20 00"), read);
        assert_eq!(bench.sense("A4 00 00 00 10 00 20 02 00 24 21 00"), (5, 0x6F, 2));
        assert_eq!(bench.sense(VOLUME_ID), (5, 0x6F, 2));
        bench.good("A3 00 00 00 00 00 00 02 00 00 3F 00");
        assert_eq!(bench.data(AGID)[7], 0);
    }

    #[test]
    fn each_step_has_its_turn() {
        let mut bench = Bench::ready("bdwriter", Some(disc("bd-rom")));
        assert_eq!(bench.sense(GET_CERTIFICATE), (5, 0x6F, 2));
        bench.data(AGID);
        assert_eq!(bench.sense(GET_CERTIFICATE), (5, 0x2C, 0));
        assert_eq!(bench.sense(GET_KEY), (5, 0x2C, 0));
        assert_eq!(bench.send_sense(SEND_KEY, &host_key_list(true)), (5, 0x2C, 0));
        bench.send(SEND_CERTIFICATE, &host_certificate());
        bench.data(GET_CERTIFICATE);
        bench.data(GET_KEY);
        assert_eq!(bench.send_sense(SEND_KEY, &host_key_list(false)), (5, 0x6F, 0));
        assert_eq!(bench.data(AGID)[7], 0);
    }
}
