//! Reports when key logs are written to, renamed or created: by inotify. Elsewhere nothing is reported, and whoever waits
//! looks again after a while.

#[cfg(target_os = "linux")]
pub(super) use linux::FileWatch;
#[cfg(not(target_os = "linux"))]
pub(super) use other::FileWatch;

/// What happened since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// A file was written to.
    pub(super) written: bool,
    /// The name of a key log may mean another file, or its directory was moved.
    pub(super) renamed: bool,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;

    use super::Changes;

    /// Events that are taken before the files are looked at.
    const EVENTS: usize = 4096;

    /// The inotify descriptor, and a way to end the wait for it. It can be used without any rights.
    #[derive(Debug)]
    pub(in super::super) struct FileWatch {
        inotify: Option<OwnedFd>,
        wake: Option<(UnixStream, UnixStream)>,
    }

    impl FileWatch {
        pub(in super::super) fn new() -> Self {
            let wake = UnixStream::pair().ok().filter(|(_, woken)| woken.set_nonblocking(true).is_ok());
            Self { inotify: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok(), wake }
        }

        /// Whether changes are reported at all.
        pub(in super::super) fn works(&self) -> bool {
            self.inotify.is_some()
        }

        /// Reports when this file is written to, whatever its name is.
        pub(in super::super) fn add_file(&self, file: &File) -> Option<i32> {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            inotify::add_watch(self.inotify.as_ref()?, path, WatchFlags::MODIFY).ok()
        }

        /// Reports no more about a file.
        pub(in super::super) fn remove(&self, watch: i32) {
            if let Some(inotify) = &self.inotify {
                let _ = inotify::remove_watch(inotify, watch);
            }
        }

        /// Reports when names in this directory come, go or become readable.
        pub(in super::super) fn add_directory(&self, path: &Path) {
            let names = WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::ATTRIB;
            let own = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
            if let Some(inotify) = &self.inotify {
                let _ = inotify::add_watch(inotify, path, names | own);
            }
        }

        /// What happened since the last call. `is_named`: whether a name is that of a key log.
        pub(in super::super) fn take(&self, is_named: impl Fn(&[u8]) -> bool) -> Changes {
            let mut changes = Changes::default();
            let Some(inotify) = &self.inotify else { return changes };
            let mut room = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(inotify, &mut room);
            let mut count = 0;
            while count < EVENTS || !reader.is_buffer_empty() {
                let event = match reader.next() {
                    Ok(event) => event,
                    Err(Errno::INTR) => continue,
                    Err(_) => break,
                };
                count += 1;
                changes.written |= event.events().contains(ReadFlags::MODIFY);
                changes.renamed |= match event.file_name() {
                    Some(name) => is_named(name.to_bytes()),
                    // Of the directory itself, or the queue was full.
                    None => !event.events().contains(ReadFlags::MODIFY),
                };
            }
            changes
        }

        /// Waits until something happens, or for `most`; true where something happened.
        pub(in super::super) fn wait(&self, most: Duration) -> bool {
            let Some((_, woken)) = &self.wake else {
                std::thread::park_timeout(most.min(Duration::from_millis(100)));
                return false;
            };
            let mut fds = vec![PollFd::new(woken, PollFlags::IN)];
            fds.extend(self.inotify.as_ref().map(|inotify| PollFd::new(inotify, PollFlags::IN)));
            let time = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: i64::from(most.subsec_nanos()) };
            let _ = poll(&mut fds, Some(&time));
            let _ = (&mut &*woken).read(&mut [0; 16]);
            fds.get(1).is_some_and(|fd| !fd.revents().is_empty())
        }

        /// Ends the wait.
        pub(in super::super) fn wake(&self) {
            if let Some((wake, _)) = &self.wake {
                let _ = (&mut &*wake).write(&[0]);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::fs::File;
    use std::path::Path;
    use std::time::Duration;

    use super::Changes;

    /// Nothing is reported.
    #[derive(Debug)]
    pub(in super::super) struct FileWatch;

    impl FileWatch {
        pub(in super::super) fn new() -> Self {
            Self
        }

        pub(in super::super) fn works(&self) -> bool {
            false
        }

        pub(in super::super) fn add_file(&self, _: &File) -> Option<i32> {
            None
        }

        pub(in super::super) fn remove(&self, _: i32) {}

        pub(in super::super) fn add_directory(&self, _: &Path) {}

        pub(in super::super) fn take(&self, _: impl Fn(&[u8]) -> bool) -> Changes {
            Changes::default()
        }

        pub(in super::super) fn wait(&self, most: Duration) -> bool {
            std::thread::park_timeout(most);
            false
        }

        pub(in super::super) fn wake(&self) {}
    }
}
