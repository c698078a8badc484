//! libsane's C functions, safe to call. The only unsafe code of the scanner.
//!
//! libsane is loaded when the scan worker starts, not when the program does:
//! the station itself never has a driver in its memory, runs where libsane is
//! missing, and can say so.
//!
//! Not responsible for what anything means: numbers go out as they came in.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::status::Status;
use super::wire::{
    Constraint, Device, FrameShape, MAX_OPTION_BYTES, MAX_OPTIONS, OptionDescriptor, OptionKind,
    Unit, Value,
};

const LIBRARY: &CStr = c"libsane.so.1";
const RTLD_NOW: c_int = 2;

/// `SANE_MAX_USERNAME_LEN` and `SANE_MAX_PASSWORD_LEN`.
const MAX_LOGIN_BYTES: usize = 128;

const ACTION_GET: c_int = 0;
const ACTION_SET: c_int = 1;
const ACTION_SET_AUTO: c_int = 2;

unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn dlerror() -> *mut c_char;
}

type RawHandle = *mut c_void;
type RawAuthorize =
    unsafe extern "C" fn(resource: *const c_char, user: *mut c_char, password: *mut c_char);

#[repr(C)]
struct RawDevice {
    name: *const c_char,
    vendor: *const c_char,
    model: *const c_char,
    kind: *const c_char,
}

#[repr(C)]
struct RawRange {
    min: c_int,
    max: c_int,
    quant: c_int,
}

#[repr(C)]
struct RawOption {
    name: *const c_char,
    title: *const c_char,
    description: *const c_char,
    kind: c_int,
    unit: c_int,
    size: c_int,
    capabilities: c_int,
    constraint_kind: c_int,
    /// `string_list`, `word_list` or `range`, by `constraint_kind`.
    constraint: *const c_void,
}

#[repr(C)]
#[derive(Default)]
struct RawParameters {
    format: c_int,
    last_frame: c_int,
    bytes_per_line: c_int,
    pixels_per_line: c_int,
    lines: c_int,
    depth: c_int,
}

/// Declares the functions used, and how to find them in the library.
macro_rules! libsane_functions {
    ($($field:ident = $symbol:literal: $signature:ty;)*) => {
        struct Functions {
            $($field: $signature,)*
        }

        impl Functions {
            fn load() -> Result<Functions, String> {
                // SAFETY: a constant C string; libsane's constructors run here,
                // in the worker, which exists so that they may.
                let library = unsafe { dlopen(LIBRARY.as_ptr(), RTLD_NOW) };
                if library.is_null() {
                    return Err(last_load_error());
                }
                Ok(Functions {
                    $($field: {
                        // SAFETY: `library` is open and never closed.
                        let address = unsafe { dlsym(library, $symbol.as_ptr()) };
                        if address.is_null() {
                            return Err(last_load_error());
                        }
                        // SAFETY: the signature is the one in `sane.h`, SANE 1.
                        unsafe { std::mem::transmute::<*mut c_void, $signature>(address) }
                    },)*
                })
            }
        }
    };
}

libsane_functions! {
    init = c"sane_init": unsafe extern "C" fn(*mut c_int, Option<RawAuthorize>) -> c_int;
    exit = c"sane_exit": unsafe extern "C" fn();
    get_devices = c"sane_get_devices":
        unsafe extern "C" fn(*mut *const *const RawDevice, c_int) -> c_int;
    open = c"sane_open": unsafe extern "C" fn(*const c_char, *mut RawHandle) -> c_int;
    close = c"sane_close": unsafe extern "C" fn(RawHandle);
    get_option_descriptor = c"sane_get_option_descriptor":
        unsafe extern "C" fn(RawHandle, c_int) -> *const RawOption;
    control_option = c"sane_control_option":
        unsafe extern "C" fn(RawHandle, c_int, c_int, *mut c_void, *mut c_int) -> c_int;
    get_parameters = c"sane_get_parameters":
        unsafe extern "C" fn(RawHandle, *mut RawParameters) -> c_int;
    start = c"sane_start": unsafe extern "C" fn(RawHandle) -> c_int;
    read = c"sane_read": unsafe extern "C" fn(RawHandle, *mut u8, c_int, *mut c_int) -> c_int;
    cancel = c"sane_cancel": unsafe extern "C" fn(RawHandle);
}

fn last_load_error() -> String {
    // SAFETY: dlerror returns null or a C string that lives until the next dl call.
    let message = unsafe { text(dlerror()) };
    if message.is_empty() { "no reason given".to_owned() } else { message }
}

/// Answers the driver's question for a name and password; called with what it
/// is for, on the thread that called libsane.
pub type Authorize = Box<dyn Fn(&str) -> Option<(String, String)> + Send + Sync>;

/// libsane's callback carries no argument of ours.
static AUTHORIZE: OnceLock<Authorize> = OnceLock::new();

unsafe extern "C" fn authorize(resource: *const c_char, user: *mut c_char, password: *mut c_char) {
    // SAFETY: libsane passes a C string.
    let resource = unsafe { text(resource) };
    let answer = AUTHORIZE.get().and_then(|ask| ask(&resource)).unwrap_or_default();
    // SAFETY: libsane passes two buffers of MAX_LOGIN_BYTES.
    unsafe {
        put(&answer.0, user);
        put(&answer.1, password);
    }
}

/// # Safety
/// `to` has room for [`MAX_LOGIN_BYTES`] bytes.
unsafe fn put(from: &str, to: *mut c_char) {
    let bytes = &from.as_bytes()[..from.len().min(MAX_LOGIN_BYTES - 1)];
    // SAFETY: at most MAX_LOGIN_BYTES with the closing zero, as the caller promises.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast(), bytes.len());
        *to.add(bytes.len()) = 0;
    }
}

/// # Safety
/// `from` is null or a C string.
unsafe fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}

/// libsane, initialised. Belongs to one thread; only a [`Stopper`] may act from
/// another.
pub struct Sane {
    functions: Arc<Functions>,
}

#[derive(Debug)]
pub enum CannotStart {
    Load(String),
    Init(Status),
}

impl Sane {
    /// Once a process.
    pub fn start(ask: Authorize) -> Result<Sane, CannotStart> {
        let functions = Functions::load().map_err(CannotStart::Load)?;
        AUTHORIZE.get_or_init(|| ask);
        let mut version = 0;
        // SAFETY: libsane is loaded; the callback lives as long as the process.
        let status = unsafe { (functions.init)(&mut version, Some(authorize)) };
        match Status(status) {
            Status::GOOD => Ok(Sane { functions: Arc::new(functions) }),
            status => Err(CannotStart::Init(status)),
        }
    }

    pub fn devices(&self) -> Result<Vec<Device>, Status> {
        let mut list = ptr::null();
        // SAFETY: libsane fills in a null-terminated list that lives until the
        // next call; 0 asks for network scanners too.
        let status = unsafe { (self.functions.get_devices)(&mut list, 0) };
        if Status(status) != Status::GOOD {
            return Err(Status(status));
        }
        let mut devices = Vec::new();
        // SAFETY: as above; each entry and its four strings live as long.
        unsafe {
            while !list.is_null() && !(*list).is_null() {
                let device = &**list;
                devices.push(Device {
                    name: text(device.name),
                    vendor: text(device.vendor),
                    model: text(device.model),
                    kind: text(device.kind),
                });
                list = list.add(1);
            }
        }
        Ok(devices)
    }

    pub fn open(&self, name: &str) -> Result<Handle, Status> {
        let name = CString::new(name).map_err(|_| Status::INVALID)?;
        let mut raw = ptr::null_mut();
        // SAFETY: libsane reads a C string and fills in a handle.
        let status = unsafe { (self.functions.open)(name.as_ptr(), &mut raw) };
        if Status(status) != Status::GOOD {
            return Err(Status(status));
        }
        let stopper = Stopper {
            functions: Arc::clone(&self.functions),
            open: Arc::new(Mutex::new(Some(RawPointer(raw)))),
        };
        Ok(Handle { functions: Arc::clone(&self.functions), raw, stopper })
    }

    /// Unloads all drivers. Every handle must be closed.
    pub fn exit(self) {
        // SAFETY: handles are closed by their drop, which the worker sees to.
        unsafe { (self.functions.exit)() }
    }
}

struct RawPointer(RawHandle);

// SAFETY: the pointer is only ever passed to sane_cancel, which SANE allows
// from any thread, and only while the handle is open.
unsafe impl Send for RawPointer {}

/// Calls `sane_cancel` from any thread, for as long as the scanner is open.
#[derive(Clone)]
pub struct Stopper {
    functions: Arc<Functions>,
    /// `None` once closed.
    open: Arc<Mutex<Option<RawPointer>>>,
}

impl Stopper {
    pub fn cancel(&self) {
        if let Some(raw) = &*self.lock() {
            // SAFETY: open, since closing takes the pointer away under this lock.
            unsafe { (self.functions.cancel)(raw.0) }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<RawPointer>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A driver says that it wrote less than nothing, or more than it had room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImpossibleLength {
    pub length: i32,
    pub room: i32,
}

/// An open scanner; closed when dropped.
pub struct Handle {
    functions: Arc<Functions>,
    raw: RawHandle,
    stopper: Stopper,
}

impl Handle {
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Every option but the count itself, which is returned too; none where it
    /// is no number of options.
    pub fn options(&self) -> Result<(i32, Vec<OptionDescriptor>), Status> {
        let count = self.option_count()?;
        if count > MAX_OPTIONS {
            return Ok((count, Vec::new()));
        }
        Ok((count, (1..count).filter_map(|index| self.option(index)).collect()))
    }

    /// Option 0 holds the number of options, itself included.
    fn option_count(&self) -> Result<i32, Status> {
        let mut count: c_int = 0;
        let value = ptr::from_mut(&mut count).cast();
        // SAFETY: option 0 is one word, by the SANE standard.
        let status = unsafe {
            (self.functions.control_option)(self.raw, 0, ACTION_GET, value, ptr::null_mut())
        };
        if Status(status) == Status::GOOD { Ok(count) } else { Err(Status(status)) }
    }

    fn option(&self, index: i32) -> Option<OptionDescriptor> {
        // SAFETY: libsane returns null or a descriptor that lives while the
        // handle is open; it is read before anything else is called.
        let raw = unsafe { (self.functions.get_option_descriptor)(self.raw, index).as_ref() }?;
        // SAFETY: strings and lists of a descriptor live as long as it does.
        let (name, title, constraint) =
            unsafe { (text(raw.name), text(raw.title), constraint(raw)) };
        Some(OptionDescriptor {
            index,
            name,
            title,
            kind: match raw.kind {
                0 => OptionKind::Bool,
                1 => OptionKind::Int,
                2 => OptionKind::Fixed,
                3 => OptionKind::Text,
                4 => OptionKind::Button,
                5 => OptionKind::Group,
                other => OptionKind::Unknown(other),
            },
            unit: match raw.unit {
                1 => Unit::Pixel,
                2 => Unit::Bit,
                3 => Unit::Millimetre,
                4 => Unit::Dpi,
                5 => Unit::Percent,
                6 => Unit::Microsecond,
                _ => Unit::None,
            },
            size: raw.size.max(0).unsigned_abs(),
            capabilities: raw.capabilities,
            constraint,
        })
    }

    pub fn get(&self, index: i32) -> Result<Value, Status> {
        let mut buffer = self.buffer(index)?;
        self.control(index, ACTION_GET, buffer.words.as_mut_ptr())?;
        Ok(buffer.value())
    }

    /// The flags libsane returned.
    pub fn set(&self, index: i32, value: &Value) -> Result<i32, Status> {
        let mut buffer = self.buffer(index)?;
        buffer.fill(value)?;
        self.control(index, ACTION_SET, buffer.words.as_mut_ptr())
    }

    /// Lets the driver choose; the flags libsane returned.
    pub fn set_auto(&self, index: i32) -> Result<i32, Status> {
        self.control(index, ACTION_SET_AUTO, ptr::null_mut())
    }

    fn control(&self, index: i32, action: c_int, value: *mut i32) -> Result<i32, Status> {
        let mut info: c_int = 0;
        // SAFETY: `value` has the option's own size, freshly asked for (see
        // `buffer`), or is null where SANE reads none.
        let status = unsafe {
            (self.functions.control_option)(self.raw, index, action, value.cast(), &mut info)
        };
        if Status(status) == Status::GOOD { Ok(info) } else { Err(Status(status)) }
    }

    /// Room for the value the option has at this moment: its size changes with
    /// other options.
    fn buffer(&self, index: i32) -> Result<ValueBuffer, Status> {
        let option = self.option(index).ok_or(Status::INVALID)?;
        if option.size > MAX_OPTION_BYTES {
            return Err(Status::NO_MEMORY);
        }
        let size = option.size as usize;
        let words = vec![0; size.div_ceil(4).max(1)];
        Ok(ValueBuffer { kind: option.kind, size, words })
    }

    pub fn parameters(&self) -> Result<FrameShape, Status> {
        let mut raw = RawParameters::default();
        // SAFETY: libsane fills in the structure.
        let status = unsafe { (self.functions.get_parameters)(self.raw, &mut raw) };
        if Status(status) != Status::GOOD {
            return Err(Status(status));
        }
        Ok(FrameShape {
            format: raw.format,
            last_frame: raw.last_frame != 0,
            bytes_per_line: raw.bytes_per_line,
            pixels_per_line: raw.pixels_per_line,
            lines: raw.lines,
            depth: raw.depth,
        })
    }

    /// Takes the next sheet, or the next frame of this one.
    pub fn start(&self) -> Status {
        // SAFETY: the handle is open.
        Status(unsafe { (self.functions.start)(self.raw) })
    }

    /// The bytes put into `buffer`, by the driver's word; it may say what cannot
    /// be.
    pub fn read(&self, buffer: &mut [u8]) -> Result<(Status, usize), ImpossibleLength> {
        let room = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
        let mut length: c_int = 0;
        // SAFETY: libsane writes at most `room` bytes.
        let status =
            unsafe { (self.functions.read)(self.raw, buffer.as_mut_ptr(), room, &mut length) };
        match usize::try_from(length) {
            Ok(read) if length <= room => Ok((Status(status), read)),
            Ok(_) | Err(_) => Err(ImpossibleLength { length, room }),
        }
    }

    /// Ends the scan: after a flatbed page, at the feeder's end, after a fault.
    pub fn end_scan(&self) {
        self.stopper.cancel();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.stopper.lock().take().is_some() {
            // SAFETY: open until now, and no one can cancel it any more.
            unsafe { (self.functions.close)(self.raw) }
        }
    }
}

/// A value in memory as the option's type and size want it, aligned as a word.
struct ValueBuffer {
    kind: OptionKind,
    /// Bytes of `words` that count.
    size: usize,
    words: Vec<i32>,
}

impl ValueBuffer {
    fn fill(&mut self, value: &Value) -> Result<(), Status> {
        match (self.kind, value) {
            (OptionKind::Bool | OptionKind::Int | OptionKind::Fixed, Value::Words(words)) => {
                if words.len() * 4 != self.size {
                    return Err(Status::INVALID);
                }
                self.words[..words.len()].copy_from_slice(words);
                Ok(())
            }
            (OptionKind::Text, Value::Text(text)) => {
                if text.len() >= self.size || text.contains('\0') {
                    return Err(Status::INVALID);
                }
                for (i, chunk) in text.as_bytes().chunks(4).enumerate() {
                    let mut word = [0; 4];
                    word[..chunk.len()].copy_from_slice(chunk);
                    self.words[i] = i32::from_ne_bytes(word);
                }
                Ok(())
            }
            (OptionKind::Button, Value::None) => Ok(()),
            (
                OptionKind::Bool
                | OptionKind::Int
                | OptionKind::Fixed
                | OptionKind::Text
                | OptionKind::Button
                | OptionKind::Group
                | OptionKind::Unknown(_),
                Value::Words(_) | Value::Text(_) | Value::None,
            ) => Err(Status::INVALID),
        }
    }

    fn value(self) -> Value {
        match self.kind {
            OptionKind::Bool | OptionKind::Int | OptionKind::Fixed => {
                let mut words = self.words;
                words.truncate(self.size / 4);
                Value::Words(words)
            }
            OptionKind::Text => {
                let bytes: Vec<u8> = self.words.iter().flat_map(|w| w.to_ne_bytes()).collect();
                let end = bytes.iter().take(self.size).position(|&b| b == 0).unwrap_or(self.size);
                Value::Text(String::from_utf8_lossy(&bytes[..end]).into_owned())
            }
            OptionKind::Button | OptionKind::Group | OptionKind::Unknown(_) => Value::None,
        }
    }
}

/// # Safety
/// `option` is a descriptor libsane returned just now.
unsafe fn constraint(option: &RawOption) -> Constraint {
    if option.constraint.is_null() {
        return Constraint::None;
    }
    // SAFETY: `constraint_kind` says which of the three the pointer is; a word
    // list begins with its length, a string list ends with null.
    unsafe {
        match option.constraint_kind {
            1 => {
                let range = &*option.constraint.cast::<RawRange>();
                Constraint::Range { min: range.min, max: range.max, step: range.quant }
            }
            2 => {
                let list = option.constraint.cast::<c_int>();
                let count = (*list).max(0).unsigned_abs() as usize;
                Constraint::Words(std::slice::from_raw_parts(list.add(1), count).to_vec())
            }
            3 => {
                let mut list = option.constraint.cast::<*const c_char>();
                let mut texts = Vec::new();
                while !(*list).is_null() {
                    texts.push(text(*list));
                    list = list.add(1);
                }
                Constraint::Texts(texts)
            }
            _ => Constraint::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(kind: OptionKind, size: usize) -> ValueBuffer {
        ValueBuffer { kind, size, words: vec![0; size.div_ceil(4).max(1)] }
    }

    #[test]
    fn a_value_comes_back_as_it_was_put_in() {
        let cases = [
            (OptionKind::Text, 8, Value::Text("Gray".into())),
            (OptionKind::Text, 5, Value::Text("Gray".into())),
            (OptionKind::Int, 12, Value::Words(vec![1, -2, 3])),
            (OptionKind::Bool, 4, Value::Words(vec![1])),
        ];
        for (kind, size, value) in cases {
            let mut buffer = buffer(kind, size);
            assert_eq!(buffer.fill(&value), Ok(()));
            assert_eq!(buffer.value(), value);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_the_option_is_refused() {
        let cases = [
            (OptionKind::Text, 4, Value::Text("Gray".into())),
            (OptionKind::Text, 8, Value::Text("Gr\0y".into())),
            (OptionKind::Int, 8, Value::Words(vec![1])),
            (OptionKind::Bool, 4, Value::Text("yes".into())),
            (OptionKind::Group, 0, Value::None),
        ];
        for (kind, size, value) in cases {
            assert_eq!(buffer(kind, size).fill(&value), Err(Status::INVALID), "{value:?}");
        }
    }
}
