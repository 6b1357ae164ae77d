//! Numbers of one size as numbers of another, without a surprise where they do not fit.

macro_rules! to {
    ($($name:ident $type:ty;)*) => {$(
        /// The number, or the largest one that there is.
        #[inline]
        #[must_use]
        pub fn $name(number: impl TryInto<$type>) -> $type {
            number.try_into().unwrap_or(<$type>::MAX)
        }
    )*};
}

to! {
    to_u8 u8;
    to_u16 u16;
    to_u32 u32;
    to_u64 u64;
    to_usize usize;
}

/// The lower 32 bits: sequence numbers of TCP wrap around.
#[inline]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // That is what it is for.
pub fn low_u32(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_the_largest_number() {
        assert_eq!((to_u8(255u64), to_u8(256usize), to_u16(70_000u32)), (255, 255, 65_535));
        assert_eq!((to_u32(1u64 << 32), to_u32(7usize), to_usize(9u64)), (u32::MAX, 7, 9));
        assert_eq!((to_u64(u128::MAX), low_u32((1 << 32) + 5)), (u64::MAX, 5));
    }
}
