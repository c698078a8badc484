//! A small disk of its own, mounted where a test wants it: full, read-only or
//! away when the test says so. Only the kernel can say these things so that
//! everybody believes it, SQLite and root included.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate};

/// Set for the run that may mount.
const MAY_MOUNT: &str = "OUTGUIDE_TEST_MAY_MOUNT";

/// Does a test's `work` where it may mount, and where nobody else sees what it
/// mounts: in a run of its own of this test binary. `test` is the test's name.
pub fn where_it_may_mount(test: &str, work: impl FnOnce()) {
    if std::env::var_os(MAY_MOUNT).is_some() {
        return work();
    }
    // Whoever is not root is it in a name space of his own.
    let own = if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" };
    let mount = ["sh", "-c", "mount -t tmpfs none /mnt"];
    let tried = Command::new("unshare").arg(own).args(mount).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("skipped: unshare not found, or not allowed to mount");
        return;
    }
    let ran = Command::new("unshare")
        .arg(own)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MAY_MOUNT, "yes")
        .output()
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{complained}");
}

/// A file server's disk, and where a station has it mounted.
pub struct Share {
    server: PathBuf,
    at: PathBuf,
}

impl Share {
    /// Mounted at `at`, which is made.
    pub fn mounted(at: &Path, megabytes: u32) -> Self {
        let share = Share { server: at.with_extension("server"), at: at.to_owned() };
        for folder in [&share.server, &share.at] {
            std::fs::create_dir(folder).unwrap();
        }
        mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "none"], &share.server);
        share.comes_back();
        share
    }

    /// The same folder on the server, which is there whatever the station sees.
    pub fn on_the_server(&self, name: &str) -> PathBuf {
        self.server.join(name)
    }

    /// Somebody else's file takes all but so many bytes.
    pub fn fill_but(&self, bytes: u64) {
        let filler = File::create(self.filler()).unwrap();
        let mut filled = 0;
        for step in [1 << 20, 1 << 16, 1 << 12] {
            while fallocate(&filler, FallocateFlags::empty(), filled, step).is_ok() {
                filled += step;
            }
        }
        filler.set_len(filled.saturating_sub(bytes)).unwrap();
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.on_the_server("somebody-elses.bin")
    }

    /// As a share whose server does not answer any more: files that are open
    /// stay so, names lead nowhere.
    pub fn goes_away(&self) {
        run("umount", &["--lazy"], &self.at);
    }

    pub fn comes_back(&self) {
        mount(&["--bind", &self.server.display().to_string()], &self.at);
    }

    pub fn comes_back_read_only(&self) {
        self.comes_back();
        mount(&["-o", "remount,bind,ro"], &self.at);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Whichever of them is mounted at the end of a test that failed.
        for folder in [&self.at, &self.server] {
            drop(Command::new("umount").arg("--lazy").arg(folder).output());
        }
    }
}

fn mount(how: &[&str], at: &Path) {
    run("mount", how, at);
}

fn run(program: &str, how: &[&str], at: &Path) {
    let ran = Command::new(program).args(how).arg(at).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{program} {how:?} {}: {said}", at.display());
}
