#!/usr/bin/env python3
"""A terminal's screen, as `tmux capture-pane -e` prints it, on standard input; an SVG of it on standard output."""
import re
import sys
import unicodedata
from html import escape

COLUMNS, ROWS = int(sys.argv[1]), int(sys.argv[2])
WIDTH, HEIGHT, BASE = 8.4, 18, 13
FOREGROUND, BACKGROUND = "#d8d8d8", "#16181d"
BASIC = ["#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
         "#6b7280", "#ff7b86", "#b5e890", "#ffd68a", "#7cc4ff", "#dd9cf0", "#7fdce6", "#ffffff"]


def colour(n):
    """One of the 256."""
    if n < 16:
        return BASIC[n]
    if n < 232:
        levels = [0, 95, 135, 175, 215, 255]
        n -= 16
        return "#%02x%02x%02x" % (levels[n // 36], levels[n // 6 % 6], levels[n % 6])
    return "#%02x%02x%02x" % ((8 + (n - 232) * 10,) * 3)


def change(style, codes):
    """The style after an SGR sequence."""
    codes = [int(code or 0) for code in codes.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = {}
        elif code in (1, 2, 3, 4, 7):
            style = {**style, {1: "bold", 2: "dim", 3: "italic", 4: "line", 7: "swap"}[code]: True}
        elif code in (22, 23, 24, 27):
            gone = {22: ("bold", "dim"), 23: ("italic",), 24: ("line",), 27: ("swap",)}[code]
            style = {key: value for key, value in style.items() if key not in gone}
        elif code in (38, 48):
            kind = codes.pop(0)
            value = colour(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes.pop(0) for _ in "rgb")
            style = {**style, "fg" if code == 38 else "bg": value}
        elif code in (39, 49):
            style = {key: value for key, value in style.items() if key != ("fg" if code == 39 else "bg")}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = {**style, "fg": BASIC[code - 30 if code < 40 else code - 82]}
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = {**style, "bg": BASIC[code - 40 if code < 50 else code - 92]}
    return style


def width(text):
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def draw(text, x, y, style):
    """A piece of one style; where it begins and how many columns it takes are given by its characters."""
    columns = width(text)
    fg, bg = style.get("fg", FOREGROUND), style.get("bg")
    if style.get("swap"):
        fg, bg = bg or BACKGROUND, fg
    if bg:
        print(f'<rect x="{x * WIDTH:.1f}" y="{y * HEIGHT}" width="{columns * WIDTH:.1f}" height="{HEIGHT}" fill="{bg}"/>')
    looks = "".join(words for key, words in (
        ("bold", ' font-weight="bold"'), ("dim", ' opacity="0.7"'), ("italic", ' font-style="italic"'),
        ("line", ' text-decoration="underline"')) if style.get(key))
    # Word by word: each keeps its place, whatever font is there.
    for word in re.finditer(r"\S+", text):
        at, wide = x + width(text[:word.start()]), width(word[0])
        print(f'<text x="{at * WIDTH:.1f}" y="{y * HEIGHT + BASE}" textLength="{wide * WIDTH:.1f}" '
              f'lengthAdjust="spacingAndGlyphs" fill="{fg}"{looks}>{escape(word[0])}</text>')
    return columns


print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * WIDTH:.0f} {ROWS * HEIGHT}" '
      'font-family="ui-monospace,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="14">')
print(f'<rect width="100%" height="100%" fill="{BACKGROUND}"/>')
style = {}
for y, line in enumerate(sys.stdin.read().split("\n")[:ROWS]):
    x = 0
    for piece in re.split(r"(\x1b\[[0-9;]*m|\x0e|\x0f)", line):
        if piece.startswith("\x1b["):
            style = change(style, piece[2:-1])
        elif piece and piece not in "\x0e\x0f":
            x += draw(piece, x, y, style)
print("</svg>")
