// The samples' browser. All samples are in the page as JSON; only one page of them is in the document at a time, so that
// thousands stay fluid. Every text of a sample is untrusted and becomes a text node, never markup.
(() => {
  "use strict";
  const source = document.getElementById("samples-data");
  if (!source) return;
  const PER_PAGE = 25;
  const PUBLISHED = 1, STRICT = 2, CUT = 4, AMBIGUOUS = 8;
  const VERDICTS = {
    right: (bits) => (bits & PUBLISHED) && (bits & STRICT),
    wrong: (bits) => !(bits & PUBLISHED) && !(bits & STRICT),
    differ: (bits) => !(bits & PUBLISHED) !== !(bits & STRICT),
    published: (bits) => bits & PUBLISHED,
    strict: (bits) => bits & STRICT,
  };

  const data = JSON.parse(source.textContent);
  const samples = data.rows.map(
    ([cell, index, image, question, gold, raw, answer, bits, parse, thought, tokens]) => ({
      cell: data.cells[cell], index, image: data.images[image], question, gold: data.names[gold], raw,
      answer: answer === null ? raw : answer, bits, parse: data.parses[parse], thought, tokens,
    }),
  );
  const form = document.getElementById("filters");
  const list = document.getElementById("samples-list");
  const counted = document.getElementById("samples-count");
  const place = document.getElementById("samples-place");
  const previous = document.getElementById("samples-previous");
  const following = document.getElementById("samples-next");
  let found = samples;
  let page = 0;

  // What a link to a sample, or to all answers about its image, is called.
  const nameOf = ({ cell, index }) => `${cell.trial}/${cell.key}/${index}`;
  const imageOf = ({ cell, image }) => `${cell.target}/${image[0]}`;
  const address = (kind, name) => `#${kind}=${encodeURIComponent(name)}`;
  const answersAbout = new Map();
  for (const sample of samples) answersAbout.set(imageOf(sample), (answersAbout.get(imageOf(sample)) ?? 0) + 1);

  function question(of) {
    const [before, names, after] = data.questions[of];
    const list = names === null ? "" : names.map((name) => data.names[name]).join(", ");
    return data.affixes[before] + list + data.affixes[after];
  }

  // What a search looks through; made when it is first needed, and kept.
  function searched(sample) {
    sample.searched ??= [sample.gold, sample.raw, sample.image[0], sample.cell.trial].join("\n").toLowerCase();
    return sample.searched;
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(form));
    const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = VERDICTS[wanted.verdict];
    found = samples.filter(
      (sample) =>
        (!wanted.target || sample.cell.target === wanted.target) &&
        (!wanted.method || sample.cell.method === wanted.method) &&
        (!wanted.source || sample.cell.source === wanted.source) &&
        (!wanted.asked || sample.cell.asked === wanted.asked) &&
        (!wanted.parse || sample.parse === wanted.parse) &&
        (!verdict || verdict(sample.bits)) &&
        words.every((word) => searched(sample).includes(word)),
    );
    if (/^#(sample|image)=/.test(location.hash)) history.replaceState(null, "", "#samples-head");
    list.classList.remove("side-by-side");
    page = 0;
    render();
  }

  // A sample, or all answers about an image side by side, if the address names them.
  function follow() {
    const [, kind, encoded] = location.hash.match(/^#(sample|image)=(.*)$/) ?? [];
    if (!kind) return false;
    let name = encoded;
    try {
      name = decodeURIComponent(encoded);
    } catch {
      // An address that was cut names nothing.
    }
    const of = kind === "image" ? imageOf : nameOf;
    found = samples.filter((sample) => of(sample) === name);
    list.classList.toggle("side-by-side", kind === "image");
    page = 0;
    render();
    document.getElementById("samples-head").scrollIntoView();
    return true;
  }

  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  function image([path, thumbnail]) {
    if (thumbnail === null) {
      const none = element("div", "no-image", "no image");
      none.title = path;
      return none;
    }
    const image = element("img");
    image.src = `data:image/jpeg;base64,${data.thumbnails[thumbnail]}`;
    image.width = image.height = 96;
    image.alt = "";
    return image;
  }

  function verdictMark(name, isRight) {
    return element("li", `mark ${isRight ? "right" : "wrong"}`, `${isRight ? "✓" : "✗"} ${name}: ${isRight ? "right" : "wrong"}`);
  }

  function marks({ bits, parse, thought }) {
    const all = element("ul", "", verdictMark("published", bits & PUBLISHED), verdictMark("strict", bits & STRICT));
    all.setAttribute("aria-label", "Verdicts");
    all.append(element("li", parse === "ok" ? "mark" : "mark odd", `parse: ${parse}`));
    if (bits & CUT && parse !== "truncated") all.append(element("li", "mark odd", "cut at the longest length"));
    if (bits & AMBIGUOUS) all.append(element("li", "mark odd", "names several classes"));
    if (thought) all.append(element("li", "mark", `thought names ${thought === "answer" ? "the answer" : thought}`));
    return all;
  }

  function details(sample) {
    const facts = element("dl");
    const add = (term, text) => facts.append(element("dt", "", term), element("dd", "", text));
    const asked = element("pre");
    add("Image", `${sample.image[0]} (number ${sample.index} of its list)`);
    add("Trial", sample.cell.trial);
    add("Extracted", sample.answer === "" ? "nothing" : sample.answer);
    add("Tokens", String(sample.tokens));
    facts.append(element("dt", "", "Question"), element("dd", "", asked));
    const more = element("details", "", element("summary", "", "Question and details"), facts);
    // A question may list a thousand names: it is put together when it is looked at.
    more.addEventListener("toggle", () => more.open && (asked.textContent = question(sample.question)));
    return more;
  }

  function shown(sample, position) {
    const { cell } = sample;
    const link = element("a", "here", "#");
    link.href = address("sample", nameOf(sample));
    link.setAttribute("aria-label", "Link to this sample");
    const heading = element("h3", "", sample.gold);
    heading.id = `sample-${position}`;
    const n = answersAbout.get(imageOf(sample));
    const all = element("a", "", `all ${n} answers about this image`);
    all.href = address("image", imageOf(sample));
    const of = [cell.target, cell.method, cell.source && `trained on ${cell.source}`, cell.asked, cell.run].filter(Boolean);
    const raw = element("pre", "", sample.raw === "" ? "(no text)" : sample.raw);
    const texts = element("div", "", heading, element("p", "of", of.join(" · "), " · ", all, " · ", link), marks(sample), raw, details(sample));
    const item = element("li", "sample", image(sample.image), texts);
    item.setAttribute("aria-labelledby", heading.id);
    return item;
  }

  function render() {
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    const from = page * PER_PAGE;
    const part = found.slice(from, from + PER_PAGE);
    list.replaceChildren(...part.map((sample, at) => shown(sample, from + at)));
    for (const raw of list.querySelectorAll("pre")) {
      // A long answer scrolls, by keyboard as well.
      if (raw.clientHeight < raw.scrollHeight) raw.tabIndex = 0;
    }
    const group = (n) => n.toLocaleString("en");
    counted.textContent = `${group(found.length)} of ${group(samples.length)} samples`;
    place.textContent = `Page ${group(page + 1)} of ${group(pages)}`;
    previous.disabled = page === 0;
    following.disabled = pages <= page + 1;
  }

  function turn(by) {
    page += by;
    render();
    document.getElementById("samples-head").scrollIntoView();
    const usable = by < 0 ? previous : following;
    (usable.disabled ? (by < 0 ? following : previous) : usable).focus({ preventScroll: true });
  }

  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  previous.addEventListener("click", () => turn(-1));
  following.addEventListener("click", () => turn(1));
  addEventListener("hashchange", follow);
  if (!follow()) filter();
})();
