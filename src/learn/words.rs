//! The labels around lessons, in both languages.

use crate::model::Lang;

/// Labels, questions and replies that are the same in all lessons.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct LessonWords {
    pub lessons: &'static str,
    pub extras: &'static str,
    pub progress: &'static str,
    pub step: &'static str,
    pub goal: &'static str,
    pub answer: &'static str,
    pub right: &'static str,
    pub wrong: &'static str,
    pub hint: &'static str,
    pub the_answer_is: &'static str,
    pub next: &'static str,
    pub read_on: &'static str,
    pub lesson_done: &'static str,
    pub all_done: &'static str,
    pub go_there: &'static str,
    pub gone_there: &'static str,
    pub number_expected: &'static str,
    pub hex_expected: &'static str,
    pub words_expected: &'static str,
    pub option_expected: &'static str,
    pub nothing_typed: &'static str,
    pub keys: &'static str,
    pub keys_choose: &'static str,
    pub keys_go: &'static str,
    pub keys_read: &'static str,
    pub bits: &'static str,
    pub no_bits: &'static str,
    pub own: &'static str,
    pub bundled: &'static str,
    pub bundled_instead: &'static str,
    pub exploring: &'static str,
    pub the_real_screen: &'static str,
    pub first_step: &'static str,
    pub list_hint: &'static str,
    pub loading: &'static str,
    pub done_before: &'static str,
    pub answers: &'static str,
    pub more_above: &'static str,
}

static EN: LessonWords = LessonWords {
    lessons: "Lessons",
    extras: "Extras",
    progress: "progress",
    step: "step",
    goal: "Goal:",
    answer: "Your answer",
    right: "Right.",
    wrong: "Not yet.",
    hint: "Hint:",
    the_answer_is: "The answer is",
    next: "Enter: go on",
    read_on: "Enter: go on",
    lesson_done: "The lesson is done. Enter: back to the list",
    all_done: "All ten lessons are done. Well done!",
    go_there: "Tab: into the screen. Esc: back here",
    gone_there: "There it is.",
    number_expected: "A number is asked for, such as 6 or 0x1f.",
    hex_expected: "Hex digits are asked for, such as 6c.",
    words_expected: "A word is asked for.",
    option_expected: "Type the number of an option.",
    nothing_typed: "Type your answer first, then Enter. h: a hint",
    keys: "Type it, then Enter.  h hint  n next  p back",
    keys_choose: "Type its number, then Enter.  h hint  n next  p back",
    keys_go: "Tab: go and look.  h hint  n next  p back",
    keys_read: "Enter: go on.  p back",
    bits: "bits",
    no_bits: "there are no bits to look at in this step",
    own: "your capture",
    bundled: "bundled capture",
    bundled_instead: "Your capture has no such thing: this is a bundled one.",
    exploring: "looking around (Esc: back)",
    the_real_screen: "the real screen; Tab: look around in it",
    first_step: "this is the first step",
    list_hint: "Enter opens a lesson; all of them are open",
    loading: "loading …",
    done_before: "done before",
    answers: "Answers",
    more_above: "j/k: more",
};

static ZH: LessonWords = LessonWords {
    lessons: "课程",
    extras: "选学",
    progress: "进度",
    step: "步骤",
    goal: "目标：",
    answer: "回答",
    right: "对了。",
    wrong: "还不对。",
    hint: "提示：",
    the_answer_is: "答案是",
    next: "Enter：继续",
    read_on: "Enter：继续",
    lesson_done: "这一课学完了。Enter：回到课程列表",
    all_done: "十课全部学完，恭喜！",
    go_there: "Tab：进入画面。Esc：回到这里",
    gone_there: "找到了。",
    number_expected: "请输入一个数，例如 6 或 0x1f。",
    hex_expected: "请输入十六进制数字，例如 6c。",
    words_expected: "请输入一个词。",
    option_expected: "请输入选项的编号。",
    nothing_typed: "先输入答案，再按 Enter。h：提示",
    keys: "输入后按 Enter。h 提示  n 下一步  p 上一步",
    keys_choose: "输入编号后按 Enter。h 提示  n 下一步  p 上一步",
    keys_go: "Tab：进去找。h 提示  n 下一步  p 上一步",
    keys_read: "Enter：继续。p 上一步",
    bits: "二进制",
    no_bits: "这一步没有需要看的二进制位",
    own: "你的抓包文件",
    bundled: "自带的抓包文件",
    bundled_instead: "你的抓包里没有这样的内容，这里用自带的抓包演示。",
    exploring: "正在探索（Esc：返回）",
    the_real_screen: "这是真实的画面；Tab：进去看看",
    first_step: "这已经是第一步",
    list_hint: "Enter 打开一课；可以从任何一课学起",
    loading: "正在读取 …",
    done_before: "已完成",
    answers: "答案",
    more_above: "j/k：翻看",
};

/// The labels in a language.
#[must_use]
pub fn words(lang: Lang) -> &'static LessonWords {
    lang.pick(&EN, &ZH)
}

/// `Lesson 5`, `Extra 2`: the heading of the lesson at a place.
#[must_use]
pub fn heading(lang: Lang, at: usize) -> String {
    match at.checked_sub(super::COUNTED) {
        None => lang.pick(format!("Lesson {}", at + 1), format!("第 {} 课", at + 1)),
        Some(at) => lang.pick(format!("Extra {}", at + 1), format!("选学 {}", at + 1)),
    }
}
