//! Whether what was typed is the answer.

use super::expr::Value;
use super::parse::AnswerForm;

/// What was typed, read in a form; none where it is nothing of that form.
#[must_use]
pub fn read(form: AnswerForm, typed: &str) -> Option<Value> {
    let typed = narrow(typed);
    let typed = typed.trim();
    match form {
        AnswerForm::Text => {
            let words: Vec<&str> = typed.split_whitespace().collect();
            let text = words.join(" ").to_lowercase();
            (!text.is_empty()).then_some(Value::Text(text))
        }
        AnswerForm::Number => {
            let bare: String = typed.chars().filter(|char| !matches!(char, ' ' | '_' | ',' | '\'')).collect();
            if let Some(hex) = prefixed(&bare) {
                return i64::from_str_radix(hex, 16).ok().map(Value::Number);
            }
            // A unit behind it does no harm: 6 bytes, 6个字节.
            let end = bare.find(|char: char| !char.is_ascii_digit()).unwrap_or(bare.len());
            let (digits, unit) = bare.split_at_checked(end)?;
            let is_unit = unit.chars().all(|char| char.is_alphabetic() || char == '%' || char == '.');
            digits.parse().ok().filter(|_| is_unit).map(Value::Number)
        }
        AnswerForm::Hex => {
            let bare: String = typed.chars().filter(|char| !matches!(char, ' ' | '_' | ':')).collect();
            let digits = prefixed(&bare).unwrap_or(&bare);
            i64::from_str_radix(digits, 16)
                .ok()
                .filter(|_| !digits.starts_with(['+', '-']))
                .map(Value::Number)
        }
    }
}

fn prefixed(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// Signs of full width, as Chinese input methods give them, as ASCII.
fn narrow(text: &str) -> String {
    let one = |char: char| match char {
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(char) - 0xff01 + 0x21).map_or(char, char::from),
        '\u{3000}' => ' ',
        other => other,
    };
    text.chars().map(one).collect()
}

/// Whether two values are the same answer: bytes count as the number that they make.
#[must_use]
pub fn is_same(form: AnswerForm, typed: &Value, value: &Value) -> bool {
    match value {
        Value::Number(_) => typed == value,
        Value::Message(_, number) | Value::Frame(_, number) => {
            i64::try_from(*number).is_ok_and(|number| *typed == Value::Number(number))
        }
        Value::Bytes(bytes) => {
            let number =
                bytes.iter().try_fold(0i64, |sum, byte| sum.checked_mul(256)?.checked_add(i64::from(*byte)));
            number.is_some_and(|number| *typed == Value::Number(number))
        }
        Value::Text(text) => read(form, text).is_some_and(|value| value == *typed),
        _ => false,
    }
}

/// An answer as it would be typed.
#[must_use]
pub fn typed(form: AnswerForm, value: &Value) -> String {
    match (form, value) {
        (AnswerForm::Hex, Value::Number(_)) => value.written("x"),
        (_, Value::Text(text)) => text.clone(),
        _ => value.written(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_people_type_them() {
        for (form, typed, value) in [
            (AnswerForm::Number, "6", Some(6)),
            (AnswerForm::Number, " 65,536 ", Some(65_536)),
            (AnswerForm::Number, "65 536", Some(65_536)),
            (AnswerForm::Number, "6 bytes", Some(6)),
            (AnswerForm::Number, "６个字节", Some(6)),
            (AnswerForm::Number, "0xA", Some(10)),
            (AnswerForm::Number, "six", None),
            (AnswerForm::Number, "6-7", None),
            (AnswerForm::Number, "99999999999999999999", None),
            (AnswerForm::Hex, "6c", Some(0x6c)),
            (AnswerForm::Hex, "0x6C", Some(0x6c)),
            (AnswerForm::Hex, "６ｃ", Some(0x6c)),
            (AnswerForm::Hex, "37 fa", Some(0x37fa)),
            (AnswerForm::Hex, "-6", None),
            (AnswerForm::Hex, "", None),
        ] {
            assert_eq!(read(form, typed), value.map(Value::Number), "{typed}");
        }
        assert_eq!(read(AnswerForm::Text, "  The  PONG "), Some(Value::Text("the pong".to_owned())));
    }

    #[test]
    fn bytes_are_typed_as_a_number() {
        let typed = read(AnswerForm::Hex, "37 fa 21 3d").unwrap();
        assert!(is_same(AnswerForm::Hex, &typed, &Value::Bytes(vec![0x37, 0xfa, 0x21, 0x3d])));
        assert!(!is_same(AnswerForm::Hex, &typed, &Value::Bytes(vec![0x37, 0xfa, 0x21])));
    }
}
