//! The terminal that progress is drawn on.
//!
//! indicatif fills every line of its bars up to the last column, and keeps the cursor there. A terminal that echoes
//! `^C` then begins a line, of which indicatif knows nothing: what it takes away next begins a line too low, and the
//! uppermost bar stays. So the cursor waits in a line of its own below the bars, which is taken away with them, with
//! whatever was echoed there.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// How often bars are drawn in a second.
const HZ: u8 = 20;

/// Where all bars are drawn: standard error.
pub fn draw_target() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(LineBelow::new(Term::buffered_stderr())), HZ)
}

/// A terminal whose cursor waits in a line below what was drawn.
#[derive(Debug)]
struct LineBelow<T> {
    term: T,
    /// Whether anything was written since the last flush.
    is_drawn: AtomicBool,
    /// Whether the cursor is in the line below.
    is_below: AtomicBool,
}

impl<T: TermLike> LineBelow<T> {
    fn new(term: T) -> Self {
        LineBelow { term, is_drawn: AtomicBool::new(false), is_below: AtomicBool::new(false) }
    }

    /// Goes back to the end of the last line that was drawn.
    fn come_up(&self) -> io::Result<()> {
        if self.is_below.swap(false, Ordering::SeqCst) {
            self.term.clear_line()?;
            self.term.move_cursor_up(1)?;
        }
        Ok(())
    }
}

impl<T: TermLike> TermLike for LineBelow<T> {
    fn width(&self) -> u16 {
        self.term.width()
    }

    fn height(&self) -> u16 {
        self.term.height().saturating_sub(1)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.come_up()?;
        if n == 0 { Ok(()) } else { self.term.move_cursor_up(n) }
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.come_up()?;
        self.term.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.come_up()?;
        self.term.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.come_up()?;
        self.term.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.come_up()?;
        self.term.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.come_up()?;
        self.is_drawn.store(true, Ordering::SeqCst);
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.come_up()?;
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        if self.is_drawn.swap(false, Ordering::SeqCst) {
            self.term.write_line("")?;
            self.is_below.store(true, Ordering::SeqCst);
        }
        self.term.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

    use super::*;

    const WIDTH: usize = 40;

    /// A screen: its lines, and the cursor, which waits behind the last column before a line begins.
    #[derive(Debug, Default)]
    struct Shown {
        lines: Vec<String>,
        row: usize,
        column: usize,
    }

    impl Shown {
        fn put(&mut self, text: &str) {
            for char in text.chars() {
                match char {
                    '\r' => self.column = 0,
                    '\n' => (self.row, self.column) = (self.row + 1, 0),
                    char => {
                        if self.column == WIDTH {
                            (self.row, self.column) = (self.row + 1, 0);
                        }
                        while self.lines.len() <= self.row {
                            self.lines.push(" ".repeat(WIDTH));
                        }
                        self.lines[self.row]
                            .replace_range(self.column..=self.column, &char.to_string());
                        self.column += 1;
                    }
                }
            }
        }

        fn text(&self) -> String {
            self.lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
        }
    }

    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<Shown>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            WIDTH as u16
        }

        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().row -= n;
            Ok(())
        }

        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().row += n;
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().put(&format!("{text}\n"));
            Ok(())
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().put(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            let mut shown = self.0.lock().unwrap();
            let row = shown.row;
            if let Some(line) = shown.lines.get_mut(row) {
                *line = " ".repeat(WIDTH);
            }
            shown.column = 0;
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Draws two bars, lets the terminal echo something, and takes the bars away.
    fn interrupted(term: impl TermLike + 'static, screen: &Screen, echoed: &str) -> String {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(term)));
        // A bar that is dropped takes itself away.
        let _kept = ["first", "second"].map(|name| {
            let style = ProgressStyle::with_template("{msg} {pos}/{len}").unwrap();
            let bar = bars.add(ProgressBar::new(3).with_style(style).with_message(name));
            bar.tick();
            bar
        });
        assert!(screen.0.lock().unwrap().text().contains("second 0/3"));
        screen.0.lock().unwrap().put(echoed);
        bars.clear().unwrap();
        screen.0.lock().unwrap().text().trim_end().to_owned()
    }

    #[test]
    fn what_the_terminal_echoes_leaves_no_bar_behind() {
        for echoed in ["", "^C", "^C^C^C"] {
            let screen = Screen::default();
            let left = interrupted(LineBelow::new(screen.clone()), &screen, echoed);
            assert_eq!(left, "", "{echoed}");
            let shown = screen.0.lock().unwrap();
            assert_eq!((shown.row, shown.column), (0, 0), "{echoed}");
        }
    }

    /// What is said above of indicatif, so that this file can go when it is no longer so.
    #[test]
    fn without_a_line_below_a_bar_is_left_behind() {
        let screen = Screen::default();
        assert_eq!(interrupted(screen.clone(), &screen, "^C"), "first 0/3");
    }
}
