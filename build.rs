//! Build script of the driver: has the driver kit say how a driver is compiled and linked. Off Windows a stand-in for
//! `wdk-build` says it (see `tools/off-windows`).

fn main() -> Result<(), wdk_build::ConfigError> {
    wdk_build::configure_wdk_binary_build()
}
