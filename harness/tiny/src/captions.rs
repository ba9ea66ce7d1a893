//! The texts of pre-training: what is asked about a drawn image and what is answered.
//!
//! Two kinds, never mixed in a batch because their lengths differ. A short one teaches to see and to
//! name. A long one is the question of an evaluation, choice list and suffix included, with answers
//! in several forms: a model that has seen only the wanted form would leave the format reward nothing
//! to teach, so the form with both tags is rarer than the bare name.

use clsrl_data::{datasets::question_text, text::render_prompt};
use clsrl_spec::{DatasetId, MessageOrder, Stream};

use super::classes::{Class, classes_of};

/// The suffix of the direct prompt, equal to the tiny protocol's.
pub const DIRECT_SUFFIX: &str = "\n Please directly output the answer.";

/// The suffix of the thinking prompt, equal to the tiny protocol's.
pub const THINKING_SUFFIX: &str = "\n Please output the thinking process in <think> </think> and \
                                   final answer in <answer> </answer> tags.";

/// The system message.
pub const SYSTEM: &str = "You are a helpful assistant.";

/// The two kinds of pre-training texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionKind {
    /// A description or an open question.
    Short,
    /// A question with a choice list.
    Long,
}

/// What is asked about an image of a class, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The class.
    pub class: Class,
    /// The user's text, which follows the image.
    pub text: String,
    /// The assistant's answer.
    pub reply: String,
}

impl Caption {
    /// Draws a caption.
    pub fn draw(kind: CaptionKind, stream: &mut Stream) -> Caption {
        let dataset = DatasetId::ALL[stream.below(DatasetId::ALL.len())];
        let class = class_by_frequency(classes_of(dataset), stream);
        let (text, reply) = match kind {
            CaptionKind::Short => short_text(dataset, &class, stream),
            CaptionKind::Long => long_text(dataset, &class, stream),
        };
        Caption { class, text, reply }
    }

    /// The conversation before the answer, in the model's chat template.
    pub fn prompt(&self) -> String {
        render_prompt(SYSTEM, MessageOrder::ImageFirst, &self.text)
    }

    /// The answer and the token that ends it.
    pub fn completion(&self) -> String {
        format!("{}<|im_end|>", self.reply)
    }
}

fn class_by_frequency(classes: &[Class; 8], stream: &mut Stream) -> Class {
    let mut draw = stream.below(classes.iter().map(|class| class.frequency).sum());
    for class in classes {
        if draw < class.frequency {
            return *class;
        }
        draw -= class.frequency;
    }
    unreachable!("the draw is below the sum of all frequencies")
}

fn short_text(dataset: DatasetId, class: &Class, stream: &mut Stream) -> (String, String) {
    let name = class.name;
    if stream.below(100) < 50 {
        let reply = format!("a {}. This is a photo of {name}.", class.look.words());
        ("Describe the photo.".to_owned(), reply)
    } else {
        (dataset.question().to_owned(), name.to_owned())
    }
}

fn long_text(dataset: DatasetId, class: &Class, stream: &mut Stream) -> (String, String) {
    let question = question_text(dataset, &choices(dataset, class, stream));
    if stream.below(100) < 46 {
        (question + DIRECT_SUFFIX, direct_reply(class, stream))
    } else {
        (question + THINKING_SUFFIX, thinking_reply(class, stream))
    }
}

/// The names of a list, the class's own among them, in random order.
fn choices(dataset: DatasetId, class: &Class, stream: &mut Stream) -> Vec<&'static str> {
    let from_own_dataset = stream.below(100) < 60;
    let (others, n_choices) = if from_own_dataset {
        let is_cut = stream.below(100) < 30;
        (vec![dataset], if is_cut { 4 + stream.below(4) } else { 8 })
    } else {
        (DatasetId::ALL.to_vec(), 4 + stream.below(5))
    };
    let classes = others.into_iter().flat_map(classes_of);
    let mut names: Vec<&str> = classes.map(|c| c.name).filter(|name| *name != class.name).collect();
    stream.shuffle(&mut names);
    names.truncate(n_choices - 1);
    names.push(class.name);
    stream.shuffle(&mut names);
    names
}

fn direct_reply(class: &Class, stream: &mut Stream) -> String {
    let name = class.name;
    match stream.below(100) {
        0..55 => name.to_owned(),
        55..70 => format!("{name}."),
        70..85 => format!("This is a photo of {name}."),
        _ => format!("<answer>{name}</answer>"),
    }
}

fn thinking_reply(class: &Class, stream: &mut Stream) -> String {
    let name = class.name;
    let thought = if stream.below(100) < 60 {
        format!("This is a photo of {name}.")
    } else {
        format!("I see a {}. This is a photo of {name}.", class.look.words())
    };
    match stream.below(100) {
        0..27 => format!("<think> {thought} </think> <answer>{name}</answer>"),
        27..59 => name.to_owned(),
        59..74 => format!("<think> {thought} <answer>{name}</answer>"),
        74..87 => format!("<think> {thought} </think> {name}"),
        _ => format!("<answer>{name}</answer>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captions(kind: CaptionKind, n: usize) -> Vec<Caption> {
        let mut stream = Stream::new(5, &["captions"]);
        (0..n).map(|_| Caption::draw(kind, &mut stream)).collect()
    }

    fn check_share(kind: CaptionKind, expected: f64, is_counted: impl Fn(&Caption) -> bool) {
        let captions = captions(kind, 4000);
        let share = captions.iter().filter(|c| is_counted(c)).count() as f64 / 4000.0;
        assert!((share - expected).abs() < 0.03, "share {share}, expected {expected}");
    }

    #[test]
    fn every_list_holds_the_right_name_and_4_to_8_names() {
        for caption in captions(CaptionKind::Long, 2000) {
            let (_, list) = caption.text.split_once("[ ").expect("a long text has a list");
            let (list, _) = list.split_once("].").expect("a list ends");
            let names: Vec<&str> = list.split(", ").collect();
            assert!((4..=8).contains(&names.len()), "{list}");
            assert!(names.contains(&caption.class.name), "{list}");
        }
    }

    #[test]
    fn half_of_the_short_texts_are_open_questions() {
        check_share(CaptionKind::Short, 0.5, |caption| caption.reply == caption.class.name);
    }

    #[test]
    fn the_taught_format_is_rarer_than_the_bare_name_under_the_thinking_prompt() {
        let is_thinking = |caption: &Caption| caption.text.ends_with(THINKING_SUFFIX);
        check_share(CaptionKind::Long, 0.54 * 0.27, |caption| {
            caption.reply.contains("</think> <answer>")
        });
        check_share(CaptionKind::Long, 0.54 * 0.32, |caption| {
            is_thinking(caption) && caption.reply == caption.class.name
        });
    }

    #[test]
    fn a_rare_class_is_rare() {
        check_share(CaptionKind::Short, 11.0 * 2.0 * 3.0 / (11.0 * 106.0), |caption| {
            caption.class.frequency == 3
        });
    }
}
