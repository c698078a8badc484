//! Scanners through the real worker program and the real libsane: its own test
//! drivers, our folder backend with its faults, and a driverless (eSCL)
//! scanner on loopback.

#[path = "scanner/awkward_drivers.rs"]
mod awkward_drivers;
#[path = "scanner/driverless.rs"]
mod driverless;
#[path = "scanner/faults.rs"]
mod faults;
#[path = "scanner/folder_backend.rs"]
mod folder_backend;
#[path = "scanner/pnm_driver.rs"]
mod pnm_driver;
#[path = "scanner/rig.rs"]
mod rig;
#[path = "scanner/test_driver.rs"]
mod test_driver;
