//! Roles and their styles. Screens use roles, never colors.

use super::ascii::Signs;
pub use crate::present::Role;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// A theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// Full contrast, few colors.
    HighContrast,
    /// No color: bold, underlined, reversed.
    Mono,
}

impl Theme {
    /// All themes, in the order of the key that switches them.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    /// The theme after this one.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|theme| *theme == self).unwrap_or(0);
        Self::ALL.get(at + 1).copied().unwrap_or_default()
    }

    /// Returns the style of a role. Colors have 24 bits; [`Colors::reduce`] replaces them on terminals with fewer.
    /// Only the selected row has a background, so that its text keeps its colors.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let palette = match self {
            Self::Mono => return Style::new().add_modifier(modifier(role)),
            Self::HighContrast if role == Role::Cursor => {
                return Style::new().fg(Color::Black).bg(Color::White);
            }
            Self::HighContrast => {
                let style = Style::new().add_modifier(modifier(role));
                return high_contrast(role).map_or(style, |color| style.fg(color));
            }
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
        };
        match role {
            Role::Cursor => Style::new().bg(palette.row.color()),
            Role::Dim | Role::Nul => Style::new().fg(palette.dim.color()),
            Role::Focus => Style::new().fg(palette.focus.color()),
            role => {
                let style = Style::new().add_modifier(modifier(role));
                palette.of(role).map_or(style, |shade| style.fg(shade.color()))
            }
        }
    }
}

/// The style of a role besides its color.
fn modifier(role: Role) -> Modifier {
    match role {
        Role::Error => Modifier::BOLD.union(Modifier::UNDERLINED),
        Role::Title | Role::Header | Role::Focus | Role::Key | Role::Warning => Modifier::BOLD,
        Role::MaskingKey => Modifier::UNDERLINED,
        Role::Cursor | Role::Selected | Role::Escape | Role::Hit => Modifier::REVERSED,
        Role::Dim | Role::Nul => Modifier::DIM,
        _ => Modifier::empty(),
    }
}

/// A color, and its substitutes on terminals with fewer colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shade {
    rgb: (u8, u8, u8),
    /// One of the 256 colors of xterm.
    indexed: u8,
    /// One of the 16 colors of the terminal; `None`: dim.
    basic: Option<Color>,
}

impl Shade {
    const fn new(rgb: (u8, u8, u8), indexed: u8, basic: Color) -> Self {
        Self { rgb, indexed, basic: Some(basic) }
    }

    fn color(self) -> Color {
        let (red, green, blue) = self.rgb;
        Color::Rgb(red, green, blue)
    }
}

/// The colors of a theme. Yellow and red are for warnings and errors only.
struct Palette {
    client: Shade,
    server: Shade,
    control: Shade,
    warning: Shade,
    error: Shade,
    ok: Shade,
    key: Shade,
    other_ascii: Shade,
    non_ascii: Shade,
    hit: Shade,
    dim: Shade,
    focus: Shade,
    /// The background of the selected row.
    row: Shade,
}

impl Palette {
    fn of(&self, role: Role) -> Option<Shade> {
        Some(match role {
            Role::ClientToServer => self.client,
            Role::ServerToClient => self.server,
            Role::Control => self.control,
            Role::Warning => self.warning,
            Role::Error => self.error,
            Role::Ok | Role::Space => self.ok,
            Role::Key => self.key,
            Role::OtherAscii => self.other_ascii,
            Role::NonAscii => self.non_ascii,
            Role::Hit => self.hit,
            _ => return None,
        })
    }

    fn all(&self) -> [Shade; 13] {
        let Self {
            client,
            server,
            control,
            warning,
            error,
            ok,
            key,
            other_ascii,
            non_ascii,
            hit,
            dim,
            focus,
            row,
        } = *self;
        [client, server, control, warning, error, ok, key, other_ascii, non_ascii, hit, dim, focus, row]
    }
}

static DARK: Palette = Palette {
    client: Shade::new((0x72, 0xa3, 0xf8), 111, Color::LightBlue),
    server: Shade::new((0x6a, 0xdd, 0xcf), 80, Color::LightGreen),
    control: Shade::new((0xc0, 0x9a, 0xf2), 141, Color::LightMagenta),
    warning: Shade::new((0xf8, 0xbb, 0x55), 215, Color::Yellow),
    error: Shade::new((0xf4, 0x7a, 0x7c), 210, Color::LightRed),
    ok: Shade::new((0x98, 0xc3, 0x79), 114, Color::Green),
    key: Shade::new((0x7d, 0xc4, 0xe4), 116, Color::Cyan),
    other_ascii: Shade::new((0x5f, 0xb3, 0xc9), 74, Color::Cyan),
    non_ascii: Shade::new((0xc7, 0xa9, 0xd8), 182, Color::Magenta),
    hit: Shade::new((0xff, 0xdf, 0x80), 222, Color::LightYellow),
    dim: Shade { rgb: (0x85, 0x8c, 0xa0), indexed: 245, basic: None },
    focus: Shade::new((0x8f, 0xae, 0xe8), 110, Color::LightBlue),
    row: Shade::new((0x2c, 0x35, 0x4d), 237, Color::DarkGray),
};

static LIGHT: Palette = Palette {
    client: Shade::new((0x00, 0x36, 0xa9), 25, Color::Blue),
    server: Shade::new((0x11, 0x6e, 0x73), 30, Color::Green),
    control: Shade::new((0x7a, 0x37, 0xb5), 91, Color::Magenta),
    warning: Shade::new((0x6d, 0x4b, 0x08), 94, Color::Yellow),
    error: Shade::new((0xc8, 0x06, 0x56), 161, Color::Red),
    ok: Shade::new((0x33, 0x73, 0x1c), 64, Color::Green),
    key: Shade::new((0x0b, 0x66, 0x88), 24, Color::Cyan),
    other_ascii: Shade::new((0x0f, 0x70, 0x7f), 30, Color::Cyan),
    non_ascii: Shade::new((0x83, 0x46, 0x96), 97, Color::Magenta),
    hit: Shade::new((0x7a, 0x5c, 0x00), 94, Color::Yellow),
    dim: Shade { rgb: (0x5d, 0x63, 0x70), indexed: 242, basic: None },
    focus: Shade::new((0x3d, 0x62, 0xa8), 61, Color::Blue),
    row: Shade::new((0xdb, 0xe5, 0xf8), 189, Color::Gray),
};

fn high_contrast(role: Role) -> Option<Color> {
    Some(match role {
        Role::ClientToServer | Role::Key => Color::LightCyan,
        Role::ServerToClient | Role::Ok | Role::OtherAscii | Role::Space => Color::LightGreen,
        Role::Warning | Role::Hit => Color::LightYellow,
        Role::Control | Role::NonAscii => Color::LightMagenta,
        Role::Error => Color::LightRed,
        // Nothing is dim.
        Role::Dim | Role::Nul | Role::Note => Color::Reset,
        _ => return None,
    })
}

/// The number of colors of a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colors {
    /// 24 bits.
    #[default]
    True,
    /// The 256 of xterm.
    Indexed,
    /// The 16 colors of the terminal.
    Basic,
}

impl Colors {
    /// Returns the number of colors according to `COLORTERM` and `TERM`.
    #[must_use]
    pub fn of_terminal(colorterm: &str, term: &str) -> Self {
        if matches!(colorterm, "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Indexed
        } else {
            Self::Basic
        }
    }

    /// Replaces the colors of a drawn frame by those of the terminal.
    pub fn reduce(self, buffer: &mut Buffer) {
        if self == Self::True {
            return;
        }
        let shades: Vec<Shade> = DARK.all().into_iter().chain(LIGHT.all()).collect();
        let of = |color: Color| shades.iter().find(|shade| shade.color() == color);
        for cell in &mut buffer.content {
            if let Some(shade) = of(cell.bg) {
                cell.bg = if self == Self::Indexed {
                    Color::Indexed(shade.indexed)
                } else {
                    shade.basic.unwrap_or_default()
                };
            }
            let Some(shade) = of(cell.fg) else { continue };
            match (self, shade.basic) {
                (Self::Indexed, _) => cell.fg = Color::Indexed(shade.indexed),
                (_, Some(color)) => cell.fg = color,
                (_, None) => {
                    cell.fg = Color::Reset;
                    cell.modifier |= Modifier::DIM;
                }
            }
        }
    }
}

/// The appearance of the UI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// The theme.
    pub theme: Theme,
    /// The colors of the terminal.
    pub colors: Colors,
    /// The characters for arrows, borders and symbols.
    pub signs: Signs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_has_no_color() {
        for role in Role::ALL {
            let style = Theme::Mono.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn only_the_selected_row_has_a_background() {
        for theme in Theme::ALL {
            let mut others = Role::ALL.iter().filter(|role| **role != Role::Cursor);
            assert!(others.all(|role| theme.style(*role).bg.is_none()), "{theme:?}");
            let style = theme.style(Role::Cursor);
            assert!(style.bg.is_some() != style.add_modifier.contains(Modifier::REVERSED), "{theme:?}");
        }
    }

    /// A part of an sRGB color as linear light.
    fn linear(part: u8) -> f64 {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// The contrast ratio of WCAG 2.2.
    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_the_background_and_in_the_selected_row() {
        for (palette, background) in [(&DARK, (0x1e, 0x1e, 0x1e)), (&LIGHT, (0xff, 0xff, 0xff))] {
            for shade in palette.all().into_iter().filter(|shade| *shade != palette.row) {
                assert!(contrast(shade.rgb, background) >= 4.5, "{shade:?}");
                let least = if shade == palette.dim { 3.0 } else { 4.5 };
                assert!(contrast(shade.rgb, palette.row.rgb) >= least, "{shade:?} in the selected row");
            }
        }
    }

    /// The simulation of color blindness by Machado, Oliveira and Fernandes (2009), for linear light.
    const BLINDNESS: [(&str, [[f64; 3]; 3]); 4] = [
        ("none", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    /// The least distance between two of these colors in Oklab. A difference of 0.02 is just noticeable.
    const APART: f64 = 0.09;

    /// Linear light in Oklab: lightness, green to red, blue to yellow.
    fn oklab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let long = 0.412_221 * red + 0.536_333 * green + 0.051_446 * blue;
        let medium = 0.211_903 * red + 0.680_700 * green + 0.107_397 * blue;
        let short = 0.088_302 * red + 0.281_719 * green + 0.629_979 * blue;
        let [long, medium, short] = [long, medium, short].map(f64::cbrt);
        [
            0.210_454 * long + 0.793_618 * medium - 0.004_072 * short,
            1.977_998 * long - 2.428_592 * medium + 0.450_594 * short,
            0.025_904 * long + 0.782_772 * medium - 0.808_676 * short,
        ]
    }

    #[test]
    fn directions_and_severities_differ_for_the_color_blind() {
        for palette in [&DARK, &LIGHT] {
            let shades = [palette.client, palette.server, palette.warning, palette.error];
            for (name, matrix) in BLINDNESS {
                let seen = shades.map(|shade| {
                    let (red, green, blue) = shade.rgb;
                    let light = [red, green, blue].map(linear);
                    let sum = |row: [f64; 3]| {
                        row.iter().zip(light).map(|(weight, part)| weight * part).sum::<f64>()
                    };
                    oklab(matrix.map(|row| sum(row).clamp(0.0, 1.0)))
                });
                for (at, one) in seen.iter().enumerate() {
                    for (other_at, other) in seen.iter().enumerate().skip(at + 1) {
                        let apart: f64 = one
                            .iter()
                            .zip(other)
                            .map(|(one, other)| (one - other).powi(2))
                            .sum::<f64>()
                            .sqrt();
                        let (one, other) = (shades[at], shades[other_at]);
                        assert!(apart > APART, "{name}: {one:x?} and {other:x?}: {apart}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_terminal_with_fewer_colors_gets_its_own() {
        let mut buffer = Buffer::with_lines(["abc"]);
        for (x, role) in [Role::ClientToServer, Role::Dim, Role::Cursor].into_iter().enumerate() {
            buffer[(x as u16, 0)].set_style(Theme::Dark.style(role));
        }
        let mut basic = buffer.clone();
        Colors::Indexed.reduce(&mut buffer);
        assert_eq!((buffer[(0, 0)].fg, buffer[(2, 0)].bg), (Color::Indexed(111), Color::Indexed(237)));
        Colors::Basic.reduce(&mut basic);
        assert_eq!((basic[(0, 0)].fg, basic[(2, 0)].bg), (Color::LightBlue, Color::DarkGray));
        assert_eq!((basic[(1, 0)].fg, basic[(1, 0)].modifier), (Color::Reset, Modifier::DIM));
        assert_eq!(Colors::of_terminal("truecolor", "xterm"), Colors::True);
        assert_eq!(Colors::of_terminal("", "tmux-256color"), Colors::Indexed);
        assert_eq!(Colors::of_terminal("", "linux"), Colors::Basic);
    }

    #[test]
    fn themes_take_turns() {
        let mut theme = Theme::Dark;
        for _ in 0..Theme::ALL.len() {
            theme = theme.next();
        }
        assert_eq!(theme, Theme::Dark);
    }
}
