//! Text negotiation: `Key=Value` pairs, each ended by a zero byte (RFC 7143 clauses 6.1 and 13).

use super::error::IscsiError;

/// What both sides agreed on, as far as an initiator that sends no unsolicited Data-Out needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Longest data segment that the target takes.
    pub(crate) target_segment: usize,
    /// Longest data within a SCSI Command, zero without ImmediateData.
    pub(crate) immediate: usize,
    /// Longest sequence of Data-Out that one R2T may ask for.
    pub(crate) burst: usize,
}

/// Longest data segment that this side takes.
pub(crate) const OWN_SEGMENT: usize = 256 * 1024;
/// Longest data segment before the parties agree on another (clause 13.12).
pub(crate) const DEFAULT_SEGMENT: usize = 8192;

const BURST: usize = 256 * 1024;
const FIRST_BURST: usize = 64 * 1024;

impl Default for Limits {
    /// What holds for keys that the target does not mention: our offer, or the standard's default.
    fn default() -> Self {
        Self { target_segment: DEFAULT_SEGMENT, immediate: FIRST_BURST, burst: BURST }
    }
}

/// How a value that the target gives for a key is taken.
enum Rule {
    /// The target must choose this one.
    Only(&'static str),
    /// The smaller of both holds: at least 512, at most what was offered.
    Burst,
    /// The target's own limit.
    TargetSegment,
    /// Yes only when both say so.
    ImmediateData,
    /// Nothing to learn.
    Told,
}

/// The keys of the operational stage: name, our offer, what becomes of the answer.
///
/// InitialR2T is yes if either side says so; with our yes there are no unsolicited Data-Out messages.
const KEYS: &[(&str, Option<&str>, Rule)] = &[
    ("HeaderDigest", Some("None"), Rule::Only("None")),
    ("DataDigest", Some("None"), Rule::Only("None")),
    ("MaxRecvDataSegmentLength", Some("262144"), Rule::TargetSegment),
    ("InitialR2T", Some("Yes"), Rule::Only("Yes")),
    ("ImmediateData", Some("Yes"), Rule::ImmediateData),
    ("MaxBurstLength", Some("262144"), Rule::Burst),
    ("FirstBurstLength", Some("65536"), Rule::Burst),
    ("MaxOutstandingR2T", Some("1"), Rule::Only("1")),
    ("MaxConnections", Some("1"), Rule::Only("1")),
    ("DataPDUInOrder", Some("Yes"), Rule::Only("Yes")),
    ("DataSequenceInOrder", Some("Yes"), Rule::Only("Yes")),
    ("ErrorRecoveryLevel", Some("0"), Rule::Only("0")),
    ("DefaultTime2Wait", Some("2"), Rule::Told),
    ("DefaultTime2Retain", Some("0"), Rule::Told),
    ("TargetAlias", None, Rule::Told),
    ("TargetAddress", None, Rule::Told),
    ("TargetPortalGroupTag", None, Rule::Told),
];

/// The text of our offer.
pub(crate) fn offer() -> Vec<u8> {
    let offered = KEYS.iter().filter_map(|(key, value, _)| value.map(|value| (*key, value)));
    text(offered)
}

/// The text of these pairs.
pub(crate) fn text<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in pairs {
        bytes.extend_from_slice(format!("{key}={value}\0").as_bytes());
    }
    bytes
}

/// The pairs of a text; what has no `=` or is no UTF-8 is left out.
pub(crate) fn pairs(text: &[u8]) -> Vec<(&str, &str)> {
    let fields = text.split(|byte| *byte == 0).filter_map(|field| std::str::from_utf8(field).ok());
    fields.filter_map(|field| field.split_once('=')).collect()
}

impl Limits {
    /// Takes what the target says about the operational keys; gives what it must still be told.
    ///
    /// # Errors
    /// The target chose what was not offered.
    pub(crate) fn learn(&mut self, text: &[u8]) -> Result<Vec<u8>, IscsiError> {
        let mut answers = Vec::new();
        for (key, value) in pairs(text) {
            let wrong = || IscsiError::Negotiation(format!("{key}: the target says {value}"));
            let number = |low: usize, high: usize| {
                number(value).filter(|number| (low..=high).contains(number)).ok_or_else(wrong)
            };
            match KEYS.iter().find(|(known, ..)| *known == key).map(|(.., rule)| rule) {
                // "Irrelevant" is a fit answer to what depends on another key (clause 6.2).
                Some(Rule::Only(only)) if value == *only || value == "Irrelevant" => {}
                Some(Rule::Only(_)) => return Err(wrong()),
                Some(Rule::Burst) if value == "Irrelevant" => {}
                Some(Rule::Burst) if key == "FirstBurstLength" => {
                    self.immediate = self.immediate.min(number(512, FIRST_BURST)?);
                }
                Some(Rule::Burst) => self.burst = number(512, BURST)?,
                Some(Rule::TargetSegment) => self.target_segment = number(512, (1 << 24) - 1)?,
                Some(Rule::ImmediateData) if value == "Yes" => {}
                Some(Rule::ImmediateData) if value == "No" => self.immediate = 0,
                Some(Rule::ImmediateData) => return Err(wrong()),
                Some(Rule::Told) => {}
                // The answer to our answer would go on for ever.
                None if value == "NotUnderstood" => {}
                None => answers.extend(self::text([(key, "NotUnderstood")])),
            }
        }
        Ok(answers)
    }
}

/// A number, decimal or with `0x` in front (clause 6.1).
fn number(value: &str) -> Option<usize> {
    match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn learn(text: &[u8]) -> Result<(Limits, Vec<u8>), String> {
        let mut limits = Limits::default();
        let answers = limits.learn(text).map_err(|error| error.to_string())?;
        Ok((limits, answers))
    }

    #[test]
    fn pairs_end_with_zero() {
        let bytes = text([("AuthMethod", "None"), ("SessionType", "Normal")]);
        assert_eq!(bytes, b"AuthMethod=None\0SessionType=Normal\0");
        assert_eq!(pairs(&bytes), [("AuthMethod", "None"), ("SessionType", "Normal")]);
        assert_eq!(pairs(b"noise\0\xFF=1\0a=b=c"), [("a", "b=c")]);
    }

    #[test]
    fn the_target_may_ask_for_less() {
        let (limits, answers) = learn(
            b"TargetPortalGroupTag=1\0HeaderDigest=None\0MaxRecvDataSegmentLength=0x4000\0FirstBurstLength=4096\0MaxBurstLength=16384\0",
        )
        .unwrap();
        assert_eq!(limits, Limits { target_segment: 0x4000, immediate: 4096, burst: 16384 });
        assert!(answers.is_empty());
        assert_eq!(learn(b"FirstBurstLength=4096\0ImmediateData=No\0").unwrap().0.immediate, 0);
        assert_eq!(learn(b"ImmediateData=No\0FirstBurstLength=4096\0").unwrap().0.immediate, 0);
    }

    #[test]
    fn unknown_keys_are_answered_once() {
        assert_eq!(learn(b"X-com.example.key=1\0").unwrap().1, b"X-com.example.key=NotUnderstood\0");
        assert!(learn(b"X-com.example.key=NotUnderstood\0").unwrap().1.is_empty());
    }

    #[test]
    fn what_was_not_offered_is_refused() {
        for text in [
            "HeaderDigest=CRC32C",
            "InitialR2T=No",
            "ErrorRecoveryLevel=2",
            "MaxBurstLength=1048576",
            "MaxBurstLength=511",
            "MaxRecvDataSegmentLength=99999999999999999999",
            "ImmediateData=Reject",
        ] {
            let (key, _) = text.split_once('=').unwrap();
            let error = learn(text.as_bytes()).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn the_offer_has_the_limits_of_this_side() {
        let offer = offer();
        let offered = |key| pairs(&offer).iter().find(|(known, _)| *known == key).and_then(|(_, value)| number(value));
        assert_eq!(offered("MaxRecvDataSegmentLength"), Some(OWN_SEGMENT));
        assert_eq!(offered("MaxBurstLength"), Some(BURST));
        assert_eq!(offered("FirstBurstLength"), Some(FIRST_BURST));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((limits, _)) = learn(&text) {
                prop_assert!(limits.target_segment >= 512 && limits.burst >= 512 && limits.burst <= BURST);
            }
        }
    }
}
