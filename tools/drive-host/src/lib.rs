//! Runs the driver core against a drive, in virtual or real time.
