//! Mapped files that another program shortens while they are read.
//!
//! Reading a mapped page that the file no longer has raises SIGBUS, which ends the program. Here a handler puts a page
//! of zeros in its place and remembers that it did: the reader then ends where the file does now.

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether anything was ever found missing.
static ANY: AtomicBool = AtomicBool::new(false);

/// Whether any watched mapping may be cut: a cheap question, to be asked first.
#[inline]
pub(super) fn any() -> bool {
    ANY.load(Ordering::Acquire)
}

/// A mapped file that may be shortened.
#[derive(Debug)]
pub(super) struct Guarded {
    // Left before the mapping is: fields are dropped in this order.
    watch: SignalWatch,
    map: Mmap,
}

impl Guarded {
    /// Maps a file for reading.
    ///
    /// # Errors
    /// Where the file cannot be mapped, or too many are: then it is to be read and not mapped.
    pub(super) fn new(file: &File) -> io::Result<Self> {
        let map = super::window::map(file)?;
        Ok(Self { watch: SignalWatch::new(&map)?, map })
    }

    /// Offset of the first byte that was found missing; `None` where none was.
    #[inline]
    pub(super) fn cut(&self) -> Option<usize> {
        self.watch.cut()
    }

    /// The mapping, for advice to the system.
    pub(super) fn map(&self) -> &Mmap {
        &self.map
    }
}

impl Deref for Guarded {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct SignalWatch;

/// Elsewhere a file that is shortened ends the program, unless it is read without mapping.
#[cfg(not(target_os = "linux"))]
impl SignalWatch {
    fn new(_: &Mmap) -> io::Result<Self> {
        Ok(Self)
    }

    fn cut(&self) -> Option<usize> {
        None
    }
}

#[cfg(target_os = "linux")]
use on_linux::SignalWatch;
#[cfg(target_os = "linux")]
mod on_linux {
    use super::{Mmap, io};
    use std::sync::Once;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Mappings that can be watched at a time.
    const MOST: usize = 1 << 14;
    const FREE: usize = 0;
    /// Nothing was missing. All is zero at first, so that the table takes no room in the program's file.
    const NOT_CUT: usize = 0;

    /// A watched mapping: its first address ([`FREE`]: none), its length, and the lowest offset that was missing, counted
    /// down from the highest number.
    struct Slot {
        start: AtomicUsize,
        len: AtomicUsize,
        cut: AtomicUsize,
    }

    static SLOTS: [Slot; MOST] = [const {
        Slot { start: AtomicUsize::new(FREE), len: AtomicUsize::new(0), cut: AtomicUsize::new(NOT_CUT) }
    }; MOST];
    /// Slots that were ever used.
    static USED: AtomicUsize = AtomicUsize::new(0);
    /// Bytes of a page.
    static PAGE: AtomicUsize = AtomicUsize::new(4096);

    #[derive(Debug)]
    pub(super) struct SignalWatch {
        slot: usize,
    }

    impl SignalWatch {
        pub(super) fn new(map: &Mmap) -> io::Result<Self> {
            static HANDLER: Once = Once::new();
            HANDLER.call_once(install);
            for (slot, entry) in SLOTS.iter().enumerate() {
                // Nobody has the slot until its length is there: a handler that comes between finds nothing in it.
                let taken = entry.start.compare_exchange(
                    FREE,
                    map.as_ptr() as usize,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
                if taken.is_ok() {
                    entry.cut.store(NOT_CUT, Ordering::Release);
                    entry.len.store(map.len(), Ordering::Release);
                    USED.fetch_max(slot + 1, Ordering::AcqRel);
                    return Ok(Self { slot });
                }
            }
            Err(io::Error::other("too many files are mapped"))
        }

        #[inline]
        pub(super) fn cut(&self) -> Option<usize> {
            let cut = SLOTS.get(self.slot)?.cut.load(Ordering::Acquire);
            (cut != NOT_CUT).then_some(usize::MAX - cut)
        }
    }

    impl Drop for SignalWatch {
        fn drop(&mut self) {
            if let Some(slot) = SLOTS.get(self.slot) {
                slot.len.store(0, Ordering::Release);
                slot.start.store(FREE, Ordering::Release);
            }
        }
    }

    #[allow(unsafe_code)]
    fn install() {
        // SAFETY: `sysconf` only reads. The action is a whole, valid one: zeroed but for its handler, which calls
        // nothing that may not be called while a signal is handled, and its flags.
        unsafe {
            if let Ok(page @ 1..) = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)) {
                PAGE.store(page, Ordering::Release);
            }
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_bus_error as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
        }
    }

    /// Puts a page of zeros where one of a watched mapping is missing. Any other SIGBUS ends the program, as ever.
    #[allow(unsafe_code)]
    extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: with SA_SIGINFO, `info` points to what the system says of this signal.
        let address = unsafe { (*info).si_addr() } as usize;
        let size = PAGE.load(Ordering::Acquire);
        let page = address - address % size;
        let watched = SLOTS.iter().take(USED.load(Ordering::Acquire)).find(|slot| {
            let start = slot.start.load(Ordering::Acquire);
            start != FREE && address >= start && address - start < slot.len.load(Ordering::Acquire)
        });
        if let Some(slot) = watched {
            let start = slot.start.load(Ordering::Acquire);
            slot.cut.fetch_max(usize::MAX - page.saturating_sub(start), Ordering::AcqRel);
            super::ANY.store(true, Ordering::Release);
            // SAFETY: the page lies in a mapping that is there as long as its slot is taken; nobody can have read
            // anything of it that this could change, for reading it is what raised the signal.
            let put = unsafe {
                libc::mmap(
                    page as *mut libc::c_void,
                    size,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            if put != libc::MAP_FAILED {
                return;
            }
        }
        // SAFETY: this is the action that the signal had before. The instruction runs again, and ends the program.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_shortened_reads_as_zeros_and_is_known_to_be_short() {
        let file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut &file, &[7; 20_000]).unwrap();
        let whole = Guarded::new(&file).unwrap();
        let other = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut &other, &[5; 20_000]).unwrap();
        let untouched = Guarded::new(&other).unwrap();
        assert!(whole.iter().all(|byte| *byte == 7) && whole.cut().is_none());
        file.set_len(5000).unwrap();
        assert_eq!((whole[4999], whole[5000], whole.cut()), (7, 0, None), "the rest of the last page");
        assert_eq!((whole[19_999], whole.cut()), (0, Some(16_384)));
        assert_eq!((whole[8192], whole[8193], whole.cut()), (0, 0, Some(8192)));
        assert!(untouched.iter().all(|byte| *byte == 5) && untouched.cut().is_none());
        // Its place is another's afterwards.
        drop(whole);
        let again = Guarded::new(&other).unwrap();
        assert!(again.cut().is_none() && again[0] == 5);
    }
}
