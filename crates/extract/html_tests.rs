//! What the whole of a page reads as.
#![allow(clippy::unwrap_used)]

use crate::{Mode, Options, extract};

fn all_text(page: &str) -> String {
    extract(page.as_bytes(), Some("utf-8"), &Options { mode: Mode::AllText }).text
}

#[track_caller]
fn check(page: &str, lines: &[&str]) {
    assert_eq!(all_text(page).lines().collect::<Vec<_>>(), lines, "{page}");
}

#[test]
fn blocks_are_lines_and_elements_in_line_are_not() {
    check(
        "<p>One <b>two</b>\n\t three</p><div>four</div>five<p>six<p>seven",
        &["One two three", "four", "five", "six", "seven"],
    );
    check("<h1>A</h1><h2>B<h3>C</h3>d", &["A", "B", "C", "d"]);
    check("a<br>b<br/>c<br><br>d</br>e", &["a", "b", "c", "d", "e"]);
    check("x<b>y</b>z <i> w </i> v", &["xyz w v"]);
    check("a&nbsp;&nbsp; b\u{3000}c\u{0}d", &["a b c d"]);
    check("<p> </p><p>&nbsp;</p>", &[]);
    check("a</p>b", &["a", "b"]);
}

#[test]
fn character_references() {
    check(
        "&lt;p&gt; &amp;amp; &eacute;&#233;&#xE9; &copy &notit; &#x80; &unknown; &",
        &["<p> &amp; \u{e9}\u{e9}\u{e9} \u{a9} \u{ac}it; \u{20ac} &unknown; &"],
    );
}

#[test]
fn what_is_not_shown_is_no_text() {
    check(
        "<head><title>t</title><style>s</style></head>a<script>if (a<b) {'<p>'}</script><!-- c --><noscript>n\
         </noscript><template>t<p>u</p></template><svg><title>v</title><text>w</text></svg><select><option>x\
         </select><textarea>y</textarea><iframe>z</iframe>b",
        &["ab"],
    );
    check("<div style='color:red; Display : NONE !important'>a<p>b</p></div><p hidden>c</p>d", &["d"]);
    check("<p style='display:block'>a</p><span style=visibility:hidden>b</span>c", &["a", "c"]);
    // An unfinished one does not swallow the page.
    check("<svg><path d=1>x<div>a</div>", &["a"]);
    check("<select><option>x<div>a</div>", &["a"]);
    check("<p><span style='display:none'>x</p>a", &["a"]);
}

#[test]
fn lists_are_markdown() {
    check(
        "<ul><li>a<li>b<ol start=3><li><p>c</p><p>d</p><li>e</ol></ul>f",
        &["- a", "- b", "  3. c", "d", "  4. e", "f"],
    );
    check("<dl><dt>a<dd>b<dt>c</dl>", &["a", "b", "c"]);
}

#[test]
fn tables_of_figures_are_markdown_and_layout_is_not() {
    check("<table><tr><th>a<th>b<tr><td>1<td>2<br>3</table>c", &["| a | b |", "| 1 | 2 3 |", "c"]);
    check(
        "<table><tr><td><table><tr><td>a<td>b<tr><td>c<td>d</table><td>e</table>",
        &["| a | b |", "| c | d |", "e"],
    );
    check("<table><tr><td><p>a</p><p>b</p></table>", &["a", "b"]);
}

#[test]
fn preformatted_text_keeps_its_lines() {
    check("<pre>\n  fn a() {\n\n    b(&lt;1)\n  }\n</pre>c", &["  fn a() {", "", "    b(<1)", "  }", "c"]);
    check("<xmp> <b>&amp;</xmp>", &[" <b>&amp;"]);
    check("<pre>a<div>b</div>\tc</pre>", &["a", "b", "\tc"]);
}

#[test]
fn formulas_are_tex() {
    let math = "<math><semantics><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow>\
                <annotation encoding='application/x-tex'>x^2 &lt; 3</annotation></semantics></math>";
    check(&format!("a{math}b"), &["a $x^2 < 3$ b"]);
    check(
        &format!(
            "<span class=katex><span class='katex-mathml'>{math}</span>\
             <span class='katex-html' aria-hidden=true>x2</span></span>."
        ),
        &["$x^2 < 3$ ."],
    );
    check("<math alttext='{\\frac {a}{b}}' display=block><mi>a</mi></math>", &["$${\\frac {a}{b}}$$"]);
    check(
        "<math><mfrac><mi>a</mi><msub><mi>b</mi><mn>1</mn></msub></mfrac><mo>+</mo><msqrt><mn>2</mn></msqrt></math>",
        &["$\\frac{a}{b_{1}}+\\sqrt{2}$"],
    );
    check("<span style='display:none' class='mwe-math-mathml-a11y'><math alttext=y></math></span>", &["$y$"]);
    check("so <script type='math/tex; mode=display'>a<b</script>", &["so $$a<b$$"]);
    check("<img class=latex alt='a_1 &amp; b'> <img alt=photo>", &["$a_1 & b$"]);
    check("<math><mi>x<p>a</p>", &["$x$", "a"]);
}

#[test]
fn broken_markup_reads_as_in_browsers() {
    check("<div>a</b></span></td>b</div>c", &["ab", "c"]);
    check("<table><tr><td>a</div></p>b</table>c", &["a", "b", "c"]);
    check("<b><p>a</b>b</p>c", &["ab", "c"]);
    check("a<div/>b", &["a", "b"]);
    check("<a href=x><div>a</a>b</div>", &["ab"]);
    check("a < b, c<d <3 <", &["a < b, c"]);
}

#[test]
fn title_and_language() {
    let page = extract(
        b"<html lang=' pl '><title> A &amp;\n B </title><title>C</title>x",
        None,
        &Options::default(),
    );
    assert_eq!(page.title.as_deref(), Some("A & B"));
    assert_eq!(page.language.as_deref(), Some("pl"));
    let page = extract(b"<title></title>x", None, &Options::default());
    assert_eq!((page.title, page.language), (None, None));
}
