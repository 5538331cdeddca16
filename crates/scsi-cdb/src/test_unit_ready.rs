//! TEST UNIT READY: whether the drive would take a medium access now (SPC-3 6.33).

use crate::cdb::Transfer;

command! {
    /// TEST UNIT READY: no data; CHECK CONDITION with the reason when the drive is not ready.
    pub struct TestUnitReady: TEST_UNIT_READY, 6 {}
    transfer: |_| Transfer::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn golden_bytes() {
        golden(TestUnitReady {}, &[0; 6], Direction::None, 0);
        round_trip::<TestUnitReady>();
    }
}
