//! What probably went wrong with an accept value: the sentences of [`likely_mistake`](crate::http::likely_mistake).

use super::{Bilingual, both};
use crate::model::Lang;

/// What stands before them.
pub const LIKELY: Bilingual = both("likely mistake: ", "可能的错误：");

/// The sentences.
pub const ALL: &[Bilingual] = &[
    both(
        "base64 was applied to the 40-character hex text of the digest, not to its 20 bytes",
        "对摘要的 40 个字符的十六进制文本做了 base64，而不是对它的 20 个字节",
    ),
    both(
        "the key was decoded from base64 before hashing; hash its text as sent",
        "散列之前先把密钥做了 base64 解码；应对发送时的文本做散列",
    ),
    both("the GUID was in lowercase; it must be in uppercase", "GUID 写成了小写；必须是大写"),
    both("the GUID was not appended to the key", "没有把 GUID 接在 Key 后面"),
    both(
        "a line end was hashed too (as echo without -n does)",
        "把换行也一起散列了（没有 -n 的 echo 就会这样）",
    ),
    both(
        "a space around the key was hashed too; white space around a header's value does not count",
        "把密钥两边的空格也一起散列了；头的值两边的空白不算",
    ),
    both("SHA-256 was used; RFC 6455 requires SHA-1", "用了 SHA-256；RFC 6455 要求 SHA-1"),
    both("MD5 was used; RFC 6455 requires SHA-1", "用了 MD5；RFC 6455 要求 SHA-1"),
    both(
        "it is the key itself, which the server returned without hashing",
        "它就是密钥本身；服务器没有散列就原样发回",
    ),
    both("it is the digest in hex; it must be in base64", "它是十六进制的摘要；应为 base64"),
    both(
        "it is in another base64: the alphabet is that of URLs, or the padding is missing",
        "用了另一种 base64：字母表是 URL 用的，或缺少填充",
    ),
    both(
        "only the case of letters differs; something on the way changed it",
        "只有字母大小写不同；途中有什么改动了它",
    ),
];

/// One of the sentences in a language.
#[must_use]
pub fn mistake(text: &'static str, lang: Lang) -> &'static str {
    ALL.iter().find(|words| words.en == text).map_or(text, |words| words.of(lang))
}
