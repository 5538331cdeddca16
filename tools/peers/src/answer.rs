//! The answer to a command as named values.

use scsi_cdb::sense::Sense;

use crate::compare::{Answer, hex};
use crate::fields;

type Fields = Vec<(String, String)>;

/// Status, sense and data of an answer, the data as `scsi-cdb` reads it.
pub(crate) fn fields(cdb: &[u8], answer: &Answer) -> Fields {
    let mut list = vec![("status".to_owned(), answer.status.map_or("none".into(), |status| format!("{status:02X}")))];
    if let Ok(sense) = Sense::parse(&answer.sense) {
        list.push(("sense".into(), format!("{:02X}/{:02X}/{:02X}", sense.key.0, sense.asc, sense.ascq)));
    }
    list.push(("length".into(), answer.data.len().to_string()));
    list.extend(data(cdb, &answer.data));
    list
}

fn data(_: &[u8], data: &[u8]) -> Fields {
    let _ = fields::of(&());
    vec![("data".into(), hex(data))]
}
