//! How many calls there is room for.

use crate::telephony::media::PortRange;
use model::limits;
use std::fmt;

/// Files that the program needs besides those of the calls: the database, the web's connections, the threads' own.
const OTHER_FILES: u64 = 1_000;

/// How many calls there is room for at once, and what sets that bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) calls: usize,
    pub(crate) bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The program's own limit.
    Program,
    /// The range of RTP ports.
    Ports,
    /// The system's limit of open files, two a call.
    Files,
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.bound {
            Bound::Program => "the program's own limit",
            Bound::Ports => "two RTP ports each; see --rtp-ports",
            Bound::Files => "two open files each; raise the limit with `ulimit -n` or LimitNOFILE=",
        };
        write!(f, "up to {} at once ({bound})", self.calls)
    }
}

impl Capacity {
    fn new(pairs: usize, files: u64) -> Capacity {
        let by_files = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX);
        let bounds = [(limits::LEGS, Bound::Program), (pairs, Bound::Ports), (by_files, Bound::Files)];
        let (calls, bound) = bounds.into_iter().min_by_key(|(calls, _)| *calls).unwrap_or(bounds[0]);
        Capacity { calls, bound }
    }

    /// Raises the limit of open files as far as it goes: the usual soft limit of 1,024 would end at a few calls.
    pub(crate) fn raised(ports: &PortRange) -> Capacity {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let pairs = ports.pairs();
        let wanted = 2 * pairs.min(limits::LEGS) as u64 + OTHER_FILES;
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return Capacity::new(pairs, u64::MAX);
        };
        // Past the hard limit only with the right to (CAP_SYS_RESOURCE).
        for (soft, hard) in [(wanted.max(soft), wanted.max(hard)), (hard, hard)] {
            if setrlimit(Resource::RLIMIT_NOFILE, soft, hard).is_ok() {
                return Capacity::new(pairs, soft);
            }
        }
        Capacity::new(pairs, soft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_bound_is_told() {
        let capacity = |pairs, files| {
            let Capacity { calls, bound } = Capacity::new(pairs, files);
            (calls, bound)
        };
        assert_eq!(capacity(5_000, 1_000_000), (5_000, Bound::Ports));
        assert_eq!(capacity(20_000, 1_000_000), (limits::LEGS, Bound::Program));
        assert_eq!(capacity(5_000, 4_096), (1_548, Bound::Files));
        assert_eq!(capacity(5_000, 512), (0, Bound::Files));
    }
}
