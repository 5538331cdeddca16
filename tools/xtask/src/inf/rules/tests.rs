//! The driver's own file keeps every rule, and each rule tells a file that does not.

use super::super::parse::parse;
use super::*;

const GOOD: &str = include_str!("../../../../../inf/cdromrs.inx");

fn faults(text: &str) -> Vec<String> {
    let (inf, syntax) = parse(text);
    assert_eq!(syntax, []);
    check(&inf).into_iter().map(|fault| fault.what).collect()
}

#[test]
fn our_own_keeps_every_rule() {
    assert_eq!(faults(GOOD), [""; 0]);
}

/// A misspelt name would change nothing and tell nobody.
#[test]
fn the_driver_reads_what_is_written_for_it() {
    let settings = include_str!("../../../../../crates/driver/src/device/settings.rs");
    let (inf, _) = parse(GOOD);
    let written = &inf.section("cdromrs_Parameters").expect("the section").lines;
    for line in written {
        assert_eq!(line.values[1], "Parameters");
        let name = &line.values[2];
        assert!(
            settings.contains(&format!("parameters, \"{name}\"")) || settings.contains(&format!("(\"{name}\"")),
            "{name}"
        );
    }
}

/// What is changed, into what, and a part of the fault that must be told.
const SINS: &[(&str, &str, &str)] = &[
    ("PnpLockdown = 1", "", "no PnpLockdown"),
    ("PnpLockdown = 1", "PnpLockdown = 0", "has to be 1"),
    ("4D36E965", "4D36E967", "does not have the identifier"),
    ("Models, NT$ARCH$.10.0...16299", "Models, NT$ARCH$.10.0...10240", "before 1709"),
    ("Models, NT$ARCH$.10.0...16299", "Models, NT.10.0...16299", "which processor"),
    ("cdromrs_Install, GenCdRom", "cdromrs_Install, GenDisk", "no model matches GenCdRom"),
    ("CDU948S__", "CDU920S__", "is there twice"),
    ("[cdromrs_Install.NT.Wdf]", "[cdromrs_Install.NT.Wdg]", "no section [cdromrs_Install.NT.Wdf]"),
    ("[cdromrs_Parameters]", "[cdromrs_Parametres]", "no section [cdromrs_Parameters]"),
    ("[cdromrs_Parameters]", "[cdromrs_Parametres]", "nothing leads to [cdromrs_Parametres]"),
    ("%Service%", "%Servant%", "%servant% is not in [Strings]"),
    ("%Service%", "text", "the string is not used"),
    ("cdromrs.sys = 1", "cdrom.sys = 1", "cdromrs.sys is on no disk"),
    ("cdromrs.sys = 1", "cdromrs.sys = 2", "cdromrs.sys is on no disk"),
    ("cdromrs_CopyFiles = 13", "cdromrs_CopyFiles = 12", "does not go to the driver store"),
    ("%13%\\cdromrs.sys", "%12%\\cdromrs.sys", "ServiceBinary is"),
    ("AddService = cdromrs,", "AddService = cdrom,", "the service has to be cdromrs"),
    (", cdromrs_EventLog", "", "no section for the event log"),
    ("StartType      = 1", "StartType      = 4", "StartType is"),
    ("KmdfService = cdromrs,", "KmdfService = cdrom,", "the framework's service"),
    ("HKR, Storport,", "HKLM, Storport,", "HKLM is a key of others"),
    ("0x00010001, 8", "0x00010001, eight", "eight is no number"),
    ("0x00010001, 8", "0x00000001, 8", "is no type of value"),
    ("(A;;GA;;;BA)", "", "all rights"),
    ("$KMDFVERSION$", "$UMDFVERSION$", "stampinf does not know"),
    ("AddReg = cdromrs_Device", "AddReg = cdromrs_Device\nDelReg = cdromrs_Device", "DelReg is not allowed"),
];

#[test]
fn each_sin_is_told() {
    for (good, bad, told) in SINS {
        assert!(GOOD.contains(good), "the file has no {good}");
        let faults = faults(&GOOD.replace(good, bad));
        assert!(faults.iter().any(|fault| fault.contains(told)), "{good} -> {bad}: {faults:?}");
    }
}
