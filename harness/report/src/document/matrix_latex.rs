//! A transfer matrix as LaTeX: a table whose cells have the heatmap's colours.
//!
//! Needs the packages booktabs, adjustbox and xcolor with its option `table`.

use super::matrix_figure::MatrixFigure;
use crate::{
    figure::{Block, Heatmap, Rgb, Tile},
    latex::{escape, label},
    number::{fixed, signed},
};

/// The table, to be put into a document with `\input`.
pub(super) fn written(figure: &MatrixFigure, suite: &str) -> String {
    let Heatmap { title, subtitle, heads, rows, last, scale, .. } = &figure.heatmap;
    let n_targets = heads.len().saturating_sub(1);
    let mut text = format!(
        "% Needs \\usepackage{{booktabs,adjustbox}} and \\usepackage[table]{{xcolor}}.\n\
         \\begin{{table}}\n\\centering\n\
         \\caption{{{}. {} Rows: trained on; columns: evaluated on; in-domain cells are in \
         brackets. $\\pm$: half of the 95\\,\\% intervals. $^*$: differs from zero at 5\\,\\% (Holm over the row). \
         Colours end at $\\pm${} points.}}\n\\label{{{}}}\n\
         \\begin{{adjustbox}}{{max width=\\linewidth}}\n\\begin{{tabular}}{{l{}@{{\\hspace{{8pt}}}}c}}\n\\toprule\n",
        escape(title),
        escape(subtitle),
        fixed(Some(scale.limit), 0),
        label(suite, &figure.name),
        "c".repeat(n_targets),
    );
    let heads: Vec<String> = heads.iter().map(|head| escape(head)).collect();
    text.push_str(&format!(" & {} \\\\\n\\midrule\n", heads.join(" & ")));
    for row in rows {
        push_rows(&mut text, &figure.heatmap, row);
    }
    text.push_str("\\midrule\n");
    push_rows(&mut text, &figure.heatmap, last);
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{adjustbox}\n\\end{table}\n");
    text
}

/// The numbers, and half of their intervals below them in the same colours: both ends of eleven intervals are too
/// wide for a page.
fn push_rows(text: &mut String, heatmap: &Heatmap, Block { label, tiles }: &Block) {
    let line = |inside: fn(&Tile) -> String| {
        let cells = tiles.iter().map(|tile| coloured(heatmap, tile, &inside(tile)));
        cells.collect::<Vec<_>>().join(" & ")
    };
    text.push_str(&format!("{} & {} \\\\\n", escape(label), line(number)));
    if tiles.iter().any(|tile| tile.interval.is_some()) {
        text.push_str(&format!(" & {} \\\\\n", line(half_interval)));
    }
}

fn coloured(heatmap: &Heatmap, tile: &Tile, inside: &str) -> String {
    let Some(value) = tile.value else { return inside.to_owned() };
    let paper = heatmap.scale.colour(value);
    let ink = match paper.ink() {
        Rgb(0, 0, 0) => inside.to_owned(),
        _ => format!("\\textcolor{{white}}{{{inside}}}"),
    };
    format!("\\cellcolor[HTML]{{{}}}{ink}", paper.hex())
}

fn number(tile: &Tile) -> String {
    let mut text = in_maths(&signed(tile.value, 1).text);
    if tile.is_significant {
        text.push_str("$^*$");
    }
    if tile.is_incomplete {
        text.push_str("\\dag{}");
    }
    if tile.is_home { format!("[\\textbf{{{text}}}]") } else { text }
}

fn half_interval(tile: &Tile) -> String {
    let Some(interval) = tile.interval else { return String::new() };
    format!("{{\\scriptsize $\\pm{}$}}", fixed(Some(interval.half_width()), 1))
}

/// A number with its sign as LaTeX sets it.
fn in_maths(number: &str) -> String {
    match number {
        "–" => "--".to_owned(),
        number => format!("${}$", number.replace('−', "-")),
    }
}
