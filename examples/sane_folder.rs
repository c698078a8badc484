//! A libsane backend that serves a folder of page images, loaded by libsane
//! like any vendor's driver. It links nothing of the daemon.
//!
//! Built as `libsane_folder.so`; libsane looks for `libsane-folder.so.1` in
//! `LD_LIBRARY_PATH` and for the word `folder` in `dll.conf` of
//! `SANE_CONFIG_DIR`:
//!
//! ```sh
//! mkdir -p so cfg
//! cp target/debug/examples/libsane_folder.so so/libsane-folder.so.1
//! echo folder > cfg/dll.conf
//! echo 'pages = /path/to/pages' > cfg/folder.conf
//! LD_LIBRARY_PATH=$PWD/so SANE_CONFIG_DIR=$PWD/cfg scanimage -L
//! ```
//!
//! `OUTGUIDE_SANE_FOLDER` in the environment goes before `pages`, and
//! `OUTGUIDE_SANE_FOLDER_CURSOR` before `cursor`: a file where the feeder's
//! position is kept, so that the next session goes on where this one stopped,
//! as paper does. Without it each session begins with the first page.
//!
//! Drivers differ; `folder.conf` makes this one as awkward as others are:
//!
//! | line | what the driver does |
//! |---|---|
//! | `login = NAME:PASSWORD` | asks for them |
//! | `hidden = source, mode, page-loaded` | has these options off |
//! | `source = Flatbed`, `mode = Gray` | stands at these when it is opened |
//! | `resets-page = yes` | puts the page size to 10 mm, without a word, when another option is set |
//! | `twin = yes` | lists `folder:second-adf` too, of the same model, with the serial number OG-ADF-0002 |
//! | `renamed = adf` | calls `folder:adf` now `folder:moved-adf`, as a USB address changes |
//! | `busy = adf` | answers "busy" when that device is opened |
//! | `crash = listing` | kills its process when asked for its devices |
//! | `unlisted = adf` | leaves `folder:adf` out of its list, and opens it all the same |
//! | `option-count = N` | says that it has N options; `refused`: answers with an error when asked |
//! | `huge = swskip` | says that the value of this option has two gigabytes |
//! | `slow-cancel = N` | takes N ms to end a scan |
//!
//! Devices: `folder:adf` (sources ADF, ADF Duplex, Flatbed) and
//! `folder:flatbed`. Pages are PNM files (P4, P5, P6, at most 8 bits) in order
//! of name, taken to be scanned at the resolution asked; they are converted to
//! the mode asked and cut to the area asked. In duplex a missing last back is
//! white. A folder used up is an empty feeder, and on the flatbed too.
//!
//! A file `NAME.<fault>` strikes when page `NAME.p?m` is asked for, once (the
//! clerk has then cleared it, if a cursor is kept); without a page of its name
//! it strikes between its neighbours:
//!
//! | fault | what the scanner does |
//! |---|---|
//! | `jam` `cover-open` `busy` `io-error` `no-mem` `access-denied` `invalid` `unsupported` | answers with that status |
//! | `no-docs` | says the feeder is empty, while its paper sensor sees the page |
//! | `out-of-documents` | says the feeder is empty, its sensor too |
//! | `end-of-file` | says "end of file" instead of beginning the page |
//! | `no-docs-begun` `end-of-file-begun` | begins the page and says that there is none when asked for its size |
//! | `no-docs-reading` | begins the page and says that there is none when asked for its pixels |
//! | `double-feed` | delivers the page, sensor `double-feed` on |
//! | `double-feed-jam` | stops with "jammed", sensor `double-feed` on |
//! | `jam-reading` | jams in the middle of the page |
//! | `truncated` | ends the page after half its lines |
//! | `overlong` | sends more lines than it announced |
//! | `bad-header` | announces lines shorter than their pixels |
//! | `unknown-height` | says the height only at the end |
//! | `overrun` | says that it wrote more than there was room for |
//! | `nothing-yet` | answers "good" without a byte for a tenth of a second, and notes in `asked` beside the cursor how often it was asked |
//! | `hang` `hang-reading` | never returns, and ignores being cancelled |
//! | `wait` | waits in the middle of the page until it is cancelled |
//! | `crash` `crash-reading` | kills its process |
//! | `crash-with-child` | the same, but a process it started stays |
//! | `daemon` | delivers the page, and starts a process that leaves its group and stays a while |

#[path = "sane_folder/page.rs"]
mod page;
#[path = "sane_folder/scanner.rs"]
mod scanner;
#[path = "sane_folder/stack.rs"]
mod stack;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::{ptr, thread};

use scanner::Scanner;
use stack::{Fault, Stack};

type Status = c_int;
const GOOD: Status = 0;
const UNSUPPORTED: Status = 1;
const CANCELLED: Status = 2;
const DEVICE_BUSY: Status = 3;
const INVALID: Status = 4;
const END_OF_FILE: Status = 5;
const JAMMED: Status = 6;
const NO_DOCUMENTS: Status = 7;
const COVER_OPEN: Status = 8;
const IO_ERROR: Status = 9;
const NO_MEMORY: Status = 10;
const ACCESS_DENIED: Status = 11;

const TYPE_BOOL: c_int = 0;
const TYPE_INT: c_int = 1;
const TYPE_FIXED: c_int = 2;
const TYPE_STRING: c_int = 3;
const UNIT_NONE: c_int = 0;
const UNIT_MM: c_int = 3;
const UNIT_DPI: c_int = 4;
const CAP_SET: c_int = 1;
const CAP_READ: c_int = 4;
const CAP_INACTIVE: c_int = 32;
const INFO_INEXACT: c_int = 1;
const INFO_RELOAD_OPTIONS: c_int = 2;
const INFO_RELOAD_PARAMETERS: c_int = 4;
const CONSTRAINT_NONE: c_int = 0;
const CONSTRAINT_RANGE: c_int = 1;
const CONSTRAINT_WORDS: c_int = 2;
const CONSTRAINT_STRINGS: c_int = 3;
const FRAME_GRAY: c_int = 0;
const FRAME_RGB: c_int = 1;

/// 16.16 fixed point.
const fn fixed(millimetres: c_int) -> c_int {
    millimetres << 16
}

/// A Legal feeder, a little wider than the paper.
const WIDEST: c_int = fixed(216);
const LONGEST: c_int = fixed(356);

#[repr(C)]
struct Device {
    name: *const c_char,
    vendor: *const c_char,
    model: *const c_char,
    kind: *const c_char,
}

#[repr(C)]
struct OptionDescriptor {
    name: *const c_char,
    title: *const c_char,
    description: *const c_char,
    kind: c_int,
    unit: c_int,
    size: c_int,
    capabilities: c_int,
    constraint_kind: c_int,
    constraint: *const c_void,
}

#[repr(C)]
struct Range {
    min: c_int,
    max: c_int,
    quant: c_int,
}

#[repr(C)]
pub struct Parameters {
    format: c_int,
    last_frame: c_int,
    bytes_per_line: c_int,
    pixels_per_line: c_int,
    lines: c_int,
    depth: c_int,
}

/// Constant tables of pointers to constants.
struct Table<T>(T);
// SAFETY: nothing in these tables is ever written.
unsafe impl<T> Sync for Table<T> {}

static DEVICES: Table<[Device; 4]> = Table([
    Device {
        name: c"adf".as_ptr(),
        vendor: c"Outguide".as_ptr(),
        model: c"folder feeder".as_ptr(),
        kind: c"sheetfed scanner".as_ptr(),
    },
    Device {
        name: c"flatbed".as_ptr(),
        vendor: c"Outguide".as_ptr(),
        model: c"folder flatbed".as_ptr(),
        kind: c"flatbed scanner".as_ptr(),
    },
    Device {
        name: c"second-adf".as_ptr(),
        vendor: c"Outguide".as_ptr(),
        model: c"folder feeder".as_ptr(),
        kind: c"sheetfed scanner".as_ptr(),
    },
    Device {
        name: c"moved-adf".as_ptr(),
        vendor: c"Outguide".as_ptr(),
        model: c"folder feeder".as_ptr(),
        kind: c"sheetfed scanner".as_ptr(),
    },
]);
static DEVICE_LIST: Table<[*const Device; 3]> =
    Table([&raw const DEVICES.0[0], &raw const DEVICES.0[1], ptr::null()]);
static DEVICE_LIST_WITH_TWIN: Table<[*const Device; 4]> =
    Table([&raw const DEVICES.0[0], &raw const DEVICES.0[1], &raw const DEVICES.0[2], ptr::null()]);

static DEVICE_LIST_MOVED: Table<[*const Device; 4]> =
    Table([&raw const DEVICES.0[3], &raw const DEVICES.0[1], &raw const DEVICES.0[2], ptr::null()]);

const SOURCES: [&CStr; 3] = [c"ADF", c"ADF Duplex", c"Flatbed"];
const MODES: [&CStr; 3] = [c"Lineart", c"Gray", c"Color"];
static FEEDER_SOURCES: Table<[*const c_char; 4]> =
    Table([SOURCES[0].as_ptr(), SOURCES[1].as_ptr(), SOURCES[2].as_ptr(), ptr::null()]);
static FLATBED_SOURCES: Table<[*const c_char; 2]> = Table([SOURCES[2].as_ptr(), ptr::null()]);
static MODE_LIST: Table<[*const c_char; 4]> =
    Table([MODES[0].as_ptr(), MODES[1].as_ptr(), MODES[2].as_ptr(), ptr::null()]);
static RESOLUTIONS: [c_int; 7] = [6, 75, 100, 150, 200, 300, 600];
static WIDTHS: Range = Range { min: 0, max: WIDEST, quant: 0 };
static HEIGHTS: Range = Range { min: 0, max: LONGEST, quant: 0 };
/// The glass is shorter than what the feeder takes.
static GLASS_HEIGHTS: Range = Range { min: 0, max: fixed(297), quant: 0 };
static BLANK_LIMITS: Range = Range { min: 0, max: fixed(15), quant: 0 };

/// Options by number, the count first as SANE wants it.
const OPTION_COUNT: usize = 14;
const SOURCE: usize = 1;
const MODE: usize = 2;
const RESOLUTION: usize = 3;
/// tl-x, tl-y, br-x, br-y.
const AREA: usize = 4;
const AREA_LAST: usize = 7;
const PAGE_LOADED: usize = 8;
const DOUBLE_FEED: usize = 9;
const SENSOR_COVER_OPEN: usize = 10;
const SERIAL_NUMBER: usize = 11;
const SWSKIP: usize = 12;
const OVERSCAN: usize = 13;
/// What `resets-page` leaves.
const RESET_EDGE: c_int = fixed(10);

const STRING_BYTES: c_int = 32;
const FEEDER_SERIAL: &CStr = c"OG-ADF-0001";
const FLATBED_SERIAL: &CStr = c"OG-FB-0001";
const TWIN_SERIAL: &CStr = c"OG-ADF-0002";

/// Of one device, at one of its sources.
fn descriptors(is_feeder: bool, heights: &'static Range) -> Vec<OptionDescriptor> {
    let hidden = |name: &CStr| {
        let is_hidden = stack::is_configured("hidden", &name.to_string_lossy());
        if is_hidden { CAP_INACTIVE } else { 0 }
    };
    let option = |name: &'static CStr, kind, unit, capabilities: c_int| OptionDescriptor {
        name: name.as_ptr(),
        title: name.as_ptr(),
        description: name.as_ptr(),
        kind,
        unit,
        size: match kind {
            _ if stack::is_configured("huge", &name.to_string_lossy()) => c_int::MAX - 3,
            TYPE_STRING => STRING_BYTES,
            _ => 4,
        },
        capabilities: capabilities | hidden(name),
        constraint_kind: CONSTRAINT_NONE,
        constraint: ptr::null(),
    };
    let constrained = |option: OptionDescriptor, constraint_kind, constraint: *const c_void| {
        OptionDescriptor { constraint_kind, constraint, ..option }
    };
    let length = |name, range: &'static Range| {
        let range = ptr::from_ref(range).cast();
        constrained(option(name, TYPE_FIXED, UNIT_MM, CAP_SET | CAP_READ), CONSTRAINT_RANGE, range)
    };
    let text = |name, list: *const c_void| {
        constrained(
            option(name, TYPE_STRING, UNIT_NONE, CAP_SET | CAP_READ),
            CONSTRAINT_STRINGS,
            list,
        )
    };
    let sensor = |name| option(name, TYPE_BOOL, UNIT_NONE, CAP_READ);
    let sources = if is_feeder {
        FEEDER_SOURCES.0.as_ptr().cast()
    } else {
        FLATBED_SOURCES.0.as_ptr().cast()
    };
    vec![
        option(c"", TYPE_INT, UNIT_NONE, CAP_READ),
        text(c"source", sources),
        text(c"mode", MODE_LIST.0.as_ptr().cast()),
        constrained(
            option(c"resolution", TYPE_INT, UNIT_DPI, CAP_SET | CAP_READ),
            CONSTRAINT_WORDS,
            RESOLUTIONS.as_ptr().cast(),
        ),
        length(c"tl-x", &WIDTHS),
        length(c"tl-y", heights),
        length(c"br-x", &WIDTHS),
        length(c"br-y", heights),
        sensor(c"page-loaded"),
        sensor(c"double-feed"),
        sensor(c"cover-open"),
        option(c"serial-number", TYPE_STRING, UNIT_NONE, CAP_READ),
        constrained(
            option(c"swskip", TYPE_FIXED, UNIT_NONE, CAP_SET | CAP_READ),
            CONSTRAINT_RANGE,
            ptr::from_ref(&BLANK_LIMITS).cast(),
        ),
        option(c"overscan", TYPE_BOOL, UNIT_NONE, CAP_SET | CAP_READ),
    ]
}

/// An open device. Cancelling comes from another thread and takes no lock.
pub struct Handle {
    options: Vec<OptionDescriptor>,
    options_on_glass: Vec<OptionDescriptor>,
    cancelled: AtomicBool,
    scanner: Mutex<Scanner>,
}

impl Handle {
    fn scanner(&self) -> MutexGuard<'_, Scanner> {
        self.scanner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn option_count() -> c_int {
    let configured = stack::configured("option-count").and_then(|count| count.parse().ok());
    configured.unwrap_or(OPTION_COUNT as c_int)
}

enum Value {
    Word(c_int),
    Text(&'static CStr),
}

fn hang() -> ! {
    loop {
        thread::park();
    }
}

// The entry points, as libsane's `dll` backend looks them up.

unsafe extern "C" {
    fn fork() -> c_int;
    fn setsid() -> c_int;
}

/// How long a process started by a driver stays where nothing ends it.
const CHILD_STAYS: std::time::Duration = std::time::Duration::from_secs(10);

enum Group {
    Ours,
    Its,
}

/// With everything open that the driver's process has open.
fn start_a_process(group: Group) {
    // SAFETY: the child only sleeps and ends, whatever locks were held.
    if unsafe { fork() } == 0 {
        if matches!(group, Group::Its) {
            // SAFETY: no memory involved.
            unsafe { setsid() };
        }
        thread::sleep(CHILD_STAYS);
        std::process::abort();
    }
}

type Authorize = unsafe extern "C" fn(*const c_char, *mut c_char, *mut c_char);
static AUTHORIZE: OnceLock<Authorize> = OnceLock::new();
/// `SANE_MAX_USERNAME_LEN` and `SANE_MAX_PASSWORD_LEN`.
const LOGIN_BYTES: usize = 128;

/// # Safety
/// Called by libsane: `version` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_init(
    version: *mut c_int,
    authorize: Option<Authorize>,
) -> Status {
    if !version.is_null() {
        // SAFETY: as above; version 1.0 build 0.
        unsafe { *version = 1 << 24 };
    }
    if let Some(authorize) = authorize {
        AUTHORIZE.get_or_init(|| authorize);
    }
    GOOD
}

/// Asks for name and password where `folder.conf` sets them.
fn is_let_in() -> bool {
    let Some(login) = stack::configured("login") else { return true };
    let Some(ask) = AUTHORIZE.get() else { return false };
    let (mut user, mut password) = ([0; LOGIN_BYTES], [0; LOGIN_BYTES]);
    // SAFETY: a C string and two buffers of the size SANE sets.
    unsafe { ask(c"folder$MD5$salt".as_ptr(), user.as_mut_ptr(), password.as_mut_ptr()) };
    // SAFETY: the frontend ends both with a zero.
    let said = unsafe { [CStr::from_ptr(user.as_ptr()), CStr::from_ptr(password.as_ptr())] };
    said.map(CStr::to_string_lossy).join(":") == login
}

#[unsafe(no_mangle)]
pub extern "C" fn sane_folder_exit() {}

/// # Safety
/// Called by libsane: `list` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_get_devices(
    list: *mut *const *const c_void,
    _local_only: c_int,
) -> Status {
    if stack::is_configured("crash", "listing") {
        std::process::abort();
    }
    let devices = match stack::configured("twin") {
        _ if stack::is_configured("renamed", "adf") => &DEVICE_LIST_MOVED.0[..],
        Some(_) => &DEVICE_LIST_WITH_TWIN.0[..],
        None => &DEVICE_LIST.0[..],
    };
    let left_out = usize::from(stack::is_configured("unlisted", "adf"));
    // SAFETY: as above; the list is constant and ends with null.
    unsafe { *list = devices[left_out..].as_ptr().cast() };
    GOOD
}

/// # Safety
/// Called by libsane: `name` is a C string, `handle` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_open(name: *const c_char, handle: *mut *mut Handle) -> Status {
    // SAFETY: as above.
    let name = unsafe { CStr::from_ptr(name) };
    let is_renamed = stack::is_configured("renamed", "adf");
    let (is_feeder, serial) = match name.to_bytes() {
        b"" => (true, FEEDER_SERIAL),
        b"adf" if !is_renamed => (true, FEEDER_SERIAL),
        b"moved-adf" if is_renamed => (true, FEEDER_SERIAL),
        b"second-adf" => (true, TWIN_SERIAL),
        b"flatbed" => (false, FLATBED_SERIAL),
        _ => return INVALID,
    };
    if stack::is_configured("busy", &name.to_string_lossy()) {
        return DEVICE_BUSY;
    }
    if !is_let_in() {
        return ACCESS_DENIED;
    }
    let Some(stack) = Stack::load() else { return IO_ERROR };
    let stands_at = |key: &str, among: &[&'static CStr], otherwise: &'static CStr| {
        let configured = stack::configured(key).unwrap_or_default();
        let named = among.iter().find(|choice| choice.to_string_lossy() == configured);
        named.copied().unwrap_or(otherwise)
    };
    let sources = if is_feeder { &SOURCES[..] } else { &SOURCES[2..] };
    let scanner = Scanner {
        is_feeder,
        serial,
        swskip: 0,
        overscan: 0,
        stack,
        source: stands_at("source", sources, sources[0]),
        mode: stands_at("mode", &MODES, MODES[2]),
        resolution: 300,
        area: [0, 0, WIDEST, LONGEST],
        delivered: 0,
        last_size: (1, 1),
        reading: None,
        double_feed: false,
        cover_open: false,
    };
    let opened = Box::new(Handle {
        options: descriptors(is_feeder, &HEIGHTS),
        options_on_glass: descriptors(is_feeder, &GLASS_HEIGHTS),
        cancelled: AtomicBool::new(false),
        scanner: Mutex::new(scanner),
    });
    // SAFETY: as above; libsane gives the pointer back to sane_folder_close.
    unsafe { *handle = Box::into_raw(opened) };
    GOOD
}

/// # Safety
/// Called by libsane: `handle` comes from `sane_folder_open` and is not used after.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_close(handle: *mut Handle) {
    // SAFETY: as above.
    drop(unsafe { Box::from_raw(handle) });
}

/// # Safety
/// Called by libsane: `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_get_option_descriptor(
    handle: *mut Handle,
    option: c_int,
) -> *const c_void {
    // SAFETY: as above.
    let handle = unsafe { &*handle };
    let is_on_glass = handle.scanner().source == SOURCES[2];
    let options = if is_on_glass { &handle.options_on_glass } else { &handle.options };
    match usize::try_from(option).ok().and_then(|option| options.get(option)) {
        Some(descriptor) => ptr::from_ref(descriptor).cast(),
        None => ptr::null(),
    }
}

/// # Safety
/// Called by libsane: `handle` is open, `value` has the option's size, `info`
/// is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_control_option(
    handle: *mut Handle,
    option: c_int,
    action: c_int,
    value: *mut c_void,
    info: *mut c_int,
) -> Status {
    // SAFETY: as above.
    let handle = unsafe { &*handle };
    let Some(option) = usize::try_from(option).ok().filter(|&o| o < OPTION_COUNT) else {
        return INVALID;
    };
    match action {
        0 if option == 0 && stack::is_configured("option-count", "refused") => IO_ERROR,
        0 => {
            match handle.scanner().get(option) {
                // SAFETY: word options have four bytes.
                Value::Word(word) => unsafe { *value.cast::<c_int>() = word },
                Value::Text(text) => {
                    let text = text.to_bytes_with_nul();
                    // SAFETY: string options have STRING_BYTES, our texts fewer.
                    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), value.cast(), text.len()) }
                }
            }
            GOOD
        }
        1 => {
            let set = if handle.options[option].kind == TYPE_STRING {
                // SAFETY: a C string within the option's size.
                handle.scanner().set_text(option, unsafe { CStr::from_ptr(value.cast()) })
            } else {
                // SAFETY: word options have four bytes.
                handle.scanner().set_word(option, unsafe { *value.cast() })
            };
            match set {
                Ok(flags) => {
                    if !info.is_null() {
                        // SAFETY: as above.
                        unsafe { *info = flags };
                    }
                    GOOD
                }
                Err(status) => status,
            }
        }
        _ => UNSUPPORTED,
    }
}

/// # Safety
/// Called by libsane: `handle` is open, `parameters` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_get_parameters(
    handle: *mut Handle,
    parameters: *mut Parameters,
) -> Status {
    // SAFETY: as above.
    let scanner = unsafe { &*handle }.scanner();
    let Some(reading) = &scanner.reading else { return INVALID };
    match reading.fault {
        Some(Fault::NoDocumentsBegun) => return NO_DOCUMENTS,
        Some(Fault::EndOfFileBegun) => return END_OF_FILE,
        Some(_) | None => {}
    }
    // SAFETY: as above; plain numbers.
    unsafe { ptr::copy_nonoverlapping(&raw const reading.parameters, parameters, 1) };
    GOOD
}

/// # Safety
/// Called by libsane: `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_start(handle: *mut Handle) -> Status {
    // SAFETY: as above.
    let handle = unsafe { &*handle };
    handle.cancelled.store(false, Ordering::SeqCst);
    handle.scanner().start()
}

/// # Safety
/// Called by libsane: `handle` is open, `data` has `room` bytes, `length` may
/// be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_read(
    handle: *mut Handle,
    data: *mut u8,
    room: c_int,
    length: *mut c_int,
) -> Status {
    let room = usize::try_from(room).unwrap_or(0);
    // SAFETY: as above.
    let (handle, buffer) = unsafe { (&*handle, std::slice::from_raw_parts_mut(data, room)) };
    let (status, read) = handle.scanner().read(buffer, &handle.cancelled);
    // SAFETY: as above.
    unsafe { *length = read as c_int };
    status
}

/// # Safety
/// Called by libsane, from any thread: `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sane_folder_cancel(handle: *mut Handle) {
    // SAFETY: as above.
    unsafe { &*handle }.cancelled.store(true, Ordering::SeqCst);
    if let Some(ms) = stack::configured("slow-cancel").and_then(|ms| ms.parse().ok()) {
        thread::sleep(std::time::Duration::from_millis(ms));
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn sane_folder_set_io_mode(_handle: *mut Handle, non_blocking: c_int) -> Status {
    if non_blocking == 0 { GOOD } else { UNSUPPORTED }
}

#[unsafe(no_mangle)]
pub extern "C" fn sane_folder_get_select_fd(_handle: *mut Handle, _fd: *mut c_int) -> Status {
    UNSUPPORTED
}
