//! Baselines and the gate's outcome on small made-up runs.

use clsrl_spec::{CellKey, DatasetId, Form, MethodId, PromptStyle, Scorer, Stream};

use super::{
    bits::{from_hex, to_hex},
    show::{escape_message, escape_property, escape_xml},
    *,
};
use crate::{
    gate::{Absence, MaxDrop, Overall},
    statistics::Level,
};

/// A zero-shot cell with so many images, of which the last `n_wrong` are answered wrongly.
fn cell(n: usize, n_wrong: usize) -> SavedCell {
    let cell =
        CellKey { target: DatasetId::Dtd, form: Form::FewShot, prompt: PromptStyle::Thinking };
    let right: Vec<bool> = (0..n).map(|at| at < n - n_wrong).collect();
    SavedCell {
        key: SavedKey { method: MethodId::ZeroShot, source: None, shots: 0, cell, seed: 0 },
        trial: "zero-shot".into(),
        locked: true,
        images: format!("{n:016x}"),
        published: right,
        strict: vec![true; n],
    }
}

fn digests() -> Digests {
    Digests {
        training_data: Default::default(),
        base_weights: "w".into(),
        data: [(DatasetId::Dtd, "d".to_owned())].into(),
        picks: Default::default(),
        prompts: [("dtd.thinking".to_owned(), "p".to_owned())].into(),
    }
}

fn timing(seconds: f64) -> Timing {
    Timing { commit: "c".into(), device_kind: "cpu".into(), machine: "m".into(), seconds }
}

fn baseline(cell: SavedCell) -> Baseline {
    Baseline {
        suite: "made-up".into(),
        protocol: "tiny".into(),
        device_kind: "cpu".into(),
        precision: "f32".into(),
        commit: "0123".into(),
        digests: digests(),
        cells: vec![cell],
        history: vec![timing(1.5)],
        is_sealed: true,
    }
}

fn outcome(
    before: &Baseline,
    after: Result<SavedCell, Absent>,
    digests: &Digests,
    scorer: Scorer,
) -> GateOutcome {
    let max_drop = MaxDrop::new(1.0).unwrap();
    let observed = [Observed { key: cell(1, 0).key, found: after }];
    let pairing = Pairing { baseline: before, observed: &observed, digests, scorer, max_drop };
    GateOutcome::of(&pairing, Level::FIVE_PERCENT, "made-up", "b", &|_| true)
}

fn check(after: SavedCell, expected: Overall) {
    let found = outcome(&baseline(cell(528, 0)), Ok(after), &digests(), Scorer::Published);
    assert_eq!(found.overall(), expected, "{}", found.text());
}

#[test]
fn changed_bits_pass_fail_or_are_open() {
    check(cell(528, 0), Overall::Pass);
    check(cell(528, 60), Overall::Fail);
    check(cell(528, 6), Overall::Inconclusive);
    check(SavedCell { locked: false, ..cell(528, 0) }, Overall::LockDiffers);
    check(cell(500, 0), Overall::Incomplete);
}

#[test]
fn what_is_open_although_nothing_differs_is_told_once_with_the_drop_that_passes() {
    let after = |max_drop: f64, n_wrong: usize| {
        let targets = [DatasetId::Dtd, DatasetId::Eurosat, DatasetId::Ucf101];
        let on = |target, saved: SavedCell| {
            let key = SavedKey { cell: CellKey { target, ..saved.key.cell }, ..saved.key };
            SavedCell { key, ..saved }
        };
        let before = Baseline {
            cells: targets.map(|target| on(target, cell(48, 3))).to_vec(),
            ..baseline(cell(48, 3))
        };
        let observed: Vec<Observed> = targets
            .into_iter()
            .map(|target| {
                let found =
                    on(target, cell(48, if target == DatasetId::Dtd { n_wrong } else { 3 }));
                Observed { key: found.key, found: Ok(found) }
            })
            .collect();
        let digests = Digests {
            data: targets.map(|target| (target, "d".to_owned())).into(),
            prompts: targets.map(|target| (format!("{target}.thinking"), "p".to_owned())).into(),
            ..digests()
        };
        let before = Baseline { digests: digests.clone(), ..before };
        let pairing = Pairing {
            baseline: &before,
            observed: &observed,
            digests: &digests,
            scorer: Scorer::Published,
            max_drop: MaxDrop::new(max_drop).unwrap(),
        };
        GateOutcome::of(&pairing, Level::FIVE_PERCENT, "made-up", "b", &|_| true)
    };
    let same = after(1.0, 3);
    let text = same.text();
    assert_eq!(same.overall(), Overall::Inconclusive);
    assert!(text.contains("no verdict differs between the two runs\n"), "{text}");
    assert!(text.contains("inconclusive: 3 cells without a verdict that differs; "), "{text}");
    assert_eq!(text.matches("without a verdict").count(), 1, "{text}");
    let drop = text.split("hint: --max-drop ").nth(1).unwrap().split(' ').next().unwrap();
    let drop: f64 = drop.parse().unwrap();
    assert_eq!(after(drop, 3).overall(), Overall::Pass, "{text}");
    assert_eq!(after(drop - 0.1, 3).overall(), Overall::Inconclusive, "{text}");
    let annotations = same.github();
    assert_eq!(
        annotations.matches("::warning title=gate%3A inconclusive::").count(),
        1,
        "{annotations}"
    );
    assert_eq!(same.markdown().matches("without a verdict").count(), 1, "{}", same.markdown());
    // Where one differs it is listed by itself, and the others together.
    let other = after(1.0, 4).text();
    assert!(!other.contains("no verdict differs"), "{other}");
    assert!(other.contains("2 cells without a verdict that differs"), "{other}");
}

#[test]
fn only_the_protocols_scorer_counts() {
    let after = || Ok(cell(528, 60));
    let strict = outcome(&baseline(cell(528, 0)), after(), &digests(), Scorer::Strict);
    assert_eq!(strict.overall(), Overall::Pass);
}

#[test]
fn a_baseline_without_digests_of_training_bytes_is_held_to_the_whole_data() {
    let picks = || "dtd.4shot.seed1".to_owned();
    let trial = format!("sft.{}", picks());
    let key = SavedKey { method: MethodId::Sft, source: Some(DatasetId::Dtd), ..cell(8, 0).key };
    let trained = SavedCell { key, trial: trial.clone(), ..cell(8, 0) };
    let mut first = Digests { picks: [(picks(), "k".to_owned())].into(), ..digests() };
    first.prompts.insert(trial, "t".to_owned());
    let with_bytes = |bytes: &str| Digests {
        training_data: [(picks(), bytes.to_owned())].into(),
        ..first.clone()
    };
    let none = Vec::<String>::new();
    assert_eq!(first.differences(&with_bytes("b"), &trained), none);
    assert_eq!(with_bytes("b").differences(&with_bytes("b"), &trained), none);
    assert_ne!(with_bytes("b").differences(&with_bytes("c"), &trained), none);
    let other_data = Digests { data: [(DatasetId::Dtd, "e".to_owned())].into(), ..with_bytes("b") };
    assert_ne!(first.differences(&other_data, &trained), none);
}

#[test]
fn other_digests_and_what_is_absent_are_no_pass() {
    let before = baseline(cell(528, 0));
    let other = Digests { base_weights: "v".into(), ..digests() };
    let differs = outcome(&before, Ok(cell(528, 0)), &other, Scorer::Published);
    assert_eq!(differs.overall(), Overall::LockDiffers);
    assert!(differs.text().contains("the start weights"), "{}", differs.text());
    let unknown = Digests { data: Default::default(), ..digests() };
    let differs = outcome(&before, Ok(cell(528, 0)), &unknown, Scorer::Published);
    assert_eq!(differs.overall(), Overall::LockDiffers);
    for absence in [Absence::Missing, Absence::Stale, Absence::Failed] {
        let absent = Absent { absence, reason: "<script>|_&%\"\u{7}".into() };
        let missing = outcome(&before, Err(absent), &digests(), Scorer::Published);
        assert_eq!(missing.overall(), Overall::Incomplete);
        assert!(!missing.junit().contains("<script>") && !missing.junit().contains('\u{7}'));
        assert!(!missing.markdown().contains("<script>|"), "{}", missing.markdown());
        assert!(missing.github().contains("&%25"), "{}", missing.github());
    }
}

/// The text as the first version of the format had it: without a seal.
fn first_version(text: &str) -> String {
    let (unsealed, _) = text.rsplit_once(",\n  \"seal\"").unwrap();
    format!("{}\n}}\n", unsealed.replacen("\"version\": 2", "\"version\": 1", 1))
}

#[test]
fn a_baseline_is_read_back_and_a_bad_one_refused() {
    let sealed = baseline(cell(18, 3)).write();
    assert_eq!(Baseline::read(&sealed, "b").unwrap(), baseline(cell(18, 3)));
    let text = first_version(&sealed);
    let unsealed = Baseline { is_sealed: false, ..baseline(cell(18, 3)) };
    assert_eq!(Baseline::read(&text, "b").unwrap(), unsealed);
    let refused = |from: &str, to: &str, expected: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = Baseline::read(&changed, "b").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("\"version\": 1", "\"version\": 3", "has version 3, expected at most 2");
    refused("\"version\": 1", "\"version\": 2", "it has no seal");
    refused("\"version\": 1", "\"version\": 1, \"seal\": \"0\"", "which version 1 has not");
    refused("\"commit\"", "\"comit\"", "unknown field `comit`");
    refused("\"locked\":true", "\"locked\":true,\"x\":1", "unknown field `x`");
    refused("\"fffe0\"", "\"fffg0\"", "has `g`");
    refused("\"fffe0\"", "\"fffe\"", "has 4 digits, expected 5 for 18 images");
    refused("\"fffe0\"", "\"fffe1\"", "has verdicts beyond its 18 images");
    refused("\"trial\":\"zero-shot\"", "\"trial\":\"sft.dtd\"", "of another trial");
    let line = text.lines().find(|line| line.contains("\"trial\"")).unwrap();
    refused(line, &format!("{line},\n{line}"), "is there more than once");
}

#[test]
fn a_baseline_with_another_digit_or_another_end_is_refused() {
    let text = baseline(cell(18, 3)).write();
    for at in 0..text.len() - 2 {
        let mut flipped = text.clone().into_bytes();
        flipped[at] ^= 1;
        for changed in [String::from_utf8(flipped).unwrap(), text[..at].to_owned()] {
            // White space that turned into other white space, or the like, changes nothing.
            if let Ok(read) = Baseline::read(&changed, "b") {
                assert_eq!(read, baseline(cell(18, 3)), "{changed}");
            }
        }
    }
}

#[test]
fn verdicts_survive_their_digits() {
    let mut stream = Stream::new(1, &["verdicts"]);
    for n in 0..70 {
        let verdicts: Vec<bool> = (0..n).map(|_| stream.unit() < 0.5).collect();
        assert_eq!(from_hex(&to_hex(&verdicts), n), Ok(verdicts));
    }
}

#[test]
fn no_text_breaks_out_of_its_place() {
    let alphabet: Vec<char> = "a%:,\r\n\t<>&\"'|_\u{0}\u{1b}\u{ffff}é".chars().collect();
    let mut stream = Stream::new(2, &["texts"]);
    for _ in 0..2000 {
        let n = (12.0 * stream.unit()) as usize;
        let text: String =
            (0..n).map(|_| alphabet[(alphabet.len() as f64 * stream.unit()) as usize]).collect();
        let property = escape_property(&text);
        assert!(!property.contains(['\r', '\n', ':', ',']), "{property:?}");
        let back = property.replace("%3A", ":").replace("%2C", ",");
        assert_eq!(back, escape_message(&text));
        let back = back.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
        assert_eq!(back, text);
        let xml = escape_xml(&text);
        assert!(!xml.contains(['<', '>', '"', '\'', '\n', '\u{0}', '\u{1b}', '\u{ffff}']));
    }
}

#[test]
fn a_slow_run_fails_the_fence_and_few_runs_make_none() {
    let history: Vec<Timing> = [10.0, 11.0, 12.0, 13.0, 14.0].map(timing).into();
    let word = |seconds, history: &[Timing]| WallClock::judge(Some(&timing(seconds)), history);
    assert_eq!(word(16.0, &history).verdict, WallClockVerdict::Pass);
    assert_eq!(word(16.0, &history).fence, Some((12.0, 16.0)));
    assert_eq!(word(16.1, &history).verdict, WallClockVerdict::Fail);
    assert_eq!(word(99.0, &history[1..]).verdict, WallClockVerdict::Inconclusive);
    let other = Timing { machine: "other".into(), ..timing(99.0) };
    let judged = WallClock::judge(Some(&other), &history);
    assert_eq!(judged.verdict, WallClockVerdict::Inconclusive);
    let mut kept = Vec::new();
    (0..60).for_each(|at| timing(f64::from(at)).add_to(&mut kept));
    timing(59.0).add_to(&mut kept);
    assert_eq!((kept.len(), kept[0].seconds), (50, 10.0));
}

/// The committed baseline of the project's own check, and the drop that the check allows.
fn own_check() -> (Baseline, MaxDrop) {
    let file = |path: &str| {
        std::fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let check = file(".ci/run");
    let (_, allowed) = check.split_once("--baseline smoke-ci --max-drop ").unwrap();
    let points = allowed.split_whitespace().next().unwrap().parse().unwrap();
    let baseline = Baseline::read(&file("results/baselines/smoke-ci.json"), "smoke-ci").unwrap();
    (baseline, MaxDrop::new(points).unwrap())
}

/// The word on a run that repeats the committed baseline but for some verdicts.
fn own_gate(change: impl Fn(&mut SavedCell)) -> Overall {
    let (baseline, max_drop) = own_check();
    let observe = |cell: &SavedCell| {
        let mut cell = cell.clone();
        change(&mut cell);
        Observed { key: cell.key, found: Ok(cell) }
    };
    let observed: Vec<Observed> = baseline.cells.iter().map(observe).collect();
    let pairing = Pairing {
        baseline: &baseline,
        observed: &observed,
        digests: &baseline.digests,
        scorer: Scorer::Published,
        max_drop,
    };
    GateOutcome::of(&pairing, Level::FIVE_PERCENT, "smoke", "smoke-ci", &|_| true).overall()
}

/// Turns the first right answers wrong, in a fine-tune's cells alone.
fn worsen(cell: &mut SavedCell, n: usize) {
    let is_trained = cell.key.source.is_some();
    let right = cell.published.iter_mut().filter(|right| **right);
    right.take(if is_trained { n } else { 0 }).for_each(|right| *right = false);
}

#[test]
fn the_projects_own_gate_passes_what_rounding_does_and_fails_a_collapse() {
    assert_eq!(own_gate(|_| {}), Overall::Pass);
    assert_eq!(own_gate(|cell| worsen(cell, 2)), Overall::Pass);
    let of_one = |n| {
        own_gate(|cell| {
            let is_it = cell.trial.starts_with("cls-rl.dtd") && cell.key.target() == DatasetId::Dtd;
            worsen(cell, if is_it { n } else { 0 });
        })
    };
    assert_eq!((of_one(4), of_one(8)), (Overall::Pass, Overall::Inconclusive));
    assert_eq!(own_gate(|cell| cell.published.fill(false)), Overall::Fail);
    assert_eq!(own_gate(|cell| worsen(cell, 16)), Overall::Fail);
    // What guessing among eight names would have.
    let guess = |cell: &mut SavedCell| {
        cell.published.iter_mut().enumerate().for_each(|(at, right)| *right = at % 8 == 0);
    };
    assert_ne!(own_gate(guess), Overall::Pass);
}
