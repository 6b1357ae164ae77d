//! Ticks of an interface's clock as nanoseconds (draft-ietf-opsawg-pcapng section 4.2: `if_tsresol`,
//! `if_tsoffset`).

use crate::model::Time;

/// How an interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    scale: Scale,
    /// Nanoseconds to add.
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Nanoseconds of a tick.
    Times(u64),
    /// Ticks of a nanosecond.
    Per(u64),
    /// Ticks of a second, as a power of two.
    Bits(u32),
}

impl Clock {
    /// `resolution`: a power of ten, or with the upper bit set of two, that divides a second.
    /// `offset`: seconds to add.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let scale = if resolution & 0x80 != 0 {
            Scale::Bits(exponent)
        } else if let Some(over) = exponent.checked_sub(9) {
            // No 64-bit count of anything finer than 10^-28 s reaches a nanosecond.
            10u64.checked_pow(over).map_or(Scale::Times(0), Scale::Per)
        } else {
            Scale::Times(10u64.pow(9 - exponent))
        };
        Self { scale, offset: offset.saturating_mul(1_000_000_000) }
    }

    /// The moment of a tick. What does not fit into [`Time`] becomes its first or last moment.
    #[inline]
    pub(super) fn time(self, ticks: u64) -> Time {
        if let Scale::Times(unit) = self.scale
            && let Some(ns) = ticks.checked_mul(unit)
            && let Some(ns) = ns.checked_add_signed(self.offset)
            && let Ok(ns) = i64::try_from(ns)
        {
            return Time(ns);
        }
        self.any_time(ticks)
    }

    #[cold]
    fn any_time(self, ticks: u64) -> Time {
        let ns = match self.scale {
            Scale::Times(unit) => u128::from(ticks) * u128::from(unit),
            Scale::Per(count) => u128::from(ticks / count),
            Scale::Bits(bits) => (u128::from(ticks) * 1_000_000_000).checked_shr(bits).unwrap_or(0),
        };
        let ns = ns.cast_signed().saturating_add(i128::from(self.offset));
        Time(i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_gives_the_same_moment() {
        // 1.5 s
        let cases: [(u8, u64); 9] = [
            (6, 1_500_000),
            (9, 1_500_000_000),
            (3, 1_500),
            (1, 15),
            (12, 1_500_000_000_000),
            (18, 1_500_000_000_000_000_000),
            (0x80 | 1, 3),
            (0x80 | 20, 3 << 19),
            (0x80 | 62, 3 << 61),
        ];
        for (resolution, ticks) in cases {
            assert_eq!(
                Clock::new(resolution, 0).time(ticks),
                Time(1_500_000_000),
                "resolution {resolution:#x}"
            );
            assert_eq!(
                Clock::new(resolution, -1).time(ticks),
                Time(500_000_000),
                "resolution {resolution:#x}"
            );
        }
    }

    #[test]
    fn a_moment_before_1970_is_negative() {
        assert_eq!(Clock::new(6, -2).time(1_500_000), Time(-500_000_000));
    }

    #[test]
    fn what_does_not_fit_becomes_the_first_or_last_moment() {
        assert_eq!(Clock::new(0, 0).time(u64::MAX), Time(i64::MAX));
        assert_eq!(Clock::new(6, i64::MIN).time(0), Time(i64::MIN));
        assert_eq!(Clock::new(6, i64::MAX).time(u64::MAX), Time(i64::MAX));
    }

    #[test]
    fn resolutions_finer_than_any_clock_are_zero() {
        for resolution in [0x7f, 0xff, 60, 0x80 | 100] {
            assert_eq!(Clock::new(resolution, 7).time(u64::MAX), Time(7_000_000_000), "{resolution:#x}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_is_the_long_way(resolution: u8, offset in -10_000_000_000i64..10_000_000_000, ticks: u64) {
            let clock = Clock::new(resolution, offset);
            proptest::prop_assert_eq!(clock.time(ticks), clock.any_time(ticks));
        }
    }
}
