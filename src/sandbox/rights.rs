//! Capabilities: what root may do beyond its files, and what a file's capabilities give to its program.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use super::Protection;

/// Drops all capabilities of this thread but those over files, which Landlock bounds.
pub(super) fn drop_most() -> Protection {
    let (holds, how) = match lower() {
        Ok(()) => (true, "no rights of root but those over files".to_owned()),
        Err(error) => (false, format!("the rights of root are not dropped: {error}")),
    };
    Protection { what: "capabilities", holds, how }
}

fn lower() -> rustix::io::Result<()> {
    let over_files = CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::DAC_READ_SEARCH
        | CapabilitySet::FOWNER
        | CapabilitySet::CHOWN;
    let own = capabilities(None)?;
    let kept = CapabilitySets {
        effective: own.effective & over_files,
        permitted: own.permitted & over_files,
        inheritable: CapabilitySet::empty(),
    };
    if own != kept {
        set_capabilities(None, kept)?;
    }
    Ok(())
}
