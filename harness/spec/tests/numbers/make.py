"""Makes pairs of completion and solution around what the number step reads, with math-verify's judgement.

    python make.py pairs SEED N > pairs.jsonl      # [completion, solution], one pair a line
    python make.py judge pairs.jsonl > judged.jsonl # with math-verify installed: [completion, solution, paid, seen]

`paid` is what the released reward's first step gives, `verify(parse(completion), parse(solution)) > 0`; `seen`
whether parsing found anything in the completion. `cases.jsonl` beside this file are those of 300 pairs of seed 1
and of the kinds listed by hand on which 0.5.2 and 0.9.0 agree.
"""

import json
import random
import sys
import unicodedata

DECIMALS = [chr(c) for c in range(128, 0x110000) if unicodedata.category(chr(c)) == "Nd"]
OTHER_NUMBERS = [chr(c) for c in range(128, 0x110000) if unicodedata.category(chr(c)) in ("No", "Nl")]
MINUS = ["-", "\u2212", "\u2013", "\u2012", "\uff0d", "- ", "+", "--"]
SPACES = [" ", "\u00a0", "\u2009", "\u202f", "\u3000", "\x1c"]


def whole(rng):
    return rng.choice(["0", "1", "2", "3", "7", "10", "12", "50", "100", "240", "458", "1000", "1963", "2012", "3500"])


def foreign(rng, digits):
    """The same digits in another script, all of them or one."""
    zero = rng.choice([c for c in DECIMALS if unicodedata.decimal(c) == 0])
    at = rng.randrange(len(digits))
    is_all = rng.random() < 0.5
    return "".join(
        chr(ord(zero) + int(d)) if d.isdigit() and (is_all or i == at) else d for i, d in enumerate(digits)
    )


def thousands(rng):
    comma = rng.choice([",", ",", " ", ".", "'", "\u00a0", "\u2009"])
    groups = [rng.choice(["1", "12", "123", "0", "01", "1234"])] + [
        rng.choice(["000", "234", "500", "00", "0000"]) for _ in range(rng.randint(1, 3))
    ]
    return comma.join(groups) + rng.choice(["", "", ".5", ",5", ".50"])


def power(rng):
    sign = rng.choice(["^", "**", " ^ ", " ** ", "^^", "^(", "^{"])
    a, b = whole(rng), rng.choice([whole(rng), "-1", "-2", "0.5", ".5", "1/2", "64", "65", "100", "1963", "2^3"])
    close = {"^(": ")", "^{": "}"}.get(sign, "")
    base = rng.choice([a, a, f"({a})", f"-{a}", f"(-{a})", f"{a}.5", f"({a}/3)"])
    return base + sign + b + close


def fraction(rng):
    a, b = whole(rng), whole(rng)
    return rng.choice([
        f"{a}/{b}", f"{a} / {b}", f"{a}\u2044{b}", f"{a}\u00f7{b}", f"\\frac{{{a}}}{{{b}}}", f"$\\frac{{{a}}}{{{b}}}$",
        f"$\\frac{a}{b}$", f"$\\dfrac{{{a}}}{{{b}}}$", f"$\\tfrac{{{a}}}{{{b}}}$", f"-\\frac{{{a}}}{{{b}}}", f"{a} {b}/3",
        f"$-\\frac{{{a}}}{{{b}}}$", f"${a}/{b}$", f"{a}/{b}/2", f"({a})/({b})",
    ])


def boxed(rng):
    a = rng.choice([whole(rng), "", " ", "x", "\\text{7}", "x=7", "7,8", fraction(rng), power(rng), "-3", "50\\%", "\\boxed{3}"])
    b = rng.choice(["\\boxed{", "\\boxed {", "\\fbox{", "\\boxed{{", "$\\boxed{"])
    close = {"\\boxed{{": "}}", "$\\boxed{": "}$"}.get(b, rng.choice(["}", "}", "}", ""]))
    return b + a + close


def percent(rng):
    return rng.choice([whole(rng), "0.5", "12.5"]) + rng.choice(
        ["%", " %", "\\%", " percent", " Percent", " pct", " percentage", "\uff05", " per cent", "\u066a"]
    )


def number(rng):
    kind = rng.randrange(12)
    if kind == 0:
        return foreign(rng, rng.choice([whole(rng), "1,000", "0.5", "1/2", "2^3", "12%", "-3"]))
    if kind == 1:
        return rng.choice(DECIMALS) + rng.choice(["", "", "5", ".5", "%", "+1"])
    if kind == 2:
        return rng.choice(["", whole(rng), "x"]) + rng.choice(OTHER_NUMBERS)
    if kind == 3:
        return power(rng)
    if kind == 4:
        return boxed(rng)
    if kind == 5:
        return percent(rng)
    if kind == 6:
        return thousands(rng)
    if kind == 7:
        return rng.choice(MINUS) + rng.choice([whole(rng), "007", "0", "0.5", ".5"])
    if kind == 8:
        return fraction(rng)
    if kind == 9:
        return rng.choice(["$", "\u20ac", "\u00a3", "\u20bf", "\uff04", "US$"]) + whole(rng)
    if kind == 10:
        return whole(rng) + rng.choice(["+", "-", "*", "\u00d7", "\u22c5", "\u2212", "/", "//"]) + whole(rng)
    return whole(rng)


def text(rng):
    a = number(rng)
    return rng.choice([
        "{}", "{}", "<answer>{}</answer>", "<answer> {} </answer>", "a {} b", "it is {}.", "x={}", "x = {}", "${}$",
        "the answer is {}", "answer: {}", "the final answer is {}. I hope", "{} and " + number(rng), number(rng) + " or {}",
        "**{}**", "({})", "\\({}\\)", " [{}] ", "{}x", "<think> " + number(rng) + " </think> <answer>{}</answer>",
    ]).replace("{}", a, 1), a


def ascii_of(a):
    return "".join(str(unicodedata.decimal(c, c)) if c.isdecimal() else c for c in a).replace("\u2212", "-")


def pairs(seed, n):
    rng = random.Random(seed)
    for _ in range(n):
        completion, a = text(rng)
        solution = rng.choice([
            a, ascii_of(a), ascii_of(a), completion, ascii_of(completion), whole(rng), text(rng)[0],
            "<answer> " + ascii_of(a) + " </answer>", ascii_of(a).replace(",", ""), ascii_of(a).lstrip("-+\u2212\u2013 "),
            ascii_of(a).split("^")[-1].strip() or "1", ascii_of(a).rstrip("%"),
        ])
        yield [completion, solution]


BY_HAND = [
    [c, s]
    for c, s in [("٣", "3"), ("5 and ٣", "5"), ("٣ and 5", "5"), ("1٣", "13"), ("1+٣", "1"), ("3500 ^ 1963", "1963"),
                 ("3500 ^ 1963", "3500 ^ 1963"), ("3500 ^ 1963", "3500"), ("9^9^9", "9"), ("2^100", str(2**100)), ("2^65", str(2**65)),
                 ("\\boxed{} 7", "7"), ("7 \\boxed{}", "7"), ("\\boxed{}", "7"), ("\\boxed{ }", "7"), ("$7$ \\boxed{}", "7"),
                 ("²", "2"), ("x²", "2"), ("½", "0.5"), ("Ⅷ", "8"), ("−3", "-3"), ("−3", "3"), ("50٪", "50"), ("1,000", "1000"),
                 ("<answer> 2٠١2 Audi </answer>", "<answer> 2012 Audi </answer>"), ("<answer> ２０１２ Audi </answer>", "<answer> 2012 BMW </answer>")]
]


def judge(path):
    import contextlib
    import io
    import logging
    import warnings

    from math_verify import parse, verify

    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    for line in open(path, encoding="utf-8"):
        completion, solution = json.loads(line)[:2]
        paid, seen = 0, 0
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                read = parse(completion)
                seen = int(bool(read))
                paid = int(float(verify(read, parse(solution))) > 0)
            except Exception:
                pass
        print(json.dumps([completion, solution, paid, seen]), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "judge":
        judge(sys.argv[2])
    else:
        for pair in BY_HAND + list(pairs(int(sys.argv[2]), int(sys.argv[3]))):
            print(json.dumps(pair))
