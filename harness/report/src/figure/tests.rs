//! Colours, untrusted texts and pixels.

use clsrl_spec::Stream;

use super::*;
use crate::statistics::Interval;

/// A matrix of one row with some text as every name.
fn named(text: &str) -> Heatmap {
    let tile = Tile {
        value: Some(-3.25),
        interval: Some(Interval { lower: -5.0, upper: -1.0 }),
        is_significant: true,
        ..Tile::default()
    };
    let block = |tiles: Vec<Tile>| Block { label: text.to_owned(), tiles };
    Heatmap {
        title: text.to_owned(),
        subtitle: text.to_owned(),
        sides: (text.to_owned(), text.to_owned()),
        heads: vec![text.to_owned(), "Others".to_owned()],
        rows: vec![block(vec![tile, Tile::default()])],
        last: block(vec![Tile::default(), tile]),
        scale: Diverging { limit: 5.0 },
        unit: text.to_owned(),
        look: Look::Screen,
    }
}

#[test]
fn the_scale_is_symmetric_rounded_up_and_leaves_in_domain_cells_out() {
    let tile = |value: f64, is_home| Tile { value: Some(value), is_home, ..Tile::default() };
    let tiles = [tile(-6.2, false), tile(4.0, false), tile(41.0, true), tile(f64::NAN, false)];
    let scale = Heatmap::scale_of(&tiles);
    assert_eq!(scale.limit, 8.0);
    assert_eq!(scale.colour(41.0), scale.colour(8.0));
    assert_eq!(scale.colour(0.0), Rgb(0xf7, 0xf7, 0xf7));
    assert_eq!(Heatmap::scale_of(&[]).limit, 1.0);
}

#[test]
fn a_number_is_readable_on_every_colour() {
    let scale = Diverging { limit: 100.0 };
    for tenth in -1000..=1000 {
        let paper = scale.colour(f64::from(tenth) / 10.0);
        let lights = [paper.luminance(), paper.ink().luminance()];
        let contrast = (lights[0].max(lights[1]) + 0.05) / (lights[0].min(lights[1]) + 0.05);
        assert!(4.5 <= contrast, "{paper:?}: {contrast}");
    }
}

#[test]
fn no_name_breaks_out_of_an_svg() {
    const PARTS: [&str; 14] = [
        "<script>", "</text>", "&", "\"", "'", "]]>", "-->", "\u{0}", "\u{1b}", "\n", "\u{202e}",
        "\u{ffff}", "é漢", "a_b|c%",
    ];
    let n_tags = svg(&named("plain")).matches('<').count();
    let mut stream = Stream::new(7, &["names of figures"]);
    for _ in 0..200 {
        let name: String = (0..stream.below(6)).map(|_| PARTS[stream.below(PARTS.len())]).collect();
        let text = svg(&named(&name));
        assert_eq!(text.matches('<').count(), n_tags, "{name:?}");
        assert!(!text.contains("<script"), "{name:?}");
        let is_odd = |c: char| (c.is_control() && c != '\n') || c == '\u{ffff}' || c == '\u{202e}';
        assert!(!text.contains(is_odd), "{name:?}");
        for entity in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
            assert!(known.iter().any(|known| entity.starts_with(known)), "{name:?}: &{entity:.9}");
        }
    }
}

#[test]
fn a_page_is_white_and_a_missing_tile_is_not_coloured() {
    let bytes = png(&svg(&named("<é>"))).unwrap();
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!(pixels[..3], [255, 255, 255]);
    // The loss is red: more red than blue; nothing is a gain but the scale.
    let is_red = |pixel: &&[u8]| pixel[2].saturating_add(40) < pixel[0];
    assert!(500 < pixels.chunks_exact(4).filter(is_red).count());
}
