//! Formulas: MathML to TeX between dollar signs.
//!
//! The author's TeX (an annotation, `alttext`) is taken where it is there; else presentation markup is read off.

/// Frames beyond this depth write their content alone.
const MAX_DEPTH: usize = 256;

struct Frame {
    /// What stands before the second, before the third part, and behind the last.
    between: [&'static str; 2],
    end: &'static str,
    parts: u32,
    is_annotation: bool,
    is_tex: bool,
}

/// A `<math>` element that is being read.
pub(crate) struct Math {
    alternative: String,
    annotation: String,
    written: String,
    is_display: bool,
    frames: Vec<Frame>,
    /// Elements open beyond `MAX_DEPTH`.
    overflow: usize,
}

impl Math {
    pub fn new(alternative: Option<&[u8]>, display: Option<&[u8]>) -> Self {
        let alternative = alternative.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        Self {
            alternative: htmlize::unescape_attribute(alternative).into_owned(),
            annotation: String::new(),
            written: String::new(),
            is_display: display.is_some_and(|value| value.eq_ignore_ascii_case(b"block")),
            frames: Vec::new(),
            overflow: 0,
        }
    }

    pub fn open(&mut self, name: &str, encoding: Option<&[u8]>, is_void: bool) {
        if is_void {
            return;
        }
        if self.frames.len() == MAX_DEPTH {
            self.overflow += 1;
            return;
        }
        let is_silent = self.is_in_annotation();
        if let Some(parent) = self.frames.last_mut() {
            let part = parent.parts as usize;
            parent.parts = parent.parts.saturating_add(1);
            if !is_silent && let Some(mark) = part.checked_sub(1).and_then(|part| parent.between.get(part)) {
                self.written.push_str(mark);
            }
        }
        let name = name.to_ascii_lowercase();
        let (start, between, end) = match name.as_str() {
            "mfrac" => ("\\frac{", ["}{", ""], "}"),
            "msqrt" => ("\\sqrt{", ["", ""], "}"),
            "mroot" => ("{", ["}^{1/", ""], "}"),
            "msup" | "mover" => ("", ["^{", ""], "}"),
            "msub" | "munder" => ("", ["_{", ""], "}"),
            "msubsup" | "munderover" => ("", ["_{", "}^{"], "}"),
            "mtd" => ("", ["", ""], " & "),
            "mtr" => ("", ["", ""], " \\\\ "),
            _ => ("", ["", ""], ""),
        };
        let tex = |value: &[u8]| value.windows(3).any(|part| part.eq_ignore_ascii_case(b"tex"));
        if !is_silent {
            self.written.push_str(start);
        }
        self.frames.push(Frame {
            between,
            end,
            parts: 0,
            is_annotation: name.starts_with("annotation"),
            is_tex: name == "annotation" && encoding.is_some_and(tex),
        });
    }

    fn is_in_annotation(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_annotation)
    }

    pub fn close(&mut self) {
        if self.overflow > 0 {
            self.overflow -= 1;
        } else if let Some(frame) = self.frames.pop()
            && !self.is_in_annotation()
        {
            // A script that never came leaves no brace.
            let is_bare = frame.end == "}" && frame.between[0].ends_with("^{") && frame.parts < 2
                || frame.between[0] == "_{" && frame.parts < 2;
            if !is_bare {
                self.written.push_str(frame.end);
            }
        }
    }

    pub fn text(&mut self, text: &str) {
        match self.frames.last() {
            Some(frame) if frame.is_tex => self.annotation.push_str(text),
            Some(frame) if frame.is_annotation => {}
            _ => self.written.push_str(text.trim_matches(|c: char| c.is_whitespace() && c != '\u{a0}')),
        }
    }

    /// `$…$`, `$$…$$` where it stands alone; nothing where it says nothing.
    pub fn finish(mut self) -> String {
        while !self.frames.is_empty() {
            self.close();
        }
        let texts = [&self.annotation, &self.alternative, &self.written];
        let Some(text) = texts.into_iter().map(|text| text.trim()).find(|text| !text.is_empty()) else {
            return String::new();
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let fence = if self.is_display { "$$" } else { "$" };
        format!("{fence}{}{fence}", words.join(" "))
    }
}
