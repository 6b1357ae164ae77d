//! seccomp: system calls that are refused.
//!
//! A list of what is refused, and not of what is allowed: which calls the C library, libpcap and the allocator make
//! differs from system to system and changes with each version. Refused calls fail with `EPERM` and do not end the
//! process: a library that only tries something then does without.

use super::Protection;

/// Restricts all threads of this process.
pub fn deny() -> Protection {
    let (holds, how) = match apply() {
        Ok(()) => (
            true,
            "seccomp: no program is started, no socket opened, no other process looked into, nothing typed into the \
             terminal"
                .to_owned(),
        ),
        Err(why) => (false, why),
    };
    Protection { what: "system calls", holds, how }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
fn apply() -> Result<(), String> {
    list::program().and_then(|program| seccompiler::apply_filter_all_threads(&program)).map_err(|error| {
        match error {
            seccompiler::Error::Seccomp(error) => format!("this kernel has no seccomp filters: {error}"),
            error => format!("seccomp fails: {error}"),
        }
    })
}

/// seccompiler knows no other machine.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
fn apply() -> Result<(), String> {
    Err(format!("seccomp is not used on {}", std::env::consts::ARCH))
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod list {
    use libc::c_long;
    use seccompiler::{
        BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// Calls that are refused whatever their arguments.
    const REFUSED: &[c_long] = &[
        // Other programs.
        libc::SYS_execve,
        libc::SYS_execveat,
        // Other processes.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        // The network. Pairs of connected sockets (socketpair) reach nobody else.
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // Mounts and namespaces.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_mount_setattr,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_open_by_handle_at,
        // Large parts of the kernel that are of no use here.
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_userfaultfd,
        libc::SYS_perf_event_open,
        libc::SYS_fanotify_init,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        // The whole system.
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_personality,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_kexec_file_load,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_iopl,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_ioperm,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_modify_ldt,
    ];

    /// Bit of the x32 interface of 64-bit x86 kernels, which numbers the same calls once more.
    #[cfg(target_arch = "x86_64")]
    const X32: c_long = 0x4000_0000;
    /// Calls of the list that have numbers of their own there: execve, ptrace, `kexec_load`, `process_vm_readv` and
    /// `process_vm_writev`, execveat; and ioctl.
    #[cfg(target_arch = "x86_64")]
    const OF_X32: &[c_long] = &[520, 521, 528, 539, 540, 545, 514];

    /// Requests of ioctl that are refused: to put bytes into a terminal's input, where the shell would read them.
    const TYPING: &[u64] = &[0x5412, 0x541c];

    pub(super) fn program() -> Result<BpfProgram, Error> {
        let all = |call: c_long| (call, Vec::new());
        let mut rules: std::collections::BTreeMap<c_long, Vec<SeccompRule>> =
            REFUSED.iter().copied().map(all).collect();
        #[cfg(target_arch = "x86_64")]
        rules.extend(REFUSED.iter().chain(OF_X32).map(|call| all(call | X32)));
        let typing = TYPING.iter().map(|request| {
            let is_it = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *request)?;
            SeccompRule::new(vec![is_it])
        });
        let typing = typing.collect::<Result<Vec<_>, _>>()?;
        rules.insert(libc::SYS_ioctl, typing);
        let arch = std::env::consts::ARCH.try_into()?;
        let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        Ok(SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()?)
    }
}
