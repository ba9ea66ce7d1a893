//! Where numbers, expressions and LaTeX are searched: the patterns, rule by rule.
//!
//! They need look-around and the leftmost alternative, as Python's `re` has them. `\d` and `\s` are
//! Unicode's, and `\s` has Python's four separators besides.

use std::sync::LazyLock;

use fancy_regex::{Regex, RegexBuilder};

/// Steps back after which a search gives up.
const BACKTRACK_LIMIT: usize = 1_000_000;

/// The groups that hold a piece of LaTeX.
pub const LATEX_GROUPS: [&str; 7] =
    ["display", "bracket", "inline", "parenthesis", "list", "fraction", "boxed"];

const CURRENCIES: &str = r"\$€£¥₹₽₪₩₫฿₡₢₣₤₥₦₧₨₭₮₯₰₱₲₳₴₵₶₷₸₺₻₼₾₿";
const SPACE: &str = r"[\s\x1c-\x1f]";
// Python takes the dotless and the dotted i of Turkish for an i where case is ignored.
const FINAL_ANSWER: &str = "f[iıİ]nal answer";
const IS: &str = "[iıİ]s";

/// One pattern.
pub struct Pattern {
    /// The pattern.
    pub regex: Regex,
    needs: Needs,
}

/// What a text must have, so that most texts need no search.
enum Needs {
    Digit,
    Latex,
}

impl Pattern {
    /// False where the pattern certainly matches nothing.
    pub fn can_match(&self, text: &str) -> bool {
        match self.needs {
            Needs::Digit if text.is_ascii() => text.bytes().any(|byte| byte.is_ascii_digit()),
            Needs::Digit => true,
            Needs::Latex => text.contains(['$', '\\', '[']),
        }
    }
}

/// The rules, the first to be tried first; of a rule's matches that lie alike the first pattern's wins.
pub fn rules() -> &'static [Vec<Pattern>] {
    static RULES: LazyLock<Vec<Vec<Pattern>>> = LazyLock::new(compile);
    &RULES
}

fn compile() -> Vec<Vec<Pattern>> {
    let (expression, number, latex) = (expression(), number(), latex());
    let any = format!("(?:{expression}|{number})");
    let digits = |text: String| Pattern { regex: regex(&text), needs: Needs::Digit };
    let latex_of = |text: String| Pattern { regex: regex(&text), needs: Needs::Latex };
    let hope = format!(r"\.?{SPACE}?I hope");
    vec![
        vec![
            latex_of(format!(r"(?i:{FINAL_ANSWER} {IS}):?{SPACE}*{latex}{hope}")),
            digits(format!(r"(?i:{FINAL_ANSWER} {IS}):?{SPACE}*{any}{hope}")),
        ],
        vec![
            latex_of(format!(r"(?i:{FINAL_ANSWER}(?s:.){{0,100}}?){SPACE}+is:?{SPACE}*{latex}")),
            latex_of(r"(?s)(?P<boxed>\\boxed\{.+\})".to_owned()),
            digits(format!(r"(?i:{FINAL_ANSWER}.{{0,100}}?){SPACE}+is:?{any}")),
        ],
        vec![
            latex_of(format!(r"(?i:answer):(?s:.){{0,50}}?{latex}")),
            digits(format!(r"(?i:answer):(?:.{{0,100}}={SPACE}*|.{{0,50}}?){any}(?!{SPACE}*=)")),
        ],
        vec![
            latex_of(format!(r"(?i:answer)(?s:.){{0,50}}?{latex}")),
            digits(format!(r"(?i:answer)(?:.{{0,100}}={SPACE}*|.{{0,50}}?){any}(?!{SPACE}*=)")),
        ],
        vec![latex_of(latex), digits(expression), digits(number)],
    ]
}

/// An arithmetic expression between white space or punctuation.
fn expression() -> String {
    let operator = r"+\-*×/\^()÷";
    let part = format!(r"[\d.\s\x1c-\x1f{operator}]");
    format!(
        r"(?:{}(?P<expr>-?\(?-?\d{part}*[{operator}]{part}+\)?)(?:\*\*)?(?:[.,:)$]|{SPACE}|\z))",
        before()
    )
}

/// A number after white space or `=`; what follows it does not matter.
fn number() -> String {
    let percent =
        format!("(?P<percent>{SPACE}*(?:%|[Pp]ercent|{SPACE}*[Pp]ercentage|{SPACE}*[Pp]ct))?");
    format!(
        r"(?:{}[{CURRENCIES}]?(?<!\d)(?:(?P<integer1>-?[1-9]\d{{0,2}}(?:[ ,]\d{{3}})+)(?P<decimal1>\.\d+)?|(?P<integer2>-?\d+)(?P<decimal2>[.,]\d+)|(?P<decimal3>\.\d+)|(?P<integer3>-?\d+)){percent})",
        before()
    )
}

fn before() -> String {
    format!(r"(?:^|{SPACE}|=)(?:\*\*)?")
}

/// LaTeX between its delimiters, or a plain fraction; `more` if another piece is joined to it.
fn latex() -> String {
    let piece = |named: bool| {
        let group = |name: &str| if named { format!("?P<{name}>") } else { "?:".to_owned() };
        let plain = r"-?\d+(?:[.,]\d+)?";
        let pieces = [
            format!(r"(?<!\\)\$\$({}(?:[^$]|\$(?!\$))+?)(?<!\\)\$\$", group("display")),
            format!(r"(?<!\\)\\\[({}(?:[^\\]|\\(?!\]))+?)(?<!\\)\\\]", group("bracket")),
            format!(r"(?<![\\\d])\$({}(?:\\\$|[^\n$])+?)(?<!\\)\$", group("inline")),
            format!(r"(?<!\\)\\\(({}(?:[^\\\n]|\\(?!\)))+?)(?<!\\)\\\)", group("parenthesis")),
            format!(r"{SPACE}\[({}[^\n\[\]]+?)\]{SPACE}", group("list")),
            format!(r"({}-?\\frac\{{{plain}\}}\{{{plain}\}})", group("fraction")),
        ];
        let percent = format!(r"({}\\?%|[Pp]ercent|[Pp]ercentage|[Pp]ct)", group("percent"));
        format!("(?:(?:{}){SPACE}*{percent}?)", pieces.join("|"))
    };
    format!("(?:{}(?P<more>{SPACE}*(?:,?and|,?or|,){SPACE}*{})?)", piece(true), piece(false))
}

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern)
        .backtrack_limit(BACKTRACK_LIMIT)
        .build()
        .expect("the patterns are constants, and a test compiles them all")
}
