//! Addresses of logical units: `iscsi://host[:port]/target/lun`.

use std::fmt;
use std::str::FromStr;

use super::error::IscsiError;

/// The port that IANA gave to iSCSI.
const DEFAULT_PORT: u16 = 3260;

/// Longest iSCSI name (RFC 7143 clause 4.2.7.1).
const LONGEST_NAME: usize = 223;

/// Where a logical unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IscsiUrl {
    /// Name or address of the host, an IPv6 address without brackets.
    pub host: String,
    /// TCP port of the portal.
    pub port: u16,
    /// iSCSI name of the target.
    pub target: String,
    /// Logical unit number, below 16384.
    pub lun: u16,
}

impl IscsiUrl {
    /// What every address begins with.
    pub const PREFIX: &str = "iscsi://";

    /// The LUN field: peripheral addressing below 256, flat addressing above (SAM-3 clause 4.9).
    pub(crate) fn lun_field(&self) -> [u8; 8] {
        let [high, low] = self.lun.to_be_bytes();
        let method = if self.lun < 256 { 0x00 } else { 0x40 };
        [method | high, low, 0, 0, 0, 0, 0, 0]
    }
}

impl FromStr for IscsiUrl {
    type Err = IscsiError;

    fn from_str(text: &str) -> Result<Self, IscsiError> {
        let wrong = |what: &str| IscsiError::Url(format!("`{text}` {what}"));
        let rest = text.strip_prefix(Self::PREFIX).ok_or_else(|| wrong("is no iSCSI address"))?;
        let (authority, path) = rest.split_once('/').ok_or_else(|| wrong("names no target"))?;
        let (target, lun) = path.rsplit_once('/').ok_or_else(|| wrong("names no logical unit"))?;
        if authority.contains('@') {
            return Err(wrong("has a user name, but this initiator does no authentication"));
        }
        let (host, port) = split_authority(authority).ok_or_else(|| wrong("has no proper host and port"))?;
        if target.is_empty() || target.len() > LONGEST_NAME || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("has no proper target name"));
        }
        let lun =
            lun.parse().ok().filter(|lun| *lun < 0x4000).ok_or_else(|| wrong("has no logical unit below 16384"))?;
        Ok(Self { host: host.into(), port, target: target.into(), lun })
    }
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn split_authority(authority: &str) -> Option<(&str, u16)> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = if rest.is_empty() { DEFAULT_PORT } else { rest.strip_prefix(':')?.parse().ok()? };
    (!host.is_empty() && port != 0).then_some((host, port))
}

impl fmt::Display for IscsiUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, target, lun } = self;
        if host.contains(':') {
            write!(formatter, "{}[{host}]:{port}/{target}/{lun}", Self::PREFIX)
        } else {
            write!(formatter, "{}{host}:{port}/{target}/{lun}", Self::PREFIX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<IscsiUrl, String> {
        text.parse().map_err(|error: IscsiError| error.to_string())
    }

    #[test]
    fn addresses_have_host_port_target_and_unit() {
        let url = parse("iscsi://nas.example/iqn.2001-04.com.example:cd/1").unwrap();
        assert_eq!(
            url,
            IscsiUrl { host: "nas.example".into(), port: 3260, target: "iqn.2001-04.com.example:cd".into(), lun: 1 }
        );
        assert_eq!(url.to_string(), "iscsi://nas.example:3260/iqn.2001-04.com.example:cd/1");
        let url = parse("iscsi://[::1]:860/iqn.x:a/b/300").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.target.as_str(), url.lun), ("::1", 860, "iqn.x:a/b", 300));
        assert_eq!(parse(&url.to_string()).unwrap(), url);
    }

    #[test]
    fn logical_units_above_255_use_flat_addressing() {
        let field = |lun| IscsiUrl { host: String::new(), port: 1, target: String::new(), lun }.lun_field();
        assert_eq!(field(1), [0x00, 0x01, 0, 0, 0, 0, 0, 0]);
        assert_eq!(field(300), [0x41, 0x2C, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn wrong_addresses_are_told_what_is_wrong() {
        for (text, part) in [
            ("http://host/a/1", "is no iSCSI address"),
            ("iscsi://host", "names no target"),
            ("iscsi://host/target", "names no logical unit"),
            ("iscsi://user%pass@host/target/1", "authentication"),
            ("iscsi://host:0/target/1", "host and port"),
            ("iscsi://host:x/target/1", "host and port"),
            ("iscsi:///target/1", "host and port"),
            ("iscsi://[::1/target/1", "host and port"),
            ("iscsi://host//1", "target name"),
            ("iscsi://host/target/16384", "below 16384"),
            ("iscsi://host/target/-1", "below 16384"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
