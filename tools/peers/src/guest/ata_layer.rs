//! What Linux's ATA layer makes of an ATAPI drive's answers, so that an answer that went through it can be compared with
//! one that did not. Measured with Linux 6.1.

use std::time::Duration;

use virtual_drive::target::{Completion, DataPhase, MediaAction, Reply, Request, Target};

/// STATUS_IO_DEVICE_ERROR, as which `cdromctl` reports the layer's DID_ERROR.
const IO_DEVICE_ERROR: u32 = 0xC000_0185;
/// The bytes of an ATAPI packet.
const PACKET: usize = 12;
const INQUIRY: u8 = 0x12;

/// A drive behind the layer. Three things differ from the drive alone:
/// - the layer does not say how much of the data did not come, so all of it counts as moved, and the rest is zero;
/// - commands longer than a packet do not reach the drive;
/// - standard INQUIRY data of version 0 turn into data of version 5 with the response format of SPC.
#[derive(Debug)]
pub(crate) struct AtaLayer<T>(pub(crate) T);

impl<T: Target> Target for AtaLayer<T> {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        if request.cdb.len() > PACKET {
            let completion = Completion::PortFailure(IO_DEVICE_ERROR);
            return Reply { completion, data: Vec::new(), transferred: 0, duration: Duration::ZERO };
        }
        let mut reply = self.0.execute(request);
        if !matches!(reply.completion, Completion::Status { .. }) {
            return reply;
        }
        match request.data {
            DataPhase::In(room) => {
                reply.data.resize(room, 0);
                reply.transferred = room;
            }
            DataPhase::Out(bytes) => reply.transferred = bytes.len(),
            DataPhase::None => {}
        }
        if let ([INQUIRY, 0, ..], [_, _, version @ 0, format, ..]) = (request.cdb, reply.data.as_mut_slice()) {
            (*version, *format) = (0x05, 0x32);
        }
        reply
    }

    fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String> {
        self.0.act(action, now)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers everything with the same few bytes.
    struct Few(Reply);

    impl Target for Few {
        fn execute(&mut self, _: Request<'_>) -> Reply {
            self.0.clone()
        }

        fn act(&mut self, _: &MediaAction, _: Duration) -> Result<(), String> {
            Ok(())
        }

        fn describe(&self) -> String {
            "few".into()
        }
    }

    fn ask(reply: Reply, cdb: &[u8], room: usize) -> Reply {
        AtaLayer(Few(reply)).execute(Request::new(cdb, DataPhase::In(room), Duration::ZERO))
    }

    #[test]
    fn short_answers_count_as_whole() {
        let reply = ask(Reply::good(vec![1, 2], DataPhase::In(4)), &[0x25; 10], 4);
        assert_eq!((reply.data, reply.transferred), (vec![1, 2, 0, 0], 4));
        let failed = ask(Reply::check_condition(5, 0x24, 0), &[0x25; 10], 4);
        assert_eq!((failed.data, failed.transferred), (vec![0; 4], 4));
    }

    #[test]
    fn inquiry_data_get_a_version() {
        let inquiry =
            |version| ask(Reply::good(vec![5, 0x80, version, 0x21], DataPhase::In(4)), &[0x12, 0, 0, 0, 4, 0], 4).data;
        assert_eq!(inquiry(0), [5, 0x80, 5, 0x32]);
        assert_eq!(inquiry(4), [5, 0x80, 4, 0x21]);
        let page = ask(Reply::good(vec![5, 0, 0, 2], DataPhase::In(4)), &[0x12, 1, 0, 0, 4, 0], 4);
        assert_eq!(page.data, [5, 0, 0, 2]);
    }

    #[test]
    fn long_commands_fail() {
        let reply = ask(Reply::good(vec![], DataPhase::None), &[0x9E; 16], 4);
        assert_eq!(reply.completion, Completion::PortFailure(IO_DEVICE_ERROR));
    }
}
