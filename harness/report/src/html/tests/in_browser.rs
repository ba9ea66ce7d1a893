//! What a person does with the report, in a real Chromium. One start of it serves all checks, in order.
//!
//! `CLSRL_SCREENSHOTS=DIR` also leaves images of the page there, for a person to look at.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{browser::Browser, report};

/// Enough samples to fill the report to its bound.
const REPEATS: usize = 10;

#[test]
fn the_report_works_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made-up.html");
    fs::write(&path, report(REPEATS)).unwrap();
    browser.resize(1280, 900);
    browser.prefer("light");
    browser.open(&path);

    if let Some(dir) = std::env::var_os("CLSRL_SCREENSHOTS") {
        take_images(&mut browser, Path::new(&dir));
        fs::copy(&path, Path::new(&dir).join("made-up.html")).unwrap();
        browser.resize(1280, 900);
        browser.prefer("light");
    }
    untrusted_text_runs_nothing(&mut browser);
    the_page_has_its_landmarks_headings_and_labels(&mut browser);
    a_table_sorts_by_mouse_and_by_keyboard(&mut browser);
    a_matrix_tells_its_numbers_to_mouse_and_keyboard(&mut browser);
    samples_are_filtered_and_counted(&mut browser);
    a_part_of_many_samples_is_in_the_document(&mut browser);
    links_lead_to_a_cell_a_sample_and_all_answers_about_an_image(&mut browser, &path);
    a_table_is_csv_at_a_click(&mut browser);
    many_samples_stay_fluid(&mut browser);
    light_and_dark_are_readable(&mut browser);
    a_narrow_page_has_no_sideways_scroll(&mut browser);

    let own = format!("file://{}", path.display());
    let strange =
        |url: &&String| **url != own && !url.starts_with("data:") && *url != "about:blank";
    let outside: Vec<&String> = browser.requests().iter().filter(strange).collect();
    assert!(outside.is_empty(), "the page asked for {outside:?}");
    assert!(browser.requests().contains(&own), "requests are not seen at all");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

fn untrusted_text_runs_nothing(browser: &mut Browser) {
    assert_eq!(browser.evaluate("window.harm ?? 'none'"), "none");
    let strange = "document.querySelectorAll('main img:not([src^=\"data:image/jpeg\"]), \
                   main svg:not(figure > svg), main script:not(#samples-data)').length";
    assert_eq!(browser.evaluate(strange), 0);
    // As a class name, as an answer and as a path it is shown to the letter.
    browser.evaluate("document.getElementById('filter-search').focus()");
    browser.type_text("window.harm");
    let texts = browser.evaluate("document.getElementById('samples-list').textContent");
    assert!(texts.as_str().unwrap().contains(super::HOSTILE), "{texts}");
    assert_eq!(browser.evaluate("document.querySelectorAll('.sample').length"), 25);
    browser.evaluate("document.getElementById('filters').reset()");
    assert_eq!(browser.evaluate("window.harm ?? 'none'"), "none");
}

fn the_page_has_its_landmarks_headings_and_labels(browser: &mut Browser) {
    let count = |browser: &mut Browser, selector: &str| {
        browser.evaluate(&format!("document.querySelectorAll({selector:?}).length"))
    };
    for (selector, expected) in [
        ("h1", 1),
        ("main", 1),
        ("header", 1),
        ("nav[aria-label]", 1),
        ("[role=search][aria-label]", 1),
        ("html[lang=en]", 1),
        ("section:not([aria-labelledby])", 0),
        ("img:not([alt])", 0),
        ("table:not([aria-labelledby])", 0),
        ("a[href='#main']", 1),
    ] {
        assert_eq!(count(browser, selector), expected, "{selector}");
    }
    let nameless = "[...document.querySelectorAll('input, select, button')].filter((control) => \
                    !control.labels?.length && !control.textContent.trim()).map((control) => control.outerHTML)";
    assert_eq!(browser.evaluate(nameless), json!([]));
    let levels = browser
        .evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))");
    let levels: Vec<i64> =
        levels.as_array().unwrap().iter().map(|level| level.as_i64().unwrap()).collect();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let broken = "[...document.querySelectorAll('[aria-labelledby], nav a')].filter((element) => \
                  !document.getElementById(element.getAttribute('aria-labelledby') ?? \
                  element.hash.slice(1))).length";
    assert_eq!(browser.evaluate(broken), 0);
    let twice = "(() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); \
                 return ids.length - new Set(ids).size; })()";
    assert_eq!(browser.evaluate(twice), 0);
}

/// The first column of the table that is sorted here, and the numbers of its second.
const SORTED: &str = "[...document.querySelector('#accuracy').rows].slice(1).map((row) => \
                      [row.cells[0].textContent, row.cells[1].textContent])";

fn a_table_sorts_by_mouse_and_by_keyboard(browser: &mut Browser) {
    // The accuracy table: each method has rows of second rank below it, which must go where it goes.
    browser.evaluate(
        "[...document.querySelectorAll('table.sorts')].find((table) => \
         table.closest('.table').textContent.includes('In-domain accuracy')).id = 'accuracy'",
    );
    let before = browser.evaluate(SORTED);
    let sort = |browser: &mut Browser| {
        browser.evaluate("document.querySelector('#accuracy th:nth-child(2)').ariaSort")
    };
    assert_eq!(sort(browser), "none");
    browser.click("#accuracy th:nth-child(2) button");
    assert_eq!(sort(browser), "descending");
    assert_eq!(lead_numbers(&browser.evaluate(SORTED)), descending(&before));
    assert_eq!(groups(&browser.evaluate(SORTED)), groups(&before));
    assert_eq!(
        browser.evaluate("document.getElementById('announced').textContent"),
        "Sorted by Avg, descending."
    );
    browser.evaluate("document.querySelector('#accuracy th:nth-child(2) button').focus()");
    browser.press("Enter");
    assert_eq!(sort(browser), "ascending");
    let mut ascending = descending(&before);
    ascending.reverse();
    assert_eq!(lead_numbers(&browser.evaluate(SORTED)), ascending);
    browser.press("Tab");
    browser.press("Enter");
    assert_eq!(sort(browser), "none");
    assert_eq!(
        browser.evaluate("document.querySelector('#accuracy th:nth-child(3)').ariaSort"),
        "descending"
    );
}

/// Each row that leads others, with those below it, whatever their order.
fn groups(rows: &Value) -> std::collections::BTreeSet<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for row in rows.as_array().unwrap() {
        match row[0].as_str().unwrap() {
            "±" | "change" | "detectable" => groups.last_mut().unwrap().push(row.to_string()),
            _ => groups.push(vec![row.to_string()]),
        }
    }
    groups.into_iter().collect()
}

fn lead_numbers(rows: &Value) -> Vec<f64> {
    let is_lead = |row: &&Value| !matches!(row[0].as_str().unwrap(), "±" | "change" | "detectable");
    let number =
        |row: &Value| row[1].as_str().unwrap().trim_end_matches(['†', '*']).parse().unwrap();
    rows.as_array().unwrap().iter().filter(is_lead).map(number).collect()
}

fn descending(rows: &Value) -> Vec<f64> {
    let mut numbers = lead_numbers(rows);
    numbers.sort_by(|a, b| b.total_cmp(a));
    numbers
}

fn a_matrix_tells_its_numbers_to_mouse_and_keyboard(browser: &mut Browser) {
    let tip = "document.getElementById('tip')";
    let tip_of =
        |browser: &mut Browser| browser.evaluate(&format!("{tip}.hidden ? '' : {tip}.textContent"));
    // The mouse rests where no matrix comes below it.
    browser.hover(".bar p");
    assert_eq!(tip_of(browser), "");
    let reachable = "[...document.querySelectorAll('table.matrix')].map((matrix) => \
                     matrix.querySelectorAll('[data-tip][tabindex=\"0\"]').length)";
    // Two methods, and their difference.
    assert_eq!(browser.evaluate(reachable), json!([1, 1, 1]));
    // From the matrix's own stop, which scrolls it, the next is its first change.
    browser.evaluate("document.querySelector('.wide-table:has(table.matrix)').focus()");
    browser.press("Tab");
    let first = tip_of(browser);
    let first = first.as_str().unwrap();
    for part in ["SFT: ImageNet → ImageNet", "Change: ", "95 % interval: ", "p = ", "n = 48 images"]
    {
        assert!(first.contains(part), "{part} is not in {first}");
    }
    assert_eq!(browser.evaluate("document.activeElement.getAttribute('aria-describedby')"), "tip");
    browser.press("ArrowRight");
    assert!(tip_of(browser).as_str().unwrap().contains("SFT: ImageNet → DTD"));
    browser.press("ArrowDown");
    assert!(tip_of(browser).as_str().unwrap().contains("SFT: DTD → DTD"));
    browser.press("End");
    assert!(tip_of(browser).as_str().unwrap().contains("SFT: DTD → EuroSAT"));
    browser.press("Escape");
    assert_eq!(tip_of(browser), "");
    browser.evaluate("document.activeElement.blur()");
    browser.hover("table.matrix .home");
    assert!(tip_of(browser).as_str().unwrap().contains("SFT: ImageNet → ImageNet"));
    let fits = format!(
        "(() => {{ const at = {tip}.getBoundingClientRect(); return at.left >= 0 && at.top >= 0 && \
         at.right <= innerWidth && at.bottom <= innerHeight; }})()"
    );
    assert_eq!(browser.evaluate(&fits), true);
    browser.hover("h1");
    assert_eq!(tip_of(browser), "");
}

const COUNTED: &str = "document.getElementById('samples-count').value";

/// Chooses a value of a filter, as a person does: the form hears of it.
fn choose(browser: &mut Browser, filter: &str, value: &str) {
    browser.evaluate(&format!(
        "(() => {{ const select = document.getElementById('filter-{filter}'); select.value = {value:?}; \
         select.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    ));
}

fn samples_are_filtered_and_counted(browser: &mut Browser) {
    // Of 42 cells with 48 images, ten times: 20,160 samples, of which three in each 48 differ.
    assert_eq!(browser.evaluate(COUNTED), "20,000 of 20,000 samples");
    choose(browser, "verdict", "differ");
    assert_eq!(browser.evaluate(COUNTED), "1,260 of 20,000 samples");
    choose(browser, "method", "Zero-shot");
    // Six of the cells are zero-shot's.
    assert_eq!(browser.evaluate(COUNTED), "180 of 20,000 samples");
    choose(browser, "target", "DTD");
    assert_eq!(browser.evaluate(COUNTED), "60 of 20,000 samples");
    choose(browser, "asked", "few-shot, direct");
    assert_eq!(browser.evaluate(COUNTED), "30 of 20,000 samples");
    let marks = "[...document.querySelectorAll('.sample')].every((sample) => \
                 sample.querySelectorAll('.mark.right').length === 1 && \
                 sample.querySelectorAll('.mark.wrong').length === 1)";
    assert_eq!(browser.evaluate(marks), true);
    browser.click("#filters button[type=reset]");
    let is_reset = format!("new Promise((done) => setTimeout(() => done({COUNTED})))");
    assert_eq!(browser.evaluate(&is_reset), "20,000 of 20,000 samples");
    // What the browser counts is what the data has.
    choose(browser, "parse", "off-list");
    let expected = "(() => { const data = JSON.parse(document.getElementById('samples-data').textContent); \
                    return data.rows.filter((row) => data.parses[row[8]] === 'off-list').length; })()";
    let n_off_list = browser.evaluate(expected).as_u64().unwrap();
    let found = browser.evaluate(COUNTED);
    assert_eq!(found.as_str().unwrap().replace(',', ""), format!("{n_off_list} of 20000 samples"));
    assert!(100 < n_off_list && n_off_list < 20_000);
    choose(browser, "parse", "");
    browser.evaluate("document.getElementById('filter-search').focus()");
    browser.type_text("PETALS");
    let petals = browser.evaluate(
        "JSON.parse(document.getElementById('samples-data').textContent).rows\
         .filter((row) => row[5].includes('petals')).length",
    );
    let found = browser.evaluate(COUNTED);
    assert_eq!(found, format!("{petals} of 20,000 samples"));
    browser.type_text(" no such word");
    assert_eq!(browser.evaluate(COUNTED), "0 of 20,000 samples");
    assert_eq!(
        browser.evaluate("document.getElementById('samples-place').textContent"),
        "Page 1 of 1"
    );
    browser.evaluate("document.getElementById('filters').reset()");
    assert_eq!(browser.evaluate(&is_reset), "20,000 of 20,000 samples");
}

fn a_part_of_many_samples_is_in_the_document(browser: &mut Browser) {
    let n_items = "document.querySelectorAll('#samples-list > li').length";
    assert_eq!(browser.evaluate(n_items), 25);
    // Not the time, which depends on the machine, but what time goes into.
    let n_nodes = "document.getElementById('samples-list').getElementsByTagName('*').length";
    assert!(browser.evaluate(n_nodes).as_u64().unwrap() < 1000);
    browser.evaluate("document.getElementById('samples-next').focus()");
    browser.press("Enter");
    assert_eq!(
        browser.evaluate("document.getElementById('samples-place').textContent"),
        "Page 2 of 800"
    );
    assert_eq!(browser.evaluate("document.activeElement.id"), "samples-next");
    assert_eq!(browser.evaluate(n_items), 25);
    browser.click("#samples-previous");
    assert_eq!(
        browser.evaluate("document.getElementById('samples-place').textContent"),
        "Page 1 of 800"
    );
    let question = "(() => { const details = document.querySelector('.sample details'); details.open = true; \
                    return new Promise((done) => setTimeout(() => done(\
                    details.querySelector('pre').textContent))); })()";
    let question = browser.evaluate(question);
    assert!(question.as_str().unwrap().contains("from list [ rose, apple, pear]."), "{question}");
}

fn links_lead_to_a_cell_a_sample_and_all_answers_about_an_image(
    browser: &mut Browser,
    path: &Path,
) {
    let hash = "location.hash";
    // A cell: a click puts it into the address, and the address brings it back.
    browser.click("table.matrix .home");
    let cell = browser.evaluate(hash);
    assert!(cell.as_str().unwrap().starts_with("#table-transfer.sft."), "{cell}");
    browser.reopen(path, cell.as_str().unwrap());
    assert_eq!(browser.evaluate("`#${document.activeElement.id}`"), cell);
    assert_eq!(browser.evaluate("document.getElementById('tip').hidden"), false);
    // A table.
    let tables = "[...document.querySelectorAll('.caption .here')].every((link) => \
                  link.closest('.caption').id === link.hash.slice(1))";
    assert_eq!(browser.evaluate(tables), true);
    // A sample, after a reload as well.
    let names = "[...document.querySelectorAll('.sample')].map((sample) => \
                 [sample.querySelector('h3').textContent, sample.querySelector('.of').textContent])";
    let third = browser.evaluate(names)[2].clone();
    browser.click(".sample:nth-child(3) a.here");
    let sample = browser.evaluate(hash);
    assert!(sample.as_str().unwrap().starts_with("#sample="), "{sample}");
    browser.reopen(path, sample.as_str().unwrap());
    assert_eq!(browser.evaluate(names), json!([third]));
    // All answers about its image, side by side: those of every cell that asked about it, and no others.
    browser.click(".sample .of a");
    let n = "JSON.parse(document.getElementById('samples-data').textContent)";
    let alike = format!(
        "(() => {{ const data = {n}; const [, path] = decodeURIComponent(location.hash).match(/=[^/]*\\/(.*)/s); \
         return data.rows.filter((row) => data.images[row[2]][0] === path).length; }})()"
    );
    let n_alike = browser.evaluate(&alike).as_u64().unwrap();
    let counted = browser.evaluate(COUNTED);
    let counted = counted.as_str().unwrap().split_once(' ').unwrap().0.replace(',', "");
    assert!(1 < n_alike && counted.parse::<u64>().unwrap() <= n_alike, "{counted} of {n_alike}");
    let columns = "new Set([...document.querySelectorAll('.sample')].map((sample) => sample.offsetLeft)).size";
    assert!(1 < browser.evaluate(columns).as_u64().unwrap());
    browser.evaluate("document.getElementById('filters').reset()");
    let is_reset = format!("new Promise((done) => setTimeout(() => done({COUNTED})))");
    assert_eq!(browser.evaluate(&is_reset), "20,000 of 20,000 samples");
    assert_eq!(browser.evaluate(hash), "#samples-head");
}

fn a_table_is_csv_at_a_click(browser: &mut Browser) {
    let csv = "(() => { let made; URL.createObjectURL = (blob) => { made = blob; return 'data:,'; }; \
               document.querySelector('#table-few-shot .csv').click(); return made.text(); })()";
    let csv = browser.evaluate(csv);
    let lines: Vec<&str> = csv.as_str().unwrap().lines().collect();
    assert_eq!(lines[0], "\"Method\",\"Avg\",\"ImNet\",\"DTD\",\"Euro\"");
    let is_sft = |line: &&&str| line.starts_with("\"SFT\",");
    let n_fields = lines.iter().find(is_sft).unwrap().split(',').count();
    assert_eq!(n_fields, 5, "{csv}");
}

/// Tells what a filter and turning a page cost with as many samples as there can be; passes whatever that is.
fn many_samples_stay_fluid(browser: &mut Browser) {
    let timed = |action: &str| {
        format!(
            "(() => {{ const began = performance.now(); {action}; const ran = performance.now(); \
             document.body.offsetHeight; return [ran - began, performance.now() - began]; }})()"
        )
    };
    let input = "document.getElementById('filter-search').dispatchEvent(new Event('input', { bubbles: true }))";
    for (what, action) in [
        (
            "first search",
            format!("document.getElementById('filter-search').value = 'petals'; {input}"),
        ),
        ("search", format!("document.getElementById('filter-search').value = 'petal'; {input}")),
        ("no filter", format!("document.getElementById('filter-search').value = ''; {input}")),
        ("next page", "document.getElementById('samples-next').click()".to_owned()),
        ("scroll", "scrollTo(0, 0); scrollTo(0, document.body.scrollHeight)".to_owned()),
    ] {
        let took = browser.evaluate(&timed(&action));
        eprintln!("{what}: {took} ms of scripts, and with layout");
    }
    browser.evaluate("document.getElementById('filters').reset()");
}

/// Every text's colour against what it stands on, where that is less than 4.5 to 1.
const UNREADABLE: &str = r#"(() => {
  const parse = (text) => {
    const numbers = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    const scale = text.startsWith("color(") ? 255 : 1;
    return [...numbers.slice(0, 3).map((value) => value * scale), numbers[3] ?? 1];
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((value, i) => value * a + ground[i] * (1 - a));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const findings = [];
  let checked = 0;
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility() || element.closest("svg, script")) continue;
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText && !element.matches("input, select")) continue;
    const behind = ground(element);
    const [a, b] = [light(over(parse(getComputedStyle(element).color), behind)), light(behind)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    checked += 1;
    if (ratio < 4.5) findings.push(`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`);
  }
  return { checked, findings: [...new Set(findings)], ground: ground(document.body) };
})()"#;

fn light_and_dark_are_readable(browser: &mut Browser) {
    // By the system's preference, then by the switch against it.
    let is_dark = |browser: &mut Browser| {
        let found = browser.evaluate(UNREADABLE);
        assert_eq!(found["findings"], json!([]));
        assert!(500 < found["checked"].as_u64().unwrap());
        found["ground"][0].as_f64().unwrap() < 128.0
    };
    let switch = |browser: &mut Browser, theme: &str| {
        browser.evaluate(&format!(
            "(() => {{ const select = document.getElementById('theme'); select.value = {theme:?}; \
             select.dispatchEvent(new Event('change')); }})()"
        ));
    };
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        assert_eq!(is_dark(browser), scheme == "dark", "{scheme}");
    }
    switch(browser, "light");
    assert!(!is_dark(browser));
    browser.prefer("light");
    switch(browser, "dark");
    assert!(is_dark(browser));
    switch(browser, "");
    assert!(!is_dark(browser));
}

fn a_narrow_page_has_no_sideways_scroll(browser: &mut Browser) {
    browser.resize(360, 740);
    let width = browser.evaluate("document.documentElement.scrollWidth");
    assert!(width.as_u64().unwrap() <= 360, "{width}");
    browser.resize(1280, 900);
}

fn take_images(browser: &mut Browser, dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let write = |name: &str, base64: String| {
        fs::write(dir.join(name), BASE64_STANDARD.decode(base64).unwrap()).unwrap();
    };
    for (scheme, width, height) in
        [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 390, 844)]
    {
        browser.prefer(scheme);
        browser.resize(width, height);
        for part in ["h1", "table.sorts", "table.matrix", "#samples-head"] {
            browser.evaluate(&format!("document.querySelector({part:?}).scrollIntoView()"));
            if part == "table.matrix" {
                browser.evaluate("document.querySelector('table.matrix .home').focus()");
            }
            let name = part.trim_matches(['#', '.']).replace('.', "-");
            write(&format!("{name}-{scheme}-{width}.png"), browser.screenshot());
        }
    }
    browser.prefer("dark");
    write("printed.pdf", browser.print());
}
