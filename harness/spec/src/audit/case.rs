//! What a model may answer that is wrong, and what is right but may be refused.

use strum::{EnumCount, VariantArray};

use crate::PromptStyle;

/// A kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumCount, VariantArray)]
pub enum Case {
    /// Another class's name.
    WrongName,
    /// Two answers, the wrong one first.
    WrongThenRight,
    /// Two answers, the right one first.
    RightThenWrong,
    /// The right name in the thought, another in the answer.
    RightInThought,
    /// All names as the answer.
    WholeList,
    /// The question's list repeated, and no answer.
    ListRepeated,
    /// An answer tag with nothing in it.
    EmptyTag,
    /// The right name in the thought, and an answer tag with nothing in it.
    EmptyTagRightThought,
    /// Nothing at all.
    Nothing,
    /// The right name.
    RightName,
    /// The right name in capitals.
    RightInCapitals,
    /// The right name with blanks for its underscores.
    RightWithBlanks,
    /// The right name on a line of its own.
    RightOnOwnLine,
}

/// What one answer is about.
pub(super) struct About<'a> {
    pub(super) gold: &'a str,
    pub(super) wrong: &'a str,
    /// All names, joined as a question joins them.
    pub(super) list: &'a str,
}

/// What an answer's text depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depends {
    Nothing,
    Wrong,
    Gold,
    Both,
}

impl Case {
    /// All cases, the wrong ones first.
    pub const ALL: [Case; Case::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// Whether the answer is right and should be paid.
    pub fn is_right(self) -> bool {
        Case::RightName <= self
    }

    /// The case as it stands in tables.
    pub fn title(self) -> &'static str {
        match self {
            Case::WrongName => "a wrong name",
            Case::WrongThenRight => "two answers, the wrong one first",
            Case::RightThenWrong => "two answers, the right one first",
            Case::RightInThought => "a wrong name, the right one in the thought",
            Case::WholeList => "all names as the answer",
            Case::ListRepeated => "the question's list, no answer",
            Case::EmptyTag => "an empty tag",
            Case::EmptyTagRightThought => "an empty tag, the right name in the thought",
            Case::Nothing => "nothing at all",
            Case::RightName => "the right name",
            Case::RightInCapitals => "the right name in capitals",
            Case::RightWithBlanks => "the right name, blanks for underscores",
            Case::RightOnOwnLine => "the right name on a line of its own",
        }
    }

    pub(super) fn depends(self) -> Depends {
        match self {
            Case::WrongName => Depends::Wrong,
            Case::WrongThenRight | Case::RightThenWrong | Case::RightInThought => Depends::Both,
            Case::WholeList | Case::ListRepeated | Case::EmptyTag | Case::Nothing => {
                Depends::Nothing
            }
            _ => Depends::Gold,
        }
    }

    /// The answer under a prompt; none where the case is not one there.
    pub(super) fn write(self, style: PromptStyle, about: &About) -> Option<String> {
        let &About { gold, wrong, list } = about;
        let has_tags = style != PromptStyle::Direct;
        Some(match self {
            Case::WrongName => compose(style, wrong, &tag(style, wrong)),
            Case::WrongThenRight => compose(style, wrong, &two(style, wrong, gold)),
            Case::RightThenWrong => compose(style, gold, &two(style, gold, wrong)),
            Case::RightInThought if has_tags => {
                compose(thoughtful(style), gold, &tag(style, wrong))
            }
            Case::WholeList => compose(style, "one of these", &tag(style, list)),
            Case::ListRepeated => format!(" Please choose one from list [ {list}]."),
            Case::EmptyTag if has_tags => compose(style, "it", &tag(style, "")),
            Case::EmptyTagRightThought if has_tags => {
                compose(thoughtful(style), gold, &tag(style, ""))
            }
            Case::Nothing => String::new(),
            Case::RightName => compose(style, gold, &tag(style, gold)),
            Case::RightInCapitals => compose(style, gold, &tag(style, &gold.to_uppercase())),
            Case::RightWithBlanks if gold.contains('_') => {
                compose(style, gold, &tag(style, &gold.replace('_', " ")))
            }
            Case::RightOnOwnLine if has_tags => {
                compose(style, gold, &tag(style, &format!("\n{gold}\n")))
            }
            Case::RightOnOwnLine => format!("{gold}\n"),
            Case::RightInThought
            | Case::EmptyTag
            | Case::EmptyTagRightThought
            | Case::RightWithBlanks => return None,
        })
    }
}

/// Where the model may think or not, a case about a thought has one.
fn thoughtful(style: PromptStyle) -> PromptStyle {
    match style {
        PromptStyle::AdaptiveThinking => PromptStyle::Thinking,
        style => style,
    }
}

fn compose(style: PromptStyle, thought: &str, answer: &str) -> String {
    match style {
        PromptStyle::Thinking => {
            format!("<think> The object in this photo is {thought}. </think>\n{answer}")
        }
        PromptStyle::ThinkAfterAnswer => {
            format!("{answer}\n<reason> The object in this photo is {thought}. </reason>")
        }
        PromptStyle::Direct | PromptStyle::AdaptiveThinking => answer.to_owned(),
    }
}

fn tag(style: PromptStyle, name: &str) -> String {
    match style {
        PromptStyle::Direct => name.to_owned(),
        _ => format!("<answer>{name}</answer>"),
    }
}

fn two(style: PromptStyle, first: &str, second: &str) -> String {
    let between = if style == PromptStyle::Direct { ", " } else { " " };
    [tag(style, first), tag(style, second)].join(between)
}
